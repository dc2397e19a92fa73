// SPDX-License-Identifier: BSD-3-Clause
// The expressions of a rule of nf_tables: as steps, and as words of iptables.
#pragma once

#include <set>

#include "dsrctl/nf_attributes.hpp"

namespace dsr {

// Fills in all of @rule but where it is. Its words are those of the family's
// iptables. @sets: which sets it looks up.
void read_expressions(const Attributes &expressions, Family family, nf::Rule &rule,
		      std::set<std::string> &sets);

} // namespace dsr
