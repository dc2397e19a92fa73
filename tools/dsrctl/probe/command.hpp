// SPDX-License-Identifier: BSD-3-Clause
// dsrctl probe: the command line.
#pragma once

// The exit status. @argv[0] is "probe".
int probe_command(int argc, char *argv[]);
