// SPDX-License-Identifier: BSD-3-Clause
// Packets as most are take shorter ways, which lead to the same.
#include "catch.hpp"

#include <functional>

#include "common/decode.hpp"
#include "common/receive.hpp"
#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

std::string text(const Decoded &decoded)
{
	std::string line = dsr::text(decoded.from) + " " + dsr::text(decoded.to);

	for (std::uint64_t number :
	     {std::uint64_t{decoded.dscp}, decoded.bytes, std::uint64_t{decoded.protocol},
	      std::uint64_t{decoded.transport}, std::uint64_t{decoded.source},
	      std::uint64_t{decoded.destination}, std::uint64_t{decoded.has_ends},
	      std::uint64_t{decoded.syn}, std::uint64_t{decoded.resets},
	      std::uint64_t{decoded.echo_request}, static_cast<std::uint64_t>(decoded.sum)})
		line += " " + std::to_string(number);
	return line;
}

// All that becomes of it.
std::string fate(Bytes bytes, Packet packet, const replay::Action &action)
{
	packet.data = bytes.data();
	const Coverage coverage(packet);
	const Checksum before = coverage.verify(packet);
	std::string line = text(decode(packet, before));
	const replay::Outcome outcome = replay::apply(action, packet, false);

	line += " " + std::to_string(static_cast<int>(outcome)) + " " +
		replay::checksum_text(before) + " " +
		replay::checksum_text(coverage.verify(packet));
	for (std::uint8_t byte : bytes)
		line += " " + std::to_string(byte);
	return line;
}

std::vector<replay::Action> actions(Family family)
{
	const bool six = family == Family::ip6;
	replay::Action vip, same, map;

	vip.daddr = *parse_ip(six ? "2001:db8::46" : "10.128.8.46");
	same.daddr = *parse_ip(six ? "2001:db8:9::31" : "10.128.9.31");
	map.daddr.family = family;
	map.map.assign(64, vip.daddr);
	map.mapped = ~std::uint64_t{0} / 3; // every second one
	return {vip, same, map};
}

// Returns whether it is plain.
bool compare(Bytes bytes, std::size_t wire)
{
	Packet packet = view(bytes, wire);
	const Received received = receive(packet);

	if (received.drop != Drop::none || received.cut)
		return false;
	Packet any = packet;
	any.plain = 0;
	for (const replay::Action &action : actions(packet.family))
		CHECK(fate(bytes, packet, action) == fate(bytes, any, action));
	return packet.plain;
}

void each_size(const Bytes &bytes, const std::function<void(const Bytes &, std::size_t)> &then)
{
	for (std::size_t size = 20; size <= bytes.size(); size++)
		then(cut_to(bytes, size), bytes.size());
	then(bytes + Bytes(3, 0), 0); // padding
}

} // namespace

TEST_CASE("replay: a plain packet fares like any other, whatever its bytes are")
{
	unsigned int plain = 0;

	for (std::uint8_t protocol : {TCP, UDP, UDPLITE})
		for (const Header &ip : {ip4(protocol), ip6(protocol)}) {
			const Bytes bytes = good(ip);

			each_size(bytes, [&](const Bytes &cut, std::size_t wire) {
				plain += compare(cut, wire);
			});
			for (std::size_t at = 0; at < bytes.size(); at++)
				for (unsigned int value = 0; value < 256; value += 5) {
					Bytes other = bytes;

					other[at] = static_cast<std::uint8_t>(value);
					if (ip.source[0] == '1') {
						set16(other, 10, 0);
						set16(other, 10, checksum(cut_to(other, 20)));
					}
					plain += compare(other, 0);
				}
		}
	CHECK(plain > 10000);
}

TEST_CASE("replay: a packet is plain when nothing about it is unusual")
{
	auto is_plain = [](Bytes bytes, std::size_t wire = 0) {
		Packet packet = view(bytes, wire);

		receive(packet);
		return packet.plain;
	};
	Header options = ip4(TCP), fragment = ip4(UDP), later = ip4(UDP);

	options.options = {1, 1, 1, 0};
	fragment.fragment = 0x2000;
	later.fragment = 1;
	CHECK(is_plain(good(ip4(TCP))) == TCP);
	CHECK(is_plain(good(ip6(TCP))) == TCP);
	CHECK(is_plain(good(ip4(UDP))) == UDP);
	CHECK(is_plain(good(ip6(UDP))) == UDP);
	CHECK(is_plain(cut_to(good(ip4(TCP)), 40), 50) == TCP);
	CHECK(is_plain(cut_to(good(ip4(TCP)), 39), 50) == 0);
	CHECK(is_plain(cut_to(good(ip6(UDP)), 47), 58) == 0);
	CHECK(is_plain(good(options)) == 0);
	CHECK(is_plain(good(fragment)) == 0);
	CHECK(is_plain(good(later)) == 0);
	CHECK(is_plain(good(ip4(UDPLITE))) == 0);
	CHECK(is_plain(packet(ip6(HOP), Bytes{TCP, 0, 1, 4, 0, 0, 0, 0} + transport(ip6(), TCP))) ==
	      0);
}
