// SPDX-License-Identifier: BSD-3-Clause
// A file descriptor that is closed when it goes.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/error.hpp"

namespace dsr {

class Descriptor {
public:
	Descriptor() = default;
	// Of a call that may have failed: see the operator below.
	explicit Descriptor(int number) : number_(number) {}
	// Of a call that has just been made. Throws Error if it failed.
	Descriptor(int number, const char *what) : number_(number)
	{
		if (number < 0)
			fail(what, errno);
	}
	Descriptor(Descriptor &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
	Descriptor &operator=(Descriptor &&other) noexcept
	{
		std::swap(number_, other.number_);
		return *this;
	}
	~Descriptor() { close(); }

	explicit operator bool() const { return number_ >= 0; }
	int get() const { return number_; }
	// False, and errno, when what was written may be lost.
	bool close()
	{
		const int number = std::exchange(number_, -1);

		return number < 0 || !::close(number);
	}

private:
	int number_ = -1;
};

} // namespace dsr
