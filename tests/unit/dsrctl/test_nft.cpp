// SPDX-License-Identifier: BSD-3-Clause
// What nft prints, and what it is given.
#include "dsrctl/nftables.hpp"
#include "world.hpp"

using namespace dsr_test;

namespace {

std::string rule(const std::string &expressions)
{
	return "{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\"}},"
	       "{\"table\": {\"family\": \"inet\", \"name\": \"dsrctl\"}},"
	       "{\"chain\": {\"name\": \"raw\"}},"
	       "{\"rule\": {\"family\": \"inet\", \"table\": \"dsrctl\","
	       "\"chain\": \"raw\", \"handle\": 9, \"expr\": [" +
	       expressions + "]}}]}";
}

const std::string DSCP =
	"{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"dscp\"}}, \"right\": \"af11\"}}";
const std::string COUNTER = "{\"counter\": {\"packets\": 12, \"bytes\": 3456}}";
const std::string SET =
	"{\"mangle\": {\"key\": {\"payload\": {\"protocol\": \"ip\", \"field\": \"daddr\"}}, \"value\": \"10.0.0.7\"}}";

} // namespace

TEST_CASE("dsrctl: rules of nftables")
{
	std::vector<Rule> rules = nft::parse(rule(DSCP + "," + COUNTER + "," + SET));

	REQUIRE(rules.size() == 1);
	CHECK(rules[0].store == Store::nft);
	CHECK(rules[0].family == Family::ip4);
	CHECK(rules[0].table == Table::raw);
	CHECK(rules[0].handle == 9);
	CHECK(rules[0].packets == 12);
	CHECK(rules[0].bytes == 3456);
	CHECK(rules[0].items == std::vector<Item>{{10, ip("10.0.0.7")}});
}

TEST_CASE("dsrctl: the names that nftables gives to DSCPs")
{
	auto dscp = [](const std::string &name) {
		std::string match = DSCP;

		match.replace(match.find("\"af11\""), 6, name);
		return nft::parse(rule(match + "," + COUNTER + "," + SET)).at(0).items[0].dscp;
	};

	CHECK(dscp("7") == 7);
	CHECK(dscp("\"cs0\"") == 0);
	CHECK(dscp("\"lephb\"") == 1);
	CHECK(dscp("\"va\"") == 44);
	CHECK(dscp("\"ef\"") == 46);
}

TEST_CASE("dsrctl: rules of nftables for an address and a port")
{
	auto match = [](const std::string &protocol, const std::string &field,
			const std::string &value) {
		return "{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"" +
		       protocol + "\", \"field\": \"" + field + "\"}}, \"right\": " + value + "}},";
	};
	const std::string to = match("ip", "daddr", "\"192.0.2.1\"");
	const std::string dport = match("tcp", "dport", "8080");
	const std::string set_port =
		",{\"mangle\": {\"key\": {\"payload\": {\"protocol\": \"tcp\", \"field\": \"dport\"}}, \"value\": 80}}";
	Item item{10, ip("10.0.0.7"), ip("192.0.2.1")};

	CHECK(nft::parse(rule(DSCP + "," + to + COUNTER + "," + SET)).at(0).items ==
	      std::vector<Item>{item});
	item.ports = PortChange{Protocol::tcp, 8080, 80};
	CHECK(nft::parse(rule(DSCP + "," + to + dport + COUNTER + "," + SET + set_port))
		      .at(0)
		      .items == std::vector<Item>{item});
	// half of it
	CHECK(nft::parse(rule(DSCP + "," + dport + COUNTER + "," + SET)).empty());
	CHECK(nft::parse(rule(DSCP + "," + COUNTER + "," + SET + set_port)).empty());
	CHECK(nft::parse(rule(DSCP + "," + match("udp", "dport", "8080") + COUNTER + "," + SET +
			      set_port))
		      .empty());
	CHECK(nft::parse(rule(DSCP + "," + to + to + COUNTER + "," + SET)).empty());

	RuleStep add;
	add.rule.store = Store::nft;
	add.rule.items = {item};
	CHECK(has(
		nft::input({add}, false),
		"add rule inet dsrctl raw ip dscp 0x0a ip daddr 192.0.2.1 tcp dport 8080 counter ip daddr set 10.0.0.7 tcp dport set 80\n"));
}

TEST_CASE("dsrctl: rules of nftables that do something else")
{
	CHECK(nft::parse(rule(COUNTER + "," + SET)).empty());
	CHECK(nft::parse(rule(DSCP + "," + COUNTER)).empty());
	CHECK(nft::parse(rule(DSCP + "," + DSCP + "," + SET)).empty());
	CHECK(nft::parse(rule(DSCP + "," + COUNTER + "," + SET + ",{\"accept\": null}")).empty());
	std::string negated = DSCP;
	negated.replace(negated.find("=="), 2, "!=");
	CHECK(nft::parse(rule(negated + "," + COUNTER + "," + SET)).empty());
	CHECK(nft::parse(rule("")).empty());
	CHECK(nft::parse("{\"nftables\": []}").empty());
	for (const char *bad : {"", "x", "[]", "{}", "{\"nftables\": [{\"rule\": 1}]}",
				"{\"nftables\": [{\"rule\": {}}]}"})
		CHECK_THROWS_AS(nft::parse(bad), Error);
}

TEST_CASE("dsrctl: the input of nft")
{
	RuleStep add, remove;

	add.rule.store = Store::nft;
	add.rule.family = Family::ip6;
	add.rule.table = Table::mangle;
	add.rule.items = {{7, ip("2001:db8::7")}};
	remove.kind = RuleStep::Kind::remove;
	remove.old = nft::parse(rule(DSCP + "," + COUNTER + "," + SET))[0];
	CHECK(nft::input({remove, add}, false) ==
	      "add table inet dsrctl\n"
	      "add chain inet dsrctl mangle { type filter hook prerouting priority -150; policy accept; }\n"
	      "delete rule inet dsrctl raw handle 9\n"
	      "add rule inet dsrctl mangle ip6 dscp 0x07 counter ip6 daddr set 2001:db8::7\n");
	CHECK(nft::input({remove}, true) == "delete table inet dsrctl\n");
	add.top = true;
	CHECK(has(nft::input({add}, false), "insert rule inet dsrctl mangle "));
	add.rule.store = Store::iptables;
	CHECK(nft::input({add}, true) == "");
}
