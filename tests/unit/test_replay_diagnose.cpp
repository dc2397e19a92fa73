// SPDX-License-Identifier: BSD-3-Clause
// The pitfalls that a capture shows.
#include "catch.hpp"

#include <pcap/dlt.h>

#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

const char CLIENT[] = "144.100.10.1", SERVER[] = "10.128.9.31", VIP[] = "10.128.8.46";

struct Site {
	explicit Site(const std::vector<std::string> &texts = {})
		: ruleset(rules("-m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46")),
		  engine(ruleset, parse(texts))
	{
	}

	static std::vector<Ip> parse(const std::vector<std::string> &texts)
	{
		std::vector<Ip> result;

		for (const std::string &text : texts)
			result.push_back(parse_ip(text).value());
		return result;
	}

	void see(Bytes bytes) { engine.process(frame(bytes)); }

	void send(const std::string &from, const std::string &to, std::uint8_t dscp)
	{
		see(good({from, to, UDP, dscp}));
	}

	void ping(const std::string &from, const std::string &to, std::uint8_t type,
		  std::uint8_t sequence)
	{
		see(packet({from, to, 1, 7}, {type, 0, 0, 0, 0, 1, 0, sequence}));
	}

	// a reply: ports exchanged
	void answer(const std::string &from, const std::string &to)
	{
		Header ip{from, to, UDP, 0};
		Bytes udp = be16(80) + be16(40000) + be16(12) + be16(0) + Bytes(4);

		see(packet(ip, udp));
	}

	// All findings, as "kind count; ".
	std::string found() const
	{
		std::string list;

		for (const auto &finding : engine.diagnosis().findings())
			list += kind_key(finding.kind) + std::string(" ") +
				std::to_string(finding.count) + "; ";
		return list;
	}

	replay::Ruleset ruleset;
	replay::Engine engine;
};

} // namespace

TEST_CASE("replay: unmarked packets to a server's own address")
{
	Site learns, told({SERVER}), other({"10.0.0.1"});

	for (Site *site : {&learns, &told, &other}) {
		site->send(CLIENT, SERVER, 0); // before it is known
		site->send(CLIENT, SERVER, 7);
		site->send(CLIENT, SERVER, 0);
		site->send(CLIENT, "10.128.9.32", 0);
	}
	CHECK(learns.found() == "cleared 2; ");
	CHECK(learns.engine.diagnosis().servers().size() == 1);
	CHECK(told.found() == "cleared 2; ");
	CHECK(other.found() == "");
}

TEST_CASE("replay: replies from a server's own address")
{
	Site site;

	site.answer(SERVER, CLIENT); // to nothing
	CHECK(site.found() == "");
	site.send(CLIENT, SERVER, 7);
	site.answer(VIP, CLIENT);
	site.answer(SERVER, "144.100.10.2");
	CHECK(site.found() == "");
	site.answer(SERVER, CLIENT);
	CHECK(site.found() == "from_server 1; ");
}

TEST_CASE("replay: pings answered from a server's own address")
{
	Site site;

	site.ping(CLIENT, SERVER, 8, 1);
	site.ping(SERVER, CLIENT, 3, 1); // an error
	CHECK(site.found() == "");
	site.ping(SERVER, CLIENT, 0, 1);
	CHECK(site.found() == "from_server 1; ");
}

// Echo replies carry the DSCP of the request: a rule would rewrite them, too, if
// they came in.
TEST_CASE("replay: a healthy server's answers to marked pings are no finding")
{
	Site learns, told({SERVER});

	for (Site *site : {&learns, &told}) {
		for (std::uint8_t number = 1; number <= 3; number++) {
			site->ping(CLIENT, SERVER, 8, number);
			site->ping(VIP, CLIENT, 0, number);
		}
		CHECK(site->found() == "");
		CHECK(site->engine.diagnosis().vips()[0].replies.packets == 3);
	}
}

TEST_CASE("replay: DSCP values without a rule")
{
	Site site;

	site.send(CLIENT, SERVER, 8);
	site.send(CLIENT, SERVER, 7);
	site.send(CLIENT, SERVER, 8);
	CHECK(site.engine.counters().no_rule_for_dscp[8] == 2);
	CHECK(site.engine.counters().no_rule_for_dscp[7] == 0);
	CHECK(site.found() == "unmapped 2; ");
}

TEST_CASE("replay: tables of fixed size overflow, and say so")
{
	Site site;

	for (unsigned int i = 0; i < 40000; i++)
		site.send(CLIENT, "10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256),
			  0);
	CHECK(site.engine.diagnosis().overflowed());
	CHECK(site.found() == "");
}
