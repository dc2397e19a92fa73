// SPDX-License-Identifier: BSD-3-Clause
// Starting other programs: found by a fixed path, without a shell, in an
// environment of their own.
#pragma once

#include <string>
#include <vector>

namespace dsr {

struct Outcome {
	int status = 0; // of the program; 128 + the signal that ended it
	std::string output, error;

	// What it wrote to standard error, on one line, for a message.
	std::string reason() const;
};

// The path of a program of the system; empty when there is none.
std::string find_program(const std::string &name);

// Runs the program to its end; all of @input is there before it starts.
// Throws Error when it cannot be started.
Outcome run(const std::string &program, const std::vector<std::string> &arguments,
	    const std::string &input = "");

// The words as a line for a shell, to be shown to people.
std::string shell_line(const std::vector<std::string> &words);

// How many were started, for --verbose and the tests of speed.
unsigned int processes_started();

} // namespace dsr
