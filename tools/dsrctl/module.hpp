// SPDX-License-Identifier: BSD-3-Clause
// The module xt_DADDR in the running kernel.
#pragma once

#include "dsrctl/rules.hpp"

namespace dsr {

// Where the module says that it is used, or the better place.
Table default_table();

// In use by other namespaces, it stays. Who may not unload it, as
// dsrctl.service, waits until nothing uses it, and leaves it to who may.
void unload_module();

} // namespace dsr
