// SPDX-License-Identifier: BSD-3-Clause
// dsrctl as it is called, in a directory of its own.
#pragma once

#include <sys/wait.h>

#include "world.hpp"

namespace dsr_test {

class Program {
public:
	int run(const std::string &arguments)
	{
		// first, so that the arguments may name another input
		std::string command = "cd " + (directory / "") + " && " DSRCTL
				      " </dev/null " + arguments + " >stdout 2>stderr";
		int status = std::system(command.c_str());

		text = load(directory / "stdout");
		error = load(directory / "stderr");
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}

	Directory directory;
	std::string text, error;
};

} // namespace dsr_test
