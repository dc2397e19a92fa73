// SPDX-License-Identifier: BSD-3-Clause
// What is done to each packet: the port, the rules in order, and the counts.
#include "catch.hpp"

#include <pcap/dlt.h>

#include <random>

#include "replay_packets.hpp"

using namespace replay_test;
using replay::Checksum;
using replay::Drop;
using replay::Engine;
using replay::Passed;
using replay::index_of;

namespace {

const char VIP4[] = "10.128.8.46", VIP6[] = "2001:db8::46";

// DSCP 7 becomes the VIP, in both families.
replay::Ruleset vip_rules()
{
	replay::Ruleset ruleset;

	replay::parse_rules("*raw\n"
		"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46\n"
		"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 2001:db8::46\n"
		"COMMIT\n", "rules", ruleset);
	return ruleset;
}

// One packet through a new engine.
struct Run {
	explicit Run(const Bytes &packet, std::size_t wire = 0,
		     const replay::Ruleset &given = vip_rules())
		: bytes(packet), ruleset(given),
		  engine(ruleset, DLT_RAW, {})
	{
		kept = engine.process(frame(bytes, wire), &trace);
	}

	const replay::Counters &counters() const { return engine.counters(); }
	bool rewritten() const { return counters().rewritten.packets; }
	std::uint64_t after(Checksum checksum) const
	{
		return counters().after[index_of(checksum)];
	}

	Bytes bytes;
	replay::Ruleset ruleset;
	replay::Trace trace;
	Engine engine;
	bool kept;
};

Ip to_vip(Ip ip)
{
	ip.destination = ip.source[0] == '1' ? VIP4 : VIP6;
	return ip;
}

} // namespace

TEST_CASE("replay: a rewritten packet is the one sent to the VIP at once")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP, SCTP, ICMP6})
		for (const Ip &ip : {ip4(protocol), ip6(protocol)}) {
			if (protocol == ICMP6 && ip.source[0] == '1')
				continue;
			Run run(good(ip));

			INFO(ip.source << " " << int(protocol));
			CHECK(run.kept);
			CHECK(run.bytes == good(to_vip(ip)));
			CHECK(run.counters().rewritten_by_dscp[7].packets == 1);
			CHECK(run.counters().rewritten.bytes ==
			      run.bytes.size());
			CHECK(run.after(protocol == SCTP ? Checksum::none :
							   Checksum::good) == 1);
		}
}

TEST_CASE("replay: packets that pass as they are")
{
	Ip unmarked = ip4(), other = ip4();
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
		{"there already, too short", packet(to_vip(ip4(TCP)), Bytes(4)),
		 Passed::same},
	};

	for (auto &test : cases) {
		Run run(test.bytes);

		INFO(test.name);
		CHECK(run.kept);
		CHECK(run.bytes == test.bytes);
		CHECK(run.counters().passed.packets == 1);
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
	} cases[] = {{TCP, 18}, {UDP, 8}, {UDPLITE, 8}, {DCCP, 8}, {ICMP6, 4},
		     {SCTP, 0}};

	for (auto &test : cases)
		for (std::size_t size = 0; size < 20; size++)
			for (const Ip &ip : {ip4(test.protocol),
					     ip6(test.protocol)}) {
				bool six = ip.source[0] != '1';
				std::size_t needed =
					test.protocol == ICMP6 && !six ?
					0 : test.needed;
				Run run(packet(ip, Bytes(size, 1)));

				INFO(ip.source << " " << int(test.protocol) <<
				     " " << size);
				CHECK(run.kept == (size >= needed));
				CHECK(run.counters().dropped_why[index_of(
					Drop::short_transport)].packets ==
				      (size < needed));
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
	Ip later = ip4(TCP);
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
	Bytes routed = Bytes{UDP, 2, 4, 1, 0, 0, 0, 0} +
		       address("2001:db8::99") + transport(ip6(), UDP);
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
	for (const Ip &ip : {ip4(TCP), ip4(UDP), ip6(TCP), ip6(UDP)}) {
		const Bytes whole = good(ip), expected = good(to_vip(ip));
		std::size_t header = whole[0] >> 4 == 4 ? 20 : 40;
		std::size_t check = header + (ip.protocol == TCP ? 18 : 8);

		for (std::size_t size = 1; size < whole.size(); size++) {
			Run run(cut_to(whole, size), whole.size());

			INFO(ip.source << " " << int(ip.protocol) << " cut to "
			     << size);
			CHECK(run.kept);
			if (size < header) {
				CHECK(run.bytes == cut_to(whole, size));
				CHECK(run.counters().passed_why[index_of(
					Passed::cut)].packets == 1);
			} else if (size < check) {
				// the address is; half a checksum is not
				Bytes some = cut_to(expected, header) +
					Bytes(whole.begin() +
					      static_cast<long>(header),
					      whole.begin() +
					      static_cast<long>(size));
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
		"COMMIT\n", "rules", ruleset);
	Run run(good(ip4()), 0, ruleset);
	Ip expected = ip4();
	expected.destination = "10.0.0.3";

	CHECK(run.bytes == good(expected));
	CHECK(run.counters().rewritten.packets == 1);
	CHECK(run.after(Checksum::good) == 1);
}

TEST_CASE("replay: a match that cannot look drops the packet")
{
	Ip fragment = ip4(TCP);
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
	CHECK(run.counters().good_to_bad == 0);
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

namespace {

const char *name_of(std::uint8_t protocol)
{
	switch (protocol) {
	case TCP:
		return "tcp";
	case UDP:
		return "udp";
	case UDPLITE:
		return "udplite";
	case DCCP:
		return "dccp";
	}
	return "all";
}

// The VIP of the packet's family, and port 443.
replay::Ruleset port_rules(const Ip &ip)
{
	std::string vip = ip.source[0] == '1' ? VIP4 : VIP6;

	return rules(std::string("-p ") + name_of(ip.protocol) +
		     " -j DADDR --set-daddr " + vip + " --set-dport 443");
}

Ip to_port(Ip ip)
{
	ip.port = 443;
	return ip;
}

} // namespace

TEST_CASE("replay: address and port, one of them, or neither change")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP})
		for (const Ip &ip : {ip4(protocol), ip6(protocol)})
			for (const Ip &in : {ip, to_vip(ip), to_port(ip),
					     to_port(to_vip(ip))}) {
				Run run(good(in), 0, port_rules(ip));
				bool same = in.port == 443 &&
					    in.destination != ip.destination;

				INFO(in.destination << " port " << in.port
				     << ", protocol " << int(protocol));
				CHECK(run.kept);
				CHECK(run.bytes == good(to_port(to_vip(ip))));
				CHECK(run.rewritten() == !same);
				CHECK(run.counters().passed_why[index_of(
					Passed::same)].packets == same);
				CHECK(run.after(Checksum::good) == 1);
			}
}

TEST_CASE("replay: UDP without a checksum gets the port, and keeps none")
{
	for (const Ip &ip : {ip4(), ip6()}) {
		std::size_t field = ip.source[0] == '1' ? 26 : 46;
		Bytes in = good(ip), out = good(to_port(to_vip(ip)));

		set16(in, field, 0);
		set16(out, field, 0);
		CHECK(Run(in, 0, port_rules(ip)).bytes == out);
	}
}

TEST_CASE("replay: a later fragment has no port to set")
{
	Ip later = ip4(TCP);
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
		for (const Ip &ip : {ip4(protocol), ip6(protocol)})
			for (const Ip &in : {ip, to_vip(ip), to_port(to_vip(ip))})
				for (std::size_t size = 0; size < 20; size++) {
					Bytes data = cut_to(transport(
						in, protocol), size);
					std::size_t needed =
						protocol == TCP ? 18 : 8;
					bool same = in.port == 443 && size >= 4;
					Run run(packet(in, data), 0,
						port_rules(ip));

					INFO(in.destination << " port "
					     << in.port << ", protocol "
					     << int(protocol) << ", " << size);
					CHECK(run.kept ==
					      (same || size >= needed));
					CHECK(run.rewritten() ==
					      (!same && size >= needed));
				}
	// a header chain that ends within a header, at the VIP already
	CHECK_FALSE(Run(packet(to_vip(ip6(DESTINATION)), {TCP, 0}), 0,
			rules("-p tcp -j DADDR --set-daddr 2001:db8::46 --set-dport 443")).kept);
}

TEST_CASE("replay: cut packets get the port as far as they are captured")
{
	for (const Ip &ip : {ip4(TCP), ip4(UDP), ip6(TCP), ip6(UDP)})
		for (const Ip &in : {ip, to_vip(ip)}) {
			const Bytes whole = good(in);
			const Bytes expected = good(to_port(to_vip(ip)));
			std::size_t header = whole[0] >> 4 == 4 ? 20 : 40;
			std::size_t check = header +
					    (ip.protocol == TCP ? 18 : 8);

			for (std::size_t size = header; size < whole.size();
			     size++) {
				Run run(cut_to(whole, size), whole.size(),
					port_rules(ip));
				// of what is half there, nothing changes
				Bytes some = cut_to(expected,
					size < header + 4 ? header :
					size < check ? header + 4 : size);
				some.insert(some.end(), whole.begin() +
					    static_cast<long>(some.size()),
					    whole.begin() +
					    static_cast<long>(size));

				INFO(in.destination << " "
				     << int(ip.protocol) << " cut to " << size);
				CHECK(run.kept);
				CHECK(run.bytes == some);
				CHECK(run.counters().cut.packets ==
				      (size < check));
				CHECK(run.rewritten() ==
				      (in.destination == ip.destination ||
				       size >= header + 4));
			}
		}
	// the match needs two bytes of the header to go on, the target four
	Bytes whole = packet(to_vip(ip6(DESTINATION)), Bytes{TCP, 0, 1, 4, 0, 0,
			     0, 0} + transport(to_vip(ip6(TCP)), TCP));
	Run run(cut_to(whole, 42), whole.size(), port_rules(ip6(TCP)));
	CHECK(run.counters().passed_why[index_of(Passed::cut)].packets == 1);
}

TEST_CASE("replay: a map takes the packet's DSCP, whatever its ECN")
{
	std::string map4 = "-j DADDR --dscp-map ", map6 = map4;

	for (int dscp = 1; dscp < 64; dscp += 2) {
		std::string number = std::to_string(dscp);

		map4 += (dscp > 1 ? "," : "") + number + "=10.0.0." + number;
		map6 += (dscp > 1 ? "," : "") + number + "=2001:db8::" + number;
	}
	for (const Ip &ip : {ip4(TCP), ip6(TCP)})
		for (unsigned int tos = 0; tos < 256; tos++) {
			Ip out = ip;
			out.dscp = static_cast<std::uint8_t>(tos >> 2);
			Bytes in = good(out);
			bool mapped = out.dscp & 1, six = in[0] >> 4 == 6;
			if (mapped)
				out.destination = (six ? "2001:db8::" :
							 "10.0.0.") +
					std::to_string(out.dscp);
			Bytes expected = good(out);
			for (Bytes *bytes : {&in, &expected}) {
				if (six) {
					(*bytes)[1] = static_cast<std::uint8_t>(
						(*bytes)[1] | (tos & 3) << 4);
					continue;
				}
				(*bytes)[1] = static_cast<std::uint8_t>(tos);
				set16(*bytes, 10, 0);
				set16(*bytes, 10, checksum(cut_to(*bytes, 20)));
			}
			Run run(in, 0, rules(six ? map6 : map4));

			INFO("TOS " << tos);
			CHECK(run.bytes == expected);
			CHECK(run.rewritten() == mapped);
			CHECK(run.counters().rewritten_by_dscp[tos >> 2].packets ==
			      mapped);
			CHECK(run.counters().no_rule_for_dscp[tos >> 2] ==
			      !mapped);
			CHECK(run.counters().passed_why[index_of(
				Passed::no_rule)].packets == !mapped);
		}
}

TEST_CASE("replay: what a map does not have goes on to the next rule")
{
	replay::Ruleset ruleset;

	replay::parse_rules("*raw\n"
		"-A PREROUTING -j DADDR --dscp-map 7=10.0.0.1,8=10.0.0.8\n"
		"-A PREROUTING -j DADDR --dscp-map 9=10.0.0.9\n"
		"-A PREROUTING -d 10.0.0.1 -p udp -j DADDR --set-daddr 10.0.0.2 --set-dport 443\n"
		"COMMIT\n", "rules", ruleset);
	Ip in = ip4(), out = in;
	out.destination = "10.0.0.2";
	out.port = 443;
	CHECK(Run(good(in), 0, ruleset).bytes == good(out));
	in.dscp = out.dscp = 9;
	out.destination = "10.0.0.9";
	out.port = 80;
	CHECK(Run(good(in), 0, ruleset).bytes == good(out));
	in.dscp = 10;
	CHECK(Run(good(in), 0, ruleset).bytes == good(in));
	// with no entry, not even a packet that is too short is dropped
	in.protocol = TCP;
	CHECK(Run(packet(in, Bytes(4)), 0, ruleset).kept);
	in.dscp = 9;
	CHECK_FALSE(Run(packet(in, Bytes(4)), 0, ruleset).kept);
}

TEST_CASE("replay: only another address is a redirection to the diagnosis")
{
	Ip vip = to_vip(ip4(TCP)), answer = ip4(TCP);
	Bytes in = good(vip), back;
	replay::Ruleset ruleset = port_rules(vip);
	Engine engine(ruleset, DLT_RAW, {});

	answer.source = vip.destination;
	answer.destination = vip.source;
	answer.dscp = 0;
	back = good(answer);
	set16(back, 20, 443);		// the ports, exchanged
	set16(back, 22, 40000);
	engine.process(frame(in));
	CHECK(engine.counters().rewritten.packets == 1);
	engine.process(frame(back));
	CHECK(engine.diagnoser().from_server() == 0);
	CHECK(engine.diagnoser().servers().empty());
}

namespace {

// A packet of anything, often too short or cut.
Bytes random_packet(std::mt19937 &random, std::size_t &wire)
{
	const std::uint8_t protocols[] = {TCP, UDP, DCCP, UDPLITE, ICMP6, HOP,
					  FRAGMENT, ROUTING, DESTINATION};
	Ip ip = random() & 1 ? ip4() : ip6();
	Bytes payload(random() % 30);

	for (std::uint8_t &byte : payload)
		byte = random() % 3 ? static_cast<std::uint8_t>(random()) : 0;
	if (payload.size() > 1 && random() & 1) {
		payload[0] = protocols[random() % 9];
		payload[1] = 0;
	}
	ip.protocol = protocols[random() % 9];
	ip.dscp = static_cast<std::uint8_t>(random() % 4);
	if (random() % 4 == 0)
		ip.fragment = static_cast<std::uint16_t>(random() % 3);
	if (random() % 4 == 0)
		ip = to_vip(ip);
	Bytes bytes = packet(ip, payload);
	wire = bytes.size();
	if (random() % 3 == 0)
		bytes.resize(bytes.size() - random() % 20);
	return bytes;
}

std::string random_rule(std::mt19937 &random)
{
	const char *const protocols[] = {"tcp", "udp", "udplite", "dccp"};
	bool six = random() & 1, ports = false;
	std::string rule = "-A PREROUTING";

	if (random() % 3 == 0)
		rule += six ? " -d 2001:db8::46" : " -d 10.128.8.46";
	if (random() % 2) {
		rule += std::string(" -p ") + protocols[random() % 4];
		ports = true;
	}
	bool dscp_first = random() & 1;
	std::string dscp = std::string(" -m dscp ") +
		(random() % 4 ? "" : "! ") + "--dscp " +
		std::to_string(random() % 4);
	if (dscp_first)
		rule += dscp;
	if (ports && random() & 1)
		rule += " --dport " + std::string(random() & 1 ? "80" : "1:");
	if (!dscp_first && random() & 1)
		rule += dscp;
	rule += " -j DADDR";
	std::string last = std::to_string(1 + random() % 200);
	std::string to = (six ? "2001:db8::" : "10.0.0.") + last;
	if (random() & 1)
		return rule + " --dscp-map " +
		       std::to_string(1 + random() % 2) + "=" + to + ",3=" + to;
	rule += " --set-daddr " + (random() & 1 ? to :
				   std::string(six ? VIP6 : VIP4));
	if (ports && random() & 1)
		rule += " --set-dport " + last;
	return rule;
}

} // namespace

// A trace is made of all rules, one after the other; without one, only those
// are asked that concern the packet's DSCP.
TEST_CASE("replay: a rule that is not asked would have changed nothing")
{
	std::mt19937 random(63);

	for (int i = 0; i < 1000; i++) {
		replay::Ruleset ruleset;
		std::string text = "*raw\n";

		for (std::uint32_t rules = 1 + random() % 6; rules; rules--)
			text += random_rule(random) + "\n";
		replay::parse_rules(text + "COMMIT\n", "rules", ruleset);
		Engine one(ruleset, DLT_RAW, {}), other(ruleset, DLT_RAW, {});
		for (int j = 0; j < 40; j++) {
			std::size_t wire;
			Bytes all = random_packet(random, wire), some = all;
			replay::Trace trace;
			bool kept = one.process(frame(all, wire), &trace);

			if (other.process(frame(some, wire)) != kept ||
			    (kept && all != some) ||
			    std::memcmp(&one.counters(), &other.counters(),
					sizeof(replay::Counters))) {
				std::string found = text;

				for (const std::string &line : trace)
					found += line + "\n";
				FAIL(found);
			}
		}
	}
	SUCCEED();
}
