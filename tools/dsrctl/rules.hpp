// SPDX-License-Identifier: BSD-3-Clause
// The rules that lead to VIPs, wherever they are kept, and what is to change
// about them.
#pragma once

#include <vector>

#include "dsrctl/item.hpp"

namespace dsr {

// Where rules are kept.
enum class Store : std::uint8_t {
	iptables,    // the variant that the system's iptables is
	other,	     // the other variant
	nft,	     // a table of our own, of rules without the module
	dscp_rewrite // no rules: the sysctls of a module of that name
};

// What leads to VIPs; the default is the first that the host has.
enum class Backend : std::uint8_t {
	dscp_rewrite, // sysctls of the module dscp_rewrite
	daddr,	      // rules of the target DADDR
	nft	      // rules of nftables
};

inline constexpr Backend BACKENDS[] = {Backend::dscp_rewrite, Backend::daddr, Backend::nft};

inline const char *name(Backend backend)
{
	static const char *const names[] = {"dscp_rewrite", "daddr", "nft"};

	return names[static_cast<int>(backend)];
}

inline Backend backend_of(Store store)
{
	return store == Store::dscp_rewrite ? Backend::dscp_rewrite :
	       store == Store::nft	    ? Backend::nft :
					      Backend::daddr;
}

// Of iptables; and the chains of ours in nftables are called the same.
enum class Table : std::uint8_t { raw, mangle };

inline const char *name(Table table)
{
	return table == Table::raw ? "raw" : "mangle";
}

inline std::optional<Table> parse_table(std::string_view text)
{
	if (text == "raw")
		return Table::raw;
	if (text == "mangle")
		return Table::mangle;
	return std::nullopt;
}

// A rule of PREROUTING that does this and nothing else; or a VIP in a sysctl,
// which is the same to whoever asks what leads where.
struct Rule {
	Store store = Store::iptables;
	Family family = Family::ip4;
	Table table = Table::raw;  // none of dscp_rewrite's
	unsigned int position = 0; // in its chain, from 1
	// --dscp-map, of items to the same address; otherwise there is one item
	bool map = false;
	std::vector<Item> items;
	std::string text;	  // after "-A PREROUTING ", as it was saved
	std::uint64_t handle = 0; // of nft
	std::uint64_t packets = 0, bytes = 0;
	bool active = true; // not switched off by itself

	bool has(const Item &item) const;
};

// A network that is the host's own by a route: ip route add local
struct Network {
	Ip ip;
	unsigned int prefix = 0;

	bool holds(const Ip &one) const;
};

struct Address {
	Ip ip;
	unsigned int prefix = 0;
	std::string dev, label;
	// May the host choose it for what it opens itself? Of a VIP it must
	// not: the answers go to the load balancer.
	bool source = true;

	bool operator==(const Address &) const = default;
	// one address and no network
	bool single() const { return prefix == ip.prefix(); }
};

// As a VIP has to be there.
Address vip_address(const Ip &ip, const std::string &dev = "lo");

// What adds or removes it, by ip(8).
std::vector<std::string> ip_command(bool add, const Address &address);

// Where a rule is: "raw PREROUTING", or "net.ipv4.dscp_rewrite.7".
std::string place(const Rule &rule);
// In one word: "raw", "mangle", "dscp_rewrite"
const char *table_name(const Rule &rule);

// The text of a rule after "-A PREROUTING ".
std::string rule_text(bool map, const std::vector<Item> &items);

struct RuleStep {
	enum class Kind : std::uint8_t {
		add,	// @rule
		remove, // @old
		replace // @old by @rule, at the same place
	};

	Kind kind = Kind::add;
	Rule rule, old;
	bool top = false; // add it before all others

	const Rule &any() const { return kind == Kind::remove ? old : rule; }
};

// What undoes a step.
RuleStep inverse(const RuleStep &step);

} // namespace dsr
