// SPDX-License-Identifier: BSD-3-Clause
// Configurations as devices and programs have them, written from the vendors'
// documents: what is right agrees, what is wrong differs, and what is neither
// is said to be not understood.
#include "lb_world.hpp"

using namespace dsr_test;

namespace {

const char TWO[] = "198.51.100.10 = 7\n198.51.100.11 = 10\n";
const char ONE[] = "198.51.100.10 = 7\n";
const char REALS[] = "192.0.2.31\n192.0.2.32\n";

const char NETSCALER_HEAD[] = "#NS13.1 Build 49.13\n"
			      "set ns config -IPAddress 192.0.2.5 -netmask 255.255.255.0\n"
			      "enable ns feature LB\n"
			      "add server srv1 192.0.2.31\n"
			      "add server srv2 192.0.2.32\n";
const char NETSCALER_GROUP[] =
	"add serviceGroup sg1 ANY -maxClient 0 -maxReq 0 -cip DISABLED -usip YES -useproxyport NO -cltTimeout 120 -svrTimeout 120 -CKA NO -TCPB NO -CMP NO\n"
	"bind serviceGroup sg1 srv1 *\n"
	"bind serviceGroup sg1 srv2 *\n"
	"add lb vserver v1 ANY 198.51.100.10 * -persistenceType NONE -lbMethod SOURCEIPHASH -m TOS -tosId 7 -cltTimeout 120 -sessionless ENABLED\n"
	"add lb vserver v2 ANY 198.51.100.11 * -persistenceType NONE -m TOS -tosId 10 -cltTimeout 120\n"
	"bind lb vserver v1 sg1\n"
	"bind lb vserver v2 sg1\n";

} // namespace

TEST_CASE("dsrctl lb-config: NetScaler's service groups")
{
	const std::string text = std::string(NETSCALER_HEAD) + NETSCALER_GROUP;

	CHECK(compare("netscaler", text, TWO, REALS).empty());
	CHECK(compare("netscaler", with(text, "-usip YES", "-usip NO"), TWO, REALS) ==
	      std::vector<std::string>{
		      "lb:11: found the service group \"sg1\" without -usip YES, expected it: the server answers the client itself",
		      "lb:12: found the service group \"sg1\" without -usip YES, expected it: the server answers the client itself"});
	// the default of the device
	CHECK(compare("netscaler",
		      with(with(text, "-usip YES", ""), "enable ns",
			   "enable ns mode FR L3 USIP\nenable ns"),
		      TWO, REALS)
		      .empty());
	CHECK(compare("netscaler", without(text, "sg1 srv2"), TWO, REALS) ==
	      std::vector<std::string>{
		      "lb:8: found 198.51.100.10 without the server 192.0.2.32, expected it as in s:2",
		      "lb:9: found 198.51.100.11 without the server 192.0.2.32, expected it as in s:2"});
}

TEST_CASE("dsrctl lb-config: what NetScaler has disabled")
{
	const std::string text = std::string(NETSCALER_HEAD) + NETSCALER_GROUP;

	for (const char *line : {"disable server srv2\n", "disable serviceGroup sg1 srv2 *\n"})
		CHECK(compare("netscaler", text + line, TWO, REALS).size() == 2);
	CHECK(compare("netscaler", text + "disable server srv2\nenable server srv2\n", TWO, REALS)
		      .empty());
	CHECK(compare("netscaler", with(text, "srv2 192.0.2.32", "srv2 192.0.2.32 -state DISABLED"),
		      TWO, "")[0] ==
	      "lb:8: found the server 192.0.2.32 for 198.51.100.10 disabled, or of weight 0, expected it to get some, or weight 0 in the list of servers");
	CHECK(compare("netscaler", text + "disable server srv2\n", TWO,
		      "192.0.2.31\n192.0.2.32 weight 0\n")
		      .empty());
	CHECK(difference("netscaler", text + "disable lb vserver v1\n", TWO) ==
	      "lb:9: found 198.51.100.10 disabled, expected it enabled: the servers have it in f:1");
	CHECK(compare("netscaler", text, TWO, "192.0.2.31\n192.0.2.32 weight 0\n").size() == 2);
}

TEST_CASE("dsrctl lb-config: NetScaler's lines that are not understood")
{
	const std::string text = std::string(NETSCALER_HEAD) + NETSCALER_GROUP;

	CHECK(unclear("netscaler", text + "unbind lb vserver v1 sg1\n", TWO, REALS) ==
	      std::vector<std::string>{"lb:13: not understood: \"unbind lb vserver v1 sg1\""});
	CHECK(unclear("netscaler", text + "rm serviceGroup sg1\n", TWO, REALS).size() == 1);
	CHECK(unclear("netscaler", with(text, "srv2 192.0.2.32", "srv2 web2.example.com"), TWO,
		      REALS) ==
	      std::vector<std::string>{"lb:8: not understood: \"the address of the server srv2\""});
	CHECK(unclear("netscaler",
		      text + "add lb vserver v3 ANY -ipPattern 198.51.100.0 -ipMask 255.255.255.0 * -m TOS -tosId 9\n",
		      TWO, REALS)
		      .size() == 1);
	CHECK(compare("netscaler", text + "rm lb monitor m1 PING\nunset ns param -x\n", TWO, REALS)
		      .empty());
}

TEST_CASE("dsrctl lb-config: the configurations of the deck")
{
	CHECK(compare("netscaler",
		      "add lb monitor index.html HTTP -respCode 200 -httpRequest \"GET /index.html\" -interval 7 -retries 2\n"
		      "add server host.example.com 192.0.2.31\n"
		      "add service host.example.com-80 host.example.com ANY 80 -usip YES -cip DISABLED\n"
		      "bind lb monitor index.html host.example.com-80\n"
		      "add lb vserver vip1-80 ANY 198.51.100.10 80 -lbmethod ROUNDROBIN -m TOS -tosId 7\n"
		      "bind lb vserver vip1-80 host.example.com-80\n",
		      ONE, "192.0.2.31\n")
		      .empty());
	CHECK(compare("a10",
		      "slb template port dscp_port_7\n   dscp 7\n!\n"
		      "slb server host.example.com 192.0.2.31\n   port 80 tcp\n      template port dscp_port_7\n!\n"
		      "slb service-group vip1.example.com:80 tcp\n   health-check status.html\n   member host.example.com:80\n!\n"
		      "slb virtual-server vip1.example.com 198.51.100.10\n   port 80 tcp\n   service-group vip1.example.com:80\n   no-dest-nat\n   ha-conn-mirror\n",
		      ONE, "192.0.2.31\n")
		      .empty());
	CHECK(compare("brocade",
		      "server remote-name host.example.com 192.0.2.31\n port default disable\n port http\n port http url \"GET /index.html\"\n!\n"
		      "server virtual vip1.example.com 198.51.100.10\n tos-marking 7 hc-l3-dsr\n port default disable\n port http\n bind http host.example.com http\n!\n",
		      ONE, "192.0.2.31\n")
		      .empty());
}

namespace {

const char A10[] = "!Current configuration: 4.1.4\n"
		   "active-partition shared\n"
		   "slb template port web\n"
		   "  dscp 9\n"
		   "!\n"
		   "slb template virtual-port web\n"
		   "  dscp 7\n"
		   "!\n"
		   "slb server s1 192.0.2.31\n"
		   "  port 80 tcp\n"
		   "!\n"
		   "slb service-group web tcp\n"
		   "  member s1 80\n"
		   "!\n"
		   "slb virtual-server v1 198.51.100.10\n"
		   "  port 80 tcp\n"
		   "    no-dest-nat\n"
		   "    service-group web\n"
		   "    template virtual-port web\n"
		   "!\n"
		   "interface ethernet 1\n"
		   "  disable\n"
		   "!\n"
		   "active-partition two\n"
		   "slb server s1 192.0.2.41\n"
		   "  port 80 tcp\n"
		   "!\n"
		   "slb template port web\n"
		   "  dscp 10\n"
		   "!\n"
		   "slb service-group web tcp\n"
		   "  template port web\n"
		   "  member s1 80\n"
		   "!\n"
		   "slb virtual-server v1 198.51.100.11\n"
		   "  port 80 tcp\n"
		   "    no-dest-nat\n"
		   "    service-group web\n"
		   "    template virtual-port default\n"
		   "!\n";

} // namespace

TEST_CASE("dsrctl lb-config: A10's partitions, and the DSCP of a virtual port")
{
	CHECK(compare("a10", A10, TWO, "").empty());
	CHECK(compare("a10", A10, TWO, "192.0.2.31\n192.0.2.41\n") ==
	      std::vector<std::string>{
		      "lb:16: found 198.51.100.10 without the server 192.0.2.41, expected it as in s:2",
		      "lb:36: found 198.51.100.11 without the server 192.0.2.31, expected it as in s:1"});
	CHECK(difference("a10", with(A10, "dscp 7", "dscp 8"), TWO) ==
	      "lb:7: found DSCP 8 (TOS 32, 0x20, 001000b) for 198.51.100.10, expected DSCP 7 (TOS 28, 0x1c, 000111b) as in f:1");
}

TEST_CASE("dsrctl lb-config: what A10 has disabled")
{
	const std::string server =
		"lb:13: found the server 192.0.2.31 for 198.51.100.10 disabled, or of weight 0, expected it to get some, or weight 0 in the list of servers";

	CHECK(difference("a10", with(A10, "192.0.2.31\n", "192.0.2.31\n  disable\n"), TWO) ==
	      with(server, "lb:13", "lb:14"));
	CHECK(difference("a10", with(A10, "port 80 tcp\n", "port 80 tcp\n    disable\n"), TWO) ==
	      with(server, "lb:13", "lb:14"));
	CHECK(difference("a10", with(A10, "member s1 80\n", "member s1 80\n    disable\n"), TWO) ==
	      server);
	CHECK(difference("a10", with(A10, "member s1 80\n", "member s1:80 disable\n"), TWO) ==
	      server);
}

TEST_CASE("dsrctl lb-config: A10's virtual server that is disabled")
{
	const std::string vip =
		"found 198.51.100.10 disabled, expected it enabled: the servers have it in f:1";

	CHECK(has(
		difference("a10", with(A10, "198.51.100.10\n", "198.51.100.10\n  disable\n"), TWO),
		vip));
	CHECK(has(difference("a10",
			     with(A10, "    no-dest-nat\n", "    no-dest-nat\n    disable\n"), TWO),
		  vip));
	CHECK(unclear("a10", with(A10, "s1 192.0.2.31", "s1 web1.example.com"), TWO, "") ==
	      std::vector<std::string>{"lb:9: not understood: \"the address of the server s1\""});
}

TEST_CASE("dsrctl lb-config: VPP deletes, and its VIPs have several names")
{
	CHECK(compare("vpp",
		      "lb vip 198.51.100.10/32 protocol tcp port 80 encap l3dsr dscp 7\n"
		      "lb as 198.51.100.10/32 protocol tcp port 80 192.0.2.31 192.0.2.32\n"
		      "lb vip 198.51.100.10/32 protocol tcp port 80 encap l3dsr dscp 7 del\n"
		      "lb vip 198.51.100.11/32 encap l3dsr dscp 10\n"
		      "lb as 198.51.100.11/32 192.0.2.31 192.0.2.32\n",
		      TWO, REALS) ==
	      std::vector<std::string>{"f:1: found 198.51.100.10 = 7, expected it in lb, too"});
	CHECK(compare("vpp",
		      "comment { exec file of startup.conf }\n"
		      "set interface state eth0 up\n"
		      "lb conf ip4-src-address 192.0.2.1 buckets 1024 timeout 40\n"
		      "lb vip 198.51.100.10/32 protocol tcp port 80 encap l3dsr dscp 7 new_len 1024\n"
		      "lb vip 198.51.100.11/32 protocol tcp port 80 encap l3dsr dscp 10\n"
		      "lb as 198.51.100.10/32 protocol tcp port 80 192.0.2.31 192.0.2.32\n"
		      "lb as 198.51.100.11/32 protocol tcp port 80 192.0.2.31\n"
		      "lb as 198.51.100.11/32 protocol tcp port 80 192.0.2.32\n"
		      "lb as 198.51.100.10/32 protocol tcp port 80 192.0.2.32 del\n",
		      TWO, REALS) ==
	      std::vector<std::string>{
		      "lb:4: found 198.51.100.10 without the server 192.0.2.32, expected it as in s:2"});
	CHECK(compare("vpp",
		      "lb vip 198.51.100.10/32 protocol udp port 0 encap l3dsr dscp 7 src_ip_sticky\n"
		      "lb as 198.51.100.10/32 192.0.2.31 weight 50\n"
		      "lb as 198.51.100.10/32 protocol tcp 192.0.2.32 weight 0\n"
		      "vppctl lb as 198.51.100.10/32 port 0 192.0.2.32 weight 10 flush\n",
		      ONE, REALS)
		      .empty());
	CHECK(difference("vpp",
			 "lb vip 198.51.100.10/32 encap l3dsr dscp 7\n"
			 "lb as 198.51.100.10/32 192.0.2.31\n"
			 "lb as 198.51.100.10/32 192.0.2.32 weight 0\n",
			 ONE, REALS) ==
	      "lb:3: found the server 192.0.2.32 for 198.51.100.10 disabled, or of weight 0, expected it to get some, as in s:2");
	CHECK(unclear("vpp",
		      "lb vip 198.51.100.10/32 encap l3dsr dscp 7 new_option\n"
		      "lb as 198.51.100.10/32 192.0.2.31\n",
		      ONE, "")
		      .size() == 1);
}

TEST_CASE("dsrctl lb-config: what VPP shows")
{
	const std::string text = " ip4-l3dsr [1] 198.51.100.10/32 src_ip_sticky\n"
				 "   new_size:1024\n"
				 "   protocol:6 port:20480\n"
				 "   dscp:7\n"
				 "   counters:\n"
				 "     packet from existing sessions: 1023\n"
				 "   #as:2\n"
				 "     192.0.2.31 weight:100 buckets:512 flows:0 dpo:14 used\n"
				 "     192.0.2.32 weight:100 buckets:512 flows:0 dpo:15 used\n"
				 "     192.0.2.33 0 buckets   0 flows  dpo:14  removed\n"
				 " ip4-l3dsr [2] 198.51.100.99/32 removed\n"
				 "   dscp:9\n"
				 " ip4-gre4 [3] 198.51.100.12/32\n"
				 "   #as:1\n"
				 "     192.0.2.31 weight:100 buckets:512 flows:0 dpo:14 used\n";

	CHECK(compare("vpp", text, ONE, REALS).empty());
	CHECK(difference("vpp", with(text, "dscp:7", "dscp:8"), ONE) ==
	      "lb:4: found DSCP 8 (TOS 32, 0x20, 001000b) for 198.51.100.10, expected DSCP 7 (TOS 28, 0x1c, 000111b) as in f:1");
	CHECK(has(difference("vpp", with(text, "dpo:15 used", "dpo:15 removed"), ONE, REALS),
		  "without the server 192.0.2.32"));
	// without verbose, its servers are not shown
	CHECK(unclear("vpp", "ip4-l3dsr 198.51.100.10/32 new_size:16 #as:2  dscp:7\n", ONE, REALS)
		      .size() == 1);
}

TEST_CASE("dsrctl lb-config: one port of Brocade is one, whatever its protocol is")
{
	const std::string text = vendor("brocade").write(
		site(ONE, {"tcp/53", "udp/53", "tcp/80"}, REALS));

	CHECK(has(
		text,
		"! The device marks health checks of TCP only: a server without the rewrite stays up for udp/53.\n"));
	CHECK(has(text, " tos-marking 7 hc-l3-dsr\n port dns\n port http\n"
			" bind dns rs_192_0_2_31 dns\n bind dns rs_192_0_2_32 dns\n"
			" bind http rs_192_0_2_31 http\n bind http rs_192_0_2_32 http\n!\n"));
	CHECK(has(text, "server remote-name rs_192_0_2_31 192.0.2.31\n port dns\n port http\n!\n"));
}

namespace {

const char IPVS[] =
	"-A -t 198.51.100.10:80 -s wrr\n"
	"-a -t 198.51.100.10:80 -r 192.0.2.31:80 -m -w 1\n"
	"-a -t 198.51.100.10:80 -r 192.0.2.32:80 -m -w 1\n"
	"-A -t 198.51.100.11:443 -s wrr\n"
	"-a -t 198.51.100.11:443 -r 192.0.2.31:443 -m -w 1\n"
	"-a -t 198.51.100.11:443 -r 192.0.2.32:443 -m -w 1\n"
	"# Generated by iptables-save v1.8.9 on Sat Nov 28 10:00:00 2026\n"
	"*mangle\n"
	":PREROUTING ACCEPT [0:0]\n"
	"-A PREROUTING -d 198.51.100.10/32 -p tcp -m tcp --dport 80 -j TOS --set-tos 0x1c/0xff\n"
	"-A PREROUTING -d 198.51.100.11/32 -p tcp -m multiport --dports 400:500 -j DSCP --set-dscp 0x0a\n"
	"COMMIT\n";

} // namespace

TEST_CASE("dsrctl lb-config: IPVS, marked in other ways")
{
	CHECK(compare("ipvs", IPVS, TWO, REALS).empty());
	CHECK(compare("ipvs", with(IPVS, "--set-tos 0x1c/0xff", "--set-tos 0x20"), TWO, REALS) ==
	      std::vector<std::string>{
		      "lb:10: found DSCP 8 (TOS 32, 0x20, 001000b) for 198.51.100.10, expected DSCP 7 (TOS 28, 0x1c, 000111b) as in f:1"});
	CHECK(compare("ipvs", with(IPVS, "400:500", "400:442"), TWO, REALS)[1] ==
	      "lb:4: found no DSCP for 198.51.100.11, expected DSCP 10 (TOS 40, 0x28, 001010b) as in f:2");
	CHECK(compare("ipvs",
		      "-A --sctp-service 198.51.100.10:80 -s rr\n"
		      "-a --sctp-service 198.51.100.10:80 -r 192.0.2.31:80 -m\n"
		      "-A -t 198.51.100.11:80 -s rr\n"
		      "-a -t 198.51.100.11:80 -r 192.0.2.31:80 -m\n"
		      "*mangle\n"
		      "-A PREROUTING -d 198.51.100.10/32 -p sctp -j DSCP --set-dscp 0x07\n"
		      "-A PREROUTING -d 198.51.100.11/32 -j DSCP --set-dscp-class AF11\n"
		      "COMMIT\n",
		      TWO, "192.0.2.31\n")
		      .empty());
	// a mark of some ports, and a DSCP of the same
	CHECK(compare("ipvs",
		      "-A -f 9 -s wlc\n-a -f 9 -r 192.0.2.31:0 -m -w 1\n"
		      "*mangle\n"
		      "-A PREROUTING -d 198.51.100.10/32 -p tcp -m multiport --dports 80,443 -j MARK --set-xmark 0x9/0xffffffff\n"
		      "-A PREROUTING -d 198.51.100.10/32 -p tcp -m multiport --dports 80,443 -j DSCP --set-dscp 0x07\n",
		      ONE, "192.0.2.31\n")
		      .empty());
	CHECK(compare("ipvs",
		      IPVS + std::string("ipvsadm -d -t 198.51.100.10:80 -r 192.0.2.32:80\n"), TWO,
		      REALS) ==
	      std::vector<std::string>{
		      "lb:1: found 198.51.100.10 without the server 192.0.2.32, expected it as in s:2"});
	CHECK(has(compare("ipvs", IPVS + std::string("ipvsadm -D -t 198.51.100.10:80\n"), TWO,
			  REALS)[0],
		  "found a DSCP for 198.51.100.10, expected a service of IPVS for the same"));
	CHECK(difference("ipvs", with(IPVS, "192.0.2.32:80 -m -w 1", "192.0.2.32:80 -m -w 0"), TWO,
			 REALS) ==
	      "lb:3: found the server 192.0.2.32 for 198.51.100.10 disabled, or of weight 0, expected it to get some, as in s:2");
}

TEST_CASE("dsrctl lb-config: rules of iptables that are not understood")
{
	const char *const lines[] = {
		// not the line, but what is matched or set by it
		"-A PREROUTING -s 203.0.113.0/24 -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n",
		"-A PREROUTING -d 198.51.100.0/24 -j DSCP --set-dscp 0x07\n",
		"-A PREROUTING ! -d 198.51.100.99/32 -j DSCP --set-dscp 0x07\n",
		"-A PREROUTING -m set --match-set vips dst -j DSCP --set-dscp 0x07\n",
		"-A PREROUTING -d 198.51.100.10/32 -j TOS --set-tos 0x10/0x3f\n",
		"-A POSTROUTING -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n",
	};

	for (const char *line : lines) {
		const std::string text = with(without(IPVS, "--set-tos"),
					      "-A PREROUTING -d 198.51.100.11",
					      line + std::string("-A PREROUTING -d 198.51.100.11"));

		INFO(line);
		CHECK(unclear("ipvs", text, TWO, REALS).size() == 1);
	}
	CHECK(unclear("ipvs",
		      without(IPVS, "--set-tos") +
			      "*mangle\n-A lb -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n"
			      "-A PREROUTING -s 203.0.113.0/24 -j lb\n",
		      TWO, REALS)
		      .size() == 1);
	// a rule about others is none of ours, and a chain that nothing leads to is none
	CHECK(compare("ipvs",
		      IPVS + std::string("*mangle\n"
					 "-A PREROUTING -d 203.0.113.0/24 -j DSCP --set-dscp 0x01\n"
					 "-A unused -d 198.51.100.10/32 -j DSCP --set-dscp 0x09\n"),
		      TWO, REALS)
		      .empty());
}

TEST_CASE("dsrctl lb-config: nft that only marks, or that uses dnat")
{
	const std::string marks = "table ip lb {\n"
				  "\tchain prerouting {\n"
				  "\t\ttype filter hook prerouting priority mangle; policy accept;\n"
				  "\t\tip daddr 198.51.100.10 ip dscp set 0x07\n"
				  "\t\tip daddr 198.51.100.11 ip dscp set 0x0a\n"
				  "\t}\n";

	CHECK(compare("nft", marks + "}\n", TWO, "") ==
	      std::vector<std::string>{
		      "lb:4: found no server for 198.51.100.10, expected one at least that gets 198.51.100.10's packets, with its own address as their destination",
		      "lb:5: found no server for 198.51.100.11, expected one at least that gets 198.51.100.11's packets, with its own address as their destination"});
	auto found = compare(
		"nft",
		marks + "\tchain nat {\n"
			"\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
			"\t\tip daddr 198.51.100.10 dnat to jhash ip saddr mod 2 map { 0 : 192.0.2.31, 1 : 192.0.2.32 }\n"
			"\t\tip daddr 198.51.100.11 dnat to numgen inc mod 2 map { 0 : 192.0.2.31, 1 : 192.0.2.32 }\n"
			"\t}\n}\n",
		TWO, REALS);
	REQUIRE(found.size() == 2);
	CHECK(found[0] ==
	      "lb:9: found dnat for 198.51.100.10, expected ip daddr set: connection tracking never sees the server's answers, and takes what the client sends then for invalid");
	// marked in one chain, sent in another
	CHECK(compare("nft",
		      marks + "\tchain send {\n"
			      "\t\ttype filter hook prerouting priority 0; policy accept;\n"
			      "\t\tip daddr { 198.51.100.10, 198.51.100.11 } ip daddr set numgen inc mod 2 map { 0 : 192.0.2.31, 1 : 192.0.2.32 }\n"
			      "\t}\n}\n",
		      TWO, REALS)
		      .empty());
}

TEST_CASE("dsrctl lb-config: rules of nft that are not understood")
{
	const std::string good = "ip daddr 198.51.100.10 ip dscp set 0x07 ip daddr set 192.0.2.31";
	const std::string head =
		"table ip lb {\n\tchain prerouting {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t\t";
	const std::string tail =
		"\n\t}\n\tchain vip { ip dscp set 0x07 ip daddr set 192.0.2.31\n }\n}\n";
	const char *const rules[] = {
		"ip saddr 203.0.113.0/24 ip daddr 198.51.100.10 ip dscp set 0x07 ip daddr set 192.0.2.31",
		"ip daddr 198.51.100.0/24 ip dscp set 0x07 ip daddr set 192.0.2.31",
		"ip daddr $VIP ip dscp set 0x07 ip daddr set 192.0.2.31",
		"ip daddr @vips ip dscp set 0x07 ip daddr set 192.0.2.31",
		"ip daddr != 198.51.100.11 ip dscp set 0x07 ip daddr set 192.0.2.31",
		"ip daddr . tcp dport { 198.51.100.10 . 80 } goto vip",
		"ip daddr 198.51.100.10 ip dscp set 0x07 ip daddr set $REAL",
		"ip dscp set 0x07 ip daddr set 192.0.2.31",
		"ip daddr 198.51.100.10 meta random & 1 == 0 goto vip",
	};

	CHECK(compare("nft", head + good + tail, ONE, "192.0.2.31\n").empty());
	CHECK(compare("nft",
		      head + "ip daddr 198.51.100.10 tcp dport vmap { 80 : goto vip, 443 : goto vip }" +
			      tail,
		      ONE, "192.0.2.31\n")
		      .empty());
	for (const char *rule : rules) {
		INFO(rule);
		CHECK(unclear("nft", head + rule + tail, ONE, "192.0.2.31\n").size() == 1);
	}
	// too late for the routing
	CHECK(unclear("nft", with(head, "hook prerouting", "hook postrouting") + good + tail, ONE,
		      "")
		      .size() == 1);
	// what changes nothing can say what it wants
	CHECK(compare("nft", head + "ct state invalid drop\n\t\t" + good + tail, ONE,
		      "192.0.2.31\n")
		      .empty());
}

TEST_CASE("dsrctl lb-config: keepalived as it is configured")
{
	const std::string text =
		"! Configuration File for keepalived\n"
		"global_defs {\n\trouter_id lb1\n}\n"
		"vrrp_instance VI_1 {\n\tstate MASTER\n\tvirtual_ipaddress {\n\t\t198.51.100.10\n\t}\n}\n"
		"virtual_server 198.51.100.10 80 {\n"
		"\tdelay_loop 6\n\tlb_algo wrr\n\tlb_kind NAT\n\tprotocol TCP\n"
		"\treal_server 192.0.2.31 80 {\n\t\tweight 1\n\t\tTCP_CHECK {\n\t\t\tconnect_timeout 3\n\t\t}\n\t}\n"
		"\treal_server 192.0.2.32 80 {\n\t\tweight 2\n\t}\n"
		"}\n"
		"*mangle\n"
		"-A PREROUTING -d 198.51.100.10/32 -p tcp -m tcp --dport 80 -j DSCP --set-dscp 0x07\n"
		"COMMIT\n";

	CHECK(compare("keepalived", text, ONE, REALS).empty());
	CHECK(difference("keepalived", with(text, "weight 2", "weight 0"), ONE, REALS) ==
	      where(text, "real_server 192.0.2.32") +
		      ": found the server 192.0.2.32 for 198.51.100.10 disabled, or of weight 0, expected it to get some, as in s:2");
	CHECK(difference("keepalived", with(text, "lb_kind NAT", "lb_kind TUN"), ONE, REALS) ==
	      "lb:14: found lb_kind TUN, expected NAT, for L3DSR");
	CHECK(unclear("keepalived", "include /etc/keepalived/lb.d/*.conf\n", ONE, REALS).size() ==
	      1);
	CHECK(unclear("keepalived", with(text, "198.51.100.10 80", "group web"), ONE, "").size() ==
	      1);
}
