// SPDX-License-Identifier: BSD-3-Clause
// Where chains lead packets: jumps and returns, and what ends the search.
#include "catch.hpp"

#include "replay_engine.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

const std::string TO1 = " -j DADDR --set-daddr 10.0.0.1", TO2 = " -j DADDR --set-daddr 10.0.0.2";

replay::Ruleset parse(const std::string &text)
{
	replay::Ruleset ruleset;

	replay::parse_rules(text, "f", ruleset);
	return ruleset;
}

std::string error(const std::string &text)
{
	try {
		const replay::Ruleset rules = parse(text);
		Engine engine(rules, {});
	} catch (const Error &error) {
		return error.what();
	}
	return "";
}

// Where a packet of DSCP 7 goes, by a program for it, and by all rules one after
// the other.
std::string end(const std::string &text, const std::string &interface = "")
{
	const replay::Ruleset ruleset = parse(text);
	std::string ends[2];

	for (const bool traced : {false, true}) {
		Engine engine(ruleset, {}, interface);
		Bytes bytes = good(ip4());
		replay::Trace trace;

		if (!(traced ? engine.process_any(frame(bytes), &trace) :
			       engine.process(frame(bytes)))) {
			CHECK(engine.counters().dropped_why[index_of(Drop::rule)].packets == 1);
			ends[traced] = "dropped";
			continue;
		}
		ends[traced] = dsr::text(destination_of(view(bytes)));
	}
	CHECK(ends[0] == ends[1]);
	return ends[0];
}

} // namespace

TEST_CASE("replay: packets go where chains lead them")
{
	const char *const SAME = "10.128.9.31";
	const std::string DSCP7 = " -m dscp --dscp 7", DSCP8 = " -m dscp --dscp 8";
	struct {
		std::string name, rules, end;
	} cases[] = {
		{"what leads nowhere, and is not understood",
		 "-A PREROUTING -m conntrack --ctstate NEW -j MARK --set-mark 9\n-A PREROUTING" +
			 DSCP7 + TO1 + "\n",
		 "10.0.0.1"},
		{"a DSCP set after all is done, and not understood",
		 "-A PREROUTING" + DSCP7 + TO1 +
			 "\n-A PREROUTING -m conntrack --ctstate NEW -j DSCP --set-dscp 9\n",
		 "10.0.0.1"},
		{"a jump", "-A PREROUTING -j a\n-A a" + DSCP7 + TO1 + "\n", "10.0.0.1"},
		{"a jump that asks", "-A PREROUTING" + DSCP7 + " -j a\n-A a" + TO1 + "\n",
		 "10.0.0.1"},
		{"a jump that asks for others",
		 "-A PREROUTING" + DSCP8 + " -j a\n-A a" + TO1 + "\n", SAME},
		{"back from a chain's end",
		 "-A PREROUTING -j a\n-A PREROUTING -d 10.0.0.1" + TO2 + "\n-A a" + TO1 + "\n",
		 "10.0.0.2"},
		{"back by RETURN",
		 "-A PREROUTING -j a\n-A PREROUTING" + TO2 + "\n-A a -j RETURN\n-A a" + TO1 + "\n",
		 "10.0.0.2"},
		{"back for some",
		 "-A PREROUTING -j a\n-A a -s 144.100.10.1 -j RETURN\n-A a" + TO1 + "\n", SAME},
		{"not back for others",
		 "-A PREROUTING -j a\n-A a -s 144.100.10.2 -j RETURN\n-A a" + TO1 + "\n",
		 "10.0.0.1"},
		{"goto does not come back",
		 "-A PREROUTING -g a\n-A PREROUTING" + TO2 + "\n-A a -j CT --notrack\n-A a" + TO1 +
			 "\n",
		 "10.0.0.1"},
		{"goto in a chain goes back to who called it",
		 "-A PREROUTING -j a\n-A PREROUTING -d 10.0.0.1" + TO2 + "\n-A a -g b\n-A a" + TO2 +
			 "\n-A b" + TO1 + "\n",
		 "10.0.0.2"},
		{"RETURN of PREROUTING ends it",
		 "-A PREROUTING -j RETURN\n-A PREROUTING" + TO1 + "\n", SAME},
		{"ACCEPT ends the table",
		 "-A PREROUTING -p udp -j ACCEPT\n-A PREROUTING" + TO1 + "\n", SAME},
		{"ACCEPT of others does not",
		 "-A PREROUTING -p tcp -j ACCEPT\n-A PREROUTING" + TO1 + "\n", "10.0.0.1"},
		{"ACCEPT in a chain ends the table, too",
		 "-A PREROUTING -j a\n-A PREROUTING" + TO1 + "\n-A a -j ACCEPT\n", SAME},
		{"DROP", "-A PREROUTING" + DSCP7 + " -j DROP\n-A PREROUTING" + TO1 + "\n",
		 "dropped"},
		{"DROP after the address changed",
		 "-A PREROUTING" + TO1 + "\n-A PREROUTING -d 10.0.0.1 -j DROP\n", "dropped"},
		{"a policy", ":PREROUTING DROP [0:0]\n-A PREROUTING" + TO1 + "\n", "dropped"},
		{"a policy, and what is accepted before",
		 ":PREROUTING DROP [0:0]\n-A PREROUTING" + TO1 + "\n-A PREROUTING -j ACCEPT\n",
		 "10.0.0.1"},
		{"a chain called twice",
		 "-A PREROUTING -j a\n-A PREROUTING -j a\n-A a -d 10.0.0.1" + TO2 +
			 "\n-A a -d 10.128.9.31" + TO1 + "\n",
		 "10.0.0.2"},
		{"what nobody understands is not applied",
		 "-A PREROUTING -m conntrack --ctstate INVALID -j DROP\n-A PREROUTING" + TO1 + "\n",
		 "10.0.0.1"},
	};

	for (const auto &test : cases) {
		INFO(test.name);
		CHECK(end("*raw\n" + test.rules + "COMMIT\n") == test.end);
	}
	// of raw only
	CHECK(end("*raw\n-A PREROUTING -j ACCEPT\n-A PREROUTING" + TO2 +
		  "\nCOMMIT\n*mangle\n-A PREROUTING -d 10.128.9.31" + TO1 + "\nCOMMIT\n") ==
	      "10.0.0.1");
	// who is not for this host is not asked
	CHECK(end("*mangle\n:INPUT DROP\n-A PREROUTING" + TO1 + "\n-A INPUT -j DROP\nCOMMIT\n") ==
	      "10.0.0.1");
}

TEST_CASE("replay: rules see the DSCP that one before them has set")
{
	const std::string to1 = "-A PREROUTING -m dscp --dscp 7" + TO1 + "\n",
			  to2 = "-A PREROUTING -m dscp --dscp 9" + TO2 + "\n",
			  map = "-A PREROUTING -j DADDR --dscp-map 7=10.0.0.1,9=10.0.0.2\n",
			  set9 = "-A PREROUTING -j DSCP --set-dscp 9\n", SAME = "10.128.9.31";
	struct {
		std::string name, rules, end;
		unsigned int tos;
	} cases[] = {
		{"before", set9 + to1 + to2, "10.0.0.2", 36},
		{"before a map", set9 + map, "10.0.0.2", 36},
		{"after", to1 + set9 + to2, "10.0.0.2", 36},
		{"after all", to1 + "-A PREROUTING -j DSCP --set-dscp 0\n", "10.0.0.1", 0},
		{"a class", "-A PREROUTING -j DSCP --set-dscp-class CS1\n" + to1, SAME, 32},
		{"of others", "-A PREROUTING -s 192.0.2.1 -j DSCP --set-dscp 9\n" + to1 + to2,
		 "10.0.0.1", 28},
		{"in a chain", "-A PREROUTING -j a\n-A a -j DSCP --set-dscp 9\n" + to1 + to2,
		 "10.0.0.2", 36},
		{"bits of a TOS", "-A PREROUTING -j TOS --set-tos 0x20/0x38\n" + to2, "10.0.0.2",
		 36},
		{"all of it", "-A PREROUTING -j TOS --set-tos 0x25\n" + to1, SAME, 0x25},
		{"what it has", "-A PREROUTING -j DSCP --set-dscp 7\n" + to1, "10.0.0.1", 28},
	};

	for (const auto &test : cases) {
		const Bytes from = good(ip4());
		Header ip = ip4();
		ip.destination = test.end;
		Bytes expected = good(ip);
		expected[1] = static_cast<std::uint8_t>(test.tos);
		set16(expected, 10, 0);
		set16(expected, 10, checksum(cut_to(expected, 20)));
		const replay::Ruleset ruleset = parse("*raw\n" + test.rules + "COMMIT\n");

		INFO(test.name);
		CHECK(end("*raw\n" + test.rules + "COMMIT\n") == test.end);
		Run run(from, 0, ruleset);
		CHECK(run.bytes == expected);
		CHECK(run.rewritten() == (run.bytes != from));
	}
}

TEST_CASE("replay: an IPv6 packet gets another DSCP, and keeps its flow label")
{
	const replay::Ruleset ruleset = parse(
		"*raw\n-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 2001:db8::46\n"
		"-A PREROUTING -d 2001:db8::46 -j TOS --set-tos 0x9c/0xfc\nCOMMIT\n");
	Header ip = ip6();
	Bytes from = good(ip);

	ip.destination = VIP6;
	ip.dscp = 39;
	Bytes expected = good(ip);
	for (Bytes *bytes : {&from, &expected}) {
		(*bytes)[1] |= 0x2a;
		(*bytes)[3] = 0x5a;
	}
	CHECK(Run(from, 0, ruleset).bytes == expected);
}

TEST_CASE("replay: of a DSCP that a rule takes away, it is said that no rule maps it")
{
	const std::string to1 = "-A PREROUTING -m dscp --dscp 7" + TO1 + "\nCOMMIT\n";
	Run away(good(ip4()), 0, parse("*raw\n-A PREROUTING -j DSCP --set-dscp 9\n" + to1));
	Run stays(good(ip4()), 0,
		  parse("*raw\n-A PREROUTING -m dscp --dscp 9 -j DSCP --set-dscp 7\n" + to1));

	CHECK(away.counters().no_rule_for_dscp[7] == 1);
	CHECK(away.counters().rewritten_by_dscp[7].packets == 1);
	CHECK(stays.counters().no_rule_for_dscp[7] == 0);
	CHECK(stays.engine.diagnosis().servers() == std::vector<Ip>{*parse_ip("10.128.9.31")});
}

TEST_CASE("replay: a header checksum that is left to hardware stays so when a DSCP is set")
{
	Bytes bytes = good(ip4());

	set16(bytes, 10, 0);
	Run run(bytes, 0, parse("*raw\n-A PREROUTING -j DSCP --set-dscp 9\nCOMMIT\n"));
	bytes[1] = 36;
	CHECK(run.bytes == bytes);
}

TEST_CASE("replay: chains that lead to each other in many ways are looked at once")
{
	std::string rules = "*raw\n-A PREROUTING -m conntrack --ctstate NEW -j c0\n";

	for (int chain = 0; chain < 16; chain++)
		for (int times = 0; times < 10; times++)
			rules += "-A c" + std::to_string(chain) + " -j c" +
				 std::to_string(chain + 1) + "\n";
	CHECK(end(rules + "-A c16 -j RETURN\n-A PREROUTING" + TO1 + "\nCOMMIT\n") == "10.0.0.1");
}

TEST_CASE("replay: an interface that nobody knows is that of rules that lead to DADDR's")
{
	const std::string router = "*raw\n-A PREROUTING -i lo -j ACCEPT\n"
				   "-A PREROUTING -i eth0 -j a\n-A a" +
				   TO1 + "\nCOMMIT\n";

	CHECK(end(router) == "10.0.0.1");
	CHECK(end(router, "eth0") == "10.0.0.1");
	CHECK(end(router, "lo") == "10.128.9.31");
}

TEST_CASE("replay: rules that two programs printed, one after the other")
{
	const std::string both = "# Generated by iptables-save v1.8.9 on Sun\n"
				 "*raw\n-A PREROUTING -j a\n-A a -j RETURN\n-A a" +
				 TO2 +
				 "\nCOMMIT\n"
				 "# Generated by ip6tables-save v1.8.9 on Sun\n"
				 "*raw\n-A PREROUTING -j a\n"
				 "-A a -j DADDR --set-daddr 2001:db8::46\nCOMMIT\n"
				 "# Generated by ip6tables-save v1.8.9 on Sun\n"
				 "*mangle\n-A PREROUTING -j DROP\nCOMMIT\n";

	CHECK(end(both) == "10.128.9.31");
}

TEST_CASE("replay: what is wrong with chains, and where")
{
	const std::string a = "\n-A a" + TO1 + "\nCOMMIT\n";
	struct {
		std::string text, error;
	} cases[] = {
		{"*raw\n-A PREROUTING -m set --match-set s src -j a" + a,
		 "f:2: found -m \"set\", expected one of dscp, tos, tcp, udp, udplite, dccp, multiport, comment (no other match is known here): it leads to a new destination"},
		{"*raw\n-A PREROUTING -p tcp -m tcp --syn -j b\n-A b -j a" + a,
		 "f:2: found \"--syn\", expected one of -p"},
		{"*raw\n-A PREROUTING -m conntrack --ctstate NEW -j DSCP --set-dscp 9\n-A PREROUTING -j a" +
			 a,
		 "f:2: found -m \"conntrack\", expected one of dscp, tos, tcp, udp, udplite, dccp, multiport, comment (no other match is known here): it sets a DSCP before rules that give a new destination"},
		{"*raw\n-A PREROUTING -j TOS --set-tos Minimize-Delay\n-A PREROUTING -j a" + a,
		 "f:2: found -j TOS with other options, expected --set-dscp, --set-dscp-class, or --set-tos with numbers: it sets"},
		{"*raw\n-A OUTPUT -j a" + a, "f:3: found a DADDR rule in the chain \"a\""},
		{"*filter\n-A INPUT -j a" + a,
		 "f:3: found a DADDR rule in the chain \"a\" of the table \"filter\""},
		{"*raw\n-A PREROUTING -j a\n-A a -j a" + a,
		 "found the chain \"a\" of the table \"raw\" more than 16 jumps away, expected no loop"},
	};

	for (const auto &test : cases) {
		INFO(test.text << error(test.text));
		CHECK(error(test.text).starts_with(test.error));
	}
}
