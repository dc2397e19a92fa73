// SPDX-License-Identifier: BSD-3-Clause
// Who may write what root is going to believe.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>

#include "common/descriptor.hpp"

namespace dsr {

struct OtherWriters {
	std::string found;    // what is wrong with it; empty: nothing
	bool anybody = false; // or some that an administrator may have meant
	std::string fix;      // a command
};

// Who may write @path, which has this @status, but root and who runs this?
OtherWriters other_writers(const struct stat &status, const std::string &path);

// Opens @path for reading, one component after the other, links included. @trusts
// is asked of every directory on the way and of what is there at the end, before
// anything of it is used; what it refuses is not opened, with the errno EACCES.
// Nobody can exchange a part of the path meanwhile. No descriptor, and errno, on
// an error.
using Trusts = std::function<bool(const OtherWriters &, const std::string &path)>;
Descriptor open_trusted(const std::string &path, const Trusts &trusts);

} // namespace dsr
