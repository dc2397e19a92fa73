// SPDX-License-Identifier: BSD-3-Clause
// dsrctl doctor: the configuration and the rules.
#include <nlohmann/json.hpp>

#include "common/process.hpp"
#include "common/rule_steps.hpp"
#include "doctor_world.hpp"
#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/doctor/report.hpp"
#include "dsrctl/nftables.hpp"

using namespace dsr_test;
using namespace std::string_literals;

namespace {

const char MANGLE[] = "mangle PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n"
		      "raw PREROUTING -j DADDR --dscp-map 9=10.0.0.8\n";
const char INVALID[] = "filter OUTPUT -m conntrack --ctstate INVALID -j DROP\n";

Facts with_rules(const std::string &rules)
{
	Facts facts = healthy();

	std::erase_if(facts.rewrites,
		      [](const Rewrite &rewrite) { return rewrite.family == Family::ip4; });
	std::erase_if(facts.ruleset.tables,
		      [](const nf::Table &table) { return table.family == "ip"; });
	add_rules(facts, rules);
	return facts;
}

std::string ruleset(const std::string &family, const std::string &expressions)
{
	return R"({"nftables": [{"metainfo": {"version": "1.0.6"}},
		{"table": {"family": "inet", "name": "guard"}},
		{"rule": {"family": ")" +
	       family + R"(", "table": "guard",
			"chain": "output", "handle": 9, "expr": )" +
	       expressions + "}}]}";
}

Firewall of_nft(const std::string &expressions, const std::string &family = "inet")
{
	Firewall firewall;

	add_ruleset(firewall, ruleset(family, expressions));
	return firewall;
}

} // namespace

TEST_CASE("doctor: nothing is wrong with a healthy host")
{
	CHECK(examine(healthy()).size() == 1);
	CHECK(ids(examine(healthy())) == "note: echo-dscp");
}

TEST_CASE("doctor: a host without anything, and an error in a file")
{
	Facts facts;

	CHECK(ids(check_configuration(facts)) == "warning: nothing-configured");
	facts.config = parse("10.0.0.7=77\n10.0.0.8=9\n10.0.0.8=9\n");
	CHECK(ids(check_configuration(facts)) == "error: configuration, warning: configuration");
	CHECK(has(check_configuration(facts)[0].found, "f:1: found \"77\""));
	CHECK(check_configuration(healthy()).empty());

	// a rule is something to look at, too
	facts.config = {};
	facts.rewrites = healthy().rewrites;
	CHECK(check_configuration(facts).empty());
}

TEST_CASE("doctor: a VIP that no rule leads to")
{
	Facts facts = with_rules("raw PREROUTING -j DADDR --dscp-map 9=10.0.0.8");
	Finding finding = only(check_rules(facts));

	CHECK(finding.id == "rule-missing");
	CHECK(finding.severity == Severity::error);
	CHECK(finding.found ==
	      "there is no rule for DSCP 7 (TOS 28, 0x1c, 000111b) to 10.0.0.7 (/etc/dsr.d/f.conf:1)");
	CHECK(command_lines(finding) == std::vector<std::string>{"dsrctl start"});
	CHECK(finding.safe);
	facts.from = {"-d", "/x"};
	CHECK(command_lines(only(check_rules(facts)))[0] == "dsrctl -d /x start");
	facts.rules_known = false;
	CHECK(check_rules(facts).empty());
	facts.rules_known = true;

	// whatever else a rule matches, it leads there
	add_rules(
		facts,
		"raw PREROUTING -i eth0 -m dscp --dscp 0x07 -m comment --comment \"a b\" -j DADDR --set-daddr 10.0.0.7");
	CHECK(ids(check_rules(facts)) == "note: rule-narrow");
	CHECK(has(check_rules(facts)[0].found, "the rule \"-t raw -A PREROUTING -i eth0 -m dscp"));
	CHECK(facts.rewrites.back().matches == "-i eth0 -m comment --comment \"a b\"");

	// but not one for all other packets, nor one of what is sent
	facts = with_rules("raw PREROUTING -j DADDR --dscp-map 8=10.0.0.8");
	add_rules(facts, "raw PREROUTING -m dscp ! --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n"
			 "mangle OUTPUT -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n");
	CHECK(ids(check_rules(facts)) == "error: rule-missing, error: dscp-two-owners");
	CHECK(check_rules(facts)[0].found ==
	      "there is no rule for DSCP 7 (TOS 28, 0x1c, 000111b) to 10.0.0.7 (/etc/dsr.d/f.conf:1)");
	CHECK(check_rules(facts)[1].found ==
	      "DSCP 9 (TOS 36, 0x24, 001001b) leads to 10.0.0.7 (the rule \"-t raw -A PREROUTING -m dscp ! --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\"), but belongs to 10.0.0.8 (/etc/dsr.d/f.conf:2)");

	facts = healthy();
	remove_rules(facts);
	facts.ip6 = false;
	CHECK(check_rules(facts).size() == 2);
}

TEST_CASE("doctor: where the packets of a DSCP end up")
{
	const std::string seven = "-m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n";
	const std::string nine =
		"raw PREROUTING -m dscp --dscp 0x09 -j DADDR --set-daddr 10.0.0.8\n";
	auto found = [&](const std::string &rules) {
		return only(check_rules(with_rules(nine + rules)));
	};

	CHECK(found("raw PREROUTING -p tcp -j ACCEPT\nraw PREROUTING " + seven).id ==
	      "rule-narrow");
	CHECK(found("raw PREROUTING -j ACCEPT\nmangle PREROUTING -j ACCEPT\nmangle PREROUTING " +
		    seven)
		      .found ==
	      "no packet of DSCP 7 (TOS 28, 0x1c, 000111b) comes to the rule \"-t mangle -A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\", which leads to 10.0.0.7 (/etc/dsr.d/f.conf:1)");
	CHECK(found("raw PREROUTING -m dscp --dscp 0x07 -j DROP\nraw PREROUTING " + seven).id ==
	      "dscp-dropped");
	CHECK(check_rules(with_rules(nine + "raw PREROUTING " + seven +
				     "filter INPUT -p tcp -j DROP\n"))
		      .empty());

	// they match different things, and the second all of them: check_owners()
	// does not see that
	const Facts two = with_rules(
		nine + "raw PREROUTING -i eth0 " + seven +
		"raw PREROUTING -m comment --comment all -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.9\n");
	CHECK(check_owners(two).empty());
	CHECK(ids(check_rules(two)) == "error: dscp-two-owners");

	// who names an address is not for the VIP on another interface
	Facts facts = with_rules(nine + "raw PREROUTING -d 192.0.2.31/32 " + seven);
	CHECK(ids(check_rules(facts)) == "note: rule-narrow");
	std::erase_if(facts.addresses,
		      [](const Address &address) { return address.dev == "eth1"; });
	CHECK(check_rules(facts).empty());
	facts.addresses.push_back(on("eth1", "10.0.0.7", 32));
	CHECK(check_rules(facts).empty());
}

TEST_CASE("doctor: a VIP with a port")
{
	const std::string map = "raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.8\n";
	const std::string port =
		"-m dscp --dscp 0x0a -j DADDR --set-daddr 10.0.0.9 --set-dport 80\n";
	Facts facts = with_rules(map + "raw PREROUTING -p tcp -m tcp --dport 8080 " + port);
	auto found = [&](const std::string &line) {
		facts.config = parse(line, "f");
		return check_rules(facts);
	};

	CHECK(found("10.0.0.9:80=10 tcp 8080\n").empty());
	CHECK(found("10.0.0.9:80=10 tcp 8080 to 192.0.2.31\n").empty());
	CHECK(ids(found("10.0.0.9:81=10 tcp 8080\n")) == "error: dscp-two-owners");
	CHECK(ids(found("10.0.0.9:80=10 tcp 8081\n")) == "error: rule-missing");
	CHECK(ids(found("10.0.0.9:80=10 udp 8080\n")) == "error: rule-missing");
	CHECK(ids(found("10.0.0.9=10\n")) == "note: rule-narrow");
	CHECK(ids(found("10.0.0.7:80=7 tcp 8080\n")) == "error: dscp-two-owners");
}

TEST_CASE("doctor: a DSCP with two owners")
{
	const std::string first = "raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.8\n";
	const std::string second =
		"mangle PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.8\n";
	Facts facts = with_rules(first + second + second);
	Finding finding = only(check_owners(facts));

	CHECK(finding.id == "dscp-two-owners");
	CHECK(finding.found ==
	      "DSCP 7 (TOS 28, 0x1c, 000111b) leads to 10.0.0.7 (\"iptables -t raw -A PREROUTING -j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.8\") and to 10.0.0.8 (\"iptables -t mangle -A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.8\")");
	CHECK_FALSE(finding.safe);

	// copies of a rule, and rules for different packets, get along
	CHECK(check_owners(with_rules(first + first)).empty());
	CHECK(check_owners(
		      with_rules(
			      "raw PREROUTING -i eth0 -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n"
			      "raw PREROUTING -i eth1 -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.8\n"))
		      .empty());
	CHECK(check_owners(
		      with_rules(
			      "raw PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n"
			      "raw PREROUTING -i eth1 -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.8\n"))
		      .size() == 1);
	CHECK(check_owners(healthy()).empty()); // of two families
}

TEST_CASE("doctor: a mix of variants")
{
	Facts facts = healthy();

	CHECK(check_variants(facts).empty());
	add_rules(facts, "raw PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7",
		  Family::ip4, Store::other);
	Finding finding = only(check_variants(facts));
	CHECK(finding.id == "variant-mix");
	CHECK(has(finding.found, "\"iptables-legacy -t raw -A PREROUTING"));
	CHECK(has(finding.found, "this system's iptables is iptables-nft"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{
		      "iptables -t raw -A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7",
		      "iptables-legacy -t raw -D PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7"});

	// which the system's own variant has already
	add_rules(facts, "raw PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7");
	CHECK(command_lines(only(check_variants(facts))) ==
	      std::vector<std::string>{
		      "iptables-legacy -t raw -D PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7"});
}

TEST_CASE("doctor: a rule in mangle while connections are tracked")
{
	Facts facts = with_rules(MANGLE);

	CHECK(check_conntrack(facts).empty());
	facts.tracked = 5;
	Finding finding = only(check_conntrack(facts));
	CHECK(finding.id == "mangle-conntrack");
	CHECK(finding.severity == Severity::warning);
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{
		      "iptables -t raw -A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7",
		      "iptables -t mangle -D PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7"});
	CHECK_FALSE(finding.safe);

	// no connection yet, but rules that track them
	for (const char *rule : {"filter INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n",
				 "filter INPUT -m state --state NEW -j ACCEPT\n",
				 "filter INPUT -m connlimit --connlimit-above 3 -j DROP\n",
				 "nat POSTROUTING -o eth0 -j MASQUERADE\n",
				 "raw PREROUTING -p tcp -j CT --helper ftp\n"}) {
		INFO(rule);
		CHECK(ids(check_conntrack(with_rules(std::string(MANGLE) + rule))) ==
		      "warning: mangle-conntrack");
	}
	for (const char *rule :
	     {"filter INPUT -p tcp -j DROP\n", "raw PREROUTING -j CT --notrack\n"}) {
		INFO(rule);
		CHECK(check_conntrack(with_rules(std::string(MANGLE) + rule)).empty());
	}
}

TEST_CASE("doctor: answers that are dropped because they are invalid")
{
	for (const char *rule :
	     {INVALID, "filter INPUT -m state --state INVALID -j DROP\n",
	      "filter two -m conntrack --ctstate INVALID -j DROP\nfilter one -g two\nfilter INPUT -j one\n",
	      "filter OUTPUT -m conntrack --ctstate NEW,INVALID -j REJECT --reject-with icmp-port-unreachable\n"}) {
		INFO(rule);
		Finding finding = only(check_conntrack(with_rules(std::string(MANGLE) + rule)));

		CHECK(finding.id == "invalid-drop");
		CHECK(finding.severity == Severity::error);
		CHECK(has(finding.found, "rule \"-t filter -A "));
		CHECK(command_lines(finding).size() == 2);
	}
	for (const char *rule :
	     {"filter INPUT -m conntrack ! --ctstate INVALID -j DROP\n",
	      "filter INPUT -m conntrack --ctstate INVALID -j LOG\n",
	      "filter FORWARD -m conntrack --ctstate INVALID -j DROP\n",
	      "filter FORWARD -j guard\nfilter guard -m conntrack --ctstate INVALID -j DROP\n",
	      "filter INPUT -m conntrack --ctstate NEW -j DROP\n"}) {
		INFO(rule);
		CHECK(ids(check_conntrack(with_rules(std::string(MANGLE) + rule))) ==
		      "warning: mangle-conntrack");
	}

	// in raw, nothing is invalid; nor is anything of the other family
	Facts facts = healthy();
	add_rules(facts, INVALID);
	CHECK(found(facts) == "");
	facts = with_rules(MANGLE);
	add_rules(facts, INVALID, Family::ip6);
	CHECK(found(facts) == "");
}

TEST_CASE("doctor: dsrctl's own rules of nftables, in mangle")
{
	Facts facts = healthy();
	Rule rule;

	rule.store = Store::nft;
	rule.family = Family::ip4;
	rule.table = dsr::Table::mangle;
	rule.items = {{7, ip("10.0.0.7")}};
	add_own(facts, {rule});
	facts.tracks[0] = true;
	Finding finding = only(check_conntrack(facts));
	CHECK(command_lines(finding) == std::vector<std::string>{"dsrctl --table raw reload"});
}

TEST_CASE("doctor: a DSCP that others mark packets with")
{
	Facts facts = healthy();

	facts.config = parse("10.0.0.7=18\n10.0.0.8=46\n10.0.0.9=46 to 192.0.2.31\n10.0.0.10=19\n");
	facts.rewrites.clear();
	Findings findings = check_others(facts);
	REQUIRE(findings.size() == 2);
	CHECK(findings[0].id == "dscp-of-others");
	CHECK(findings[0].found ==
	      "DSCP 18 (TOS 72, 0x48, 010010b) stands for 10.0.0.7, and OpenSSH itself marks sessions with it");
	CHECK(findings[1].found ==
	      "DSCP 46 (TOS 184, 0xb8, 101110b) stands for 10.0.0.8, and voice, ntpd and newer OpenSSH use it");
}

TEST_CASE("doctor: VIPs of dscp_rewrite for packets to one address")
{
	Facts facts = healthy();

	facts.config = parse("10.0.0.7=7\n10.0.0.8=9 to 192.0.2.31\n10.0.0.10=10\n");
	remove_rules(facts);
	add_own(facts,
		dsr::rewrite::parse_counters("ipv4 7 * 10.0.0.7 0 0\nipv4 10 * 10.0.0.10 0 0\n"
					     "ipv4 9 192.0.2.31 10.0.0.8 0 0\n"));
	CHECK(check_rules(facts).empty());
	CHECK(check_router(facts).empty());
	facts.forwards[0] = true;
	CHECK(only(check_router(facts)).found ==
	      "this host forwards IPv4, and marked packets to any destination are rewritten by net.ipv4.dscp_rewrite.7 = 10.0.0.7 and net.ipv4.dscp_rewrite.10 = 10.0.0.10");
	facts.config = parse("10.0.0.8=9 to 192.0.2.32\n");
	CHECK(only(check_rules(facts)).found ==
	      "there is no rule for DSCP 9 (TOS 36, 0x24, 001001b) to 10.0.0.8 to 192.0.2.32 (f:1)");
}

TEST_CASE("doctor: VIPs of dscp_rewrite")
{
	Facts facts = healthy();

	remove_rules(facts);
	std::vector<Rule> rules = dsr::rewrite::parse_counters(
		"ipv4 7 * 10.0.0.7 0 0\nipv4 9 * 10.0.0.8 0 0\n"
		"ipv6 7 * 2001:db8::7 0 0\n");
	add_own(facts, rules);
	CHECK(found(facts) == "");

	// another's, for packets to another address, and for all
	add_own(facts, dsr::rewrite::parse_counters("ipv4 7 192.0.2.1 10.0.0.9 0 0\n"));
	CHECK(check_owners(facts).empty());
	facts.rewrites.pop_back();
	add_rules(facts, "raw PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.9");
	CHECK(has(only(check_owners(facts)).found,
		  "leads to 10.0.0.7 (net.ipv4.dscp_rewrite.7) and to 10.0.0.9 ("));

	for (Rule &rule : rules)
		rule.active = rule.family == Family::ip6;
	remove_rules(facts);
	add_own(facts, rules);
	Finding finding = only(check_rewrite_off(facts));
	CHECK(has(finding.found, "net.ipv4.dscp_rewrite.enabled is 0"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"sysctl -w net.ipv4.dscp_rewrite.enabled=1"});
	CHECK(finding.safe);
}

TEST_CASE("doctor: a table that is dormant")
{
	auto with_dormant = [](const std::string &lines) {
		Facts facts = healthy(), other;

		remove_rules(facts);
		add_rules(facts,
			  "raw PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::7",
			  Family::ip6);
		add_rules(other, lines);
		for (nf::Table &table : other.ruleset.tables)
			table.dormant = true;
		add_tables(facts, other.ruleset.tables);
		add_dormant(facts);
		return facts;
	};
	Facts facts = with_dormant(
		"raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7\n"
		"raw PREROUTING -m dscp --dscp 0x09 -j DADDR --set-daddr 10.0.0.8");
	Finding finding = only(check_dormant(facts));

	CHECK(finding.severity == Severity::error);
	CHECK(finding.found ==
	      "the table ip raw of nftables is dormant, and 2 rules in it that set a destination or a DSCP do nothing");
	CHECK(finding.why ==
	      "packets that are marked for 10.0.0.7 and 10.0.0.8 keep the server's own address");
	CHECK(command_lines(finding) == std::vector<std::string>{"nft add table ip raw"});
	CHECK(has(finding.keep, "nft delete table ip raw"));
	CHECK_FALSE(finding.safe);
	CHECK(found(facts) == "error: table-dormant");
	CHECK(needs_module(facts));

	// where another rule leads there, it is only odd
	add_rules(facts, "mangle PREROUTING -j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.8");
	finding = only(check_dormant(facts));
	CHECK(finding.severity == Severity::warning);
	CHECK(finding.fix.size() == 1);

	// a VIP that it does not lead to has no rule all the same
	facts = with_dormant("raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7");
	CHECK(has(only(check_rules(facts)).found, "there is no rule for DSCP 9"));

	// DSCPs of answers; and nothing of ours
	facts = with_dormant("mangle OUTPUT -s 10.0.0.7/32 -j DSCP --set-dscp 0x00");
	finding = only(check_dormant(facts));
	CHECK(finding.severity == Severity::warning);
	CHECK(has(finding.found, "the table ip mangle of nftables is dormant, and 1 rule in it "));
	CHECK(check_dormant(with_dormant("filter INPUT -p tcp -j DROP")).empty());
}

TEST_CASE("doctor: dsrctl's table of nftables, while it is dormant")
{
	Facts facts = healthy();
	nf::Table table{nf::Table::Owner::nf_tables, "inet", nft::TABLE, {}, {}, true};
	nf::Rule rule;

	remove_rules(facts);
	facts.config = parse("10.0.0.7=7\n");
	facts.module.loaded = false;
	nf::add_dscp_test(rule, Family::ip4, 7);
	rule.steps.push_back(nf::Constant{0, {10, 0, 0, 7}});
	rule.steps.push_back(nf::Write{nf::Header::network, 16, 4, 0});
	table.chains["raw"] = {nf::Base{nf::Hook::prerouting, -300, {}, false}, {rule}};
	add_tables(facts, {table});
	add_dormant(facts);
	CHECK_FALSE(needs_module(facts));
	CHECK(check_rules(facts).empty());
	CHECK(check_rewrite_off(facts).empty());
	const Finding finding = only(check_dormant(facts));
	CHECK(finding.severity == Severity::error);
	CHECK(finding.safe);
	CHECK(command_lines(finding) == std::vector<std::string>{"nft add table inet dsrctl"});
}

TEST_CASE("doctor: rules of nftables that track and that drop")
{
	const std::string state = R"({"ct": {"key": "state"}})";
	const std::string drop = R"({"drop": null})";
	auto match = [&](const std::string &op, const std::string &right) {
		return R"({"match": {"op": ")" + op + R"(", "left": )" + state + R"(, "right": )" +
		       right + "}}";
	};

	for (const std::string &rule :
	     {match("in", "\"invalid\"") + R"(, {"counter": null}, )" + drop,
	      match("==", "\"invalid\"") + R"(, {"reject": {"type": "tcp reset"}})",
	      match("in", R"(["invalid", "untracked"])") + ", " + drop,
	      match("==", R"({"set": ["new", "invalid"]})") + ", " + drop,
	      R"({"vmap": {"key": )" + state +
		      R"(, "data": {"set": [["established", {"accept": null}], ["invalid", {"drop": null}]]}}})"}) {
		INFO(rule);
		Firewall firewall = of_nft("[" + rule + "]");

		CHECK(firewall.drops ==
		      std::vector<Drop>{
			      {Family::ip4,
			       "rule with handle 9 of the nftables chain inet guard output"},
			      {Family::ip6,
			       "rule with handle 9 of the nftables chain inet guard output"}});
		CHECK(firewall.tracks[0]);
		CHECK(of_nft("[" + rule + "]", "ip").drops.size() == 1);
		CHECK(of_nft("[" + rule + "]", "bridge").drops.empty());
	}
	for (const std::string &rule :
	     {match("!=", "\"invalid\"") + ", " + drop,
	      match("in", "\"invalid\"") + R"(, {"accept": null})",
	      match("in", "\"new\"") + ", " + drop, drop + ", " + match("in", "\"invalid\""),
	      R"({"vmap": {"key": )" + state +
		      R"(, "data": {"set": [["new", {"drop": null}], ["invalid", {"accept": null}]]}}})",
	      R"({"vmap": {"key": )" + state + R"(, "data": "@named"}})"}) {
		INFO(rule);
		CHECK(of_nft("[" + rule + "]").drops.empty());
		CHECK(of_nft("[" + rule + "]").tracks[1]);
	}
	// what is only forwarded
	Firewall forward;
	add_ruleset(
		forward,
		R"({"nftables": [{"chain": {"family": "inet", "table": "guard", "name": "output", "hook": "forward"}},)" +
			ruleset("inet", "[" + match("in", "\"invalid\"") + ", " + drop + "]")
				.substr(R"({"nftables": [)"s.size()));
	CHECK(forward.drops.empty());
	CHECK(forward.tracks[0]);

	CHECK_FALSE(of_nft(R"([{"xt": null}, {"notrack": null}])").tracks[0]);
	CHECK(of_nft(R"([{"masquerade": null}])", "ip").tracks[0]);
	CHECK_FALSE(of_nft(R"([{"masquerade": null}])", "ip").tracks[1]);

	Firewall firewall;
	CHECK_THROWS_AS(add_ruleset(firewall, "{"), Error);
	CHECK_THROWS_AS(add_ruleset(firewall, "{}"), Error);
}

TEST_CASE("doctor: what nft prints and nobody can read")
{
	Facts facts;

	CHECK(check_unread(facts).empty());
	facts.unread = {"nft -j list table inet held prints no complete JSON"};
	const Finding finding = only(check_unread(facts));
	CHECK(finding.severity == Severity::warning);
	CHECK(finding.id == "rules-unread");
	CHECK(finding.found ==
	      "doctor cannot read all rules of nftables: nft -j list table inet held prints no complete JSON");
}

TEST_CASE("doctor: a router that rewrites what it forwards")
{
	Facts facts = healthy();

	facts.forwards[1] = true;
	Finding finding = only(check_router(facts));
	CHECK(finding.id == "rule-on-router");
	CHECK(has(finding.found, "\"ip6tables -t raw "));
	facts.rewrites.back().matches = "-i eth0";
	CHECK(check_router(facts).empty());
}

TEST_CASE("doctor: what clients get to see of the DSCP")
{
	const char *const of_ip4 = "mangle OUTPUT -s 10.0.0.0/24 -j DSCP --set-dscp 0x00";
	Facts facts = healthy();

	CHECK(ids(check_answers(facts)) == "note: echo-dscp");
	CHECK(command_lines(check_answers(facts)[0]) ==
	      std::vector<std::string>{
		      "iptables -t mangle -A OUTPUT -s 10.0.0.7 -j DSCP --set-dscp 0",
		      "iptables -t mangle -A OUTPUT -s 10.0.0.8 -j DSCP --set-dscp 0",
		      "ip6tables -t mangle -A OUTPUT -s 2001:db8::7 -j DSCP --set-dscp 0"});
	facts.tcp_reflect_tos = true;
	CHECK(ids(check_answers(facts)) == "warning: tcp-reflect-tos, note: echo-dscp");
	CHECK(check_answers(facts)[0].safe);
	CHECK(command_lines(check_answers(facts)[0])[0] == "sysctl -w net.ipv4.tcp_reflect_tos=0");

	// cleared on the way out, of one family and of both
	add_rules(facts, of_ip4);
	CHECK(command_lines(check_answers(facts)[1]).size() == 1);
	add_rules(facts, "mangle POSTROUTING -j DSCP --set-dscp 0x00", Family::ip6);
	CHECK(check_answers(facts).empty());
	for (const char *rule : {"mangle OUTPUT -p icmp -j DSCP --set-dscp 0x00",
				 "mangle OUTPUT -j DSCP --set-dscp 0x01"})
		CHECK_FALSE(with_rules(rule).resets_dscp[0]);
	CHECK(of_nft(R"([{"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": "cs0"}}])",
		     "ip")
		      .resets_dscp[0]);
	CHECK_FALSE(
		of_nft(R"([{"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": "cs1"}}])",
		       "ip")
			.resets_dscp[0]);

	// without a DSCP, there is none to see
	facts = healthy();
	facts.config = parse("10.0.0.9\n");
	facts.rewrites.clear();
	facts.tcp_reflect_tos = true;
	CHECK(check_answers(facts).empty());
}

TEST_CASE("doctor: the files of two servers, as dsrctl fleet compares them")
{
	auto compared = [](const std::string &a, const std::string &b) {
		return compare(parse(a, "a"), parse(b, "b"), "/b");
	};

	CHECK(compared("10.0.0.7=7\n10.0.0.9\n", "10.0.0.9\n10.0.0.7=0x7 dev eth1\n").empty());
	CHECK(only(compared("10.0.0.7=7\n", "10.0.0.7=AF11\n")).found ==
	      "a:1 has 10.0.0.7 = 7 and b:1 has 10.0.0.7 = AF11");
	CHECK(only(compared("10.0.0.7=7\n10.0.0.7=9\n", "10.0.0.7=7\n")).severity ==
	      Severity::error);
	// other VIPs, and other VIPs for a DSCP, are those of other pools
	CHECK(exit_status(compared("10.0.0.7=7\n", "10.0.0.8=7\n")) == 0);
	CHECK(ids(compared("10.0.0.7=7\n10.0.0.8=9\n", "10.0.0.7=7\n")) == "note: not-on-all");
	CHECK(ids(compared("10.0.0.7=7\n", "10.0.0.7=7\nx y\n")) == "error: configuration");
}

TEST_CASE("doctor: words as the shell reads them")
{
	const std::vector<std::string> words{"it's", "$(x)", "", "a \\\"b", "`y`"};

	CHECK(shell_line({"-d", "/etc/dsr.d"}) == "-d /etc/dsr.d");
	CHECK(shell_line({"!", "-i", "a b"}) == "! -i \"a b\"");
	CHECK(shell_line(words) == R"~("it's" "\$(x)" "" "a \\\"b" "\`y\`")~");
}
