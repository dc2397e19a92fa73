// SPDX-License-Identifier: BSD-3-Clause
// One rule of nftables in the words of libnftables-json(5).
#pragma once

#include <nlohmann/json.hpp>

#include "common/ruleset.hpp"

namespace dsr::nf {

// What the expressions do, for one family; none for a rule that is for the other. Sets
// that they name, or that stand in them, are added to the table. @sets: by name, as nft
// prints them. What is not understood is in Rule::unknown and Rule::problem. Throws
// json::exception for what is no expression.
std::optional<Rule> read_nft_rule(const nlohmann::json &expressions, Family family, Table &table,
				  const std::map<std::string, nlohmann::json> &sets);

} // namespace dsr::nf
