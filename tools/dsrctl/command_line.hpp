// SPDX-License-Identifier: BSD-3-Clause
// What the command lines of dsrctl and its commands have in common.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace dsr {

// The options -d and -f.
void add_configuration(CLI::App &app, std::string &directory, std::string &file);

// False when help or the version was asked for, and is printed: there is
// nothing else to do. Throws CLI::ParseError.
bool parse(CLI::App &app, int argc, char *argv[]);

} // namespace dsr
