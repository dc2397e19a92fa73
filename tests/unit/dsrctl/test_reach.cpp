// SPDX-License-Identifier: BSD-3-Clause
// Where the packets of a DSCP end up.
#include <set>

#include "common/saved_tables.hpp"
#include "doctor_world.hpp"
#include "dsrctl/reach.hpp"

using namespace dsr_test;

namespace {

using Answer = Reach::Answer;

const Arrivals HOST{{{"eth0", 2}, {"eth1", 3}},
		    {parse_ip("192.0.2.31").value(), parse_ip("2001:db8:9::31").value()}};

// Of lines "TABLE CHAIN rule".
nf::Ruleset rules(const std::string &lines, Family family = Family::ip4)
{
	return {nf::saved_tables(read_saved(saved(lines), "saved"), family)};
}

// Where packets of DSCP 7 end up: do they get to 10.0.0.7?
Reach ask(const nf::Ruleset &all, const std::string &vip = "10.0.0.7")
{
	return reach(all, HOST, {7, ip(vip)});
}

Answer answer(const std::string &lines)
{
	return ask(rules(lines)).answer;
}

const std::string TO_VIP = "-j DADDR --set-daddr 10.0.0.7\n";
const std::string DSCP = "-m dscp --dscp 0x07 ";

} // namespace

TEST_CASE("reach: every way to say that all packets of a DSCP go to a VIP")
{
	for (const std::string &lines :
	     {"raw PREROUTING " + DSCP + TO_VIP, "raw PREROUTING -m tos --tos 0x1c/0xfc " + TO_VIP,
	      "raw PREROUTING " + DSCP + "-m comment --comment \"-j DROP\" " + TO_VIP,
	      "mangle PREROUTING " + DSCP + TO_VIP, "mangle INPUT " + DSCP + TO_VIP,
	      std::string("raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7\n"),
	      "raw PREROUTING " + DSCP + "-j vips\nraw vips " + TO_VIP,
	      "raw PREROUTING -j vips\nraw vips " + DSCP + "-g seven\nraw seven " + TO_VIP,
	      "raw PREROUTING -j one\nraw one -j RETURN\nraw one -j DROP\n"
	      "raw PREROUTING " +
		      DSCP + TO_VIP,
	      "raw PREROUTING -i eth0 " + DSCP + TO_VIP + "raw PREROUTING ! -i eth0 " + DSCP +
		      TO_VIP,
	      "raw PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-mark 1\n"
	      "raw PREROUTING " +
		      DSCP + TO_VIP,
	      "raw PREROUTING -i lo -j ACCEPT\nraw PREROUTING " + DSCP + TO_VIP,
	      "raw PREROUTING -d 192.0.2.31/32 " + DSCP + TO_VIP}) {
		INFO(lines);
		CHECK(answer(lines) == Answer::all);
	}
}

TEST_CASE("reach: rules that lead some packets there, or none")
{
	for (const char *match : {"-i eth0 ", "-s 203.0.113.0/24 ", "-p tcp -m tcp --dport 80 ",
				  "-p udp -m multiport --dports 53,80:90 ", "! -i eth1 ",
				  "-m conntrack --ctstate NEW "}) {
		INFO(match);
		CHECK(answer("raw PREROUTING " + std::string(match) + DSCP + TO_VIP) ==
		      Answer::some);
	}
	for (const std::string &lines :
	     {std::string("raw PREROUTING -i lo ") + DSCP + TO_VIP,
	      "raw PREROUTING -d 192.0.2.99/32 " + DSCP + TO_VIP,
	      "raw PREROUTING -m dscp --dscp 0x08 " + TO_VIP,
	      "raw PREROUTING -m dscp ! --dscp 0x07 " + TO_VIP, "raw OUTPUT " + DSCP + TO_VIP,
	      "raw nowhere " + DSCP + TO_VIP,
	      "raw PREROUTING -j ACCEPT\nraw PREROUTING " + DSCP + TO_VIP,
	      "raw PREROUTING -g two\nraw two -j RETURN\nraw PREROUTING " + DSCP + TO_VIP,
	      "raw PREROUTING -j DSCP --set-dscp 0x00\nraw PREROUTING " + DSCP + TO_VIP,
	      std::string()}) {
		INFO(lines);
		CHECK(answer(lines) == Answer::none);
	}
	CHECK(answer("raw PREROUTING -m tos --tos 0x1c/0xff " + TO_VIP) == Answer::some);
	CHECK(ask(rules("raw PREROUTING " + DSCP + "-j DROP\n")).dropped);
	CHECK_FALSE(ask(rules("raw PREROUTING " + DSCP + "-j WHATEVER\n")).complete);
}

TEST_CASE("reach: what chains do by themselves")
{
	auto of = [](const std::string &policy, const std::string &rest) {
		return ask({nf::saved_tables(read_saved("*raw\n:PREROUTING " + policy +
								" [0:0]\n:empty - [0:0]\n"
								"-A PREROUTING -j empty\n" +
								rest + "-A PREROUTING " + DSCP +
								TO_VIP + "COMMIT\n",
							"saved"),
					     Family::ip4)});
	};

	CHECK(of("ACCEPT", "").answer == Answer::all);
	CHECK(of("ACCEPT", "").complete);
	CHECK(of("DROP", "").dropped);
	CHECK_FALSE(of("DROP", "-A PREROUTING -p tcp -j ACCEPT\n").dropped);
	CHECK(of("DROP", "-A PREROUTING -p tcp -j ACCEPT\n").answer == Answer::none);
	CHECK(of("ACCEPT", "-A PREROUTING -g empty\n").answer == Answer::none);

	// what a policy drops is gone, whatever the next chain would do
	const Reach gone = ask(
		{nf::saved_tables(read_saved("*raw\n:PREROUTING DROP [0:0]\nCOMMIT\n"
					     "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING " +
						     DSCP + TO_VIP + "COMMIT\n",
					     "saved"),
				  Family::ip4)});
	CHECK(gone.dropped);
	CHECK(gone.answer == Answer::none);
}

TEST_CASE("reach: chains of the same priority, in any order")
{
	auto chains = [](std::initializer_list<const char *> rules) {
		nf::Ruleset all;

		for (const char *rule : rules) {
			auto tables = nf::saved_tables(
				read_saved("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING " +
						   std::string(rule) + "COMMIT\n",
					   "saved"),
				Family::ip4);

			all.tables.insert(all.tables.end(), tables.begin(), tables.end());
		}
		return all;
	};
	const char *const first = "-d 192.0.2.31/32 -j DADDR --set-daddr 10.0.0.1\n";
	const char *const second = "-d 10.0.0.1/32 -j DADDR --set-daddr 10.0.0.2\n";
	const char *const third = "-d 10.0.0.2/32 -j DADDR --set-daddr 10.0.0.7\n";
	nf::Flow flow(Family::ip4, 7);
	auto ends = [&](const nf::Ruleset &rules) {
		std::set<std::string> addresses;

		flow.set_destination(ip("192.0.2.31"));
		for (const nf::Fate &fate : nf::walk(rules, flow).all)
			addresses.insert(text(fate.flow.destination().value()));
		return addresses;
	};

	// only first, third, second gives 10.0.0.2
	CHECK(ends(chains({first, second, third})) ==
	      std::set<std::string>{"10.0.0.1", "10.0.0.2", "10.0.0.7"});
	CHECK(nf::walk(chains({first, second, third}), flow).complete);
	CHECK_FALSE(nf::walk(chains({first, second, third, first, second}), flow).complete);
}

TEST_CASE("reach: an address, and a port")
{
	const std::string port = "-p tcp -m tcp --dport 8080 ";
	const std::string to_port = "-j DADDR --set-daddr 10.0.0.7 --set-dport 80\n";
	auto ask_for = [](const std::string &lines, const Item &item) {
		return reach(rules(lines), HOST, item).answer;
	};
	const PortChange http{Protocol::tcp, 8080, 80};
	const Item named{7, ip("10.0.0.7"), ip("192.0.2.31")};
	const Item ported{7, ip("10.0.0.7"), {}, http};

	CHECK(ask_for("raw PREROUTING -d 192.0.2.31/32 " + DSCP + TO_VIP, named) == Answer::all);
	CHECK(ask_for("raw PREROUTING -d 192.0.2.32/32 " + DSCP + TO_VIP, named) == Answer::none);
	CHECK(ask_for("raw PREROUTING " + DSCP + TO_VIP, named) == Answer::all);

	CHECK(ask_for("raw PREROUTING " + port + DSCP + to_port, ported) == Answer::all);
	CHECK(ask_for("raw PREROUTING -p tcp -m multiport --dports 80,8080 " + DSCP + to_port,
		      ported) == Answer::all);
	CHECK(ask_for("raw PREROUTING " + port + DSCP + TO_VIP, ported) == Answer::none);
	CHECK(ask_for("raw PREROUTING -p udp -m udp --dport 8080 " + DSCP + to_port, ported) ==
	      Answer::none);
	CHECK(ask_for("raw PREROUTING " + port + DSCP + to_port, {7, ip("10.0.0.7")}) ==
	      Answer::some);
	// the first makes a packet of it that the second is not for
	CHECK(ask_for("raw PREROUTING " + port + DSCP + to_port + "raw PREROUTING " + port + DSCP +
			      TO_VIP,
		      ported) == Answer::all);
}

TEST_CASE("reach: more interfaces than are asked for one by one")
{
	Arrivals many = HOST;

	for (std::uint32_t i = 0; i < 100; i++)
		many.interfaces.push_back({"veth" + std::to_string(i), 10 + i});
	CHECK(reach(rules("raw PREROUTING " + DSCP + TO_VIP), many, {7, ip("10.0.0.7")}).answer ==
	      Answer::all);
	CHECK(reach(rules("raw PREROUTING ! -i veth99 " + DSCP + TO_VIP), many, {7, ip("10.0.0.7")})
		      .answer == Answer::some);
}

TEST_CASE("reach: of two that lead elsewhere, the later decides")
{
	const std::string other = "-j DADDR --set-daddr 10.0.0.8\n";
	const nf::Ruleset all = rules("raw PREROUTING " + DSCP + TO_VIP + "mangle PREROUTING " +
				      DSCP + other);
	Reach found = ask(all);

	CHECK(found.answer == Answer::none);
	REQUIRE(found.others.size() == 1);
	CHECK(where(found.others[0]) ==
	      "rule \"-t mangle -A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.8\"");
	CHECK(ask(rules("mangle PREROUTING " + DSCP + TO_VIP + "raw PREROUTING " + DSCP + other))
		      .answer == Answer::all);

	// of the same priority, nobody knows which is the later
	nf::Ruleset both = rules("raw PREROUTING " + DSCP + TO_VIP);
	both.tables.push_back(rules("raw PREROUTING " + DSCP + other).tables[0]);
	CHECK(ask(both).answer == Answer::some);
}

TEST_CASE("reach: dscp_rewrite comes before every table, and knows addresses")
{
	Rule any, named;

	any.store = named.store = Store::dscp_rewrite;
	any.items = {{7, ip("10.0.0.7")}};
	named.items = {{7, ip("10.0.0.9"), ip("192.0.2.31")}};
	CHECK(ask({{rewrite_table(Family::ip4, {any})}}).answer == Answer::all);
	CHECK(ask({{rewrite_table(Family::ip4, {any, named})}}).answer == Answer::none);
	CHECK(reach({{rewrite_table(Family::ip4, {any, named})}}, HOST, named.items[0]).answer ==
	      Answer::all);

	nf::Ruleset both = rules("raw PREROUTING " + DSCP + "-j DADDR --set-daddr 10.0.0.8\n");
	both.tables.push_back(rewrite_table(Family::ip4, {any}));
	CHECK(ask(both).answer == Answer::none);
	CHECK(ask(both, "10.0.0.8").answer == Answer::all);
	any.active = false;
	CHECK(ask({{rewrite_table(Family::ip4, {any})}}).answer == Answer::none);
}

TEST_CASE("reach: no packet comes to a table that is dormant")
{
	nf::Ruleset all = rules("raw PREROUTING " + DSCP + TO_VIP + "mangle PREROUTING " + DSCP +
				"-j DADDR --set-daddr 10.0.0.8\n");

	for (nf::Table &table : all.tables)
		table.dormant = table.name == "mangle";
	CHECK(ask(all).answer == Answer::all);
	CHECK(leads(all).size() == 1);
	for (nf::Table &table : all.tables)
		table.dormant = table.name == "raw";
	CHECK(ask(all).answer == Answer::none);
	CHECK(ask(all, "10.0.0.8").answer == Answer::all);
}

TEST_CASE("reach: a look-up of which a part is known")
{
	nf::Ruleset all = rules("raw PREROUTING -j ACCEPT\n");
	nf::Table &table = all.tables[0];
	nf::Rule rule;
	auto element = [](nf::Bytes key) {
		return nf::Element{key, key, {10, 0, 0, 7}, {}, false};
	};

	// ip daddr set ip daddr . ip dscp map { 192.0.2.31 . 7 : 10.0.0.7 }
	table.sets["map"].elements = {element({192, 0, 2, 31, 7, 0, 0, 0}),
				      element({192, 0, 2, 32, 7, 0, 0, 0})};
	rule.steps = {nf::Load{nf::Header::network, 16, 4, 0},
		      nf::Load{nf::Header::network, 1, 1, 4},
		      nf::Mask{4, 4, {0xfc}, {0}},
		      nf::Shift{4, 4, 1, 2, false},
		      nf::Lookup{"map", 0, nf::Register{0}, false, false},
		      nf::Write{nf::Header::network, 16, 4, 0}};
	table.chains["PREROUTING"].rules = {rule};
	CHECK(ask(all).answer == Answer::all);
	table.sets["map"].elements[0].data = {10, 0, 0, 8};
	CHECK(ask(all).answer == Answer::none);
	CHECK(ask(all, "10.0.0.8").answer == Answer::all);
	table.sets["map"].complete = false;
	CHECK(ask(all).answer == Answer::none);
}
