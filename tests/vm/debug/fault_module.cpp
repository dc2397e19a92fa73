// SPDX-License-Identifier: BSD-3-Clause
// fault_module FILE NAME: loads that module, xt_DADDR or dscp_rewrite, again and again,
// and makes another allocation of the kernel fail each time, until there are no more.
// Each time, it is loaded and can be removed, or nothing of it is left.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

#include "fail_nth.hpp"

namespace {

[[noreturn]] void fail(unsigned int number, const std::string &what)
{
	throw std::runtime_error("fault " + std::to_string(number) + ": " + what);
}

int load(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	int error = 0;

	if (file < 0 || syscall(SYS_finit_module, file, "", 0))
		error = errno;
	close(file);
	return error;
}

// Loads it with that fault. Returns whether there was one, and counts.
bool attempt(FailNth &fail_nth, const char *path, const char *name, unsigned int number,
	     unsigned int &refused)
{
	const std::string counters = std::string("/proc/net/") + name;

	fail_nth.arm(number);
	int error = load(path);
	bool hit = fail_nth.disarm();

	if (error && (!hit || error != ENOMEM))
		fail(number, std::strerror(error));
	if (access(counters.c_str(), F_OK) == (error ? 0 : -1))
		fail(number, error ? "its file is left" : "it has no file");
	if (!error && syscall(SYS_delete_module, name, 0))
		fail(number, std::string("not removed: ") + std::strerror(errno));
	refused += error != 0;
	return hit;
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 3) {
		std::cerr << "Usage: fault_module FILE NAME\n";
		return 2;
	}
	each_fault("loading", [&](FailNth &fail_nth, unsigned int number, unsigned int &refused) {
		return attempt(fail_nth, argv[1], argv[2], number, refused);
	});
} catch (const std::exception &error) {
	std::cerr << "fault_module: " << error.what() << '\n';
	return 1;
}
