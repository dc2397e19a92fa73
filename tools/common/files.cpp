// SPDX-License-Identifier: BSD-3-Clause
#include "common/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "common/random.hpp"

namespace dsr {

namespace {

// Which nobody can guess; hidden while it is being written, and without the
// ending of what reads the directory.
std::string temporary_name(const std::string &name)
{
	char text[24];

	std::snprintf(text, sizeof(text), "%016llx",
		      static_cast<unsigned long long>(random_number()));
	return "." + name + "." + text;
}

bool write_all(int file, const std::string &text)
{
	std::size_t at = 0;

	while (at < text.size()) {
		ssize_t count = write(file, text.data() + at, text.size() - at);

		if (count < 0 && errno != EINTR)
			return false;
		at += count > 0 ? static_cast<std::size_t>(count) : 0;
	}
	return true;
}

// The mode that the file will have: that of the one that is there. What is no
// file is not replaced: not a device, nor a link, which leads to what its maker
// chose.
mode_t mode_of(int directory, const std::string &name, mode_t mode)
{
	struct stat status {};

	if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return mode;
		throw Error(std::strerror(errno));
	}
	if (!S_ISREG(status.st_mode))
		throw Error(std::string("cannot write it: it is ") +
			    (S_ISLNK(status.st_mode) ? "a link" :
			     S_ISDIR(status.st_mode) ? "a directory" :
						       "no regular file"));
	return status.st_mode & 0777;
}

// Everything but the path, which the message begins with.
void replace(int directory, const std::string &name, const std::string &text, mode_t mode)
{
	std::string temporary = temporary_name(name);

	mode = mode_of(directory, name, mode);
	Descriptor file(openat(directory, temporary.c_str(),
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	if (!file)
		throw Error("cannot create a file beside it: " + std::string(std::strerror(errno)));
	if (write_all(file.get(), text) && !fchmod(file.get(), mode) && !fsync(file.get()) &&
	    file.close() && !renameat(directory, temporary.c_str(), directory, name.c_str()))
		return;
	const int error = errno;
	unlinkat(directory, temporary.c_str(), 0);
	throw Error("cannot write it: " + std::string(std::strerror(error)));
}

} // namespace

int read_all(const Descriptor &file, std::string &text)
{
	char buffer[65536];
	ssize_t count;

	while ((count = read(file.get(), buffer, sizeof(buffer)))) {
		if (count > 0)
			text.append(buffer, static_cast<std::size_t>(count));
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

std::string read_file(const std::string &path)
{
	const Descriptor file(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
					    open(path.c_str(), O_RDONLY | O_CLOEXEC),
			      path.c_str());
	std::string text;

	if (int error = read_all(file, text))
		fail(path, error);
	return text;
}

std::string read_file_if_any(const std::string &path)
{
	const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string text;

	return file && !read_all(file, text) ? text : "";
}

long read_number(const std::string &path)
{
	return std::strtol(read_file_if_any(path).c_str(), nullptr, 10);
}

// The directory is looked up once: whoever may exchange a part of its path
// meanwhile, or has made what is in it, has no say in where the file goes. The
// directory itself is not synced: after a crash the old file is as good.
void write_file(const std::string &path, const std::string &text, mode_t mode)
{
	std::size_t slash = path.rfind('/') + 1;
	std::string place = slash ? path.substr(0, slash) : ".";

	try {
		Descriptor directory(open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC),
				     place.c_str());

		replace(directory.get(), path.substr(slash), text, mode);
	} catch (const Error &error) {
		throw Error(path + ": " + error.what());
	}
}

} // namespace dsr
