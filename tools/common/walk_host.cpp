// SPDX-License-Identifier: BSD-3-Clause
#include "common/walk_host.hpp"

#include <algorithm>

namespace dsr::nf {

std::vector<Place> places(const Ruleset &rules, Family family)
{
	std::vector<Place> all;

	for (const Table &table : rules.tables)
		if (table.sees(family) && !table.dormant)
			for (const auto &[name, chain] : table.chains)
				if (chain.base && chain.base->hook != Hook::other)
					all.push_back({&table, &name, &*chain.base});
	std::stable_sort(all.begin(), all.end(), [](const Place &a, const Place &b) {
		return std::pair(a.base->hook, a.base->priority) <
		       std::pair(b.base->hook, b.base->priority);
	});
	return all;
}

namespace {

bool same_priority(const Place &a, const Place &b)
{
	return a.base->hook == b.base->hook && a.base->priority == b.base->priority;
}

// Every order that they may be in, up to so many: then @all_of_them is false.
std::vector<std::vector<Place>> orders(const std::vector<Place> &all, bool &all_of_them)
{
	constexpr std::size_t MOST_ORDERS = 24; // of 4 with the same priority
	std::vector<std::vector<Place>> found(1);
	auto by_name = [](const Place &a, const Place &b) {
		return std::pair(a.table, a.name) < std::pair(b.table, b.name);
	};

	for (auto begin = all.begin(); begin != all.end();) {
		const auto end = std::find_if(begin, all.end(), [&](const Place &one) {
			return !same_priority(*begin, one);
		});
		std::vector<Place> same(begin, end);
		std::vector<std::vector<Place>> longer;

		std::sort(same.begin(), same.end(), by_name);
		bool more = true;
		while (more && longer.size() < MOST_ORDERS) {
			for (const std::vector<Place> &order : found) {
				longer.push_back(order);
				longer.back().insert(longer.back().end(), same.begin(), same.end());
			}
			more = std::next_permutation(same.begin(), same.end(), by_name);
		}
		all_of_them &= !more;
		found = std::move(longer);
		begin = end;
	}
	return found;
}

Truth comes_by(const Base &base, const Flow &flow)
{
	if (base.hook != Hook::ingress)
		return Truth::yes;
	if (!flow.in)
		return Truth::maybe;
	return std::find(base.devices.begin(), base.devices.end(), *flow.in) != base.devices.end() ?
		       Truth::yes :
		       Truth::no;
}

void walk_places(const std::vector<Place> &all, const Flow &flow, Fates &fates)
{
	std::vector<Fate> states{{flow, {}, nullptr, false}};
	auto keep = [&](const Fate &fate) {
		if (std::find(fates.all.begin(), fates.all.end(), fate) == fates.all.end())
			fates.all.push_back(fate);
	};

	for (const Place &place : all) {
		Ends ends;
		const Truth here = comes_by(*place.base, flow);

		if (here == Truth::no)
			continue;
		if (here == Truth::maybe)
			ends.through = states;
		for (Fate &state : states) {
			Ends one = walk_chain(*place.table, *place.name, *place.base,
					      std::move(state), fates.complete);
			auto &through = place.base->drops ? ends.dropped : ends.through;
			for (Fate &fate : one.through) {
				fate.dropped = place.base->drops;
				through.push_back(std::move(fate));
			}
			ends.accepted.insert(ends.accepted.end(), one.accepted.begin(),
					     one.accepted.end());
			ends.dropped.insert(ends.dropped.end(), one.dropped.begin(),
					    one.dropped.end());
		}
		for (const Fate &fate : ends.dropped)
			keep(fate);
		states.clear();
		for (auto *some : {&ends.through, &ends.accepted})
			for (Fate &fate : *some)
				if (std::find(states.begin(), states.end(), fate) == states.end())
					states.push_back(std::move(fate));
	}
	for (const Fate &state : states)
		keep(state);
}

} // namespace

Fates walk(const Ruleset &rules, const Flow &flow)
{
	Fates fates;

	for (const std::vector<Place> &order : orders(places(rules, flow.family), fates.complete))
		walk_places(order, flow, fates);
	return fates;
}

} // namespace dsr::nf
