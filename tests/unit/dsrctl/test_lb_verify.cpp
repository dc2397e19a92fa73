// SPDX-License-Identifier: BSD-3-Clause
// What a load balancer has, compared with what the servers have.
#include "lb_world.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl lb-config: what is written agrees")
{
	for (const char *name : NAMES) {
		INFO(name);
		CHECK(compare(name, written(name), config_of(name)).empty());
		CHECK(compare(name, written(name, {"tcp/80", "udp/53"}), config_of(name)).empty());
		if (vendor(name).any_service)
			CHECK(compare(name, written(name, {}), config_of(name)).empty());
	}
}

TEST_CASE("dsrctl lb-config: a VIP for some servers is sent to these alone")
{
	const std::string config = "10.128.8.46 = 17\n"
				   "10.128.8.47 = 16 to 10.128.9.31\n"
				   "10.128.8.48 = 16 to 10.128.9.32\n"
				   "10.128.8.49 = 19 to 10.128.9.31\n"
				   "10.128.8.49 = 19 to 10.128.9.32\n";
	const std::string reals = "10.128.9.31\n10.128.9.32\n10.128.9.33\n";
	std::vector<std::string> errors;
	Site site;

	site.pools = by_servers(pool(config, reals), errors);
	site.services = {parse_service("tcp/80")};
	check(site, errors);
	CHECK(errors.empty());
	REQUIRE(site.pools.size() == 4);
	CHECK(site.pools[0].servers.size() == 3);
	CHECK(site.pools[0].name == "");
	for (const char *name : NAMES) {
		Reading reading = vendor(name).read(vendor(name).write(site), "lb");
		const Verdict found = verify(entries(config), site, reading, "lb");

		INFO(name);
		for (const std::string &difference : found.differences)
			UNSCOPED_INFO(difference);
		CHECK(found.agree());
		for (const Mapping &mapping : reading.mappings)
			CHECK(mapping.servers.size() == (mapping.vip == ip("10.128.8.46") ? 3 :
							 mapping.vip == ip("10.128.8.49") ? 2 :
											    1));
	}

	// of none of the servers
	by_servers(pool("10.128.8.46 = 17 to 10.128.9.40\n", reals), errors);
	CHECK(errors ==
	      std::vector<std::string>{
		      "f:1: found 10.128.8.46 to 10.128.9.40, expected one of the list of servers"});
}

TEST_CASE("dsrctl lb-config: a VIP that the load balancer does not have")
{
	for (const char *name : NAMES) {
		INFO(name);
		CHECK(difference(name, written(name), config_of(name) + "10.1.1.1 = 9\n",
				 SERVERS) ==
		      (vendor(name).ip6 ? "f:5" : "f:4") +
			      std::string(": found 10.1.1.1 = 9, expected it in lb, too"));
		CHECK(compare(name, "", config_of(name)).size() == (vendor(name).ip6 ? 3 : 2));
	}
}

TEST_CASE("dsrctl lb-config: a VIP that the servers do not have")
{
	const std::pair<const char *, const char *> lines[] = {
		{"a10", "  dscp 10"},
		{"brocade", "tos-marking 10"},
		{"netscaler", "-m TOS -tosId 10"},
		{"vpp", "dscp 10"},
		{"ipvs", "--set-dscp 0x0a"},
		{"keepalived", "--set-dscp 0x0a"},
		{"nft", "tcp dport 80 ip dscp set 0x0a"}};

	for (auto [name, line] : lines) {
		INFO(name);
		CHECK(difference(name, written(name), without(config_of(name), "10.128.8.47"),
				 SERVERS) ==
		      where(written(name), line) +
			      std::string(
				      ": found DSCP 10 (TOS 40, 0x28, 001010b) for 10.128.8.47, expected no such VIP: the servers do not have it"));
	}
}

TEST_CASE("dsrctl lb-config: another DSCP")
{
	struct {
		const char *name, *from, *to;
	} const changes[] = {
		{"a10", "  dscp 10", "  dscp 11"},
		{"brocade", "tos-marking 10", "tos-marking 11"},
		{"netscaler", "-m TOS -tosId 10", "-m TOS -tosId 11"},
		{"vpp", "dscp 10", "dscp 11"},
		{"ipvs", "--set-dscp 0x0a", "--set-dscp 11"},
		{"keepalived", "--set-dscp 0x0a", "--set-dscp 11"},
		{"nft", "tcp dport 80 ip dscp set 0x0a", "tcp dport 80 ip dscp set 11"},
	};

	for (const auto &change : changes) {
		const char *entry = vendor(change.name).ip6 ? "f:3" : "f:2";

		std::string text = with(written(change.name), change.from, change.to);

		INFO(change.name);
		// its monitor would be wrong, too
		if (std::string(change.name) == "netscaler")
			text = with(text, "-tos YES -tosId 10", "-tos YES -tosId 11");
		CHECK(difference(change.name, text, config_of(change.name), SERVERS) ==
		      where(written(change.name), change.from) +
			      std::string(
				      ": found DSCP 11 (TOS 44, 0x2c, 001011b) for 10.128.8.47, expected DSCP 10 (TOS 40, 0x28, 001010b) as in ") +
			      entry);
	}
}

TEST_CASE("dsrctl lb-config: no DSCP")
{
	struct {
		const char *name, *from, *to, *at;
	} const changes[] = {
		{"a10", "  template port dscp10\n", "",
		 "  port 80 tcp\n    no-dest-nat\n    service-group sg_10_128_8_47"},
		{"brocade", " tos-marking 10 hc-l3-dsr\n", "", "vip_10_128_8_47"},
		{"netscaler", " -m TOS -tosId 10", "", "ANY 10.128.8.47 80"},
		{"vpp", "encap l3dsr dscp 10", "encap nat4", "10.128.8.47"},
		{"ipvs",
		 "-A dsrctl-lb -d 10.128.8.47/32 -p tcp --dport 80 -j DSCP --set-dscp 0x0a\n", "",
		 "-A -t 10.128.8.47"},
		{"keepalived",
		 "-A dsrctl-lb -d 10.128.8.47/32 -p tcp --dport 80 -j DSCP --set-dscp 0x0a\n", "",
		 "virtual_server 10.128.8.47"},
		{"nft", "ip dscp set 0x0a goto spread", "ip daddr set 10.128.9.31",
		 "ip daddr set 10.128.9.31\n"},
	};

	for (const auto &change : changes) {
		std::string text = with(written(change.name), change.from, change.to);
		std::string entry = vendor(change.name).ip6 ? "f:3" : "f:2";

		INFO(change.name);
		const bool is_nft = std::string(change.name) == "nft";
		CHECK(difference(change.name, text, config_of(change.name),
				 is_nft ? "" : SERVERS) ==
		      where(text, change.at) +
			      ": found no DSCP for 10.128.8.47, expected DSCP 10 (TOS 40, 0x28, 001010b) as in " +
			      entry);
	}
}

TEST_CASE("dsrctl lb-config: the DSCP of another VIP")
{
	const std::string text = written("vpp") + "lb vip 10.1.1.1/32 encap l3dsr dscp 7\n";

	CHECK(difference("vpp", text, config_of("vpp")) ==
	      where(text, "10.1.1.1/32") +
		      ": found DSCP 7 (TOS 28, 0x1c, 000111b) for 10.1.1.1, expected this DSCP for 10.128.8.46 as in f:1");
}

TEST_CASE("dsrctl lb-config: an l2dsr VIP is not to be marked, and others are none of ours")
{
	const std::string text = written("vpp") + "lb vip 10.128.9.100/32 encap l3dsr dscp 9\n";

	CHECK(difference("vpp", text, config_of("vpp")) ==
	      where(text, "10.128.9.100/32") +
		      ": found DSCP 9 (TOS 36, 0x24, 001001b) for 10.128.9.100, expected no DSCP as in f:3");
	CHECK(compare("netscaler", written("netscaler") +
					   "add lb vserver web HTTP 10.128.9.100 80\n"
					   "add lb vserver other HTTP 192.0.2.1 80\n")
		      .empty());
}

TEST_CASE("dsrctl lb-config: one of several DSCPs of a VIP agrees")
{
	const std::string text = "lb vip 10.1.1.1/32 encap l3dsr dscp 9\n"
				 "lb as 10.1.1.1/32 10.1.1.31\n";

	CHECK(compare("vpp", text, "10.1.1.1 = 8\n10.1.1.1 = 9\n", "").empty());
	CHECK(difference("vpp", text, "10.1.1.1 = 8\n10.1.1.1 = 7\n") != "");
}

TEST_CASE("dsrctl lb-config: servers that differ")
{
	for (const char *name : NAMES) {
		const std::string more = with(SERVERS, "10.128.9.33 weight 0", "10.128.9.34");
		auto found = compare(name, written(name), config_of(name), more);

		INFO(name);
		// what has weight 0 stays in IPVS
		const bool is_ipvs = has(written(name), "10.128.9.33");
		REQUIRE(found.size() == (is_ipvs ? 4 : 2));
		CHECK(has(
			found[found.size() - 1],
			": found 10.128.8.47 without the server 10.128.9.34, expected it as in s:4"));
		found = compare(name, written(name), config_of(name),
				without(SERVERS, "10.128.9.32"));
		REQUIRE(found.size() == 2);
		CHECK(has(
			found[0],
			": found the server 10.128.9.32 for 10.128.8.46, expected one of the list of servers"));
		CHECK(found[0].starts_with("lb:"));
		// nobody asked; but of what gets nothing, somebody has to know
		CHECK(compare(name, written(name), config_of(name), "").size() ==
		      (is_ipvs ? 2 : 0));
	}
}

TEST_CASE("dsrctl lb-config: what cannot work, and what cannot be read")
{
	struct {
		const char *name, *from, *to;
		const char *at; // null: where it was changed
		const char *message;
	} const changes[] = {
		{"a10", "    no-dest-nat\n    service-group sg_10_128_8_47_tcp_80",
		 "    service-group sg_10_128_8_47_tcp_80",
		 "  port 80 tcp\n    service-group sg_10_128_8_47",
		 "found port 80 tcp without no-dest-nat, expected it, for L3DSR"},
		{"a10", "service-group sg_10_128_8_47_tcp_80\n!", "service-group x\n!",
		 "  port 80 tcp\n    no-dest-nat\n    service-group x",
		 "found the service group \"x\", expected one that is defined"},
		{"a10", "template port dscp10\n  member", "template port x\n  member",
		 "  port 80 tcp\n    no-dest-nat\n    service-group sg_10_128_8_47",
		 "found the port template \"x\", expected one that is defined"},
		{"a10", "dscp 10", "dscp 64", nullptr, "found \"64\", expected a DSCP: 0 to 63"},
		{"a10", "vip_10_128_8_47 10.128.8.47", "vip_10_128_8_47 10.128.8", nullptr,
		 "found \"10.128.8\", expected a numeric IPv4 or IPv6 address"},
		{"brocade", "tos-marking 10 hc-l3-dsr", "tos-marking 10", nullptr,
		 "found tos-marking without hc-l3-dsr, expected it: the answers to health checks come from the VIP"},
		{"brocade", "tos-marking 10", "tos-marking", "tos-marking hc",
		 "found \"hc-l3-dsr\", expected a DSCP: 0 to 63"},
		{"brocade", "bind http rs_10_128_9_31 http", "bind http rs9 http", nullptr,
		 "found the server \"rs9\", expected one that is defined"},
		{"netscaler", "sg_10_128_8_47_80 ANY -usip YES", "sg_10_128_8_47_80 ANY -usip NO",
		 "bind lb vserver vip_10_128_8_47_80",
		 "found the service group \"sg_10_128_8_47_80\" without -usip YES, expected it: the server answers the client itself"},
		{"netscaler", "vserver vip_10_128_8_47_80 ANY", "vserver vip_10_128_8_47_80 TCP",
		 nullptr,
		 "found a virtual server of type TCP, expected ANY: all others are proxied, and want to see what the server answers"},
		{"netscaler", "-tos YES -tosId 10", "-tos YES -tosId 9", nullptr,
		 "found a monitor of 10.128.8.47 with -tosId 9, expected 10 as in lb:23"},
		{"netscaler", "vip_10_128_8_47_80 sg_10_128_8_47_80", "vip_10_128_8_47_80 sg",
		 nullptr, "found the service \"sg\", expected one that is defined"},
		{"netscaler", "-m TOS -tosId 10", "-tosId 10", "ANY 10.128.8.47 80",
		 "found -tosId without -m TOS, expected both"},
		{"netscaler", "-m TOS -tosId 10", "-m TOS", "-m TOS\n",
		 "found -m TOS without -tosId, expected both"},
		{"netscaler", "ANY 10.128.8.47 80", "ANY shop 80", nullptr,
		 "found \"shop\", expected a numeric IPv4 or IPv6 address"},
		{"vpp", "lb vip 10.128.8.47/32", "lb vip 10.128.8.47/24", nullptr,
		 "found \"10.128.8.47/24\", expected a prefix of one VIP, /32"},
		{"vpp", "lb vip 10.128.8.47/32 protocol tcp", "lb vip 10.128.8.47/32 protocol udp",
		 "lb as 10.128.8.47",
		 "found servers of \"10.128.8.47/32\", expected its lb vip before them"},
		{"vpp", "dscp 10", "dscp x", nullptr, "found \"x\", expected a DSCP: 0 to 63"},
		{"ipvs", "-r 10.128.9.31:80 -m", "-r 10.128.9.31:80 -g", nullptr,
		 "found a server that does not get its own address as the destination, expected -m, for L3DSR"},
		{"ipvs", "-A -t 10.128.8.47:80", "-A -t 10.128.8.47:81", "-a -t 10.128.8.47:80",
		 "found a server of no service, expected its -A before it"},
		{"ipvs", "--dport 80 -j DSCP --set-dscp 0x0a", "--dport 81 -j DSCP --set-dscp 0x0a",
		 nullptr, "found a DSCP for 10.128.8.47, expected a service of IPVS for the same"},
		{"ipvs", "--set-dscp 0x0a", "--set-dscp 64", nullptr,
		 "found \"64\", expected a DSCP: 0 to 63"},
		{"keepalived", "lvs_method NAT", "lvs_method DR", nullptr,
		 "found lvs_method DR, expected NAT, for L3DSR"},
		{"keepalived", "virtual_server 10.128.8.47 80", "virtual_server 10.128.8.47 81",
		 "-A dsrctl-lb -d 10.128.8.47",
		 "found a DSCP for 10.128.8.47, expected a service of IPVS for the same"},
		{"a10", "  member rs_10_128_9_31 80", "  member rs9 80", nullptr,
		 "found the server \"rs9\", expected one that is defined"},
		{"nft", "dscp set 0x0a", "dscp set 64", nullptr,
		 "found \"64\", expected a DSCP: 0 to 63"},
	};

	for (const auto &change : changes) {
		std::string text = with(written(change.name), change.from, change.to);
		auto found = compare(change.name, text, config_of(change.name));
		std::string message = where(text, change.at ? change.at : change.to) + ": " +
				      change.message;

		INFO(change.name << ": " << change.to);
		for (const std::string &one : found)
			UNSCOPED_INFO(one);
		REQUIRE(!found.empty());
		CHECK(std::find(found.begin(), found.end(), message) != found.end());
	}
}

TEST_CASE("dsrctl lb-config: A10 as other releases write it")
{
	const std::string text = "slb template port shop\n"
				 "   dscp 7\n"
				 "slb server one 10.1.1.1\n"
				 "   port 80  tcp\n"
				 "      template port shop\n"
				 "slb service-group web tcp\n"
				 "    member one:80\n"
				 "slb virtual-server vip1 10.128.8.46\n"
				 "   port 80  tcp\n"
				 "      service-group web\n"
				 "      no-dest-nat\n";

	CHECK(compare("a10", text, "10.128.8.46=7\n", "10.1.1.1\n").empty());
	CHECK(difference("a10", text, "10.128.8.46=8\n") ==
	      "lb:2: found DSCP 7 (TOS 28, 0x1c, 000111b) for 10.128.8.46, expected DSCP 8 (TOS 32, 0x20, 001000b) as in f:1");
}

TEST_CASE("dsrctl lb-config: Brocade as other releases write it")
{
	CHECK(compare("brocade",
		      "server real one 10.1.1.1\r\n port http\r\n!\r\n"
		      "server virtual v 10.128.8.46\r\n port http\r\n!\r\n"
		      "server virtual-name v\r\n tos-marking 7 hc-l3-dsr\r\n"
		      " bind http one http\r\n",
		      "10.128.8.46=7\n", "10.1.1.1\n")
		      .empty());
}

TEST_CASE("dsrctl lb-config: NetScaler as it is saved")
{
	CHECK(compare("netscaler",
		      "#NS12.1 Build 50.28\n"
		      "add server \"one\" 10.1.1.1\n"
		      "add service svc one ANY * -gslb NONE -maxClient 0 -usip YES -cip DISABLED\n"
		      "add lb vserver v ANY 10.128.8.46 * -persistenceType NONE -m TOS -tosId 7 -cltTimeout 120\n"
		      "bind lb vserver v svc\n"
		      "bind lb vserver v -policyName p -priority 1\n"
		      "add lb vserver hidden HTTP 0.0.0.0 0\n",
		      "10.128.8.46=7\n", "10.1.1.1\n")
		      .empty());
	CHECK(compare("netscaler",
		      "add service svc 10.1.1.1 ANY *\n"
		      "SET SERVICE svc -USIP yes\n"
		      "add lb vserver v ANY 10.128.8.46 *\n"
		      "set lb vserver v -m tos -tosid 7\n"
		      "bind lb vserver v svc\n",
		      "10.128.8.46=7\n", "10.1.1.1\n")
		      .empty());
}

TEST_CASE("dsrctl lb-config: IPVS as it is saved")
{
	const std::string text =
		"-A -t 10.128.8.46:80 -s rr\n"
		"-a -t 10.128.8.46:80 -r 10.1.1.1:80 -m -w 1\n"
		"-A -f 9 -s wlc\n"
		"-a -f 9 -r 10.1.1.1:0 -m -w 1\n"
		"# Generated by iptables-save v1.8.9\n"
		"*filter\n"
		"-A INPUT -d 10.128.8.46/32 -j DSCP --set-dscp 0x01\n"
		"COMMIT\n"
		"*mangle\n"
		":PREROUTING ACCEPT [0:0]\n"
		"-A PREROUTING -d 10.128.8.46/32 -p tcp -m multiport --dports 80,443 -j DSCP --set-dscp 0x2e\n"
		"-A PREROUTING -d 10.128.8.47/32 -j MARK --set-xmark 0x9/0xffffffff\n"
		"-A PREROUTING -d 10.128.8.47/32 -j DSCP --set-dscp-class AF11\n"
		"COMMIT\n";

	CHECK(compare("ipvs", text, "10.128.8.46=EF\n10.128.8.47=10\n", "10.1.1.1\n").empty());
	auto found = compare("ipvs", without(text, "MARK"), "10.128.8.46=EF\n10.128.8.47=10\n", "");
	CHECK(found ==
	      std::vector<std::string>{
		      "lb:3: found a service of mark 9, expected a rule with -d that sets this mark",
		      "lb:12: found a DSCP for 10.128.8.47, expected a service of IPVS for the same",
		      "lb:12: found no server for 10.128.8.47, expected one at least that gets 10.128.8.47's packets, with its own address as their destination"});
}

TEST_CASE("dsrctl lb-config: IPVS as it is typed")
{
	CHECK(compare("ipvs",
		      "ipvsadm -A -t 10.128.8.46:80\n"
		      "ipvsadm -a -t 10.128.8.46:80 -r 10.1.1.1 -m\n"
		      "iptables -t mangle -A PREROUTING -d 10.128.8.46 -p tcp --dport 80 -j DSCP --set-dscp 7\n"
		      "iptables -A PREROUTING -d 10.128.8.46 -j DSCP --set-dscp 8\n",
		      "10.128.8.46=7\n", "10.1.1.1\n")
		      .empty());
	CHECK(difference("ipvs", "-A -f 9 -s wlc\n", "") ==
	      "lb:1: found a service of mark 9, expected a rule with -d that sets this mark");
}

TEST_CASE("dsrctl lb-config: nft as it is listed, and as it is typed")
{
	CHECK(compare("nft",
		      "table ip l3dsr {\n"
		      "\tset web { type ipv4_addr; elements = { 10.128.8.46 } }\n"
		      "\tchain other {\n"
		      "\t\tip daddr 10.128.8.46 ip dscp set cs1\n"
		      "\t}\n"
		      "\tchain prerouting {\n"
		      "\t\ttype filter hook prerouting priority raw; policy accept;\n"
		      "\t\tip daddr @web ip dscp set ef ip daddr set 10.1.1.1 # web\n"
		      "\t\tip daddr { 10.128.8.47, 10.128.8.48 } ip dscp set lephb ip daddr set jhash ip saddr mod 2 map { 0: 10.1.1.1, 1: 10.1.1.1 }\n"
		      "\t\tip daddr 10.128.8.49 jump nine; tcp dport 1 accept\n"
		      "\t}\n"
		      "\tchain nine {\n"
		      "\t\tip dscp set 9 ip daddr set 10.1.1.1\n"
		      "\t}\n"
		      "}\n",
		      "10.128.8.46=EF\n10.128.8.47=1\n10.128.8.49=9\n", "10.1.1.1\n") ==
	      std::vector<std::string>{
		      "lb:9: found DSCP 1 (TOS 4, 0x04, 000001b) for 10.128.8.48, expected this DSCP for 10.128.8.47 as in f:2"});
}

TEST_CASE("dsrctl lb-config: chains of nft in a circle come to an end")
{
	std::string text = "table ip t { chain a { type filter hook prerouting priority 0; jump b\n";

	for (int i = 0; i < 100; i++)
		text += "jump b\n";
	text += "}\nchain b {\n";
	for (int i = 0; i < 100; i++)
		text += "jump b\n";
	CHECK(has(difference("nft", text + "} }\n", ""),
		  "found chains that lead to each other in too many ways"));
}
