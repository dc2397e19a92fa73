// SPDX-License-Identifier: BSD-3-Clause
// What the core is compared with. Written from the RFCs, slow and plain: it
// uses nothing of include/, and sums big-endian words where the core sums
// native ones.
#pragma once
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string>
#include <vector>

namespace oracle {

using Bytes = std::vector<std::uint8_t>;

inline Bytes join(std::initializer_list<Bytes> parts)
{
	Bytes whole;

	for (const Bytes &part : parts)
		whole.insert(whole.end(), part.begin(), part.end());
	return whole;
}

inline Bytes be16(std::uint32_t value)
{
	return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

inline Bytes be32(std::uint32_t value)
{
	return join({be16(value >> 16), be16(value)});
}

inline std::uint16_t get16(const Bytes &bytes, std::size_t at)
{
	return static_cast<std::uint16_t>(bytes.at(at) << 8 | bytes.at(at + 1));
}

inline void put16(Bytes &bytes, std::size_t at, std::uint32_t value)
{
	bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
	bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

// RFC 1071: the ones' complement sum of big-endian words, an odd byte padded.
inline std::uint16_t sum(const Bytes &bytes)
{
	std::uint32_t total = 0;

	for (std::size_t i = 0; i < bytes.size(); i += 2) {
		total += bytes[i] * 256U;
		if (i + 1 < bytes.size())
			total += bytes[i + 1];
		if (total > 0xffff)
			total -= 0xffff;
	}
	return static_cast<std::uint16_t>(total);
}

inline std::uint16_t checksum(const Bytes &bytes)
{
	return static_cast<std::uint16_t>(0xffff - sum(bytes));
}

// RFC 9293 3.1 and RFC 8200 8.1; which of them, the addresses' sizes say.
inline Bytes pseudo_header(const Bytes &src, const Bytes &dst, std::uint8_t protocol,
			   std::size_t length)
{
	std::uint32_t size = static_cast<std::uint32_t>(length);

	if (dst.size() == 4)
		return join({src, dst, {0, protocol}, be16(size)});
	return join({src, dst, be32(size), {0, 0, 0, protocol}});
}

inline std::string hex(const Bytes &bytes)
{
	std::string text;
	char digits[3];

	for (std::uint8_t byte : bytes) {
		std::snprintf(digits, sizeof(digits), "%02x", byte);
		text += digits;
	}
	return text;
}

inline std::string dump(const Bytes &bytes)
{
	std::string text;
	char line[16];

	for (std::size_t i = 0; i < bytes.size(); i++) {
		if (i % 16 == 0) {
			std::snprintf(line, sizeof(line),
				      "\n  %04x:", static_cast<unsigned int>(i));
			text += line;
		}
		text += (i % 2 ? "" : " ") + hex({bytes[i]});
	}
	return text + "\n";
}

// For a person with a failed test: what came, what should, and what did.
inline std::string show(const Bytes &before, const Bytes &expected, const Bytes &found)
{
	std::string layer = !before.empty() && before[0] >> 4 == 6 ? "IPv6" : "IP";
	std::string text = "in:" + dump(before);

	text += "expected:" + dump(expected) + "found:" + dump(found);
	text += "differs at:";
	for (std::size_t i = 0; i < expected.size() && i < found.size(); i++)
		if (expected[i] != found[i])
			text += " " + std::to_string(i);
	text += "\n" + layer + "(bytes.fromhex(\"" + hex(before) + "\"))\n";
	text += layer + "(bytes.fromhex(\"" + hex(found) + "\"))\n";
	return text;
}

} // namespace oracle
