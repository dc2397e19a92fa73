// SPDX-License-Identifier: BSD-3-Clause
// Addresses, interfaces, and the kernel's switches for them.
#include <algorithm>

#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

const Link *find(const Facts &facts, const std::string &name)
{
	for (const Link &link : facts.links)
		if (link.name == name)
			return &link;
	return nullptr;
}

// Neighbours ask for addresses on it, and it is not told to keep silent.
bool answers_neighbours(const Facts &facts, const std::string &name, Family family)
{
	constexpr int NEVER = 8; // of arp_ignore
	const Link *link = find(facts, name);

	if (!link || !link->arp || link->loopback)
		return false;
	return family == Family::ip6 || link->arp_ignore != NEVER;
}

// Without a label: it need not be told to remove the address.
Command address_command(bool add, Address address)
{
	address.label.clear();
	return ip_command(add, address);
}

Command set_switch(const std::string &key, int value)
{
	return {"sysctl", "-w", key + "=" + std::to_string(value)};
}

Address wanted(const Vip &vip)
{
	return vip_address(vip.ip, vip.dev.empty() ? "lo" : vip.dev);
}

// What gives the VIP its address.
void fix_address(const Facts &facts, const Vip &vip, Finding &finding)
{
	finding.safe = true;
	if (vip.configured) {
		finding.fix.push_back(dsrctl(facts, {"start"}));
		finding.keep = "systemctl enable dsrctl";
		return;
	}
	finding.fix.push_back(address_command(true, wanted(vip)));
	finding.keep = "a line \"" + text(vip.ip) + " = " + std::to_string(vip.dscps[0]) +
		       "\" in a file in /etc/dsr.d, and systemctl enable dsrctl";
}

Finding missing(const Facts &facts, const Vip &vip)
{
	Finding finding{
		Severity::error,
		"vip-missing",
		text(vip.ip) + " is on no interface, but belongs on " + wanted(vip).dev + " (" +
			vip.where + ")",
		"the host does not take packets to the VIP for its own: it forwards or drops them",
		{},
		"",
		false};

	fix_address(facts, vip, finding);
	return finding;
}

Finding misplaced(const Facts &facts, const Vip &vip, const Address &address)
{
	Finding finding{Severity::warning,
			"vip-misplaced",
			text(vip.ip) + " is on " + address.dev + ", but belongs on " + vip.dev +
				" (" + vip.where + ")",
			answers_neighbours(facts, address.dev, vip.ip.family) ?
				"neighbours on " + address.dev +
					" are told that the VIP is here, past the load balancer" :
				"the VIP is gone when that interface is",
			{dsrctl(facts, {"start"}), address_command(false, address)},
			"remove the address from the configuration of " + address.dev +
				"; systemctl enable dsrctl",
			false};

	return finding;
}

Finding elsewhere(const Facts &facts, const Address &address, const std::string &expected)
{
	return {Severity::warning,
		"vip-elsewhere",
		text(address.ip) + " is on " + address.dev + " too, but belongs on " + expected +
			" only",
		answers_neighbours(facts, address.dev, address.ip.family) ?
			"neighbours on " + address.dev +
				" are told that the VIP is here, past the load balancer" :
			"whoever removes the VIP from one interface leaves it on the other: the server goes on taking its packets",
		{address_command(false, address)},
		"remove the address from the configuration of " + address.dev,
		false};
}

// All addresses of a network on lo are the host's own.
Finding network(const Address &address)
{
	Address single = address;

	single.prefix = address.ip.prefix();
	single.source = false;
	return {Severity::warning,
		"vip-network",
		text(address.ip) + "/" + std::to_string(address.prefix) +
			" is on lo: its prefix length must be " + std::to_string(single.prefix),
		"the host takes every address of that network for its own, and reaches none of the others",
		{address_command(true, single), address_command(false, address)},
		"change the prefix length where the address is configured",
		false};
}

Finding on_device(const Vip &vip, const Address &address)
{
	return {Severity::warning,
		"vip-answers-arp",
		"the VIP " + text(vip.ip) + " is on " + address.dev +
			", whose neighbours ask for addresses: it belongs on lo or on a dummy interface",
		std::string("every server of the service answers ") +
			(vip.ip.family == Family::ip4 ? "ARP" : "neighbour discovery") +
			" for the VIP there, whatever arp_ignore says: where servers share a segment with each other or with the load balancer, clients reach one of them past it",
		{},
		"take dev " + address.dev +
			" from the line in the file of the VIP, and dsrctl reload; it is right only where no other host of the segment has or wants the VIP",
		false};
}

Findings check_vip(const Facts &facts, const Vip &vip)
{
	std::vector<Address> there;
	Findings findings;
	bool right = false;

	for (const Address &address : facts.addresses)
		if (address.ip == vip.ip)
			there.push_back(address);
	if (there.empty() && std::ranges::any_of(facts.networks, [&](const Network &network) {
		    return network.holds(vip.ip);
	    }))
		return {};
	if (there.empty())
		return {missing(facts, vip)};
	std::string dev = vip.configured ? vip.dev : there[0].dev;
	for (const Address &address : there)
		right = right || address.dev == dev;
	for (const Address &address : there) {
		if (address.dev == "lo" && !address.single() && address.ip.family == Family::ip4)
			findings.push_back(network(address));
		if (address.dev != dev)
			findings.push_back(right ? elsewhere(facts, address, dev) :
						   misplaced(facts, vip, address));
		else if (answers_neighbours(facts, dev, vip.ip.family))
			findings.push_back(on_device(vip, address));
	}
	return findings;
}

// The same network as this address's?
bool is_on_link(const Address &address, const Ip &ip)
{
	unsigned int bits = address.prefix;

	if (address.ip.family != ip.family)
		return false;
	for (std::size_t i = 0; i < ip.size() && bits; i++) {
		unsigned int here = std::min(bits, 8U);
		std::uint8_t mask = 0xff << (8 - here);

		if ((address.ip.bytes[i] ^ ip.bytes[i]) & mask)
			return false;
		bits -= here;
	}
	return true;
}

// Does anybody on this link ask for VIPs that are elsewhere on the host? Of
// l2dsr, the load balancer is on one of them.
bool may_be_asked(const Facts &facts, const Link &link, const std::vector<Vip> &vips)
{
	if (link.loopback || !link.arp || !link.up)
		return false;
	for (const Address &address : facts.addresses) {
		if (address.dev != link.name || address.ip.family != Family::ip4 ||
		    is_vip(vips, address.ip))
			continue;
		for (const Vip &vip : vips)
			if (vip.ip.family == Family::ip4 &&
			    (vip.l2dsr || is_on_link(address, vip.ip)))
				return true;
	}
	return false;
}

Finding arp(const std::string &name, int value, const char *why,
	    const std::vector<std::string> &links, bool l2dsr)
{
	std::string key = "net.ipv4.conf.all." + name;

	return {l2dsr ? Severity::error : Severity::warning,
		name == "arp_ignore" ? "arp-ignore" : "arp-announce",
		name + " is below " + std::to_string(value) + " on " + list(links) +
			", which share" + (links.size() == 1 ? "s" : "") +
			" a segment with others that want a VIP",
		why,
		{set_switch(key, value)},
		key + " = " + std::to_string(value) + " in a file in /etc/sysctl.d",
		true};
}

} // namespace

Findings check_addresses(const Facts &facts)
{
	Findings findings;

	for (const Vip &vip : vips(facts))
		for (Finding &finding : check_vip(facts, vip))
			findings.push_back(std::move(finding));
	return findings;
}

Findings check_rp_filter(const Facts &facts)
{
	constexpr int STRICT = 1;
	Findings findings;
	bool has_default = false, used = false;

	for (const Vip &vip : vips(facts))
		used = used || vip.ip.family == Family::ip4;
	for (const Link &link : facts.links)
		has_default = has_default || link.default4;
	for (const Link &link : facts.links) {
		bool has_address = std::any_of(facts.addresses.begin(), facts.addresses.end(),
					       [&](const Address &address) {
						       return address.dev == link.name &&
							      address.ip.family == Family::ip4;
					       });

		if (!used || !has_default || !has_address || !link.up || link.loopback ||
		    link.default4 || link.rp_filter != STRICT)
			continue;
		// A key with a dot in it is written with slashes.
		std::string key = "net/ipv4/conf/" + link.name + "/rp_filter";
		if (link.name.find('.') == link.name.npos)
			std::replace(key.begin(), key.end(), '/', '.');
		unsigned long dropped = facts.dropped_by_rp_filter;
		findings.push_back(
			{dropped ? Severity::error : Severity::warning,
			 "rp-filter",
			 "rp_filter is strict (1) on " + link.name +
				 ", by which no default route leaves" +
				 (dropped ? ", and " + std::to_string(dropped) +
						    " packets dropped by rp_filter" :
					    ""),
			 "what the load balancer sends from clients to " + link.name +
				 " is dropped, because the answers leave by another interface",
			 {set_switch(key, 2)},
			 key + " = 2 in a file in /etc/sysctl.d",
			 true});
	}
	return findings;
}

Findings check_arp(const Facts &facts)
{
	const std::vector<Vip> all = vips(facts);
	std::vector<std::string> answer, announce;
	Findings findings;
	bool l2dsr = std::any_of(all.begin(), all.end(), [](const Vip &vip) {
		return vip.l2dsr && vip.ip.family == Family::ip4;
	});

	for (const Link &link : facts.links) {
		if (!may_be_asked(facts, link, all))
			continue;
		if (link.arp_ignore < 1)
			answer.push_back(link.name);
		if (link.arp_announce < 2)
			announce.push_back(link.name);
	}
	if (!answer.empty())
		findings.push_back(arp(
			"arp_ignore", 1,
			"the host answers ARP for the VIP: clients and routers reach it past the load balancer, all of them the one server that answers first",
			answer, l2dsr));
	if (!announce.empty())
		findings.push_back(arp(
			"arp_announce", 2,
			"when the host asks for its neighbours, it gives the VIP as its own address: they learn that the VIP is here, past the load balancer",
			announce, l2dsr));
	return findings;
}

Findings check_offload(const Facts &facts)
{
	std::vector<std::string> links;

	for (const Link &link : facts.links)
		if (link.up && !link.loopback && (link.gro || link.tso || link.tx_checksum))
			links.push_back(link.name);
	if (links.empty() || vips(facts).empty())
		return {};
	return {{Severity::note,
		 "offload",
		 "offloads (GRO, TSO, checksums) are on: " + list(links),
		 "a capture on this host shows packets that were never on the wire so: larger than the MTU, and with checksums of what is sent that look bad; capture beside it, on a mirror port, to see what is",
		 {},
		 "",
		 false}};
}

// What a router on the way says of a packet that is too long goes to the VIP,
// and so to the load balancer.
Findings check_path_mtu(const Facts &facts)
{
	if (facts.tcp_mtu_probing != 0 || vips(facts).empty())
		return {};
	return {{Severity::note,
		 "path-mtu",
		 "net.ipv4.tcp_mtu_probing is 0, which is right where ICMP errors to a VIP reach the server that has the connection",
		 "many load balancers send them to another server, and IPVS changes what they quote: connections over paths of a small MTU stall then; with 1, TCP of both families finds out by itself",
		 {{"sysctl", "-w", "net.ipv4.tcp_mtu_probing=1"}},
		 "net.ipv4.tcp_mtu_probing = 1 in a file in /etc/sysctl.d",
		 false}};
}

} // namespace dsr::doctor
