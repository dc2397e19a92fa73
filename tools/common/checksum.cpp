// SPDX-License-Identifier: BSD-3-Clause
#include "common/checksum.hpp"

#include "common/sum.hpp"

namespace dsr {

namespace {

enum Protocol : std::uint8_t {
	HOP_BY_HOP = 0,
	TCP = 6,
	UDP = 17,
	DCCP = 33,
	ROUTING = 43,
	FRAGMENT = 44,
	AUTHENTICATION = 51,
	ICMP6 = 58,
	DESTINATION = 60,
	UDP_LITE = 136,
};

// Where a routing header with segments left keeps the final destination; 0
// when it is of a type that does not say so in the clear.
std::uint32_t final_destination(const std::uint8_t *header, std::uint32_t length)
{
	switch (header[2]) {
	case 0: // RFC 2460: the last of the list
		return length >= 24 && length % 16 == 8 ? length - 16 : 0;
	case 2: // RFC 6275: the only one
		return length == 24 ? 8 : 0;
	case 4: // RFC 8754: the list is backwards
		return length >= 24 ? 8 : 0;
	}
	return 0;
}

} // namespace

void Coverage::take(const Packet &packet, std::uint32_t offset, std::uint32_t covered,
		    std::uint32_t length)
{
	if (packet.captures(std::uint64_t{offset} + covered))
		add_up(packet, offset, covered, length);
	else
		fixed_ = Checksum::unknown;
}

void Coverage::find_transport(const Packet &packet, std::uint32_t offset, std::uint8_t protocol)
{
	const std::uint8_t *header = packet.data + offset;
	std::uint32_t length, covered, shortest;

	protocol_ = protocol;
	switch (protocol) {
	case TCP:
		field_ = offset + 16;
		shortest = 20;
		break;
	case UDP:
	case UDP_LITE:
		field_ = offset + 6;
		shortest = 8;
		break;
	case DCCP:
		field_ = offset + 6;
		shortest = 12;
		break;
	case ICMP6:
		if (packet.family == Family::ip6) {
			field_ = offset + 2;
			shortest = 4;
			break;
		}
		[[fallthrough]];
	default:
		fixed_ = Checksum::none;
		return;
	}
	if (!packet.holds(std::uint64_t{offset} + shortest) ||
	    !packet.captures(std::uint64_t{offset} + shortest)) {
		fixed_ = Checksum::unknown;
		return;
	}

	if (protocol != ICMP6)
		port_ = offset + 2;
	length = covered = packet.length - offset;
	switch (protocol) {
	case UDP:
		optional_ = true;
		// RFC 2675: a jumbogram's length is 0
		if (load16(header + 4) || packet.family == Family::ip4 || length <= 0xffff)
			covered = load16(header + 4);
		if (covered < 8 || covered > length) {
			fixed_ = Checksum::bad;
			return;
		}
		length = covered;
		break;
	case UDP_LITE: // RFC 3828 3.1
		if (load16(header + 4))
			covered = load16(header + 4);
		if (covered < 8 || covered > length) {
			fixed_ = Checksum::bad;
			return;
		}
		break;
	case DCCP: { // RFC 4340 5.1, 9.2
		std::uint32_t coverage = header[5] & 0x0f;

		if (coverage)
			covered = header[4] * 4U + (coverage - 1) * 4;
		if (covered < 12 || covered > length) {
			fixed_ = Checksum::bad;
			return;
		}
		break;
	}
	}
	take(packet, offset, covered, length);
}

void Coverage::find4(const Packet &packet)
{
	const std::uint8_t *ip = packet.data;

	if (!packet.captures(20)) {
		fixed_ = Checksum::unknown;
		return;
	}
	// any fragment: the rest of what is covered is in others
	if (load16(ip + 6) & 0x3fff) {
		fixed_ = Checksum::unknown;
		return;
	}
	find_transport(packet, (ip[0] & 0x0fU) * 4, ip[9]);
}

void Coverage::find6(const Packet &packet)
{
	const std::uint8_t *ip = packet.data;
	std::uint32_t offset = 40;

	fixed_ = Checksum::unknown;
	if (!packet.captures(40))
		return;
	for (std::uint8_t protocol = ip[6];;) {
		const std::uint8_t *header = ip + offset;
		std::uint32_t length;

		switch (protocol) {
		case HOP_BY_HOP:
		case DESTINATION:
		case ROUTING:
		case FRAGMENT:
		case AUTHENTICATION:
			break;
		default:
			fixed_ = Checksum::count;
			find_transport(packet, offset, protocol);
			return;
		}
		if (!packet.captures(std::uint64_t{offset} + 8))
			return;
		length = (header[1] + 1U) * 8;
		if (protocol == FRAGMENT) {
			if (load16(header + 2) & 0xfff9)
				return;
			length = 8;
		} else if (protocol == AUTHENTICATION) {
			length = (header[1] + 2U) * 4;
		} else if (protocol == ROUTING && header[3]) {
			std::uint32_t last = final_destination(header, length);

			if (!destination_ || !last ||
			    !packet.captures(std::uint64_t{offset} + length))
				return;
			destination_ = false;
			rest_ = sum(header + last, 16);
		}
		protocol = header[0];
		offset += length;
	}
}

Coverage::Coverage(const Packet &packet)
{
	if (packet.family == Family::ip4)
		find4(packet);
	else
		find6(packet);
}

} // namespace dsr
