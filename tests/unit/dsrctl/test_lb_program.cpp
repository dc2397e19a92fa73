// SPDX-License-Identifier: BSD-3-Clause
// What dsrctl lb-config is given, and the program as a whole.
#include "lb_world.hpp"
#include "dsrctl.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl lb-config: a list of servers that is wrong")
{
	struct {
		const char *text, *error;
	} const bad[] = {
		{"host", "s:1: found \"host\", expected a server: its own address, and perhaps weight and a number"},
		{"\n10.1.1.1/32", "s:2: found \"10.1.1.1/32\", expected a server: its own address, and perhaps weight and a number"},
		{"127.0.0.1", "s:1: found \"127.0.0.1\", the host's own loopback address, expected the address of a host"},
		{"10.1.1.1 wait 3", "s:1: found \"wait\", expected a server: its own address, and perhaps weight and a number"},
		{"10.1.1.1 weight", "s:1: found the end of the line, expected a number behind weight"},
		{"10.1.1.1 weight 101", "s:1: found \"101\", expected a weight: 0 to 100"},
		{"10.1.1.1 weight -1", "s:1: found \"-1\", expected a weight: 0 to 100"},
		{"10.1.1.1 weight 1 2", "s:1: found \"2\", expected the end of the line"},
		{"10.1.1.1\n10.1.1.2\n10.1.1.1 weight 2", "s:3: found 10.1.1.1 again, expected it once: it is in s:1"},
	};

	for (const auto &one : bad) {
		std::vector<std::string> errors;
		std::vector<Server> found;

		read_servers(one.text, "s", found, errors);
		REQUIRE(errors.size() == 1);
		CHECK(errors[0] == one.error);
	}
}

TEST_CASE("dsrctl lb-config: services")
{
	CHECK(parse_service("udp/65535").port == 65535);
	for (const char *text : {"", "tcp", "tcp/", "tcp/0", "tcp/65536", "icmp/1",
				 "/80", "tcp/80x", "TCP/80"})
		CHECK_THROWS_WITH(parse_service(text), "--service: found " +
				  quote(text) +
				  ", expected tcp or udp, / and a port: tcp/80");
}

TEST_CASE("dsrctl lb-config: what keeps a configuration from being written")
{
	std::vector<std::string> errors, warnings;
	Site site;

	site.vips = virtuals(entries("10.1.1.1=7\n2001:db8::1=7\n10.1.1.1=8\n10.1.1.5=0\n"),
			     warnings);
	CHECK(site.vips.size() == 2);
	REQUIRE(warnings.size() == 1);
	CHECK(warnings[0] == "f:3: found a second DSCP for 10.1.1.1, expected one: the load balancer uses that of f:1");
	site.servers = servers("10.1.1.1\n2001:db8::2 weight 0\n");
	check(site, errors);
	REQUIRE(errors.size() == 2);
	CHECK(errors[0] == "s:1: found 10.1.1.1, which is a VIP in f:1, expected the server's own address");
	CHECK(errors[1] == "found IPv6 VIPs and no IPv6 server, expected one of a weight above 0 with --servers or --real");
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
		const std::string file = has(arguments, "-f ") ? "" : "-f conf ";

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
	program.directory.save("lb", with(written("netscaler", {}),
					  "-tosId 7", "-tosId 8"));
	CHECK(program.run("--vendor netscaler --verify lb") == 1);
	CHECK(program.text == "lb:5: found DSCP 8 for 10.128.8.46, expected DSCP 7 as in conf:1\n");
	CHECK(program.error == "");
	CHECK(program.run("-6 --vendor netscaler --verify lb") == 0);
	CHECK(program.text == "The VIP agrees.\n");

	CHECK(program.run("-4 --vendor vpp --real '10.1.1.1 weight 2'") == 0);
	CHECK(program.text == "lb vip 10.128.8.46/32 encap l3dsr dscp 7\n"
			      "lb as 10.128.8.46/32 10.1.1.1\n"
			      "lb vip 10.128.8.47/32 encap l3dsr dscp 10\n"
			      "lb as 10.128.8.47/32 10.1.1.1\n");
	CHECK(program.error == "dsrctl: --real: found a weight, expected none for vpp: it is not written\n");
	CHECK(program.run("-4 --vendor a10 --servers servers --service tcp/80") == 0);
	CHECK(!has(program.text, "2001:"));
}

TEST_CASE("dsrctl lb-config: the program refuses, and writes nothing")
{
	struct {
		const char *arguments, *error;
	} const bad[] = {
		{"", "--vendor is required"},
		{"--vendor f5", "--vendor: found \"f5\", expected one of a10, brocade, netscaler, vpp, ipvs, nft"},
		{"--vendor nft", "found IPv4 VIPs and no IPv4 server, expected one of a weight above 0 with --servers or --real"},
		{"--vendor a10 --servers servers", "found no --service, expected one for a10: tcp/80"},
		{"--vendor vpp --servers servers", "conf:2: found an IPv6 VIP, expected IPv4, which is all that vpp has L3DSR for; -4 leaves the others out"},
		{"--vendor nft --servers none", "none: No such file or directory"},
		{"--vendor nft --servers servers --service tcp", "--service: found \"tcp\", expected tcp or udp, / and a port: tcp/80"},
		{"--vendor nft --real host", "--real: found \"host\", expected a server: its own address, and perhaps weight and a number"},
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
