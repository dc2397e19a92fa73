// SPDX-License-Identifier: BSD-3-Clause
// The modules xt_DADDR and dscp_rewrite in the running kernel.
#pragma once

#include <string>

#include "dsrctl/rules.hpp"

namespace dsr {

// Where the module xt_DADDR says that it is used, or the better place.
Table default_table();
// The same before it is loaded: what modprobe would tell it.
Table table_to_be();

// Would modprobe load it? No for what it would run a command for: who knows.
bool would_load(const std::string &module);
// Whether it is there by now.
bool load(const std::string &module);

// What other namespaces use stays. Who may not unload a module, as
// dsrctl.service, waits until nothing uses it, and leaves it to who may.
void unload_modules();

} // namespace dsr
