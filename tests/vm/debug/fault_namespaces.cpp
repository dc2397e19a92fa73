// SPDX-License-Identifier: BSD-3-Clause
// fault_namespaces COUNT: makes one network namespace after the other, and makes
// another allocation of the kernel fail each time, of the last COUNT that it
// needs for that: there are those of xt_DADDR, which was the last to be loaded.
// Each time, there is a namespace with its file of counters, or none at all.
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>

#include "fail_nth.hpp"

namespace {

// More than any namespace takes.
constexpr unsigned int NEVER = 1000000;

[[noreturn]] void fail(const std::string &what)
{
	throw std::runtime_error(what + ": " + std::strerror(errno));
}

ino_t current()
{
	struct stat status{};

	if (stat("/proc/thread-self/ns/net", &status))
		fail("the namespace of this thread");
	return status.st_ino;
}

unsigned int allocations(FailNth &fail_nth)
{
	fail_nth.arm(NEVER);
	if (unshare(CLONE_NEWNET))
		fail("a namespace without a fault");
	return NEVER - fail_nth.left();
}

// Returns whether it was refused.
bool attempt(FailNth &fail_nth, unsigned int number)
{
	const std::string fault = "fault " + std::to_string(number);
	ino_t before = current();

	fail_nth.arm(number);
	int error = unshare(CLONE_NEWNET) ? errno : 0;
	bool hit = fail_nth.disarm();

	errno = error;
	if (error && (!hit || error != ENOMEM))
		fail(fault);
	if ((current() == before) != (error != 0))
		fail(fault + ", another namespace than it says");
	if (access("/proc/thread-self/net/xt_DADDR", R_OK))
		fail(fault + ", its file");
	return error != 0;
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 2) {
		std::cerr << "Usage: fault_namespaces COUNT\n";
		return 2;
	}
	unsigned int count = static_cast<unsigned int>(std::atoi(argv[1]));
	unsigned int faults = 0, refused = 0;
	FailNth fail_nth;
	// the first one fills caches; a later one may need some more, or less
	allocations(fail_nth);
	unsigned int last = allocations(fail_nth) + 8;

	for (unsigned int number = last; faults < count && number; number--, faults++)
		refused += attempt(fail_nth, number);
	std::cout << "| making a namespace: " << faults << " faults, " << refused << " refused\n";
	if (!refused)
		throw std::runtime_error("no fault had an effect");
} catch (const std::exception &error) {
	std::cerr << "fault_namespaces: " << error.what() << '\n';
	return 1;
}
