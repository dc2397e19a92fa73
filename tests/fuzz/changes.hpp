// SPDX-License-Identifier: BSD-3-Clause
// What a rewrite may change in a packet, found by a second way that shares no
// code with the core: for those who judge what the core did.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace changes {

using Bytes = std::vector<std::uint8_t>;

// RFC 1071, word by word. 0 and 0xffff are the same number.
inline unsigned int sum(const std::uint8_t *data, std::size_t size)
{
	std::uint64_t total = 0;

	for (std::size_t i = 0; i < size; i++)
		total += i & 1 ? data[i] : data[i] << 8U;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total ? static_cast<unsigned int>(total) : 0xffff;
}

struct Place {
	std::size_t transport = 0; // 0: the chain does not lead to one
	std::size_t field = 0;	   // the checksum that covers the header's
				   // destination; 0 if there is none
	std::size_t port = 0;	   // the destination's; 0 if it has none
	unsigned int protocol = 0;
	bool truncated = false; // the packet ends within the chain
};

// By tables, and by the sizes in RFC 8200, 4302, 768, 3828, 4340 and 9293. The
// packet holds its IP header without options.
inline Place locate(const Bytes &bytes, bool six)
{
	static const struct {
		std::uint8_t protocol, field;
		bool four;
	} transports[] = {
		{6, 16, true}, {17, 6, true}, {33, 6, true}, {136, 6, true}, {58, 2, false},
	};
	std::size_t at = six ? 40 : (bytes[0] & 15) * 4U;
	Place place;

	place.protocol = bytes[six ? 6 : 9];
	if (!six && at < 20) {
		place.truncated = true;
		return place;
	}
	if (!six && ((bytes[6] << 8 | bytes[7]) & 0x1fff))
		return place;
	while (six && std::strchr("\x2b\x2c\x33\x3c", static_cast<int>(place.protocol))) {
		const unsigned int header = place.protocol;

		// strchr() finds the end, too: hop-by-hop is 0
		if (at + 4 > bytes.size()) {
			place.truncated = true;
			return place;
		}
		if (header == 43 && bytes[at + 3])
			return place;
		if (header == 44 && ((bytes[at + 2] << 8 | bytes[at + 3]) >> 3))
			return place;
		place.protocol = bytes[at];
		at += header == 44 ? 8 :
		      header == 51 ? 8 + bytes[at + 1] * 4U :
				     8 + bytes[at + 1] * 8U;
	}
	place.transport = at;
	for (auto &transport : transports)
		if (transport.protocol == place.protocol && (six || transport.four)) {
			place.port = place.protocol == 58 ? 0 : at + 2;
			place.field = at + transport.field;
		}
	return place;
}

// Is everything the same but address, IPv4 header checksum, and the two bytes
// at @field and at @port (0: there is none)?
inline bool only_these(const Bytes &before, const Bytes &after, bool six, std::size_t field,
		       std::size_t port)
{
	const std::size_t daddr = six ? 24 : 16, size = six ? 16 : 4;

	if (before.size() != after.size())
		return false;
	for (std::size_t i = 0; i < before.size(); i++) {
		if (before[i] == after[i])
			continue;
		if (!((i >= daddr && i < daddr + size) || (!six && (i == 10 || i == 11)) ||
		      (field && (i == field || i == field + 1)) ||
		      (port && (i == port || i == port + 1))))
			return false;
	}
	return true;
}

} // namespace changes
