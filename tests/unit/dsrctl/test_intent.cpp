// SPDX-License-Identifier: BSD-3-Clause
// What start and stop want, when this or another configuration was started.
#include "dsrctl/intent.hpp"
#include "world.hpp"

using namespace dsr_test;

namespace {

// What this configuration has started, and another one.
State started(const std::string &mine, const std::string &others = "")
{
	State state;

	state.backend = Backend::daddr;
	for (const Entry &entry : entries(mine))
		state.add(owned(entry, "mine"));
	for (const Entry &entry : entries(others))
		state.add(owned(entry, "other"));
	return state;
}

std::string names(const std::vector<Owned> &list)
{
	std::string text;

	for (const Owned &one : list)
		text += (text.empty() ? "" : " ") + one.source + ":" + one.name +
			(one.dev == "lo" ? "" : "@" + one.dev);
	return text;
}

Intent start(const std::string &config, const State &state)
{
	return intent_to_start(parse(config), state, "mine", false);
}

Intent reload(const std::string &config, const State &state)
{
	return intent_to_start(parse(config), state, "mine", true);
}

Intent stop(const std::string &config, const State &state)
{
	return intent_to_stop(parse(config), state, "mine", false);
}

} // namespace

TEST_CASE("dsrctl: start adds to what was started, reload takes its place")
{
	State before = started("10.0.0.7=7\n10.0.0.8=8\n");
	Intent added = start("10.0.0.9=9\n", before);
	Intent changed = reload("10.0.0.9=9\n", before);

	CHECK(added.goal.present.size() == 1);
	CHECK(names(added.goal.absent).empty());
	CHECK(names(added.goal.kept) == "mine:10.0.0.7 mine:10.0.0.8");
	CHECK(names(added.after.entries) == "mine:10.0.0.7 mine:10.0.0.8 mine:10.0.0.9");
	CHECK(names(changed.goal.absent) == "mine:10.0.0.7 mine:10.0.0.8");
	CHECK(names(changed.goal.kept).empty());
	CHECK(names(changed.after.entries) == "mine:10.0.0.9");
}

TEST_CASE("dsrctl: start replaces what has its DSCP, or its VIP elsewhere")
{
	State before = started("10.0.0.7=7\n10.0.0.8=8 dev eth0\n2001:db8::7=9\n");
	Intent intent = start("10.0.0.70=7\n10.0.0.8=8\n10.0.0.9=9\n", before);

	CHECK(names(intent.goal.absent) == "mine:10.0.0.7 mine:10.0.0.8@eth0");
	CHECK(names(intent.goal.kept) == "mine:2001:db8::7");
	CHECK(names(intent.after.entries) ==
	      "mine:2001:db8::7 mine:10.0.0.70 mine:10.0.0.8 mine:10.0.0.9");
}

TEST_CASE("dsrctl: what other configurations started stays")
{
	State before = started("10.0.0.7=7\n", "10.0.0.7=7\n10.0.0.8=8\n");
	Intent start = reload("10.0.0.9=9\n", before);
	Intent stop = ::stop("10.0.0.9=9\n", before);

	for (const Intent &intent : {start, stop}) {
		CHECK(names(intent.goal.kept) == "other:10.0.0.7 other:10.0.0.8");
		for (const Owned &absent : intent.goal.absent)
			CHECK(absent.name == "10.0.0.9");
	}
	CHECK(names(start.after.entries) == "other:10.0.0.7 other:10.0.0.8 mine:10.0.0.9");
	CHECK(names(stop.after.entries) == "other:10.0.0.7 other:10.0.0.8");
	CHECK(start.after.backend == before.backend);
	CHECK(stop.after.backend == before.backend);
}

TEST_CASE("dsrctl: stop takes what is configured, and what was")
{
	State before = started("10.0.0.7=7\n", "10.0.0.8=8\n");
	Intent intent = stop("10.0.0.9=9\n", before);
	Intent all = intent_to_stop(parse("10.0.0.9=9\n"), before, "mine", true);

	CHECK(names(intent.goal.absent) == ":10.0.0.9 mine:10.0.0.7");
	CHECK_FALSE(intent.goal.everything);
	CHECK(all.goal.everything);
	CHECK(names(all.goal.absent) == ":10.0.0.9 mine:10.0.0.7 other:10.0.0.8");
	CHECK(names(all.goal.kept).empty());
	CHECK(all.after.entries.empty());
}
