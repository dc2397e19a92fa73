// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/rules.hpp"

#include <algorithm>
#include <utility>

#include "common/dscp.hpp"

namespace dsr {

namespace {

// iptables-restore takes parameters of up to 1023 characters, and an entry has
// up to 42.
constexpr std::size_t ENTRIES_A_PARAMETER = 16;

// "-d 192.0.2.1/32 "
std::string to_text(const Item &item)
{
	return item.to ? "-d " + text(*item.to) + "/" + std::to_string(item.to->prefix()) + " " :
			 "";
}

// As iptables-save prints them.
std::string map_text(std::vector<Item> items)
{
	std::string text = to_text(items[0]) + "-j DADDR";

	std::sort(items.begin(), items.end());
	for (std::size_t i = 0; i < items.size(); i++) {
		text += i % ENTRIES_A_PARAMETER ? "," : " --dscp-map ";
		text += std::to_string(items[i].dscp) + "=" + dsr::text(items[i].ip);
	}
	return text;
}

// "-p tcp -m tcp --dport 8080 "
std::string ports_text(const PortChange &ports)
{
	const std::string protocol = name(ports.protocol);
	const std::string port = std::to_string(ports.rip);

	// iptables has no match of that name
	if (ports.protocol == Protocol::udplite)
		return "-p udplite -m multiport --dports " + port + " ";
	return "-p " + protocol + " -m " + protocol + " --dport " + port + " ";
}

std::string single_text(const Item &item)
{
	return to_text(item) + (item.ports ? ports_text(*item.ports) : "") + "-m dscp --dscp " +
	       hex(item.dscp) + " -j DADDR --set-daddr " + text(item.ip) +
	       (item.ports ? " --set-dport " + std::to_string(item.ports->vip) : "");
}

} // namespace

bool Rule::has(const Item &item) const
{
	return std::find(items.begin(), items.end(), item) != items.end();
}

Address vip_address(const Ip &ip, const std::string &dev)
{
	return {ip, ip.prefix(), dev, "", false};
}

std::vector<std::string> ip_command(bool add, const Address &address)
{
	std::vector<std::string> words{"ip",
				       "address",
				       add ? "add" : "del",
				       text(address.ip) + "/" + std::to_string(address.prefix),
				       "dev",
				       address.dev};
	auto append = [&](std::initializer_list<std::string> more) {
		words.insert(words.end(), more);
	};

	if (!address.label.empty() && address.label != address.dev)
		append({"label", address.label});
	if (!add)
		return words;
	if (address.ip.family == Family::ip6)
		append({"nodad"});
	if (address.source)
		return words;
	if (address.ip.family == Family::ip6)
		append({"preferred_lft", "0"});
	else
		append({"scope", "host"});
	return words;
}

std::string place(const Rule &rule)
{
	if (rule.store == Store::dscp_rewrite)
		return std::string("net.") + key(rule.family) + ".dscp_rewrite." +
		       std::to_string(rule.items[0].dscp);
	return name(rule.table) + std::string(" PREROUTING");
}

const char *table_name(const Rule &rule)
{
	return rule.store == Store::dscp_rewrite ? "dscp_rewrite" : name(rule.table);
}

std::string rule_text(bool map, const std::vector<Item> &items)
{
	return map ? map_text(items) : single_text(items[0]);
}

bool Network::holds(const Ip &one) const
{
	if (one.family != ip.family)
		return false;
	for (unsigned int bit = 0; bit < prefix; bit++)
		if ((one.bytes[bit / 8] ^ ip.bytes[bit / 8]) & (0x80U >> bit % 8))
			return false;
	return true;
}

RuleStep inverse(const RuleStep &step)
{
	using Kind = RuleStep::Kind;
	RuleStep undo = step;

	std::swap(undo.rule, undo.old);
	if (step.kind == Kind::add)
		undo.kind = Kind::remove;
	if (step.kind == Kind::remove)
		undo.kind = Kind::add;
	return undo;
}

} // namespace dsr
