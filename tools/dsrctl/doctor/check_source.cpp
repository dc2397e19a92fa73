// SPDX-License-Identifier: BSD-3-Clause
// Where the host's own connections come from.
#include <algorithm>

#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

// fe80::/10
bool is_link_local(const Ip &ip)
{
	return ip.family == Family::ip6 && ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0) == 0x80;
}

// By which a default route leaves, and which has no source of its own.
const Link *unnumbered(const Facts &facts, Family family)
{
	for (const Link &link : facts.links) {
		const bool numbered = std::any_of(facts.addresses.begin(), facts.addresses.end(),
						  [&](const Address &address) {
							  return address.dev == link.name &&
								 address.ip.family == family &&
								 address.source &&
								 !is_link_local(address.ip);
						  });

		if (link.up && !link.loopback && !numbered &&
		    (family == Family::ip4 ? link.default4 : link.default6))
			return &link;
	}
	return nullptr;
}

// The VIPs that are chosen then. IPv4 takes the first address that there is, IPv6
// the one that is most like the destination.
std::vector<Address> eligible(const Facts &facts, const std::vector<Vip> &all, Family family)
{
	std::vector<Address> chosen;
	bool own = false;

	for (const Address &address : facts.addresses) {
		if (address.ip.family != family || !address.source || is_link_local(address.ip))
			continue;
		if (is_vip(all, address.ip))
			chosen.push_back(address);
		else
			own = own || chosen.empty();
	}
	if (family == Family::ip4 && own)
		return {};
	return chosen;
}

Finding own_source(const Link &link, const std::vector<Address> &vips)
{
	const bool ip4 = vips[0].ip.family == Family::ip4;
	Finding finding{
		Severity::warning,
		"vip-source",
		"the VIP " + text(vips[0].ip) + " on " + vips[0].dev + " has " +
			(ip4 ? "a scope above host" : "a preferred lifetime") +
			", and what leaves by " + link.name +
			" has no other address: give the VIP " +
			(ip4 ? "scope host" : "preferred_lft 0"),
		"what the host opens itself may come from the VIP: the answers go to the load balancer",
		{},
		"",
		false};

	for (const Address &vip : vips) {
		Address silent = vip;

		silent.source = false;
		if (ip4)
			finding.fix.push_back(ip_command(false, vip));
		finding.fix.push_back(ip_command(true, silent));
		// in place, without a gap
		if (!ip4)
			finding.fix.back()[2] = "replace";
	}
	finding.safe = !ip4;
	finding.keep = std::string(ip4 ? "scope host" : "preferred_lft 0") +
		       " where the address is configured; dsrctl start adds it so";
	return finding;
}

} // namespace

// A VIP that is the source of what the host opens itself: where what the packets
// leave by has no address to choose (routing on the host, a link without numbers).
Findings check_source(const Facts &facts)
{
	const std::vector<Vip> all = vips(facts);
	Findings findings;

	for (Family family : FAMILIES) {
		const Link *link = unnumbered(facts, family);
		std::vector<Address> chosen = eligible(facts, all, family);

		if (link && !chosen.empty())
			findings.push_back(own_source(*link, chosen));
	}
	return findings;
}

} // namespace dsr::doctor
