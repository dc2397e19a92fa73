// SPDX-License-Identifier: BSD-3-Clause
// Allocations of the kernel that fail: see fault-injection.rst there.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>

// For the thread that makes it.
class FailNth {
public:
	FailNth() : file_(open("/proc/thread-self/fail-nth", O_RDWR))
	{
		// the memory of this program is not what is to fail
		if (file_ < 0 || mlockall(MCL_CURRENT | MCL_FUTURE))
			throw std::system_error(errno, std::generic_category(), "fail-nth");
	}

	FailNth(const FailNth &) = delete;
	~FailNth() { close(file_); }

	// The number-th allocation from here on fails, and no other.
	void arm(unsigned int number) { write_number(number); }

	// Returns whether there was such an allocation.
	bool disarm()
	{
		char left[16] = "";

		if (pread(file_, left, sizeof(left) - 1, 0) < 1)
			throw std::system_error(errno, std::generic_category(), "fail-nth");
		write_number(0);
		return std::strtoul(left, nullptr, 10) == 0;
	}

private:
	void write_number(unsigned int number)
	{
		int error = errno; // is of what happens in between
		std::string text = std::to_string(number);

		if (pwrite(file_, text.data(), text.size(), 0) < 0)
			throw std::system_error(errno, std::generic_category(), "fail-nth");
		errno = error;
	}

	int file_;
};

// Does that with another fault each time, until there are no more, and prints how many
// there were. @attempt: returns whether there was that fault, and counts what it made
// fail; if none was, that is an error where @must_refuse.
template <class Attempt>
void each_fault(const std::string &doing, Attempt attempt, bool must_refuse = true)
{
	FailNth fail_nth;
	unsigned int number = 1, refused = 0;

	while (attempt(fail_nth, number, refused))
		number++;
	std::cout << "| " << doing << ": " << number - 1 << " faults, " << refused << " refused\n";
	if (!refused && must_refuse)
		throw std::runtime_error(doing + ": no fault had an effect");
}
