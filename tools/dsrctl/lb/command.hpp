// SPDX-License-Identifier: BSD-3-Clause
// dsrctl lb-config: the command line.
#pragma once

// The exit status. @argv[0] is "lb-config".
int lb_config_command(int argc, char *argv[]);
