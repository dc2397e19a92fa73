// SPDX-License-Identifier: BSD-3-Clause
// One rule for many VIPs.
#include "catch.hpp"

#include "replay_engine.hpp"

using namespace dsr;

using namespace replay_test;

TEST_CASE("replay: a map takes the packet's DSCP, whatever its ECN")
{
	std::string map4 = "-j DADDR --dscp-map ", map6 = map4;

	for (int dscp = 1; dscp < 64; dscp += 2) {
		std::string number = std::to_string(dscp);

		map4 += (dscp > 1 ? "," : "") + number + "=10.0.0." + number;
		map6 += (dscp > 1 ? "," : "") + number + "=2001:db8::" + number;
	}
	for (const Header &ip : {ip4(TCP), ip6(TCP)})
		for (unsigned int tos = 0; tos < 256; tos++) {
			Header out = ip;
			out.dscp = static_cast<std::uint8_t>(tos >> 2);
			Bytes in = good(out);
			bool mapped = out.dscp & 1, six = in[0] >> 4 == 6;
			if (mapped)
				out.destination = (six ? "2001:db8::" : "10.0.0.") +
						  std::to_string(out.dscp);
			Bytes expected = good(out);
			for (Bytes *bytes : {&in, &expected}) {
				if (six) {
					(*bytes)[1] = static_cast<std::uint8_t>((*bytes)[1] |
										(tos & 3) << 4);
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
			CHECK(run.counters().rewritten_by_dscp[tos >> 2].packets == mapped);
			CHECK(run.counters().no_rule_for_dscp[tos >> 2] == !mapped);
			CHECK(run.counters().passed_why[index_of(Passed::no_rule)].packets ==
			      !mapped);
		}
}

TEST_CASE("replay: what a map does not have goes on to the next rule")
{
	replay::Ruleset ruleset;

	replay::parse_rules(
		"*raw\n"
		"-A PREROUTING -j DADDR --dscp-map 7=10.0.0.1,8=10.0.0.8\n"
		"-A PREROUTING -j DADDR --dscp-map 9=10.0.0.9\n"
		"-A PREROUTING -d 10.0.0.1 -p udp -j DADDR --set-daddr 10.0.0.2 --set-dport 443\n"
		"COMMIT\n",
		"rules", ruleset);
	Header in = ip4(), out = in;
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
