// SPDX-License-Identifier: BSD-3-Clause
// Rules of xtables as steps of nf_tables.
#pragma once

#include <functional>
#include <string_view>

#include "common/ruleset.hpp"

namespace dsr::nf {

// What the words do, those of a rule after "-A CHAIN" or a part of them; what of
// it is not understood; and, of a whole rule, what iptables-restore would not take
// or only others know (Rule::problem).
void add_steps(Rule &rule, const std::vector<std::string> &words, Family family,
	       const std::function<bool(const std::string &)> &is_chain);

// Does the word begin with an option that no target but DADDR has?
bool is_daddr_option(std::string_view word);

} // namespace dsr::nf
