// SPDX-License-Identifier: BSD-3-Clause
// Ones' complement sums (RFC 1071) over whole buffers. Nothing here comes
// from the rewrite core, whose results these sums judge.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace dsr {

inline std::uint64_t add(std::uint64_t sum, std::uint64_t value)
{
	sum += value;
	return sum + (sum < value); // end-around carry
}

// Words of a buffer, in the host's byte order.
template <class Word>
inline std::uint64_t word_at(const std::uint8_t *data)
{
	Word word;

	std::memcpy(&word, data, sizeof(word));
	return word;
}

// Of so few words of 32 bits that nothing is carried.
template <int COUNT>
inline std::uint64_t sum_words(const std::uint8_t *data)
{
	std::uint64_t total = 0;

#pragma GCC unroll 8
	for (int i = 0; i < COUNT; i++)
		total += word_at<std::uint32_t>(data + 4 * i);
	return total;
}

// The last @count bytes of a buffer, fewer than 8 but not none, padded with 0. @far: the
// 8 bytes before the end are the buffer's.
inline std::uint64_t last_word(const std::uint8_t *data, std::size_t count, bool far)
{
	std::uint64_t word = 0;

	if (!far) {
		std::memcpy(&word, data, count);
		return word;
	}
	const auto others = static_cast<unsigned int>(64 - 8 * count);

	word = word_at<std::uint64_t>(data + count - 8);
	if constexpr (std::endian::native == std::endian::little)
		return word >> others;
	return word << others;
}

// The sum of @length bytes as 16-bit words in the host's byte order, not
// folded. An odd last byte is padded with 0.
[[gnu::always_inline]] inline std::uint64_t sum(const std::uint8_t *data, std::size_t length)
{
	const bool far = length >= 8;
	std::uint64_t total = 0;

	// four sums, of which none waits for the carry of another
	if (length >= 32) {
		const std::uint8_t *end = data + length / 32 * 32;
		std::uint64_t second = 0, third = 0, fourth = 0;

		do {
			total = add(total, word_at<std::uint64_t>(data));
			second = add(second, word_at<std::uint64_t>(data + 8));
			third = add(third, word_at<std::uint64_t>(data + 16));
			fourth = add(fourth, word_at<std::uint64_t>(data + 24));
			data += 32;
		} while (data != end);
		total = add(add(total, second), add(third, fourth));
	}
	if (length & 16) {
		total = add(add(total, word_at<std::uint64_t>(data)),
			    word_at<std::uint64_t>(data + 8));
		data += 16;
	}
	if (length & 8) {
		total = add(total, word_at<std::uint64_t>(data));
		data += 8;
	}
	if (length & 7)
		total = add(total, last_word(data, length & 7, far));
	return total;
}

// Halves are added crosswise: what the lower one carries is in the upper.
inline std::uint16_t fold(std::uint64_t sum)
{
	const auto half = static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32);

	return static_cast<std::uint16_t>((half + std::rotl(half, 16)) >> 16);
}

// A number as it stands in a packet, to be added to a sum.
inline std::uint64_t in_network_order(std::uint32_t value)
{
	if constexpr (std::endian::native == std::endian::little)
		return __builtin_bswap32(value);
	return value;
}

} // namespace dsr
