// SPDX-License-Identifier: BSD-3-Clause
#include "write_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "ip.hpp"

namespace dsr {

namespace {

bool write_all(int file, const std::string &text)
{
	std::size_t at = 0;

	while (at < text.size()) {
		ssize_t count = write(file, text.data() + at, text.size() - at);

		if (count < 0 && errno != EINTR)
			return false;
		at += count > 0 ? count : 0;
	}
	return true;
}

} // namespace

// Hidden while it is being written, and without the ending of what reads the
// directory.
void write_file(const std::string &path, const std::string &text, mode_t mode)
{
	std::size_t slash = path.rfind('/') + 1;
	std::string temporary = path.substr(0, slash) + "." +
				path.substr(slash) + ".XXXXXX";
	int file = mkostemp(temporary.data(), O_CLOEXEC);

	if (file < 0)
		throw Error(path + ": " + std::strerror(errno) +
			    ", expected a place for a file");
	bool good = write_all(file, text) && !fchmod(file, mode) &&
		    !fsync(file);
	int error = errno;
	good = !close(file) && good;
	if (good && !rename(temporary.c_str(), path.c_str()))
		return;
	if (good)
		error = errno;
	unlink(temporary.c_str());
	throw Error(path + ": " + std::strerror(error) +
		    ", expected to write it");
}

} // namespace dsr
