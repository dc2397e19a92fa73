// SPDX-License-Identifier: BSD-3-Clause
#include "common/receive.hpp"

#include <cstring>

#include "common/sum.hpp"

namespace dsr {

namespace {

constexpr std::uint32_t MAX_IP4 = 0xffff, MAX_IP6_PAYLOAD = 0xffff;
constexpr std::uint8_t PROTO_TCP = 6, NEXT_HOP_BY_HOP = 0;

struct DropName {
	const char *key, *text;
};

const DropName drop_names[] = {
	{"none", "not dropped"},
	{"version", "the IP version is not what the link layer said"},
	{"short_header", "shorter than its IP header"},
	{"header_length", "IPv4 header length below 20"},
	{"header_checksum", "wrong IPv4 header checksum"},
	{"short_total", "IPv4 total length below the header length"},
	{"long_total", "the IP header says longer than it was on the wire"},
	{"multicast_source", "IPv6 source is a multicast address"},
	{"reserved_scope", "IPv6 destination is multicast of scope 0"},
	{"hop_by_hop", "IPv6 hop-by-hop options malformed or refused"},
	{"short_transport", "ends before its transport checksum"},
	{"match", "ends before what a match has to look at"},
	{"rule", "dropped by a rule"},
};
static_assert(sizeof(drop_names) / sizeof(drop_names[0]) == static_cast<std::size_t>(Drop::count));

void trim(Packet &packet, std::uint32_t length)
{
	packet.length = length;
	if (packet.captured > length)
		packet.captured = length;
}

Received dropped(Drop drop)
{
	Received result;

	result.drop = drop;
	return result;
}

Received cut()
{
	Received result;

	result.cut = true;
	return result;
}

// The order is that of ip_rcv_core(): it decides which reason is counted.
Received receive4(Packet &packet)
{
	const std::uint8_t *ip = packet.data;
	Received result;

	if (!packet.holds(20))
		return dropped(Drop::short_header);
	if (packet.captures(1)) {
		if ((ip[0] & 0x0f) < 5)
			return dropped(Drop::header_length);
		if (ip[0] >> 4 != 4)
			return dropped(Drop::version);
	}
	if (!packet.captures(20))
		return cut();

	std::uint32_t header = (ip[0] & 0x0fU) * 4;
	if (!packet.holds(header))
		return dropped(Drop::short_header);
	if (packet.captures(header) && fold(sum(ip, header)) != 0xffff) {
		// Hardware fills in the 0 of a packet sent by the host that
		// captured it; what arrived was right.
		if (load16(ip + 10))
			return dropped(Drop::header_checksum);
		result.offloaded = true;
	}

	std::uint32_t total = load16(ip + 2);
	if (!total && ip[9] == PROTO_TCP && packet.length > MAX_IP4)
		total = packet.length; // only segmentation offload makes these
	if (total > packet.length)
		return dropped(Drop::long_total);
	if (total < header)
		return dropped(Drop::short_total);
	trim(packet, total);
	return result;
}

enum HopByHopOption : std::uint8_t {
	OPTION_PAD1 = 0,
	OPTION_PADN = 1,
	OPTION_ROUTER_ALERT = 5,
	OPTION_CALIPSO = 7,
	OPTION_IOAM = 49,
	OPTION_JUMBO = 194,
};

// RFC 2675: a length that does not fit into the header.
bool jumbo_accepted(Packet &packet, std::uint32_t offset)
{
	const std::uint8_t *option = packet.data + offset;

	if (option[1] != 4 || (offset & 3) != 2)
		return false;
	std::uint32_t payload = load32(option + 2);
	if (payload <= MAX_IP6_PAYLOAD || load16(packet.data + 4) ||
	    !packet.holds(std::uint64_t{payload} + 40))
		return false;
	trim(packet, payload + 40);
	return true;
}

bool option_accepted(Packet &packet, std::uint32_t offset)
{
	const std::uint8_t *option = packet.data + offset;

	switch (option[0]) {
	case OPTION_ROUTER_ALERT:
		return option[1] == 2;
	case OPTION_CALIPSO:
		return false; // labels of a domain that no host here is in
	case OPTION_IOAM:
		return !(offset & 3);
	case OPTION_JUMBO:
		return jumbo_accepted(packet, offset);
	}
	return !(option[0] & 0xc0); // RFC 8200 4.2: skip if unknown
}

// As ip6_parse_tlv() with the default limits. @offset and @end are those of
// the options; all of them are captured.
bool options_accepted(Packet &packet, std::uint32_t offset, std::uint32_t end)
{
	constexpr unsigned int MAX_OPTIONS = 8, MAX_PADDING = 7;
	unsigned int options = 0, padding = 0;

	while (offset < end) {
		const std::uint8_t *option = packet.data + offset;

		if (option[0] == OPTION_PAD1) {
			if (++padding > MAX_PADDING)
				return false;
			offset++;
			continue;
		}
		if (end - offset < 2)
			return false;
		unsigned int length = option[1] + 2U;
		if (length > end - offset)
			return false;
		if (option[0] == OPTION_PADN) {
			padding += length;
			if (padding > MAX_PADDING)
				return false;
			for (unsigned int i = 2; i < length; i++)
				if (option[i])
					return false;
		} else {
			if (++options > MAX_OPTIONS || !option_accepted(packet, offset))
				return false;
			padding = 0;
		}
		offset += length;
	}
	return true;
}

Received receive_hop_by_hop(Packet &packet)
{
	if (!packet.holds(48))
		return dropped(Drop::hop_by_hop);
	if (!packet.captures(42))
		return {};
	std::uint32_t end = 40 + (packet.data[41] + 1U) * 8;
	if (!packet.holds(end))
		return dropped(Drop::hop_by_hop);
	if (!packet.captures(end))
		return {};
	if (!options_accepted(packet, 42, end))
		return dropped(Drop::hop_by_hop);
	return {};
}

// The order is that of ip6_rcv_core().
Received receive6(Packet &packet)
{
	const std::uint8_t *ip = packet.data;

	if (!packet.holds(40))
		return dropped(Drop::short_header);
	if (packet.captures(1) && ip[0] >> 4 != 6)
		return dropped(Drop::version);
	if (!packet.captures(40))
		return cut();
	if (ip[24] == 0xff && !(ip[25] & 0x0f))
		return dropped(Drop::reserved_scope);
	if (ip[8] == 0xff)
		return dropped(Drop::multicast_source);

	std::uint32_t payload = load16(ip + 4);
	if (!payload && ip[6] == PROTO_TCP && packet.length > MAX_IP6_PAYLOAD + 40)
		payload = packet.length - 40; // as in receive4()
	if (payload || ip[6] != NEXT_HOP_BY_HOP) {
		if (!packet.holds(payload + 40))
			return dropped(Drop::long_total);
		trim(packet, payload + 40);
	}
	if (ip[6] == NEXT_HOP_BY_HOP)
		return receive_hop_by_hop(packet);
	return {};
}

} // namespace

const char *drop_key(Drop drop)
{
	return drop_names[static_cast<std::size_t>(drop)].key;
}

const char *drop_text(Drop drop)
{
	return drop_names[static_cast<std::size_t>(drop)].text;
}

Received receive(Packet &packet)
{
	return packet.family == Family::ip4 ? receive4(packet) : receive6(packet);
}

} // namespace dsr
