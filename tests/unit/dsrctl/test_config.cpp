// SPDX-License-Identifier: BSD-3-Clause
// The grammar of dsr.conf: what is an entry, and every way not to be one.
#include "world.hpp"

using namespace dsr_test;
using Kind = Problem::Kind;

namespace {

// The only error of a file of one line.
std::string error(const std::string &line, Kind kind = Kind::syntax)
{
	Config config = parse(line);

	REQUIRE(config.errors.size() == 1);
	CHECK(config.errors[0].kind == kind);
	CHECK(config.entries.empty());
	return config.errors[0].message;
}

} // namespace

TEST_CASE("dsrctl: an entry, and where it is from")
{
	std::vector<Entry> found = entries("\n# comment\n10.128.8.46=7\n");

	REQUIRE(found.size() == 1);
	CHECK(found[0].name == "10.128.8.46");
	CHECK(found[0].ip == ip("10.128.8.46"));
	CHECK(found[0].dscp == 7);
	CHECK(found[0].dscp_text == "7");
	CHECK(found[0].dev == "lo");
	CHECK(found[0].where == "f:3");
	CHECK_FALSE(found[0].is_host);
}

TEST_CASE("dsrctl: an l2dsr entry has no DSCP")
{
	std::vector<Entry> found = entries("10.9.9.9\n2001:db8::9 # here\n");

	REQUIRE(found.size() == 2);
	CHECK_FALSE(found[0].dscp);
	CHECK(found[1].ip == ip("2001:db8::9"));
}

TEST_CASE("dsrctl: blanks and comments are allowed everywhere but in values")
{
	for (const char *line :
	     {"10.1.1.1=7", " 10.1.1.1 = 7 ", "\t10.1.1.1\t=\t7\t", "10.1.1.1=7#comment",
	      "10.1.1.1 =7 # a = b dev c", "10.1.1.1= 7\r", "10.1.1.1=7\n\n", "#=\n10.1.1.1=7"}) {
		INFO(line);
		std::vector<Entry> found = entries(line);
		REQUIRE(found.size() == 1);
		CHECK(found[0].ip == ip("10.1.1.1"));
		CHECK(found[0].dscp == 7);
	}
	for (const char *line : {"", "\n", "  \t \r\n", "#", " # 10.1.1.1=7"})
		CHECK(entries(line).empty());
}

TEST_CASE("dsrctl: a DSCP is kept as it was written")
{
	std::vector<Entry> found = entries("10.1.1.1=0x0A\n10.1.1.2=013\n10.1.1.3=ef\n");

	REQUIRE(found.size() == 3);
	CHECK(found[0].dscp == 10);
	CHECK(found[0].dscp_text == "0x0A");
	CHECK(found[1].dscp == 11);
	CHECK(found[1].dscp_text == "013");
	CHECK(found[2].dscp == 46);
	CHECK(found[2].dscp_text == "ef");
}

TEST_CASE("dsrctl: IPv6 in any spelling")
{
	for (const char *text : {"2001:DB8::46", "2001:0db8:0:0:0:0:0:46", "2001:db8::0.0.0.70"}) {
		std::vector<Entry> found = entries(std::string(text) + "=1");
		CHECK(found[0].ip == ip("2001:db8::46"));
		CHECK(found[0].name == text);
		CHECK(found[0].ip_text() == text);
	}
}

TEST_CASE("dsrctl: a host name is resolved")
{
	std::vector<Entry> found = entries("10-1-2-3.example = 5\n10-1-2-4.example");

	REQUIRE(found.size() == 2);
	CHECK(found[0].is_host);
	CHECK(found[0].ip == ip("10.1.2.3"));
	CHECK(found[0].name == "10-1-2-3.example");
	CHECK(found[0].ip_text() == "10.1.2.3");
	CHECK(error("now.is.the.time.com", Kind::name) ==
	      "f:1: found the host name \"now.is.the.time.com\", which does not resolve (no such host), expected one that has an IPv4 address");
}

TEST_CASE("dsrctl: dev is the interface of a VIP")
{
	std::vector<Entry> found = entries("10.1.1.1 = 7 dev eth1\n10.1.1.2 dev br-0.7#x\n");

	REQUIRE(found.size() == 2);
	CHECK(found[0].dev == "eth1");
	CHECK(found[0].dscp == 7);
	CHECK(found[1].dev == "br-0.7");
	CHECK_FALSE(found[1].dscp);
}

TEST_CASE("dsrctl: a line of a version says nothing")
{
	CHECK(entries("Version=2\nVersion = 1\n").empty());
}

TEST_CASE("dsrctl: the last line needs no end, and lines are counted")
{
	Config config = parse("10.1.1.1=1\n\n\nx/y\n10.1.1.2=2");

	CHECK(config.entries.size() == 2);
	CHECK(config.entries[1].where == "f:5");
	REQUIRE(config.errors.size() == 1);
	CHECK(has(config.errors[0].message, "f:4: "));
}

TEST_CASE("dsrctl: what is no entry")
{
	CHECK(error("=7") == "f:1: found \"=\", expected a VIP before it");
	CHECK(error("10.0.0.0/8=34") ==
	      "f:1: found \"10.0.0.0/8\", expected one address, without a prefix length");
	CHECK(error("2001:db8::/64") ==
	      "f:1: found \"2001:db8::/64\", expected one address, without a prefix length");
	CHECK(error("2001:db8::g=3") ==
	      "f:1: found \"2001:db8::g\", expected an IPv6 address such as 2001:db8::46");
	for (const char *bad :
	     {"10.1.1", "10.1.1.256", "10.1.1.1.1", "10.1..1", "1234", ".", "10.01.1.1"})
		CHECK(error(std::string(bad) + "=7") ==
		      "f:1: found \"" + std::string(bad) +
			      "\", expected an IPv4 address such as 10.128.8.46");
	CHECK(error("a,b=7") ==
	      "f:1: found \"a,b\", expected a VIP: an IPv4 or IPv6 address, or a host name");
	CHECK(error(std::string("a\0b=7", 5)) ==
	      "f:1: found \"a\\x00b\", expected a VIP: an IPv4 or IPv6 address, or a host name");
	CHECK(error("10.1.1.1 =") == "f:1: found the end of the line, expected a DSCP after =");
	CHECK(error("10.1.1.1 = # 7") == "f:1: found the end of the line, expected a DSCP after =");
	CHECK(error("124.23.25.12==34") ==
	      "f:1: found a second =, expected a DSCP after the first");
	for (const char *bad : {"64", "-1", "08", "0x40", "x", "AF14", "1.5"})
		CHECK(error("10.1.1.1=" + std::string(bad)) ==
		      "f:1: found \"" + std::string(bad) +
			      "\", expected a DSCP: 0 to 63, decimal, 0octal or 0xhex, or a class name (EF, AF11, CS1)");
	CHECK(error("10.1.1.1 7") ==
	      "f:1: found \"7\", expected = and a DSCP, dev and an interface, or the end of the line");
	CHECK(error("10.1.1.1 = 7 8") ==
	      "f:1: found \"8\", expected to and an address, dev and an interface, or the end of the line");
	CHECK(error("10.1.1.1 = 7 = 8") ==
	      "f:1: found \"=\", expected to and an address, dev and an interface, or the end of the line");
	CHECK(error("10.1.1.1 dev") ==
	      "f:1: found the end of the line, expected the name of an interface after dev");
	CHECK(error("10.1.1.1 dev eth0 x") == "f:1: found \"x\", expected the end of the line");
	CHECK(error("10.1.1.1 = 7 dev eth0 x") ==
	      "f:1: found \"x\", expected to and an address, or the end of the line");
	for (const char *bad : {"=", ".", "..", "a/b", "eth0:1", "sixteencharacter"})
		CHECK(error("10.1.1.1 = 7 dev " + std::string(bad)) ==
		      "f:1: found \"" + std::string(bad) +
			      "\", expected the name of an interface, of 15 characters at most, after dev");
}

TEST_CASE("dsrctl: an entry may be for packets to one address of the server")
{
	std::vector<Entry> found = entries(
		"10.1.1.1 = 7 to 192.0.2.1\n10.1.1.2 = 7 to 192.0.2.2 dev eth1\n"
		"2001:db8::1=EF dev eth1 to 2001:db8:9::31 # here\n");

	REQUIRE(found.size() == 3);
	CHECK(found[0].to == ip("192.0.2.1"));
	CHECK(found[0].dscp == 7);
	CHECK(found[1].to == ip("192.0.2.2"));
	CHECK(found[1].dev == "eth1");
	CHECK(found[2].to == ip("2001:db8:9::31"));
	CHECK(found[2].dev == "eth1");
}

TEST_CASE("dsrctl: an entry may change the port")
{
	std::vector<Entry> found = entries(
		"10.1.1.1:80 = 7 tcp 8080\n"
		"[2001:DB8::1]:53=9 udp 5353 to 2001:db8:9::31 dev eth1\n"
		"10-1-1-2.example:443 = 8 dccp 65535\n"
		"10.1.1.3:1 = 10 udplite 1\n");

	REQUIRE(found.size() == 4);
	CHECK(found[0].ip == ip("10.1.1.1"));
	CHECK(found[0].name == "10.1.1.1");
	CHECK(found[0].title() == "10.1.1.1:80");
	CHECK(found[0].ports == PortChange{Protocol::tcp, 8080, 80});
	CHECK(found[1].ip == ip("2001:db8::1"));
	CHECK(found[1].title() == "[2001:DB8::1]:53");
	CHECK(found[1].ports == PortChange{Protocol::udp, 5353, 53});
	CHECK(found[1].to == ip("2001:db8:9::31"));
	CHECK(found[2].is_host);
	CHECK(found[2].name == "10-1-1-2.example");
	CHECK(found[2].ports == PortChange{Protocol::dccp, 65535, 443});
	CHECK(found[3].ports == PortChange{Protocol::udplite, 1, 1});
}

TEST_CASE("dsrctl: what is no address after \"to\", and no port")
{
	const char *const cases[][2] = {
		{"10.1.1.1 to 192.0.2.1",
		 "found \"to\", expected = and a DSCP, dev and an interface, or the end of the line"},
		{"10.1.1.1 = 7 to",
		 "found the end of the line, expected an address of this server after \"to\""},
		{"10.1.1.1 = 7 to x",
		 "found \"x\", expected an address of this server after \"to\", numeric"},
		{"10.1.1.1 = 7 to 192.0.2.1/32",
		 "found \"192.0.2.1/32\", expected an address of this server after \"to\", numeric"},
		{"10.1.1.1 = 7 to 224.0.0.1",
		 "found \"224.0.0.1\" after \"to\", a multicast address, expected an address of this server"},
		{"10.1.1.1 = 7 to 2001:db8::1",
		 "found \"2001:db8::1\" after \"to\", expected an IPv4 address, as the VIP is one"},
		{"10.1.1.1 = 7 to 10.1.1.1",
		 "found the VIP itself after \"to\", expected the server's own address, which the load balancer sends to"},
		{"10.1.1.1 = 7 to 192.0.2.1 to 192.0.2.2",
		 "found \"to\", expected dev and an interface, or the end of the line"},
		{"10.1.1.1 = 7 dev lo dev lo",
		 "found \"dev\", expected to and an address, or the end of the line"},
		{"10.1.1.1:80",
		 "found the end of the line, expected = and a DSCP, as the VIP has a port"},
		{"10.1.1.1:80 = 7",
		 "found the end of the line, expected tcp, udp, udplite or dccp and the port that the load balancer sends to"},
		{"10.1.1.1:80 = 7 sctp 80",
		 "found \"sctp\", expected tcp, udp, udplite or dccp and the port that the load balancer sends to"},
		{"10.1.1.1:80 = 7 tcp", "found the end of the line, expected a port after tcp"},
		{"10.1.1.1:80 = 7 tcp 0", "found \"0\", expected a port after tcp: 1 to 65535"},
		{"10.1.1.1:80 = 7 tcp 65536",
		 "found \"65536\", expected a port after tcp: 1 to 65535"},
		{"10.1.1.1:80 = 7 tcp 80x", "found \"80x\", expected a port after tcp: 1 to 65535"},
		{"10.1.1.1:65536 = 7 tcp 80",
		 "found \"65536\", expected a port after the VIP: 1 to 65535"},
		{"10.1.1.1 = 7 tcp 80",
		 "found \"tcp\" and no port after the VIP, expected VIP:PORT before ="},
		{"[2001:db8::1] = 7",
		 "found \"[2001:db8::1]\", expected an IPv6 address such as 2001:db8::46"},
		{"[10.1.1.1:80 = 7 tcp 80",
		 "found \"[10.1.1.1\", expected a VIP: an IPv4 or IPv6 address, or a host name"},
	};

	for (const auto &[line, expected] : cases) {
		INFO(line);
		CHECK(error(line) == std::string("f:1: ") + expected);
	}
}

TEST_CASE("dsrctl: conflicts are of packets to one address, and of one port")
{
	for (const char *fine :
	     {"10.1.1.1=7 to 192.0.2.1\n10.1.1.2=7 to 192.0.2.2\n",
	      "10.1.1.1=7 to 192.0.2.1\n10.1.1.1=7 to 192.0.2.2\n",
	      "10.1.1.1=7 to 192.0.2.1\n10.1.1.1=7\n",
	      "10.1.1.1:80=7 tcp 8080\n10.1.1.1:81=7 tcp 8081\n10.1.1.1=7\n",
	      "10.1.1.1:80=7 tcp 8080\n10.1.1.2:80=7 tcp 8081\n",
	      "10.1.1.1:80=7 tcp 8080\n10.1.1.2:80=7 udp 8080\n",
	      "10.1.1.1:80=7 tcp 81 to 192.0.2.1\n10.1.1.1:82=7 tcp 80 to 192.0.2.1\n",
	      "10.1.1.1:80=7 tcp 80\n10.1.1.1:81=7 tcp 81\n"}) {
		INFO(fine);
		CHECK(parse(fine).errors.empty());
	}
	for (const char *bad :
	     {"10.1.1.1=7 to 192.0.2.1\n10.1.1.2=7 to 192.0.2.1\n",
	      "10.1.1.1=7 to 192.0.2.1\n10.1.1.2=7\n", "10.1.1.1=7\n10.1.1.2:80=7 tcp 8080\n",
	      "10.1.1.1:80=7 tcp 8080\n10.1.1.1:81=7 tcp 8080\n"}) {
		Config config = parse(bad);
		INFO(bad);
		REQUIRE(config.errors.size() == 1);
		CHECK(config.errors[0].kind == Kind::conflict);
		CHECK(has(config.errors[0].message,
			  "expected another one: in f:1 it stands for 10.1.1.1"));
	}
	Config config = parse("10.1.1.1:80=7 tcp 81\n10.1.1.1:82=7 tcp 80\n");
	REQUIRE(config.errors.size() == 1);
	CHECK(config.errors[0].message ==
	      "f:2: found DSCP 7 for 10.1.1.1:82, expected \"to\" and an address for both, as what one makes of a packet is for the other: f:1");
	CHECK(parse("10.1.1.1=7 to 192.0.2.1\n10.1.1.1=7 to 192.0.2.1\n").warnings.size() == 1);
}

TEST_CASE("dsrctl: an address that is none of a VIP")
{
	CHECK(error("0.0.0.0=1") ==
	      "f:1: found \"0.0.0.0\", the unspecified address, expected the address of a host");
	CHECK(error("224.0.0.1") ==
	      "f:1: found \"224.0.0.1\", a multicast address, expected the address of a host");
	CHECK(error("255.255.255.255=1") ==
	      "f:1: found \"255.255.255.255\", the limited broadcast address, expected the address of a host");
	CHECK(error("::=1") ==
	      "f:1: found \"::\", the unspecified address, expected the address of a host");
	CHECK(error("ff02::1=1") ==
	      "f:1: found \"ff02::1\", a multicast address, expected the address of a host");
	CHECK(error("127.0.0.1=1") ==
	      "f:1: found \"127.0.0.1\", the host's own loopback address, expected the address of a host");
	CHECK(error("::1") ==
	      "f:1: found \"::1\", the host's own loopback address, expected the address of a host");
	CHECK(entries("127-0-1-1.example\n").size() == 1);
	CHECK(error("127-0-0-1.example") ==
	      "f:1: found \"127-0-0-1.example\", the host's own loopback address, expected the address of a host");
}

TEST_CASE("dsrctl: a host name is not asked for when the line is wrong anyway")
{
	bool asked = false;
	ConfigReader reader([&](const std::string &, std::string &) {
		asked = true;
		return std::optional<Ip>(ip("10.1.1.1"));
	});

	reader.add("host.example = 64\nhost.example dev\n", "f");
	CHECK(reader.config.errors.size() == 2);
	CHECK_FALSE(asked);
}

TEST_CASE("dsrctl: the same entry twice is warned of, and used once")
{
	Config config = parse("10.1.1.1=7\n10.1.1.1=0x7\n2001:DB8::1\n2001:db8:0::1\n");

	CHECK(config.errors.empty());
	CHECK(config.entries.size() == 2);
	REQUIRE(config.warnings.size() == 2);
	CHECK(config.warnings[0] == "f:2: 10.1.1.1 is in f:1 already, and used once");
	CHECK(has(config.warnings[1], "f:4: 2001:db8:0::1 is in f:"));
}

TEST_CASE("dsrctl: one VIP may have several DSCPs, and none besides")
{
	CHECK(entries("10.1.1.1=7\n10.1.1.1=8\n10.1.1.1\n").size() == 3);
}

TEST_CASE("dsrctl: a DSCP stands for one VIP of a family")
{
	Config config = parse(
		"10.1.1.1=10\n2001:db8::1=10\n10.1.1.2=0xa\n2001:db8::2=AF11\n10.1.1.3=11\n");

	CHECK(config.entries.size() == 3);
	REQUIRE(config.errors.size() == 2);
	CHECK(config.errors[0].kind == Kind::conflict);
	CHECK(config.errors[0].message ==
	      "f:3: found DSCP 0xa for 10.1.1.2, expected another one: in f:1 it stands for 10.1.1.1");
	CHECK(config.errors[1].message ==
	      "f:4: found DSCP AF11 for 2001:db8::2, expected another one: in f:2 it stands for 2001:db8::1");
}

TEST_CASE("dsrctl: a VIP is on one interface")
{
	Config config = parse("10.1.1.1=1\n10.1.1.1=2 dev eth0\n");

	REQUIRE(config.errors.size() == 1);
	CHECK(config.errors[0].kind == Kind::conflict);
	CHECK(config.errors[0].message ==
	      "f:2: found 10.1.1.1 on eth0, expected it on one interface: f:1 has it on lo");
}

TEST_CASE("dsrctl: DSCP 0 is warned of")
{
	Config config = parse("10.1.1.1=0\n");

	CHECK(config.errors.empty());
	CHECK(config.entries.size() == 1);
	REQUIRE(config.warnings.size() == 1);
	CHECK(config.warnings[0] == "f:1: DSCP 0 is what unmarked packets have: use 1 to 63");
}
