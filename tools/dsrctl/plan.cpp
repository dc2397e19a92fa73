// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/plan.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "common/dscp.hpp"

namespace dsr {

namespace {

using Kind = RuleStep::Kind;

class Planner {
public:
	Planner(const Goal &goal, const Actual &actual, How &how, Choose choose)
		: goal_(goal), actual_(actual), how_(how), choose_(std::move(choose))
	{
	}

	Plan make()
	{
		collect();
		remove_items();
		for (Family family : FAMILIES)
			add_items(family);
		order_steps();
		add_addresses();
		remove_addresses();
		warn();
		return std::move(plan_);
	}

private:
	bool skipped(const Entry &entry) const
	{
		return entry.ip.family == Family::ip6 &&
		       (!how_.ip6 || how_.without_ip6.contains(entry.dev));
	}

	void collect()
	{
		for (const Entry &entry : goal_.present)
			if (entry.dscp && !skipped(entry))
				wanted_.insert(entry.item());
		for (const Owned &owned : goal_.absent)
			if (owned.dscp)
				absent_.insert(owned.item());
		known_ = wanted_;
		for (const Owned &owned : goal_.kept)
			if (owned.dscp)
				kept_.insert(owned.item());
		known_.insert(kept_.begin(), kept_.end());
		known_.insert(absent_.begin(), absent_.end());
	}

	// The counters of maps say nothing of the address that packets come to.
	bool can_be_in_map(const Item &item) const
	{
		return item.dscp && !item.ports &&
		       std::none_of(wanted_.begin(), wanted_.end(), [&](const Item &other) {
			       return other.dscp == item.dscp && other.ip == item.ip &&
				      other != item;
		       });
	}

	// Is a rule that has this of the kind that is wanted?
	bool fits(const Rule &rule, const Item &item) const
	{
		// the variants of iptables are one backend
		if (backend_of(rule.store) != backend_of(how_.store))
			return false;
		if (rule.store == Store::dscp_rewrite)
			return true;
		if (how_.only_table && rule.table != *how_.only_table)
			return false;
		return !how_.only_map || rule.store == Store::nft ||
		       rule.map == (*how_.only_map && can_be_in_map(item));
	}

	// Does a rule do this that may stay?
	bool done(const Item &item) const
	{
		if (actual_.served_by_others(item))
			return true;
		return std::any_of(
			actual_.rules.begin(), actual_.rules.end(), [&](const Rule &rule) {
				return rule.has(item) && (!how_.takes_over || fits(rule, item));
			});
	}

	// In a rule of another kind, when one of this has it already.
	bool replaced(const Rule &rule, const Item &item) const
	{
		return how_.takes_over && !fits(rule, item) && wanted_.contains(item) && done(item);
	}

	bool goes(const Item &item) const
	{
		// kept: of another configuration that has the VIP elsewhere
		if (wanted_.contains(item) || kept_.contains(item))
			return false;
		return goal_.everything || absent_.contains(item);
	}

	void step(Kind kind, const Rule &old, std::vector<Item> items)
	{
		RuleStep step{kind, old, old, false};

		if (kind == Kind::remove) {
			step.rule = {};
		} else {
			step.rule.items = std::move(items);
			step.rule.text = rule_text(old.map, step.rule.items);
		}
		plan_.rules.push_back(std::move(step));
	}

	void remove_items()
	{
		for (const Rule &rule : actual_.rules) {
			std::vector<Item> stay;

			for (const Item &item : rule.items)
				if (!goes(item) && !replaced(rule, item))
					stay.push_back(item);
			if (stay.size() == rule.items.size())
				continue;
			if (stay.empty())
				step(Kind::remove, rule, {});
			else
				step(Kind::replace, rule, stay);
		}
	}

	// Our own map of packets to an address, or to any: one that holds
	// nothing we do not know of. What is left of it is what new entries are
	// added to.
	const Rule *our_map(Family family, const std::optional<Ip> &to) const
	{
		for (const Rule &rule : actual_.rules)
			if (rule.map && rule.store == how_.store && rule.family == family &&
			    rule.table == how_.table && rule.items[0].to == to &&
			    std::all_of(rule.items.begin(), rule.items.end(),
					[&](const Item &item) { return known_.contains(item); }))
				return &rule;
		return nullptr;
	}

	RuleStep *step_of(const Rule &rule)
	{
		for (RuleStep &step : plan_.rules)
			if (step.kind != Kind::add && step.old.store == rule.store &&
			    step.old.family == rule.family && step.old.table == rule.table &&
			    step.old.position == rule.position)
				return &step;
		return nullptr;
	}

	void add_rule(Family family, bool map, std::vector<Item> items)
	{
		RuleStep step;

		step.top = how_.top;
		step.rule.store = how_.store;
		step.rule.family = family;
		step.rule.table = how_.table;
		step.rule.map = map;
		step.rule.text = rule_text(map, items);
		step.rule.items = std::move(items);
		plan_.rules.push_back(std::move(step));
	}

	// The map with these entries too, in the place where it is now.
	void extend(const Rule &map, std::vector<Item> items)
	{
		RuleStep *known = step_of(map);

		for (const Item &item : map.items)
			if (!goes(item))
				items.push_back(item);
		std::sort(items.begin(), items.end());
		if (!known)
			return step(Kind::replace, map, std::move(items));
		known->kind = Kind::replace;
		known->rule = map;
		known->rule.text = rule_text(true, items);
		known->rule.items = std::move(items);
	}

	std::vector<Item> missing(Family family) const
	{
		std::vector<Item> items;

		for (const Entry &entry : goal_.present)
			if (entry.dscp && entry.ip.family == family && !skipped(entry) &&
			    !done(entry.item()))
				items.push_back(entry.item());
		return items;
	}

	void add_items(Family family)
	{
		const std::vector<Item> items = missing(family);
		std::map<std::optional<Ip>, std::vector<Item>> by_address;

		if (items.empty())
			return;
		if (choose_)
			std::exchange(choose_, nullptr)(family, how_);
		for (const Item &item : items)
			by_address[item.to].push_back(item);
		for (const auto &[to, some] : by_address)
			add_items(family, to, some);
	}

	// Of packets to an address, or to any.
	void add_items(Family family, const std::optional<Ip> &to, const std::vector<Item> &items)
	{
		const Rule *ours = how_.map ? our_map(family, to) : nullptr;
		std::vector<Item> mapped;
		std::set<std::uint8_t> taken;

		if (ours)
			for (const Item &item : ours->items)
				if (!goes(item))
					taken.insert(item.dscp);
		for (const Item &item : items)
			if (how_.map && can_be_in_map(item) && !taken.contains(item.dscp))
				mapped.push_back(item);
			else
				add_rule(family, false, {item});
		if (mapped.empty())
			return;
		if (ours)
			extend(*ours, std::move(mapped));
		else
			add_rule(family, true, std::move(mapped));
	}

	// What names a place comes first, while the places are as they were.
	void order_steps()
	{
		std::stable_sort(plan_.rules.begin(), plan_.rules.end(),
				 [](const RuleStep &a, const RuleStep &b) {
					 auto rank = [](const RuleStep &s) {
						 return s.kind == Kind::replace ? 0 :
							s.kind == Kind::remove	? 1 :
										  2;
					 };
					 return rank(a) < rank(b);
				 });
	}

	void add_addresses()
	{
		unsigned long number = 0;

		for (const Address &address : actual_.addresses)
			number = std::max(number, label_number(address.label).value_or(0));
		for (const Entry &entry : goal_.present) {
			if (skipped(entry) || actual_.is_local(entry.ip, entry.dev) || added(entry))
				continue;
			Address address = vip_address(entry.ip, entry.dev);

			if (entry.ip.family == Family::ip4 && entry.dev == "lo")
				address.label = "lo:" + std::to_string(++number);
			plan_.add.push_back({true, address});
		}
	}

	bool added(const Entry &entry) const
	{
		return std::any_of(
			plan_.add.begin(), plan_.add.end(),
			[&](const AddressStep &step) { return step.address.ip == entry.ip; });
	}

	bool needed(const Address &address) const
	{
		auto entry = [&](const auto &one) {
			return one.ip == address.ip && one.dev == address.dev;
		};

		return std::any_of(goal_.present.begin(), goal_.present.end(), entry) ||
		       std::any_of(goal_.kept.begin(), goal_.kept.end(), entry);
	}

	// Is it a VIP, and not only an address of the host?
	bool explained(const Address &address) const
	{
		for (const Owned &owned : goal_.absent)
			if (owned.ip == address.ip && owned.dev == address.dev)
				return true;
		if (!goal_.everything || address.dev != "lo")
			return false;
		if (address.ip.family == Family::ip4 && label_number(address.label))
			return true;
		for (const Rule &rule : actual_.rules)
			for (const Item &item : rule.items)
				if (item.ip == address.ip)
					return true;
		return false;
	}

	void remove_addresses()
	{
		for (const Address &address : actual_.addresses)
			if (address.single() && !refuse(address.ip) && !needed(address) &&
			    explained(address))
				plan_.remove.push_back({false, address});
	}

	// In a sysctl, each address has a VIP of its own.
	bool apart(const Rule &rule, const Item &item, const Item &mine) const
	{
		return rule.store == Store::dscp_rewrite && how_.store == Store::dscp_rewrite &&
		       item.to != mine.to;
	}

	// Somebody else's rule for packets of ours.
	void warn()
	{
		for (const auto &[item, served] : actual_.served)
			if (wanted_.contains(item) && !served.all)
				plan_.warnings.push_back(
					"found the " + served.by +
					", which leads some packets of DSCP " +
					std::to_string(item.dscp) + " to " + text(item.ip) +
					": dsrctl adds no rule for the others beside it; remove it, and start again, if all are to be sent there");
			else if (absent_.contains(item) && !wanted_.contains(item))
				plan_.warnings.push_back(
					"found the " + served.by + ", which leads DSCP " +
					std::to_string(item.dscp) + " to " + text(item.ip) +
					" and is not dsrctl's: it stays");
		for (const Rule &rule : actual_.rules)
			for (const Item &item : rule.items)
				for (const Item &mine : wanted_)
					if (overlap(mine, item) && !agree(mine, item) &&
					    !goes(item) && !apart(rule, item, mine))
						plan_.warnings.push_back(
							"a rule for " + dscp_text(item.dscp) +
							" to " + destination(item) + " is in " +
							place(rule) + ", besides the one to " +
							destination(mine) +
							": the last of them decides");
	}

	const Goal &goal_;
	const Actual &actual_;
	How &how_;
	Choose choose_; // empty once it was asked
	Plan plan_;
	std::set<Item> wanted_, absent_, kept_, known_;
};

} // namespace

Owned owned(const Entry &entry, const std::string &source)
{
	return {source, entry.name, entry.ip, entry.dscp, entry.dev, entry.to, entry.ports};
}

const Address *Actual::find(const Ip &ip, const std::string &dev) const
{
	for (const Address &address : addresses)
		if (address.ip == ip && address.dev == dev)
			return &address;
	return nullptr;
}

bool Actual::is_local(const Ip &ip, const std::string &dev) const
{
	return find(ip, dev) ||
	       std::any_of(networks.begin(), networks.end(),
			   [&](const Network &network) { return network.holds(ip); });
}

Plan make_plan(const Goal &goal, const Actual &actual, const How &how)
{
	How as_it_is = how;

	return Planner(goal, actual, as_it_is, nullptr).make();
}

Plan make_plan(const Goal &goal, const Actual &actual, How &how, Choose choose)
{
	return Planner(goal, actual, how, std::move(choose)).make();
}

std::optional<unsigned long> label_number(const std::string &label)
{
	unsigned long number;

	if (!label.starts_with("lo:"))
		return std::nullopt;
	auto [end, error] = std::from_chars(label.data() + 3, label.data() + label.size(), number);
	if (error != std::errc() || end != label.data() + label.size())
		return std::nullopt;
	return number;
}

} // namespace dsr
