// SPDX-License-Identifier: BSD-3-Clause
// What the fuzzers share.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

// Tell what is wrong, and crash: that is how libFuzzer notices.
#define EXPECT(condition)                                                               \
	do {                                                                            \
		if (!(condition)) {                                                     \
			std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
				     #condition);                                       \
			std::abort();                                                   \
		}                                                                       \
	} while (0)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);
