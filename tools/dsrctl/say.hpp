// SPDX-License-Identifier: BSD-3-Clause
// What dsrctl has to say, apart from its results.
#pragma once

#include <cerrno>
#include <iostream>
#include <string>

#include "common/error.hpp"

namespace dsr {

// What it does.
inline void say(const std::string &message)
{
	std::cerr << "dsrctl: " << message << "\n";
}

// What it goes on in spite of.
inline void say_warning(const std::string &message)
{
	say("warning: " + message);
}

// After a result could not be written. Whoever reads may go, as head(1) does;
// anything else is an error.
inline void fail_of_output()
{
	if (errno != EPIPE)
		throw Error(std::string("standard output: cannot be written: ") +
			    std::strerror(errno));
}

// What keeps it from doing something.
inline void say_error(const std::string &message)
{
	say("error: " + message);
}

} // namespace dsr
