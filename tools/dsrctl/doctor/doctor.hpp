// SPDX-License-Identifier: BSD-3-Clause
// dsrctl doctor: what is wrong with this server, and the command that fixes it.
#pragma once

namespace dsr {

// The exit status. Throws CLI::ParseError and Error.
int doctor_command(int argc, char *argv[]);

} // namespace dsr
