// SPDX-License-Identifier: BSD-3-Clause
// Locks that somebody has.
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "dsrctl/lock.hpp"
#include "world.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl: a lock that somebody has is waited for, and it is said who has it")
{
	Directory directory;
	const std::string path = directory / "lock";
	Descriptor first = take_lock(path, 0);

	CHECK(mode(path) == 0600);
	CHECK_FALSE(try_lock(path));
	CHECK_THROWS_WITH(take_lock(path, 0),
			  Catch::Contains(path + ": found it locked by process " +
					  std::to_string(getpid()) +
					  " (unit_dsrctl) for 0 s, and nothing was changed"));
	std::thread releasing([&] { first.close(); });
	CHECK(take_lock(path, 60));
	releasing.join();
	CHECK(try_lock(path));
}

TEST_CASE("dsrctl: a lock whose file was swept away is none")
{
	Directory directory;
	const std::string path = directory / "lock";
	Descriptor first = take_lock(path, 0);
	std::thread sweeping([&] {
		std::filesystem::remove(path);
		first.close();
	});
	const Descriptor second = take_lock(path, 60);

	sweeping.join();
	CHECK(std::filesystem::exists(path));
	CHECK_FALSE(try_lock(path));
}

TEST_CASE("dsrctl: no lock is taken through a link, or where there can be none")
{
	Directory directory;

	std::filesystem::create_symlink(directory / "made", directory / "link");
	CHECK_THROWS_AS(take_lock(directory / "link", 0), Error);
	CHECK_FALSE(try_lock(directory / "link"));
	CHECK_FALSE(std::filesystem::exists(directory / "made"));
	CHECK_THROWS_AS(take_lock(directory / "none/lock", 0), Error);
}
