// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/reach.hpp"

#include <algorithm>

#include "common/process.hpp"
#include "common/rewrite_sysctls.hpp"
#include "dsrctl/nf_tables.hpp"

namespace dsr {

namespace {

// Of a host with hundreds of containers, some will do; and what is so for the
// others too is asked once.
constexpr std::size_t MOST_ARRIVALS = 16;

template <typename One>
void add(std::vector<One> &all, const One &one)
{
	if (std::find(all.begin(), all.end(), one) == all.end())
		all.push_back(one);
}

// None is for all that are not listed.
template <typename One>
void limit(std::vector<std::optional<One>> &all)
{
	const bool cut = all.size() > MOST_ARRIVALS;

	all.resize(std::min(all.size(), MOST_ARRIVALS));
	if (all.empty() || cut)
		all.emplace_back();
}

// What is known of every packet that is for it.
nf::Flow flow_of(const Item &item)
{
	nf::Flow flow(item.ip.family, item.dscp);

	if (item.to)
		flow.set_destination(*item.to);
	if (item.ports) {
		flow.set_protocol(number(item.ports->protocol));
		flow.set_destination_port(item.ports->rip);
	}
	return flow;
}

class Asking {
public:
	Asking(const nf::Ruleset &rules, const Item &item) : rules_(rules), item_(item) {}

	// False when more has to be asked.
	bool ask(const nf::Flow &flow)
	{
		const nf::Fates fates = nf::walk(rules_, flow);
		std::size_t right = 0, passed = 0;

		reach_.complete = reach_.complete && fates.complete;
		for (const nf::Fate &fate : fates.all) {
			if (fate.dropped)
				continue;
			passed++;
			right += judge(fate);
		}
		right_ += right;
		passed_ += passed;
		return passed && right == passed;
	}

	Reach answer()
	{
		reach_.dropped = !passed_;
		reach_.answer = !right_		 ? Reach::Answer::none :
				right_ < passed_ ? Reach::Answer::some :
						   Reach::Answer::all;
		return std::move(reach_);
	}

	void forget()
	{
		reach_ = {};
		right_ = passed_ = 0;
	}

private:
	bool judge(const nf::Fate &fate)
	{
		if (fate.changes.empty())
			return false;
		const nf::Change &last = fate.changes.back();
		const bool right = last.to == item_.ip &&
				   (!item_.ports ||
				    fate.flow.destination_port() == item_.ports->vip);

		add(right ? reach_.right : reach_.others, last);
		return right;
	}

	const nf::Ruleset &rules_;
	const Item &item_;
	Reach reach_;
	std::size_t right_ = 0, passed_ = 0;
};

} // namespace

Reach reach(const nf::Ruleset &rules, const Arrivals &arrivals, const Item &item)
{
	const nf::Flow any = flow_of(item);
	std::vector<std::optional<Arrivals::Interface>> interfaces;
	std::vector<std::optional<Ip>> addresses;
	Asking asking(rules, item);

	// What is so whatever comes need not be asked for each.
	if (asking.ask(any))
		return asking.answer();
	for (const Arrivals::Interface &one : arrivals.interfaces)
		interfaces.emplace_back(one);
	for (const Ip &ip : arrivals.addresses)
		if (ip.family == item.ip.family && !item.to)
			addresses.emplace_back(ip);
	limit(interfaces);
	limit(addresses);
	asking.forget();
	for (const auto &interface : interfaces)
		for (const auto &address : addresses) {
			nf::Flow flow = any;

			if (interface) {
				flow.in = interface->name;
				flow.in_index = interface->index;
			}
			if (address)
				flow.set_destination(*address);
			asking.ask(flow);
		}
	return asking.answer();
}

std::vector<Leads> leads(const nf::Ruleset &rules)
{
	constexpr std::uint8_t DSCPS = 64;
	std::vector<const nf::Rule *> of_any; // of unmarked packets, too
	std::vector<Leads> all;

	for (Family family : FAMILIES) {
		const std::size_t begin = all.size();

		for (std::uint8_t dscp = 0; dscp < DSCPS; dscp++) {
			const nf::Fates fates = nf::walk(rules, nf::Flow(family, dscp));
			auto of = [&](const nf::Change &change) -> Leads & {
				for (std::size_t i = begin; i < all.size(); i++)
					if (all[i].change.rule == change.rule)
						return all[i];
				all.push_back({change, family, {}, true});
				return all.back();
			};
			for (const nf::Fate &fate : fates.all)
				for (const nf::Change &change : fate.changes) {
					if (!dscp)
						of_any.push_back(change.rule);
					if (change.to)
						add(of(change).items, Item{dscp, *change.to});
				}
			for (std::size_t i = begin; i < all.size(); i++)
				for (const nf::Fate &fate : fates.all)
					if (!all[i].items.empty() &&
					    all[i].items.back().dscp == dscp && !fate.dropped &&
					    std::ranges::none_of(fate.changes,
								 [&](const nf::Change &change) {
									 return change.rule ==
										all[i].change.rule;
								 }))
						all[i].certain = false;
		}
	}
	std::erase_if(all, [&](const Leads &one) {
		return one.items.empty() || std::ranges::count(of_any, one.change.rule);
	});
	return all;
}

std::string where(const nf::Change &change)
{
	const std::vector<std::string> &words = change.rule->words;

	if (change.table->owner == nf::Table::Owner::dscp_rewrite)
		return change.table->name;
	if (words.empty() || std::ranges::count(words, UNKNOWN))
		return nf_where(*change.table, *change.chain, *change.rule);
	return "rule \"-t " + change.table->name + " -A " + *change.chain + " " +
	       shell_line(words) + "\"";
}

nf::Table rewrite_table(Family family, const std::vector<Rule> &rules)
{
	nf::Table table = nf::rewrite_table(family);

	// a VIP for one address comes before that for all others
	for (const bool named : {true, false})
		for (const Rule &rule : rules)
			for (const Item &item : rule.items) {
				nf::Rule one;

				if (rule.store != Store::dscp_rewrite || !rule.active ||
				    rule.family != family || item.to.has_value() != named)
					continue;
				one.packets = rule.packets;
				one.bytes = rule.bytes;
				nf::add_rewrite(table, std::move(one),
						{item.dscp, item.ip, item.to});
			}
	return table;
}

} // namespace dsr
