// SPDX-License-Identifier: BSD-3-Clause
// Reading whole files, and writing one that is either the old one or the new
// one, never a part.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/descriptor.hpp"

namespace dsr {

// Appends all that can be read of it to the text; 0, or the errno.
int read_all(const Descriptor &file, std::string &text);

// All of a file; "-" is standard input. Throws Error: "PATH: why".
std::string read_file(const std::string &path);

// The same; empty when it cannot be read.
std::string read_file_if_any(const std::string &path);

// The number that a file begins with, of /proc or /sys; 0 when it cannot be read.
long read_number(const std::string &path);

// A file that is there keeps its mode; what is no file is not replaced. Throws
// Error.
void write_file(const std::string &path, const std::string &text, mode_t mode);

} // namespace dsr
