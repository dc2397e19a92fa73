// SPDX-License-Identifier: BSD-3-Clause
// What is done to each packet: the address, the rules in order, and the counts.
#include "catch.hpp"

#include "replay_engine.hpp"

using namespace dsr;

using namespace replay_test;

TEST_CASE("replay: a rewritten packet is the one sent to the VIP at once")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP, SCTP, ICMP6})
		for (const Header &ip : {ip4(protocol), ip6(protocol)}) {
			if (protocol == ICMP6 && ip.source[0] == '1')
				continue;
			Run run(good(ip));

			INFO(ip.source << " " << int(protocol));
			CHECK(run.kept);
			CHECK(run.bytes == good(to_vip(ip)));
			CHECK(run.counters().rewritten_by_dscp[7].packets == 1);
			CHECK(run.counters().rewritten().bytes == run.bytes.size());
			CHECK(run.after(protocol == SCTP ? Checksum::none : Checksum::good) == 1);
		}
}

TEST_CASE("replay: packets that pass as they are")
{
	Header unmarked = ip4(), other = ip4();
	unmarked.dscp = 0;
	other.dscp = 6;
	struct {
		const char *name;
		Bytes bytes;
		Passed why;
	} cases[] = {
		{"not IP", Bytes(40, 0x10), Passed::not_ip},
		{"DSCP 0", good(unmarked), Passed::no_rule},
		{"DSCP 6", good(other), Passed::no_rule},
		{"there already", good(to_vip(ip4())), Passed::same},
		{"there already, IPv6", good(to_vip(ip6())), Passed::same},
		{"there already, too short", packet(to_vip(ip4(TCP)), Bytes(4)), Passed::same},
	};

	for (auto &test : cases) {
		Run run(test.bytes);

		INFO(test.name);
		CHECK(run.kept);
		CHECK(run.bytes == test.bytes);
		CHECK(run.counters().passed().packets == 1);
		CHECK(run.counters().passed_why[index_of(test.why)].packets == 1);
	}
	CHECK(Run(good(other)).counters().no_rule_for_dscp[6] == 1);
}

TEST_CASE("replay: padding of the frame stays, and is not summed up")
{
	Bytes padding(11, 0xee);
	Run run(good(ip4()) + padding);

	CHECK(run.bytes == good(to_vip(ip4())) + padding);
	CHECK(run.after(Checksum::good) == 1);
}

TEST_CASE("replay: transports too short for their checksum are dropped")
{
	struct {
		std::uint8_t protocol;
		std::size_t needed;
	} cases[] = {{TCP, 18}, {UDP, 8}, {UDPLITE, 8}, {DCCP, 8}, {ICMP6, 4}, {SCTP, 0}};

	for (auto &test : cases)
		for (std::size_t size = 0; size < 20; size++)
			for (const Header &ip : {ip4(test.protocol), ip6(test.protocol)}) {
				bool six = ip.source[0] != '1';
				std::size_t needed = test.protocol == ICMP6 && !six ? 0 :
										      test.needed;
				Run run(packet(ip, Bytes(size, 1)));

				INFO(ip.source << " " << int(test.protocol) << " " << size);
				CHECK(run.kept == (size >= needed));
				CHECK(run.counters()
					      .dropped_why[index_of(Drop::short_transport)]
					      .packets == (size < needed));
			}
	// an IPv6 header chain that ends within a header
	CHECK_FALSE(Run(packet(ip6(DESTINATION), {UDP, 0, 0})).kept);
	CHECK_FALSE(Run(packet(ip6(FRAGMENT), {UDP, 0, 0})).kept);
}

TEST_CASE("replay: UDP without a checksum keeps none")
{
	Bytes four = good(ip4()), six = good(ip6());
	set16(four, 26, 0);
	set16(six, 46, 0);
	Run run4(four), run6(six);

	CHECK(get16(run4.bytes, 26) == 0);
	CHECK(get16(run6.bytes, 46) == 0);
	CHECK(run4.after(Checksum::none) == 1);
	CHECK(run4.rewritten());
	CHECK(run6.rewritten());
}

TEST_CASE("replay: later fragments change in the IP header only")
{
	Header later = ip4(TCP);
	later.fragment = 2;
	Bytes payload(40, 'x'), six = Bytes{TCP, 0, 0, 0x10} + be32(7) + payload;
	Run run(packet(later, payload)), run6(packet(ip6(FRAGMENT), six));

	CHECK(run.bytes == packet(to_vip(later), payload));
	CHECK(run6.bytes == packet(to_vip(ip6(FRAGMENT)), six));
	CHECK(run.after(Checksum::unknown) == 1);
	CHECK(run6.after(Checksum::unknown) == 1);
}

TEST_CASE("replay: a routing header with segments left keeps the checksum")
{
	Bytes routed = Bytes{UDP, 2, 4, 1, 0, 0, 0, 0} + address("2001:db8::99") +
		       transport(ip6(), UDP);
	Run run(packet(ip6(ROUTING), routed));

	CHECK(run.bytes == packet(to_vip(ip6(ROUTING)), routed));
}

TEST_CASE("replay: a header checksum left to hardware stays 0")
{
	Bytes bytes = good(ip4());
	set16(bytes, 10, 0);
	Run run(bytes);
	Bytes expected = good(to_vip(ip4()));
	set16(expected, 10, 0);

	CHECK(run.bytes == expected);
	CHECK(run.counters().header_checksum_zero == 1);
}

TEST_CASE("replay: cut packets change as far as they are captured")
{
	for (const Header &ip : {ip4(TCP), ip4(UDP), ip6(TCP), ip6(UDP)}) {
		const Bytes whole = good(ip), expected = good(to_vip(ip));
		std::size_t header = whole[0] >> 4 == 4 ? 20 : 40;
		std::size_t check = header + (ip.protocol == TCP ? 18 : 8);

		for (std::size_t size = 1; size < whole.size(); size++) {
			Run run(cut_to(whole, size), whole.size());

			INFO(ip.source << " " << int(ip.protocol) << " cut to " << size);
			CHECK(run.kept);
			if (size < header) {
				CHECK(run.bytes == cut_to(whole, size));
				CHECK(run.counters().passed_why[index_of(Passed::cut)].packets ==
				      1);
			} else if (size < check) {
				// the address is; half a checksum is not
				Bytes some = cut_to(expected, header) +
					     Bytes(whole.begin() + static_cast<long>(header),
						   whole.begin() + static_cast<long>(size));
				CHECK(run.bytes == some);
			} else {
				CHECK(run.bytes == cut_to(expected, size));
				CHECK(run.after(Checksum::unknown) == 1);
			}
			CHECK(run.counters().cut.packets == (size < check));
		}
	}
	// the same bytes were all that was on the wire
	CHECK_FALSE(Run(packet(ip4(TCP), Bytes(17))).kept);
}

TEST_CASE("replay: rules follow each other with XT_CONTINUE, raw first")
{
	replay::Ruleset ruleset;

	replay::parse_rules("*mangle\n"
			    "-A PREROUTING -d 10.0.0.2 -j DADDR --set-daddr 10.0.0.3\n"
			    "-A PREROUTING -d 10.0.0.1 -j DADDR --set-daddr 10.0.0.9\n"
			    "COMMIT\n*raw\n"
			    "-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.0.0.1\n"
			    "-A PREROUTING -d 10.0.0.1 -j DADDR --set-daddr 10.0.0.2\n"
			    "COMMIT\n",
			    "rules", ruleset);
	Run run(good(ip4()), 0, ruleset);
	Header expected = ip4();
	expected.destination = "10.0.0.3";

	CHECK(run.bytes == good(expected));
	CHECK(run.counters().rewritten().packets == 1);
	CHECK(run.after(Checksum::good) == 1);
}

TEST_CASE("replay: a match that cannot look drops the packet")
{
	Header fragment = ip4(TCP);
	fragment.fragment = 1;
	Run run(packet(fragment, Bytes(40)), 0,
		rules("-p tcp --dport 80 -j DADDR --set-daddr 10.0.0.1"));

	CHECK_FALSE(run.kept);
	CHECK(run.counters().dropped_why[index_of(Drop::match)].packets == 1);
}

TEST_CASE("replay: wrong checksums stay as wrong as they were")
{
	Bytes bytes = good(ip4());
	bytes[27] ^= 5;
	Run run(bytes);

	CHECK(run.rewritten());
	CHECK(run.after(Checksum::bad) == 1);
	CHECK(run.counters().good_to_bad() == 0);
}

TEST_CASE("replay: the trace says what was decided and by which rule")
{
	Run run(good(ip4()));
	std::string all;

	for (const std::string &line : run.trace)
		all += line + "\n";
	CHECK(all.find("rule rules:2: match") != all.npos);
	CHECK(all.find("10.128.9.31 becomes 10.128.8.46") != all.npos);
	CHECK(all.find("good before, good after") != all.npos);
	CHECK(all.find("contract: ") != all.npos);
}

TEST_CASE("replay: only another address is a redirection to the diagnosis")
{
	Header vip = to_vip(ip4(TCP)), answer = ip4(TCP);
	Bytes in = good(vip), back;
	replay::Ruleset ruleset = port_rules(vip);
	Engine engine(ruleset, {});

	answer.source = vip.destination;
	answer.destination = vip.source;
	answer.dscp = 0;
	back = good(answer);
	set16(back, 20, 443); // the ports, exchanged
	set16(back, 22, 40000);
	engine.process(frame(in));
	CHECK(engine.counters().rewritten().packets == 1);
	engine.process(frame(back));
	CHECK(engine.diagnosis().count(Diagnosis::Kind::from_server) == 0);
}
