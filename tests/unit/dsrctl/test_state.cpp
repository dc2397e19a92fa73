// SPDX-License-Identifier: BSD-3-Clause
// What is remembered.
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dsrctl/state.hpp"
#include "world.hpp"

using namespace dsr_test;
using Access = StateFile::Access;

TEST_CASE("dsrctl: the state survives being written")
{
	State state;

	state.backend = Backend::nft;
	state.add({"/etc/dsr.d", "host.example", ip("10.0.0.7"), 7, "lo"});
	state.add({"/etc/dsr.d", "2001:DB8::7", ip("2001:db8::7"), std::nullopt, "eth1"});
	state.add({"/etc/dsr.d", "host.example", ip("10.0.0.7"), 7, "lo"});
	CHECK(state.entries.size() == 2);
	state.add({"/etc/dsr.d", "10.0.0.8", ip("10.0.0.8"), 8, "lo", ip("192.0.2.1"),
		   PortChange{Protocol::udp, 5353, 53}});
	State again = parse_state(state_text(state), "f");
	CHECK(again.backend == Backend::nft);
	CHECK(again.entries == state.entries);
}

TEST_CASE("dsrctl: a state that is damaged says so")
{
	for (const char *bad :
	     {"", "{", "[]", "{\"version\": 2}",
	      "{\"version\": 1, \"backend\": \"\", \"entries\": [{}]}",
	      "{\"version\": 1, \"backend\": \"\", \"entries\": [{\"source\": \"s\", \"name\": \"n\", \"ip\": \"x\", \"dscp\": 7, \"dev\": \"lo\"}]}"})
		CHECK_THROWS_AS(parse_state(bad, "f"), Error);
}

TEST_CASE("dsrctl: what a host name was resolved to")
{
	State state;

	state.add({"a", "h", ip("10.0.0.1"), 1, "lo"});
	state.add({"b", "h", ip("10.0.0.2"), 2, "lo"});
	CHECK(state.remembered("h", "a") == ip("10.0.0.1"));
	CHECK(state.remembered("h", "b") == ip("10.0.0.2"));
	CHECK(state.remembered("h", "c").has_value());
	CHECK_FALSE(state.remembered("other", "a"));
}

TEST_CASE("dsrctl: state and lock are nobody else's")
{
	Directory directory;
	std::string run = directory / "run", warning;
	State state;

	state.add({"/etc/dsr.d", "10.0.0.7", ip("10.0.0.7"), 7, "lo"});
	StateFile(Access::change, 0, run).write(state);
	CHECK(mode(run) == 0700);
	CHECK(StateFile(Access::read, 0, run).read(warning).entries == state.entries);
	CHECK(warning.empty());
	std::string lock, json;
	for (const auto &file : std::filesystem::directory_iterator(run))
		(file.path().extension() == ".lock" ? lock : json) = file.path();
	CHECK(mode(lock) == 0600);
	CHECK(mode(json) == 0600);

	SECTION("a directory that others may write")
	{
		REQUIRE(!chmod(run.c_str(), 01777));
		for (Access access : {Access::read, Access::change})
			CHECK_THROWS_WITH(
				StateFile(access, 0, run),
				run + ": mode 1777 lets anybody write it, and only root may: chmod go-w " +
					run);
	}
	SECTION("a directory of another user")
	{
		if (geteuid())
			return;
		REQUIRE(!chown(run.c_str(), 1000, 0));
		CHECK_THROWS_AS(StateFile(Access::change, 0, run), Error);
	}
	SECTION("a directory that is a link")
	{
		std::filesystem::create_directory_symlink(run, directory / "link");
		CHECK_THROWS_AS(StateFile(Access::change, 0, directory / "link"), Error);
	}
	SECTION("a lock that is a link")
	{
		std::filesystem::remove(lock);
		std::filesystem::create_symlink(directory / "made", lock);
		CHECK_THROWS_AS(StateFile(Access::change, 0, run), Error);
		CHECK_FALSE(std::filesystem::exists(directory / "made"));
	}
	SECTION("a state that is a link")
	{
		std::filesystem::rename(json, directory / "else");
		std::filesystem::create_symlink(directory / "else", json);
		const std::string before = load_text(directory / "else");
		StateFile file(Access::change, 0, run);
		CHECK(file.read(warning).entries.empty());
		CHECK(has(warning, json));
		CHECK_THROWS_AS(file.write(state), Error);
		CHECK(load_text(directory / "else") == before);
	}
}

TEST_CASE("dsrctl: who changes something does not forget a state that cannot be read")
{
	Directory directory;
	const std::string run = directory / "run";
	std::string warning;
	bool refused = false;
	rlimit before{};

	{
		State state;
		state.add({"/etc/dsr.d", "10.0.0.7", ip("10.0.0.7"), 7, "lo"});
		StateFile(Access::change, 0, run).write(state);
	}
	const StateFile file(Access::change, 0, run), looks(Access::read, 0, run);
	REQUIRE(!getrlimit(RLIMIT_NOFILE, &before));
	const rlimit none{0, before.rlim_max};
	REQUIRE(!setrlimit(RLIMIT_NOFILE, &none));
	try {
		file.read(warning);
	} catch (const Error &) {
		refused = true;
	}
	const bool empty = looks.read(warning).entries.empty();
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK(refused);
	CHECK(empty);
	CHECK(has(warning, "Too many open files"));
}

TEST_CASE("dsrctl: what a killed dsrctl has started goes on before others change something")
{
	const Directory directory;
	const std::string run = directory / "run";
	std::optional<StateFile> killed(std::in_place, Access::change, 0, run);
	FILE *program = popen("cat", "w");

	REQUIRE(program);
	killed.reset();
	CHECK_THROWS_AS(StateFile(Access::change, 0, run), Error);
	CHECK(pclose(program) == 0);
	CHECK_NOTHROW(StateFile(Access::change, 0, run));
}
