// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/checks.hpp"

#include <algorithm>

#include "common/dscp.hpp"

namespace dsr::doctor {

namespace {

using Check = Findings (*)(const Facts &);

constexpr Check CHECKS[] = {
	check_configuration,
	check_module,
	check_kernel_modules,
	check_plugin,
	check_rules,
	check_rewrite_off,
	check_dormant,
	check_unread,
	check_owners,
	check_variants,
	check_conntrack,
	check_addresses,
	check_services,
	check_refused,
	check_unmapped,
	check_unmarked,
	check_source,
	check_rp_filter,
	check_arp,
	check_router,
	check_others,
	check_answers,
	check_offload,
	check_path_mtu,
	check_flushers,
	check_owners_of_addresses,
};

// Packets to one are where they belong.
bool is_vip(const Facts &facts, const Ip &ip)
{
	return std::ranges::any_of(facts.config.entries,
				   [&](const Entry &entry) { return entry.ip == ip; });
}

} // namespace

Findings examine(const Facts &facts)
{
	Findings all;

	for (Check check : CHECKS)
		for (Finding &finding : check(facts))
			all.push_back(std::move(finding));
	std::stable_sort(all.begin(), all.end(), [](const Finding &a, const Finding &b) {
		return a.severity > b.severity;
	});
	return all;
}

bool needs_module(const Facts &facts)
{
	std::vector<Item> done;

	for (const Rewrite &rewrite : facts.rewrites)
		if (backend_of(rewrite.store) != Backend::daddr)
			done.insert(done.end(), rewrite.items.begin(), rewrite.items.end());
	for (const Dormant &one : facts.dormant)
		if (!one.daddr)
			done.insert(done.end(), one.items.begin(), one.items.end());
	for (const Vip &vip : vips(facts))
		for (std::uint8_t dscp : vip.dscps)
			if (std::none_of(done.begin(), done.end(), [&](const Item &item) {
				    return item.dscp == dscp && item.ip == vip.ip;
			    }))
				return true;
	return false;
}

Arrivals arrivals(const Facts &facts)
{
	Arrivals found;

	for (const Link &link : facts.links)
		if (link.up && !link.loopback)
			found.interfaces.push_back({link.name, link.index});
	for (const Address &address : facts.addresses)
		if (address.dev != "lo" && !is_vip(facts, address.ip))
			found.addresses.push_back(address.ip);
	return found;
}

Command dsrctl(const Facts &facts, const Command &words)
{
	Command command{"dsrctl"};

	command.insert(command.end(), facts.from.begin(), facts.from.end());
	command.insert(command.end(), words.begin(), words.end());
	return command;
}

std::string list(const std::vector<std::string> &words)
{
	std::string text;

	for (std::size_t i = 0; i < words.size(); i++) {
		if (i)
			text += i + 1 == words.size() ? " and " : ", ";
		text += words[i];
	}
	return text;
}

} // namespace dsr::doctor
