// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/host.hpp"

#include <algorithm>

#include "common/process.hpp"
#include "dsrctl/netlink.hpp"

namespace dsr {

namespace {

// In this order. That of nftables comes last: of rules that it has just added,
// the handles are not known, and so it is never undone.
const Transaction TRANSACTIONS[] = {
	{Store::iptables, Family::ip4, Table::mangle},
	{Store::iptables, Family::ip4, Table::raw},
	{Store::iptables, Family::ip6, Table::mangle},
	{Store::iptables, Family::ip6, Table::raw},
	{Store::other, Family::ip4, Table::mangle},
	{Store::other, Family::ip4, Table::raw},
	{Store::other, Family::ip6, Table::mangle},
	{Store::other, Family::ip6, Table::raw},
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

std::vector<Rule> Host::read(bool ip4, bool ip6) const
{
	std::vector<Rule> rules;

	for (Family family : FAMILIES) {
		if (family == Family::ip4 ? !ip4 : !ip6)
			continue;
		for (Rule &rule : iptables_.read(family))
			rules.push_back(std::move(rule));
	}
	for (Rule &rule : nft::read())
		rules.push_back(std::move(rule));
	for (Rule &rule : rewrite::read())
		if (rule.family == Family::ip4 ? ip4 : ip6)
			rules.push_back(std::move(rule));
	return rules;
}

void Host::apply_rules(const std::vector<RuleStep> &steps, bool last) const
{
	std::size_t done = 0;
	bool rewritten = false;

	try {
		for (const Transaction &one : TRANSACTIONS) {
			iptables_.apply(steps, one);
			done++;
		}
		rewrite::apply(steps);
		rewritten = true;
		nft::apply(steps, last);
	} catch (const Error &error) {
		std::vector<RuleStep> undo = inverse(steps);

		if (rewritten)
			rewrite::apply(undo);
		while (done--)
			iptables_.apply(undo, TRANSACTIONS[done]);
		throw RuleError(error.what());
	}
}

void Host::undo(const std::vector<AddressStep> &done) const
{
	std::vector<AddressStep> steps, ignored;

	for (const AddressStep &step : done)
		steps.insert(steps.begin(), {!step.add, step.address});
	change_addresses(steps, ignored);
}

void Host::apply(const Plan &plan, const std::vector<Rule> &before) const
{
	std::vector<AddressStep> added, removed;

	try {
		change_addresses(plan.add, added);
		apply_rules(plan.rules, leaves_none(plan, before));
	} catch (const Error &) {
		undo(added);
		throw;
	}
	change_addresses(plan.remove, removed);
}

std::string Host::describe(const Plan &plan) const
{
	std::string text;
	auto addresses = [&](const std::vector<AddressStep> &steps) {
		for (const AddressStep &step : steps)
			text += "+" + shell_line(ip_command(step.add,
							    step.address)) +
				"\n";
	};

	addresses(plan.add);
	for (const Transaction &one : TRANSACTIONS) {
		std::string input = restore_input(plan.rules, one);

		if (!input.empty())
			text += "+" + iptables_.program(one.store, one.family,
							"-restore") +
				" --noflush -w <<END\n" + input + "END\n";
	}
	text += rewrite::describe(plan.rules);
	std::string input = nft::input(plan.rules, false);
	if (!input.empty())
		text += "+nft -f - <<END\n" + input + "END\n";
	addresses(plan.remove);
	return text;
}

} // namespace dsr
