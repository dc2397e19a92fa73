// SPDX-License-Identifier: BSD-3-Clause
// Rules are asked by DSCP; random ones of random packets.
#include "catch.hpp"

#include <random>

#include "replay_engine.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

// A packet of anything, often too short or cut.
Bytes random_packet(std::mt19937 &random, std::size_t &wire)
{
	const std::uint8_t protocols[] = {TCP, UDP,	 DCCP,	  UDPLITE,    ICMP6,
					  HOP, FRAGMENT, ROUTING, DESTINATION};
	Header ip = random() & 1 ? ip4() : ip6();
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

	if (random() % 4 == 0)
		rule += std::string(random() & 1 ? " !" : "") + " -i eth" +
			std::to_string(random() & 1);
	if (random() % 3 == 0)
		rule += six ? " -d 2001:db8::46" : " -d 10.128.8.46";
	if (random() % 2) {
		rule += std::string(" -p ") + protocols[random() % 4];
		ports = true;
	}
	bool dscp_first = random() & 1;
	std::string dscp = std::string(" -m dscp ") + (random() % 4 ? "" : "! ") + "--dscp " +
			   std::to_string(random() % 4);
	if (dscp_first)
		rule += dscp;
	if (random() % 4 == 0)
		rule += std::string(" -m tos ") + (random() & 1 ? "! " : "") + "--tos " +
			std::to_string(random() % 16) + "/" + std::to_string(random() % 16);
	if (ports && random() % 4 == 0)
		rule += std::string(" -m multiport ") + (random() & 1 ? "" : "! ") +
			"--ports 80,1:9";
	if (ports && random() & 1)
		rule += " --dport " + std::string(random() & 1 ? "80" : "1:");
	if (!dscp_first && random() & 1)
		rule += dscp;
	rule += " -j DADDR";
	std::string last = std::to_string(1 + random() % 200);
	std::string to = (six ? "2001:db8::" : "10.0.0.") + last;
	if (random() & 1)
		return rule + " --dscp-map " + std::to_string(1 + random() % 2) + "=" + to +
		       ",3=" + to;
	rule += " --set-daddr " + (random() & 1 ? to : std::string(six ? VIP6 : VIP4));
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
		Engine one(ruleset, {}), other(ruleset, {});
		for (int j = 0; j < 40; j++) {
			std::size_t wire;
			Bytes all = random_packet(random, wire), some = all;
			replay::Trace trace;
			bool kept = one.process_any(frame(all, wire), &trace);

			if (other.process(frame(some, wire)) != kept || (kept && all != some) ||
			    std::memcmp(&one.counters(), &other.counters(),
					sizeof(replay::Counters)) != 0) {
				std::string found = text;

				for (const std::string &line : trace)
					found += line + "\n";
				FAIL(found);
			}
		}
	}
	SUCCEED();
}
