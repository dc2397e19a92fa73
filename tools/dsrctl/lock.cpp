// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "common/files.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

using Clock = std::chrono::steady_clock;

Descriptor open_lock(const std::string &path)
{
	return Descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

// Whoever swept the directory meanwhile has removed what we opened: the next to
// come would lock another file.
bool is_there(const Descriptor &lock, const std::string &path)
{
	struct stat opened {
	}, found{};

	return !fstat(lock.get(), &opened) && !lstat(path.c_str(), &found) &&
	       opened.st_dev == found.st_dev && opened.st_ino == found.st_ino;
}

// "process 123 (iptables)". Not by /proc/locks, which has whoever took it: flock(1)
// of a script, which is gone since.
std::string holder(const Descriptor &lock)
{
	namespace fs = std::filesystem;
	std::error_code error;
	const fs::path path = fs::read_symlink("/proc/self/fd/" + std::to_string(lock.get()),
					       error);

	for (const auto &process : fs::directory_iterator("/proc", error)) {
		std::error_code ignored;

		// not "self"
		if (process.path().filename().string().find_first_not_of("0123456789") !=
		    std::string::npos)
			continue;
		for (const auto &file : fs::directory_iterator(process.path() / "fd", ignored)) {
			if (fs::read_symlink(file.path(), ignored) != path)
				continue;
			const fs::path info = process.path() / "fdinfo" / file.path().filename();
			if (read_file_if_any(info.string()).find("FLOCK") == std::string::npos)
				continue;
			std::string name = read_file_if_any((process.path() / "comm").string());
			if (name.ends_with('\n'))
				name.pop_back();
			return "process " + process.path().filename().string() + " (" + name + ")";
		}
	}
	return "another process";
}

// False: somebody else has it.
bool lock_now(const Descriptor &lock, const std::string &path)
{
	while (flock(lock.get(), LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK)
			return false;
		if (errno != EINTR)
			fail(path, errno);
	}
	return true;
}

} // namespace

Descriptor take_lock(const std::string &path, unsigned int seconds)
{
	const auto begin = Clock::now();
	bool said = false;

	for (;;) {
		Descriptor lock = open_lock(path);

		if (!lock)
			throw Error(path +
				    ": cannot be opened, to lock it: " + std::strerror(errno));
		while (!lock_now(lock, path)) {
			const auto waited = Clock::now() - begin;

			if (waited >= std::chrono::seconds(seconds))
				throw Error(
					path + ": found it locked by " + holder(lock) + " for " +
					std::to_string(seconds) +
					" s, and nothing was changed; see what that does, or wait longer with --wait SECONDS");
			if (!said && waited >= std::chrono::seconds(1)) {
				say("waiting for " + holder(lock) + ", which has locked " + path +
				    ", up to " + std::to_string(seconds) + " s in all (--wait)");
				said = true;
			}
			std::this_thread::sleep_for(std::chrono::milliseconds(20));
		}
		if (is_there(lock, path))
			return lock;
	}
}

Descriptor try_lock(const std::string &path)
{
	Descriptor lock = open_lock(path);

	if (!lock || flock(lock.get(), LOCK_EX | LOCK_NB) || !is_there(lock, path))
		return {};
	return lock;
}

} // namespace dsr
