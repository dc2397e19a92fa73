// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces that come, go, and get each other's numbers.
#include <filesystem>

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
	const std::string run = directory / "run", outside = network_number();
	const Namespace own;

	if (!own || !live_networks()) {
		WARN("skipped: only root may have a network namespace, and sees all processes");
		return;
	}
	CHECK(live_networks()->contains(outside));
	CHECK(live_networks()->contains(network_number()));
	// more than that is not asked of who only looks
	std::filesystem::create_directory(run);
	std::filesystem::permissions(run, std::filesystem::perms::owner_all);
	for (const std::string &name : {std::string("1.json"),
			std::string("1.lock"), std::string("2.json"),
			std::string("README"), outside + ".json",
			outside + ".lock", network_number() + ".json"})
		directory.save("run/" + name, "");
	StateFile(Access::read, 0, run);
	CHECK(std::filesystem::exists(run + "/1.json"));
	const StateFile file(Access::change, 0, run);
	std::set<std::string> left;
	for (const auto &one : std::filesystem::directory_iterator(run))
		left.insert(one.path().filename());
	CHECK(left == std::set<std::string>{"README", outside + ".json",
					    outside + ".lock",
					    network_number() + ".json",
					    network_number() + ".lock"});
}

TEST_CASE("dsrctl: who looks waits for nobody")
{
	Directory directory;
	const StateFile changing(Access::change, 0, directory / "run");

	changing.write(some_state());
	CHECK(read_state(directory / "run").entries.size() == 1);
	CHECK_THROWS_AS(StateFile(Access::change, 0, directory / "run"), Error);
}
