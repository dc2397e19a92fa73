// SPDX-License-Identifier: BSD-3-Clause
// Who may write what root is going to believe.
#pragma once

#include <sys/stat.h>

#include <string>

namespace dsr {

struct OtherWriters {
	std::string found;	// what is wrong with it; empty: nothing
	bool anybody = false;	// or some that an administrator may have meant
	std::string mend;	// a command
};

// Who may write @path, which has this @status, but root and who runs this?
OtherWriters other_writers(const struct stat &status, const std::string &path);

} // namespace dsr
