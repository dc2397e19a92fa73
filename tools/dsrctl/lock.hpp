// SPDX-License-Identifier: BSD-3-Clause
// Locks on files, as flock(2) has them, that nobody waits for in silence.
#pragma once

#include <string>

#include "common/descriptor.hpp"

namespace dsr {

// Opens the file, makes it if there is none, and locks it. Says after a second
// who has the lock. Throws Error after @seconds.
Descriptor take_lock(const std::string &path, unsigned int seconds);

// The same of a lock that nobody has; otherwise, and on an error: nothing.
Descriptor try_lock(const std::string &path);

} // namespace dsr
