// SPDX-License-Identifier: BSD-3-Clause
// How every part reports what is wrong.
#pragma once

#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dsr {

// Something that ends the action: bad input, bad usage, or a host that says no.
// The message says what was found, what was expected, and where.
class Error : public std::runtime_error {
public:
	using std::runtime_error::runtime_error;
};

// @number: an errno
[[noreturn]] inline void fail(const std::string &what, int number)
{
	throw Error(what + ": " + std::strerror(number));
}

// "found FOUND, expected WHAT"
[[noreturn]] inline void expected(const std::string &found, const std::string &what)
{
	throw Error("found " + found + ", expected " + what);
}

// Of a file or a command line, to be put into a message: in quotes, on one line
// whatever is in it.
std::string quote(std::string_view text);

} // namespace dsr
