// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces that come, go, and get each other's numbers.
#include <filesystem>

#include "dsrctl/lock.hpp"
#include "dsrctl/network.hpp"
#include "dsrctl/state.hpp"
#include "namespace.hpp"
#include "world.hpp"

using namespace dsr_test;
using Access = StateFile::Access;

namespace {

State some_state()
{
	State state;

	state.add({"/etc/dsr.d", "10.0.0.7", ip("10.0.0.7"), 7, "lo"});
	return state;
}

State read_state(const std::string &directory)
{
	std::string warning;
	State state = StateFile(Access::read, 0, directory).read(warning);

	CHECK(warning.empty());
	return state;
}

} // namespace

TEST_CASE("dsrctl: the state of a network namespace that is gone is not another's of its number")
{
	Directory directory;
	const std::string run = directory / "run";
	std::string number;
	{
		const Namespace own;

		if (!own) {
			WARN("skipped: only root may have a network namespace");
			return;
		}
		number = network_number();
		StateFile(Access::change, 0, run).write(some_state());
		CHECK(read_state(run).entries == some_state().entries);
	}
	const Namespace own;
	std::filesystem::rename(run + "/" + number + ".json",
				run + "/" + network_number() + ".json");
	CHECK(read_state(run).entries.empty());
	StateFile(Access::change, 0, run).write(some_state());
	CHECK(read_state(run).entries.size() == 1);
}

TEST_CASE("dsrctl: a namespace is known by its cookie, or by its age, which stay")
{
	const std::string outside = network_identity();
	const Namespace own;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	CHECK(network_identity() != outside);
	CHECK(network_identity() == network_identity());
	CHECK(network_age().starts_with("lo "));
	CHECK(network_age() == network_age());
	CHECK(network_number() == network_number());
}

TEST_CASE("dsrctl: what namespaces left that are gone is swept, and nothing else")
{
	Directory directory;
	const std::string run = directory / "run", own = network_number();
	const StateFile file(Access::change, 0, run);
	auto names = [&] {
		std::set<std::string> names;

		for (const auto &one : std::filesystem::directory_iterator(run))
			names.insert(one.path().filename());
		return names;
	};
	const std::set<std::string> ours{own + ".json", own + ".lock", "README"};
	std::set<std::string> all = ours;

	file.write(some_state());
	directory.save("run/README", "");
	for (const std::string name : {"1.json", "1.lock", "2.json", "3.json"}) {
		directory.save("run/" + name, "");
		all.insert(name);
	}
	file.sweep([] { return std::nullopt; });
	CHECK(names() == all);
	const StateFile second(Access::read, 0, run);
	{
		const Descriptor coming = take_lock(run + "/3.lock", 0);

		file.sweep([] { return std::set<std::string>{"1"}; });
		all.erase("2.json");
		all.insert("3.lock");
		CHECK(names() == all);
	}
	file.sweep([] { return std::set<std::string>{}; });
	CHECK(names() == ours);
	CHECK(read_state(run).entries.size() == 1);
}

TEST_CASE("dsrctl: the namespaces that there are")
{
	const std::string outside = network_number();
	const Namespace own;
	const auto live = live_networks();

	if (!own || !live) {
		WARN("skipped: only root may have a network namespace, and sees all processes");
		return;
	}
	CHECK(live->contains(outside));
	CHECK(live->contains(network_number()));
}

TEST_CASE("dsrctl: who looks waits for nobody")
{
	Directory directory;
	const StateFile changing(Access::change, 0, directory / "run");

	changing.write(some_state());
	CHECK(read_state(directory / "run").entries.size() == 1);
	CHECK_THROWS_AS(StateFile(Access::change, 0, directory / "run"), Error);
}
