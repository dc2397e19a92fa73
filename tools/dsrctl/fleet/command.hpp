// SPDX-License-Identifier: BSD-3-Clause
// dsrctl fleet: the command line.
#pragma once

// The exit status. @argv[0] is "fleet".
int fleet_command(int argc, char *argv[]);
