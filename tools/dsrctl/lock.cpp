// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>

#include "common/files.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

using Clock = std::chrono::steady_clock;

Descriptor open_lock(const std::string &path)
{
	return Descriptor(open(path.c_str(),
			       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
}

// Whoever swept the directory meanwhile has removed what we opened: the next to
// come would lock another file.
bool is_there(const Descriptor &lock, const std::string &path)
{
	struct stat opened{}, found{};

	return !fstat(lock.get(), &opened) &&
	       !lstat(path.c_str(), &found) &&
	       opened.st_dev == found.st_dev && opened.st_ino == found.st_ino;
}

bool has_open(const std::string &process, const std::string &path)
{
	namespace fs = std::filesystem;
	std::error_code error;

	for (const auto &file :
	     fs::directory_iterator("/proc/" + process + "/fd", error))
		if (fs::read_symlink(file.path(), error) == path)
			return true;
	return false;
}

// "process 123 (iptables)", as /proc/locks knows it:
//	1: FLOCK  ADVISORY  WRITE 123 00:1a:42 0 EOF
// Of some file systems (overlay), the numbers before the inode are others than
// whoever asks for the file is told.
std::string holder(const Descriptor &lock, const std::string &path)
{
	struct stat status{};
	std::istringstream lines(read_file_if_any("/proc/locks"));
	std::string line;
	char file[64];

	if (fstat(lock.get(), &status))
		return "another process";
	std::snprintf(file, sizeof(file), "%02x:%02x:%llu",
		      major(status.st_dev), minor(status.st_dev),
		      static_cast<unsigned long long>(status.st_ino));
	const std::string inode = ":" + std::to_string(status.st_ino);
	while (std::getline(lines, line)) {
		std::string number, kind, how, what, process, where;

		std::istringstream(line) >> number >> kind >> how >> what >>
			process >> where;
		if (kind != "FLOCK" ||
		    (where != file && (!where.ends_with(inode) ||
				       !has_open(process, path))))
			continue;
		std::string name =
			read_file_if_any("/proc/" + process + "/comm");
		if (name.ends_with('\n'))
			name.pop_back();
		return "process " + process +
		       (name.empty() ? "" : " (" + name + ")");
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
			throw Error(path + ": " + std::strerror(errno) +
				    ", expected a file that can be locked");
		while (!lock_now(lock, path)) {
			const auto waited = Clock::now() - begin;

			if (waited >= std::chrono::seconds(seconds))
				throw Error(path + ": found it locked by " +
					    holder(lock, path) + " for " +
					    std::to_string(seconds) +
					    " s, and nothing was changed; see what that does, or wait longer with --wait SECONDS");
			if (!said && waited >= std::chrono::seconds(1)) {
				say("waiting for " + holder(lock, path) +
				    ", which has locked " + path + ", up to " +
				    std::to_string(seconds) +
				    " s in all (--wait)");
				said = true;
			}
			std::this_thread::sleep_for(
				std::chrono::milliseconds(20));
		}
		if (is_there(lock, path))
			return lock;
	}
}

Descriptor try_lock(const std::string &path)
{
	Descriptor lock = open_lock(path);

	if (!lock || flock(lock.get(), LOCK_EX | LOCK_NB) ||
	    !is_there(lock, path))
		return {};
	return lock;
}

} // namespace dsr
