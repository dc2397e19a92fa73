// SPDX-License-Identifier: BSD-3-Clause
// lb-config: ports that the load balancer changes and the servers change back,
// and rules that nothing gets to.
#include "lb_world.hpp"

using namespace dsr_test;

namespace {

const char REALS[] = "192.0.2.31\n192.0.2.32\n";
const char ONE[] = "192.0.2.31\n";
const char CHANGED[] = "198.51.100.10:80 = 7 tcp 8080\n";
const char PLAIN[] = "198.51.100.10 = 7\n";

// A director that sends tcp/80 of the VIP to this port.
std::string
ipvs(const std::string &port,
     const std::string &rules = "-A PREROUTING -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n")
{
	return "-A -t 198.51.100.10:80 -s wrr\n"
	       "-a -t 198.51.100.10:80 -r 192.0.2.31:" +
	       port +
	       " -m -w 1\n"
	       "*mangle\n" +
	       rules;
}

std::string nft(const std::string &rules)
{
	return "table ip lb {\n\tchain prerouting {\n"
	       "\t\ttype filter hook prerouting priority raw; policy accept;\n" +
	       rules + "\t}\n}\n";
}

} // namespace

TEST_CASE("dsrctl lb-config: a change of the port is written, and agrees with itself")
{
	const std::string config = "198.51.100.10:80 = 7 tcp 8080\n"
				   "198.51.100.10:53 = 7 udp 5353\n"
				   "198.51.100.11 = 8\n"
				   "[2001:db8::10]:443 = 7 tcp 8443\n";
	const std::string reals = REALS + std::string("2001:db8:9::31\n");

	for (const char *name : {"ipvs", "keepalived", "nft"}) {
		const std::string text = vendor(name).write(site(config, {"tcp/25"}, reals));

		INFO(name << "\n" << text);
		CHECK(compare(name, text, config, reals).empty());
		CHECK(has(text, "8080"));
		CHECK(has(text, "5353"));
		CHECK(has(text, "8443"));
		// of a VIP of some ports only
		CHECK_FALSE(has(text, "198.51.100.10:25"));
		// to a server that has it otherwise
		CHECK(compare(name, text, with(config, "tcp 8080", "tcp 8081"), reals).size() >= 1);
		CHECK(compare(name, text, with(config, ":80 = 7 tcp", ":81 = 7 tcp"), reals)
			      .size() >= 1);
	}
	CHECK(has(vendor("nft").write(site(CHANGED, {}, REALS)),
		  "tcp dport 80 ip dscp set 0x07 tcp dport set 8080 goto spread"));
}

TEST_CASE("dsrctl lb-config: a port that no server changes back is a difference")
{
	CHECK(compare("ipvs", ipvs("80"), PLAIN, ONE).empty());
	CHECK(compare("ipvs", ipvs("8080"), CHANGED, ONE).empty());
	CHECK(difference("ipvs", ipvs("8080"), PLAIN, ONE) ==
	      "lb:2: found 198.51.100.10 port 80 sent to port 8080 of 192.0.2.31, expected the port that the client asked for, which f:1 leaves as it is");
	CHECK(difference("ipvs", ipvs("80"), CHANGED, ONE) ==
	      "lb:2: found 198.51.100.10 port 80 sent to port 80 of 192.0.2.31, expected port 8080 for tcp port 80 as in f:1");
	// the other way round: a server that changes what was not changed
	CHECK(compare("ipvs", ipvs("80"), "198.51.100.10 = 7\n198.51.100.10:8080 = 7 tcp 80\n",
		      ONE) ==
	      std::vector<std::string>{
		      "lb:2: found 198.51.100.10 port 80 sent to port 80 of 192.0.2.31, expected another port: the server takes it for port 8080 as in f:2",
		      "f:2: found 198.51.100.10:8080 (tcp), expected it in lb, too"});
	// a port that nobody sends
	CHECK(difference("ipvs", ipvs("8080"),
			 CHANGED + std::string("198.51.100.10:443 = 7 tcp 8443\n"),
			 ONE) == "f:2: found 198.51.100.10:443 (tcp), expected it in lb, too");
	// all ports, as they come
	CHECK(difference("nft",
			 nft("\t\tip daddr 198.51.100.10 ip dscp set 7 ip daddr set 192.0.2.31\n"),
			 CHANGED, ONE) ==
	      "lb:4: found 198.51.100.10 sent to 192.0.2.31 as it came, expected port 8080 for tcp port 80 as in f:1");
	CHECK(compare("nft",
		      nft("\t\tip daddr 198.51.100.10 tcp dport 80 ip dscp set 7 tcp dport set 8080 ip daddr set 192.0.2.31\n"),
		      CHANGED, ONE)
		      .empty());
	CHECK(compare("a10",
		      "slb template port t\n  dscp 7\nslb server s 192.0.2.31\n  port 8080 tcp\n"
		      "slb service-group g tcp\n  template port t\n  member s 8080\n"
		      "slb virtual-server v 198.51.100.10\n  port 80 tcp\n    no-dest-nat port-translation\n    service-group g\n",
		      CHANGED, ONE)
		      .empty());
}

TEST_CASE("dsrctl lb-config: what is to be forwarded is, where it is said")
{
	Site both = site(PLAIN, {"tcp/80", "tcp/443"}, ONE);
	auto found = [&](const std::string &name, const std::string &text) {
		return verify(entries(PLAIN), both, vendor(name).read(text, "lb"), "lb").differences;
	};

	CHECK(found("nft", vendor("nft").write(both)).empty());
	CHECK(found("nft",
		    nft("\t\tip daddr 198.51.100.10 ip dscp set 7 ip daddr set 192.0.2.31\n"))
		      .empty());
	CHECK(found("ipvs", ipvs("80")) ==
	      std::vector<std::string>{
		      "f:1: found 198.51.100.10:443 (tcp), expected it in lb, too"});
}

TEST_CASE("dsrctl lb-config: whether a device changes the port is not guessed")
{
	CHECK(unclear("netscaler",
		      "add serviceGroup g ANY -usip YES\nbind serviceGroup g 192.0.2.31 8080\n"
		      "add lb vserver v ANY 198.51.100.10 80 -m TOS -tosId 7\nbind lb vserver v g\n",
		      PLAIN, ONE) ==
	      std::vector<std::string>{
		      "lb:2: not understood: \"the port 8080 of the server 192.0.2.31\""});
	CHECK(unclear("brocade",
		      "server remote-name r 192.0.2.31\nserver virtual-name-or-ip v 198.51.100.10\n"
		      " tos-marking 7 hc-l3-dsr\n bind http r 8080\n",
		      PLAIN, ONE)
		      .size() == 1);
}

TEST_CASE("dsrctl lb-config: rules of nft that nothing gets to are none")
{
	const std::string good =
		"\t\tip daddr 198.51.100.10 ip dscp set 7 ip daddr set 192.0.2.31\n";
	const char *const dead[] = {
		"\t\tip daddr 198.51.100.10 accept\n",
		"\t\tip daddr { 198.51.100.10, 198.51.100.11 } drop\n",
		"\t\treturn\n",
		"\t\tcounter accept\n",
		"\t\tip daddr 198.51.100.10 ip daddr set 192.0.2.31\n",
	};
	const char *const unknown[] = {
		"\t\ttcp dport 80 accept\n",
		"\t\tip daddr 198.51.100.10 ct state established accept\n",
		"\t\tip daddr 198.51.100.10 udp dport 53 return\n",
		"\t\tip daddr 198.51.100.10 tcp dport set 8080\n",
	};
	const char *const harmless[] = {
		"\t\tip daddr 198.51.100.11 accept\n",
		"\t\tiifname \"lo\" accept\n",
		"\t\tip daddr 198.51.100.10 tcp dport 22 drop\n",
		"\t\tip daddr 198.51.100.10 tcp dport 22 reject\n",
		"\t\tip saddr 203.0.113.0/24 drop\n",
		"\t\ticmp type echo-request accept\n",
	};

	CHECK(compare("nft", nft(good), PLAIN, ONE).empty());
	for (const char *rule : dead) {
		INFO(rule);
		CHECK(compare("nft", nft(rule + good), PLAIN, ONE).size() == 1);
		CHECK(compare("nft", nft(good + rule), PLAIN, ONE).empty());
	}
	for (const char *rule : unknown) {
		INFO(rule);
		CHECK(unclear("nft", nft(rule + good), PLAIN, ONE).size() == 1);
	}
	for (const char *rule : harmless) {
		INFO(rule);
		CHECK(compare("nft", nft(rule + good), PLAIN, ONE).empty());
	}
	// by maps
	const std::string chain =
		"table ip lb {\n\tchain v {\n\t\tip dscp set 7 ip daddr set 192.0.2.31\n\t}\n}\n";
	CHECK(compare("nft",
		      nft("\t\tip daddr vmap { 198.51.100.11 : accept, 198.51.100.10 : goto v }\n") +
			      chain,
		      PLAIN, ONE)
		      .empty());
	CHECK(compare("nft", nft("\t\tip daddr vmap { 198.51.100.10 : accept }\n" + good), PLAIN,
		      ONE)
		      .size() == 1);
	CHECK(unclear("nft", nft("\t\tip daddr vmap { 198.51.100.0/24 : goto v }\n") + chain, PLAIN,
		      ONE)
		      .size() == 1);
	CHECK(unclear("nft",
		      nft("\t\tip daddr vmap { 198.51.100.11 : jump v, 198.51.100.0-198.51.100.10 : goto v }\n") +
			      chain,
		      PLAIN, ONE)
		      .size() == 1);
	// of another port than what is marked
	CHECK(compare("nft",
		      nft("\t\ttcp dport 22 accept\n\t\tip daddr 198.51.100.10 tcp dport 80 ip dscp set 7 ip daddr set 192.0.2.31\n"),
		      PLAIN, ONE)
		      .empty());
	// a chain that is called gives back what it returns
	CHECK(compare("nft",
		      nft("\t\tjump some\n" + good) +
			      "table ip lb {\n\tchain some {\n\t\tip daddr 198.51.100.10 return\n\t}\n}\n",
		      PLAIN, ONE)
		      .empty());
}

TEST_CASE("dsrctl lb-config: what a rule of nft matches and sets")
{
	const std::string sends = " ip dscp set 7 ip daddr set 192.0.2.31\n";
	auto read = [](const std::string &rule) {
		return vendor("nft").read(nft("\t\tip daddr 198.51.100.10 " + rule), "lb");
	};
	auto mapping = [&](const std::string &rule) {
		const Reading reading = read(rule);

		INFO(rule);
		CHECK(reading.unclear.empty());
		REQUIRE(reading.mappings.size() == 1);
		return reading.mappings[0];
	};

	CHECK(mapping("meta l4proto 6" + sends).protocol == "tcp");
	CHECK(mapping("meta l4proto 17" + sends).protocol == "udp");
	CHECK(mapping("ip protocol udp" + sends).protocol == "udp");
	const Mapping port = mapping("tcp dport 80" + sends);
	REQUIRE(port.ports.size() == 1);
	CHECK(port.ports[0].from == 80);
	CHECK(port.ports[0].to == 80);
	// taken for all ports, they would agree with a service that gets nothing
	for (const char *some : {"tcp dport != 80", "tcp dport http", "meta l4proto != 6"}) {
		INFO(some);
		CHECK(read(some + sends).unclear.size() == 1);
		CHECK(read(some + sends).mappings.empty());
	}
	CHECK(mapping("iifname != \"lo\"" + sends).ports.empty());
	CHECK(mapping("tcp dport set 8080" + sends).servers.at(0).port == 8080);
	CHECK(read("tcp dport set http" + sends).unclear.size() == 1);

	const Reading named = vendor("nft").read(
		"table ip lb {\n\tmap reals {\n\t\ttype mark : ipv4_addr\n\t\telements = { 0 : 192.0.2.31, 1 : 192.0.2.32 }\n\t}\n"
		"\tchain c {\n\t\ttype nat hook prerouting priority dstnat;\n"
		"\t\tip daddr 198.51.100.10 dnat to jhash ip saddr mod 2 map @reals\n\t}\n}\n",
		"lb");
	REQUIRE(named.mappings.size() == 1);
	CHECK(named.mappings[0].servers.size() == 2);
}

TEST_CASE("dsrctl lb-config: tables of nft by their priority, and those in effect")
{
	const std::string mark =
		"table ip a {\n\tchain c {\n\t\ttype filter hook prerouting priority mangle - 10;\n"
		"\t\tip daddr 198.51.100.10 ip dscp set 7\n\t}\n}\n";
	const std::string send =
		"table ip b {\n\tchain c {\n\t\ttype filter hook prerouting priority -150;\n"
		"\t\tip daddr 198.51.100.10 ip daddr set 192.0.2.31\n\t}\n}\n";

	CHECK(compare("nft", send + mark, PLAIN, ONE).empty());
	// what is sent on is not marked any more
	CHECK(has(difference("nft", with(mark, "mangle - 10", "-140") + send, PLAIN, ONE),
		  "found no DSCP for 198.51.100.10"));
	CHECK(has(difference("nft", with(mark, "\tchain", "\tflags dormant\n\tchain") + send, PLAIN,
			     ONE),
		  "found no DSCP for 198.51.100.10"));
	CHECK(has(difference("nft", mark + send + "delete table ip a\n", PLAIN, ONE),
		  "found no DSCP for 198.51.100.10"));
	// rules by commands may be right
	CHECK(unclear("nft",
		      "add table ip a\nadd chain ip a c { type filter hook prerouting priority raw; }\n"
		      "add rule ip a c ip daddr 198.51.100.10 ip dscp set 7 ip daddr set 192.0.2.31\n",
		      PLAIN, ONE)
		      .size() == 2);
}

TEST_CASE("dsrctl lb-config: rules of iptables in the order that packets come to them")
{
	const std::string seven = "-A PREROUTING -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n";
	const std::string eight = "-I PREROUTING -d 198.51.100.10/32 -j DSCP --set-dscp 0x08\n";
	auto found = [](const std::string &rules) {
		return compare("ipvs", ipvs("80", rules), PLAIN, ONE);
	};

	CHECK(found(seven).empty());
	CHECK(found(seven + eight).empty()); // -I: the first, and 7 wins
	CHECK(found(eight + with(seven, "-A PREROUTING", "-I PREROUTING")).size() == 1);
	CHECK(found(eight + with(seven, "-A PREROUTING", "-I PREROUTING 2")).empty());
	CHECK(found(with(seven, "-A", "--append")).empty());
	CHECK(found("-A PREROUTING -d 198.51.100.10/32 -j ACCEPT\n" + seven).size() == 1);
	CHECK(found("-A PREROUTING -j RETURN\n" + seven).size() == 1);
	CHECK(found(seven + "-A PREROUTING -d 198.51.100.10/32 -j ACCEPT\n").empty());
	CHECK(found("-A PREROUTING -d 198.51.100.11/32 -j ACCEPT\n" + seven).empty());
	CHECK(found("-A PREROUTING -i lo -j ACCEPT\n" + seven).empty());
	CHECK(found("-A PREROUTING -p tcp --dport 22 -j DROP\n" + seven).empty());
	CHECK(found("-A mine -j RETURN\n-A PREROUTING -j mine\n" + seven).empty());
	CHECK(found(seven + "-F PREROUTING\n").size() == 1);
	for (const char *rule : {"-A PREROUTING -p tcp --dport 80 -j ACCEPT\n",
				 "-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"}) {
		INFO(rule);
		CHECK(unclear("ipvs", ipvs("80", rule + seven), PLAIN, ONE).size() == 1);
	}
	CHECK(unclear("ipvs",
		      ipvs("80",
			   seven + "-D PREROUTING -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n"),
		      PLAIN, ONE)
		      .size() == 1);
}

TEST_CASE("dsrctl lb-config: a # in quotes is no comment")
{
	CHECK(compare("netscaler",
		      "add serviceGroup g ANY -usip YES\nbind serviceGroup g 192.0.2.31 *\n"
		      "add lb vserver v ANY 198.51.100.10 * -comment \"# 1\" -m TOS -tosId 7\nbind lb vserver v g\n",
		      PLAIN, ONE)
		      .empty());
	CHECK(compare("ipvs",
		      ipvs("80",
			   "-A PREROUTING -d 198.51.100.10/32 -m comment --comment \"#1\" -j DSCP --set-dscp 0x07\n"),
		      PLAIN, ONE)
		      .empty());
}

TEST_CASE("dsrctl lb-config: servers that cannot be, are off, or are missing")
{
	const std::string nets =
		"add serviceGroup g ANY -usip YES\nbind serviceGroup g 2001:db8::31 *\n"
		"add lb vserver v ANY 198.51.100.10 * -m TOS -tosId 7\nbind lb vserver v g\n";
	const std::string slb =
		"slb template port t\n  dscp 7\nslb server s 192.0.2.31\n  port 80 tcp\n"
		"slb service-group g tcp\n  template port t\n  member s 80\n"
		"slb virtual-server v 198.51.100.10\n  port 80 tcp\n    no-dest-nat\n    service-group g\n";
	const std::string iron =
		"server remote-name r 192.0.2.31\n port http\nserver virtual-name-or-ip v 198.51.100.10\n"
		" tos-marking 7 hc-l3-dsr\n port http\n bind http r http\n";

	CHECK(difference("netscaler", nets, PLAIN) ==
	      "lb:2: found the server 2001:db8::31 for 198.51.100.10, expected one with an IPv4 address");
	CHECK(compare("a10", slb, PLAIN, ONE).empty());
	CHECK(has(difference("a10",
			     with(slb, "port 80 tcp\n",
				  "port 80 tcp\n    disable-with-health-check\n"),
			     PLAIN, ONE),
		  "disabled, or of weight 0"));
	CHECK(compare("a10",
		      with(slb, "virtual-server v 198.51.100.10\n",
			   "virtual-server v 198.51.100.10\n  disable-when-all-ports-down\n"),
		      PLAIN, ONE)
		      .empty());
	CHECK(has(difference("a10",
			     with(slb, "member s 80", "member s 80\n    disable-with-health-check"),
			     PLAIN, ONE),
		  "disabled, or of weight 0"));
	CHECK(unclear("a10",
		      with(slb, "virtual-server v 198.51.100.10",
			   "virtual-server v use-if-ip ethernet 1"),
		      PLAIN, ONE)
		      .size() == 1);
	CHECK(unclear("a10",
		      with(slb, "virtual-server v 198.51.100.10",
			   "virtual-server v 198.51.100.0 /24"),
		      PLAIN, ONE)
		      .size() == 1);
	CHECK(compare("brocade", iron, PLAIN, ONE).empty());
	CHECK(has(difference("brocade",
			     with(iron, " port http\n", " port http\n port http disable\n"), PLAIN,
			     ONE),
		  "disabled, or of weight 0"));
	CHECK(has(difference("brocade", with(iron, " tos-marking", " disable\n tos-marking"), PLAIN,
			     ONE),
		  "found 198.51.100.10 disabled"));
	// of the addresses that the configuration itself names
	CHECK(difference("ipvs", ipvs("80"), "198.51.100.10 = 7 to 192.0.2.32\n") ==
	      "lb:1: found 198.51.100.10 without the server 192.0.2.32, expected it as in f:1");
	CHECK(compare("ipvs", ipvs("80"), "198.51.100.10 = 7 to 192.0.2.31\n", "").empty());
}

TEST_CASE("dsrctl lb-config: keepalived that includes what is not there")
{
	const std::string text =
		"virtual_server 198.51.100.10 80 {\n\tlvs_method NAT\n\treal_server 192.0.2.31 80 {\n\t\tweight 1\n\t}\n}\n"
		"*mangle\n-A PREROUTING -d 198.51.100.10/32 -j DSCP --set-dscp 0x07\n";

	CHECK(compare("keepalived", text, PLAIN, ONE).empty());
	CHECK(unclear("keepalived", with(text, "{\n\t\tweight 1\n\t}", "{ weight 0 }"), PLAIN, ONE)
		      .size() == 1);
	CHECK(unclear("keepalived", "@lb1 " + text, PLAIN, ONE).size() == 1);
	CHECK(unclear("keepalived", "include others.conf\n" + text,
		      PLAIN + std::string("198.51.100.11 = 8\n"), ONE)
		      .size() == 1);
}
