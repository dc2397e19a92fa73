// SPDX-License-Identifier: BSD-3-Clause
// Rulesets as iptables-save and ip6tables-save print them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsr {

// The words of a line, as iptables-restore splits it: at white space outside of
// quotes, in which a backslash takes the next character as it is. None when a
// quote is not closed.
std::optional<std::vector<std::string>> saved_words(std::string_view line);

// Any rule, of any table and chain.
struct SavedRule {
	std::string table, chain;
	std::vector<std::string> words;	      // after "-A CHAIN"
	std::uint64_t packets = 0, bytes = 0; // of iptables-save -c
	std::string where;		      // "NAME:LINE"
	std::string text;		      // the line
};

struct SavedChain {
	std::string table, chain;
	std::string policy; // "-" of one that is not the kernel's
};

struct Saved {
	std::vector<SavedRule> rules;
	std::vector<SavedChain> chains;
};

// Throws Error, "NAME:LINE: found …, expected …", for a line that is none of a
// ruleset, and for a table that does not end.
Saved read_saved(std::string_view text, const std::string &name);

} // namespace dsr
