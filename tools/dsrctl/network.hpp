// SPDX-License-Identifier: BSD-3-Clause
// Which network namespace this is, and which there are.
#pragma once

#include <optional>
#include <set>
#include <string>

namespace dsr {

// Its inode, as ls -L shows it. When it is gone, another may get the same.
// Throws Error.
std::string network_number();

// What no other has, as long as the machine runs; empty: cannot be known.
std::string network_identity();

// The same without what the kernel tells since 5.14: by the moment at which lo
// came up.
std::string network_age();

// The inodes of all that processes, mounts or open files hold; none when some of
// these cannot be seen.
std::optional<std::set<std::string>> live_networks();

} // namespace dsr
