// SPDX-License-Identifier: BSD-3-Clause
// Matches and targets of xtables, as iptables-nft puts them into nf_tables, in
// the words of iptables-save.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/ip.hpp"

namespace dsr {

struct XtInfo {
	std::string name;
	std::uint32_t revision = 0;
	std::vector<std::uint8_t> data;
};

// Empty for one that is not known here, or is not what it should be. Nothing is
// believed of the data's size.
std::vector<std::string> match_words(const XtInfo &match, Family family);
std::vector<std::string> target_words(const XtInfo &target, Family family);

} // namespace dsr
