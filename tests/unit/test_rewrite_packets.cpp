// SPDX-License-Identifier: BSD-3-Clause
// The contract, include/README.md, row by row.
#include "catch.hpp"

#include <functional>

#include "host.hpp"
#include "packets.hpp"

using namespace packets;
using oracle::put16;

namespace {

struct Pair {
	Bytes server, vip;
};

const Pair pairs4[] = {
	{{10, 128, 9, 31}, {10, 128, 8, 46}},
	{{0, 0, 0, 1}, {255, 255, 255, 254}},
	{{255, 255, 255, 254}, {0, 0, 0, 1}},
	{{1, 2, 3, 4}, {3, 4, 1, 2}}, // the sum stays the same
};
const Pair pairs6[] = {
	{{0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x31},
	 {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46}},
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
	 {0xfe, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254}},
	{{0xfe, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254},
	 {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
};

using Make = std::function<Bytes(const Bytes &dst)>;

// How one packet comes out, whichever way the core reads it.
void check(int family, daddr_l4csum l4csum, const Make &make, const Pair &pair,
	   bool dropped = false)
{
	Bytes before = make(pair.server), after = make(pair.vip);

	for (host::Reading reading : host::READINGS) {
		host::Outcome found = host::rewrite(family, before, pair.vip, reading);
		INFO("reading " << static_cast<int>(reading) << "\n"
				<< oracle::show(before, dropped ? Bytes{} : after, found.after));
		REQUIRE(found.change.l4csum == l4csum);
		REQUIRE(found.dropped() == dropped);
		if (dropped)
			continue;
		REQUIRE(found.verdict == DADDR_CHANGE);
		REQUIRE(found.after == after);
		REQUIRE_FALSE(found.beyond);
	}
}

void check4(daddr_l4csum l4csum, const Make &make, bool dropped = false)
{
	for (const Pair &pair : pairs4)
		check(4, l4csum, make, pair, dropped);
}

void check6(daddr_l4csum l4csum, const Make &make, bool dropped = false)
{
	for (const Pair &pair : pairs6)
		check(6, l4csum, make, pair, dropped);
}

const std::uint8_t covered[] = {TCP, UDP, UDPLITE, DCCP, ICMPV6};

daddr_l4csum l4csum_of(std::uint8_t protocol, std::size_t address_size)
{
	return checksum_at(protocol, address_size) < 0 ? DADDR_L4CSUM_NONE : DADDR_L4CSUM_HERE;
}

// @data with a checksum wrong by @error, which has to stay wrong by as much.
Bytes wrong(Bytes data, std::uint8_t protocol, std::size_t address_size, std::uint32_t error)
{
	std::size_t at = static_cast<std::size_t>(checksum_at(protocol, address_size));
	std::uint32_t check = (oracle::get16(data, at) + error) % 0xffff;

	if (!check && (protocol == UDP || protocol == UDPLITE))
		check = 0xffff;
	put16(data, at, check);
	return data;
}

} // namespace

TEST_CASE("every protocol number after a plain header")
{
	for (unsigned int number = 0; number < 256; number++) {
		std::uint8_t protocol = static_cast<std::uint8_t>(number);
		INFO("protocol " << number);
		check4(l4csum_of(protocol, 4), [=](const Bytes &dst) {
			return ip4(dst, protocol, transport(protocol, dst, text(33)));
		});
		if (protocol == HOP || protocol == ROUTING || protocol == FRAGMENT ||
		    protocol == AH || protocol == DESTINATION)
			continue;
		check6(l4csum_of(protocol, 16), [=](const Bytes &dst) {
			return ip6(dst, protocol, transport(protocol, dst, text(33)));
		});
	}
}

TEST_CASE("payloads of every parity, partial coverage")
{
	for (std::uint8_t protocol : covered)
		for (std::size_t length : {0, 1, 2, 3, 64, 1399, 1400}) {
			Bytes payload = text(length);
			check4(l4csum_of(protocol, 4), [&](const Bytes &dst) {
				return ip4(dst, protocol, transport(protocol, dst, payload));
			});
			check6(DADDR_L4CSUM_HERE, [&](const Bytes &dst) {
				return ip6(dst, protocol, transport(protocol, dst, payload));
			});
		}
	for (unsigned int coverage : {8, 9, 12, 27, 28})
		check4(DADDR_L4CSUM_HERE, [=](const Bytes &dst) {
			return ip4(dst, UDPLITE, transport(UDPLITE, dst, text(20), coverage));
		});
	for (unsigned int coverage = 1; coverage < 16; coverage++)
		check6(DADDR_L4CSUM_HERE, [=](const Bytes &dst) {
			return ip6(dst, DCCP, transport(DCCP, dst, text(60), coverage));
		});
}

TEST_CASE("IPv4: fields other than the address stay")
{
	for (unsigned int tos = 0; tos < 256; tos++)
		check4(DADDR_L4CSUM_HERE, [=](const Bytes &dst) {
			return ip4(dst, UDP, transport(UDP, dst, text(5)),
				   {{}, 0x4000, static_cast<std::uint8_t>(tos)});
		});
	// Reserved, don't fragment, more fragments: none of them an offset.
	for (unsigned int flags : {0, 0x2000, 0x4000, 0x8000, 0xe000})
		check4(DADDR_L4CSUM_HERE, [=](const Bytes &dst) {
			return ip4(dst, TCP, transport(TCP, dst, text(40)),
				   {{}, static_cast<std::uint16_t>(flags)});
		});
}

TEST_CASE("IPv4: the checksum is found after options")
{
	for (std::size_t words = 0; words <= 10; words++)
		for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP, ICMP}) {
			INFO(words << " words, protocol " << int(protocol));
			check4(l4csum_of(protocol, 4), [=](const Bytes &dst) {
				return ip4(dst, protocol, transport(protocol, dst, text(words)),
					   {Bytes(words * 4, 1)});
			});
		}
}

TEST_CASE("IPv4: of a later fragment only the address changes")
{
	const std::uint16_t offsets[] = {1, 2, 0xff, 0x100, 0x1000, 0x1f00, 0x1fff};

	for (std::uint16_t offset : offsets)
		for (std::uint16_t flags : {0, 0x2000, 0xe000})
			for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP, ICMP, UNKNOWN}) {
				// like a header, of the same bytes each time
				Bytes data = transport(protocol, pairs4[0].server, text(8));
				Fields4 fields = {Bytes(offset % 3 * 4, 1),
						  static_cast<std::uint16_t>(offset | flags)};
				check4(DADDR_L4CSUM_FRAGMENT, [&](const Bytes &dst) {
					return ip4(dst, protocol, data, fields);
				});
			}
	for (std::size_t length : {0, 1, 3})
		check4(DADDR_L4CSUM_FRAGMENT, [=](const Bytes &dst) {
			return ip4(dst, TCP, text(length), {{}, 100});
		});
}

TEST_CASE("a first fragment is rewritten as a whole packet is")
{
	for (std::uint8_t protocol : covered) {
		check4(l4csum_of(protocol, 4), [=](const Bytes &dst) {
			return ip4(dst, protocol, cut(transport(protocol, dst, text(100)), 24),
				   {{}, 0x2000});
		});
		check6(DADDR_L4CSUM_HERE, [=](const Bytes &dst) {
			return ip6(dst, {fragment(0, true)}, protocol,
				   cut(transport(protocol, dst, text(100)), 24));
		});
	}
	// too small for the checksum (RFC 1858)
	check4(
		DADDR_L4CSUM_CUT,
		[](const Bytes &dst) {
			return ip4(dst, TCP, cut(transport(TCP, dst, {}), 16), {{}, 0x2000});
		},
		true);
	check6(
		DADDR_L4CSUM_CUT,
		[](const Bytes &dst) {
			return ip6(dst, {fragment(0, true)}, TCP, cut(transport(TCP, dst, {}), 16));
		},
		true);
}

TEST_CASE("IPv6: of a later fragment only the address changes")
{
	const std::uint32_t offsets[] = {8, 16, 0xf8, 0x100, 0x8000, 0xfff8};

	for (std::uint32_t offset : offsets)
		for (bool more : {false, true})
			for (std::uint8_t next :
			     {TCP, UDP, ICMPV6, HOP, AH, FRAGMENT, ROUTING, UNKNOWN}) {
				Bytes data = transport(TCP, pairs6[0].server, text(3));
				check6(DADDR_L4CSUM_FRAGMENT, [&](const Bytes &dst) {
					return ip6(
						dst,
						{options_header(HOP), fragment(offset, more, 0xff)},
						next, data);
				});
			}
	check6(DADDR_L4CSUM_FRAGMENT,
	       [](const Bytes &dst) { return ip6(dst, {fragment(800)}, TCP, {}); });
	// The byte before the offset is reserved, and the two bits after it.
	for (unsigned int reserved : {0, 2, 4, 6})
		check6(DADDR_L4CSUM_HERE, [=](const Bytes &dst) {
			Extension header = fragment(0, true, 0xff);
			header.bytes[3] |= static_cast<std::uint8_t>(reserved);
			return ip6(dst, {header}, UDP, transport(UDP, dst, text(8)));
		});
}

TEST_CASE("no checksum in UDP stays none, wrong ones stay wrong")
{
	for (std::size_t length : {0, 1, 64}) {
		auto none = [=](const Bytes &dst) {
			Bytes data = transport(UDP, dst, text(length));
			put16(data, 6, 0);
			return data;
		};
		check4(DADDR_L4CSUM_HERE,
		       [&](const Bytes &dst) { return ip4(dst, UDP, none(dst)); });
		check6(DADDR_L4CSUM_HERE, [&](const Bytes &dst) {
			return ip6(dst, {options_header(DESTINATION)}, UDP, none(dst));
		});
	}
	for (std::uint8_t protocol : covered)
		for (std::uint32_t error : {1, 0x100, 0x7fff, 0xfffe}) {
			auto make = [=](const Bytes &dst) {
				return wrong(transport(protocol, dst, text(9)), protocol, 16,
					     error);
			};
			if (protocol != ICMPV6)
				check4(DADDR_L4CSUM_HERE, [&](const Bytes &dst) {
					return ip4(dst, protocol, make(dst));
				});
			check6(DADDR_L4CSUM_HERE,
			       [&](const Bytes &dst) { return ip6(dst, protocol, make(dst)); });
		}
}
