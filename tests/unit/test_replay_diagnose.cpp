// SPDX-License-Identifier: BSD-3-Clause
// The pitfalls that a capture shows.
#include "catch.hpp"

#include <pcap/dlt.h>

#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

const char CLIENT[] = "144.100.10.1", SERVER[] = "10.128.9.31",
	   VIP[] = "10.128.8.46";

struct Site {
	explicit Site(const std::vector<std::string> &texts = {})
		: ruleset(rules("-m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46")),
		  engine(ruleset, parse(texts))
	{
	}

	static std::vector<Ip>
	parse(const std::vector<std::string> &texts)
	{
		std::vector<Ip> result;

		for (const std::string &text : texts)
			result.push_back(parse_ip(text).value());
		return result;
	}

	void send(const std::string &from, const std::string &to,
		  std::uint8_t dscp, std::uint8_t protocol = UDP)
	{
		Bytes bytes = good({from, to, protocol, dscp});

		engine.process(frame(bytes));
	}

	// a reply: ports exchanged
	void answer(const std::string &from, const std::string &to)
	{
		Header ip{from, to, UDP, 0};
		Bytes udp = be16(80) + be16(40000) + be16(12) + be16(0) +
			    Bytes(4);
		Bytes bytes = packet(ip, udp);

		engine.process(frame(bytes));
	}

	const replay::Diagnoser &found() const { return engine.diagnoser(); }

	replay::Ruleset ruleset;
	replay::Engine engine;
};

} // namespace

TEST_CASE("replay: unmarked packets to a server's own address")
{
	Site learns, told({SERVER}), other({"10.0.0.1"});

	for (Site *site : {&learns, &told, &other}) {
		site->send(CLIENT, SERVER, 0);	// before it is known
		site->send(CLIENT, SERVER, 7);
		site->send(CLIENT, SERVER, 0);
		site->send(CLIENT, "10.128.9.32", 0);
	}
	CHECK(learns.found().unmarked() == 2);
	CHECK(learns.found().servers().size() == 1);
	CHECK(told.found().unmarked() == 2);
	CHECK(other.found().unmarked() == 0);
}

TEST_CASE("replay: replies from a server's own address")
{
	Site site;

	site.answer(SERVER, CLIENT);		// to nothing
	CHECK(site.found().from_server() == 0);
	site.send(CLIENT, SERVER, 7);
	site.answer(VIP, CLIENT);
	site.answer(SERVER, "144.100.10.2");
	CHECK(site.found().from_server() == 0);
	site.answer(SERVER, CLIENT);
	CHECK(site.found().from_server() == 1);
}

TEST_CASE("replay: pings answered from a server's own address")
{
	Site site;
	Bytes request = packet({CLIENT, SERVER, 1, 7}, {8, 0, 0, 0, 0, 1, 0, 1});
	Bytes reply = packet({SERVER, CLIENT, 1, 7}, {0, 0, 0, 0, 0, 1, 0, 1});
	Bytes error = packet({SERVER, CLIENT, 1, 7}, {3, 1, 0, 0, 0, 0, 0, 0});

	site.engine.process(frame(request));
	site.engine.process(frame(error));
	CHECK(site.found().from_server() == 0);
	site.engine.process(frame(reply));
	CHECK(site.found().from_server() == 1);
}

TEST_CASE("replay: DSCP values without a rule")
{
	Site site;

	site.send(CLIENT, SERVER, 8);
	site.send(CLIENT, SERVER, 7);
	site.send(CLIENT, SERVER, 8);
	CHECK(site.engine.counters().no_rule_for_dscp[8] == 2);
	CHECK(site.engine.counters().no_rule_for_dscp[7] == 0);
}

TEST_CASE("replay: tables of fixed size overflow, and say so")
{
	Site site;

	for (unsigned int i = 0; i < 40000; i++)
		site.send(CLIENT, "10.1." + std::to_string(i / 256) + "." +
				  std::to_string(i % 256), 0);
	CHECK(site.found().overflowed());
	CHECK(site.found().unmarked() == 0);
}
