// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/trust.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <deque>
#include <filesystem>

namespace dsr {

namespace {

std::string octal(mode_t mode)
{
	char text[8];

	std::snprintf(text, sizeof(text), "%04o", mode & 07777U);
	return text;
}

// Where links are no text: /proc/self/fd/0
bool is_proc(const Descriptor &directory)
{
	struct statfs status {};

	return !fstatfs(directory.get(), &status) && status.f_type == PROC_SUPER_MAGIC;
}

std::string target_of(const Descriptor &link)
{
	char text[4096];
	const ssize_t size = readlinkat(link.get(), "", text, sizeof(text));

	return std::string(text, size < 0 ? 0 : static_cast<std::size_t>(size));
}

bool is_others(const struct stat &status)
{
	return status.st_uid && status.st_uid != geteuid();
}

// The way to what a path names.
class Walk {
public:
	explicit Walk(const Trusts &trusts) : trusts_(trusts) {}

	Descriptor open(const std::string &path)
	{
		constexpr int LINKS = 40; // as many as the kernel follows

		lead(std::filesystem::absolute(path).string());
		if (!enter_root())
			return {};
		while (!ahead_.empty()) {
			const std::string name = ahead_.front();

			ahead_.pop_front();
			if (name == "..") {
				if (!enter_parent())
					return {};
				continue;
			}
			const Descriptor next(
				openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
			struct stat status {};
			if (!next || fstat(next.get(), &status))
				return {};
			if (S_ISLNK(status.st_mode)) {
				if (ahead_.empty() && is_proc(here_))
					return end(name, 0);
				if (++links_ > LINKS)
					return refuse(ELOOP);
				if (!is_own(status, place_ / name) || !follow(target_of(next)))
					return {};
			} else if (!S_ISDIR(status.st_mode)) {
				if (!ahead_.empty())
					return refuse(ENOTDIR);
				return is_own(status, place_ / name) ? end(name, O_NOFOLLOW) :
								       Descriptor();
			} else if (!enter(name)) {
				return {};
			}
		}
		return end(".", 0);
	}

private:
	static Descriptor refuse(int error)
	{
		errno = error;
		return {};
	}

	// To be gone before all else.
	void lead(const std::filesystem::path &path)
	{
		std::deque<std::string> names;

		for (const auto &part : path.relative_path())
			if (!part.empty() && part != ".")
				names.push_back(part.string());
		ahead_.insert(ahead_.begin(), names.begin(), names.end());
	}

	// Where all may put their own, nobody's but root's and ours is believed.
	bool is_own(const struct stat &status, const std::filesystem::path &path)
	{
		if (!sticky_ || !is_others(status))
			return true;
		errno = EACCES;
		return trusts_({"the owner " + std::to_string(status.st_uid) +
					" may replace it in " + place_.string(),
				true, "chown root " + path.string()},
			       path.string());
	}

	bool enter(const std::string &name)
	{
		struct stat status {};
		Descriptor next(openat(here_.get(), name.c_str(),
				       O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		const auto place = place_ / name;

		if (!next || fstat(next.get(), &status))
			return false;
		if (!is_own(status, place))
			return false;
		// nobody replaces there what is not his: that is asked of what
		// is in it, next
		sticky_ = status.st_mode & S_ISVTX && status.st_mode & S_IWOTH;
		if (!sticky_ || ahead_.empty()) {
			const auto others = other_writers(status, place.string());

			errno = EACCES;
			if (!others.found.empty() && !trusts_(others, place.string()))
				return false;
		}
		here_ = std::move(next);
		place_ = place;
		return true;
	}

	bool enter_root()
	{
		place_ = "/";
		here_ = Descriptor(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
		sticky_ = false;
		return static_cast<bool>(here_);
	}

	// It was asked on the way here.
	bool enter_parent()
	{
		here_ = Descriptor(openat(here_.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
		place_ = place_.parent_path();
		sticky_ = false;
		return static_cast<bool>(here_);
	}

	bool follow(const std::string &target)
	{
		lead(target);
		return !target.starts_with('/') || enter_root();
	}

	// What is opened is what is asked.
	Descriptor end(const std::string &name, int flags)
	{
		Descriptor file(openat(here_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | flags));
		struct stat status {};

		if (!file || fstat(file.get(), &status))
			return {};
		if (name == ".")
			return file;
		const auto place = place_ / name;
		const auto others = other_writers(status, place.string());
		if (!others.found.empty() && !trusts_(others, place.string()))
			return refuse(EACCES);
		return file;
	}

	const Trusts &trusts_;
	std::deque<std::string> ahead_;
	Descriptor here_;
	std::filesystem::path place_;
	bool sticky_ = false;
	int links_ = 0;
};

} // namespace

Descriptor open_trusted(const std::string &path, const Trusts &trusts)
{
	return Walk(trusts).open(path);
}

OtherWriters other_writers(const struct stat &status, const std::string &path)
{
	// a terminal is whoever types, and /dev/null anybody's
	if (S_ISCHR(status.st_mode))
		return {};
	if (status.st_mode & S_IWOTH)
		return {"mode " + octal(status.st_mode) + " lets anybody write it", true,
			"chmod go-w " + path};
	if (status.st_uid && status.st_uid != geteuid())
		return {"the owner " + std::to_string(status.st_uid) + " may write it", false,
			"chown root " + path};
	if (status.st_mode & S_IWGRP && status.st_gid)
		return {"mode " + octal(status.st_mode) + " lets group " +
				std::to_string(status.st_gid) + " write it",
			false, "chmod go-w " + path};
	return {};
}

} // namespace dsr
