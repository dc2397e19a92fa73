// SPDX-License-Identifier: BSD-3-Clause
// Tables of nftables that somebody made dormant: their rules are there, and no
// packet comes to them.
#include "common/process.hpp"
#include "dsrctl/doctor/checks.hpp"
#include "dsrctl/nftables.hpp"

namespace dsr::doctor {

namespace {

// The VIPs of the configuration that nothing leads to, and that it would.
std::vector<std::string> kept_from(const Dormant &table, const Facts &facts)
{
	const Arrivals from = arrivals(facts);
	std::vector<std::string> vips;

	for (const Entry &entry : facts.config.entries)
		if (entry.dscp && table.leads(entry.item()) &&
		    reach(facts.ruleset, from, entry.item()).answer == Reach::Answer::none)
			vips.push_back(text(entry.ip));
	return vips;
}

} // namespace

Findings check_dormant(const Facts &facts)
{
	Findings findings;

	for (const Dormant &table : facts.dormant) {
		const std::vector<std::string> vips = kept_from(table, facts);
		const bool own = table.family == "inet" && table.name == nft::TABLE;
		auto command = [&](const char *verb) {
			return Command{"nft", verb, "table", table.family, table.name};
		};

		findings.push_back(
			{vips.empty() ? Severity::warning : Severity::error,
			 "table-dormant",
			 "the table " + table.family + " " + table.name +
				 " of nftables is dormant, and " + std::to_string(table.rules) +
				 (table.rules == 1 ?
					  " rule in it that sets a destination or a DSCP does nothing" :
					  " rules in it that set a destination or a DSCP do nothing"),
			 vips.empty() ?
				 "what they are for does not happen; iptables-save shows them like rules that are at work" :
				 "packets that are marked for " + list(vips) +
					 " keep the server's own address",
			 {command("add")},
			 "let whatever made it dormant no longer do so (flags dormant); or delete it, if nobody needs it: " +
				 shell_line(command("delete")),
			 own});
	}
	return findings;
}

} // namespace dsr::doctor
