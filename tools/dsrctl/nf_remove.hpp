// SPDX-License-Identifier: BSD-3-Clause
// Taking rules out of the tables of iptables-nft without its program.
#pragma once

#include <string>
#include <vector>

#include "common/ip.hpp"

namespace dsr {

// Removes rules of the chain PREROUTING of an iptables-nft table, all or none:
// those of each text, the last first. Unlike iptables, it does so whatever else
// is in the chain. Throws Error.
void remove_nf_rules(Family family, const std::string &table,
		     const std::vector<std::string> &texts);

} // namespace dsr
