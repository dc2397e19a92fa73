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
	// Of a call that has just been made. Throws Error if it failed.
	Descriptor(int number, const char *what) : number_(number)
	{
		if (number < 0)
			fail(what, errno);
	}
	Descriptor(Descriptor &&other) noexcept
		: number_(std::exchange(other.number_, -1))
	{
	}
	Descriptor &operator=(Descriptor &&other) noexcept
	{
		std::swap(number_, other.number_);
		return *this;
	}
	~Descriptor() { close(); }

	int get() const { return number_; }
	void close()
	{
		if (number_ >= 0)
			::close(number_);
		number_ = -1;
	}

private:
	int number_ = -1;
};

} // namespace dsr
