// SPDX-License-Identifier: BSD-3-Clause
// The load balancer's side of the configuration: as each vendor writes it, and
// compared with what the servers have.
#include <sys/wait.h>

#include <map>

#include "lb/verify.hpp"
#include "world.hpp"

using namespace dsr_test;
using namespace dsr::lb;

namespace {

const char CONFIG[] =
	"10.128.8.46 = 7\n"
	"2001:db8::46 = 7\n"
	"10.128.8.47 = AF11\n"
	"10.128.9.100\n";

const char SERVERS[] =
	"# the shop\n"
	"10.128.9.31\n"
	"10.128.9.32 weight 3\n"
	"10.128.9.33 weight 0 # under repair\n"
	"\n"
	"2001:db8:9::31\n";

std::vector<Server> servers(const std::string &text)
{
	std::vector<std::string> errors;
	std::vector<Server> found;

	read_servers(text, "s", found, errors);
	for (const std::string &error : errors)
		FAIL(error);
	return found;
}

Site site(const std::string &config, std::vector<std::string> services = {},
	  const std::string &reals = SERVERS)
{
	std::vector<std::string> warnings, errors;
	Site site;

	site.vips = virtuals(entries(config), warnings);
	site.servers = servers(reals);
	for (const std::string &service : services)
		site.services.push_back(parse_service(service));
	check(site, errors);
	CHECK(errors.empty());
	return site;
}

const Vendor &vendor(const std::string &name)
{
	const Vendor *found = find_vendor(name);

	REQUIRE(found);
	return *found;
}

// What --verify would say of this text.
std::vector<std::string> compare(const std::string &name, const std::string &text,
				 const std::string &config = CONFIG,
				 const std::string &reals = SERVERS)
{
	std::vector<std::string> warnings;
	const std::vector<Entry> all = entries(config);
	Site site;

	site.vips = virtuals(all, warnings);
	site.servers = servers(reals);
	return differences(all, site, vendor(name).read(text, "lb"), "lb");
}

// The only difference.
std::string difference(const std::string &name, const std::string &text,
		       const std::string &config = CONFIG,
		       const std::string &reals = "")
{
	auto found = compare(name, text, config, reals);

	for (const std::string &one : found)
		UNSCOPED_INFO(one);
	CHECK(found.size() == 1);
	return found.empty() ? "" : found[0];
}

// Of a text, with the first @from in it as @to.
std::string with(std::string text, const std::string &from,
		 const std::string &to)
{
	std::size_t at = text.find(from);

	if (at == text.npos)
		FAIL("no " << from << " in:\n" << text);
	return text.replace(at, from.size(), to);
}

// Without the lines of which a part is this.
std::string without(const std::string &text, const std::string &part)
{
	std::istringstream lines(text);
	std::string line, rest;

	while (std::getline(lines, line))
		if (!has(line, part))
			rest += line + "\n";
	if (rest == text)
		FAIL("no " << part << " in:\n" << text);
	return rest;
}

// "lb:N", of the first line of which a part is this
std::string where(const std::string &text, const std::string &part)
{
	std::size_t at = text.find(part);

	if (at == text.npos)
		FAIL("no " << part << " in:\n" << text);
	return "lb:" + std::to_string(1 + std::count(text.begin(),
						     text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

const char *const NAMES[] = {"a10", "brocade", "netscaler", "vpp", "ipvs", "nft"};

// As much of the configuration as the vendor can have.
std::string config_of(const std::string &name)
{
	std::string config = CONFIG;

	return vendor(name).ip6 ? config : without(config, "2001:");
}

std::string written(const std::string &name,
		    const std::vector<std::string> &services = {"tcp/80"})
{
	return vendor(name).write(site(config_of(name), services));
}

} // namespace

TEST_CASE("dsrctl lb-config: A10")
{
	CHECK(written("a10", {"tcp/80", "udp/53"}) == R"(! written by dsrctl lb-config
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
  template port dscp7
  member rs_10_128_9_31 80
  member rs_10_128_9_32 80
!
slb service-group sg_10_128_8_46_udp_53 udp
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
  template port dscp7
  member rs_2001_db8_9__31 80
!
slb service-group sg_2001_db8__46_udp_53 udp
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
  template port dscp10
  member rs_10_128_9_31 80
  member rs_10_128_9_32 80
!
slb service-group sg_10_128_8_47_udp_53 udp
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
	CHECK(vendor("brocade").write(site("10.128.8.46 = 7\n2001:db8::46 = 8\n",
					   {"tcp/80", "tcp/8080"})) == R"(! written by dsrctl lb-config
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
add service svc_10_128_9_31 10.128.9.31 ANY * -usip YES
add service svc_10_128_9_32 10.128.9.32 ANY * -usip YES
add service svc_2001_db8_9__31 2001:db8:9::31 ANY * -usip YES
add lb vserver vip_10_128_8_46 ANY 10.128.8.46 * -m TOS -tosId 7
bind lb vserver vip_10_128_8_46 svc_10_128_9_31
bind lb vserver vip_10_128_8_46 svc_10_128_9_32 -weight 3
add lb vserver vip_2001_db8__46 ANY 2001:db8::46 * -m TOS -tosId 46
bind lb vserver vip_2001_db8__46 svc_2001_db8_9__31
)");
	CHECK(vendor("netscaler").write(site(config, {"tcp/443"},
					     "10.1.1.1\n2001:db8::1\n")) == R"(# written by dsrctl lb-config
add service svc_10_1_1_1_tcp_443 10.1.1.1 TCP 443 -usip YES
add service svc_2001_db8__1_tcp_443 2001:db8::1 TCP 443 -usip YES
add lb vserver vip_10_128_8_46_tcp_443 TCP 10.128.8.46 443 -m TOS -tosId 7
bind lb vserver vip_10_128_8_46_tcp_443 svc_10_1_1_1_tcp_443
add lb vserver vip_2001_db8__46_tcp_443 TCP 2001:db8::46 443 -m TOS -tosId 46
bind lb vserver vip_2001_db8__46_tcp_443 svc_2001_db8__1_tcp_443
)");
}

TEST_CASE("dsrctl lb-config: VPP")
{
	CHECK(written("vpp", {}) == R"(lb vip 10.128.8.46/32 encap l3dsr dscp 7
lb as 10.128.8.46/32 10.128.9.31 10.128.9.32
lb vip 10.128.8.47/32 encap l3dsr dscp 10
lb as 10.128.8.47/32 10.128.9.31 10.128.9.32
)");
	CHECK(vendor("vpp").write(site("10.128.8.46 = 7", {"tcp/80", "udp/53"})) == R"(lb vip 10.128.8.46/32 protocol tcp port 80 encap l3dsr dscp 7
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
#   ip address add 10.128.8.46/32 dev lo
#   ip address add 2001:db8::46/128 dev lo
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
#   ip address add 2001:db8::46/128 dev lo
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
	std::string text = vendor("nft").write(site(
		"10.128.8.46 = 7\n10.128.8.47 = AF11\n2001:db8::46 = 8\n"));

	CHECK(has(text, "\t\telements = {\n\t\t\t0 : 10.128.9."));
	CHECK(has(text, "1023 : 10.128.9."));
	CHECK_FALSE(has(text, "10.128.9.33"));
	text = without(without(text, " : 10.128.9."), " : 2001:db8:9::31");
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
	chain spread {
		meta l4proto tcp ip daddr set jhash ip saddr . tcp sport mod 1024 seed 0x64737263 map @servers return
		ip daddr set jhash ip saddr mod 1024 seed 0x64737263 map @servers
	}
	chain dscp_7 {
		ip dscp set 0x07 goto spread
	}
	chain dscp_10 {
		ip dscp set 0x0a goto spread
	}
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip daddr vmap {
			10.128.8.46 : goto dscp_7,
			10.128.8.47 : goto dscp_10
		}
	}
}
table ip6 dsrctl_lb {}
delete table ip6 dsrctl_lb
table ip6 dsrctl_lb {
	map servers {
		typeof numgen inc mod 1024 : ip6 daddr
		elements = {
		}
	}
	chain spread {
		meta l4proto tcp ip6 daddr set jhash ip6 saddr . tcp sport mod 1024 seed 0x64737263 map @servers return
		ip6 daddr set jhash ip6 saddr mod 1024 seed 0x64737263 map @servers
	}
	chain dscp_8 {
		ip6 dscp set 0x08 goto spread
	}
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip6 daddr vmap {
			2001:db8::46 : goto dscp_8
		}
	}
}
)");
	CHECK(has(vendor("nft").write(site("10.128.8.46 = 7", {"tcp/80", "udp/53"})),
		  "\tchain dscp_7 {\n"
		  "\t\ttcp dport 80 ip dscp set 0x07 goto spread\n"
		  "\t\tudp dport 53 ip dscp set 0x07 goto spread\n"
		  "\t}\n"));
}

namespace {

// Who has which slot.
std::map<unsigned int, std::string> slots(const std::string &reals)
{
	std::istringstream text(with(vendor("nft").write(
		site("10.128.8.46 = 7", {}, reals)), "elements = {", ""));
	std::map<unsigned int, std::string> found;
	std::string line, number, colon, address;

	while (std::getline(text, line)) {
		std::istringstream words(line);

		while (words >> number >> colon >> address &&
		       number.find_first_not_of("0123456789") == number.npos) {
			if (address.back() == ',')
				address.pop_back();
			found[static_cast<unsigned int>(std::stoul(number))] =
				address;
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

TEST_CASE("dsrctl lb-config: what is written agrees")
{
	for (const char *name : NAMES) {
		INFO(name);
		CHECK(compare(name, written(name), config_of(name)).empty());
		CHECK(compare(name, written(name, {"tcp/80", "udp/53"}),
			      config_of(name)).empty());
		if (vendor(name).any_service)
			CHECK(compare(name, written(name, {}),
				      config_of(name)).empty());
	}
}

TEST_CASE("dsrctl lb-config: a VIP that the load balancer does not have")
{
	for (const char *name : NAMES) {
		INFO(name);
		CHECK(difference(name, written(name),
				 config_of(name) + "10.1.1.1 = 9\n") ==
		      (vendor(name).ip6 ? "f:5" : "f:4") +
			      std::string(": found 10.1.1.1 = 9, expected it in lb, too"));
		CHECK(compare(name, "", config_of(name)).size() ==
		      (vendor(name).ip6 ? 3 : 2));
	}
}

TEST_CASE("dsrctl lb-config: a VIP that the servers do not have")
{
	const std::pair<const char *, const char *> lines[] = {
		{"a10", "  dscp 10"}, {"brocade", "tos-marking 10"},
		{"netscaler", "-tosId 10"}, {"vpp", "dscp 10"},
		{"ipvs", "--set-dscp 0x0a"}, {"nft", "dscp set 0x0a"}};

	for (auto [name, line] : lines) {
		INFO(name);
		CHECK(difference(name, written(name),
				 without(config_of(name), "10.128.8.47")) ==
		      where(written(name), line) + std::string(": found DSCP 10 for 10.128.8.47, expected no such VIP: the servers do not have it"));
	}
}

TEST_CASE("dsrctl lb-config: another DSCP")
{
	struct {
		const char *name, *from, *to;
	} const changes[] = {
		{"a10", "  dscp 10", "  dscp 11"},
		{"brocade", "tos-marking 10", "tos-marking 11"},
		{"netscaler", "-tosId 10", "-tosId 11"},
		{"vpp", "dscp 10", "dscp 11"},
		{"ipvs", "--set-dscp 0x0a", "--set-dscp 11"},
		{"nft", "dscp set 0x0a", "dscp set 11"},
	};

	for (const auto &change : changes) {
		const char *entry = vendor(change.name).ip6 ? "f:3" : "f:2";

		INFO(change.name);
		CHECK(difference(change.name,
				 with(written(change.name), change.from,
				      change.to),
				 config_of(change.name)) ==
		      where(written(change.name), change.from) +
			      std::string(": found DSCP 11 for 10.128.8.47, expected DSCP 10 as in ") +
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
		{"netscaler", " -m TOS -tosId 10", "", "10.128.8.47 80"},
		{"vpp", "encap l3dsr dscp 10", "encap nat4", "10.128.8.47"},
		{"ipvs", "-A dsrctl-lb -d 10.128.8.47/32 -p tcp --dport 80 -j DSCP --set-dscp 0x0a\n", "",
		 "-A -t 10.128.8.47"},
		{"nft", "ip dscp set 0x0a goto spread",
		 "ip daddr set 10.128.9.31", "ip daddr set 10.128.9.31"},
	};

	for (const auto &change : changes) {
		std::string text = with(written(change.name), change.from,
					change.to);
		std::string entry = vendor(change.name).ip6 ? "f:3" : "f:2";

		INFO(change.name);
		CHECK(difference(change.name, text, config_of(change.name)) ==
		      where(text, change.at) + ": found no DSCP for 10.128.8.47, expected DSCP 10 as in " +
			      entry);
	}
}

TEST_CASE("dsrctl lb-config: the DSCP of another VIP")
{
	CHECK(difference("vpp", written("vpp") +
			 "lb vip 10.1.1.1/32 encap l3dsr dscp 7\n",
			 config_of("vpp")) ==
	      "lb:5: found DSCP 7 for 10.1.1.1, expected this DSCP for 10.128.8.46 as in f:1");
}

TEST_CASE("dsrctl lb-config: an l2dsr VIP is not to be marked, and others are none of ours")
{
	CHECK(difference("vpp", written("vpp") +
			 "lb vip 10.128.9.100/32 encap l3dsr dscp 9\n",
			 config_of("vpp")) ==
	      "lb:5: found DSCP 9 for 10.128.9.100, expected no DSCP as in f:3");
	CHECK(compare("netscaler", written("netscaler") +
		      "add lb vserver web HTTP 10.128.9.100 80\n"
		      "add lb vserver other HTTP 192.0.2.1 80\n").empty());
}

TEST_CASE("dsrctl lb-config: one of several DSCPs of a VIP agrees")
{
	const std::string text = "lb vip 10.1.1.1/32 encap l3dsr dscp 9\n";

	CHECK(compare("vpp", text, "10.1.1.1 = 8\n10.1.1.1 = 9\n", "").empty());
	CHECK(difference("vpp", text, "10.1.1.1 = 8\n10.1.1.1 = 7\n") != "");
}

TEST_CASE("dsrctl lb-config: servers that differ")
{
	for (const char *name : NAMES) {
		const std::string more = with(SERVERS, "10.128.9.33 weight 0",
					      "10.128.9.34");
		auto found = compare(name, written(name), config_of(name), more);

		INFO(name);
		REQUIRE(found.size() == (std::string(name) == "ipvs" ? 4 : 2));
		CHECK(has(found[found.size() - 1],
			  ": found 10.128.8.47 without the server 10.128.9.34, expected it as in s:4"));
		found = compare(name, written(name), config_of(name),
				without(SERVERS, "10.128.9.32"));
		REQUIRE(found.size() == 2);
		CHECK(has(found[0], ": found the server 10.128.9.32 for 10.128.8.46, expected one of the list of servers"));
		CHECK(found[0].starts_with("lb:"));
		// nobody asked
		CHECK(compare(name, written(name), config_of(name), "").empty());
	}
}

TEST_CASE("dsrctl lb-config: what cannot work, and what cannot be read")
{
	struct {
		const char *name, *from, *to;
		const char *at;	// null: where it was changed
		const char *message;
	} const changes[] = {
		{"a10", "    no-dest-nat\n    service-group sg_10_128_8_47_tcp_80", "    service-group sg_10_128_8_47_tcp_80",
		 "  port 80 tcp\n    service-group sg_10_128_8_47",
		 "found port 80 tcp without no-dest-nat, expected it, for L3DSR"},
		{"a10", "service-group sg_10_128_8_47_tcp_80\n!", "service-group x\n!",
		 "  port 80 tcp\n    no-dest-nat\n    service-group x",
		 "found the service group \"x\", expected one that is defined"},
		{"a10", "template port dscp10\n  member", "template port x\n  member",
		 "  port 80 tcp\n    no-dest-nat\n    service-group sg_10_128_8_47",
		 "found the port template \"x\", expected one that is defined"},
		{"a10", "dscp 10", "dscp 64", nullptr,
		 "found \"64\", expected a DSCP: 0 to 63"},
		{"a10", "vip_10_128_8_47 10.128.8.47", "vip_10_128_8_47 10.128.8",
		 nullptr,
		 "found \"10.128.8\", expected a numeric IPv4 or IPv6 address"},
		{"brocade", "tos-marking 10 hc-l3-dsr", "tos-marking 10",
		 nullptr,
		 "found tos-marking without hc-l3-dsr, expected it: the answers to health checks come from the VIP"},
		{"brocade", "tos-marking 10", "tos-marking", "tos-marking hc",
		 "found \"hc-l3-dsr\", expected a DSCP: 0 to 63"},
		{"brocade", "bind http rs_10_128_9_31 http", "bind http rs9 http",
		 nullptr,
		 "found the server \"rs9\", expected one that is defined"},
		{"netscaler", "10.128.9.31 TCP 80 -usip YES", "10.128.9.31 TCP 80 -usip NO",
		 "bind lb vserver vip_10_128_8_46_tcp_80 svc_10_128_9_31",
		 "found the service \"svc_10_128_9_31_tcp_80\" without -usip YES, expected it: the server answers the client itself"},
		{"netscaler", "-m TOS -tosId 10", "-tosId 10", nullptr,
		 "found -tosId without -m TOS, expected both"},
		{"netscaler", "-m TOS -tosId 10", "-m TOS", "-m TOS\n",
		 "found -m TOS without -tosId, expected both"},
		{"netscaler", "TCP 10.128.8.47 80", "TCP shop 80",
		 nullptr,
		 "found \"shop\", expected a numeric IPv4 or IPv6 address"},
		{"vpp", "lb vip 10.128.8.47/32", "lb vip 10.128.8.47/24",
		 nullptr,
		 "found \"10.128.8.47/24\", expected a prefix of one VIP, /32"},
		{"vpp", "lb vip 10.128.8.47/32 protocol tcp", "lb vip 10.128.8.47/32 protocol udp",
		 "lb as 10.128.8.47",
		 "found servers of \"10.128.8.47/32\", expected its lb vip before them"},
		{"vpp", "dscp 10", "dscp x", nullptr,
		 "found \"x\", expected a DSCP: 0 to 63"},
		{"ipvs", "-r 10.128.9.31:80 -m", "-r 10.128.9.31:80 -g",
		 nullptr,
		 "found a server that does not get its own address as the destination, expected -m, for L3DSR"},
		{"ipvs", "-A -t 10.128.8.47:80", "-A -t 10.128.8.47:81",
		 "-a -t 10.128.8.47:80",
		 "found a server of no service, expected its -A before it"},
		{"ipvs", "--dport 80 -j DSCP --set-dscp 0x0a", "--dport 81 -j DSCP --set-dscp 0x0a",
		 nullptr,
		 "found a DSCP for 10.128.8.47, expected a service of ipvsadm for the same"},
		{"ipvs", "--set-dscp 0x0a", "--set-dscp 64", nullptr,
		 "found \"64\", expected a DSCP: 0 to 63"},
		{"nft", "dscp set 0x0a", "dscp set 64", nullptr,
		 "found \"64\", expected a DSCP: 0 to 63"},
	};

	for (const auto &change : changes) {
		std::string text = with(written(change.name), change.from,
					change.to);
		auto found = compare(change.name, text, config_of(change.name));
		std::string message =
			where(text, change.at ? change.at : change.to) + ": " +
			change.message;

		INFO(change.name << ": " << change.to);
		for (const std::string &one : found)
			UNSCOPED_INFO(one);
		REQUIRE(!found.empty());
		CHECK(std::find(found.begin(), found.end(), message) !=
		      found.end());
	}
}

TEST_CASE("dsrctl lb-config: A10 as other releases write it")
{
	const std::string text =
		"slb template port shop\n"
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
	      "lb:2: found DSCP 7 for 10.128.8.46, expected DSCP 8 as in f:1");
}

TEST_CASE("dsrctl lb-config: Brocade as other releases write it")
{
	CHECK(compare("brocade",
		      "server real one 10.1.1.1\r\n port http\r\n!\r\n"
		      "server virtual v 10.128.8.46\r\n port http\r\n!\r\n"
		      "server virtual-name v\r\n tos-marking 7 hc-l3-dsr\r\n"
		      " bind http one http\r\n",
		      "10.128.8.46=7\n", "10.1.1.1\n").empty());
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
		      "10.128.8.46=7\n", "10.1.1.1\n").empty());
	CHECK(compare("netscaler",
		      "add service svc 10.1.1.1 ANY *\n"
		      "SET SERVICE svc -USIP yes\n"
		      "add lb vserver v ANY 10.128.8.46 *\n"
		      "set lb vserver v -m tos -tosid 7\n"
		      "bind lb vserver v svc\n",
		      "10.128.8.46=7\n", "10.1.1.1\n").empty());
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
		"-A PREROUTING ! -d 10.128.8.46/32 -j DSCP --set-dscp 0x01\n"
		"-A PREROUTING -d 10.128.8.0/24 -j DSCP --set-dscp 0x01\n"
		"-A PREROUTING -d 10.128.8.47/32 -j MARK --set-xmark 0x9/0xffffffff\n"
		"-A PREROUTING -d 10.128.8.47/32 -j DSCP --set-dscp-class AF11\n"
		"COMMIT\n";

	CHECK(compare("ipvs", text, "10.128.8.46=EF\n10.128.8.47=10\n",
		      "10.1.1.1\n").empty());
	auto found = compare("ipvs", without(text, "MARK"),
			     "10.128.8.46=EF\n10.128.8.47=10\n", "");
	CHECK(found == std::vector<std::string>{
		"lb:3: found a service of mark 9, expected a rule with -d that sets this mark",
		"lb:14: found a DSCP for 10.128.8.47, expected a service of ipvsadm for the same"});
}

TEST_CASE("dsrctl lb-config: IPVS as it is typed")
{
	CHECK(compare("ipvs",
		      "ipvsadm -A -t 10.128.8.46:80\n"
		      "ipvsadm -a -t 10.128.8.46:80 -r 10.1.1.1 -m\n"
		      "iptables -t mangle -A PREROUTING -d 10.128.8.46 -p tcp --dport 80 -j DSCP --set-dscp 7\n"
		      "iptables -A PREROUTING -d 10.128.8.46 -j DSCP --set-dscp 8\n",
		      "10.128.8.46=7\n", "10.1.1.1\n").empty());
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
		      "\t\tip daddr != 10.128.8.46 ip dscp set cs1\n"
		      "\t\tip daddr @web ip dscp set ef ip daddr set 10.1.1.1 # web\n"
		      "\t\tip daddr { 10.128.8.47, 10.128.8.48 } ip dscp set lephb ip daddr set jhash ip saddr mod 2 map { 0: 10.1.1.1, 1: 10.1.1.1 }\n"
		      "\t\tip daddr 10.128.8.49 jump nine; tcp dport 1 accept\n"
		      "\t}\n"
		      "\tchain nine {\n"
		      "\t\tip dscp set 9 ip daddr set 10.1.1.1\n"
		      "\t}\n"
		      "}\n",
		      "10.128.8.46=EF\n10.128.8.47=1\n10.128.8.49=9\n",
		      "10.1.1.1\n") ==
	      std::vector<std::string>{
		      "lb:10: found DSCP 1 for 10.128.8.48, expected this DSCP for 10.128.8.47 as in f:2"});
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
	CHECK(errors[1] == "found ipv6 VIPs and no ipv6 server, expected one of a weight above 0 with --servers or --real");
}

namespace {

class Program {
public:
	Program()
	{
		directory.save("conf", CONFIG);
		directory.save("servers", SERVERS);
	}

	int run(const std::string &arguments)
	{
		const std::string file = has(arguments, "-f ") ? "" : "-f conf ";
		std::string command = "cd " + (directory / "") + " && " DSRCTL
				      " lb-config " + file + arguments +
				      " >stdout 2>stderr";
		int status = std::system(command.c_str());

		text = load(directory / "stdout");
		error = load(directory / "stderr");
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}

	Directory directory;
	std::string text, error;
};

} // namespace

TEST_CASE("dsrctl lb-config: the program writes and compares")
{
	Program program;

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
		{"--vendor nft", "found ipv4 VIPs and no ipv4 server, expected one of a weight above 0 with --servers or --real"},
		{"--vendor a10 --servers servers", "found no --service, expected one for a10: tcp/80"},
		{"--vendor vpp --servers servers", "conf:2: found an IPv6 VIP, expected IPv4, which is all that vpp has L3DSR for; -4 leaves the others out"},
		{"--vendor nft --servers none", "none: No such file or directory"},
		{"--vendor nft --servers servers --service tcp", "--service: found \"tcp\", expected tcp or udp, / and a port: tcp/80"},
		{"--vendor nft --real host", "--real: found \"host\", expected a server: its own address, and perhaps weight and a number"},
		{"--vendor nft --real ''", "--real: found nothing, expected a server"},
		{"--vendor nft --verify none", "none: No such file or directory"},
		{"--vendor nft --servers servers -f bad", "bad:1: found \"x/y\""},
	};
	Program program;

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
