// SPDX-License-Identifier: BSD-3-Clause
// The modules xt_DADDR and dscp_rewrite in the running kernel.
#pragma once

#include "dsrctl/rules.hpp"

namespace dsr {

// Where the module says that it is used, or the better place.
Table default_table();

// What other namespaces use stays. Who may not unload a module, as
// dsrctl.service, waits until nothing uses it, and leaves it to who may.
void unload_modules();

} // namespace dsr
