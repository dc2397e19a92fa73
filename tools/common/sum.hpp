// SPDX-License-Identifier: BSD-3-Clause
// Ones' complement sums (RFC 1071) over whole buffers. Nothing here comes
// from the rewrite core, whose results these sums judge.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace dsr {

inline std::uint64_t add(std::uint64_t sum, std::uint64_t value)
{
	sum += value;
	return sum + (sum < value);	// end-around carry
}

// The sum of @length bytes as 16-bit words in the host's byte order, not
// folded. An odd last byte is padded with 0.
inline std::uint64_t sum(const std::uint8_t *data, std::uint32_t length)
{
	// as many as two registers hold, whatever the machine has
	typedef std::uint64_t Words __attribute__((vector_size(32)));
	Words words, low = {}, high = {};
	std::uint64_t total = 0, word;

	while (length >= sizeof(words)) {
		std::memcpy(&words, data, sizeof(words));
		// 2^32 words would have to be added to overflow
		low += words & 0xffffffff;
		high += words >> 32;
		data += sizeof(words);
		length -= sizeof(words);
	}
	low += high;
	for (int i = 0; i < 4; i++)
		total += low[i];
	while (length >= sizeof(word)) {
		std::memcpy(&word, data, sizeof(word));
		total = add(total, word);
		data += sizeof(word);
		length -= sizeof(word);
	}
	if (length) {
		word = 0;
		std::memcpy(&word, data, length);
		total = add(total, word);
	}
	return total;
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

} // namespace dsr
