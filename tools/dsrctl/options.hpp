// SPDX-License-Identifier: BSD-3-Clause
// The command line of the actions.
#pragma once

#include <string>

#include "dsrctl/rules.hpp"

namespace dsr {

enum class Action : std::uint8_t { start, stop, restart, reload, status, check, metrics, guard };

enum class RuleStyle : std::uint8_t {
	map, // one rule for all VIPs
	each // one for each
};

inline const char *name(RuleStyle style)
{
	return style == RuleStyle::map ? "map" : "each";
}

struct Options {
	Action action = Action::status;
	std::string directory = "/etc/dsr.d", file;
	bool all = false, top = false, keep_module = false, show = false;
	bool no_header = false, json = false, yes = false;
	int verbose = 0;
	unsigned int wait = 30; // seconds, for locks
	// None: as it fits.
	std::optional<Backend> backend;
	std::optional<Table> table;
	std::optional<RuleStyle> rules;
	std::string output; // of metrics
	bool openmetrics = false;
	bool no_guard = false; // of guard: put nothing back
};

} // namespace dsr
