// SPDX-License-Identifier: BSD-3-Clause
// fault_namespaces MODULE: makes one network namespace after the other, and makes
// another allocation of the kernel fail each time, until there are no more: those of
// MODULE, xt_DADDR or dscp_rewrite, are among them. Each time, there is a namespace
// with its file of counters, or none at all.
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

#include "fail_nth.hpp"

namespace {

[[noreturn]] void fail(const std::string &what)
{
	throw std::runtime_error(what + ": " + std::strerror(errno));
}

ino_t current()
{
	struct stat status {};

	if (stat("/proc/thread-self/ns/net", &status))
		fail("the namespace of this thread");
	return status.st_ino;
}

// Makes one with that fault. Returns whether there was one, and counts.
bool attempt(FailNth &fail_nth, const std::string &module, unsigned int number,
	     unsigned int &refused)
{
	const std::string fault = "fault " + std::to_string(number);
	const std::string counters = "/proc/thread-self/net/" + module;
	ino_t before = current();

	fail_nth.arm(number);
	int error = unshare(CLONE_NEWNET) ? errno : 0;
	bool hit = fail_nth.disarm();

	errno = error;
	// others have their own words for want of memory
	if (error && !hit)
		fail(fault);
	if ((current() == before) != (error != 0))
		fail(fault + ", another namespace than it says");
	if (access(counters.c_str(), R_OK))
		fail(fault + ", its file");
	refused += error != 0;
	return hit;
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 2) {
		std::cerr << "Usage: fault_namespaces MODULE\n";
		return 2;
	}
	each_fault("making a namespace",
		   [&](FailNth &fail_nth, unsigned int number, unsigned int &refused) {
			   return attempt(fail_nth, argv[1], number, refused);
		   });
} catch (const std::exception &error) {
	std::cerr << "fault_namespaces: " << error.what() << '\n';
	return 1;
}
