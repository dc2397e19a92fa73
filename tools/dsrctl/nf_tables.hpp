// SPDX-License-Identifier: BSD-3-Clause
// The rules of nf_tables, as the kernel has them: those of nft, and those of the
// iptables that stands on it. No program is started, and no rule is too strange.
#pragma once

#include "common/ruleset.hpp"
#include "common/saved_rules.hpp"

namespace dsr {

// All tables of the families ip, ip6, inet and netdev. Empty where the kernel
// has no nf_tables. Throws Error.
std::vector<nf::Table> read_nf_tables();

// A rule of one of these, in one line, for messages: where it is.
std::string nf_where(const nf::Table &table, const std::string &chain, const nf::Rule &rule);

// The rules of the tables that iptables-nft makes, as iptables-save prints them;
// what that cannot print has words of which one is UNKNOWN.
inline constexpr char UNKNOWN[] = "…";
std::vector<SavedRule> saved_rules(const std::vector<nf::Table> &tables, Family family);

} // namespace dsr
