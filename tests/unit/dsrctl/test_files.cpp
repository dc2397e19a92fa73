// SPDX-License-Identifier: BSD-3-Clause
// Files are replaced at once or not at all, and only files.
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "common/files.hpp"
#include "world.hpp"

using namespace dsr_test;
namespace fs = std::filesystem;

namespace {

// Names of files that are made in a directory.
class Created {
public:
	explicit Created(const std::string &directory) : watch_(inotify_init1(IN_NONBLOCK))
	{
		REQUIRE(inotify_add_watch(watch_, directory.c_str(), IN_CREATE) >= 0);
	}
	~Created() { close(watch_); }
	Created(const Created &) = delete;

	std::string next() const
	{
		alignas(inotify_event) char buffer[4096];

		REQUIRE(read(watch_, buffer, sizeof(buffer)) > 0);
		return reinterpret_cast<inotify_event *>(buffer)->name;
	}

private:
	int watch_;
};

// No file can be longer, as on a disk that is full.
class FullDisk {
public:
	FullDisk() : signal_(std::signal(SIGXFSZ, SIG_IGN))
	{
		getrlimit(RLIMIT_FSIZE, &before_);
		rlimit none{5, before_.rlim_max};
		REQUIRE(!setrlimit(RLIMIT_FSIZE, &none));
	}
	~FullDisk()
	{
		setrlimit(RLIMIT_FSIZE, &before_);
		std::signal(SIGXFSZ, signal_);
	}
	FullDisk(const FullDisk &) = delete;

private:
	rlimit before_{};
	void (*signal_)(int);
};

std::size_t files(const Directory &directory)
{
	std::size_t count = 0;

	for (const auto &file : fs::directory_iterator(directory / ""))
		count += !file.path().empty();
	return count;
}

std::string refused(const std::string &path)
{
	try {
		write_file(path, "new", 0644);
	} catch (const Error &error) {
		return error.what();
	}
	return "";
}

} // namespace

TEST_CASE("dsrctl: a file is replaced at once, or not at all")
{
	Directory directory;

	directory.save("m.prom", "old");
	REQUIRE(!chmod((directory / "m.prom").c_str(), 0640));
	write_file(directory / "m.prom", "new", 0644);
	CHECK(load_text(directory / "m.prom") == "new");
	CHECK(mode(directory / "m.prom") == 0640);
	write_file(directory / "n.prom", "new", 0644);
	CHECK(mode(directory / "n.prom") == 0644);
	CHECK_THROWS_AS(write_file(directory / "none/m", "x", 0644), Error);
	CHECK(files(directory) == 2); // no leftovers
}

TEST_CASE("dsrctl: on a full disk, the old file stays whole")
{
	Directory directory;

	directory.save("m.prom", "old");
	std::string why;
	{
		FullDisk full;

		try {
			write_file(directory / "m.prom", "much longer", 0644);
		} catch (const Error &error) {
			why = error.what();
		}
	}
	CHECK(why == (directory / "m.prom") + ": cannot write it: File too large");
	CHECK(load_text(directory / "m.prom") == "old");
	CHECK(files(directory) == 1);
}

TEST_CASE("dsrctl: what is no file is not replaced")
{
	Directory directory;

	directory.save("target", "old");
	fs::create_symlink(directory / "target", directory / "link");
	fs::create_symlink(directory / "nothing", directory / "dangling");
	fs::create_directory(directory / "d");
	REQUIRE(!mkfifo((directory / "fifo").c_str(), 0600));
	CHECK(refused(directory / "link") ==
	      (directory / "link") + ": cannot write it: it is a link");
	CHECK(has(refused(directory / "dangling"), "it is a link"));
	CHECK(has(refused(directory / "d"), "it is a directory"));
	CHECK(has(refused(directory / "fifo"), "it is no regular file"));
	CHECK(fs::is_fifo(directory / "fifo"));
	CHECK(load_text(directory / "target") == "old");
	CHECK_FALSE(fs::exists(directory / "nothing"));
	CHECK(files(directory) == 5);
}

TEST_CASE("dsrctl: nobody can guess the name that a file has at first")
{
	Directory directory;
	Created created(directory / "");
	std::string names[2];

	for (std::string &name : names) {
		write_file(directory / "m.prom", "new", 0644);
		name = created.next();
		CHECK(name.size() == std::string(".m.prom.").size() + 16);
		CHECK(name.starts_with(".m.prom."));
		fs::remove(directory / "m.prom");
	}
	CHECK(names[0] != names[1]);
}
