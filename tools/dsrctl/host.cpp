// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/host.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "common/process.hpp"
#include "common/saved_tables.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/nf_tables.hpp"

namespace dsr {

namespace {

// In this order. That of nftables comes last: of rules that it has just added,
// the handles are not known, and so it is never undone.
const Transaction TRANSACTIONS[] = {
	{Store::iptables, Family::ip4, Table::mangle}, {Store::iptables, Family::ip4, Table::raw},
	{Store::iptables, Family::ip6, Table::mangle}, {Store::iptables, Family::ip6, Table::raw},
	{Store::other, Family::ip4, Table::mangle},    {Store::other, Family::ip4, Table::raw},
	{Store::other, Family::ip6, Table::mangle},    {Store::other, Family::ip6, Table::raw},
};

bool leaves_none(const Plan &plan, const std::vector<Rule> &before)
{
	auto of_nft = [](const Rule &rule) { return rule.store == Store::nft; };
	std::size_t left = std::count_if(before.begin(), before.end(), of_nft);

	for (const RuleStep &step : plan.rules) {
		if (!of_nft(step.any()))
			continue;
		if (step.kind != RuleStep::Kind::remove)
			return false;
		left--;
	}
	return !left;
}

std::vector<RuleStep> inverse(const std::vector<RuleStep> &steps)
{
	std::vector<RuleStep> undo;

	for (const RuleStep &step : steps)
		undo.insert(undo.begin(), dsr::inverse(step));
	return undo;
}

// The rules of one of the places, in their order.
std::vector<std::string> texts(const std::vector<Rule> &rules, const Transaction &place)
{
	std::vector<std::string> texts;

	for (const Rule &rule : rules)
		if (rule.store == place.store && rule.family == place.family &&
		    rule.table == place.table)
			texts.push_back(std::to_string(rule.position) + " " + rule.text);
	return texts;
}

// Do the steps name it?
bool concerns(const std::vector<RuleStep> &steps, const Transaction &place)
{
	return std::any_of(steps.begin(), steps.end(), [&](const RuleStep &step) {
		const Rule &rule = step.any();

		return rule.store == place.store && rule.family == place.family &&
		       rule.table == place.table;
	});
}

bool concerns(const std::vector<RuleStep> &steps, Family family)
{
	return std::any_of(steps.begin(), steps.end(),
			   [&](const RuleStep &step) { return step.any().family == family; });
}

// What dscp_rewrite does, of the families that the steps are about.
std::set<Item> rewrites(const std::vector<Rule> &rules, const std::vector<RuleStep> &steps)
{
	std::set<Item> items;

	for (const Rule &rule : rules)
		if (rule.store == Store::dscp_rewrite && concerns(steps, rule.family))
			items.insert(rule.items.begin(), rule.items.end());
	return items;
}

// All handles of the table of nftables.
std::vector<std::uint64_t> handles(const std::vector<Rule> &rules)
{
	std::vector<std::uint64_t> handles;

	for (const Rule &rule : rules)
		if (rule.store == Store::nft)
			handles.push_back(rule.handle);
	return handles;
}

template <typename One>
void append(std::vector<One> &all, std::vector<One> more)
{
	std::ranges::move(more, std::back_inserter(all));
}

bool is_known(const Rule &rule, const std::set<Item> &known)
{
	return std::ranges::all_of(rule.items,
				   [&](const Item &item) { return known.contains(item); });
}

// The rules of the form that dsrctl makes, and for what it knows of: it may add
// or remove them. @ours: those of that form
void remove_known(nf::Table &table, const std::vector<Rule> &ours, const std::set<Item> &known)
{
	const bool own = table.family == "inet" && table.name == nft::TABLE;
	const Family family = table.family == "ip6" ? Family::ip6 : Family::ip4;
	auto goes = [&](const std::string &chain, const nf::Rule &rule) {
		if (own)
			return std::ranges::any_of(ours, [&](const Rule &one) {
				return one.store == Store::nft && one.handle == rule.handle &&
				       is_known(one, known);
			});
		if (table.family != "ip" && table.family != "ip6")
			return false;
		const std::vector<Rule> parsed = parse_save(
			{{table.name, chain, rule.words, 0, 0, "", ""}}, Store::iptables, family);
		return !parsed.empty() && is_known(parsed[0], known);
	};

	for (auto &[name, chain] : table.chains)
		std::erase_if(chain.rules,
			      [&, &name = name](const nf::Rule &rule) { return goes(name, rule); });
}

} // namespace

HoldSignals::HoldSignals()
{
	sigset_t held;

	sigemptyset(&held);
	for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM})
		sigaddset(&held, signal);
	sigprocmask(SIG_BLOCK, &held, &before_);
}

HoldSignals::~HoldSignals()
{
	sigprocmask(SIG_SETMASK, &before_, nullptr);
}

Host::Found Host::read(bool ip4, bool ip6, const std::set<Item> &known) const
{
	Found found{{}, {read_nf_tables()}, {}};
	const std::vector<nf::Table> tables = found.others.tables;
	// at once: a moment later, somebody may have removed them
	std::vector<Rule> own = nft::read(tables);

	for (const nf::Table &table : tables)
		if (table.dormant)
			found.dormant.insert(full_name(table));
	for (Family family : FAMILIES) {
		if (family == Family::ip4 ? !ip4 : !ip6)
			continue;
		for (Store store : {Store::iptables, Store::other}) {
			const Saved saved = iptables_.save(family, store, tables,
							   Tables::rewriting);

			append(found.rules, parse_save(saved.rules, store, family));
			if (iptables_.variant(store, family) == std::string("legacy"))
				append(found.others.tables, nf::saved_tables(saved, family));
		}
	}
	append(found.rules, std::move(own));
	for (Rule &rule : found.rules)
		rule.active = !is_in(found.dormant, rule);
	for (Rule &rule : rewrite::read())
		if (rule.family == Family::ip4 ? ip4 : ip6)
			found.rules.push_back(std::move(rule));
	for (nf::Table &table : found.others.tables)
		remove_known(table, found.rules, known);
	return found;
}

bool Host::is_in(const std::set<std::string> &tables, const Rule &rule) const
{
	if (rule.store == Store::dscp_rewrite ||
	    (rule.store != Store::nft &&
	     iptables_.variant(rule.store, rule.family) != std::string("nft")))
		return false;
	return tables.contains(nft::table_of(rule));
}

void Host::wait_for_locks(const Plan &plan) const
{
	for (const Transaction &one : TRANSACTIONS)
		if (concerns(plan.rules, one))
			iptables_.wait_for_lock(one);
}

// A program that failed, or was killed, has done all of its transaction or
// nothing: what there is tells. Returns what is still there, as words for a
// message; empty: all is as it was before.
std::string Host::undo_rules(const std::vector<RuleStep> &steps,
			     const std::vector<Rule> &before) const
{
	const std::vector<RuleStep> undo = inverse(steps);
	std::string failed;

	try {
		const std::vector<Rule> now =
			read(concerns(steps, Family::ip4), concerns(steps, Family::ip6)).rules;

		for (auto one = std::rbegin(TRANSACTIONS); one != std::rend(TRANSACTIONS); one++) {
			if (!concerns(steps, *one) || texts(now, *one) == texts(before, *one))
				continue;
			try {
				iptables_.apply(undo, *one);
			} catch (const Error &error) {
				failed += std::string("; undoing: ") + error.what();
			}
		}
		if (rewrites(now, steps) != rewrites(before, steps))
			rewrite::apply(undo);
		// of new ones, the handles are not known
		if (handles(now) != handles(before))
			failed += "; rules of nftables were changed";
	} catch (const Error &error) {
		failed += std::string("; undoing: ") + error.what();
	}
	return failed;
}

void Host::apply_rules(const Plan &plan, const std::vector<Rule> &before) const
{
	try {
		for (const Transaction &one : TRANSACTIONS)
			iptables_.apply(plan.rules, one);
		rewrite::apply(plan.rules);
		nft::apply(plan.rules, leaves_none(plan, before));
	} catch (const Error &error) {
		const std::string failed = undo_rules(plan.rules, before);

		if (!failed.empty())
			throw HalfDone(error.what() + failed);
		throw RuleError(error.what());
	}
}

// Returns why not all is undone, as words for a message.
std::string Host::undo_addresses(const std::vector<AddressStep> &done)
{
	std::vector<AddressStep> steps, ignored;

	for (const AddressStep &step : done)
		steps.insert(steps.begin(), {!step.add, step.address});
	try {
		change_addresses(steps, ignored);
	} catch (const Error &error) {
		return std::string("; undoing: ") + error.what();
	}
	return "";
}

void Host::apply(const Plan &plan, const std::vector<Rule> &before) const
{
	std::vector<AddressStep> added, removed;

	try {
		change_addresses(plan.add, added);
		apply_rules(plan, before);
	} catch (const HalfDone &) {
		// a rule may lead to them
		throw;
	} catch (const Error &error) {
		const std::string failed = undo_addresses(added);

		if (!failed.empty())
			throw HalfDone(error.what() + failed);
		throw;
	}
	try {
		change_addresses(plan.remove, removed);
	} catch (const Error &error) {
		throw HalfDone(error.what());
	}
}

std::string Host::describe(const Plan &plan) const
{
	std::string text;
	auto addresses = [&](const std::vector<AddressStep> &steps) {
		for (const AddressStep &step : steps)
			text += "+" + shell_line(ip_command(step.add, step.address)) + "\n";
	};

	addresses(plan.add);
	for (const Transaction &one : TRANSACTIONS) {
		std::string input = restore_input(plan.rules, one);

		if (!input.empty())
			text += "+" + iptables_.program(one.store, one.family, "-restore") + " " +
				shell_line(iptables_.restore_options()) + " <<END\n" + input +
				"END\n";
	}
	text += rewrite::describe(plan.rules);
	std::string input = nft::input(plan.rules, false);
	if (!input.empty())
		text += "+nft -f - <<END\n" + input + "END\n";
	addresses(plan.remove);
	return text;
}

} // namespace dsr
