// SPDX-License-Identifier: BSD-3-Clause
// A hash of numbers, one after the other. lb-config writes what comes of it into
// configurations: the same numbers give the same hash in every version.
#pragma once

#include <cstdint>

namespace dsr {

// The finaliser of SplitMix64.
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t value)
{
	hash += value + 0x9e3779b97f4a7c15;
	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
	return hash ^ hash >> 31;
}

} // namespace dsr
