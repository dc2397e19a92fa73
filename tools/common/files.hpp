// SPDX-License-Identifier: BSD-3-Clause
// A file that is either the old one or the new one, never a part.
#pragma once

#include <sys/types.h>

#include <string>

namespace dsr {

// A file that is there keeps its mode; what is no file is not replaced. Throws
// Error.
void write_file(const std::string &path, const std::string &text, mode_t mode);

} // namespace dsr
