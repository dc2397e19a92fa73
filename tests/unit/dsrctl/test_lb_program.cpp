// SPDX-License-Identifier: BSD-3-Clause
// What dsrctl lb-config is given, and the program as a whole.
#include <nlohmann/json.hpp>

#include "lb_world.hpp"
#include "dsrctl.hpp"
#include "json_fields.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl lb-config: a list of servers that is wrong")
{
	struct {
		const char *text, *error;
	} const bad[] = {
		{"host",
		 "s:1: found \"host\", expected a server: its own address, and perhaps weight and a number"},
		{"\n10.1.1.1/32",
		 "s:2: found \"10.1.1.1/32\", expected a server: its own address, and perhaps weight and a number"},
		{"127.0.0.1",
		 "s:1: found \"127.0.0.1\", the host's own loopback address, expected the address of a host"},
		{"10.1.1.1 wait 3",
		 "s:1: found \"wait\", expected a server: its own address, and perhaps weight and a number"},
		{"10.1.1.1 weight",
		 "s:1: found the end of the line, expected a number after weight"},
		{"10.1.1.1 weight 101", "s:1: found \"101\", expected a weight: 0 to 100"},
		{"10.1.1.1 weight -1", "s:1: found \"-1\", expected a weight: 0 to 100"},
		{"10.1.1.1 weight 1 2", "s:1: found \"2\", expected the end of the line"},
		{"10.1.1.1\n10.1.1.2\n10.1.1.1 weight 2",
		 "s:3: found 10.1.1.1 again, expected it once: it is in s:1"},
		{"[]",
		 "s:1: found \"[]\", expected the name of a pool: [NAME], of letters, digits, _ and -, 32 at most"},
		{"[a b]",
		 "s:1: found \"[a b]\", expected the name of a pool: [NAME], of letters, digits, _ and -, 32 at most"},
		{"[a]\n[b]\n[a]", "s:3: found [a] again, expected it once: it is in s:1"},
		{"config",
		 "s:1: found the end of the line, expected config and one file or directory of dsr.conf(5)"},
		{"config a b",
		 "s:1: found \"b\", expected config and one file or directory of dsr.conf(5)"},
	};

	for (const auto &one : bad) {
		std::vector<std::string> errors;

		read_servers(one.text, "s", errors);
		REQUIRE(errors.size() == 1);
		CHECK(errors[0] == one.error);
	}
}

TEST_CASE("dsrctl lb-config: services")
{
	CHECK(parse_service("udp/65535").port == 65535);
	for (const char *text :
	     {"", "tcp", "tcp/", "tcp/0", "tcp/65536", "icmp/1", "/80", "tcp/80x", "TCP/80"})
		CHECK_THROWS_WITH(parse_service(text),
				  "--service: found " + quote(text) +
					  ", expected tcp or udp, / and a port: tcp/80");
}

TEST_CASE("dsrctl lb-config: pools, each with its VIPs and servers")
{
	std::vector<std::string> errors;
	auto sections = read_servers("# two\n[shop]\n10.1.1.1 = 7 # web\n10.128.9.31 weight 2\n"
				     "10.1.1.2=8\n[mail]\nconfig mail.d\n10.128.9.31\n",
				     "s", errors);

	CHECK(errors.empty());
	REQUIRE(sections.size() == 3);
	CHECK(sections[0].servers.empty());
	CHECK(sections[1].name == "shop");
	CHECK(sections[1].where == "s:2");
	CHECK(sections[1].vips == "\n\n10.1.1.1 = 7 # web\n\n10.1.1.2=8\n");
	REQUIRE(sections[1].servers.size() == 1);
	CHECK(sections[1].servers[0].weight == 2);
	CHECK(sections[2].configs == std::vector<std::string>{"mail.d"});
	REQUIRE(sections[2].servers.size() == 1);
	CHECK(sections[2].servers[0].where == "s:8");
}

TEST_CASE("dsrctl lb-config: what keeps a configuration from being written")
{
	std::vector<std::string> errors, warnings;
	Site site;

	site.pools = {
		{"",
		 virtuals(entries("10.1.1.1=7\n2001:db8::1=7\n10.1.1.1=8\n10.1.1.5=0\n"), warnings),
		 servers("10.1.1.1\n2001:db8::2 weight 0\n")}};
	CHECK(site.vips() == 2);
	REQUIRE(warnings.size() == 2);
	CHECK(warnings[0] ==
	      "f:3: found a second DSCP for 10.1.1.1, expected one: the load balancer uses that of f:1");
	CHECK(warnings[1] ==
	      "f:4: found 10.1.1.5 = 0, expected 1 to 63: a load balancer cannot mark with 0, and this VIP is left out");
	check(site, errors);
	REQUIRE(errors.size() == 2);
	CHECK(errors[0] ==
	      "s:1: found 10.1.1.1, which is a VIP in f:1, expected the server's own address");
	CHECK(errors[1] ==
	      "there are IPv6 VIPs and no IPv6 server: name one of a weight above 0 with --servers or --real, or leave these VIPs out with -4");
}

TEST_CASE("dsrctl lb-config: a DSCP is one server's, and a VIP one pool's")
{
	auto errors_of = [](const Pool &one, const Pool &other) {
		std::vector<std::string> errors;

		check({{one, other}, {}}, errors);
		return errors;
	};
	const Pool shop = pool("10.1.1.1 = 7\n", "10.128.9.31\n", "shop");

	CHECK(errors_of(shop, pool("10.1.1.2 = 7\n", "10.128.9.32\n", "b")).empty());
	CHECK(errors_of(shop, pool("10.1.1.2 = 8\n", "10.128.9.31\n", "b")).empty());
	CHECK(errors_of(shop, pool("10.1.1.2 = 7\n", "10.128.9.31\n", "b")) ==
	      std::vector<std::string>{
		      "s:1: found 10.128.9.31 with DSCP 7 (TOS 28, 0x1c, 000111b) for 10.1.1.2 (f:1) and for 10.1.1.1 (f:1), expected one VIP for it on each server"});
	CHECK(errors_of(shop, pool("10.1.1.1 = 7\n", "10.128.9.32\n", "b")) ==
	      std::vector<std::string>{
		      "f:1: found 10.1.1.1 in pool b, expected it in one pool: another has it in f:1"});
	CHECK(errors_of(shop, pool("10.1.1.2 = 7\n", "", "b")) ==
	      std::vector<std::string>{
		      "pool b: there are IPv4 VIPs and no IPv4 server: name one of a weight above 0 with --servers or --real"});
}

namespace {

// dsrctl lb-config, of a configuration and a list of servers that it finds
class LbConfig : public Dsrctl {
public:
	LbConfig()
	{
		directory.save("conf", CONFIG);
		directory.save("servers", SERVERS);
	}

	int run(const std::string &arguments)
	{
		const bool named = has(arguments, "-f ") || has(arguments, "-d ");
		const std::string file = named ? "" : "-f conf ";

		return Dsrctl::run("lb-config " + file + arguments);
	}
};

} // namespace

TEST_CASE("dsrctl lb-config: the program writes and compares")
{
	LbConfig program;

	CHECK(program.run("--vendor netscaler --servers servers") == 0);
	CHECK(program.text == written("netscaler", {}));
	CHECK(program.error == "");
	program.directory.save("lb", program.text);
	CHECK(program.run("--vendor netscaler --verify lb --servers servers") == 0);
	CHECK(program.text == "All 3 VIPs agree.\n");
	CHECK(program.run("--vendor netscaler --verify - <lb") == 0);
	program.directory.save(
		"lb", with(with(written("netscaler", {}), "-tos YES -tosId 7", "-tos YES -tosId 8"),
			   "-m TOS -tosId 7", "-m TOS -tosId 8"));
	CHECK(program.run("--vendor netscaler --verify lb") == 2);
	CHECK(has(
		program.text,
		": found DSCP 8 (TOS 32, 0x20, 001000b) for 10.128.8.46, expected DSCP 7 (TOS 28, 0x1c, 000111b) as in conf:1\n"));
	CHECK(program.run("--vendor netscaler --json --verify lb") == 2);
	CHECK(nlohmann::json::parse(program.text)["agree"] == false);
	CHECK(program.error == "");
	CHECK(program.run("-6 --vendor netscaler --verify lb") == 0);
	CHECK(program.text == "The VIP agrees.\n");

	CHECK(program.run("-4 --vendor vpp --real '10.1.1.1 weight 2'") == 0);
	CHECK(program.text == "lb vip 10.128.8.46/32 encap l3dsr dscp 7\n"
			      "lb as 10.128.8.46/32 10.1.1.1 weight 2\n"
			      "lb vip 10.128.8.47/32 encap l3dsr dscp 10\n"
			      "lb as 10.128.8.47/32 10.1.1.1 weight 2\n");
	CHECK(program.run("-4 --vendor brocade --service tcp/80 --real '10.1.1.1 weight 2'") == 0);
	CHECK(has(program.error, "--real: brocade has no weights: it is not written\n"));
	CHECK(program.run("-4 --vendor a10 --servers servers --service tcp/80") == 0);
	CHECK(!has(program.text, "2001:"));
}

TEST_CASE("dsrctl lb-config: the program refuses, and writes nothing")
{
	struct {
		const char *arguments, *error;
	} const bad[] = {
		{"", "--vendor is required"},
		{"--vendor f5",
		 "--vendor: found \"f5\", expected one of a10, brocade, netscaler, vpp, ipvs, keepalived, nft"},
		{"--vendor nft",
		 "there are IPv4 VIPs and no IPv4 server: name one of a weight above 0 with --servers or --real"},
		{"--vendor a10 --servers servers", "a10 needs --service, such as tcp/80"},
		{"--vendor vpp --servers servers",
		 "conf:2: vpp has L3DSR for IPv4 only; -4 leaves the IPv6 VIPs out"},
		{"--vendor nft --servers none", "none: No such file or directory"},
		{"--vendor nft --servers servers --service tcp",
		 "--service: found \"tcp\", expected tcp or udp, / and a port: tcp/80"},
		{"--vendor nft --real host",
		 "--real: found \"host\", expected a server: its own address, and perhaps weight and a number"},
		{"--vendor nft --real ''", "--real: found nothing, expected a server"},
		{"--vendor nft --verify none", "none: No such file or directory"},
		{"--vendor nft --servers servers -f bad", "bad:1: found \"x/y\""},
	};
	LbConfig program;

	program.directory.save("bad", "x/y\n");
	for (const auto &one : bad) {
		INFO(one.arguments);
		CHECK(program.run(one.arguments) == 1);
		CHECK(program.text == "");
		INFO(program.error);
		CHECK(has(program.error, one.error));
	}
	CHECK(program.run("--help") == 0);
	CHECK(has(program.text, "dsrctl lb-config --vendor a10"));
}

TEST_CASE("dsrctl lb-config: the program knows pools, and prints the model")
{
	LbConfig program;

	program.directory.save("mail.d/a.conf", "10.128.8.56 = 7\n");
	program.directory.save("pools", "[shop]\n10.128.8.46 = 7\n10.128.9.31 weight 2\n"
					"[mail]\nconfig mail.d\n10.128.9.41\n");
	CHECK(program.run("-d /nowhere --json --servers pools --service tcp/80") == 0);
	INFO(program.text);
	auto model = nlohmann::json::parse(program.text);
	REQUIRE(model["pools"].size() == 2);
	CHECK(model["pools"][0]["name"] == "shop");
	CHECK(model["pools"][0]["vips"][0]["dscp"] == 7);
	CHECK(model["pools"][0]["vips"][0]["where"] == "pools:2");
	CHECK(model["pools"][0]["servers"][0]["weight"] == 2);
	CHECK(model["pools"][1]["vips"][0]["address"] == "10.128.8.56");
	CHECK(model["pools"][1]["vips"][0]["tos"] == 28);
	CHECK(model["services"][0]["port"] == 80);

	CHECK(program.run("--vendor nft --servers pools") == 0);
	program.directory.save("lb", program.text);
	CHECK(program.run("--vendor nft --servers pools --verify lb") == 0);
	CHECK(program.text == "All 2 VIPs agree.\n");
	// the other pool is none of this one's business
	program.directory.save("shop", "10.128.8.46 = 7\n");
	CHECK(program.run("-f shop --vendor nft --real 10.128.9.31 --verify lb") == 0);
	CHECK(program.text == "The VIP agrees.\n");
	CHECK(program.run("--vendor nft --servers pools --real 10.1.1.1") == 1);
	CHECK(has(program.error,
		  "--real: servers and VIPs must be below a [NAME], as there is one in pools:1"));
	program.directory.save(
		"pools", "[a]\n10.1.1.1 = 7\n10.1.1.31\n[b]\n10.1.1.2 = 8\n10.1.1.31 weight 2\n");
	CHECK(program.run("--vendor nft --servers pools") == 0);
	CHECK(program.run("--vendor a10 --service tcp/80 --servers pools") == 1);
	CHECK(has(
		program.error,
		"pools:6: the weight differs from that in pools:3: to a10 it is the server's, in all pools"));
}

TEST_CASE("dsrctl lb-config: a DSCP that others use is warned of")
{
	LbConfig program;

	program.directory.save("ef", "10.128.8.46 = EF\n");
	CHECK(program.run("-f ef --vendor vpp --real 10.1.1.1") == 0);
	CHECK(has(
		program.error,
		"ef:1: voice, ntpd and newer OpenSSH use DSCP 46 (TOS 184, 0xb8, 101110b): such packets"));
}

TEST_CASE("dsrctl lb-config: JSON has the fields that the man page lists")
{
	LbConfig program;
	unit::JsonFields model("dsrctl/lb/dsrctl-lb-config.8", "Without \\-\\-verify");
	unit::JsonFields verdict("dsrctl/lb/dsrctl-lb-config.8", "With \\-\\-verify");

	CHECK(program.run("--json --servers servers") == 0);
	model.see(program.text);
	CHECK(program.run("--json --servers servers --service tcp/80") == 0);
	model.see(program.text);
	program.directory.save("changed", "10.128.8.46:80 = 7 tcp 8080\n");
	CHECK(program.run("-f changed --json --real 10.128.9.31") == 0);
	model.see(program.text);
	check(model);

	program.directory.save("lb", with(written("netscaler", {}), "tosId 7", "tosId 8") +
					     "rm serviceGroup sg1\n");
	CHECK(program.run("--vendor netscaler --json --verify lb") == 2);
	verdict.see(program.text);
	check(verdict);
}
