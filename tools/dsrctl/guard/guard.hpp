// SPDX-License-Identifier: BSD-3-Clause
// dsrctl guard: what was started stays, whoever removes it.
#pragma once

#include "dsrctl/options.hpp"

namespace dsr {

// Until SIGTERM or SIGINT; SIGHUP reloads. The exit status. Throws Error when it
// cannot begin.
int guard(const Options &options);

} // namespace dsr
