// SPDX-License-Identifier: BSD-3-Clause
// What is done to the port of each packet.
#include "catch.hpp"

#include "replay_engine.hpp"

using namespace replay_test;

TEST_CASE("replay: address and port, one of them, or neither change")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP})
		for (const Header &ip : {ip4(protocol), ip6(protocol)})
			for (const Header &in :
			     {ip, to_vip(ip), to_port(ip), to_port(to_vip(ip))}) {
				Run run(good(in), 0, port_rules(ip));
				bool same = in.port == 443 && in.destination != ip.destination;

				INFO(in.destination << " port " << in.port << ", protocol "
						    << int(protocol));
				CHECK(run.kept);
				CHECK(run.bytes == good(to_port(to_vip(ip))));
				CHECK(run.rewritten() == !same);
				CHECK(run.counters().passed_why[index_of(Passed::same)].packets ==
				      same);
				CHECK(run.after(Checksum::good) == 1);
			}
}

TEST_CASE("replay: UDP without a checksum gets the port, and keeps none")
{
	for (const Header &ip : {ip4(), ip6()}) {
		std::size_t field = ip.source[0] == '1' ? 26 : 46;
		Bytes in = good(ip), out = good(to_port(to_vip(ip)));

		set16(in, field, 0);
		set16(out, field, 0);
		CHECK(Run(in, 0, port_rules(ip)).bytes == out);
	}
}

TEST_CASE("replay: a later fragment has no port to set")
{
	Header later = ip4(TCP);
	later.fragment = 2;
	Bytes payload(40, 'x'), six = Bytes{TCP, 0, 0, 0x10} + be32(7) + payload;
	Run run(packet(later, payload), 0, port_rules(later));
	Run run6(packet(ip6(FRAGMENT), six), 0, port_rules(ip6(TCP)));
	Run there(packet(to_vip(later), payload), 0, port_rules(later));

	CHECK(run.bytes == packet(to_vip(later), payload));
	CHECK(run6.bytes == packet(to_vip(ip6(FRAGMENT)), six));
	CHECK(there.counters().passed_why[index_of(Passed::same)].packets == 1);
}

// As daddr_changes_dport(): what has the port already is not looked at further,
// what has no room for it is dropped.
TEST_CASE("replay: packets too short for a port, or for its checksum")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP})
		for (const Header &ip : {ip4(protocol), ip6(protocol)})
			for (const Header &in : {ip, to_vip(ip), to_port(to_vip(ip))})
				for (std::size_t size = 0; size < 20; size++) {
					Bytes data = cut_to(transport(in, protocol), size);
					std::size_t needed = protocol == TCP ? 18 : 8;
					bool same = in.port == 443 && size >= 4;
					Run run(packet(in, data), 0, port_rules(ip));

					INFO(in.destination << " port " << in.port << ", protocol "
							    << int(protocol) << ", " << size);
					CHECK(run.kept == (same || size >= needed));
					CHECK(run.rewritten() == (!same && size >= needed));
				}
	// a header chain that ends within a header, at the VIP already
	CHECK_FALSE(Run(packet(to_vip(ip6(DESTINATION)), {TCP, 0}), 0,
			rules("-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443"))
			    .kept);
}

TEST_CASE("replay: cut packets get the port as far as they are captured")
{
	for (const Header &ip : {ip4(TCP), ip4(UDP), ip6(TCP), ip6(UDP)})
		for (const Header &in : {ip, to_vip(ip)}) {
			const Bytes whole = good(in);
			const Bytes expected = good(to_port(to_vip(ip)));
			std::size_t header = whole[0] >> 4 == 4 ? 20 : 40;
			std::size_t check = header + (ip.protocol == TCP ? 18 : 8);

			for (std::size_t size = header; size < whole.size(); size++) {
				Run run(cut_to(whole, size), whole.size(), port_rules(ip));
				// of what is half there, nothing changes
				Bytes some = cut_to(expected, size < header + 4 ? header :
							      size < check	? header + 4 :
										  size);
				some.insert(some.end(),
					    whole.begin() + static_cast<long>(some.size()),
					    whole.begin() + static_cast<long>(size));

				INFO(in.destination << " " << int(ip.protocol) << " cut to "
						    << size);
				CHECK(run.kept);
				CHECK(run.bytes == some);
				CHECK(run.counters().cut.packets == (size < check));
				CHECK(run.rewritten() ==
				      (in.destination == ip.destination || size >= header + 4));
			}
		}
	// the match needs two bytes of the header to go on, the target four
	Bytes whole = packet(to_vip(ip6(DESTINATION)),
			     Bytes{TCP, 0, 1, 4, 0, 0, 0, 0} + transport(to_vip(ip6(TCP)), TCP));
	Run run(cut_to(whole, 42), whole.size(), port_rules(ip6(TCP)));
	CHECK(run.counters().passed_why[index_of(Passed::cut)].packets == 1);
}
