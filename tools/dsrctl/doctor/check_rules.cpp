// SPDX-License-Identifier: BSD-3-Clause
// The configuration and the rules: what is there, what is missing, and what
// gets in each other's way.
#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "common/process.hpp"
#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

std::string program(Family family)
{
	return family == Family::ip4 ? "iptables" : "ip6tables";
}

// "-nft" or "-legacy"
std::string suffix(const std::string (&variants)[2], Family family)
{
	return "-" + variants[static_cast<int>(family)];
}

std::string program(const Facts &facts, const Rewrite &rewrite)
{
	std::string name = program(rewrite.family);

	return rewrite.store == Store::other ? name + suffix(facts.other, rewrite.family) : name;
}

// As its owner would look for it.
std::string describe(const Facts &facts, const Rewrite &rewrite)
{
	if (!rewrite.where.empty())
		return "the " + rewrite.where;
	if (rewrite.store == Store::nft)
		return "the nftables chain inet dsrctl " + rewrite.chain;
	if (rewrite.store == Store::dscp_rewrite)
		return rewrite.chain;
	return "\"" + program(facts, rewrite) + " -t " + rewrite.table + " -A " + rewrite.chain +
	       " " + shell_line(rewrite.words) + "\"";
}

bool same_place(const Rewrite &a, const Rewrite &b)
{
	return a.store == b.store && a.family == b.family && a.table == b.table &&
	       a.chain == b.chain && a.words == b.words;
}

// @action: -A or -D
Command change(const Facts &facts, const char *action, const Rewrite &rewrite)
{
	Command command{program(facts, rewrite), "-t", rewrite.table, action, rewrite.chain};

	command.insert(command.end(), rewrite.words.begin(), rewrite.words.end());
	return command;
}

// The commands that put a rule somewhere else: it is there twice for a moment,
// which does no harm, and never missing.
std::vector<Command> move(const Facts &facts, const Rewrite &rewrite, const Rewrite &to)
{
	std::vector<Command> commands;

	if (std::none_of(facts.rewrites.begin(), facts.rewrites.end(),
			 [&](const Rewrite &one) { return same_place(one, to); }))
		commands.push_back(change(facts, "-A", to));
	commands.push_back(change(facts, "-D", rewrite));
	return commands;
}

bool has(const Facts &facts, const Item &item)
{
	return std::any_of(
		facts.rewrites.begin(), facts.rewrites.end(), [&](const Rewrite &rewrite) {
			// whatever else it matches
			return std::any_of(
				rewrite.items.begin(), rewrite.items.end(), [&](const Item &one) {
					return one.dscp == item.dscp && one.ip == item.ip &&
					       (!one.to || !item.to || one.to == item.to);
				});
		});
}

bool is_active(const Facts &facts, Family family)
{
	return facts.tracks[index(family)] || facts.tracked;
}

std::string drops_text(const Facts &facts, Family family)
{
	std::vector<std::string> rules;

	for (const Drop &drop : facts.drops)
		if (drop.family == family)
			rules.push_back(drop.where);
	return list(rules);
}

Finding invalid_answers(const Facts &facts, const Rewrite &rewrite)
{
	std::string drops = drops_text(facts, rewrite.family);
	std::string found = describe(facts, rewrite) + " rewrites after connection tracking";
	Rewrite to = rewrite;
	Finding finding{
		Severity::warning,
		"mangle-conntrack",
		found + ": it belongs in the table raw",
		"connection tracking sees the request go to the server's own address and the answer come from the VIP: the answer is INVALID to it, and any rule that drops what is invalid takes the VIP down; a port of the VIP that a container publishes is not reached",
		{},
		"change the rule where it is kept, too (iptables-save, or dsrctl --table raw)",
		false};

	if (!drops.empty()) {
		finding.severity = Severity::error;
		finding.id = "invalid-drop";
		finding.found = found + ", and what is invalid is dropped (" + drops +
				"): it belongs in the table raw";
		finding.why =
			"connection tracking sees the request go to the server's own address and the answer come from the VIP: the answer is INVALID to it, and dropped";
	}
	to.table = "raw";
	to.chain = "PREROUTING";
	if (!rewrite.where.empty())
		finding.keep = "give the rule's base chain the priority raw, where it is kept";
	else if (rewrite.store == Store::nft)
		finding.fix = {dsrctl(facts, {"--table", "raw", "reload"})};
	else
		finding.fix = move(facts, rewrite, to);
	return finding;
}

// Not one for what the host sends itself, or only forwards.
bool is_for_arrivals(const nf::Chain &chain)
{
	return !chain.base || chain.base->hook != nf::Hook::other;
}

// Would it lead there, if packets came to it?
bool would_lead(const nf::Table &table, const nf::Rule &rule, const Arrivals &from,
		const Item &item)
{
	nf::Table alone{table.owner, table.family, table.name, {}, table.sets};

	alone.chains["alone"] = {nf::Base{nf::Hook::prerouting, 0, {}, false}, {rule}};
	return table.sees(item.ip.family) &&
	       reach({{alone}}, from, item).answer != Reach::Answer::none;
}

// A rule that leads there, and to which no packets come; or empty.
std::string never_reached(const Facts &facts, const Arrivals &from, const Item &item)
{
	for (const nf::Table &table : facts.ruleset.tables)
		for (const auto &[name, chain] : table.chains)
			for (const nf::Rule &rule : chain.rules)
				if (is_for_arrivals(chain) && would_lead(table, rule, from, item))
					return where({&table, &name, nullptr, &rule, item.ip});
	return "";
}

Finding missing(const Facts &facts, const Entry &entry, const Arrivals &from, const Reach &found)
{
	Finding finding{
		Severity::error,
		"rule-missing",
		"there is no rule for " + dscp_text(*entry.dscp) + " to " +
			destination(entry.item()) + " (" + entry.where + ")",
		"the packets that the load balancer marks so keep the server's own address: clients get a reset, an answer from the wrong address, or none",
		{dsrctl(facts, {"start"})},
		"systemctl enable dsrctl",
		true};
	const std::string idle = never_reached(facts, from, entry.item());

	if (found.dropped) {
		finding.id = "dscp-dropped";
		finding.found = "every packet of " + dscp_text(*entry.dscp) +
				" is dropped before it gets to " + text(entry.ip) + " (" +
				entry.where + ")";
		finding.why = "clients get no answer";
		finding.fix.clear();
		finding.keep =
			"look through the chains of PREROUTING and INPUT: nft list ruleset, iptables-save";
		finding.safe = false;
	} else if (!idle.empty()) {
		finding.found = "no packet of " + dscp_text(*entry.dscp) + " comes to the " + idle +
				", which leads to " + text(entry.ip) + " (" + entry.where + ")";
	}
	return finding;
}

// Do two rules disagree about where packets go that both are for?
bool clash(const Rewrite &one, const Item &a, const Rewrite &other, const Item &b)
{
	// In a sysctl, each address has a VIP of its own.
	const bool apart = one.store == Store::dscp_rewrite && other.store == Store::dscp_rewrite;

	// Rules that are for different packets get along.
	if (!one.matches.empty() && !other.matches.empty() && one.matches != other.matches)
		return false;
	return one.family == other.family && overlap(a, b) && !agree(a, b) &&
	       (!apart || a.to == b.to);
}

// check_owners() says so.
bool has_two_owners(const Facts &facts, const Item &item)
{
	for (const Rewrite &one : facts.rewrites)
		for (const Item &a : one.items)
			if (a.dscp == item.dscp && a.ip == item.ip)
				for (const Rewrite &other : facts.rewrites)
					for (const Item &b : other.items)
						if (clash(one, a, other, b))
							return true;
	return false;
}

// The configuration says one thing, and a rule another.
Finding elsewhere(const Entry &entry, const nf::Change &other)
{
	return {Severity::error,
		"dscp-two-owners",
		dscp_text(*entry.dscp) + " leads to " +
			(other.to ? text(*other.to) : "an address that is not known here") +
			" (the " + where(other) + "), but belongs to " + text(entry.ip) + " (" +
			entry.where + ")",
		"the packets for one VIP are answered by the other",
		{},
		"remove what is wrong, the rule or the line of the configuration, here and where it is kept",
		false};
}

Finding narrow(const Entry &entry, const nf::Change &rule)
{
	return {Severity::note,
		"rule-narrow",
		"the " + where(rule) + " leads some packets of " + dscp_text(*entry.dscp) + " to " +
			text(entry.ip) + " and not others",
		"that is right where only those come from the load balancer (an interface, an address, a port)",
		{},
		"",
		false};
}

Finding unclear(const Entry &entry)
{
	return {Severity::warning,
		"rules-unclear",
		"doctor cannot follow some rules on the way of packets of " +
			dscp_text(*entry.dscp) + " to " + text(entry.ip),
		"where these packets end up is not known here",
		{},
		"look through the chains of PREROUTING and INPUT: nft list ruleset, iptables-save",
		false};
}

} // namespace

Findings check_configuration(const Facts &facts)
{
	Findings findings;

	for (const Problem &problem : facts.config.errors)
		findings.push_back(
			{Severity::error,
			 "configuration",
			 problem.message,
			 "nothing is changed while the configuration has an error: the server stays as it is, or comes up without VIPs",
			 {},
			 "",
			 false});
	for (const std::string &warning : facts.config.warnings)
		findings.push_back({Severity::warning,
				    "configuration",
				    warning,
				    "it may be a slip of the pen",
				    {},
				    "",
				    false});
	if (vips(facts).empty() && findings.empty())
		findings.push_back(
			{Severity::warning,
			 "nothing-configured",
			 "there is no VIP in the configuration, and no rule of DADDR",
			 "a server without the rewrite takes what the load balancer sends it for its own address: clients get no answer",
			 {},
			 "write the VIPs to a file in /etc/dsr.d, see dsr.conf(5)",
			 false});
	return findings;
}

Findings check_rules(const Facts &facts)
{
	const Arrivals from = arrivals(facts);
	Findings findings;

	if (!facts.rules_known)
		return {};
	for (const Entry &entry : facts.config.entries) {
		if (!entry.dscp || (entry.ip.family == Family::ip6 && !facts.ip6) ||
		    (facts.rewrite_off[index(entry.ip.family)] && has(facts, entry.item())))
			continue;
		const Reach found = reach(facts.ruleset, from, entry.item());

		if (!found.complete)
			findings.push_back(unclear(entry));
		if (found.answer == Reach::Answer::some)
			findings.push_back(narrow(entry, found.right[0]));
		if (found.answer != Reach::Answer::none)
			continue;
		if (found.others.empty() && !found.dropped &&
		    std::ranges::any_of(facts.dormant, [&](const Dormant &table) {
			    return table.leads(entry.item());
		    }))
			continue; // check_dormant() says so
		if (found.others.empty())
			findings.push_back(missing(facts, entry, from, found));
		else if (!has_two_owners(facts, entry.item()))
			findings.push_back(elsewhere(entry, found.others[0]));
	}
	return findings;
}

Findings check_unread(const Facts &facts)
{
	Findings findings;

	for (const std::string &what : facts.unread)
		findings.push_back(
			{Severity::warning,
			 "rules-unread",
			 "doctor cannot read all rules of nftables: " + what,
			 "it has not looked there for rules that drop what is INVALID to connection tracking, that want connection tracking, or that set the DSCP of answers",
			 {},
			 "look for them: nft list ruleset (nftables 1.1 prints every table as JSON)",
			 false});
	return findings;
}

Findings check_rewrite_off(const Facts &facts)
{
	Findings findings;

	for (Family family : FAMILIES) {
		const std::string name = std::string("net.") + key(family) +
					 ".dscp_rewrite.enabled";

		if (facts.rewrite_off[index(family)])
			findings.push_back(
				{Severity::error,
				 "dscp-rewrite-off",
				 name + " is 0",
				 "the VIPs are there, but no packet is sent on to them: marked packets keep the server's own address",
				 {{"sysctl", "-w", name + "=1"}},
				 "no other value of it in /etc/sysctl.d",
				 true});
	}
	return findings;
}

Findings check_owners(const Facts &facts)
{
	std::set<std::pair<Item, Item>> seen;
	Findings findings;

	auto compare = [&](const Rewrite &one, const Rewrite &other) {
		for (const Item &a : one.items)
			for (const Item &b : other.items) {
				if (!clash(one, a, other, b) ||
				    !seen.insert(std::minmax(a, b)).second)
					continue;
				findings.push_back(
					{Severity::error,
					 "dscp-two-owners",
					 dscp_text(a.dscp) + " leads to " + text(a.ip) + " (" +
						 describe(facts, one) + ") and to " + text(b.ip) +
						 " (" + describe(facts, other) + ")",
					 "the last rule decides: the other VIP gets no packets",
					 {},
					 "remove the rule that is wrong, here and where it is kept (iptables-save, the files of dsrctl)",
					 false});
			}
	};
	for (std::size_t i = 0; i < facts.rewrites.size(); i++)
		for (std::size_t j = i; j < facts.rewrites.size(); j++)
			compare(facts.rewrites[i], facts.rewrites[j]);
	return findings;
}

Findings check_variants(const Facts &facts)
{
	Findings findings;

	for (const Rewrite &rewrite : facts.rewrites) {
		if (rewrite.store != Store::other)
			continue;
		const std::string name = program(rewrite.family);
		Rewrite to = rewrite;

		to.store = Store::iptables;
		findings.push_back(
			{Severity::warning, "variant-mix",
			 describe(facts, rewrite) +
				 " is a rule of the other variant: this system's " + name + " is " +
				 name + suffix(facts.variant, rewrite.family),
			 "both variants are at work, but " + name +
				 " shows and saves one of them: the rule is missed when rules are looked at, and lost or left over when they are restored",
			 move(facts, rewrite, to),
			 "let whatever adds the rule at boot use " + name + ", without " +
				 suffix(facts.other, rewrite.family),
			 false});
	}
	return findings;
}

Findings check_conntrack(const Facts &facts)
{
	Findings findings;

	for (const Rewrite &rewrite : facts.rewrites)
		if (rewrite.after_conntrack && is_active(facts, rewrite.family))
			findings.push_back(invalid_answers(facts, rewrite));
	return findings;
}

Findings check_router(const Facts &facts)
{
	std::vector<std::string> values[2];
	Findings findings;
	auto add = [&](Family family, const std::string &what, const std::string &keep) {
		findings.push_back(
			{Severity::warning,
			 "rule-on-router",
			 std::string("this host forwards ") + name(family) +
				 ", and marked packets to any destination are rewritten by " + what,
			 "it also rewrites marked packets that the host only forwards; answers to a marked ping are marked, and go round in circles",
			 {},
			 keep,
			 false});
	};

	for (const Rewrite &rewrite : facts.rewrites) {
		if (!facts.forwards[index(rewrite.family)] || !rewrite.matches.empty())
			continue;
		if (rewrite.store == Store::dscp_rewrite)
			values[index(rewrite.family)].push_back(rewrite.chain + " = " +
								text(rewrite.items[0].ip));
		else
			add(rewrite.family, describe(facts, rewrite),
			    "name the interface to the load balancer in the rule, or the server's own address (of dsrctl, VIP = DSCP to RIP, see dsr.conf(5)); or switch forwarding off, if it is not needed");
	}
	for (Family family : FAMILIES)
		if (!values[index(family)].empty())
			add(family, list(values[index(family)]),
			    "VIP = DSCP to RIP, see dsr.conf(5), or VIP@RIP in the sysctl; or switch forwarding off, if it is not needed");
	return findings;
}

Findings check_others(const Facts &facts)
{
	std::map<std::uint8_t, std::set<std::string>> vips;
	Findings findings;

	for (const Vip &vip : doctor::vips(facts))
		for (std::uint8_t dscp : vip.dscps)
			if (others_use(dscp))
				vips[dscp].insert(text(vip.ip));
	for (const auto &[dscp, names] : vips)
		findings.push_back(
			{Severity::warning,
			 "dscp-of-others",
			 dscp_text(dscp) + " stands for " + list({names.begin(), names.end()}) +
				 ", and " + others_use(dscp) + " it",
			 "such packets to the server's own address get to the VIP: an SSH session to the server, say, ends up at the service",
			 {},
			 "give the VIP another DSCP, on the load balancer first; dsr.conf(5) says which are safe",
			 false});
	return findings;
}

// What clients get to see of the DSCP.
Findings check_answers(const Facts &facts)
{
	Findings findings;
	Finding echo{
		Severity::note,
		"echo-dscp",
		"there is no rule that clears the DSCP of what is sent from a VIP",
		"answers to a marked ping carry its DSCP to the client, which does no harm in most networks",
		{},
		"",
		false};

	for (const Vip &vip : vips(facts))
		if (!vip.dscps.empty() && !facts.resets_dscp[index(vip.ip.family)])
			echo.fix.push_back({program(vip.ip.family), "-t", "mangle", "-A", "OUTPUT",
					    "-s", text(vip.ip), "-j", "DSCP", "--set-dscp", "0"});
	if (echo.fix.empty())
		return {};
	if (facts.tcp_reflect_tos)
		findings.push_back(
			{Severity::warning,
			 "tcp-reflect-tos",
			 "net.ipv4.tcp_reflect_tos is 1",
			 "answers of TCP carry the DSCP of the request to the client: routers on the way take it for a class of service, and may treat or drop the packets accordingly",
			 {{"sysctl", "-w", "net.ipv4.tcp_reflect_tos=0"}},
			 "net.ipv4.tcp_reflect_tos = 0 in a file in /etc/sysctl.d",
			 true});
	findings.push_back(echo);
	return findings;
}

} // namespace dsr::doctor
