// SPDX-License-Identifier: BSD-3-Clause
// Rulesets as nft -j list ruleset prints them: libnftables-json(5).
#pragma once

#include <string_view>

#include "common/ruleset.hpp"

namespace dsr::nf {

// A table for both families becomes two. Of a rule, what is not understood is in
// Rule::unknown and Rule::problem; those for the other family are left out. Throws
// Error, "NAME: found …, expected …".
std::vector<Table> nft_tables(std::string_view text, const std::string &name);

} // namespace dsr::nf
