// SPDX-License-Identifier: BSD-3-Clause
// The rules that a capture is run through, as doctor's model has them.
#pragma once

#include <string_view>

#include "common/ruleset.hpp"

namespace dsr::replay {

class Ruleset {
public:
	void add(std::vector<nf::Table> tables);

	// What is not understood, or does nothing here, is not in it.
	const nf::Ruleset &tables() const { return rules_; }
	// Does no rule give packets a destination?
	bool empty() const;
	// Does one in INPUT?
	bool asks_input() const;

	unsigned int others = 0; // that are not applied
	std::vector<std::string> notes;

private:
	nf::Ruleset rules_;
};

// Add the rules in a file's text: what iptables-save, ip6tables-save, nft -j list
// ruleset or sysctl prints. Throws Error, "NAME:LINE: found …, expected
// …"; the ruleset is then of no use.
void parse_rules(std::string_view text, const std::string &name, Ruleset &ruleset);

// A DADDR rule from its words, those after the name of the chain. Throws Error:
// "found …, expected …".
nf::Rule parse_rule(const std::vector<std::string> &words);
// The same as the only rule of raw PREROUTING.
std::vector<nf::Table> only_rule(nf::Rule rule);

bool is_understood(const nf::Rule &rule);
// Does it give packets a destination, by itself or where it leads to?
bool leads(const nf::Table &table, const nf::Rule &rule);

} // namespace dsr::replay
