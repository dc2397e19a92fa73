// SPDX-License-Identifier: BSD-3-Clause
// dsrctl fleet: sites are made up, agree, and then get one conflict each that
// has to be found, and nothing else with it.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>

#include <nlohmann/json.hpp>

#include "dsrctl.hpp"
#include "json_fields.hpp"
#include "dsrctl/fleet/fleet.hpp"
#include "lb_world.hpp"

using namespace dsr_test;

namespace {

namespace fleet = dsr::fleet;

using Lines = std::vector<std::pair<std::string, unsigned int>>; // VIP, DSCP

struct World {
	std::vector<Pool> pools;
	std::map<std::string, Lines> hosts; // by address
	std::vector<std::string> vendors;   // one load balancer each
	std::vector<Site> sites;	    // what each of them has
};

// The same every time for the same seed.
class Maker {
public:
	explicit Maker(unsigned int seed) : random_(seed) {}

	unsigned int below(unsigned int limit)
	{
		return static_cast<unsigned int>(random_() % limit);
	}

	World world()
	{
		World world;
		unsigned int pools = 2 + below(4);

		for (unsigned int p = 0; p < pools; p++)
			world.pools.push_back(pool(p));
		for (const Pool &pool : world.pools)
			for (const Server &server : pool.servers)
				for (const Virtual &vip : pool.vips)
					world.hosts[text(server.ip)].emplace_back(text(vip.ip),
										  vip.dscp);
		for (unsigned int i = 0; i < 2; i++) {
			world.vendors.emplace_back(NAMES[below(std::size(NAMES))]);
			world.sites.push_back({world.pools, {{"tcp", 80}}});
		}
		return world;
	}

private:
	// At least two servers and two VIPs. DSCPs are those of other pools,
	// too, and none that others use.
	Pool pool(unsigned int number)
	{
		unsigned int servers = 2 + below(6), vips = 2 + below(10);
		unsigned int dscp = 20 + below(5);
		std::string base = "10." + std::to_string(number);
		Pool pool;

		pool.name = "p" + std::to_string(number);
		for (unsigned int i = 0; i < servers; i++)
			pool.servers.push_back(
				{ip(base + ".1." + std::to_string(i + 1)), 1, "s:1"});
		for (unsigned int i = 0; i < vips; i++)
			pool.vips.push_back({ip(base + ".2." + std::to_string(i + 1)),
					     static_cast<std::uint8_t>(dscp++), "f:1"});
		return pool;
	}

	std::mt19937 random_;
};

fleet::Fleet build(const World &world)
{
	fleet::Fleet fleet;

	for (const auto &[address, lines] : world.hosts) {
		std::string config;

		for (const auto &[vip, dscp] : lines)
			config += vip + " = " + std::to_string(dscp) + "\n";
		fleet.hosts.push_back({address, {ip(address)}, parse(config, address)});
	}
	for (std::size_t i = 0; i < world.sites.size(); i++) {
		const Vendor &syntax = vendor(world.vendors[i]);
		const std::string name = "lb" + std::to_string(i);

		fleet.balancers.push_back({name, syntax.read(syntax.write(world.sites[i]), name)});
	}
	return fleet;
}

struct Conflict {
	const char *id;
	// Makes it in the pool; the VIP that it is about.
	std::function<std::string(World &, Maker &, std::size_t pool)> plant;
	bool others = false; // findings of other kinds follow from it
};

Lines &lines_of(World &world, std::size_t pool, std::size_t server)
{
	return world.hosts[text(world.pools[pool].servers[server].ip)];
}

const Conflict CONFLICTS[] = {
	{"vip-missing",
	 [](World &world, Maker &maker, std::size_t pool) {
		 Lines &lines = lines_of(world, pool, 0);
		 std::size_t at = maker.below(static_cast<unsigned int>(lines.size()));
		 std::string vip = lines[at].first;

		 lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
		 return vip;
	 }},
	{"marked-not-served",
	 [](World &world, Maker &, std::size_t pool) {
		 std::string vip = lines_of(world, pool, 0)[0].first;

		 for (std::size_t i = 0; i < world.pools[pool].servers.size(); i++)
			 lines_of(world, pool, i).erase(lines_of(world, pool, i).begin());
		 return vip;
	 }},
	{"dscp-differs",
	 [](World &world, Maker &, std::size_t pool) {
		 lines_of(world, pool, 1)[0].second = 60;
		 return lines_of(world, pool, 1)[0].first;
	 },
	 true},
	{"vip-differs",
	 [](World &world, Maker &, std::size_t pool) {
		 Lines &lines = lines_of(world, pool, 0);

		 std::swap(lines[0].second, lines[1].second);
		 return lines[0].first;
	 },
	 true},
	{"served-not-marked",
	 [](World &world, Maker &, std::size_t pool) {
		 for (Site &site : world.sites)
			 site.pools[pool].vips.pop_back();
		 return text(world.pools[pool].vips.back().ip);
	 }},
	{"served-not-marked",
	 [](World &world, Maker &, std::size_t pool) {
		 lines_of(world, pool, 0).emplace_back("10.250.0.1", 59);
		 return std::string("10.250.0.1");
	 }},
	{"dscp-twice",
	 [](World &world, Maker &, std::size_t pool) {
		 // a server of the next pool gets this one's traffic, too
		 const Pool &next = world.pools[(pool + 1) % world.pools.size()];

		 for (Site &site : world.sites) {
			 site.pools[pool].servers.push_back(next.servers[0]);
			 site.pools[pool].vips[0].dscp = next.vips[0].dscp;
		 }
		 return std::string();
	 },
	 true},
	{"unknown-server",
	 [](World &world, Maker &, std::size_t pool) {
		 world.hosts.erase(text(world.pools[pool].servers[0].ip));
		 return std::string();
	 }},
	{"balancers-differ",
	 [](World &world, Maker &, std::size_t pool) {
		 world.sites[0].pools[pool].servers.pop_back();
		 return text(world.pools[pool].vips[0].ip);
	 }},
	{"dscp-of-others",
	 [](World &world, Maker &, std::size_t pool) {
		 const std::string vip = text(world.pools[pool].vips[0].ip);

		 for (Site &site : world.sites)
			 site.pools[pool].vips[0].dscp = 46;
		 for (std::size_t i = 0; i < world.pools[pool].servers.size(); i++)
			 lines_of(world, pool, i)[0].second = 46;
		 return vip;
	 }},
};

void print(const fleet::Findings &findings)
{
	UNSCOPED_INFO(fleet::findings_text(findings));
}

unsigned int seed()
{
	if (const char *given = std::getenv("FLEET_SEED"))
		return static_cast<unsigned int>(std::strtoul(given, nullptr, 10));
	return std::random_device()();
}

} // namespace

TEST_CASE("dsrctl fleet: what is planted is found, and nothing else")
{
	const unsigned int first = seed();

	std::cout << "FLEET_SEED=" << first << "\n";
	for (unsigned int round = 0; round < 40; round++) {
		for (const Conflict &conflict : CONFLICTS) {
			Maker maker(first + round);
			World world = maker.world();
			const std::size_t pool = maker.below(
				static_cast<unsigned int>(world.pools.size()));

			INFO("FLEET_SEED=" << first << ", round " << round << ", " << conflict.id
					   << " in pool " << pool << ", " << world.vendors[0]
					   << " and " << world.vendors[1]);
			fleet::Findings before = fleet::check(build(world));
			print(before);
			REQUIRE(before.empty());

			const std::string vip = conflict.plant(world, maker, pool);
			fleet::Findings after = fleet::check(build(world));
			bool found = false;

			print(after);
			for (const fleet::Finding &finding : after) {
				bool same = finding.id == conflict.id;

				if (same &&
				    (vip.empty() || (finding.vip && text(*finding.vip) == vip)))
					found = true;
				if (!conflict.others &&
				    std::string(conflict.id) != "balancers-differ")
					CHECK(same);
			}
			CHECK(found);
			CHECK(fleet::exit_status(after) != 0);
		}
	}
}

TEST_CASE("dsrctl fleet: servers alone may be of different pools, but a VIP has one meaning")
{
	auto compared = [](const std::string &a, const std::string &b) {
		return fleet::compare({{"a", {}, parse(a, "a")}, {"b", {}, parse(b, "b")}});
	};

	CHECK(compared("10.0.0.7=7\n10.0.0.9\n", "10.0.0.9\n10.0.0.7=0x7 dev eth1\n").empty());
	auto found = compared("10.0.0.7=7\n", "10.0.0.8=7\n");
	REQUIRE(found.size() == 3);
	CHECK(fleet::exit_status(found) == 0);
	CHECK(found[0].id == "dscp-reused");
	CHECK(found[0].text ==
	      "found that a:1 has 10.0.0.7 = 7 and b:1 has 10.0.0.8 = 7, which is right for servers of different pools; dsrctl fleet knows, with the load balancer's configuration");
	CHECK(found[1].id == "not-on-all");
	found = compared("10.0.0.7=7\n", "10.0.0.7=AF11\n");
	REQUIRE(found.size() == 1);
	CHECK(fleet::exit_status(found) == 2);
	CHECK(found[0].text == "a:1 has 10.0.0.7 = 7 and b:1 has 10.0.0.7 = AF11");
	CHECK(compared("10.0.0.7\n", "10.0.0.7=7\n")[0].text ==
	      "a:1 has 10.0.0.7 (l2dsr) and b:1 has 10.0.0.7 = 7");
	CHECK(fleet::exit_status(compared("10.0.0.7=7\n", "10.0.0.7=7\nx y\n")) == 2);
}

TEST_CASE("dsrctl fleet: a VIP for one address of a server is not served on another")
{
	const Ip first = ip("10.128.9.31"), second = ip("10.128.9.32");
	auto mapping = [](const std::string &vip, const Ip &server) {
		Mapping mapping;

		mapping.vip = ip(vip);
		mapping.where = mapping.dscp_where = "lb:1";
		mapping.dscp = 16;
		mapping.servers = {{server, "lb:2"}};
		return mapping;
	};
	fleet::Fleet site;

	site.hosts = {{"a",
		       {first, second},
		       parse("10.0.0.7=16 to 10.128.9.31\n10.0.0.8=16 to 10.128.9.32\n")}};
	site.balancers = {{"lb", {}}};
	site.balancers[0].reading.mappings = {mapping("10.0.0.7", first),
					      mapping("10.0.0.8", second)};
	CHECK(fleet::check(site).empty());
	site.balancers[0].reading.mappings = {mapping("10.0.0.7", second),
					      mapping("10.0.0.8", second)};
	std::set<std::string> ids;
	for (const fleet::Finding &finding : fleet::check(site))
		ids.insert(finding.id);
	CHECK(ids == std::set<std::string>{"dscp-twice", "served-not-marked", "vip-differs"});
}

TEST_CASE("dsrctl fleet: each load balancer is right by itself")
{
	const std::string good =
		"table ip lb {\n\tchain c {\n\t\ttype filter hook prerouting priority raw\n"
		"\t\tip daddr 10.0.0.7 tcp dport 80 ip dscp set 16 ip daddr set 10.128.9.31\n\t}\n}\n";
	auto ids = [&](const std::string &other, const std::string &config) {
		std::vector<std::string> found;
		fleet::Fleet site;

		site.hosts = {{"a", {ip("10.128.9.31"), ip("2001:db8:9::31")}, parse(config)}};
		site.balancers = {{"one", vendor("nft").read(good, "one")},
				  {"two", vendor("nft").read(other, "two")}};
		for (const fleet::Finding &finding : fleet::check(site)) {
			UNSCOPED_INFO(finding.text);
			found.push_back(finding.id);
		}
		return found;
	};
	using Ids = std::vector<std::string>;

	CHECK(ids(good, "10.0.0.7 = 16\n").empty());
	CHECK(ids(with(good, "ip dscp set 16 ", ""), "10.0.0.7 = 16\n") == Ids{"sent-unmarked"});
	CHECK(ids(with(good, "ip daddr set", "tcp dport set 8080 ip daddr set"),
		  "10.0.0.7 = 16\n") == Ids{"port-differs"});
	CHECK(ids(with(good, "set 10.128.9.31", "set 2001:db8:9::31"), "10.0.0.7 = 16\n")[0] ==
	      "family-differs");
	CHECK(ids("", "10.0.0.7 = 16\n").empty());
	// both send 80 as it is
	CHECK(ids(good, "10.0.0.7:80 = 16 tcp 8080\n") == Ids{"port-differs", "port-differs"});
}

TEST_CASE("dsrctl fleet: the program")
{
	Dsrctl program;

	program.directory.save("fleet/192.0.2.31/a.conf", "198.51.100.10 = 7\n");
	program.directory.save("fleet/192.0.2.32,192.0.2.33/etc/dsr.d/a.conf",
			       "198.51.100.10 = 7\n198.51.100.11 = 18\n");
	program.directory.save("lb", "lb vip 198.51.100.10/32 encap l3dsr dscp 7\n"
				     "lb as 198.51.100.10/32 192.0.2.31 192.0.2.33\n");
	CHECK(program.run("fleet --servers fleet --lb vpp:lb") == 3);
	CHECK(program.text ==
	      "warning: served-not-marked: fleet/192.0.2.32,192.0.2.33/etc/dsr.d/a.conf:2: no load balancer marks 198.51.100.11 with 18 and sends it there: 192.0.2.32,192.0.2.33\n"
	      "warning: dscp-of-others: fleet/192.0.2.32,192.0.2.33/etc/dsr.d/a.conf:2: DSCP 18 (TOS 72, 0x48, 010010b) stands for 198.51.100.11, and OpenSSH itself marks sessions with it: such packets to a server's own address get to the VIP\n"
	      "0 errors, 2 warnings\n"
	      "2 servers, 1 load balancers\n");
	program.directory.save("hosts", "# two\nfleet/192.0.2.31 192.0.2.31\n");
	program.directory.save("lb2", "lb vip 198.51.100.10/32 encap l3dsr dscp 8\n"
				      "lb as 198.51.100.10/32 192.0.2.31\n");
	CHECK(program.run("fleet --servers hosts --lb vpp:lb --lb vpp:lb2 --json") == 2);
	auto all = nlohmann::json::parse(program.text);
	CHECK(all["errors"] == 1);
	CHECK(all["findings"][0]["id"] == "dscp-differs");
	CHECK(all["findings"][0]["servers"][0] == "fleet/192.0.2.31");
	CHECK(all["findings"][0]["dscp"] == 8);
	CHECK(program.run("fleet --servers hosts") == 0);

	const std::pair<const char *, const char *> bad[] = {
		{"", "--servers is required"},
		{"--servers none", "none: No such file or directory"},
		{"--servers hosts --lb f5:lb",
		 "--lb: found \"f5:lb\", expected VENDOR:FILE, of one of a10,"},
		{"--servers hosts --lb vpp:none", "none: No such file or directory"},
		{"--servers names",
		 "names: the directory \"web1\" must be named by the server's own address, or a file must have the addresses"},
		{"--servers wrong", "wrong:1: found \"web1\", expected an address of the server"},
		{"--servers wrong",
		 "wrong:1: found \"127.0.0.1\", expected an address of the server"},
		{"--servers wrong",
		 "wrong:2: the addresses of the server are missing after its directory"},
	};
	program.directory.save("names/web1/a.conf", "");
	program.directory.save("wrong", "fleet/192.0.2.31 web1 127.0.0.1\nfleet\n");
	for (auto [arguments, error] : bad) {
		CHECK(program.run(std::string("fleet ") + arguments) == 1);
		INFO(program.error);
		CHECK(has(program.error, error));
	}
}

TEST_CASE("dsrctl fleet: JSON has the fields that the man page lists")
{
	unit::JsonFields fields("dsrctl/fleet/dsrctl-fleet.8");
	fleet::Finding finding;

	fields.see(fleet::findings_json({}, {}));
	fields.see(fleet::findings_json({finding}, {}));
	finding.hosts = {"one"};
	finding.vip = ip("10.0.0.7");
	finding.dscp = 7;
	fields.see(fleet::findings_json({finding}, {}));
	check(fields);
}
