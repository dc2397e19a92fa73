// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/facts.hpp"

#include <algorithm>
#include <set>

namespace dsr::doctor {

namespace {

Vip &vip_of(std::vector<Vip> &vips, const Ip &ip)
{
	for (Vip &vip : vips)
		if (vip.ip == ip)
			return vip;
	vips.push_back({});
	vips.back().ip = ip;
	return vips.back();
}

void add_dscp(Vip &vip, std::uint8_t dscp)
{
	if (std::find(vip.dscps.begin(), vip.dscps.end(), dscp) == vip.dscps.end())
		vip.dscps.push_back(dscp);
}

} // namespace

std::vector<Vip> vips(const Facts &facts)
{
	std::vector<Vip> vips;

	for (const Entry &entry : facts.config.entries) {
		if (entry.ip.family == Family::ip6 && !facts.ip6)
			continue;
		Vip &vip = vip_of(vips, entry.ip);

		vip.configured = true;
		vip.dev = entry.dev;
		vip.where = vip.where.empty() ? entry.where : vip.where;
		if (entry.dscp)
			add_dscp(vip, *entry.dscp);
		else
			vip.l2dsr = true;
	}
	for (const Rewrite &rewrite : facts.rewrites)
		for (const Item &item : rewrite.items) {
			Vip &vip = vip_of(vips, item.ip);

			if (vip.where.empty() && !rewrite.where.empty())
				vip.where = rewrite.where;
			if (vip.where.empty())
				vip.where = rewrite.store == Store::dscp_rewrite ?
						    rewrite.chain :
						    "a rule in " + rewrite.table + " " +
							    rewrite.chain;
			add_dscp(vip, item.dscp);
		}
	return vips;
}

Diagnosis diagnosis(const Facts &facts)
{
	std::vector<Diagnosis::Mapping> mappings;
	std::vector<Ip> servers;

	std::set<Item> items;

	for (const Entry &entry : facts.config.entries)
		if (entry.dscp)
			items.insert({*entry.dscp, entry.ip, entry.to});
	for (const Rewrite &rewrite : facts.rewrites)
		for (const Item &item : rewrite.items)
			if (!items.contains({item.dscp, item.ip}))
				items.insert({item.dscp, item.ip, item.to});
	for (const Vip &vip : vips(facts)) {
		mappings.push_back({vip.ip, std::nullopt});
		for (const Item &item : items)
			if (item.ip == vip.ip)
				mappings.push_back({item.ip, item.dscp, item.to});
	}
	for (const Address &address : facts.addresses)
		servers.push_back(address.ip);
	return Diagnosis(mappings, servers);
}

bool is_vip(const std::vector<Vip> &vips, const Ip &ip)
{
	return std::any_of(vips.begin(), vips.end(), [&](const Vip &vip) { return vip.ip == ip; });
}

bool is_any(const Ip &ip)
{
	return ip.bytes == Ip{}.bytes;
}

bool serves(const Listener &listener, const Ip &ip)
{
	if (listener.ip == ip)
		return true;
	return is_any(listener.ip) &&
	       (listener.ip.family == ip.family || (listener.both && ip.family == Family::ip4));
}

bool is_open(const Facts &facts, const Ip &ip, Port port)
{
	return std::any_of(facts.listeners->begin(), facts.listeners->end(),
			   [&](const Listener &listener) {
				   return listener.udp == port.udp &&
					  listener.port == port.number && serves(listener, ip);
			   });
}

} // namespace dsr::doctor
