// SPDX-License-Identifier: BSD-3-Clause
// Ones' complement sums (RFC 1071) over whole buffers. Nothing here comes
// from the rewrite core, whose results these sums judge.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace replay {

inline std::uint64_t add(std::uint64_t sum, std::uint64_t value)
{
	sum += value;
	return sum + (sum < value);	// end-around carry
}

// The sum of @length bytes as 16-bit words in the host's byte order, not
// folded. An odd last byte is padded with 0.
inline std::uint64_t sum(const std::uint8_t *data, std::uint32_t length)
{
	std::uint64_t total[2] = {0, 0};
	std::uint64_t words[4], tail = 0;

	while (length >= sizeof(words)) {
		std::memcpy(words, data, sizeof(words));
		for (std::uint64_t word : words) {
			// 2^32 words would have to be added to overflow
			total[0] += word & 0xffffffff;
			total[1] += word >> 32;
		}
		data += sizeof(words);
		length -= sizeof(words);
	}
	while (length >= sizeof(tail)) {
		std::memcpy(&tail, data, sizeof(tail));
		total[0] += tail & 0xffffffff;
		total[1] += tail >> 32;
		data += sizeof(tail);
		length -= sizeof(tail);
	}
	tail = 0;
	std::memcpy(&tail, data, length);
	return add(add(total[0], total[1]), tail);
}

inline std::uint16_t fold(std::uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<std::uint16_t>(sum);
}

// A number as it stands in a packet, to be added to a sum.
inline std::uint64_t in_network_order(std::uint32_t value)
{
	if constexpr (std::endian::native == std::endian::little)
		return __builtin_bswap32(value);
	return value;
}

} // namespace replay
