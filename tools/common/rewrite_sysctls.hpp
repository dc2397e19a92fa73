// SPDX-License-Identifier: BSD-3-Clause
// What the sysctls of dscp_rewrite say: dscp_rewrite(4).
#pragma once

#include <string_view>

#include "common/ruleset.hpp"

namespace dsr::nf {

// A VIP for a DSCP, of packets to @rip or, without it, of all others.
struct RewriteEntry {
	std::uint8_t dscp = 0;
	Ip vip;
	std::optional<Ip> rip;
};

// "VIP" or "VIP@RIP"
std::optional<RewriteEntry> parse_rewrite(const std::string &word, std::uint8_t dscp,
					  Family family);

// What they do, as a table with a chain of its own, which is empty yet. A VIP
// for one address has to come before that for all others.
Table rewrite_table(Family family);
void add_rewrite(Table &table, Rule rule, const RewriteEntry &entry);

// As sysctl(8) prints them, and /etc/sysctl.d has them: of the others, nothing is
// said. @off: the family is switched off. Throws Error, "NAME:LINE: found …,
// expected …".
struct RewriteSysctls {
	std::vector<Table> tables;
	bool off[2] = {};
};
RewriteSysctls read_rewrite_sysctls(std::string_view text, const std::string &name);

} // namespace dsr::nf
