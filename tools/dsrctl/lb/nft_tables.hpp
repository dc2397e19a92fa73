// SPDX-License-Identifier: BSD-3-Clause
// A ruleset of nftables as text: its tables, with the words of their rules. What
// a rule says is nft_rule.cpp's.
#pragma once

#include <map>

#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

struct Token {
	std::string text;
	std::string where;
};

using Words = std::vector<Token>;

struct NftChain {
	std::string hook; // empty: others lead to it
	int priority = 0; // of a hook; what is lower comes first
	std::vector<Words> statements;
};

struct NftTable {
	bool dormant = false; // none of it is in effect
	std::map<std::string, NftChain> chains;
	std::map<std::string, Words> sets; // and maps; "@NAME"
};

// Of a file as nft prints it, or as a script for nft -f has it. Commands other
// than whole tables are not understood.
std::vector<NftTable> read_nft_tables(std::string_view text, const std::string &file,
				      Reading &reading);

} // namespace dsr::lb
