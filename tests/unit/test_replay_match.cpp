// SPDX-License-Identifier: BSD-3-Clause
// Which packets a rule matches, as the kernel's ip_tables and ip6_tables do.
#include "catch.hpp"

#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;
using replay::Matched;

namespace {

Matched match(const std::string &matches, Bytes bytes, std::size_t wire = 0)
{
	bool six = bytes.at(0) >> 4 == 6;
	return replay::matches(
		rule(matches + " -j DADDR --set-daddr " + (six ? "2001:db8::46" : "10.128.8.46")),
		view(bytes, wire));
}

Header fragment4(std::uint8_t protocol, std::uint16_t fragment)
{
	Header ip = ip4(protocol);

	ip.fragment = fragment;
	return ip;
}

Bytes fragment6(std::uint8_t next, unsigned int offset)
{
	return packet(ip6(FRAGMENT), Bytes{next, 0} + be16(offset) + be32(7) + Bytes(40, 'x'));
}

} // namespace

TEST_CASE("replay: matches on the interface that a packet came in by")
{
	struct {
		const char *matches, *interface;
		Matched matched;
	} cases[] = {
		{"-i eth0", "eth0", Matched::yes},
		{"-i eth0", "eth1", Matched::no},
		{"-i eth0", "eth01", Matched::no},
		{"-i eth+", "eth01", Matched::yes},
		{"-i eth+", "eth", Matched::yes},
		{"-i eth+", "et", Matched::no},
		{"-i +", "lo", Matched::yes},
		{"! -i eth0", "eth0", Matched::no},
		{"! -i eth0", "eth1", Matched::yes},
		{"! -i eth+", "eth1", Matched::no},
		// nobody knows
		{"-i eth0", "", Matched::yes},
		{"! -i eth0", "", Matched::yes},
	};

	for (const auto &test : cases) {
		Bytes bytes = good(ip4());
		const nf::Rule one = rule(std::string(test.matches) +
					  " -j DADDR --set-daddr 10.128.8.46");

		INFO(test.matches << " of " << test.interface);
		CHECK(replay::matches(one, view(bytes), test.interface) == test.matched);
	}
}

TEST_CASE("replay: a match on many ports looks at the first fragment only")
{
	const std::string any = "-p udp -m multiport --ports 1:65535";

	CHECK(match(any, good(ip4())) == Matched::yes);
	CHECK(match(any, packet(fragment4(UDP, 1), Bytes(40))) == Matched::no);
	CHECK(match(any, packet(ip4(), Bytes(3))) == Matched::drop);
	// unlike --dport, which wants the whole header
	CHECK(match(any, packet(ip4(), Bytes(4, 1))) == Matched::yes);
	CHECK(match(any, cut_to(good(ip4()), 22), 38) == Matched::cut);
}

TEST_CASE("replay: matches on whole packets")
{
	struct {
		const char *matches;
		Matched four, six;
	} cases[] = {
		{"", Matched::yes, Matched::yes},
		{"-m dscp --dscp 7", Matched::yes, Matched::yes},
		{"-m dscp --dscp 6", Matched::no, Matched::no},
		{"-m dscp ! --dscp 7", Matched::no, Matched::no},
		{"-m dscp ! --dscp 0", Matched::yes, Matched::yes},
		{"-m tos --tos 0x1c", Matched::yes, Matched::yes},
		{"-m tos --tos 0x1c/0xff", Matched::yes, Matched::yes},
		{"-m tos --tos 0x04/0x04", Matched::yes, Matched::yes},
		{"-m tos --tos 0x04/0xff", Matched::no, Matched::no},
		{"-m tos --tos 0x1d", Matched::no, Matched::no},
		{"-m tos ! --tos 0x1c", Matched::no, Matched::no},
		{"-m tos ! --tos 0x1d", Matched::yes, Matched::yes},
		{"-p udp -m multiport --dports 79,80", Matched::yes, Matched::yes},
		{"-p udp -m multiport --dports 1:79,81:99", Matched::no, Matched::no},
		{"-p udp -m multiport ! --dports 1:79,81:99", Matched::yes, Matched::yes},
		{"-p udp -m multiport --sports 80", Matched::no, Matched::no},
		{"-p udp -m multiport --sports 40000", Matched::yes, Matched::yes},
		{"-p udp -m multiport --ports 40000", Matched::yes, Matched::yes},
		{"-p udp -m multiport ! --ports 5,80", Matched::no, Matched::no},
		{"-p udp", Matched::yes, Matched::yes},
		{"-p 17", Matched::yes, Matched::yes},
		{"-p all", Matched::yes, Matched::yes},
		{"-p tcp", Matched::no, Matched::no},
		{"! -p tcp", Matched::yes, Matched::yes},
		{"! -p udp", Matched::no, Matched::no},
		{"-p udp --dport 80", Matched::yes, Matched::yes},
		{"-p udp -m udp --dport 80:80", Matched::yes, Matched::yes},
		{"-p udp --dport 79:81", Matched::yes, Matched::yes},
		{"-p udp --dport :79", Matched::no, Matched::no},
		{"-p udp --dport 81:", Matched::no, Matched::no},
		{"-p udp ! --dport 80", Matched::no, Matched::no},
		{"-p udp ! --dport 81", Matched::yes, Matched::yes},
		{"-p udp --sport 40000 --dport 80", Matched::yes, Matched::yes},
		{"-p udp --sport 40001 --dport 80", Matched::no, Matched::no},
		{"-p udp --sport 40000 --dport 81", Matched::no, Matched::no},
		{"-p udp -m udp", Matched::yes, Matched::yes},
		{"-m comment --comment x", Matched::yes, Matched::yes},
	};

	for (auto &test : cases) {
		INFO(test.matches);
		CHECK(match(test.matches, good(ip4())) == test.four);
		CHECK(match(test.matches, good(ip6())) == test.six);
	}
}

TEST_CASE("replay: source and destination")
{
	struct {
		const char *matches;
		bool six;
		Matched result;
	} cases[] = {
		{"-s 144.100.10.1", false, Matched::yes},
		{"-s 144.100.10.1/32", false, Matched::yes},
		{"-s 144.100.10.0/24", false, Matched::yes},
		{"-s 144.100.10.99/24", false, Matched::yes},
		{"-s 144.100.10.2/31", false, Matched::no},
		{"-s 144.100.10.0/31", false, Matched::yes},
		{"-s 0.0.0.1/0.0.0.255", false, Matched::yes},
		{"-s 0.0.0.0/0", false, Matched::yes},
		{"! -s 0.0.0.0/0", false, Matched::no},
		{"! -s 144.100.10.1", false, Matched::no},
		{"! -s 144.100.10.2", false, Matched::yes},
		{"-d 10.128.9.31", false, Matched::yes},
		{"-d 10.128.9.30", false, Matched::no},
		{"-s 144.100.10.1 ! -d 10.128.9.31", false, Matched::no},
		{"-s 2001:db8:c::/48", true, Matched::yes},
		{"-s 2001:db8:d::/48", true, Matched::no},
		{"-d 2001:db8:9::31", true, Matched::yes},
		{"-d 2001:db8:9::31/128", true, Matched::yes},
		{"-d ::31/::ffff", true, Matched::yes},
		{"! -d 2001:db8:9::/64", true, Matched::no},
		{"-d 2001:db8:9::30", true, Matched::no},
	};

	for (auto &test : cases) {
		INFO(test.matches);
		CHECK(match(test.matches, good(test.six ? ip6() : ip4())) == test.result);
	}
}

TEST_CASE("replay: every protocol with ports")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP}) {
		std::string rule = "-p " + std::to_string(protocol);

		INFO(rule);
		CHECK(match(rule + " --dport 80", good(ip4(protocol))) == Matched::yes);
		CHECK(match(rule + " --sport 80", good(ip6(protocol))) == Matched::no);
	}
}

TEST_CASE("replay: IPv4 fragments")
{
	Bytes later = packet(fragment4(TCP, 2), Bytes(40, 'x'));
	Bytes overlapping = packet(fragment4(TCP, 0x2001), Bytes(40, 'x'));
	Bytes first = packet(fragment4(TCP, 0x2000), transport(ip4(TCP), TCP, Bytes(20)));

	CHECK(match("-p tcp", later) == Matched::yes);
	CHECK(match("-p udp", later) == Matched::no);
	CHECK(match("-p tcp -m tcp", later) == Matched::no);
	CHECK(match("-p tcp ! --dport 1", later) == Matched::no);
	CHECK(match("-p tcp --dport 80", first) == Matched::yes);
	CHECK(match("-p tcp", overlapping) == Matched::yes);
	CHECK(match("-p tcp --dport 80", overlapping) == Matched::drop);
	// matches are asked in their order: the first that says no decides
	CHECK(match("-m dscp --dscp 1 -p tcp --dport 80", overlapping) == Matched::no);
	CHECK(match("-p tcp --dport 80 -m dscp --dscp 1", overlapping) == Matched::drop);
	// only TCP minds
	CHECK(match("-p udp --dport 80", packet(fragment4(UDP, 1), Bytes(40, 'x'))) == Matched::no);
}

TEST_CASE("replay: ports of packets that end too early")
{
	struct {
		std::uint8_t protocol;
		std::size_t size;
	} headers[] = {{TCP, 20}, {UDP, 8}, {UDPLITE, 8}, {DCCP, 12}};

	for (auto &header : headers) {
		Header ip = ip4(header.protocol);
		std::string rule = "-p " + std::to_string(header.protocol) + " --dport 80";
		Bytes whole = good(ip);

		for (std::size_t size = 0; size <= header.size; size++) {
			INFO(rule << ", " << size << " bytes");
			Bytes wire = packet(ip,
					    Bytes(whole.begin() + 20,
						  whole.begin() + 20 + static_cast<long>(size)));

			CHECK(match(rule, wire) ==
			      (size == header.size ? Matched::yes : Matched::drop));
			// the same, but it was the capture that cut it off
			CHECK(match(rule, cut_to(whole, 20 + size), whole.size()) ==
			      (size >= 4 ? Matched::yes : Matched::cut));
		}
	}
}

TEST_CASE("replay: IPv6 protocols after extension headers")
{
	Bytes options = {UDP, 0, 1, 4, 0, 0, 0, 0};
	Bytes routing = {UDP, 2, 4, 1, 0, 0, 0, 0};
	Bytes auth = {UDP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	Bytes udp = transport(ip6(), UDP);

	CHECK(match("-p udp", packet(ip6(HOP), options + udp)) == Matched::yes);
	CHECK(match("-p udp --dport 80", packet(ip6(DESTINATION), options + udp)) == Matched::yes);
	CHECK(match("-p udp --dport 80", packet(ip6(ROUTING), routing + Bytes(16) + udp)) ==
	      Matched::yes);
	CHECK(match("-p udp --dport 80", packet(ip6(AH), auth + udp)) == Matched::yes);
	CHECK(match("-p 59", packet(ip6(NONE), Bytes(8))) == Matched::yes);
	CHECK(match("-p udp", packet(ip6(NONE), Bytes(8))) == Matched::no);

	// the chain ends within a header
	for (std::size_t size : {0, 1}) {
		INFO(size);
		Bytes ended = packet(ip6(HOP), cut_to(options, size));

		CHECK(match("-p udp", ended) == Matched::drop);
		CHECK(match("! -p udp", ended) == Matched::drop);
		CHECK(match("-d ::1 -p udp", ended) == Matched::no);
		CHECK(match("-m dscp --dscp 7", ended) == Matched::yes);
		CHECK(match("-p udp", ended, 100) == Matched::cut);
	}
	// two bytes of it are enough to go on, if the packet ends after it
	for (std::size_t size = 2; size < 10; size++)
		for (const char *rule : {"-p udp", "-p tcp", "! -p tcp"}) {
			INFO(rule << " " << size);
			Bytes ended = packet(ip6(HOP), cut_to(options, size));

			CHECK(match(rule, ended) ==
			      (size < 8 ? Matched::drop :
					  match(rule, packet(ip6(HOP), options + udp))));
		}
	CHECK(match("-p udp", packet(ip6(HOP), cut_to(options, 2)), 100) == Matched::yes);
	// but not of these, and not even for a rule of another protocol
	CHECK(match("-p udp", packet(ip6(FRAGMENT), {UDP, 0, 0})) == Matched::drop);
	CHECK(match("-p tcp", packet(ip6(ROUTING), cut_to(routing, 3))) == Matched::drop);
	CHECK(match("-p tcp", packet(ip6(ROUTING), cut_to(routing, 4)), 100) == Matched::no);
}

TEST_CASE("replay: IPv6 fragments")
{
	CHECK(match("-p udp", fragment6(UDP, 8)) == Matched::yes);
	CHECK(match("-p tcp", fragment6(UDP, 8)) == Matched::no);
	CHECK(match("-p udp --dport 80", fragment6(UDP, 8)) == Matched::no);
	CHECK(match("-p udp -m udp", fragment6(UDP, 8)) == Matched::no);
	CHECK(match("-p 59", fragment6(NONE, 8)) == Matched::yes);
	// as the kernel: an extension header cannot be the transport of a
	// later fragment, and what cannot be told is dropped
	CHECK(match("-p udp", fragment6(DESTINATION, 8)) == Matched::drop);

	// the first fragment has the ports
	CHECK(match("-p udp --dport 80",
		    packet(ip6(FRAGMENT), Bytes{UDP, 0, 0, 1} + be32(7) + transport(ip6(), UDP))) ==
	      Matched::yes);
}
