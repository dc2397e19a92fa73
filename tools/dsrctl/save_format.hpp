// SPDX-License-Identifier: BSD-3-Clause
// What iptables-save prints, and what iptables-restore is given.
#pragma once

#include <string_view>

#include "dsrctl/rules.hpp"

namespace dsr {

// The words of a line; quotes group, a backslash quotes the next character.
std::vector<std::string> save_words(std::string_view line);

// The rules of ours in it, and those of others that do the same: in PREROUTING
// of raw and mangle, with the DSCP as their only match. All others are none of
// our business.
std::vector<Rule> parse_save(std::string_view text, Store store, Family family);

// Any rule, of any table and chain.
struct SavedRule {
	Store store = Store::iptables;
	Family family = Family::ip4;
	std::string table, chain;
	std::vector<std::string> words;	// behind "-A CHAIN"
};

std::vector<SavedRule> parse_all(std::string_view text, Store store,
				 Family family);

// The items of the map behind --dscp-map; none when it is not one.
std::vector<Item> parse_map(const std::string &word, Family family);

// What iptables-restore does at once, or not at all.
struct Transaction {
	Store store;
	Family family;
	std::string table;
};

// The input of iptables-restore --noflush for those of the steps that are in
// the transaction; empty when there is none.
std::string restore_input(const std::vector<RuleStep> &steps,
			  const Transaction &transaction);

} // namespace dsr
