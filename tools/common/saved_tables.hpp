// SPDX-License-Identifier: BSD-3-Clause
// The tables of xtables, as tables of nf_tables.
#pragma once

#include "common/ruleset.hpp"
#include "common/saved_rules.hpp"

namespace dsr::nf {

// Those of iptables-save or ip6tables-save.
std::vector<Table> saved_tables(const Saved &saved, Family family);

} // namespace dsr::nf
