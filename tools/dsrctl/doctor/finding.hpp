// SPDX-License-Identifier: BSD-3-Clause
// What doctor has to say about one thing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dsr::doctor {

enum class Severity : std::uint8_t {
	note,	 // nothing is wrong; good to know
	warning, // it does harm in circumstances that cannot be seen here
	error	 // packets of clients are lost
};

inline const char *name(Severity severity)
{
	static const char *const names[] = {"note", "warning", "error"};

	return names[static_cast<int>(severity)];
}

// A program, and its arguments.
using Command = std::vector<std::string>;

struct Finding {
	Severity severity = Severity::error;
	std::string id;		  // a word for scripts
	std::string found;	  // and what was expected
	std::string why;	  // it matters
	std::vector<Command> fix; // in this order
	std::string keep;	  // how to make it permanent
	// --fix may do it: it takes nothing away that somebody may need, and
	// can be undone.
	bool safe = false;
};

// What fixes it, as people type it: one command a line.
std::vector<std::string> command_lines(const Finding &finding);

using Findings = std::vector<Finding>;

} // namespace dsr::doctor
