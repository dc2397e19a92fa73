// SPDX-License-Identifier: BSD-3-Clause
// The load balancer's side of the configuration, as each vendor writes it.
#include <map>

#include "lb_world.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl lb-config: A10")
{
	CHECK(written("a10", {"tcp/80", "udp/53"}) ==
	      R"(! written by dsrctl lb-config, for ACOS 4 and later
slb common
  dsr-health-check-enable
!
slb template port dscp7
  dscp 7
!
slb template port dscp10
  dscp 10
!
slb server rs_10_128_9_31 10.128.9.31
  port 80 tcp
  port 53 udp
!
slb server rs_10_128_9_32 10.128.9.32
  weight 3
  port 80 tcp
  port 53 udp
!
slb server rs_2001_db8_9__31 2001:db8:9::31
  port 80 tcp
  port 53 udp
!
slb service-group sg_10_128_8_46_tcp_80 tcp
  method weighted-rr
  template port dscp7
  member rs_10_128_9_31 80
  member rs_10_128_9_32 80
!
slb service-group sg_10_128_8_46_udp_53 udp
  method weighted-rr
  template port dscp7
  member rs_10_128_9_31 53
  member rs_10_128_9_32 53
!
slb virtual-server vip_10_128_8_46 10.128.8.46
  port 80 tcp
    no-dest-nat
    service-group sg_10_128_8_46_tcp_80
  port 53 udp
    no-dest-nat
    service-group sg_10_128_8_46_udp_53
!
slb service-group sg_2001_db8__46_tcp_80 tcp
  method weighted-rr
  template port dscp7
  member rs_2001_db8_9__31 80
!
slb service-group sg_2001_db8__46_udp_53 udp
  method weighted-rr
  template port dscp7
  member rs_2001_db8_9__31 53
!
slb virtual-server vip_2001_db8__46 2001:db8::46
  port 80 tcp
    no-dest-nat
    service-group sg_2001_db8__46_tcp_80
  port 53 udp
    no-dest-nat
    service-group sg_2001_db8__46_udp_53
!
slb service-group sg_10_128_8_47_tcp_80 tcp
  method weighted-rr
  template port dscp10
  member rs_10_128_9_31 80
  member rs_10_128_9_32 80
!
slb service-group sg_10_128_8_47_udp_53 udp
  method weighted-rr
  template port dscp10
  member rs_10_128_9_31 53
  member rs_10_128_9_32 53
!
slb virtual-server vip_10_128_8_47 10.128.8.47
  port 80 tcp
    no-dest-nat
    service-group sg_10_128_8_47_tcp_80
  port 53 udp
    no-dest-nat
    service-group sg_10_128_8_47_udp_53
!
)");
}

TEST_CASE("dsrctl lb-config: Brocade")
{
	CHECK(vendor("brocade").write(
		      site("10.128.8.46 = 7\n2001:db8::46 = 8\n", {"tcp/80", "tcp/8080"})) ==
	      R"(! written by dsrctl lb-config
server remote-name rs_10_128_9_31 10.128.9.31
 port http
 port 8080
!
server remote-name rs_10_128_9_32 10.128.9.32
 port http
 port 8080
!
server remote-name rs_2001_db8_9__31 2001:db8:9::31
 port http
 port 8080
!
server virtual-name-or-ip vip_10_128_8_46 10.128.8.46
 tos-marking 7 hc-l3-dsr
 port http
 port 8080
 bind http rs_10_128_9_31 http
 bind http rs_10_128_9_32 http
 bind 8080 rs_10_128_9_31 8080
 bind 8080 rs_10_128_9_32 8080
!
server virtual-name-or-ip vip_2001_db8__46 2001:db8::46
 tos-marking 8 hc-l3-dsr
 port http
 port 8080
 bind http rs_2001_db8_9__31 http
 bind 8080 rs_2001_db8_9__31 8080
!
)");
}

TEST_CASE("dsrctl lb-config: NetScaler")
{
	const std::string config = "10.128.8.46 = 7\n2001:db8::46 = EF\n";

	CHECK(vendor("netscaler").write(site(config)) == R"(# written by dsrctl lb-config
add server rs_10_128_9_31 10.128.9.31
add server rs_10_128_9_32 10.128.9.32
add server rs_2001_db8_9__31 2001:db8:9::31
add lb monitor mon_10_128_8_46 PING -destIP 10.128.8.46 -tos YES -tosId 7
add serviceGroup sg_10_128_8_46 ANY -usip YES -cip DISABLED
bind serviceGroup sg_10_128_8_46 rs_10_128_9_31 *
bind serviceGroup sg_10_128_8_46 rs_10_128_9_32 * -weight 3
bind serviceGroup sg_10_128_8_46 -monitorName mon_10_128_8_46
add lb vserver vip_10_128_8_46 ANY 10.128.8.46 * -lbMethod ROUNDROBIN -m TOS -tosId 7
bind lb vserver vip_10_128_8_46 sg_10_128_8_46
add lb monitor mon_2001_db8__46 PING -destIP 2001:db8::46 -tos YES -tosId 46
add serviceGroup sg_2001_db8__46 ANY -usip YES -cip DISABLED
bind serviceGroup sg_2001_db8__46 rs_2001_db8_9__31 *
bind serviceGroup sg_2001_db8__46 -monitorName mon_2001_db8__46
add lb vserver vip_2001_db8__46 ANY 2001:db8::46 * -lbMethod ROUNDROBIN -m TOS -tosId 46
bind lb vserver vip_2001_db8__46 sg_2001_db8__46
)");
	// tcp and udp of one port are one, and only TCP can be asked
	CHECK(vendor("netscaler")
		      .write(site("10.128.8.46 = 7", {"udp/53", "tcp/53", "udp/123"},
				  "10.1.1.1\n")) == R"(# written by dsrctl lb-config
add server rs_10_1_1_1 10.1.1.1
add lb monitor mon_10_128_8_46_53 TCP -destIP 10.128.8.46 -destPort 53 -tos YES -tosId 7
add serviceGroup sg_10_128_8_46_53 ANY -usip YES -cip DISABLED
bind serviceGroup sg_10_128_8_46_53 rs_10_1_1_1 53
bind serviceGroup sg_10_128_8_46_53 -monitorName mon_10_128_8_46_53
add lb vserver vip_10_128_8_46_53 ANY 10.128.8.46 53 -lbMethod ROUNDROBIN -m TOS -tosId 7
bind lb vserver vip_10_128_8_46_53 sg_10_128_8_46_53
add lb monitor mon_10_128_8_46_123 PING -destIP 10.128.8.46 -tos YES -tosId 7
add serviceGroup sg_10_128_8_46_123 ANY -usip YES -cip DISABLED
bind serviceGroup sg_10_128_8_46_123 rs_10_1_1_1 123
bind serviceGroup sg_10_128_8_46_123 -monitorName mon_10_128_8_46_123
add lb vserver vip_10_128_8_46_123 ANY 10.128.8.46 123 -lbMethod ROUNDROBIN -m TOS -tosId 7
bind lb vserver vip_10_128_8_46_123 sg_10_128_8_46_123
)");
}

TEST_CASE("dsrctl lb-config: VPP")
{
	CHECK(written("vpp", {}) == R"(lb vip 10.128.8.46/32 encap l3dsr dscp 7
lb as 10.128.8.46/32 10.128.9.31 weight 1
lb as 10.128.8.46/32 10.128.9.32 weight 3
lb vip 10.128.8.47/32 encap l3dsr dscp 10
lb as 10.128.8.47/32 10.128.9.31 weight 1
lb as 10.128.8.47/32 10.128.9.32 weight 3
)");
	// as releases that know no weights read it, too
	CHECK(vendor("vpp").write(site("10.128.8.46 = 7", {"tcp/80", "udp/53"},
				       "10.128.9.31\n10.128.9.32\n10.128.9.33 weight 0\n")) ==
	      R"(lb vip 10.128.8.46/32 protocol tcp port 80 encap l3dsr dscp 7
lb as 10.128.8.46/32 protocol tcp port 80 10.128.9.31 10.128.9.32
lb vip 10.128.8.46/32 protocol udp port 53 encap l3dsr dscp 7
lb as 10.128.8.46/32 protocol udp port 53 10.128.9.31 10.128.9.32
)");
}

TEST_CASE("dsrctl lb-config: IPVS, of services")
{
	CHECK(vendor("ipvs").write(site("10.128.8.46 = 7\n2001:db8::46 = 8\n",
					{"tcp/80", "udp/53"})) == R"(#!/bin/sh -e
# written by dsrctl lb-config
# The VIPs have to be addresses of this host, or IPVS does not see them:
#   ip address add 10.128.8.46/32 dev lo scope host
#   ip address add 2001:db8::46/128 dev lo nodad preferred_lft 0
ipvsadm -R <<'TEXT'
-A -t 10.128.8.46:80 -s wrr
-a -t 10.128.8.46:80 -r 10.128.9.31:80 -m -w 1
-a -t 10.128.8.46:80 -r 10.128.9.32:80 -m -w 3
-a -t 10.128.8.46:80 -r 10.128.9.33:80 -m -w 0
-A -u 10.128.8.46:53 -s wrr
-a -u 10.128.8.46:53 -r 10.128.9.31:53 -m -w 1
-a -u 10.128.8.46:53 -r 10.128.9.32:53 -m -w 3
-a -u 10.128.8.46:53 -r 10.128.9.33:53 -m -w 0
-A -t [2001:db8::46]:80 -s wrr
-a -t [2001:db8::46]:80 -r [2001:db8:9::31]:80 -m -w 1
-A -u [2001:db8::46]:53 -s wrr
-a -u [2001:db8::46]:53 -r [2001:db8:9::31]:53 -m -w 1
TEXT
iptables-restore --noflush <<'TEXT'
*mangle
:dsrctl-lb -
-A dsrctl-lb -d 10.128.8.46/32 -p tcp --dport 80 -j DSCP --set-dscp 0x07
-A dsrctl-lb -d 10.128.8.46/32 -p udp --dport 53 -j DSCP --set-dscp 0x07
COMMIT
TEXT
iptables -w -t mangle -C PREROUTING -j dsrctl-lb 2>/dev/null ||
	iptables -w -t mangle -A PREROUTING -j dsrctl-lb
ip6tables-restore --noflush <<'TEXT'
*mangle
:dsrctl-lb -
-A dsrctl-lb -d 2001:db8::46/128 -p tcp --dport 80 -j DSCP --set-dscp 0x08
-A dsrctl-lb -d 2001:db8::46/128 -p udp --dport 53 -j DSCP --set-dscp 0x08
COMMIT
TEXT
ip6tables -w -t mangle -C PREROUTING -j dsrctl-lb 2>/dev/null ||
	ip6tables -w -t mangle -A PREROUTING -j dsrctl-lb
)");
}

TEST_CASE("dsrctl lb-config: IPVS, of all that comes to a VIP")
{
	CHECK(vendor("ipvs").write(site("2001:db8::46 = 8\n")) == R"(#!/bin/sh -e
# written by dsrctl lb-config
# The VIPs have to be addresses of this host, or IPVS does not see them:
#   ip address add 2001:db8::46/128 dev lo nodad preferred_lft 0
ipvsadm -R <<'TEXT'
-A -f 8 -6 -s wrr
-a -f 8 -6 -r [2001:db8:9::31]:0 -m -w 1
TEXT
ip6tables-restore --noflush <<'TEXT'
*mangle
:dsrctl-lb -
-A dsrctl-lb -d 2001:db8::46/128 -j MARK --set-mark 8
-A dsrctl-lb -d 2001:db8::46/128 -j DSCP --set-dscp 0x08
COMMIT
TEXT
ip6tables -w -t mangle -C PREROUTING -j dsrctl-lb 2>/dev/null ||
	ip6tables -w -t mangle -A PREROUTING -j dsrctl-lb
)");
}

TEST_CASE("dsrctl lb-config: nft")
{
	std::string text = vendor("nft").write(
		site("10.128.8.46 = 7\n10.128.8.47 = AF11\n2001:db8::46 = 8\n"));

	CHECK(has(text, "\t\telements = {\n\t\t\t0 : 10.128.9."));
	CHECK(has(text, "1023 : 10.128.9."));
	CHECK_FALSE(has(text, "10.128.9.33"));
	text = without(text, " : 10.128.9.");
	CHECK(text == R"(#!/usr/sbin/nft -f
# written by dsrctl lb-config
table ip dsrctl_lb {}
delete table ip dsrctl_lb
table ip dsrctl_lb {
	map servers {
		typeof numgen inc mod 1024 : ip daddr
		elements = {
		}
	}
	chain errors {
		@th,64,8 0x45 @th,136,8 6 ip daddr set jhash @th,192,32 . @th,240,16 mod 1024 seed 0x64737263 map @servers return
		ip daddr set jhash @th,192,32 mod 1024 seed 0x64737263 map @servers
	}
	chain spread {
		meta l4proto tcp ip daddr set jhash ip saddr . tcp sport mod 1024 seed 0x64737263 map @servers return
		ip daddr set jhash ip saddr mod 1024 seed 0x64737263 map @servers
	}
	chain vip_10_128_8_46 {
		icmp type { destination-unreachable, time-exceeded, parameter-problem } ip dscp set 0x07 goto errors
		ip dscp set 0x07 goto spread
	}
	chain vip_10_128_8_47 {
		icmp type { destination-unreachable, time-exceeded, parameter-problem } ip dscp set 0x0a goto errors
		ip dscp set 0x0a goto spread
	}
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip daddr vmap {
			10.128.8.46 : goto vip_10_128_8_46,
			10.128.8.47 : goto vip_10_128_8_47
		}
	}
}
table ip6 dsrctl_lb {}
delete table ip6 dsrctl_lb
table ip6 dsrctl_lb {
	chain errors {
		ip6 daddr set 2001:db8:9::31
	}
	chain spread {
		ip6 daddr set 2001:db8:9::31
	}
	chain vip_2001_db8__46 {
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } ip6 dscp set 0x08 goto errors
		ip6 dscp set 0x08 goto spread
	}
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip6 daddr vmap {
			2001:db8::46 : goto vip_2001_db8__46
		}
	}
}
)");
	CHECK(has(vendor("nft").write(site("10.128.8.46 = 7", {"tcp/80", "udp/53"})),
		  " goto errors\n"
		  "\t\ttcp dport 80 ip dscp set 0x07 goto spread\n"
		  "\t\tudp dport 53 ip dscp set 0x07 goto spread\n"
		  "\t}\n"));
	CHECK(has(vendor("nft").write(site("2001:db8::46 = 7", {}, "2001:db8::1\n2001:db8::2\n")),
		  "\t\t@th,112,8 6 ip6 daddr set jhash @th,256,128 . @th,400,16 mod 1024"));
}

TEST_CASE("dsrctl lb-config: pools, for every vendor")
{
	const std::vector<std::pair<const char *, const char *>> parts = {
		{"a10",
		 "slb service-group sg_10_128_8_56_tcp_80 tcp\n  template port dscp7\n  member rs_10_128_9_41 80\n!\n"},
		{"brocade",
		 " tos-marking 7 hc-l3-dsr\n port http\n bind http rs_10_128_9_41 http\n!\n"},
		{"netscaler",
		 "bind serviceGroup sg_10_128_8_56_80 rs_10_128_9_41 80\nbind serviceGroup sg_10_128_8_56_80 -monitorName"},
		{"ipvs",
		 "-A -t 10.128.8.56:80 -s wrr\n-a -t 10.128.8.56:80 -r 10.128.9.41:80 -m -w 1\n-A -t ["},
		{"keepalived", "\treal_server 10.128.9.41 80 {\n"},
		{"nft",
		 "\tchain spread_mail {\n\t\tip daddr set 10.128.9.41\n\t}\n\tchain vip_10_128_8_56 {\n"},
	};

	for (auto [name, part] : parts) {
		const Site site = two_pools({"tcp/80"});
		const std::string text = vendor(name).write(site);
		std::vector<Entry> all = entries(
			"10.128.8.46 = 7\n10.128.8.47 = AF11\n2001:db8::56 = 7\n");

		INFO(name << "\n" << text);
		CHECK(has(text, part));
		CHECK_FALSE(has(text, "10.128.8.46 10.128.9.41"));
		all.push_back(entries("10.128.8.56 = 7\n")[0]);
		Verdict found = verify(all, site, vendor(name).read(text, "lb"), "lb");
		for (const std::string &one : found.differences)
			UNSCOPED_INFO(one);
		CHECK(found.agree());
	}
	// without services, a mark is one VIP's
	const std::string text = vendor("ipvs").write(two_pools());
	CHECK(has(text, "-A -f 7 -s wrr\n-a -f 7 -r 10.128.9.31:0"));
	CHECK(has(text, "-A -f 71 -s wrr\n-a -f 71 -r 10.128.9.41:0"));
	CHECK(has(text, "-d 10.128.8.56/32 -j MARK --set-mark 71\n"));
}

TEST_CASE("dsrctl lb-config: keepalived")
{
	std::string text = vendor("keepalived")
				   .write(site("10.128.8.46 = 7\n2001:db8::46 = 8\n",
					       {"tcp/80", "udp/53"}));

	CHECK(has(
		text,
		"virtual_server 10.128.8.46 80 {\n\tdelay_loop 5\n\tlvs_sched mh\n\tmh-port\n\tlvs_method NAT\n\tprotocol TCP\n"
		"\treal_server 10.128.9.31 80 {\n\t\tweight 1\n\t\tMISC_CHECK {\n\t\t\tmisc_path \""));
	CHECK(has(
		text,
		"/dsrctl probe --keepalived --real 10.128.9.31 --vip 10.128.8.46 --dscp 7 --tcp 80\"\n"));
	CHECK(has(
		text,
		"/dsrctl probe --keepalived --real 2001:db8:9::31 --vip 2001:db8::46 --dscp 8\"\n"));
	CHECK(has(text,
		  "static_ipaddress {\n\t10.128.8.46/32 dev lo\n\t2001:db8::46/128 dev lo\n}\n"));
	CHECK(has(text,
		  "-A dsrctl-lb -d 10.128.8.46/32 -p udp --dport 53 -j DSCP --set-dscp 0x07\n"));
	text = vendor("keepalived").write(site("2001:db8::46 = 8\n"));
	CHECK(has(text, "virtual_server fwmark 8 {\n"));
	CHECK(has(text, "\tip_family inet6\n\treal_server 2001:db8:9::31 0 {\n"));
	CHECK(has(text, "-d 2001:db8::46/128 -j MARK --set-mark 8\n"));
}

namespace {

// Who has which slot.
std::map<unsigned int, std::string> slots(const std::string &reals)
{
	std::istringstream text(
		with(vendor("nft").write(site("10.128.8.46 = 7", {}, reals)), "elements = {", ""));
	std::map<unsigned int, std::string> found;
	std::string line, number, colon, address;

	while (std::getline(text, line)) {
		std::istringstream words(line);

		while (words >> number >> colon >> address &&
		       number.find_first_not_of("0123456789") == number.npos) {
			if (address.back() == ',')
				address.pop_back();
			found[static_cast<unsigned int>(std::stoul(number))] = address;
		}
	}
	return found;
}

std::map<std::string, unsigned int> shares(const std::string &reals)
{
	std::map<std::string, unsigned int> count;

	for (const auto &[slot, server] : slots(reals))
		count[server]++;
	return count;
}

} // namespace

TEST_CASE("dsrctl lb-config: nft spreads by weight")
{
	auto even = shares("10.1.1.1\n10.1.1.2\n10.1.1.3\n10.1.1.4\n");
	unsigned int all = 0;

	CHECK(even.size() == 4);
	for (const auto &[server, count] : even) {
		CHECK(count > 256 * 3 / 4);
		CHECK(count < 256 * 5 / 4);
		all += count;
	}
	CHECK(all == 1024);
	auto weighed = shares("10.1.1.1 weight 30\n10.1.1.2 weight 10\n");
	CHECK(weighed["10.1.1.1"] > 768 * 9 / 10);
	CHECK(weighed["10.1.1.1"] < 768 * 11 / 10);
}

TEST_CASE("dsrctl lb-config: a server that goes takes only its own clients along")
{
	auto before = slots("10.1.1.1\n10.1.1.2\n10.1.1.3\n");
	auto after = slots("10.1.1.3\n10.1.1.1\n10.1.1.2 weight 0\n");
	unsigned int moved = 0;

	REQUIRE(before.size() == 1024);
	REQUIRE(after.size() == 1024);
	for (const auto &[slot, server] : before) {
		if (server == "10.1.1.2")
			moved++;
		else
			CHECK(after[slot] == server);
	}
	CHECK(moved > 0);
	CHECK(slots("10.1.1.3\n10.1.1.2\n10.1.1.1\n") == before);
}
