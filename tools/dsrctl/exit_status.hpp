// SPDX-License-Identifier: BSD-3-Clause
// What a command says to scripts.
#pragma once

namespace dsr {

// Of every command; only check has the statuses of the tool that it replaces.
enum ExitStatus : int {
	EXIT_FINE = 0,	  // done, or nothing but notes
	EXIT_FAILED = 1,  // bad usage, a bad configuration, or a host that says no
	EXIT_ERRORS = 2,  // what was looked for was found
	EXIT_WARNINGS = 3 // and none of it was an error
};

} // namespace dsr
