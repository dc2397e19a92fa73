// SPDX-License-Identifier: BSD-3-Clause
// The actions of dsrctl.
#pragma once

#include "dsrctl/options.hpp"

namespace dsr {

// The exit status. Throws Error.
int run_action(const Options &options);

} // namespace dsr
