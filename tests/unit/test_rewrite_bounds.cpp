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
	unsigned int need;	// so many bytes, or it is dropped
	unsigned int search;	// so many are read to find out
	daddr_cover cover;
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
		{"TCP", 4, behind4(TCP), 38, 20, DADDR_CSUM_HERE},
		{"UDP", 4, behind4(UDP), 28, 20, DADDR_CSUM_HERE},
		{"UDP-Lite", 4, behind4(UDPLITE), 28, 20, DADDR_CSUM_HERE},
		{"DCCP", 4, behind4(DCCP), 28, 20, DADDR_CSUM_HERE},
		{"ICMP", 4, behind4(ICMP), 20, 20, DADDR_CSUM_NONE},
		{"ICMPv6 in IPv4", 4, behind4(ICMPV6), 20, 20, DADDR_CSUM_NONE},
		{"options", 4, behind4(TCP, {Bytes(40, 1)}), 78, 20,
		 DADDR_CSUM_HERE},
		{"options, ESP", 4, behind4(ESP, {Bytes(40, 1)}), 20, 20,
		 DADDR_CSUM_NONE},
		{"fragment", 4, behind4(TCP, {{}, 1}), 20, 20,
		 DADDR_CSUM_FRAGMENT},
		{"TCP", 6, behind6({}, TCP), 58, 7, DADDR_CSUM_HERE},
		{"UDP", 6, behind6({}, UDP), 48, 7, DADDR_CSUM_HERE},
		{"UDP-Lite", 6, behind6({}, UDPLITE), 48, 7, DADDR_CSUM_HERE},
		{"DCCP", 6, behind6({}, DCCP), 48, 7, DADDR_CSUM_HERE},
		{"ICMPv6", 6, behind6({}, ICMPV6), 44, 7, DADDR_CSUM_HERE},
		{"SCTP", 6, behind6({}, SCTP), 40, 7, DADDR_CSUM_NONE},
		{"hop, dest, TCP", 6, behind6({hop, dest}, TCP), 74, 52,
		 DADDR_CSUM_HERE},
		{"routing, AH, UDP", 6, behind6({routing(0), ah()}, UDP), 96,
		 68, DADDR_CSUM_HERE},
		{"hop, routing left", 6, behind6({hop, routing(1), dest}, TCP),
		 52, 52, DADDR_CSUM_ROUTED},
		{"dest, fragment", 6, behind6({dest, fragment(8), hop}, TCP),
		 52, 52, DADDR_CSUM_FRAGMENT},
		{"atomic, ICMPv6", 6, behind6({fragment()}, ICMPV6), 52, 44,
		 DADDR_CSUM_HERE},
		{"hop, ESP", 6, behind6({hop}, ESP), 44, 44, DADDR_CSUM_NONE},
		{"hop, nothing", 6, behind6({hop}, NONE), 44, 44,
		 DADDR_CSUM_NONE},
	};
}

} // namespace

TEST_CASE("a packet cut at every length")
{
	for (const Row &row : rows()) {
		host::Outcome whole = host::search(row.family, row.packet);
		INFO(row.name << " in IPv" << row.family
		     << oracle::dump(row.packet));
		REQUIRE(whole.cover == row.cover);
		REQUIRE_FALSE(whole.dropped);
		REQUIRE(whole.highest == row.search);
		REQUIRE(whole.csum.end <= row.need);

		for (std::size_t length = 0; length < row.packet.size();
		     length++) {
			Bytes packet = cut(row.packet, length);
			host::Outcome found = host::search(row.family, packet);
			INFO(length << " of " << row.packet.size() << " bytes");
			// DADDR_TRUNCATED, or an end that is not there
			REQUIRE(found.dropped == (length < row.need));
			REQUIRE(found.highest <= row.search);
			if (found.cover == DADDR_TRUNCATED) {
				REQUIRE(length < row.search);
				REQUIRE(found.csum.end > length);
				REQUIRE(found.highest <= found.csum.end);
				continue;
			}
			REQUIRE(length >= row.search);
			REQUIRE(found.cover == row.cover);
			REQUIRE(found.csum.end == whole.csum.end);
			if (row.cover != DADDR_CSUM_HERE)
				continue;
			REQUIRE(found.highest <= found.csum.end);
			REQUIRE(found.csum.offset == whole.csum.offset);
		}
	}
}

TEST_CASE("nothing behind the bytes that are needed is looked at")
{
	for (const Row &row : rows()) {
		const Bytes &to = row.family == 4 ? four : six;
		Bytes other = to;
		other[1] ^= 0xff;
		Bytes least = cut(row.packet, row.need);
		Bytes whole = host::rewrite(row.family, row.packet, other).after;
		for (host::Reading reading : host::READINGS) {
			Bytes found = host::rewrite(row.family, least, other,
						    reading).after;
			INFO(row.name << " in IPv" << row.family << "\n"
			     << oracle::show(row.packet, cut(whole, row.need),
					     found));
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
		host::Outcome found = host::search(4, packet);
		INFO("header length " << words);
		CHECK(found.dropped == (words < 5));
		if (words >= 5)
			CHECK(found.csum.offset == words * 4 + 16);
	}
}

TEST_CASE("where the transport is, also when its checksum is not here")
{
	host::Outcome found = host::search(4, behind4(SCTP, {Bytes(8, 1)}));
	CHECK(found.csum.transport == 28);
	CHECK(found.csum.protocol == SCTP);
	found = host::search(4, behind4(TCP, {Bytes(8, 1), 5}));
	CHECK(found.csum.transport == 28);
	CHECK(found.csum.protocol == TCP);
	found = host::search(6, behind6({ah(), fragment(8)}, TCP));
	CHECK(found.csum.transport == 64);
	CHECK(found.csum.protocol == FRAGMENT);
	found = host::search(6, behind6({ah(), routing(1)}, TCP));
	CHECK(found.csum.transport == 64);
	CHECK(found.csum.protocol == ROUTING);
	found = host::search(6, behind6({ah()}, GRE));
	CHECK(found.csum.transport == 64);
	CHECK(found.csum.protocol == GRE);
}

TEST_CASE("any bytes at all: the search stays within the packet")
{
	std::mt19937 random(8200);

	for (int i = 0; i < 200000; i++) {
		Bytes packet(random() % 120);
		for (std::uint8_t &byte : packet)
			byte = static_cast<std::uint8_t>(
				random() % 4 ? random() % 8 : random());
		// often a chain: the numbers of its headers in many places
		for (std::size_t at = 6; at < packet.size(); at += 8)
			packet[at] = std::initializer_list<std::uint8_t>{
				HOP, ROUTING, FRAGMENT, AH, DESTINATION, TCP,
				UDP, ICMPV6}.begin()[random() % 8];
		int family = i & 1 ? 4 : 6;
		host::Outcome found = host::search(family, packet);
		// It may be told that there is no more, but then stops there.
		bool right = found.beyond == (found.cover == DADDR_TRUNCATED) ||
			(family == 4 && packet.size() >= 20);
		if (!found.dropped && found.cover == DADDR_CSUM_HERE)
			right &= found.csum.end <= packet.size() &&
				found.csum.offset + 2 == found.csum.end;
		if (!right)
			FAIL("IPv" << family << oracle::dump(packet));
	}
}
