// SPDX-License-Identifier: BSD-3-Clause
// Random packets, rebuilt from nothing for the new address and port. Another
// seed each run; DADDR_SEED=N in the environment repeats one.
#include "catch.hpp"

#include <cstdlib>
#include <random>

#include "host.hpp"
#include "packets.hpp"

using namespace packets;

namespace {

constexpr int PACKETS = 20000;

struct Random {
	std::mt19937 engine;

	std::uint32_t below(std::uint32_t limit) { return engine() % limit; }
	bool one_in(std::uint32_t count) { return !below(count); }
	Bytes bytes(std::size_t length)
	{
		// now and then extremes: they make the carries
		std::uint32_t kind = below(8);
		Bytes made(length);

		for (std::uint8_t &byte : made)
			byte = kind == 0 ? 0 :
			       kind == 1 ? 0xff :
					   static_cast<std::uint8_t>(engine());
		return made;
	}
	// not 0, which stands for none to set
	std::uint16_t port()
	{
		static const std::uint16_t edges[] = {1, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff};

		return one_in(3) ? edges[below(7)] : static_cast<std::uint16_t>(1 + below(0xffff));
	}
	std::uint8_t protocol()
	{
		static const std::uint8_t likely[] = {TCP, UDP, UDPLITE, DCCP, ICMPV6, ICMP,
						      GRE, ESP, SCTP,	 NONE, UNKNOWN};

		return likely[below(sizeof(likely))];
	}
};

// A packet of which everything but the destination is drawn.
struct Draw {
	int family;
	std::uint8_t protocol;
	Bytes data;	       // the transport; its checksum is open
	unsigned int coverage; // of these bytes, the checksum's
	std::uint32_t error;   // by which it is wrong
	bool none;	       // UDP without one
	Chain chain;
	Fields4 fields;
	daddr_l4csum l4csum;
};

bool has_port(const Draw &draw)
{
	return draw.l4csum == DADDR_L4CSUM_HERE && draw.protocol != ICMPV6;
}

Bytes build(const Draw &draw, const Bytes &dst, std::uint16_t port)
{
	Bytes data = draw.data;
	int at = checksum_at(draw.protocol, dst.size());

	if (has_port(draw))
		oracle::put16(data, 2, port);
	if (draw.l4csum == DADDR_L4CSUM_HERE) {
		std::size_t offset = static_cast<std::size_t>(at);
		data = summed(data, source(dst.size()), dst, draw.protocol, draw.coverage);
		std::uint32_t check = (oracle::get16(data, offset) + draw.error) % 0xffff;
		if (!check && (draw.protocol == UDP || draw.protocol == UDPLITE))
			check = 0xffff;
		oracle::put16(data, offset, draw.none ? 0 : check);
	}
	return draw.family == 4 ? ip4(dst, draw.protocol, data, draw.fields) :
				  ip6(dst, draw.chain, draw.protocol, data);
}

Extension draw_extension(Random &random, Draw &draw)
{
	Extension header;

	switch (random.below(10)) {
	case 0:
		header = ah(random.below(30) * 4);
		break;
	case 1:
		header = fragment(0, random.one_in(2), 0xff);
		break;
	case 2:
		header = fragment(random.below(0x2000) * 8, random.one_in(2));
		if (header.bytes[2] | (header.bytes[3] & 0xf8))
			draw.l4csum = DADDR_L4CSUM_FRAGMENT;
		break;
	case 3:
		header = routing(static_cast<std::uint8_t>(random.below(3)), 1 + random.below(20));
		if (header.bytes[3])
			draw.l4csum = DADDR_L4CSUM_ROUTED;
		break;
	case 4:
		header = options_header(HOP, 1 + random.below(20));
		break;
	default:
		header = options_header(DESTINATION, 1 + random.below(4));
	}
	return header;
}

Draw draw_packet(Random &random)
{
	Draw draw = {};

	draw.family = random.one_in(2) ? 4 : 6;
	draw.protocol = random.protocol();
	draw.data = random.bytes(18 + random.below(random.one_in(10) ? 1400 : 40));
	draw.coverage = static_cast<unsigned int>(draw.data.size());
	if (random.one_in(4))
		draw.coverage = 18 + random.below(draw.coverage - 17);
	draw.error = random.one_in(2) ? 0 : random.below(0x10000);
	draw.none = draw.protocol == UDP && random.one_in(4);
	int at = checksum_at(draw.protocol, draw.family == 4 ? 4 : 16);
	draw.l4csum = at < 0 ? DADDR_L4CSUM_NONE : DADDR_L4CSUM_HERE;

	if (draw.family == 4) {
		draw.fields.options = random.bytes(random.below(11) * 4);
		draw.fields.tos = static_cast<std::uint8_t>(random.below(256));
		draw.fields.fragment = static_cast<std::uint16_t>(
			random.one_in(3) ? random.below(0x10000) : random.below(8) << 13);
		if (draw.fields.fragment & 0x1fff)
			draw.l4csum = DADDR_L4CSUM_FRAGMENT;
		return draw;
	}
	// The first header to decide does, and nothing after it is read.
	for (std::uint32_t left = random.below(7); left; left--) {
		draw.chain.push_back(draw_extension(random, draw));
		if (draw.l4csum == DADDR_L4CSUM_FRAGMENT || draw.l4csum == DADDR_L4CSUM_ROUTED)
			break;
	}
	return draw;
}

Bytes draw_address(Random &random, int family)
{
	Bytes address = random.bytes(family == 4 ? 4 : 16);

	address[0] = 1; // neither unspecified nor multicast
	return address;
}

} // namespace

TEST_CASE("random packets are what the sender would have made")
{
	const char *given = std::getenv("DADDR_SEED");
	std::uint32_t seed = given ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 0)) :
				     std::random_device{}();
	Random random = {std::mt19937(seed)};
	int found_in[6] = {}, ports = 0;

	std::printf("random packets: DADDR_SEED=%u\n", static_cast<unsigned int>(seed));
	for (int i = 0; i < PACKETS; i++) {
		Draw draw = draw_packet(random);
		Bytes server = draw_address(random, draw.family);
		Bytes vip = random.one_in(5) ? server : draw_address(random, draw.family);
		std::uint16_t from = random.port(), to = random.port();
		if (random.one_in(5))
			to = from;
		bool sets = random.one_in(2);
		Bytes before = build(draw, server, from);
		Bytes after = build(draw, vip, sets ? to : from);
		host::Outcome found = host::rewrite(draw.family, before, vip, host::READINGS[i % 3],
						    0, sets ? to : 0);

		// of what stays as it is, nobody looks for the checksum
		const bool looked = sets || server != vip;
		found_in[found.change.l4csum] += looked;
		ports += sets && has_port(draw) && from != to;
		if (found.after != after ||
		    (found.verdict == DADDR_KEEP) != (before == after && server == vip) ||
		    (looked && found.change.l4csum != draw.l4csum))
			FAIL("DADDR_SEED=" << seed << ", packet " << i << ", l4csum "
					   << found.change.l4csum << ", expected " << draw.l4csum
					   << "\n"
					   << oracle::show(before, after, found.after));
	}
	for (int l4csum :
	     {DADDR_L4CSUM_HERE, DADDR_L4CSUM_NONE, DADDR_L4CSUM_FRAGMENT, DADDR_L4CSUM_ROUTED})
		CHECK(found_in[l4csum] > PACKETS / 50);
	CHECK(found_in[DADDR_L4CSUM_UNKNOWN] == 0);
	CHECK(found_in[DADDR_L4CSUM_CUT] == 0);
	CHECK(ports > PACKETS / 50);
}
