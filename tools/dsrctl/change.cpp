// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/change.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "common/json_text.hpp"
#include "dsrctl/module.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/nftables.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

// Nothing is loaded only to be able to show what would be done.
bool can_rewrite(const Options &options)
{
	return options.show ? rewrite::would_load() : rewrite::load();
}

Target target(const Options &options, Family family)
{
	if (options.show && access("/sys/module/xt_DADDR", F_OK))
		return would_load("xt_DADDR") ? Target::revision1 : Target::absent;
	return probe_target(family);
}

Store rules_of_host(const Situation &now)
{
	if (now.host.has_iptables() || !nft::available() || now.options.backend)
		return Store::iptables;
	say_warning("this host has no iptables: using rules of nftables instead (--backend nft)");
	return Store::nft;
}

// What a host has that cannot have dscp_rewrite.
void choose_without(const Situation &now, How &how)
{
	if (now.options.backend)
		throw Error(
			"the module dscp_rewrite does not load, or its sysctls cannot be written: dsrctl doctor says why; or use --backend daddr or nft");
	if (now.state.backend)
		say_warning(
			"the module dscp_rewrite, which was used so far, is gone: using rules instead");
	how.store = rules_of_host(now);
}

// Rules of the target DADDR become those of nftables, when the module is not
// there; and one rule for all VIPs, where the target can do that and nobody
// wants others. Asked before the first rule is added, and only then: the module
// is loaded by it.
void choose_rules(const Situation &now, Family family, How &how)
{
	const Options &options = now.options;

	if (how.store == Store::dscp_rewrite && !can_rewrite(options))
		choose_without(now, how);
	if (how.store != Store::iptables)
		return;
	switch (target(options, family)) {
	case Target::absent:
		if (options.backend || !nft::available())
			throw Error(
				"this kernel has no target DADDR, and the module xt_DADDR does not load: dsrctl doctor says why; or use --backend nft");
		say_warning(
			"this kernel has no target DADDR: using rules of nftables instead (--backend nft), which do the same without the module");
		how.store = Store::nft;
		return;
	case Target::revision0:
		if (options.rules == RuleStyle::map)
			throw Error(
				"--rules map: this kernel has revision 0 of the target DADDR, and maps need revision 1: use --rules each");
		return;
	case Target::revision1:
	case Target::unknown:
		how.map = options.rules != RuleStyle::each;
	}
	// as the module says, which is there by now
	if (!options.table)
		how.table = options.show ? table_to_be() : default_table();
}

// Or none: what was planned is done.
void apply(const Intent &intent, const Situation &now, How &how, Plan &plan)
{
	try {
		now.host.apply(plan, now.actual.rules);
	} catch (const RuleError &error) {
		if (!how.map || now.options.rules)
			throw;
		// An old plugin with a new module.
		say_warning("one rule for all VIPs was refused (" + std::string(error.what()) +
			    "): using one a VIP, as with --rules each");
		how.map = false;
		plan = make_plan(intent.goal, now.actual, how);
		now.host.apply(plan, now.actual.rules);
	}
}

bool is_configured(const Config &config, const Rule &rule)
{
	return std::ranges::any_of(config.entries, [&](const Entry &entry) {
		return entry.dscp && rule.has(entry.item());
	});
}

// What leads to VIPs of the configuration already, whoever made it.
std::optional<Backend> backend_in_use(const Situation &now)
{
	for (const Rule &rule : now.actual.rules)
		if (is_configured(now.config, rule))
			return backend_of(rule.store);
	return std::nullopt;
}

// What dscp_rewrite cannot have.
const Entry *with_ports(const Config &config)
{
	for (const Entry &entry : config.entries)
		if (entry.ports)
			return &entry;
	return nullptr;
}

// Unless choose_rules() has a reason.
Backend backend(const Situation &now)
{
	const Options &options = now.options;
	const Entry *ports = with_ports(now.config);

	if (options.backend == Backend::dscp_rewrite && ports)
		throw Error(
			ports->where + ": " + ports->title() +
			" changes a port, which --backend dscp_rewrite cannot: use --backend daddr or nft");
	if (options.backend)
		return *options.backend;
	const Backend backend = (now.state.backend ? now.state.backend : backend_in_use(now))
					.value_or(Backend::dscp_rewrite);
	if (backend != Backend::dscp_rewrite)
		return backend;
	if (ports)
		say_warning(
			ports->where + ": found " + ports->title() +
			", whose port dscp_rewrite cannot change: using rules for all VIPs (--backend daddr)");
	// what was asked for is of rules
	return ports || options.table || options.rules ? Backend::daddr : backend;
}

// When whatever differs changes.
bool takes_over(const Situation &now)
{
	const Options &options = now.options;

	// what is before rules would keep those of ports from their packets
	if (with_ports(now.config) && std::ranges::any_of(now.actual.rules, [&](const Rule &rule) {
		    return rule.store == Store::dscp_rewrite && is_configured(now.config, rule);
	    }))
		return true;
	return (options.action == Action::reload || options.action == Action::restart) &&
	       (options.backend || options.table || options.rules);
}

// What a host can have at all.
How ways_of_host(const Situation &now)
{
	How how;

	how.table = now.table;
	how.top = now.options.top;
	how.ip6 = now.ip6;
	for (const Entry &entry : now.config.entries)
		if (entry.ip.family == Family::ip6 && !has_ip6(entry.dev))
			how.without_ip6.insert(entry.dev);
	return how;
}

// Of new rules, if there are any: where they go, and of what they are.
How ways(const Situation &now, const Intent &intent)
{
	How how = ways_of_host(now);

	if (intent.goal.present.empty())
		return how;
	how.map = now.options.rules == RuleStyle::map;
	switch (backend(now)) {
	case Backend::dscp_rewrite:
		how.store = Store::dscp_rewrite;
		break;
	case Backend::nft:
		how.store = Store::nft;
		break;
	case Backend::daddr:
		how.store = rules_of_host(now);
	}
	how.takes_over = takes_over(now);
	if (how.takes_over && now.options.table)
		how.only_table = how.table;
	if (how.takes_over && now.options.rules)
		how.only_map = how.map;
	return how;
}

void say_if_off(const Intent &intent)
{
	for (Family family : FAMILIES)
		if (rewrite::is_off(family) &&
		    std::ranges::any_of(intent.goal.present, [&](const Entry &entry) {
			    return entry.dscp && entry.ip.family == family;
		    }))
			say_warning(rewrite::off_text(family));
}

// The rules that lead to a VIP when the plan is carried out.
std::vector<Rule> rules_for(const Item &item, const Situation &now, const Plan &plan)
{
	std::vector<Rule> rules = now.actual.rules;

	for (const RuleStep &step : plan.rules)
		if (step.kind != RuleStep::Kind::remove)
			rules.push_back(step.rule);
	std::erase_if(rules, [&](const Rule &rule) { return !rule.has(item); });
	return rules;
}

// Nothing has changed. If that cannot be written, what is remembered says more
// than there is, which is no harm.
void forget(const Situation &now)
{
	try {
		now.file.write(now.state);
	} catch (const Error &error) {
		say_error(error.what());
	}
}

} // namespace

Plan what_differs(const Intent &intent, const Situation &situation)
{
	return make_plan(intent.goal, situation.actual, ways_of_host(situation));
}

// Adding a rule of nftables wakes the table; of iptables, it does not.
std::set<std::string> dormant_tables(const Intent &intent, const Situation &now, const Plan &plan)
{
	const bool woken = std::ranges::any_of(plan.rules, [](const RuleStep &step) {
		return step.kind == RuleStep::Kind::add && step.rule.store == Store::nft;
	});
	auto sleeps = [&](const Rule &rule) {
		return now.host.is_in(now.actual.dormant, rule) &&
		       !(woken && rule.store == Store::nft);
	};
	std::set<std::string> tables;

	for (const Entry &entry : intent.goal.present) {
		if (!entry.dscp)
			continue;
		const std::vector<Rule> rules = rules_for(entry.item(), now, plan);
		if (std::ranges::all_of(rules, sleeps))
			for (const Rule &rule : rules)
				tables.insert(nft::table_of(rule));
	}
	return tables;
}

bool bring_about(const Intent &intent, Situation &now, Changes &changes)
{
	How how = ways(now, intent);
	Plan plan = make_plan(intent.goal, now.actual, how, [&](Family family, How &chosen) {
		choose_rules(now, family, chosen);
	});
	State during = now.state, after = intent.after;

	for (const std::string &warning : plan.warnings)
		say_warning(warning);
	if (now.options.verbose || now.options.show)
		std::cout << now.host.describe(plan) << std::flush;
	if (now.options.show)
		return false;

	// The state file knows of everything before it is there, and until
	// after it is gone: whoever finds us dead can put it right.
	for (const Owned &owned : after.entries)
		during.add(owned);
	// What was not needed was not chosen.
	if (!intent.goal.present.empty() && (!plan.rules.empty() || now.options.backend))
		during.backend = after.backend = backend_of(how.store);
	now.host.wait_for_locks(plan);
	HoldSignals hold;
	now.file.write(during);
	try {
		apply(intent, now, how, plan);
	} catch (const HalfDone &error) {
		throw HalfDone(
			error.what() +
			std::string(
				"; what is there now is remembered: dsrctl reload or stop puts it right"));
	} catch (const Error &error) {
		forget(now);
		throw;
	}
	now.file.write(after);

	if (how.store == Store::dscp_rewrite)
		say_if_off(intent);
	for (const std::string &table : dormant_tables(intent, now, plan))
		say_warning(nft::dormant_text(table));
	now.state = after;
	changes.added += plan.add.size();
	changes.removed += plan.remove.size();
	changes.rules += plan.rules.size();
	return how.takes_over;
}

std::string changes_json(const Changes &changes, unsigned int processes)
{
	return json_text(nlohmann::json{{"addresses_added", changes.added},
					{"addresses_removed", changes.removed},
					{"rules_changed", changes.rules},
					{"processes", processes}});
}

} // namespace dsr
