// SPDX-License-Identifier: BSD-3-Clause
// The datapath without the module: rules of nftables that set the destination,
// in a table of their own.
#pragma once

#include "common/ruleset.hpp"
#include "dsrctl/rules.hpp"

namespace dsr::nft {

inline constexpr char TABLE[] = "dsrctl";

// The rules in what "nft -j list chain inet dsrctl raw" prints.
std::vector<Rule> parse(const std::string &json);

// Those that there are. @tables: read_nf_tables()
std::vector<Rule> read(const std::vector<nf::Table> &tables);

// The table of nf_tables that a rule is in: that of its own, or one of iptables-nft.
std::string table_of(const Rule &rule);

// What it means that such a table is dormant, and what ends it. @by: whom; ", by ..."
std::string dormant_text(const std::string &table, const std::string &by = "");

// The input of nft -f for the steps of this store; empty when there is none.
// @last: nothing is left in the table, so it goes too.
std::string input(const std::vector<RuleStep> &steps, bool last);

// In one transaction. Throws Error; nothing has changed then.
void apply(const std::vector<RuleStep> &steps, bool last);

bool available();

} // namespace dsr::nft
