// SPDX-License-Identifier: BSD-3-Clause
// The core reads what it says it needs and no more, and a packet that is cut
// anywhere is never taken for one that is whole.
#include "catch.hpp"

#include <random>

#include "host.hpp"
#include "packets.hpp"

using namespace packets;

namespace {

const Bytes four = {10, 128, 9, 31};
const Bytes six = {0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x31};

struct Row {
	const char *name;
	int family;
	Bytes packet;
	unsigned int need; // so many bytes are read, or it is dropped
	daddr_l4csum l4csum;
};

Bytes behind4(std::uint8_t protocol, const Fields4 &fields = {})
{
	return ip4(four, protocol, transport(protocol, four, text(12)), fields);
}

Bytes behind6(const Chain &chain, std::uint8_t protocol)
{
	return ip6(six, chain, protocol, transport(protocol, six, text(12)));
}

std::vector<Row> rows()
{
	Extension hop = options_header(HOP), dest = options_header(DESTINATION);

	return {
		{"TCP", 4, behind4(TCP), 38, DADDR_L4CSUM_HERE},
		{"UDP", 4, behind4(UDP), 28, DADDR_L4CSUM_HERE},
		{"UDP-Lite", 4, behind4(UDPLITE), 28, DADDR_L4CSUM_HERE},
		{"DCCP", 4, behind4(DCCP), 28, DADDR_L4CSUM_HERE},
		{"ICMP", 4, behind4(ICMP), 20, DADDR_L4CSUM_NONE},
		{"ICMPv6 in IPv4", 4, behind4(ICMPV6), 20, DADDR_L4CSUM_NONE},
		{"options", 4, behind4(TCP, {Bytes(40, 1)}), 78, DADDR_L4CSUM_HERE},
		{"options, ESP", 4, behind4(ESP, {Bytes(40, 1)}), 20, DADDR_L4CSUM_NONE},
		{"fragment", 4, behind4(TCP, {{}, 1}), 20, DADDR_L4CSUM_FRAGMENT},
		{"TCP", 6, behind6({}, TCP), 58, DADDR_L4CSUM_HERE},
		{"UDP", 6, behind6({}, UDP), 48, DADDR_L4CSUM_HERE},
		{"UDP-Lite", 6, behind6({}, UDPLITE), 48, DADDR_L4CSUM_HERE},
		{"DCCP", 6, behind6({}, DCCP), 48, DADDR_L4CSUM_HERE},
		{"ICMPv6", 6, behind6({}, ICMPV6), 44, DADDR_L4CSUM_HERE},
		{"SCTP", 6, behind6({}, SCTP), 40, DADDR_L4CSUM_NONE},
		{"hop, dest, TCP", 6, behind6({hop, dest}, TCP), 74, DADDR_L4CSUM_HERE},
		{"routing, AH, UDP", 6, behind6({routing(0), ah()}, UDP), 96, DADDR_L4CSUM_HERE},
		{"hop, routing left", 6, behind6({hop, routing(1), dest}, TCP), 52,
		 DADDR_L4CSUM_ROUTED},
		{"dest, fragment", 6, behind6({dest, fragment(8), hop}, TCP), 52,
		 DADDR_L4CSUM_FRAGMENT},
		{"atomic, ICMPv6", 6, behind6({fragment()}, ICMPV6), 52, DADDR_L4CSUM_HERE},
		{"hop, ESP", 6, behind6({hop}, ESP), 44, DADDR_L4CSUM_NONE},
		{"hop, nothing", 6, behind6({hop}, NONE), 44, DADDR_L4CSUM_NONE},
	};
}

} // namespace

TEST_CASE("a packet cut at every length")
{
	for (const Row &row : rows()) {
		host::Outcome whole = host::decide(row.family, row.packet);
		const bool here = row.l4csum == DADDR_L4CSUM_HERE;
		const unsigned int header = row.family == 4 ? 20 : 40;
		INFO(row.name << " in IPv" << row.family << oracle::dump(row.packet));
		REQUIRE(whole.verdict == DADDR_CHANGE);
		REQUIRE(whole.change.l4csum == row.l4csum);
		REQUIRE(whole.highest == row.need);
		REQUIRE(whole.change.writable == (here ? row.need : header));

		for (std::size_t length = 0; length < row.packet.size(); length++) {
			Bytes packet = cut(row.packet, length);
			host::Outcome found = host::decide(row.family, packet);
			const daddr_l4csum l4csum = found.change.l4csum;
			INFO(length << " of " << row.packet.size() << " bytes");
			REQUIRE(found.dropped() == (length < row.need));
			REQUIRE(found.highest <= row.need);
			if (found.dropped()) {
				REQUIRE(found.change.writable <= length);
				REQUIRE((l4csum == DADDR_L4CSUM_UNKNOWN ||
					 (here && l4csum == DADDR_L4CSUM_CUT)));
				if (l4csum == DADDR_L4CSUM_UNKNOWN)
					continue;
			} else {
				REQUIRE(l4csum == row.l4csum);
				REQUIRE(found.change.writable == whole.change.writable);
			}
			REQUIRE(found.change.thoff == whole.change.thoff);
			REQUIRE(found.change.l4proto == whole.change.l4proto);
			if (here)
				REQUIRE(found.change.l4csum_offset == whole.change.l4csum_offset);
		}
	}
}

TEST_CASE("a packet that has the address is kept however short, and not searched")
{
	for (const Row &row : rows()) {
		const Bytes &to = row.family == 4 ? four : six;
		const std::size_t header = row.family == 4 ? 20 : 40;

		for (std::size_t length = 0; length <= row.packet.size(); length++) {
			host::Packet packet(cut(row.packet, length), host::Reading::direct);
			host::Outcome found = host::decide(row.family, packet, to);
			INFO(row.name << " in IPv" << row.family << ", " << length << " bytes");
			REQUIRE(found.verdict == (length < header ? DADDR_DROP : DADDR_KEEP));
			REQUIRE(found.highest == header);
			REQUIRE_FALSE(found.change.set_daddr);
			REQUIRE(found.change.writable == 0);
		}
	}
}

TEST_CASE("of a packet that a capture cut, what there is of it can be changed")
{
	for (const Row &row : rows()) {
		const Bytes &to = row.family == 4 ? four : six;
		Bytes other = to;
		other[1] ^= 0xff;
		Bytes whole = host::rewrite(row.family, row.packet, other, host::Reading::direct, 0,
					    443)
				      .after;
		const std::size_t header = row.family == 4 ? 20 : 40;

		for (std::size_t length = header; length < row.need; length++) {
			Bytes before = cut(row.packet, length);
			host::Packet packet(before, host::Reading::direct);
			host::Outcome found = host::decide(row.family, packet, other, 443);
			INFO(row.name << " in IPv" << row.family << ", " << length << " bytes");
			REQUIRE(found.verdict == DADDR_DROP);
			REQUIRE(found.change.writable <= length);
			host::apply(row.family, packet, other, 0, found);
			Bytes after = cut(whole, length);
			// the checksum is not whole: none of it changes
			if (found.change.l4csum == DADDR_L4CSUM_CUT &&
			    length > found.change.l4csum_offset)
				after[length - 1] = before[length - 1];
			// nor is a port of which there is half, or none known
			if (!found.change.set_dport)
				std::copy(before.begin() + static_cast<std::ptrdiff_t>(header),
					  before.end(),
					  after.begin() + static_cast<std::ptrdiff_t>(header));
			INFO(oracle::show(before, after, packet.all()));
			REQUIRE(packet.all() == after);
			if (found.change.l4csum == DADDR_L4CSUM_CUT)
				REQUIRE(found.change.set_dport ==
					(length >= found.change.thoff + 4 &&
					 found.change.l4proto != ICMPV6));
		}
	}
}

TEST_CASE("nothing after the bytes that are needed is looked at")
{
	for (const Row &row : rows()) {
		const Bytes &to = row.family == 4 ? four : six;
		Bytes other = to;
		other[1] ^= 0xff;
		Bytes least = cut(row.packet, row.need);
		Bytes whole = host::rewrite(row.family, row.packet, other).after;
		for (host::Reading reading : host::READINGS) {
			Bytes found = host::rewrite(row.family, least, other, reading).after;
			INFO(row.name << " in IPv" << row.family << "\n"
				      << oracle::show(row.packet, cut(whole, row.need), found));
			CHECK(found == cut(whole, row.need));
		}
		INFO(row.name << " in IPv" << row.family);
		CHECK(Bytes(whole.begin() + row.need, whole.end()) ==
		      Bytes(row.packet.begin() + row.need, row.packet.end()));
	}
}

TEST_CASE("IPv4 with a header length below 20")
{
	for (unsigned int words = 0; words < 16; words++) {
		Bytes packet = behind4(TCP, {Bytes(40, 1)});
		packet[0] = static_cast<std::uint8_t>(0x40 | words);
		host::Outcome found = host::decide(4, packet);
		INFO("header length " << words);
		CHECK(found.dropped() == (words < 5));
		if (words >= 5)
			CHECK(found.change.l4csum_offset == words * 4 + 16);
	}
}

TEST_CASE("where the transport is, also when its checksum is not here")
{
	host::Outcome found = host::decide(4, behind4(SCTP, {Bytes(8, 1)}));
	CHECK(found.change.thoff == 28);
	CHECK(found.change.l4proto == SCTP);
	found = host::decide(4, behind4(TCP, {Bytes(8, 1), 5}));
	CHECK(found.change.thoff == 28);
	CHECK(found.change.l4proto == TCP);
	found = host::decide(6, behind6({ah(), fragment(8)}, TCP));
	CHECK(found.change.thoff == 64);
	CHECK(found.change.l4proto == FRAGMENT);
	found = host::decide(6, behind6({ah(), routing(1)}, TCP));
	CHECK(found.change.thoff == 64);
	CHECK(found.change.l4proto == ROUTING);
	found = host::decide(6, behind6({ah()}, GRE));
	CHECK(found.change.thoff == 64);
	CHECK(found.change.l4proto == GRE);
}

TEST_CASE("any bytes at all: the search stays within the packet")
{
	std::mt19937 random(8200);

	for (int i = 0; i < 200000; i++) {
		Bytes packet(random() % 120);
		for (std::uint8_t &byte : packet)
			byte = static_cast<std::uint8_t>(random() % 4 ? random() % 8 : random());
		// often a chain: the numbers of its headers in many places
		for (std::size_t at = 6; at < packet.size(); at += 8)
			packet[at] = std::initializer_list<std::uint8_t>{HOP, ROUTING,	   FRAGMENT,
									 AH,  DESTINATION, TCP,
									 UDP, ICMPV6}
					     .begin()[random() % 8];
		int family = i & 1 ? 4 : 6;
		host::Outcome found = host::decide(family, packet);
		// It may be told that there is no more, but then stops there.
		bool right = found.beyond == found.dropped() ||
			     (family == 4 && packet.size() >= 20 && (packet[0] & 0x0f) < 5);
		right &= found.change.writable <= packet.size();
		if (!found.dropped() && found.change.l4csum == DADDR_L4CSUM_HERE)
			right &= found.change.l4csum_offset + 2 == found.change.writable;
		if (!right)
			FAIL("IPv" << family << oracle::dump(packet));
	}
}
