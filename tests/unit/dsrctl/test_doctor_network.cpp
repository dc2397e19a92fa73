// SPDX-License-Identifier: BSD-3-Clause
// dsrctl doctor: addresses, interfaces, services, and what arrives.
#include "doctor_world.hpp"
#include "dsrctl/doctor/gather.hpp"
#include "dsrctl/doctor/report.hpp"

using namespace dsr_test;

namespace {

void remove_address(Facts &facts, const std::string &address)
{
	std::erase_if(facts.addresses, [&](const Address &one) { return one.ip == ip(address); });
}

Link &link_of(Facts &facts, const std::string &name)
{
	for (Link &link : facts.links)
		if (link.name == name)
			return link;
	throw Error(name);
}

dsr::Decoded packet_to(const std::string &to, std::uint8_t dscp, std::uint16_t port = 80,
		       bool opens = true, std::uint8_t protocol = 6)
{
	dsr::Decoded packet;

	packet.from = ip(to.find(':') == to.npos ? "198.51.100.1" : "2001:db8:c::1");
	packet.to = ip(to);
	packet.dscp = dscp;
	packet.protocol = protocol;
	packet.has_ends = protocol == 6 || protocol == 17 || packet.ping();
	packet.source = 40000;
	packet.destination = port;
	packet.syn = opens && protocol == 6;
	packet.echo_request = opens && packet.ping();
	return packet;
}

// A host on which twelve of them have come.
Facts with_sample(const dsr::Decoded &packet, Facts facts = healthy())
{
	facts.sample = Sample{2, diagnosis(facts)};
	for (int i = 0; i < 12; i++)
		facts.sample->diagnosis.see(packet);
	return facts;
}

Facts with_sample(std::uint8_t dscp, const std::string &to, std::uint16_t port = 80,
		  bool opens = true, std::uint8_t protocol = 6)
{
	return with_sample(packet_to(to, dscp, port, opens, protocol));
}

} // namespace

TEST_CASE("doctor: a VIP that is on no interface")
{
	Facts facts = healthy();

	remove_address(facts, "10.0.0.8");
	Finding finding = only(check_addresses(facts));
	CHECK(finding.id == "vip-missing");
	CHECK(finding.severity == Severity::error);
	CHECK(finding.found ==
	      "10.0.0.8 is on no interface, but belongs on lo (/etc/dsr.d/f.conf:2)");
	CHECK(command_lines(finding) == std::vector<std::string>{"dsrctl start"});
	CHECK(finding.safe);

	// of a rule that is not configured
	facts.config = parse("10.0.0.7=7\n2001:db8::7=7\n");
	finding = only(check_addresses(facts));
	CHECK(has(finding.found, "(a rule in raw PREROUTING)"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"ip address add 10.0.0.8/32 dev lo scope host"});
	CHECK(has(finding.keep, "\"10.0.0.8 = 9\""));

	// a host without IPv6
	remove_address(facts = healthy(), "2001:db8::7");
	facts.ip6 = false;
	facts.rewrites.pop_back();
	CHECK(check_addresses(facts).empty());
}

TEST_CASE("doctor: a VIP on another interface, or on two")
{
	Facts facts = healthy();

	facts.addresses.push_back(on("dummy0", "10.0.0.8", 32));
	facts.links.push_back(link("dummy0"));
	facts.links.back().arp = false;
	Finding finding = only(check_addresses(facts));
	CHECK(finding.id == "vip-elsewhere");
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"ip address del 10.0.0.8/32 dev dummy0"});
	CHECK(has(finding.why, "whoever removes the VIP from one interface"));

	facts.links.back().arp = true;
	CHECK(has(only(check_addresses(facts)).why,
		  "neighbours on dummy0 are told that the VIP is here"));

	remove_address(facts, "10.0.0.8");
	facts.addresses.push_back(on("dummy0", "10.0.0.8", 32));
	finding = only(check_addresses(facts));
	CHECK(finding.id == "vip-misplaced");
	CHECK(has(finding.found, "10.0.0.8 is on dummy0, but belongs on lo"));
	CHECK(command_lines(finding).size() == 2);
	CHECK_FALSE(finding.safe);
}

TEST_CASE("doctor: a VIP on an interface whose neighbours ask")
{
	Facts facts = healthy();

	facts.config = parse("10.0.0.7=7\n10.0.0.8=9 dev eth1\n2001:db8::7=7\n");
	remove_address(facts, "10.0.0.8");
	facts.addresses.push_back(on("eth1", "10.0.0.8", 32));
	Finding finding = only(check_addresses(facts));
	CHECK(finding.id == "vip-answers-arp");
	CHECK(finding.severity == Severity::warning);
	CHECK(has(finding.why, "answers ARP"));

	link_of(facts, "eth1").arp_ignore = 8; // never
	CHECK(check_addresses(facts).empty());
	link_of(facts, "eth1").arp_ignore = 1;
	CHECK(check_addresses(facts).size() == 1);
	link_of(facts, "eth1").arp = false; // as of dummy
	CHECK(check_addresses(facts).empty());

	// of IPv6, no switch helps
	facts = healthy();
	facts.config = parse("10.0.0.7=7\n10.0.0.8=9\n2001:db8::7=7 dev eth1\n");
	remove_address(facts, "2001:db8::7");
	facts.addresses.push_back(on("eth1", "2001:db8::7", 128));
	link_of(facts, "eth1").arp_ignore = 8;
	CHECK(has(only(check_addresses(facts)).why, "neighbour discovery"));
}

TEST_CASE("doctor: a VIP with a network around it")
{
	Facts facts = healthy();

	remove_address(facts, "10.0.0.8");
	facts.addresses.push_back(on("lo", "10.0.0.8", 24));
	Finding finding = only(check_addresses(facts));
	CHECK(finding.id == "vip-network");
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"ip address add 10.0.0.8/32 dev lo scope host",
				       "ip address del 10.0.0.8/24 dev lo"});
}

TEST_CASE("doctor: a VIP that is the source of what the host opens")
{
	Facts facts = healthy();
	auto set_source = [&](const std::string &address, bool source) {
		for (Address &one : facts.addresses)
			if (one.ip == ip(address))
				one.source = source;
	};

	// what leaves by eth0 has an address there
	link_of(facts, "eth0").default6 = true;
	CHECK(check_source(facts).empty());

	remove_address(facts, "2001:db8:9::31");
	facts.addresses.push_back(on("eth0", "fe80::1", 64));
	Finding finding = only(check_source(facts));
	CHECK(finding.id == "vip-source");
	CHECK(finding.severity == Severity::warning);
	CHECK(has(
		finding.found,
		"the VIP 2001:db8::7 on lo has a preferred lifetime, and what leaves by eth0 has no other address: give the VIP preferred_lft 0"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{
		      "ip address replace 2001:db8::7/128 dev lo nodad preferred_lft 0"});
	CHECK(finding.safe);
	// another of the host's is not always chosen
	facts.addresses.push_back(on_lo("2001:db8:5::1"));
	CHECK(only(check_source(facts)).id == "vip-source");
	set_source("2001:db8::7", false);
	CHECK(check_source(facts).empty());
	set_source("2001:db8::7", true);
	link_of(facts, "eth0").default6 = false;
	CHECK(check_source(facts).empty());

	remove_address(facts, "192.0.2.31");
	remove_address(facts, "198.51.100.31");
	set_source("127.0.0.1", false);
	finding = only(check_source(facts));
	CHECK(has(finding.found, "the VIP 10.0.0.7 on lo has a scope above host"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"ip address del 10.0.0.7/32 dev lo",
				       "ip address add 10.0.0.7/32 dev lo scope host",
				       "ip address del 10.0.0.8/32 dev lo",
				       "ip address add 10.0.0.8/32 dev lo scope host"});
	CHECK_FALSE(finding.safe);
	// IPv4 takes the first
	facts.addresses.insert(facts.addresses.begin(), on_lo("10.0.0.1"));
	CHECK(check_source(facts).empty());
	facts.addresses.erase(facts.addresses.begin());
	facts.addresses.push_back(on_lo("10.0.0.1"));
	CHECK(check_source(facts).size() == 1);
	link_of(facts, "eth0").up = false;
	CHECK(check_source(facts).empty());
}

TEST_CASE("doctor: rp_filter, where the answers leave by another interface")
{
	Facts facts = healthy();

	for (Link &link : facts.links)
		link.rp_filter = 1;
	Finding finding = only(check_rp_filter(facts));
	CHECK(finding.id == "rp-filter");
	CHECK(finding.severity == Severity::warning);
	CHECK(has(finding.found, "rp_filter is strict (1) on eth1"));
	CHECK(command_lines(finding) ==
	      std::vector<std::string>{"sysctl -w net.ipv4.conf.eth1.rp_filter=2"});
	CHECK(finding.keep == "net.ipv4.conf.eth1.rp_filter = 2 in a file in /etc/sysctl.d");
	CHECK(finding.safe);

	facts.dropped_by_rp_filter = 7;
	finding = only(check_rp_filter(facts));
	CHECK(finding.severity == Severity::error);
	CHECK(has(finding.found, "and 7 packets dropped by rp_filter"));

	link_of(facts, "eth1").rp_filter = 2;
	CHECK(check_rp_filter(facts).empty());
	link_of(facts, "eth1").rp_filter = 1;
	link_of(facts, "eth1").default4 = true; // two ways out
	CHECK(check_rp_filter(facts).empty());

	// a VLAN, whose name has a dot
	facts.links.push_back(link("eth0.10"));
	facts.links.back().rp_filter = 1;
	CHECK(check_rp_filter(facts).empty()); // without an address
	facts.addresses.push_back(on("eth0.10", "203.0.113.31", 24));
	CHECK(command_lines(only(check_rp_filter(facts)))[0] ==
	      "sysctl -w net/ipv4/conf/eth0.10/rp_filter=2");
	facts.links.back().up = false;
	CHECK(check_rp_filter(facts).empty());
}

TEST_CASE("doctor: ARP for VIPs that are in a segment of the host")
{
	Facts facts = healthy();

	CHECK(check_arp(facts).empty()); // routed VIPs: nobody asks
	facts.config = parse("192.0.2.100=7\n2001:db8::7=7\n");
	facts.addresses.push_back(on_lo("192.0.2.100"));
	Findings findings = check_arp(facts);
	CHECK(ids(findings) == "warning: arp-ignore, warning: arp-announce");
	CHECK(has(findings[0].found, "below 1 on eth0, which shares a segment"));
	CHECK(command_lines(findings[0])[0] == "sysctl -w net.ipv4.conf.all.arp_ignore=1");
	CHECK(command_lines(findings[1])[0] == "sysctl -w net.ipv4.conf.all.arp_announce=2");
	CHECK(findings[0].safe);

	link_of(facts, "eth0").arp_ignore = 1;
	link_of(facts, "eth0").arp_announce = 1;
	CHECK(ids(check_arp(facts)) == "warning: arp-announce");
	link_of(facts, "eth0").arp_announce = 2;
	CHECK(check_arp(facts).empty());

	// l2dsr: the load balancer is in a segment, and it may be any
	facts.config = parse("10.3.3.3\n");
	findings = check_arp(facts);
	CHECK(ids(findings) == "error: arp-ignore, error: arp-announce");
	CHECK(has(findings[0].found, "on eth1"));
	facts.config = parse("2001:db8::9\n"); // NDP does not answer for lo
	CHECK(check_arp(facts).empty());
}

TEST_CASE("doctor: offloads are a note")
{
	Facts facts = healthy();

	CHECK(check_offload(facts).empty());
	facts.links[1].gro = facts.links[2].tx_checksum = true;
	Finding finding = only(check_offload(facts));
	CHECK(finding.severity == Severity::note);
	CHECK(has(finding.found, "are on: eth0 and eth1"));
	CHECK(exit_status({finding}) == 0);
}

TEST_CASE("doctor: ICMP errors that load balancers send elsewhere")
{
	Facts facts = healthy();

	CHECK(check_path_mtu(facts).empty()); // not known
	facts.tcp_mtu_probing = 0;
	CHECK(only(check_path_mtu(facts)).severity == Severity::note);
	CHECK(command_lines(only(check_path_mtu(facts)))[0] ==
	      "sysctl -w net.ipv4.tcp_mtu_probing=1");
	facts.tcp_mtu_probing = 1;
	CHECK(check_path_mtu(facts).empty());
	// without a VIP
	facts = {};
	facts.tcp_mtu_probing = 0;
	CHECK(check_path_mtu(facts).empty());
}

TEST_CASE("doctor: who listens on the VIPs")
{
	Facts facts = healthy();

	CHECK(check_services(facts).empty());
	facts.listeners->clear();
	CHECK(ids(check_services(facts)) ==
	      "error: service-missing, error: service-missing, error: service-missing");

	// not these: ssh, what asks over UDP, an IPv6 socket that is no IPv4 one
	facts.config = parse("10.0.0.7=7\n");
	facts.rewrites.clear();
	for (const Listener &listener : {listens("0.0.0.0", 22), listens("0.0.0.0", 40000, true),
					 listens("::", 80), listens("127.0.0.1", 80)}) {
		facts.listeners = {listener};
		CHECK(only(check_services(facts)).id == "service-missing");
	}
	facts.listeners = {listens("0.0.0.0", 80)};
	CHECK(check_services(facts).empty());
	facts.listeners = {listens("10.0.0.7", 53, true)};
	CHECK(check_services(facts).empty());
	facts.listeners.reset(); // not known
	CHECK(ids(check_services(facts)) == "note: services-unknown");
	CHECK(check_refused(facts).empty());

	facts.listeners = {listens("192.0.2.31", 80), listens("192.0.2.31", 22)};
	Finding finding = only(check_services(facts));
	CHECK(finding.id == "service-on-rip");
	CHECK(finding.found == "nothing listens on 10.0.0.7, only on 192.0.2.31 (TCP port 80)");
}

TEST_CASE("doctor: a port that every VIP has to serve")
{
	Facts facts = healthy();

	facts.config = parse("10.0.0.7=7\n");
	facts.rewrites.clear();
	facts.ports = {{false, 80}, {true, 53}};
	Finding finding = only(check_services(facts));
	CHECK(finding.found == "nothing listens on 10.0.0.7 UDP port 53");
	facts.listeners->push_back(listens("0.0.0.0", 53, true));
	CHECK(check_services(facts).empty());
	facts.listeners = {listens("192.0.2.31", 80), listens("10.0.0.7", 53, true)};
	finding = only(check_services(facts));
	CHECK(finding.id == "service-on-rip");
	CHECK(has(finding.found, "10.0.0.7 TCP port 80, only on 192.0.2.31"));
}

TEST_CASE("doctor: packets with a DSCP that no rule maps")
{
	Facts facts = with_sample(10, "192.0.2.31");
	Finding finding = only(check_unmapped(facts));

	CHECK(finding.id == "dscp-unmapped");
	CHECK(finding.found ==
	      "12 packets with DSCP 10 (TOS 40, 0x28, 001010b) to 192.0.2.31 tcp/80 in 2.0 s, which stands for no VIP; in IPv4 these do: 7 and 9");
	CHECK(found(facts) == "warning: dscp-unmapped");
	CHECK(only(check_unmapped(with_sample(8, "2001:db8:9::31", 0, true, 58))).found ==
	      "12 packets with DSCP 8 (TOS 32, 0x20, 001000b) to 2001:db8:9::31 ping in 2.0 s, which stands for no VIP; in IPv6 these do: 7");

	CHECK(check_unmapped(healthy()).empty()); // no sample
	for (const Facts &facts : {with_sample(7, "192.0.2.31"), with_sample(0, "192.0.2.31"),
				   with_sample(18, "192.0.2.31", 22),	       // ssh's own
				   with_sample(48, "192.0.2.31", 0, false, 1), // ICMP's
				   with_sample(48, "192.0.2.31", 179),	       // BGP
				   with_sample(56, "2001:db8:9::31", 179),
				   with_sample(48, "192.0.2.31", 3784, true, 17), // BFD
				   with_sample(48, "192.0.2.31", 4784, true, 17),
				   with_sample(48, "192.0.2.31", 1812, true, 17), // RADIUS
				   with_sample(48, "192.0.2.31", 0, true, 89),	  // OSPF, VRRP, PIM
				   with_sample(48, "192.0.2.31", 0, true, 112),
				   with_sample(48, "192.0.2.31", 0, true, 103),
				   with_sample(10, "10.0.0.7")}) // past the load balancer
		CHECK(check_unmapped(facts).empty());

	// what is not theirs, or has not their DSCP
	for (const Facts &facts :
	     {with_sample(48, "192.0.2.31"), with_sample(10, "192.0.2.31", 179),
	      with_sample(47, "192.0.2.31", 3784, true, 17),
	      with_sample(56, "192.0.2.31", 0, true, 1)})
		CHECK(check_unmapped(facts).size() == 1);

	facts.config = parse("10.0.0.9\n"); // l2dsr only
	facts.rewrites.clear();
	CHECK(check_unmapped(with_sample(packet_to("192.0.2.31", 10), facts)).empty());
}

TEST_CASE("doctor: connections that come unmarked")
{
	Facts facts = with_sample(0, "192.0.2.31");
	Finding finding = only(check_unmarked(facts));

	CHECK(finding.id == "dscp-cleared");
	CHECK(finding.severity == Severity::warning);
	CHECK(has(
		finding.found,
		"12 connections opened with DSCP 0, to 192.0.2.31 tcp/80, in 2.0 s, and no marked packet; the VIPs have DSCP 7 and 9"));
	CHECK(command_lines(finding) == std::vector<std::string>{"ping -Q 28 192.0.2.31"});
	CHECK(found(facts) == "warning: dscp-cleared");

	// beside marked ones, they are somebody's checks
	facts.sample->diagnosis.see(packet_to("192.0.2.31", 7));
	CHECK(only(check_unmarked(facts)).severity == Severity::note);
	CHECK(found(facts) == "");

	for (const Facts &facts : {with_sample(0, "192.0.2.31", 80, false), // an answer to the host
				   with_sample(0, "192.0.2.31", 22),
				   with_sample(0, "192.0.2.31", 8080), // nobody listens
				   with_sample(0, "192.0.2.31", 80, false, 17),
				   with_sample(0, "10.0.0.7")}) // l2dsr, or a client here
		CHECK(check_unmarked(facts).empty());
}

TEST_CASE("doctor: what clients ask for and nobody serves")
{
	Facts facts = with_sample(7, "192.0.2.31", 443);
	Finding finding = only(check_refused(facts));

	CHECK(finding.id == "service-missing");
	CHECK(finding.found ==
	      "nothing listens on 10.0.0.7 TCP port 443: 12 connections to it were asked for in 2.0 s");
	facts.listeners->push_back(listens("192.0.2.31", 443));
	CHECK(only(check_refused(facts)).id == "service-on-rip");
	facts.listeners->push_back(listens("10.0.0.7", 443));
	CHECK(check_refused(facts).empty());

	CHECK(check_refused(with_sample(7, "192.0.2.31", 443, false)).empty());
	CHECK(check_refused(with_sample(10, "192.0.2.31", 443)).empty());

	// a rule that sets the port
	facts = with_sample(7, "192.0.2.31", 8443);
	add_rules(
		facts,
		"raw PREROUTING -p tcp -m tcp --dport 8443 -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7 --set-dport 80");
	CHECK(check_refused(facts).empty());
}

TEST_CASE("doctor: a counter of /proc/net/netstat")
{
	const char text[] = "TcpExt: SyncookiesSent IPReversePathFilter\n"
			    "TcpExt: 3 42\n"
			    "IpExt: InNoRoutes\nIpExt: 9\n";

	CHECK(netstat_counter(text, "IPReversePathFilter") == 42);
	CHECK(netstat_counter(text, "InNoRoutes") == 9);
	CHECK(netstat_counter(text, "Other") == 0);
	CHECK(netstat_counter("", "Other") == 0);
}

TEST_CASE("doctor: switches as they are in effect")
{
	const std::string conf = "proc/sys/net/ipv4/conf/";
	Facts facts = healthy();
	Directory host;

	host.save(conf + "all/rp_filter", "1\n");
	host.save(conf + "eth0/rp_filter", "2\n");
	host.save(conf + "eth1/rp_filter", "0\n");
	host.save(conf + "eth1/arp_ignore", "1\n");
	host.save(conf + "all/arp_announce", "2\n");
	host.save("proc/sys/net/ipv4/tcp_reflect_tos", "1\n");
	host.save("proc/sys/net/ipv4/tcp_mtu_probing", "0\n");
	host.save("proc/sys/net/ipv4/ip_forward", "0\n");
	host.save("proc/sys/net/ipv6/conf/all/forwarding", "1\n");
	host.save("proc/sys/net/netfilter/nf_conntrack_count", "12\n");
	gather_switches(Root(host / ""), facts);
	CHECK(link_of(facts, "eth0").rp_filter == 2);
	CHECK(link_of(facts, "eth1").rp_filter == 1);
	CHECK(link_of(facts, "eth0").arp_ignore == 0);
	CHECK(link_of(facts, "eth1").arp_ignore == 1);
	CHECK(link_of(facts, "eth0").arp_announce == 2);
	CHECK(facts.tcp_reflect_tos);
	CHECK(facts.tcp_mtu_probing == 0);
	CHECK_FALSE(facts.forwards[0]);
	CHECK(facts.forwards[1]);
	CHECK(facts.tracked == 12);
	CHECK(facts.dropped_by_rp_filter == 0);
}

TEST_CASE("doctor: what is printed, and the exit status")
{
	Finding error{Severity::error, "a", "found x", "because", {{"one"}, {"two"}}, "so", true};
	Finding warning{Severity::warning, "b", "found y", "z", {}, "", false};
	Finding note{Severity::note, "c", "found n", "m", {}, "", false};
	const Findings all{error, warning, note};

	CHECK(findings_text(all, false) ==
	      "error: a: found x\n    why:  because\n    fix:  one\n    fix:  two\n    keep: so\n"
	      "warning: b: found y\n    why:  z\n");
	// of the same kind, with the reason once
	Finding again = error;
	again.found = "found w";
	again.fix = {{"two"}, {"three"}};
	CHECK(findings_text({error, warning, again}, false) ==
	      "error: a: found x\nerror: a: found w\n    why:  because\n    fix:  one\n    fix:  two\n    fix:  three\n    keep: so\n"
	      "warning: b: found y\n    why:  z\n");
	again.keep = "else";
	CHECK(has(findings_text({error, again}, false), "error: a: found w\n    why:  because\n"));
	CHECK(findings_text({note}, true) == "note: c: found n\n    why:  m\n");
	CHECK(summary(all, "7 VIPs", false) == "7 VIPs: 1 error, 1 warning, 1 note (see -v)\n");
	CHECK(summary({note, note}, "1 VIP", true) == "1 VIP: 0 errors, 0 warnings, 2 notes\n");
	CHECK(summary({}, "1 VIP", false) == "1 VIP: 0 errors, 0 warnings\n");
	CHECK(exit_status(all) == 2);
	CHECK(exit_status({warning, note}) == 3);
	CHECK(exit_status({}) == 0);
}
