// SPDX-License-Identifier: BSD-3-Clause
// Rules of nftables, as nft -j prints them, and values of dscp_rewrite, as sysctl
// does.
#include "catch.hpp"

#include "replay_engine.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

std::string destination(const std::string &text, const Header &ip,
			const std::string &interface = "eth0")
{
	replay::Ruleset ruleset;
	std::string ends[2];

	replay::parse_rules(text, "f", ruleset);
	for (const bool traced : {false, true}) {
		Engine engine(ruleset, {}, interface);
		Bytes bytes = good(ip);
		replay::Trace trace;

		ends[traced] = "dropped";
		if ((traced ? engine.process_any(frame(bytes), &trace) :
			      engine.process(frame(bytes))))
			ends[traced] = dsr::text(destination_of(view(bytes))) + ":" +
				       std::to_string(get16(bytes, bytes[0] >> 4 == 4 ? 22 : 42));
		CHECK(engine.counters().good_to_bad() == 0);
	}
	CHECK(ends[0] == ends[1]);
	return ends[0];
}

std::string error(const std::string &text)
{
	replay::Ruleset ruleset;

	try {
		replay::parse_rules(text, "f", ruleset);
	} catch (const Error &error) {
		return error.what();
	}
	return "";
}

// The expressions of rules in a chain of prerouting; @more: other objects.
std::string nft(const std::string &family, std::initializer_list<std::string> rules,
		const std::string &more = "")
{
	const std::string of = R"("family": ")" + family + R"(", "table": "t")";
	std::string text =
		R"({"nftables": [{"metainfo": {"json_schema_version": 1}},
{"table": {"family": ")" +
		family +
		R"(", "name": "t", "handle": 1}},
{"chain": {)" + of +
		R"(, "name": "p", "handle": 2, "type": "filter", "hook": "prerouting", "prio": -300, "policy": "accept"}},
{"chain": {)" + of +
		R"(, "name": "c", "handle": 3}},
{"set": {)" + of +
		R"(, "name": "ifs", "type": "ifname", "handle": 4, "elem": ["eth0", "eth1"]}},
{"map": {)" + of +
		R"(, "name": "v", "type": "dscp", "handle": 4, "map": "ipv4_addr", "elem": [[7, "10.0.0.1"], ["cs1", "10.0.0.2"]]}},
{"map": {)" + of +
		R"(, "name": "w", "type": ["ipv4_addr", "dscp"], "handle": 5, "map": "ipv4_addr", "elem": [[{"concat": ["10.128.9.31", 7]}, "10.0.0.1"]]}},
{"rule": {)" + of +
		R"(, "chain": "c", "handle": 6, "expr": [{"mangle": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "value": "10.0.0.9"}}]}})";
	int handle = 10;

	for (const std::string &rule : rules)
		text += ",\n{\"rule\": {" + of + R"(, "chain": "p", "handle": )" +
			std::to_string(handle++) + ", \"expr\": [" + rule + "]}}";
	return text + more + "]}";
}

// --- as nft 1.0.6 prints them

std::string payload(const std::string &protocol, const std::string &field)
{
	return R"({"payload": {"protocol": ")" + protocol + R"(", "field": ")" + field + "\"}}";
}

std::string match(const std::string &left, const std::string &right, const std::string &op = "==")
{
	return R"({"match": {"op": ")" + op + R"(", "left": )" + left + R"(, "right": )" + right +
	       "}}";
}

std::string set(const std::string &key, const std::string &value)
{
	return R"({"mangle": {"key": )" + key + R"(, "value": )" + value + "}}";
}

const std::string DSCP = payload("ip", "dscp"), DADDR = payload("ip", "daddr"),
		  DSCP7 = match(DSCP, "7"), TO1 = set(DADDR, "\"10.0.0.1\""),
		  COUNTER = R"({"counter": {"packets": 3, "bytes": 4}})",
		  IIFNAME = R"({"meta": {"key": "iifname"}})";

} // namespace

TEST_CASE("replay: rules of nftables")
{
	const char *const SAME = "10.128.9.31:80";
	const std::string shifted =
		R"({">>": [{"&": [{"payload": {"base": "nh", "offset": 8, "len": 8}}, 252]}, 2]})";
	auto map = [](const std::string &key, const std::string &data) {
		return set(DADDR, R"({"map": {"key": )" + key + R"(, "data": )" + data + "}}");
	};
	struct {
		std::string name, rule, end;
	} cases[] = {
		{"a DSCP", DSCP7 + "," + COUNTER + "," + TO1, "10.0.0.1:80"},
		{"another", match(DSCP, "\"cs1\"") + "," + TO1, SAME},
		{"all but one", match(DSCP, "8", "!=") + "," + TO1, "10.0.0.1:80"},
		{"a set", match(DSCP, R"({"set": [6, 7, "af11"]})") + "," + TO1, "10.0.0.1:80"},
		{"a set without it", match(DSCP, R"({"set": [6, "af11"]})") + "," + TO1, SAME},
		{"a range", match(DSCP, R"({"range": [6, 8]})") + "," + TO1, "10.0.0.1:80"},
		{"more than", match(DSCP, "7", ">") + "," + TO1, SAME},
		{"a map", map(DSCP, R"({"set": [[7, "10.0.0.7"], ["cs1", "10.0.0.8"]]})"),
		 "10.0.0.7:80"},
		{"too much for a DSCP", match(DSCP, "64") + R"(,{"accept": null})", SAME},
		{"a map without it", map(DSCP, R"({"set": [["cs1", "10.0.0.8"]]})"), SAME},
		{"a map for all others",
		 map(DSCP, R"({"set": [[8, "10.0.0.8"], ["*", "10.0.0.3"]]})"), "10.0.0.3:80"},
		{"a map with a name", map(shifted, "\"@v\""), "10.0.0.1:80"},
		{"two keys",
		 map(R"({"concat": [)" + DADDR + R"(, {">>": [)" + DSCP + ", 2]}]}", "\"@w\""),
		 "10.0.0.1:80"},
		{"an interface", match(IIFNAME, "\"eth0\"") + "," + TO1, "10.0.0.1:80"},
		{"interfaces", match(IIFNAME, "\"eth*\"") + "," + TO1, "10.0.0.1:80"},
		{"another interface", match(IIFNAME, "\"eth1\"") + "," + TO1, SAME},
		{"a set of interfaces", match(IIFNAME, "\"@ifs\"") + "," + TO1, "10.0.0.1:80"},
		{"a prefix",
		 match(DADDR, R"({"prefix": {"addr": "10.128.0.0", "len": 16}})") + "," + TO1,
		 "10.0.0.1:80"},
		{"a port",
		 match(payload("udp", "dport"), R"({"set": [79, {"range": [80, 81]}]})") + "," +
			 TO1,
		 "10.0.0.1:80"},
		{"a port of TCP", match(payload("tcp", "dport"), "80") + "," + TO1, SAME},
		{"protocols",
		 match(R"({"meta": {"key": "l4proto"}})", R"({"set": ["tcp", "udp"]})") + "," +
			 match(payload("th", "dport"), "80") + "," + TO1,
		 "10.0.0.1:80"},
		{"a new port", DSCP7 + "," + TO1 + "," + set(payload("udp", "dport"), "8080"),
		 "10.0.0.1:8080"},
		{"a new port of TCP",
		 DSCP7 + "," + TO1 + "," + set(payload("tcp", "dport"), "8080"), "10.0.0.1:80"},
		{"a jump", DSCP7 + R"(,{"jump": {"target": "c"}})", "10.0.0.9:80"},
		{"verdicts by DSCP",
		 R"({"vmap": {"key": )" + DSCP +
			 R"(, "data": {"set": [["cs1", {"drop": null}], [7, {"goto": {"target": "c"}}]]}}})",
		 "10.0.0.9:80"},
		{"drop", DSCP7 + R"(,{"drop": null})", "dropped"},
		{"bits of the header",
		 match(R"({"&": [{"payload": {"base": "nh", "offset": 8, "len": 8}}, 252]})",
		       "28") +
			 "," + TO1,
		 "10.0.0.1:80"},
		{"some bits of a DSCP, as nft prints them",
		 match(R"({"&": [)" + shifted + ", 6]}", "6") + "," + TO1, "10.0.0.1:80"},
		{"others", match(R"({"&": [)" + shifted + ", 6]}", "4") + "," + TO1, SAME},
		{"bits that the first mask leaves out",
		 match(R"({"&": [{"&": [{"payload": {"base": "nh", "offset": 0, "len": 8}}, 15]}, 255]})",
		       "5") +
			 "," + TO1,
		 "10.0.0.1:80"},
		{"past the end of the packet",
		 match(R"({"payload": {"base": "nh", "offset": 8000, "len": 8}})", "0") + "," + TO1,
		 SAME},
		{"of the other family", set(payload("ip6", "daddr"), "\"2001:db8::46\""), SAME},
		{"of this family", match(R"({"meta": {"key": "nfproto"}})", "\"ipv6\"") + "," + TO1,
		 SAME},
	};

	for (const auto &test : cases)
		for (const char *family : {"ip", "inet"}) {
			INFO(test.name << " in a table of " << family);
			CHECK(destination(nft(family, {test.rule}), ip4()) == test.end);
		}
	CHECK(destination(nft("inet", {set(payload("ip6", "daddr"), "\"2001:db8::46\"")}), ip6()) ==
	      "2001:db8::46:80");
	CHECK(destination(nft("ip", {R"({"accept": null})", TO1}), ip4()) == SAME);
	CHECK(destination(nft("ip", {match(IIFNAME, "\"lo\"") + R"(,{"accept": null})", TO1}),
			  ip4(), "") == "10.0.0.1:80");
	CHECK(destination(nft("ip", {match(IIFNAME, "\"@ifs\"") + R"(,{"accept": null})", TO1}),
			  ip4(), "") == "10.0.0.1:80");
}

TEST_CASE("replay: rules of nftables see the DSCP that one before them has set")
{
	const std::string DSCP6 = payload("ip6", "dscp"),
			  TO6 = set(payload("ip6", "daddr"), "\"2001:db8::46\"");

	CHECK(destination(nft("ip", {set(DSCP, "7"), match(DSCP, "8") + "," + TO1}), ip4()) ==
	      "10.128.9.31:80");
	CHECK(destination(nft("ip", {set(DSCP, "\"cs1\""), match(DSCP, "8") + "," + TO1}), ip4()) ==
	      "10.0.0.1:80");
	CHECK(destination(nft("inet", {set(DSCP6, "63"), match(DSCP6, "63") + "," + TO6}), ip6()) ==
	      "2001:db8::46:80");
	// what sets it otherwise
	for (const std::string &marks :
	     {R"({"limit": {"rate": 1}},)" + set(DSCP, "7"),
	      set(DSCP,
		  R"({"map": {"key": {"meta": {"key": "mark"}}, "data": {"set": [[1, 2]]}}})"),
	      set(R"({"payload": {"base": "nh", "offset": 8, "len": 8}})", "0")}) {
		replay::Ruleset ruleset;

		replay::parse_rules(nft("ip", {marks, DSCP7 + "," + TO1}), "f", ruleset);
		CHECK_THROWS_AS(Engine(ruleset, {}), Error);
	}
}

// As Linux does: a scenario in tests/vm sends packets through both.
TEST_CASE("replay: nftables changes the checksums that it knows")
{
	const std::string to4 = set(DADDR, "\"10.128.8.46\""),
			  to6 = set(payload("ip6", "daddr"), "\"2001:db8::46\"");
	auto without_checksum = [](const Header &ip) {
		Bytes bytes = good(ip);

		set16(bytes, 26, 0);
		return bytes;
	};
	Bytes after_ah(24);
	after_ah[0] = TCP;
	after_ah[1] = 4; // words, without the first two
	after_ah = after_ah + transport(ip6(TCP), TCP);
	struct {
		std::string name, rule;
		Bytes from, to;
		bool breaks = false; // a checksum that was right
	} cases[] = {
		{"TCP", to4, good(ip4(TCP)), good(to_vip(ip4(TCP)))},
		{"UDP", to4, good(ip4(UDP)), good(to_vip(ip4(UDP)))},
		{"UDP-Lite", to4, good(ip4(UDPLITE)), good(to_vip(ip4(UDPLITE)))},
		{"SCTP", to4, good(ip4(SCTP)), good(to_vip(ip4(SCTP)))},
		{"TCP of IPv6", to6, good(ip6(TCP)), good(to_vip(ip6(TCP)))},
		{"ICMPv6", to6, good(ip6(ICMP6)), good(to_vip(ip6(ICMP6)))},
		{"UDP without one", to4, without_checksum(ip4()), without_checksum(to_vip(ip4()))},
		{"not DCCP's", to4, good(ip4(DCCP)),
		 packet(to_vip(ip4(DCCP)), transport(ip4(DCCP), DCCP)), true},
		{"not in IPv6 after AH", to6, packet(ip6(AH), after_ah),
		 packet(to_vip(ip6(AH)), after_ah), true},
		{"a port of TCP", to4 + "," + set(payload("tcp", "dport"), "443"), good(ip4(TCP)),
		 good(to_port(to_vip(ip4(TCP))))},
	};

	for (const auto &test : cases) {
		replay::Ruleset ruleset;

		INFO(test.name);
		replay::parse_rules(nft("inet", {test.rule}), "f", ruleset);
		Run run(test.from, 0, ruleset);
		CHECK(run.bytes == test.to);
		CHECK(run.counters().good_to_bad() == test.breaks);
	}
}

TEST_CASE("replay: nftables sends 0xffff where a checksum becomes 0")
{
	Bytes bytes = good(ip4(TCP)), expected = good(to_vip(ip4(TCP)));
	const unsigned int check = get16(expected, 36);
	replay::Ruleset ruleset;

	// an urgent pointer that makes it so
	set16(bytes, 38, check);
	set16(expected, 38, check);
	set16(expected, 36, 0xffff);
	const unsigned int before = get16(bytes, 36) + 0xffff - check;
	set16(bytes, 36, (before & 0xffff) + (before >> 16));
	replay::parse_rules(nft("ip", {set(DADDR, "\"10.128.8.46\"")}), "f", ruleset);
	Run run(bytes, 0, ruleset);
	CHECK(run.bytes == expected);
	CHECK(run.after(Checksum::good) == 1);
}

TEST_CASE("replay: nftables, and packets that end before a checksum")
{
	const Bytes whole = good(ip4(TCP)), rewritten = good(to_vip(ip4(TCP)));
	replay::Ruleset ruleset;

	replay::parse_rules(nft("ip", {set(DADDR, "\"10.128.8.46\"")}), "f", ruleset);
	// the capture ends there: the address, and what is captured
	Run cut(cut_to(whole, 37), whole.size(), ruleset);
	Bytes expected = cut_to(rewritten, 37);
	std::copy_n(whole.begin() + 20, 17, expected.begin() + 20);
	CHECK(cut.bytes == expected);
	CHECK(cut.counters().cut.packets == 1);
	// the packet does: only the header's checksum, as that is first
	const Bytes from = packet(ip4(TCP), Bytes(17));
	Run ends(from, 0, ruleset);
	expected = from;
	set16(expected, 10, get16(packet(to_vip(ip4(TCP)), Bytes(17)), 10));
	CHECK(ends.bytes == expected);
}

TEST_CASE("replay: a packet without the header that nftables look for is in no rule")
{
	Bytes bytes(40);
	replay::Ruleset ruleset;

	bytes[0] = 0x60;
	bytes[6] = 60; // destination options, which are not there
	replay::parse_rules(nft("inet", {match(R"({"meta": {"key": "l4proto"}})", "\"tcp\"") +
					 R"(,{"drop": null})"}),
			    "f", ruleset);
	Engine engine(ruleset, {}, "eth0");
	CHECK(engine.process(frame(bytes)));
	CHECK(engine.counters().dropped_why[index_of(Drop::rule)].packets == 0);
}

TEST_CASE("replay: what is not understood of nftables, and what is no ruleset")
{
	struct {
		std::string text, error;
	} cases[] = {
		{"{", "f: found "},
		{"{}", "f: found "},
		{R"({"nftables": [{"rule": {}}, {"table": {"family": "ip", "name": "t"}}]})",
		 "f: found "},
		{nft("ip", {R"({"limit": {"rate": 1}},)" + TO1}),
		 "f: rule with handle 10 of the chain ip t p: found \"limit\", expected matches on interfaces"},
		{nft("ip", {R"({"fib": {}},{"jump": {"target": "c"}})"}),
		 "f: rule with handle 10 of the chain ip t p: found \"fib\""},
		{nft("ip", {TO1 + "," + set(payload("ip", "ttl"), "9")}),
		 "f: rule with handle 10 of the chain ip t p: found \"ip ttl set\""},
		{nft("ip", {TO1 + "," + set(DSCP, "64")}),
		 "f: rule with handle 10 of the chain ip t p: found \"dscp set 64\""},
		{nft("ip", {TO1 + "," + set(payload("sctp", "dport"), "81")}),
		 "f: rule with handle 10 of the chain ip t p: found \"sctp dport set 81\""},
		{nft("ip", {match(R"({"&": [)" + DSCP + ", 6]}", "6") + "," + TO1}),
		 "f: rule with handle 10 of the chain ip t p: found \"&\""},
		{nft("ip", {match(R"({">>": [)" + DSCP + ", 3]}", "0") + "," + TO1}),
		 "f: rule with handle 10 of the chain ip t p: found \">>\""},
		{nft("ip", {R"({"xt": {"type": "target", "name": "DADDR"}})"}),
		 "f: rule with handle 10 of the chain ip t p: found a rule of iptables with the target DADDR, expected it as iptables-save prints it"},
	};
	replay::Ruleset ruleset;

	for (const auto &test : cases) {
		INFO(test.text << error(test.text));
		CHECK(error(test.text).starts_with(test.error));
		CHECK(error(test.text).find(", expected ") != std::string::npos);
	}
	// of a firewall, it is no matter
	replay::parse_rules(
		nft("ip", {R"({"limit": {"rate": 1}},{"drop": null})", DSCP7 + "," + TO1}), "f",
		ruleset);
	REQUIRE(ruleset.notes.size() == 1);
	CHECK(ruleset.notes[0] == "f: 1 rule of nftables on the way not applied");
}

TEST_CASE("replay: a rule of nftables for what is neither IPv4 nor IPv6")
{
	auto rule = [](const std::string &op, const std::string &to) {
		return match(R"({"meta": {"key": "protocol"}})", "\"arp\"", op) + "," + to;
	};
	const std::string to6 = set(payload("ip6", "daddr"), "\"2001:db8::46\"");
	const std::string same4 = destination(nft("inet", {}), ip4()),
			  same6 = destination(nft("inet", {}), ip6());

	CHECK(destination(nft("inet", {rule("==", TO1)}), ip4()) == same4);
	CHECK(destination(nft("inet", {rule("==", to6)}), ip6()) == same6);
	CHECK(destination(nft("inet", {rule("!=", TO1)}), ip4()) != same4);
	CHECK(destination(nft("inet", {rule("!=", to6)}), ip6()) != same6);
}

TEST_CASE("replay: a table of nftables that is dormant does nothing")
{
	const char *const SAME = "10.128.9.31:80";
	// "flags" as nft prints them: 1.1.3, 1.1.7, and all of them where there are two
	auto with = [](const std::string &flags) {
		const std::string plain = R"("name": "t", "handle": 1)";
		std::string text = nft("inet", {DSCP7 + "," + TO1});

		return text.replace(text.find(plain), plain.size(),
				    plain + ", \"flags\": " + flags);
	};

	for (const char *flags : {R"("dormant")", R"(["dormant"])", R"(["dormant", "owner"])"}) {
		replay::Ruleset ruleset;

		INFO(flags);
		CHECK(destination(with(flags), ip4()) == SAME);
		replay::parse_rules(with(flags), "f", ruleset);
		CHECK(ruleset.empty());
		CHECK(ruleset.notes ==
		      std::vector<std::string>{
			      "f: the table \"t\" is dormant: nothing of it is applied"});
	}
	for (const char *flags : {"\"owner\"", R"(["owner", "persist"])", "[]"})
		CHECK(destination(with(flags), ip4()) == "10.0.0.1:80");

	// 0.9.8 and 1.0.6, where a table is dormant: what is in freed memory, or
	// nothing more
	CHECK(error(with("\"raw\"")) ==
	      "f: found the flag \"raw\" of the table inet t, expected \"dormant\", \"owner\" or \"persist\": nft before 1.1 prints a wrong one; write that which nft list table inet t shows");
	const std::string cut = with("\n");
	CHECK(error(cut.substr(0, cut.find("\"flags\": ") + 10))
		      .starts_with(
			      "f: found the end of the text after the \"flags\" of a table, expected a whole ruleset"));
	CHECK(error(with("7")).starts_with("f: found the flag 7 of the table inet t, expected "));
}

TEST_CASE("replay: values of dscp_rewrite")
{
	const std::string values = "# sysctl net.ipv4.dscp_rewrite net.ipv6.dscp_rewrite\n"
				   "net.ipv4.dscp_rewrite.6 = \n"
				   "net.ipv4.dscp_rewrite.7 = 10.0.0.7 10.0.0.1@10.128.9.31\n"
				   "net.ipv4.dscp_rewrite.8=10.0.0.8@10.9.9.9\n"
				   "net.ipv4.dscp_rewrite.enabled = 1\n"
				   "net.ipv6.dscp_rewrite.7 = 2001:db8::46\n"
				   "net.ipv4.ip_forward = 1\n";
	Header ip = ip4();

	CHECK(destination(values, ip) == "10.0.0.1:80");
	CHECK(destination(values, ip6()) == "2001:db8::46:80");
	ip.destination = "10.128.9.30";
	CHECK(destination(values, ip) == "10.0.0.7:80");
	ip.dscp = 8;
	CHECK(destination(values, ip) == "10.128.9.30:80");
	ip.dscp = 6;
	CHECK(destination(values, ip) == "10.128.9.30:80");
	CHECK(destination(values + "net.ipv4.dscp_rewrite.enabled = 0\n", ip4()) ==
	      "10.128.9.31:80");
	// the last one holds, and 0.0.0.0 is none
	CHECK(destination(values + "net.ipv4.dscp_rewrite.7 = 0.0.0.0\n", ip4()) ==
	      "10.128.9.31:80");

	struct {
		std::string line, error;
	} cases[] = {
		{"net.ipv4.dscp_rewrite.7", "\"net.ipv4.dscp_rewrite.7\", expected NAME = VALUE"},
		{"net.ipv4.dscp_rewrite.64 = 10.0.0.1", "\"64\", expected a DSCP from 1 to 63"},
		{"net.ipv4.dscp_rewrite.0 = 10.0.0.1", "\"0\", expected a DSCP"},
		{"net.ipv4.dscp_rewrite.x = 10.0.0.1", "\"x\", expected a DSCP"},
		{"net.ipv4.dscp_rewrite.7 = vip", "\"vip\", expected VIP or VIP@RIP, of IPv4"},
		{"net.ipv4.dscp_rewrite.7 = ::1", "\"::1\", expected VIP or VIP@RIP, of IPv4"},
		{"net.ipv6.dscp_rewrite.7 = ::1@10.0.0.1", "\"::1@10.0.0.1\", expected VIP"},
		{"net.ipv4.dscp_rewrite.7 = 224.0.0.1", "a multicast address \"224.0.0.1\""},
		{"net.ipv4.dscp_rewrite.enabled = yes", "\"yes\", expected 0 or 1"},
	};
	for (const auto &test : cases) {
		const std::string found = error("# a comment\n" + test.line + "\n");

		INFO(test.line << found);
		CHECK(found.starts_with("f:2: found " + test.error));
	}
}
