// SPDX-License-Identifier: BSD-3-Clause
// A destination with its port: which packets have one, and what follows from
// setting it. And the DSCP, by which a map finds the destination.
#include "catch.hpp"

#include <functional>

#include "host.hpp"
#include "packets.hpp"

using namespace packets;
using oracle::put16;

namespace {

const std::uint8_t with_ports[] = {TCP, UDP, UDPLITE, DCCP};
const std::uint16_t edges[] = {1, 80, 0xff, 0x100, 0x1bb, 0x7fff, 0x8000, 0xff00, 0xfffe, 0xffff};

struct Pair {
	int family;
	Bytes server, vip;
};

const Pair pairs[] = {
	{4, {10, 128, 9, 31}, {10, 128, 8, 46}},
	{4, {1, 2, 3, 4}, {3, 4, 1, 2}}, // the sum stays the same
	{6,
	 {0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x31},
	 {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46}},
};

Bytes whole(const Bytes &dst, std::uint8_t protocol, const Bytes &data)
{
	return dst.size() == 4 ? ip4(dst, protocol, data) : ip6(dst, protocol, data);
}

// A packet for an address and a port.
using Make = std::function<Bytes(const Bytes &dst, std::uint16_t port)>;

void require(const Pair &pair, const Bytes &before, const Bytes &to, std::uint16_t port,
	     const Bytes &after, host::Reading reading)
{
	host::Outcome found = host::rewrite(pair.family, before, to, reading, 0, port);

	if (found.after != after || found.beyond)
		FAIL("port " << port << ", reading " << int(reading) << "\n"
			     << oracle::show(before, after, found.after));
}

// Address and port change, only one of them does, and nothing.
void check(const Pair &pair, const Make &make)
{
	for (std::uint16_t from : {80, 0, 0xffff})
		for (std::uint16_t to : edges)
			for (const Bytes &dst : {pair.vip, pair.server})
				for (host::Reading reading : host::READINGS)
					require(pair, make(pair.server, from), dst, to,
						make(dst, to), reading);
}

// The same where there is no port to set: only the address changes.
void check_kept(const Pair &pair, const Make &make)
{
	for (std::uint16_t to : {1, 0x1bb, 0xffff})
		for (const Bytes &dst : {pair.vip, pair.server})
			require(pair, make(pair.server, 80), dst, to, make(dst, 80),
				host::Reading::ones);
}

} // namespace

TEST_CASE("port: as a packet to the new address and port, payloads of any size")
{
	for (const Pair &pair : pairs)
		for (std::uint8_t protocol : with_ports)
			for (std::size_t length : {0, 1, 2, 33, 1400})
				check(pair, [=](const Bytes &dst, std::uint16_t port) {
					return whole(
						dst, protocol,
						transport(protocol, dst, text(length), 0, port));
				});
}

TEST_CASE("port: each one becomes another, and each one is set")
{
	// which all results of a checksum come of, 0 and 0xffff included
	for (const Pair &pair : pairs)
		for (std::uint8_t protocol : with_ports) {
			bool zero = protocol == TCP || protocol == DCCP;
			std::size_t field = (pair.family == 4 ? 20U : 40U) +
					    static_cast<std::size_t>(
						    checksum_at(protocol, pair.server.size()));
			std::uint32_t zeros = 0, ones = 0;
			auto make = [&](const Bytes &dst, std::uint32_t port) {
				return whole(dst, protocol,
					     transport(protocol, dst, {'p'}, 0,
						       static_cast<std::uint16_t>(port)));
			};
			Bytes fixed = make(pair.server, 8443);

			for (std::uint32_t port = 1; port <= 0xffff; port++) {
				std::uint16_t to = static_cast<std::uint16_t>(port);
				Bytes after = make(pair.vip, port);

				require(pair, fixed, pair.vip, to, after, host::Reading::direct);
				zeros += !oracle::get16(after, field);
				ones += oracle::get16(after, field) == 0xffff;
				if (port % 16)
					continue;
				require(pair, make(pair.server, port), pair.server, 443,
					make(pair.server, 443), host::Reading::direct);
			}
			INFO("IPv" << pair.family << ", protocol " << int(protocol));
			CHECK(zeros == zero);
			CHECK(ones == !zero);
		}
}

TEST_CASE("port: no checksum in UDP stays none")
{
	for (const Pair &pair : pairs)
		check(pair, [](const Bytes &dst, std::uint16_t port) {
			Bytes data = transport(UDP, dst, text(9), 0, port);
			put16(data, 6, 0);
			return whole(dst, UDP, data);
		});
}

TEST_CASE("port: partial coverage, options, extension headers")
{
	for (unsigned int coverage : {8, 9, 28})
		check(pairs[0], [=](const Bytes &dst, std::uint16_t port) {
			return ip4(dst, UDPLITE, transport(UDPLITE, dst, text(20), coverage, port));
		});
	for (unsigned int coverage : {1, 2, 15})
		check(pairs[2], [=](const Bytes &dst, std::uint16_t port) {
			return ip6(dst, DCCP, transport(DCCP, dst, text(60), coverage, port));
		});
	for (std::uint8_t protocol : with_ports) {
		for (std::size_t words : {1, 10})
			check(pairs[0], [=](const Bytes &dst, std::uint16_t port) {
				return ip4(dst, protocol,
					   transport(protocol, dst, text(5), 0, port),
					   {Bytes(words * 4, 1)});
			});
		check(pairs[2], [=](const Bytes &dst, std::uint16_t port) {
			return ip6(dst,
				   {options_header(HOP, 2), routing(0), fragment(), ah(),
				    options_header(DESTINATION)},
				   protocol, transport(protocol, dst, text(5), 0, port));
		});
	}
}

TEST_CASE("port: the first fragment has it, the later ones keep their bytes")
{
	for (std::uint8_t protocol : with_ports) {
		check(pairs[0], [=](const Bytes &dst, std::uint16_t port) {
			return ip4(dst, protocol,
				   cut(transport(protocol, dst, text(100), 0, port), 24),
				   {{}, 0x2000});
		});
		check(pairs[2], [=](const Bytes &dst, std::uint16_t port) {
			return ip6(dst, {fragment(0, true)}, protocol,
				   cut(transport(protocol, dst, text(100), 0, port), 24));
		});
		// what could be taken for a header is none
		Bytes like = transport(protocol, pairs[0].server, text(8));
		check_kept(pairs[0], [&](const Bytes &dst, std::uint16_t) {
			return ip4(dst, protocol, like, {{}, 0x2001});
		});
		check_kept(pairs[2], [&](const Bytes &dst, std::uint16_t) {
			return ip6(dst, {fragment(8)}, protocol, like);
		});
		// nor is it where another address is the final one
		check_kept(pairs[2], [&](const Bytes &dst, std::uint16_t) {
			return ip6(dst, {routing(1)}, protocol, like);
		});
	}
}

TEST_CASE("port: protocols that have none keep their bytes")
{
	for (unsigned int number = 0; number < 256; number++) {
		std::uint8_t protocol = static_cast<std::uint8_t>(number);
		bool has = protocol == TCP || protocol == UDP || protocol == UDPLITE ||
			   protocol == DCCP;
		if (has)
			continue;
		INFO("protocol " << number);
		auto make = [=](const Bytes &dst, std::uint16_t) {
			return whole(dst, protocol, transport(protocol, dst, text(33)));
		};
		check_kept(pairs[0], make);
		if (protocol != HOP && protocol != ROUTING && protocol != FRAGMENT &&
		    protocol != AH && protocol != DESTINATION)
			check_kept(pairs[2], make);
	}
}

TEST_CASE("port: it stays, and the packet is kept, when all is there already")
{
	for (const Pair &pair : pairs)
		for (std::uint8_t protocol : with_ports) {
			Bytes packet = whole(pair.vip, protocol,
					     transport(protocol, pair.vip, text(9), 0, 443));
			std::size_t ports = packet.size() - 9;

			CHECK(host::rewrite(pair.family, packet, pair.vip, host::Reading::ones, 0,
					    443)
				      .verdict == DADDR_KEEP);
			// also when it ends after its ports
			while (ports > 20 && oracle::get16(packet, ports) != 443)
				ports--;
			host::Outcome found = host::rewrite(pair.family, cut(packet, ports + 2),
							    pair.vip, host::Reading::ones, 0, 443);
			CHECK(found.verdict == DADDR_KEEP);
			found = host::rewrite(pair.family, cut(packet, ports + 1), pair.vip,
					      host::Reading::ones, 0, 443);
			CHECK(found.verdict == DADDR_DROP);
		}
}

TEST_CASE("port: a checksum follows, for all its values")
{
	struct Change {
		Bytes from, to;
		std::uint16_t port, to_port;
	};
	const Change changes[] = {
		{{10, 128, 9, 31}, {10, 128, 8, 46}, 8443, 443},
		{{10, 128, 9, 31}, {10, 128, 9, 31}, 443, 8443},
		{{0, 0, 0, 1}, {255, 255, 255, 255}, 0, 0xffff},
		{{255, 255, 255, 255}, {0, 0, 0, 1}, 0xffff, 1},
		{Bytes(16, 0x12), Bytes(16, 0xed), 1, 0x8000},
		// each undoes the other
		{{10, 0, 0, 1}, {10, 0, 0, 2}, 81, 80},
	};

	for (std::uint8_t protocol : with_ports)
		for (const Change &change : changes) {
			host::Field field(change.from, protocol, change.port);
			std::uint32_t rest = oracle::sum(
				oracle::join({change.from, oracle::be16(change.port)}));

			for (std::uint32_t check = 0; check <= 0xffff; check++) {
				std::uint16_t found = field.rewrite(check, change.to, 0,
								    change.to_port);
				// what beside the old ones makes it @check
				Bytes beside = oracle::be16((0xffff - check + 0xffff - rest) %
							    0xffff);
				std::uint16_t expected = oracle::checksum(oracle::join(
					{beside, change.to, oracle::be16(change.to_port)}));
				if (!expected && (protocol == UDP || protocol == UDPLITE))
					expected = 0xffff;
				if (!check && protocol == UDP)
					expected = 0;
				if (found != expected)
					FAIL("protocol " << int(protocol) << ", checksum " << check
							 << ", port " << change.port << " to "
							 << change.to_port << ": " << found
							 << ", expected " << expected);
			}
		}
	SUCCEED();
}

TEST_CASE("port: each to some others")
{
	for (std::uint32_t from = 0; from <= 0xffff; from++)
		for (std::uint16_t to : edges) {
			Bytes vip = {10, 0, 0, 1};
			host::Field field(vip, TCP, static_cast<std::uint16_t>(from));
			// of a sum that the port makes 0x1234
			std::uint32_t check = (0xffff + 0x1234 - from) % 0xffff;
			std::uint32_t expected = (check + 0xffff + from - to) % 0xffff;
			std::uint16_t found = field.rewrite(check, vip, 0, to);

			if (found % 0xffff != expected || field.port() != to)
				FAIL(from << " to " << to << ": " << found << ", expected "
					  << expected);
		}
	SUCCEED();
}

TEST_CASE("port: a seed does not know it; whoever completes it adds it")
{
	for (const Pair &pair : pairs)
		for (std::uint8_t protocol : with_ports)
			for (std::uint16_t to : edges) {
				std::size_t start = pair.family == 4 ? 20 : 40;
				std::size_t field = start + static_cast<std::size_t>(checksum_at(
								    protocol, pair.vip.size()));
				Bytes data = transport(protocol, pair.server, text(9));
				Bytes before = whole(pair.server, protocol, data);
				// the checksum still lacks the transport
				put16(before, field,
				      oracle::sum(oracle::pseudo_header(source(pair.vip.size()),
									pair.server, protocol,
									data.size())));
				Bytes found = host::rewrite(pair.family, before, pair.vip,
							    host::Reading::direct, 1, to)
						      .after;
				Bytes expected = whole(
					pair.vip, protocol,
					transport(protocol, pair.vip, text(9), 0, to));
				std::uint16_t check = oracle::checksum(
					Bytes(found.begin() + static_cast<std::ptrdiff_t>(start),
					      found.end()));
				put16(found, field, check ? check : oracle::get16(expected, field));
				INFO(oracle::show(before, expected, found));
				REQUIRE(found == expected);
			}
}

TEST_CASE("port: what is too short for its checksum is dropped with it")
{
	for (const Pair &pair : pairs)
		for (std::uint8_t protocol : with_ports) {
			std::size_t need = static_cast<std::size_t>(
						   checksum_at(protocol, pair.vip.size())) +
					   2;
			Bytes data = transport(protocol, pair.server, text(9));

			for (std::size_t length = 0; length < 20; length++) {
				host::Outcome found = host::rewrite(
					pair.family,
					whole(pair.server, protocol, cut(data, length)), pair.vip,
					host::Reading::direct, 0, 443);
				INFO(length << " of protocol " << int(protocol));
				CHECK(found.dropped() == (length < need));
			}
		}
}

TEST_CASE("DSCP: of all first two bytes, with nothing after them")
{
	std::unique_ptr<std::uint8_t[]> two(new std::uint8_t[2]);

	for (std::uint32_t bits = 0; bits <= 0xffff; bits++) {
		two[0] = static_cast<std::uint8_t>(bits >> 8);
		two[1] = static_cast<std::uint8_t>(bits);
		// version, header length, DSCP, ECN (RFC 791, RFC 3168 5)
		std::uint32_t four = bits % 0x100 / 4;
		// version, DSCP, ECN, the flow label's first 4 bits (RFC 8200 3)
		std::uint32_t six = bits % 0x1000 / 0x40;
		if (daddr_dscp4(two.get()) != four || daddr_dscp6(two.get()) != six)
			FAIL(oracle::hex(oracle::be16(bits))
			     << ": " << daddr_dscp4(two.get()) << ", " << daddr_dscp6(two.get()));
	}
	SUCCEED();
}

TEST_CASE("DSCP: of packets with each of them, and each ECN")
{
	for (unsigned int dscp = 0; dscp < 64; dscp++)
		for (unsigned int ecn = 0; ecn < 4; ecn++) {
			unsigned int tos = dscp << 2 | ecn;
			Bytes four = ip4(pairs[0].vip, GRE, text(4),
					 {{}, 0, static_cast<std::uint8_t>(tos)});
			Bytes six = ip6(pairs[2].vip, GRE, text(4));
			put16(six, 0, 0x6000 | tos << 4 | 0x000f);
			INFO("TOS " << tos);
			CHECK(daddr_dscp4(four.data()) == dscp);
			CHECK(daddr_dscp6(six.data()) == dscp);
		}
}
