// SPDX-License-Identifier: BSD-3-Clause
// A program as it is called, in a directory of its own.
#pragma once

#include <sys/wait.h>

#include <utility>

#include "directory.hpp"

namespace unit {

class Program {
public:
	explicit Program(std::string program) : program_(std::move(program)) {}

	// Its exit status. @arguments are read by a shell.
	int run(const std::string &arguments)
	{
		// the input first, as the arguments may name another
		std::string command = "cd " + (directory / "") + " && " + program_ +
				      " </dev/null " + arguments + " >stdout 2>stderr";
		int status = std::system(command.c_str());

		text = load_text(directory / "stdout");
		error = load_text(directory / "stderr");
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}

	Directory directory;
	std::string text, error;

private:
	std::string program_;
};

} // namespace unit
