// SPDX-License-Identifier: BSD-3-Clause
// Where the IP packet begins, for each link type.
#include "catch.hpp"

#include <pcap/pcap.h>

#include <cstring>

#include "common/link.hpp"
#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

struct Case {
	const char *name;
	int link_type;
	Bytes before; // the IP packet
	Link link;
};

const Bytes MACS(12, 2), SLL(14, 0), SLL2(18, 0);

const Case cases[] = {
	{"Ethernet", DLT_EN10MB, MACS + be16(0x800), Link::ip},
	{"one tag", DLT_EN10MB, MACS + be16(0x8100) + be16(5) + be16(0x800), Link::ip},
	{"two tags", DLT_EN10MB,
	 MACS + be16(0x88a8) + be16(5) + be16(0x8100) + be16(6) + be16(0x800), Link::ip},
	{"three tags", DLT_EN10MB,
	 MACS + be16(0x9100) + be16(5) + be16(0x8100) + be16(6) + be16(0x88a8) + be16(7) +
		 be16(0x800),
	 Link::ip},
	{"ARP", DLT_EN10MB, MACS + be16(0x806), Link::other},
	{"ARP after a tag", DLT_EN10MB, MACS + be16(0x8100) + be16(5) + be16(0x806), Link::other},
	{"802.3 length", DLT_EN10MB, MACS + be16(38), Link::other},
	{"cooked", DLT_LINUX_SLL, SLL + be16(0x800), Link::ip},
	{"cooked, tagged", DLT_LINUX_SLL, SLL + be16(0x8100) + be16(5) + be16(0x800), Link::ip},
	{"cooked ARP", DLT_LINUX_SLL, SLL + be16(0x806), Link::other},
	{"cooked 2", DLT_LINUX_SLL2, be16(0x800) + SLL2, Link::ip},
	{"cooked 2 ARP", DLT_LINUX_SLL2, be16(0x806) + SLL2, Link::other},
	{"raw", DLT_RAW, {}, Link::ip},
	{"IPv4", DLT_IPV4, {}, Link::ip},
	{"null, little-endian", DLT_NULL, {2, 0, 0, 0}, Link::ip},
	{"null, big-endian", DLT_NULL, {0, 0, 0, 2}, Link::ip},
	{"loop", DLT_LOOP, {0, 0, 0, 2}, Link::ip},
	{"null, unknown", DLT_NULL, {7, 0, 0, 0}, Link::other},
	{"PPP", DLT_PPP, be16(0x21), Link::ip},
	{"PPP, short protocol", DLT_PPP, {0x21}, Link::ip},
	{"PPP, address and control", DLT_PPP, be16(0xff03) + be16(0x21), Link::ip},
	{"PPP LCP", DLT_PPP, be16(0xff03) + be16(0xc021), Link::other},
	{"PPPoE", DLT_PPP_ETHER, Bytes{0x11, 0, 0, 1, 0, 30} + be16(0x21), Link::ip},
	{"PPPoE discovery", DLT_PPP_ETHER, Bytes{0x11, 9, 0, 1, 0, 30} + be16(0x21), Link::other},
	{"HDLC", DLT_C_HDLC, Bytes{0x0f, 0} + be16(0x800), Link::ip},
};

Link find(int link_type, Frame frame, Packet &packet)
{
	Interface interface;

	interface.link_type = link_type;
	frame.interface = &interface;
	return find_packet(frame, packet);
}

} // namespace

TEST_CASE("replay: link types")
{
	for (const Case &test : cases) {
		INFO(test.name);
		CHECK(link_known(test.link_type));
		Bytes bytes = test.before + good(ip4());
		Packet packet;
		Frame whole = frame(bytes);

		REQUIRE(find(test.link_type, whole, packet) == test.link);
		if (test.link != Link::ip)
			continue;
		CHECK(packet.data == bytes.data() + test.before.size());
		CHECK(packet.length == bytes.size() - test.before.size());
		CHECK(packet.family == Family::ip4);
		// every cut within the link layer
		for (std::size_t size = 0; size < test.before.size(); size++) {
			Frame cut = frame(bytes);
			Link link;

			cut.captured = static_cast<std::uint32_t>(size);
			link = find(test.link_type, cut, packet);
			INFO("cut to " << size);
			CHECK(link == Link::cut);
			// the frame was not longer
			cut.length = cut.captured;
			link = find(test.link_type, cut, packet);
			CHECK(link == Link::other);
		}
	}
}

TEST_CASE("replay: link types say IPv6")
{
	const Case six[] = {
		{"Ethernet", DLT_EN10MB, MACS + be16(0x86dd), Link::ip},
		{"cooked", DLT_LINUX_SLL, SLL + be16(0x86dd), Link::ip},
		{"cooked 2", DLT_LINUX_SLL2, be16(0x86dd) + SLL2, Link::ip},
		{"raw", DLT_RAW, {}, Link::ip},
		{"IPv6", DLT_IPV6, {}, Link::ip},
		{"null, Linux", DLT_NULL, {10, 0, 0, 0}, Link::ip},
		{"null, NetBSD", DLT_NULL, {24, 0, 0, 0}, Link::ip},
		{"null, FreeBSD", DLT_NULL, {28, 0, 0, 0}, Link::ip},
		{"null, macOS", DLT_NULL, {30, 0, 0, 0}, Link::ip},
		{"loop, macOS", DLT_LOOP, {0, 0, 0, 30}, Link::ip},
		{"PPP", DLT_PPP, be16(0x57), Link::ip},
	};

	for (const Case &test : six) {
		INFO(test.name);
		Bytes bytes = test.before + good(ip6());
		Packet packet;

		REQUIRE(find(test.link_type, frame(bytes), packet) == Link::ip);
		CHECK(packet.data == bytes.data() + test.before.size());
		CHECK(packet.family == Family::ip6);
	}
}

TEST_CASE("replay: NFLOG's payload is found after its other attributes")
{
	// in host order; little-endian here, and turned otherwise
	auto attribute = [](std::uint16_t type, const Bytes &value) {
		std::uint16_t length = static_cast<std::uint16_t>(4 + value.size());
		Bytes bytes(4);

		std::memcpy(bytes.data(), &length, 2);
		std::memcpy(bytes.data() + 2, &type, 2);
		bytes = bytes + value;
		bytes.resize((bytes.size() + 3) & ~std::size_t{3});
		return bytes;
	};
	Bytes head = Bytes{2, 0, 0, 5} + attribute(1, {8, 0, 0, 0}) +
		     attribute(10, {'p', 'r', 'e', 'f', 'i', 'x', 0});
	Bytes ip = good(ip4());
	Bytes bytes = head + attribute(9, ip);
	Packet packet;

	REQUIRE(find(DLT_NFLOG, frame(bytes), packet) == Link::ip);
	CHECK(packet.data == bytes.data() + head.size() + 4);
	CHECK(packet.length == ip.size());

	// what NFLOG did not copy was in the packet all the same
	Bytes half(ip.begin(), ip.begin() + 24);
	bytes = head + attribute(9, half);
	REQUIRE(find(DLT_NFLOG, frame(bytes), packet) == Link::ip);
	CHECK(packet.captured == 24);
	CHECK(packet.length == ip.size());

	bytes = head;
	CHECK(find(DLT_NFLOG, frame(bytes), packet) == Link::other);
	bytes = head + Bytes{2, 0, 9, 0};
	CHECK(find(DLT_NFLOG, frame(bytes), packet) == Link::other);
}

TEST_CASE("replay: other link types are not known")
{
	CHECK_FALSE(link_known(DLT_IEEE802_11));
	CHECK_FALSE(link_known(DLT_USB_LINUX));
	CHECK(known_links().find("EN10MB") != std::string::npos);
}
