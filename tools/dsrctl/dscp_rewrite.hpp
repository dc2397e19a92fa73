// SPDX-License-Identifier: BSD-3-Clause
// The datapath of the module dscp_rewrite: its sysctls, through /proc/sys and
// without another program. See dscp_rewrite(4).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dsrctl/rules.hpp"

namespace dsr::rewrite {

// What stands for a DSCP of a family, before and after.
struct Change {
	Family family = Family::ip4;
	std::uint8_t dscp = 0;
	std::vector<Item> before, after;

	bool operator==(const Change &) const = default;
};

// What /proc/net/dscp_rewrite says: a rule for each VIP. Lines that it does not
// say are ignored.
std::vector<Rule> parse_counters(std::string_view text);
// The value of a sysctl; none for what is no value.
std::vector<Item> parse_value(std::string_view text, std::uint8_t dscp, Family family);
// As it is written; "" for nothing.
std::string value_text(const std::vector<Item> &items);

// What stands for a DSCP now.
using Current = std::function<std::vector<Item>(Family, std::uint8_t dscp)>;

// What the steps change, a sysctl at a time. What others have written stays.
// Throws Error where one of theirs is in the way.
std::vector<Change> changes(const std::vector<RuleStep> &steps, const Current &current);

// That a family is switched off: what was found, and what fixes it.
std::string off_text(Family family);

// --- of this host

std::vector<Rule> read();
// Is it there, and may we write?
bool available();
// Does nothing of the family take place, whatever is written?
bool is_off(Family family);
// The same, after it was loaded if it can be.
bool load();
// Would load() say yes?
bool would_load();

// All that the steps change of it, or nothing. Throws Error.
void apply(const std::vector<RuleStep> &steps);
// As commands.
std::string describe(const std::vector<RuleStep> &steps);

} // namespace dsr::rewrite
