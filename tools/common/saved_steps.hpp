// SPDX-License-Identifier: BSD-3-Clause
// Rules of xtables as steps of nf_tables.
#pragma once

#include <functional>

#include "common/ruleset.hpp"

namespace dsr::nf {

// What the words do, those of a rule after "-A CHAIN" or a part of them; what of
// it is not understood; and, of a whole rule, what iptables-restore would not take
// or only others know (Rule::problem).
void add_steps(Rule &rule, const std::vector<std::string> &words, Family family,
	       const std::function<bool(const std::string &)> &is_chain);

// A rule that gives packets this address; it ends with this step.
void add_destination(Rule &rule, const Ip &ip);
// The packet has this DSCP; it has this destination.
void add_dscp_test(Rule &rule, Family family, std::uint8_t dscp);
void add_destination_test(Rule &rule, const Ip &ip);

} // namespace dsr::nf
