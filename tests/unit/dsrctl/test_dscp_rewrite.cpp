// SPDX-License-Identifier: BSD-3-Clause
// The sysctls of dscp_rewrite: what they say, and what becomes of their values.
#include "dsrctl/dscp_rewrite.hpp"
#include "world.hpp"

using namespace dsr_test;

namespace {

using Kind = RuleStep::Kind;

Rule vip(const std::string &word, std::uint8_t dscp = 7)
{
	const Family family = word.find(':') == word.npos ? Family::ip4 : Family::ip6;
	Rule rule;

	rule.store = Store::dscp_rewrite;
	rule.family = family;
	rule.items = rewrite::parse_value(word, dscp, family);
	REQUIRE(rule.items.size() == 1);
	return rule;
}

RuleStep adds(const Rule &rule)
{
	return {Kind::add, rule, {}, false};
}

RuleStep removes(const Rule &rule)
{
	return {Kind::remove, {}, rule, false};
}

// The sysctls that steps change, and their values after that.
std::string after(const std::vector<RuleStep> &steps, const std::string &before)
{
	std::string text;

	for (const rewrite::Change &change :
	     rewrite::changes(steps, [&](Family family, std::uint8_t dscp) {
		     return rewrite::parse_value(before, dscp, family);
	     })) {
		CHECK(rewrite::value_text(change.before) == before);
		text += std::string(key(change.family)) + "." + std::to_string(change.dscp) + "=" +
			rewrite::value_text(change.after) + "\n";
	}
	return text;
}

} // namespace

TEST_CASE("dsrctl: the counters of dscp_rewrite are a rule for each VIP")
{
	const auto rules = rewrite::parse_counters(
		"family dscp rip vip packets bytes\n"
		"ipv4 7 * 10.0.0.7 3 252\n"
		"ipv4 7 192.0.2.1 10.0.0.8 18446744073709551615 9\n"
		"ipv6 63 * 2001:db8::7 0 0\n"
		"ipv6 7 * 10.0.0.7 0 0\n"
		"ipv4 64 * 10.0.0.7 0 0\n"
		"ipv4 7 * 10.0.0.7\n");

	REQUIRE(rules.size() == 3);
	CHECK(rules[0].items == std::vector<Item>{{7, ip("10.0.0.7")}});
	CHECK(rules[0].packets == 3);
	CHECK(rules[0].bytes == 252);
	CHECK(rules[0].store == Store::dscp_rewrite);
	CHECK(place(rules[0]) == "net.ipv4.dscp_rewrite.7");
	CHECK(rules[1].items == std::vector<Item>{{7, ip("10.0.0.8"), ip("192.0.2.1")}});
	CHECK(rules[1].packets == 18446744073709551615U);
	CHECK(place(rules[2]) == "net.ipv6.dscp_rewrite.63");
}

TEST_CASE("dsrctl: a value of dscp_rewrite reads as it is written")
{
	for (const std::string text : {"", "10.0.0.7", "10.0.0.7 10.0.0.8@192.0.2.1",
				       "10.0.0.7@192.0.2.1 10.0.0.7@192.0.2.2"})
		CHECK(rewrite::value_text(rewrite::parse_value(text + "\n", 7, Family::ip4)) ==
		      text);
	CHECK(rewrite::parse_value("2001:db8::7@10.0.0.1 x @ 10.0.0.7@", 7, Family::ip6).empty());
}

TEST_CASE("dsrctl: each sysctl of dscp_rewrite is written once")
{
	CHECK(after({adds(vip("10.0.0.7")), adds(vip("10.0.0.8", 8)),
		     adds(vip("10.0.0.9@192.0.2.1")), adds(vip("2001:db8::7"))},
		    "") == "ipv4.7=10.0.0.7 10.0.0.9@192.0.2.1\n"
			   "ipv4.8=10.0.0.8\nipv6.7=2001:db8::7\n");
	CHECK(after({removes(vip("10.0.0.7"))}, "10.0.0.7") == "ipv4.7=\n");
	// another VIP at once, in whichever order the steps are
	CHECK(after({adds(vip("10.0.0.8")), removes(vip("10.0.0.7"))}, "10.0.0.7") ==
	      "ipv4.7=10.0.0.8\n");
}

TEST_CASE("dsrctl: what others wrote to dscp_rewrite stays, or is in the way")
{
	CHECK(after({adds(vip("10.0.0.7"))}, "10.0.0.8@192.0.2.1") ==
	      "ipv4.7=10.0.0.8@192.0.2.1 10.0.0.7\n");
	CHECK(after({removes(vip("10.0.0.7"))}, "10.0.0.7 10.0.0.8@192.0.2.1") ==
	      "ipv4.7=10.0.0.8@192.0.2.1\n");
	CHECK_THROWS_WITH(
		after({adds(vip("10.0.0.7"))}, "10.0.0.8"),
		"net.ipv4.dscp_rewrite.7 has 10.0.0.8, which dsrctl did not start, for the packets of 10.0.0.7: clear it where it is written (/etc/sysctl.d), and with sysctl -w net.ipv4.dscp_rewrite.7=; or give the VIP another DSCP");
	// steps of other backends are none of its business
	RuleStep step = adds(vip("10.0.0.7"));
	step.rule.store = Store::nft;
	CHECK(after({step}, "10.0.0.8").empty());
}
