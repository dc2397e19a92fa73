// SPDX-License-Identifier: BSD-3-Clause
// dsrctl watch: the command line.
#pragma once

// The exit status. @argv[0] is "watch".
int watch_command(int argc, char *argv[]);
