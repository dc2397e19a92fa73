// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/intent.hpp"

#include <algorithm>

namespace dsr {

namespace {

bool configured(const Config &config, const Owned &started)
{
	return std::any_of(config.entries.begin(), config.entries.end(),
			   [&](const Entry &entry) { return started.same(owned(entry)); });
}

// Its DSCP stands for another VIP now, or its VIP is elsewhere.
bool replaced(const Config &config, const Owned &started)
{
	return std::any_of(config.entries.begin(), config.entries.end(), [&](const Entry &entry) {
		if (entry.ip == started.ip && entry.dev != started.dev)
			return true;
		return started.dscp && entry.dscp && overlap(entry.item(), started.item()) &&
		       !agree(entry.item(), started.item());
	});
}

// What another configuration has too stays.
void drop_shared(Goal &goal)
{
	std::erase_if(goal.absent, [&](const Owned &started) {
		return std::any_of(goal.kept.begin(), goal.kept.end(),
				   [&](const Owned &other) { return started.same(other); });
	});
}

} // namespace

Intent intent_to_start(const Config &config, const State &state, const std::string &source,
		       bool reconcile)
{
	Intent intent;
	State &after = intent.after;

	intent.goal.present = config.entries;
	after.backend = state.backend;
	for (const Owned &started : state.entries) {
		if (configured(config, started)) {
			after.entries.push_back(started);
		} else if (started.source == source && (reconcile || replaced(config, started))) {
			intent.goal.absent.push_back(started);
		} else {
			intent.goal.kept.push_back(started);
			after.entries.push_back(started);
		}
	}
	drop_shared(intent.goal);
	for (const Entry &entry : config.entries)
		after.add(owned(entry, source));
	return intent;
}

Intent intent_to_keep(const Config &config, const State &state)
{
	Intent intent;

	intent.goal.present = config.entries;
	intent.after = state;
	return intent;
}

Intent intent_to_stop(const Config &config, const State &state, const std::string &source,
		      bool everything)
{
	Intent intent;

	intent.goal.everything = everything;
	intent.after.backend = state.backend;
	for (const Entry &entry : config.entries)
		intent.goal.absent.push_back(owned(entry));
	for (const Owned &started : state.entries) {
		if (configured(config, started))
			continue;
		if (everything || started.source == source) {
			intent.goal.absent.push_back(started);
		} else {
			intent.goal.kept.push_back(started);
			intent.after.entries.push_back(started);
		}
	}
	drop_shared(intent.goal);
	return intent;
}

} // namespace dsr
