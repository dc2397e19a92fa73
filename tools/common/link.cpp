// SPDX-License-Identifier: BSD-3-Clause
#include "common/link.hpp"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace dsr {

namespace {

enum EtherType : std::uint16_t {
	ETHER_IP4 = 0x0800,
	ETHER_VLAN = 0x8100,
	ETHER_IP6 = 0x86dd,
	ETHER_SERVICE_VLAN = 0x88a8,
	ETHER_QINQ = 0x9100, // before 802.1ad, and still met
};

enum PppProtocol : std::uint16_t { PPP_IP4 = 0x0021, PPP_IP6 = 0x0057 };

// A frame, and how much of it was the link layer so far.
struct Cursor {
	const Frame &frame;
	std::uint32_t offset;

	bool captures(std::uint32_t count) const
	{
		return count <= frame.captured && offset <= frame.captured - count;
	}
	const std::uint8_t *at() const { return frame.data + offset; }
};

Link found(const Cursor &at, Family family, Packet &packet)
{
	packet.data = at.frame.data + at.offset;
	packet.captured = at.frame.captured - at.offset;
	packet.length = at.frame.length - at.offset;
	packet.family = family;
	return Link::ip;
}

// The packet's first byte says what it is.
Link by_version(const Cursor &at, Packet &packet)
{
	if (!at.captures(1))
		return Link::cut;
	switch (at.at()[0] >> 4) {
	case 4:
		return found(at, Family::ip4, packet);
	case 6:
		return found(at, Family::ip6, packet);
	}
	return Link::other;
}

// Any number of VLAN tags may stand before the packet.
Link by_ether_type(Cursor at, std::uint16_t type, Packet &packet)
{
	while (type == ETHER_VLAN || type == ETHER_SERVICE_VLAN || type == ETHER_QINQ) {
		if (!at.captures(4))
			return Link::cut;
		type = load16(at.at() + 2);
		at.offset += 4;
	}
	if (type == ETHER_IP4)
		return found(at, Family::ip4, packet);
	if (type == ETHER_IP6)
		return found(at, Family::ip6, packet);
	return Link::other;
}

// A header of @size bytes that holds an EtherType at @type.
Link with_ether_type(Cursor at, std::uint32_t type, std::uint32_t size, Packet &packet)
{
	if (!at.captures(size))
		return Link::cut;
	std::uint16_t ether_type = load16(at.at() + type);
	at.offset += size;
	return by_ether_type(at, ether_type, packet);
}

// RFC 1661: one byte when its lowest bit is set, two otherwise.
Link by_ppp_protocol(Cursor at, Packet &packet)
{
	std::uint16_t protocol;

	if (!at.captures(1))
		return Link::cut;
	if (at.at()[0] & 1) {
		protocol = at.at()[0];
		at.offset += 1;
	} else {
		if (!at.captures(2))
			return Link::cut;
		protocol = load16(at.at());
		at.offset += 2;
	}
	if (protocol == PPP_IP4)
		return found(at, Family::ip4, packet);
	if (protocol == PPP_IP6)
		return found(at, Family::ip6, packet);
	return Link::other;
}

// RFC 1662: address and control, which may be left out.
Link ppp(Cursor at, Packet &packet)
{
	if (!at.captures(2))
		return Link::cut;
	if (at.at()[0] == 0xff && at.at()[1] == 0x03)
		at.offset += 2;
	return by_ppp_protocol(at, packet);
}

// RFC 2516: version and type, code (0 is data), session, length.
Link ppp_over_ethernet(Cursor at, Packet &packet)
{
	if (!at.captures(6))
		return Link::cut;
	if (at.at()[1])
		return Link::other;
	at.offset += 6;
	return by_ppp_protocol(at, packet);
}

// The address family of the host that captured, in its byte order.
Link bsd_loopback(Cursor at, Packet &packet)
{
	if (!at.captures(4))
		return Link::cut;
	std::uint32_t family = load32(at.at());
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	at.offset += 4;
	switch (family) {
	case 2:
		return found(at, Family::ip4, packet);
	case 10: // Linux
	case 24: // NetBSD, OpenBSD
	case 28: // FreeBSD
	case 30: // macOS
		return found(at, Family::ip6, packet);
	}
	return Link::other;
}

// NFLOG may have copied less than the packet, and does not tell. But what got
// as far as NFLOG is as long as its IP header says.
void limit_to_payload(Packet &packet, std::uint32_t payload)
{
	packet.length = payload;
	if (packet.captured > payload)
		packet.captured = payload;
	if (packet.family == Family::ip4 && packet.captures(4))
		payload = load16(packet.data + 2);
	else if (packet.family == Family::ip6 && packet.captures(6))
		payload = 40U + load16(packet.data + 4);
	if (packet.length < payload)
		packet.length = payload;
}

// Family, version, resource; then attributes {length, type} in the byte order
// of the host that captured, each padded to 4 bytes.
Link nflog(Cursor at, Packet &packet)
{
	constexpr std::uint16_t PAYLOAD = 9;

	if (!at.captures(4))
		return Link::cut;
	if (at.at()[1])
		return Link::other;
	at.offset += 4;
	while (at.offset < at.frame.length) {
		std::uint16_t length, type;

		if (!at.captures(4))
			return Link::cut;
		std::memcpy(&length, at.at(), sizeof(length));
		std::memcpy(&type, at.at() + 2, sizeof(type));
		if (at.frame.interface->swapped) {
			length = __builtin_bswap16(length);
			type = __builtin_bswap16(type);
		}
		if (length < 4)
			return Link::other;
		if (type == PAYLOAD) {
			Cursor payload{at.frame, at.offset + 4};
			Link link = by_version(payload, packet);

			if (link == Link::ip)
				limit_to_payload(packet, length - 4U);
			return link;
		}
		std::uint32_t step = (length + 3U) & ~3U;
		if (!at.captures(step))
			return at.frame.captured < at.frame.length ? Link::cut : Link::other;
		at.offset += step;
	}
	return Link::other;
}

const int known[] = {
	DLT_EN10MB, DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_RAW,	  DLT_IPV4,   DLT_IPV6,	 DLT_NULL,
	DLT_LOOP,   DLT_PPP,	   DLT_PPP_SERIAL, DLT_PPP_ETHER, DLT_C_HDLC, DLT_NFLOG,
};

} // namespace

bool link_known(int link_type)
{
	return std::find(std::begin(known), std::end(known), link_type) != std::end(known);
}

// The two are the same but for those whose DLT_ value depends on the system.
int link_of(unsigned int in_file)
{
	constexpr unsigned int LINKTYPE_RAW = 101;

	return in_file == LINKTYPE_RAW ? DLT_RAW : static_cast<int>(in_file);
}

std::string link_name(int link_type)
{
	const char *name = pcap_datalink_val_to_name(link_type);

	return name ? name : std::to_string(link_type);
}

std::string link_text(int link_type)
{
	const char *name = pcap_datalink_val_to_name(link_type);

	return std::to_string(link_type) + (name ? std::string(" (") + name + ")" : "");
}

std::string known_links()
{
	std::string names;

	for (int type : known) {
		if (!names.empty())
			names += ", ";
		names += link_name(type);
	}
	return names;
}

static Link find(const Cursor &at, Packet &packet)
{
	switch (at.frame.interface->link_type) {
	case DLT_EN10MB:
		return with_ether_type(at, 12, 14, packet);
	case DLT_LINUX_SLL:
		return with_ether_type(at, 14, 16, packet);
	case DLT_LINUX_SLL2:
		return with_ether_type(at, 0, 20, packet);
	case DLT_C_HDLC:
		return with_ether_type(at, 2, 4, packet);
	case DLT_RAW:
		return by_version(at, packet);
	case DLT_IPV4:
		return found(at, Family::ip4, packet);
	case DLT_IPV6:
		return found(at, Family::ip6, packet);
	case DLT_NULL:
	case DLT_LOOP:
		return bsd_loopback(at, packet);
	case DLT_PPP:
	case DLT_PPP_SERIAL:
		return ppp(at, packet);
	case DLT_PPP_ETHER:
		return ppp_over_ethernet(at, packet);
	case DLT_NFLOG:
		return nflog(at, packet);
	}
	return Link::unknown;
}

// The frame check sequence is no part of the packet.
static void leave_out_fcs(const Frame &frame, Packet &packet)
{
	packet.length -= std::min<std::uint32_t>(frame.fcs, packet.length);
	packet.captured = std::min(packet.captured, packet.length);
}

Link find_any_packet(const Frame &frame, Packet &packet)
{
	Link link = find({frame, 0}, packet);

	// shorter than a link layer on the wire, too
	if (link == Link::cut && frame.captured == frame.length)
		return Link::other;
	if (link == Link::ip && frame.fcs)
		leave_out_fcs(frame, packet);
	return link;
}

} // namespace dsr
