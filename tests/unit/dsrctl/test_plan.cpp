// SPDX-License-Identifier: BSD-3-Clause
// From what is, and what should be, to what has to change.
#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "world.hpp"

using namespace dsr_test;

namespace {

std::vector<Rule> raw(const std::string &rules, Family family = Family::ip4,
		      Store store = Store::iptables)
{
	std::string text = "*raw\n";
	std::istringstream lines(rules);

	for (std::string line; std::getline(lines, line);)
		text += "-A PREROUTING " + line + "\n";
	return parse_save(text + "COMMIT\n", store, family);
}

std::vector<Owned> owned_of(const std::string &text, const std::string &source = "s")
{
	std::vector<Owned> list;

	for (const Entry &entry : entries(text))
		list.push_back(owned(entry, source));
	return list;
}

How map_mode()
{
	How how;

	how.map = true;
	return how;
}

std::string rules(const Plan &plan, Family family = Family::ip4)
{
	return restore_input(plan.rules, {Store::iptables, family, Table::mangle}) +
	       restore_input(plan.rules, {Store::iptables, family, Table::raw});
}

std::string addresses(const std::vector<AddressStep> &steps)
{
	std::string list;

	for (const AddressStep &step : steps)
		list += (step.add ? "+" : "-") + text(step.address.ip) + "/" +
			std::to_string(step.address.prefix) + "@" + step.address.dev + "," +
			step.address.label + (step.add && step.address.source ? " source " : " ");
	return list;
}

const std::string SINGLE7 = "-m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7";
const std::string SINGLE8 = "-m dscp --dscp 0x08 -j DADDR --set-daddr 10.0.0.8";

} // namespace

TEST_CASE("dsrctl: everything is added to an empty host, one rule a VIP")
{
	Goal goal{entries("10.0.0.7=7\n2001:db8::7=7\n10.0.0.9\n10.0.0.8=8\n"), {}, {}, false};
	Plan plan = make_plan(goal, {}, {});

	CHECK(addresses(plan.add) ==
	      "+10.0.0.7/32@lo,lo:1 +2001:db8::7/128@lo, +10.0.0.9/32@lo,lo:2 +10.0.0.8/32@lo,lo:3 ");
	CHECK(rules(plan) ==
	      "*raw\n-A PREROUTING " + SINGLE7 + "\n-A PREROUTING " + SINGLE8 + "\nCOMMIT\n");
	CHECK(rules(plan, Family::ip6) ==
	      "*raw\n-A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::7\nCOMMIT\n");
	CHECK(plan.remove.empty());
}

TEST_CASE("dsrctl: one rule for all VIPs of a family; DSCP 0 has one of its own")
{
	Goal goal{entries("10.0.0.8=8\n10.0.0.7=7\n10.0.0.1=0\n"), {}, {}, false};
	Plan plan = make_plan(goal, {}, map_mode());

	CHECK(rules(plan) == "*raw\n"
			     "-A PREROUTING -m dscp --dscp 0x00 -j DADDR --set-daddr 10.0.0.1\n"
			     "-A PREROUTING -j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8\n"
			     "COMMIT\n");
}

TEST_CASE("dsrctl: what is there already is not added again")
{
	Actual actual{raw(SINGLE7 + "\n-j DADDR --dscp-map 8=10.0.0.8\n"),
		      {on_lo("10.0.0.7", "lo:5"), on_lo("10.0.0.8")}};
	Goal goal{entries("10.0.0.7=7\n10.0.0.8=8\n"), {}, {}, false};

	CHECK(make_plan(goal, actual, {}).empty());
	CHECK(make_plan(goal, actual, map_mode()).empty());

	// in the other variant, or in nftables, it is there too
	actual.rules = raw(SINGLE7 + "\n" + SINGLE8, Family::ip4, Store::other);
	CHECK(make_plan(goal, actual, {}).empty());
}

TEST_CASE("dsrctl: a backend takes over: first both have it, then only this one")
{
	Actual actual{raw(SINGLE7 + "\n-j DADDR --dscp-map 8=10.0.0.8,9=10.0.0.9\n"),
		      {on_lo("10.0.0.7", "lo:5"), on_lo("10.0.0.8")}};
	Goal goal{entries("10.0.0.7=7\n10.0.0.8=8\n"), {}, {}, false};
	How how;

	how.store = Store::nft;
	CHECK(make_plan(goal, actual, how).empty());
	how.takes_over = true;
	Plan plan = make_plan(goal, actual, how);
	REQUIRE(plan.rules.size() == 2);
	for (const RuleStep &step : plan.rules) {
		CHECK(step.kind == RuleStep::Kind::add);
		CHECK(step.rule.store == Store::nft);
		actual.rules.push_back(step.rule);
	}

	// what is nobody's stays
	plan = make_plan(goal, actual, how);
	CHECK(plan.add.empty());
	CHECK(plan.remove.empty());
	CHECK(plan.rules.size() == 2);
	CHECK(rules(plan) == "*raw\n"
			     "-I PREROUTING 2 -j DADDR --dscp-map 9=10.0.0.9\n"
			     "-D PREROUTING -j DADDR --dscp-map 8=10.0.0.8,9=10.0.0.9\n"
			     "-D PREROUTING " +
				     SINGLE7 + "\nCOMMIT\n");

	// the variants of iptables are one backend
	actual.rules = raw(SINGLE7 + "\n" + SINGLE8, Family::ip4, Store::other);
	how.store = Store::iptables;
	CHECK(make_plan(goal, actual, how).empty());
}

TEST_CASE("dsrctl: dscp_rewrite takes over from rules, and they from it")
{
	const std::vector<Rule> sysctls = rewrite::parse_counters(
		"ipv4 7 * 10.0.0.7 0 0\nipv4 9 * 10.0.0.9 0 0\n");
	Actual actual{raw(SINGLE7), {on_lo("10.0.0.7")}};
	Goal goal{entries("10.0.0.7=7\n"), {}, {}, false};
	How how;

	for (Store store : {Store::dscp_rewrite, Store::iptables}) {
		how.store = store;
		how.takes_over = true;
		actual.rules = store == Store::iptables ? sysctls : raw(SINGLE7);
		Plan plan = make_plan(goal, actual, how);
		REQUIRE(plan.rules.size() == 1);
		CHECK(plan.rules[0].kind == RuleStep::Kind::add);
		CHECK(plan.rules[0].rule.store == store);

		// what is nobody's stays
		actual.rules.push_back(plan.rules[0].rule);
		plan = make_plan(goal, actual, how);
		REQUIRE(plan.rules.size() == 1);
		CHECK(plan.rules[0].kind == RuleStep::Kind::remove);
		CHECK(plan.rules[0].old.store != store);
		CHECK(plan.rules[0].old.items[0].dscp == 7);
	}
}

TEST_CASE("dsrctl: a map for each address of the server, and rules for what has no place in one")
{
	Goal goal{entries("10.0.0.7=7 to 192.0.2.1\n10.0.0.8=8 to 192.0.2.1\n"
			  "10.0.0.9=7 to 192.0.2.2\n10.0.0.10:80=10 tcp 8080\n"
			  "10.0.0.11=11 to 192.0.2.1\n10.0.0.11=11 to 192.0.2.2\n"),
		  {},
		  {},
		  false};
	Actual actual;
	Plan plan = make_plan(goal, actual, map_mode());

	CHECK(rules(plan) ==
	      "*raw\n"
	      "-A PREROUTING -p tcp -m tcp --dport 8080 -m dscp --dscp 0x0a -j DADDR --set-daddr 10.0.0.10 --set-dport 80\n"
	      "-A PREROUTING -d 192.0.2.1/32 -m dscp --dscp 0x0b -j DADDR --set-daddr 10.0.0.11\n"
	      "-A PREROUTING -d 192.0.2.1/32 -j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8\n"
	      "-A PREROUTING -d 192.0.2.2/32 -m dscp --dscp 0x0b -j DADDR --set-daddr 10.0.0.11\n"
	      "-A PREROUTING -d 192.0.2.2/32 -j DADDR --dscp-map 7=10.0.0.9\n"
	      "COMMIT\n");
	CHECK(plan.add.size() == 5);
	for (const RuleStep &step : plan.rules)
		actual.rules.push_back(step.rule);
	for (const AddressStep &step : plan.add)
		actual.addresses.push_back(step.address);
	CHECK(make_plan(goal, actual, map_mode()).empty());

	// a map is extended for its own address only
	goal.present = entries("10.0.0.7=7 to 192.0.2.1\n10.0.0.20=20 to 192.0.2.2\n"
			       "10.0.0.21=21\n");
	plan = make_plan(goal, actual, map_mode());
	CHECK(has(rules(plan), "-d 192.0.2.2/32 -j DADDR --dscp-map 20=10.0.0.20\n"));
	CHECK(has(rules(plan), "-A PREROUTING -j DADDR --dscp-map 21=10.0.0.21\n"));
}

TEST_CASE("dsrctl: rules move to another table, and from maps and into them")
{
	Actual actual{raw(SINGLE7 + "\n-j DADDR --dscp-map 8=10.0.0.8\n"),
		      {on_lo("10.0.0.7"), on_lo("10.0.0.8")}};
	Goal goal{entries("10.0.0.7=7\n10.0.0.8=8\n"), {}, {}, false};
	const std::vector<Rule> before = actual.rules;
	How how = map_mode();

	auto move = [&] {
		std::string text;

		actual.rules = before;
		Plan plan = make_plan(goal, actual, how);
		for (const RuleStep &step : plan.rules) {
			CHECK(step.kind == RuleStep::Kind::add);
			actual.rules.push_back(step.rule);
		}
		text = rules(plan);
		plan = make_plan(goal, actual, how);
		for (const RuleStep &step : plan.rules)
			CHECK(step.kind == RuleStep::Kind::remove);
		return text + rules(plan);
	};
	how.takes_over = true;
	CHECK(move().empty());
	how.table = Table::mangle;
	how.only_table = Table::mangle;
	CHECK(move() == "*mangle\n-A PREROUTING -j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8\nCOMMIT\n"
			"*raw\n-D PREROUTING " +
				SINGLE7 +
				"\n-D PREROUTING -j DADDR --dscp-map 8=10.0.0.8\nCOMMIT\n");
	how.table = Table::raw;
	how.only_table.reset();
	how.only_map = how.map = false;
	CHECK(move() == "*raw\n-A PREROUTING " + SINGLE8 +
				"\nCOMMIT\n"
				"*raw\n-D PREROUTING -j DADDR --dscp-map 8=10.0.0.8\nCOMMIT\n");
}

TEST_CASE("dsrctl: an interface without IPv6 keeps nothing else from being started")
{
	Goal goal{entries("10.0.0.7=7 dev eth1\n2001:db8::7=7 dev eth1\n2001:db8::8=8\n"),
		  {},
		  {},
		  false};
	How how;

	how.without_ip6 = {"eth1"};
	Plan plan = make_plan(goal, {}, how);
	CHECK(addresses(plan.add) == "+10.0.0.7/32@eth1, +2001:db8::8/128@lo, ");
	CHECK(rules(plan) == "*raw\n-A PREROUTING " + SINGLE7 + "\nCOMMIT\n");
	CHECK(rules(plan, Family::ip6) ==
	      "*raw\n-A PREROUTING -m dscp --dscp 0x08 -j DADDR --set-daddr 2001:db8::8\nCOMMIT\n");
}

TEST_CASE("dsrctl: half a configuration is completed")
{
	Actual actual{raw(SINGLE7), {on_lo("10.0.0.8", "lo:3")}};
	Goal goal{entries("10.0.0.7=7\n10.0.0.8=8\n"), {}, {}, false};
	Plan plan = make_plan(goal, actual, {});

	CHECK(addresses(plan.add) == "+10.0.0.7/32@lo,lo:4 ");
	CHECK(rules(plan) == "*raw\n-A PREROUTING " + SINGLE8 + "\nCOMMIT\n");
}

TEST_CASE("dsrctl: our map takes more entries in its place; another's does not")
{
	Actual actual{raw("-p tcp -j ACCEPT\n-j DADDR --dscp-map 7=10.0.0.7\n-p udp"), {}};
	Goal goal{entries("10.0.0.7=7\n10.0.0.8=8\n"), {}, {}, false};

	CHECK(rules(make_plan(goal, actual, map_mode())) ==
	      "*raw\n"
	      "-I PREROUTING 2 -j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8\n"
	      "-D PREROUTING -j DADDR --dscp-map 7=10.0.0.7\n"
	      "COMMIT\n");
	actual.rules = raw("-j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.9");
	CHECK(rules(make_plan(goal, actual, map_mode())) ==
	      "*raw\n-A PREROUTING -j DADDR --dscp-map 8=10.0.0.8\nCOMMIT\n");
}

TEST_CASE("dsrctl: a reload changes a map in one step")
{
	Actual actual{raw("-j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8"),
		      {on_lo("10.0.0.7", "lo:1"), on_lo("10.0.0.8", "lo:2")}};
	Goal goal{entries("10.0.0.7=7\n10.0.0.9=9\n"), owned_of("10.0.0.8=8\n"), {}, false};
	Plan plan = make_plan(goal, actual, map_mode());

	CHECK(addresses(plan.add) == "+10.0.0.9/32@lo,lo:3 ");
	CHECK(rules(plan) == "*raw\n"
			     "-I PREROUTING 1 -j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.9\n"
			     "-D PREROUTING -j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8\n"
			     "COMMIT\n");
	CHECK(addresses(plan.remove) == "-10.0.0.8/32@lo,lo:2 ");
}

TEST_CASE("dsrctl: a DSCP that gets another VIP, in a map and in rules")
{
	Actual actual{raw("-j DADDR --dscp-map 7=10.0.0.7"), {}};
	Goal goal{entries("10.0.0.70=7\n"), owned_of("10.0.0.7=7\n"), {}, false};

	CHECK(rules(make_plan(goal, actual, map_mode())) ==
	      "*raw\n"
	      "-I PREROUTING 1 -j DADDR --dscp-map 7=10.0.0.70\n"
	      "-D PREROUTING -j DADDR --dscp-map 7=10.0.0.7\n"
	      "COMMIT\n");
	actual.rules = raw(SINGLE7);
	CHECK(rules(make_plan(goal, actual, {})) ==
	      "*raw\n"
	      "-D PREROUTING " +
		      SINGLE7 +
		      "\n"
		      "-A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.70\n"
		      "COMMIT\n");
}

TEST_CASE("dsrctl: a VIP that keeps one of its DSCPs keeps its address")
{
	Actual actual{raw("-j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.7"),
		      {on_lo("10.0.0.7", "lo:1")}};
	Goal goal{entries("10.0.0.7=8\n"), owned_of("10.0.0.7=7\n"), {}, false};
	Plan plan = make_plan(goal, actual, map_mode());

	CHECK(plan.add.empty());
	CHECK(plan.remove.empty());
	CHECK(plan.rules.size() == 1);
}

TEST_CASE("dsrctl: stop removes all copies, in all tables and stores")
{
	Actual actual;
	Goal goal{{}, owned_of("10.0.0.7=7\n"), {}, false};

	actual.rules = raw(SINGLE7 + "\n" + SINGLE8 + "\n" + SINGLE7);
	for (Rule &rule :
	     raw("-j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8", Family::ip4, Store::other))
		actual.rules.push_back(rule);
	actual.rules.push_back(actual.rules[0]);
	actual.rules.back().table = Table::mangle;
	actual.addresses = {on_lo("10.0.0.7", "lo:1"), on_lo("10.0.0.8", "lo:2")};
	Plan plan = make_plan(goal, actual, {});

	CHECK(rules(plan) == "*mangle\n-D PREROUTING " + SINGLE7 +
				     "\nCOMMIT\n"
				     "*raw\n-D PREROUTING " +
				     SINGLE7 + "\n-D PREROUTING " + SINGLE7 + "\nCOMMIT\n");
	CHECK(restore_input(plan.rules, {Store::other, Family::ip4, Table::raw}) ==
	      "*raw\n"
	      "-I PREROUTING 1 -j DADDR --dscp-map 8=10.0.0.8\n"
	      "-D PREROUTING -j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.8\n"
	      "COMMIT\n");
	CHECK(addresses(plan.remove) == "-10.0.0.7/32@lo,lo:1 ");
}

TEST_CASE("dsrctl: addresses and rules that are not in the files stay")
{
	Actual actual{raw(SINGLE8),
		      {on_lo("127.0.0.1"), on_lo("10.0.0.8", "lo:1"), on_lo("10.3.3.3")}};
	Goal goal{{}, owned_of("10.0.0.7=7\n"), {}, false};

	CHECK(make_plan(goal, actual, {}).empty());
}

TEST_CASE("dsrctl: what another configuration started stays")
{
	Actual actual{raw("-j DADDR --dscp-map 7=10.0.0.7,8=10.0.0.7"),
		      {on_lo("10.0.0.7", "lo:1")}};
	Goal goal{{}, owned_of("10.0.0.7=7\n"), owned_of("10.0.0.7=8\n", "t"), false};
	Plan plan = make_plan(goal, actual, map_mode());

	CHECK(plan.rules.size() == 1);
	CHECK(plan.rules[0].rule.items == std::vector<Item>{{8, ip("10.0.0.7")}});
	CHECK(plan.remove.empty());
}

TEST_CASE("dsrctl: -a stop removes what a rule or a label explains")
{
	Actual actual{raw(SINGLE7 + "\n-j DADDR --dscp-map 8=2001:db8::8"),
		      {on_lo("127.0.0.1"), on_lo("::1"), on_lo("10.0.0.7"),
		       on_lo("10.0.0.6", "lo:6"), on_lo("10.0.0.5"), on_lo("2001:db8::8"),
		       on_lo("2001:db8::9"), on_lo("127.0.1.1", "lo:7")}};
	Address network{ip("10.5.5.5"), 24, "lo", "lo:8"};
	Address elsewhere{ip("10.0.0.7"), 32, "eth0", "eth0"};
	Goal goal;

	for (Rule &rule : raw("-j DADDR --dscp-map 8=2001:db8::8", Family::ip6))
		actual.rules.push_back(rule);
	actual.addresses.push_back(network);
	actual.addresses.push_back(elsewhere);
	goal.everything = true;
	Plan plan = make_plan(goal, actual, {});
	CHECK(plan.rules.size() == 2);
	CHECK(addresses(plan.remove) ==
	      "-10.0.0.7/32@lo,lo -10.0.0.6/32@lo,lo:6 -2001:db8::8/128@lo, -127.0.1.1/32@lo,lo:7 ");
}

TEST_CASE("dsrctl: a VIP on an interface of its own")
{
	Actual actual;
	Goal goal{entries("10.0.0.7=7 dev eth1\n"), {}, {}, false};

	CHECK(addresses(make_plan(goal, actual, {}).add) == "+10.0.0.7/32@eth1, ");
	actual.addresses = {on_lo("10.0.0.7", "lo:1")};
	goal.absent = owned_of("10.0.0.7=7\n");
	Plan plan = make_plan(goal, actual, {});
	CHECK(addresses(plan.add) == "+10.0.0.7/32@eth1, ");
	CHECK(addresses(plan.remove) == "-10.0.0.7/32@lo,lo:1 ");
	CHECK(plan.rules.size() == 1); // the rule is the same, and missing
}

TEST_CASE("dsrctl: without IPv6, IPv6 entries are skipped")
{
	Goal goal{entries("10.0.0.7=7\n2001:db8::7=7\n2001:db8::8\n"), {}, {}, false};
	How how;

	how.ip6 = false;
	Plan plan = make_plan(goal, {}, how);
	CHECK(addresses(plan.add) == "+10.0.0.7/32@lo,lo:1 ");
	CHECK(rules(plan, Family::ip6) == "");
}

TEST_CASE("dsrctl: -i adds at the top")
{
	Goal goal{entries("10.0.0.7=7\n"), {}, {}, false};
	How how;

	how.top = true;
	how.table = Table::mangle;
	CHECK(rules(make_plan(goal, {}, how)) ==
	      "*mangle\n-I PREROUTING " + SINGLE7 + "\nCOMMIT\n");
}

TEST_CASE("dsrctl: somebody else's rule for a DSCP of ours is warned of")
{
	Actual actual{raw("-m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.99"), {}};
	Goal goal{entries("10.0.0.7=7\n"), {}, {}, false};
	Plan plan = make_plan(goal, actual, {});

	CHECK(rules(plan) == "*raw\n-A PREROUTING " + SINGLE7 + "\nCOMMIT\n");
	REQUIRE(plan.warnings.size() == 1);
	CHECK(plan.warnings[0] ==
	      "a rule for DSCP 7 (TOS 28, 0x1c, 000111b) to 10.0.0.99 is in raw PREROUTING, besides the one to 10.0.0.7: the last of them decides");
}

TEST_CASE("dsrctl: a step that is undone twice is itself")
{
	RuleStep step{RuleStep::Kind::replace, raw(SINGLE7)[0], raw(SINGLE8)[0], false};

	CHECK(inverse(step).rule.text == SINGLE8);
	CHECK(inverse(step).old.text == SINGLE7);
	step.kind = RuleStep::Kind::add;
	CHECK(inverse(step).kind == RuleStep::Kind::remove);
	CHECK(inverse(step).old.text == SINGLE7);
	CHECK(inverse(inverse(step)).kind == RuleStep::Kind::add);
}

TEST_CASE("dsrctl: the number of a label")
{
	CHECK(label_number("lo:12") == 12);
	for (const char *label : {"lo", "lo:", "lo:x", "lo:1x", "eth0:1", ""})
		CHECK_FALSE(label_number(label));
}

TEST_CASE("dsrctl: the rule of a VIP that another configuration has elsewhere stays")
{
	Actual actual;
	Goal goal;

	actual.rules = raw(SINGLE7 + "\n" + SINGLE8);
	goal.absent = owned_of("10.0.0.7 = 7\n10.0.0.8 = 8\n");
	goal.kept = owned_of("10.0.0.7 = 7 dev eth1\n", "other");
	CHECK(rules(make_plan(goal, actual, {})) ==
	      "*raw\n-D PREROUTING " + SINGLE8 + "\nCOMMIT\n");
}
