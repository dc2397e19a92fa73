// SPDX-License-Identifier: BSD-3-Clause
// Which packets do not get as far as the rules, and why.
#include "catch.hpp"

#include "common/receive.hpp"
#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

struct Case {
	const char *name;
	Bytes bytes;
	Drop drop;
};

// An IPv4 packet of which one byte of the header is another, and the header
// checksum right again.
Bytes with4(std::size_t offset, std::uint8_t value)
{
	Bytes bytes = good(ip4());

	bytes[offset] = value;
	set16(bytes, 10, 0);
	set16(bytes, 10, checksum(Bytes(bytes.begin(), bytes.begin() + 20)));
	return bytes;
}

Bytes with6(std::size_t offset, std::uint8_t value)
{
	Bytes bytes = good(ip6());

	bytes[offset] = value;
	return bytes;
}

// The options of a hop-by-hop header of 8, 16, … bytes in front of UDP.
Bytes hop(const Bytes &options)
{
	std::uint8_t length = static_cast<std::uint8_t>((options.size() + 2) / 8 - 1);

	return packet(ip6(HOP), Bytes{UDP, length} + options + transport(ip6(), UDP));
}

Bytes jumbo(std::uint32_t payload, std::size_t size, unsigned int header = 0)
{
	Bytes bytes = packet(ip6(HOP), Bytes{UDP, 0, 0xc2, 4} + be32(payload) + Bytes(size - 8));

	set16(bytes, 4, header);
	return bytes;
}

void check(const std::vector<Case> &cases, Family family)
{
	for (const Case &test : cases) {
		Bytes bytes = test.bytes;
		Packet packet = view(bytes);

		INFO(test.name);
		packet.family = family;
		Received received = receive(packet);
		CHECK(drop_key(received.drop) == std::string(drop_key(test.drop)));
		CHECK_FALSE(received.cut);
	}
}

} // namespace

TEST_CASE("replay: what ip_rcv() drops")
{
	Bytes whole = good(ip4());
	Bytes wrong = whole, options;
	Header with_options = ip4();

	wrong[10] ^= 1;
	with_options.options = {1, 1, 1, 0};
	options = packet(with_options, {});
	check(
		{
			{"good", whole, Drop::none},
			{"padded", whole + Bytes(20), Drop::none},
			{"options", options, Drop::none},
			{"options cut off", Bytes(options.begin(), options.begin() + 22),
			 Drop::short_header},
			{"empty", {}, Drop::short_header},
			{"19 bytes", Bytes(whole.begin(), whole.begin() + 19), Drop::short_header},
			{"version 5", with4(0, 0x55), Drop::version},
			{"version 6", with4(0, 0x65), Drop::version},
			{"IHL 4", with4(0, 0x44), Drop::header_length},
			{"IHL 0", with4(0, 0x40), Drop::header_length},
			{"header checksum", wrong, Drop::header_checksum},
			{"total length 19", with4(3, 19), Drop::short_total},
			{"total length 20", with4(3, 20), Drop::none},
			{"total length 39", with4(3, 39), Drop::long_total},
			{"total length 65535", with4(2, 255), Drop::long_total},
		},
		Family::ip4);
}

TEST_CASE("replay: what ip6_rcv() drops")
{
	Bytes whole = good(ip6());

	check(
		{
			{"good", whole, Drop::none},
			{"padded", whole + Bytes(20), Drop::none},
			{"empty", {}, Drop::short_header},
			{"39 bytes", Bytes(whole.begin(), whole.begin() + 39), Drop::short_header},
			{"version 4", with6(0, 0x41), Drop::version},
			{"version 7", with6(0, 0x71), Drop::version},
			{"payload 1 too long", with6(5, 19), Drop::long_total},
			{"payload 0", with6(5, 0), Drop::none},
			{"multicast source", with6(8, 0xff), Drop::multicast_source},
			{"no next header", packet(ip6(NONE), {}), Drop::none},
		},
		Family::ip6);
}

TEST_CASE("replay: hop-by-hop options that ip6_parse_tlv() drops")
{
	check(
		{
			{"padding", hop({1, 4, 0, 0, 0, 0}), Drop::none},
			{"seven bytes of padding",
			 hop({0, 0x1e, 0, 1, 5, 0, 0, 0, 0, 0, 0x1e, 2, 0, 0}), Drop::none},
			{"eight bytes of padding",
			 hop({0x1e, 0, 0, 1, 5, 0, 0, 0, 0, 0, 0x1e, 2, 0, 0}), Drop::hop_by_hop},
			{"eight times Pad1", hop({0, 0, 0, 0, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0}),
			 Drop::hop_by_hop},
			{"padding that is not 0", hop({1, 4, 0, 0, 1, 0}), Drop::hop_by_hop},
			{"option longer than the header", hop({1, 5, 0, 0, 0, 0}),
			 Drop::hop_by_hop},
			{"option without a length", hop({1, 3, 0, 0, 0, 0x1e}), Drop::hop_by_hop},
			{"router alert", hop({5, 2, 0, 0, 1, 0}), Drop::none},
			{"router alert of 3 bytes", hop({5, 3, 0, 0, 0, 0}), Drop::hop_by_hop},
			{"unknown, skip", hop({0x1e, 4, 0, 0, 0, 0}), Drop::none},
			{"unknown, discard", hop({0x5e, 4, 0, 0, 0, 0}), Drop::hop_by_hop},
			{"unknown, discard and tell", hop({0x9e, 4, 0, 0, 0, 0}), Drop::hop_by_hop},
			{"unknown, discard and perhaps tell", hop({0xde, 4, 0, 0, 0, 0}),
			 Drop::hop_by_hop},
			{"eight options", hop({0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0,
					       0x1e, 0, 0x1e, 0, 1,    4, 0,	0, 0,	 0}),
			 Drop::none},
			{"nine options", hop({0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0, 0x1e, 0,
					      0x1e, 0, 0x1e, 0, 0x1e, 4, 0,    0, 0,	0}),
			 Drop::hop_by_hop},
			{"longer than the packet", packet(ip6(HOP), {UDP, 1, 1, 4, 0, 0, 0, 0}),
			 Drop::hop_by_hop},
			{"4 bytes", packet(ip6(HOP), {UDP, 0, 0, 0}), Drop::hop_by_hop},
			{"jumbo", jumbo(70000, 70000), Drop::none},
			{"jumbo that is none", jumbo(65535, 65535), Drop::hop_by_hop},
			{"jumbo longer than the packet", jumbo(70001, 70000), Drop::hop_by_hop},
			{"jumbo and a payload length", jumbo(70000, 70000, 16), Drop::hop_by_hop},
			{"jumbo at the wrong place",
			 hop({0, 0, 0, 0, 0xc2, 4, 0, 1, 17, 112, 0, 0, 0, 0}), Drop::hop_by_hop},
		},
		Family::ip6);
}

TEST_CASE("replay: packets end where their header says")
{
	Bytes four = good(ip4()) + Bytes(8), six = good(ip6()) + Bytes(8);
	Bytes big = jumbo(70000, 70003);
	Packet packet = view(four);

	receive(packet);
	CHECK(packet.length == four.size() - 8);
	CHECK(packet.captured == four.size() - 8);
	packet = view(six);
	receive(packet);
	CHECK(packet.length == six.size() - 8);
	packet = view(big);
	receive(packet);
	CHECK(packet.length == 70040);
}

TEST_CASE("replay: a header checksum of 0 is left to hardware")
{
	Bytes bytes = good(ip4());
	set16(bytes, 10, 0);
	Packet packet = view(bytes);
	Received received = receive(packet);

	CHECK(received.drop == Drop::none);
	CHECK(received.offloaded);
}

TEST_CASE("replay: what only the capture lacks is no reason to drop")
{
	for (const Bytes &whole : {good(ip4()), good(ip6()), hop({1, 4, 0, 0, 0, 0})})
		for (std::size_t size = 1; size < whole.size(); size++) {
			Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
			Packet packet = view(cut, whole.size());
			std::size_t header = cut[0] >> 4 == 4 ? 20 : 40;
			Received received = receive(packet);

			INFO(whole.size() << " cut to " << size);
			CHECK(received.drop == Drop::none);
			CHECK(received.cut == (size < header));
			CHECK(packet.length == whole.size());
		}
}
