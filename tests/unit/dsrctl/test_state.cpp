// SPDX-License-Identifier: BSD-3-Clause
// What is remembered.
#include <sys/stat.h>

#include "state.hpp"
#include "world.hpp"
#include "write_file.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl: the state survives being written")
{
	State state;

	state.backend = "nft";
	state.add({"/etc/dsr.d", "host.example", ip("10.0.0.7"), 7, "lo"});
	state.add({"/etc/dsr.d", "2001:DB8::7", ip("2001:db8::7"), std::nullopt, "eth1"});
	state.add({"/etc/dsr.d", "host.example", ip("10.0.0.7"), 7, "lo"});
	CHECK(state.entries.size() == 2);
	State again = parse_state(state_text(state), "f");
	CHECK(again.backend == "nft");
	CHECK(again.entries == state.entries);
	again.remove(state.entries[0]);
	CHECK(again.entries.size() == 1);
}

TEST_CASE("dsrctl: a state that is damaged says so")
{
	for (const char *bad : {"", "{", "[]", "{\"version\": 2}",
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

TEST_CASE("dsrctl: a file is replaced at once, or not at all")
{
	Directory directory;
	struct stat status{};

	directory.save("m.prom", "old");
	write_file(directory / "m.prom", "new", 0644);
	CHECK(load(directory / "m.prom") == "new");
	REQUIRE(!stat((directory / "m.prom").c_str(), &status));
	CHECK((status.st_mode & 0777) == 0644);
	CHECK_THROWS_AS(write_file(directory / "none/m", "x", 0644), Error);
	std::filesystem::create_directory(directory / "d");
	CHECK_THROWS_AS(write_file(directory / "d", "x", 0644), Error);
	std::size_t files = 0;
	for (const auto &file : std::filesystem::directory_iterator(directory / ""))
		files += file.exists();
	CHECK(files == 2);	// no leftovers
}
