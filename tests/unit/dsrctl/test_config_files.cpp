// SPDX-License-Identifier: BSD-3-Clause
// Where the configuration is read from.
#include <fcntl.h>
#include <unistd.h>

#include "world.hpp"

using namespace dsr_test;
namespace fs = std::filesystem;

namespace {

Config read(const std::string &path)
{
	ConfigReader reader(resolver);

	if (fs::is_directory(path))
		reader.add_directory(path);
	else
		reader.add_file(path);
	return reader.config;
}

std::string wheres(const Config &config)
{
	std::string list;

	for (const Entry &entry : config.entries)
		list += fs::path(entry.where).filename().string() + " ";
	return list;
}

} // namespace

TEST_CASE("dsrctl: all *.conf below a directory, sorted")
{
	Directory directory;

	directory.save("20.conf", "10.1.1.2=2\n");
	directory.save("10-vip.conf", "10.1.1.1=1\n");
	directory.save("sub/x.conf", "10.1.1.4=4\n");
	directory.save("30.conf", "10.1.1.3=3");
	directory.save("README", "no entry\n");
	directory.save("40.conf.rpmsave", "no entry\n");
	Config config = read(directory / "");
	CHECK(config.errors.empty());
	CHECK(wheres(config) == "10-vip.conf:1 20.conf:1 30.conf:1 x.conf:1 ");
}

TEST_CASE("dsrctl: links are followed, in a circle only once")
{
	Directory directory, elsewhere;

	elsewhere.save("a.conf", "10.1.1.1=1\n");
	elsewhere.save("d/b.conf", "10.1.1.2=2\n");
	directory.save("sub/c.conf", "10.1.1.3=3\n");
	fs::create_symlink(elsewhere / "a.conf", directory / "a.conf");
	fs::create_directory_symlink(elsewhere / "d", directory / "d");
	fs::create_directory_symlink("..", directory / "sub/up");
	fs::create_directory_symlink(".", directory / "sub/self");
	Config config = read(directory / "");
	CHECK(config.errors.empty());
	CHECK(config.warnings.empty());
	CHECK(wheres(config) == "a.conf:1 b.conf:1 c.conf:1 ");
}

TEST_CASE("dsrctl: a link to nothing is warned of")
{
	Directory directory;

	directory.save("a.conf", "10.1.1.1=1\n");
	fs::create_symlink("nowhere", directory / "b.conf");
	Config config = read(directory / "");
	CHECK(config.errors.empty());
	CHECK(config.entries.size() == 1);
	REQUIRE(config.warnings.size() == 1);
	CHECK(config.warnings[0] ==
	      (directory / "b.conf") + ": is neither a file nor a link to one: skipped");
}

TEST_CASE("dsrctl: all errors of all files")
{
	Directory directory;

	directory.save("a.conf", "x/y\n10.1.1.1=1\nx=1.\n");
	directory.save("b.conf", "10.1.1.2=1\n=\n");
	Config config = read(directory / "");
	REQUIRE(config.errors.size() == 4);
	CHECK(has(config.errors[0].message, (directory / "a.conf") + ":1: found"));
	CHECK(has(config.errors[1].message, (directory / "a.conf") + ":3: found"));
	CHECK(has(config.errors[2].message,
		  (directory / "b.conf") + ":1: found DSCP 1 for 10.1.1.2"));
	CHECK(has(config.errors[2].message, "in " + (directory / "a.conf") + ":2 "));
	CHECK(has(config.errors[3].message, (directory / "b.conf") + ":2: found"));
}

TEST_CASE("dsrctl: a file that is not there, a directory that is not")
{
	Directory directory;
	ConfigReader reader(resolver);

	reader.add_file(directory / "none.conf");
	reader.add_directory(directory / "none");
	REQUIRE(reader.config.errors.size() == 2);
	CHECK(reader.config.errors[0].kind == Problem::Kind::unreadable);
	CHECK(reader.config.errors[0].message ==
	      (directory / "none.conf") + ": cannot be read: No such file or directory");
	CHECK(reader.config.errors[1].kind == Problem::Kind::missing);
	CHECK(reader.config.errors[1].message ==
	      (directory / "none") +
		      ": the directory of the configuration cannot be read: No such file or directory");
	reader.config = {};
	reader.add_file(directory / "");
	REQUIRE(reader.config.errors.size() == 1);
	CHECK(has(reader.config.errors[0].message, ": Is a directory"));
}

TEST_CASE("dsrctl: a file with blanks in its name, and /dev/null")
{
	Directory directory;

	directory.save("20-v i p.conf", "10.1.1.1=1");
	CHECK(read(directory / "20-v i p.conf").entries.size() == 1);
	CHECK(read("/dev/null").errors.empty());
}

TEST_CASE("dsrctl: what anybody may write is not believed")
{
	using Writers = ConfigReader::Writers;
	Directory directory;
	ConfigReader reader(resolver, Writers::root), any(resolver);
	std::string file = directory / "a.conf";
	auto set = [](const std::string &path, mode_t mode) {
		REQUIRE(!chmod(path.c_str(), mode));
	};

	directory.save("a.conf", "10.1.1.1=1\n");
	directory.save("sub/b.conf", "10.1.1.2=2\n");
	set(directory / "sub", 0755);
	set(directory / "sub/b.conf", 0644);
	SECTION("a file")
	{
		set(file, 0666);
		reader.add_directory(directory / "");
		CHECK(wheres(reader.config) == "b.conf:1 ");
	}
	SECTION("a file that a link leads to")
	{
		set(file, 0666);
		fs::rename(file, directory / "elsewhere");
		fs::create_symlink("elsewhere", file);
		reader.add_file(file);
		CHECK(reader.config.entries.empty());
	}
	SECTION("a directory, though others cannot remove from it")
	{
		set(directory / "", 01777);
		reader.add_directory(directory / "");
		CHECK(reader.config.entries.empty());
		any.add_directory(directory / "");
		CHECK(any.config.entries.size() == 2);
		CHECK(any.config.errors.empty());
	}
	SECTION("a directory that a link leads through")
	{
		fs::create_directories(directory / "open/vips");
		fs::rename(file, directory / "open/vips/a.conf");
		fs::create_symlink("open/vips/a.conf", file);
		set(directory / "open/vips", 0755);
		set(directory / "open", 0777);
		reader.add_file(file);
		CHECK(reader.config.entries.empty());
		any.add_file(file);
		CHECK(any.config.entries.size() == 1);
	}
	SECTION("a directory that a link to a directory leads through, and a way back")
	{
		fs::create_directories(directory / "open/vips");
		fs::rename(file, directory / "open/vips/a.conf");
		fs::create_directory_symlink((directory / "open") + "/vips/../vips",
					     directory / "sub/link");
		set(directory / "open/vips", 0755);
		set(directory / "open", 0777);
		reader.add_directory(directory / "");
		CHECK(wheres(reader.config) == "b.conf:1 ");
	}
	SECTION("a directory that the path of -f leads through")
	{
		set(directory / "sub", 0777);
		reader.add_file(directory / "sub/b.conf");
		reader.add_file(directory / "sub/../sub/b.conf");
		CHECK(reader.config.entries.empty());
	}
	SECTION("a directory below")
	{
		set(directory / "sub", 0777);
		reader.add_directory(directory / "");
		CHECK(wheres(reader.config) == "a.conf:1 ");
	}
	REQUIRE(reader.config.errors.size() == 1);
	CHECK(reader.config.errors[0].kind == Problem::Kind::writers);
	CHECK(has(reader.config.errors[0].message,
		  " lets anybody write it, and only root may: chmod go-w " +
			  fs::path(directory / "").parent_path().string()));
	CHECK(reader.config.warnings.empty());
}

// As in /tmp: everybody may add, and nobody remove what is another's.
TEST_CASE("dsrctl: where everybody has his own, root's is believed, and nobody else's")
{
	Directory directory;
	ConfigReader reader(resolver, ConfigReader::Writers::root);
	const std::string open = directory / "open";

	fs::create_directory(open);
	directory.save("open/a.conf", "10.1.1.1=1\n");
	REQUIRE(!chmod(open.c_str(), 01777));
	fs::create_symlink("a.conf", open + "/link.conf");
	reader.add_file(open + "/a.conf");
	reader.add_file(open + "/link.conf");
	CHECK(reader.config.errors.empty());
	CHECK(reader.config.warnings.size() == 1); // the VIP is there again
	if (geteuid())
		return;
	SECTION("a file")
	{
		REQUIRE(!chown((open + "/a.conf").c_str(), 1000, 0));
		reader.add_file(open + "/a.conf");
	}
	SECTION("a link")
	{
		REQUIRE(!lchown((open + "/link.conf").c_str(), 1000, 0));
		reader.add_file(open + "/link.conf");
	}
	REQUIRE(reader.config.errors.size() == 1);
	CHECK(has(reader.config.errors[0].message, "the owner 1000 may replace it in " + open +
							   ", and only root may: chown root " +
							   open));
}

TEST_CASE("dsrctl: links in a circle, through a file, and from a file that is open")
{
	Directory directory;
	ConfigReader reader(resolver, ConfigReader::Writers::root);

	directory.save("a.conf", "10.1.1.1=1\n");
	fs::create_symlink("b.conf", directory / "c.conf");
	fs::create_symlink("c.conf", directory / "b.conf");
	reader.add_file(directory / "b.conf");
	reader.add_file(directory / "a.conf/x");
	REQUIRE(reader.config.errors.size() == 2);
	CHECK(has(reader.config.errors[0].message, ": Too many levels of symbolic links"));
	CHECK(has(reader.config.errors[1].message, ": Not a directory"));
	const Descriptor file(::open((directory / "a.conf").c_str(), O_RDONLY));
	reader.add_file("/proc/self/fd/" + std::to_string(file.get()));
	CHECK(reader.config.entries.size() == 1);
	CHECK(reader.config.errors.size() == 2);
}

TEST_CASE("dsrctl: what some may write is warned of")
{
	Directory directory;
	ConfigReader reader(resolver, ConfigReader::Writers::root);
	std::string file = directory / "a.conf";

	if (geteuid())
		return;
	directory.save("a.conf", "10.1.1.1=1\n");
	REQUIRE(!chmod(file.c_str(), 0664));
	SECTION("of root's group")
	{
		reader.add_directory(directory / "");
		CHECK(reader.config.warnings.empty());
	}
	SECTION("of another group")
	{
		REQUIRE(!chown(file.c_str(), 0, 100));
		reader.add_directory(directory / "");
		REQUIRE(reader.config.warnings.size() == 1);
		CHECK(reader.config.warnings[0] ==
		      file + ": mode 0664 lets group 100 write it, and only root may: chmod go-w " +
			      file);
	}
	SECTION("of another user")
	{
		REQUIRE(!chown(file.c_str(), 1000, 0));
		reader.add_directory(directory / "");
		REQUIRE(reader.config.warnings.size() == 1);
		CHECK(reader.config.warnings[0] ==
		      file + ": the owner 1000 may write it, and only root may: chown root " +
			      file);
	}
	CHECK(reader.config.errors.empty());
	CHECK(reader.config.entries.size() == 1);
}

TEST_CASE("dsrctl: what cannot be looked at may be a VIP, what is not there is none")
{
	Directory directory;
	// longer than a name can be: whoever asks is not told what is there
	const std::string beyond = "/tmp/" + std::string(300, 'x');

	REQUIRE(!symlink(beyond.c_str(), (directory / "vips").c_str()));
	REQUIRE(!symlink("nothing", (directory / "gone.conf").c_str()));
	Config config = read(directory / "");
	REQUIRE(config.errors.size() == 1);
	CHECK(config.errors[0].kind == Problem::Kind::unreadable);
	CHECK(config.errors[0].message ==
	      (directory / "vips") + ": cannot be looked at: File name too long");
	REQUIRE(config.warnings.size() == 1);
	CHECK(has(config.warnings[0], "gone.conf: is neither a file"));
}
