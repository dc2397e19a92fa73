// SPDX-License-Identifier: BSD-3-Clause
// Numbers that nobody can guess, and no two programs have in common.
#pragma once

#include <sys/random.h>

#include <cerrno>
#include <cstdint>

#include "common/error.hpp"

namespace dsr {

// Throws Error.
inline std::uint64_t random_number()
{
	std::uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		fail("getrandom", errno);
	return number;
}

} // namespace dsr
