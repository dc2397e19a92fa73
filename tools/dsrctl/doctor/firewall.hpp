// SPDX-License-Identifier: BSD-3-Clause
// What the firewall of the host does that matters to L3DSR: rules that lead to
// VIPs, whatever else they match, and rules that get in their way.
#pragma once

#include <string_view>

#include "common/saved_rules.hpp"
#include "dsrctl/reach.hpp"

namespace dsr::doctor {

// A rule that sets the destination.
struct Rewrite {
	Store store = Store::iptables;
	Family family = Family::ip4;
	std::string table, chain;
	std::vector<Item> items;
	std::string matches; // what else the packet must have; or empty
	bool dport = false;  // it sets the port, too
	// after "-A CHAIN"; empty for a rule of nftables
	std::vector<std::string> words;
	std::string where;	      // of one that neither iptables nor dsrctl made
	bool after_conntrack = false; // it stands after connection tracking
};

// A rule that drops what connection tracking finds invalid.
struct Drop {
	Family family = Family::ip4;
	std::string where; // the rule, as its owner would know it

	bool operator==(const Drop &) const = default;
};

// A table of nftables whose rules do nothing.
struct Dormant {
	std::string family, name;
	unsigned int rules = 0;	 // that set a destination or a DSCP
	std::vector<Item> items; // where packets would be led to
	bool daddr = false;	 // by the module

	// Would it, if it were not dormant?
	bool leads(const Item &item) const;
};

struct Firewall {
	nf::Ruleset ruleset; // everything, whoever made it
	std::vector<Rewrite> rewrites;
	std::vector<Dormant> dormant;
	std::vector<Drop> drops;
	// What of nftables was not read, and why: "nft -j list ruleset: ..."
	std::vector<std::string> unread;
	// By family: a rule wants connection tracking; a rule clears the DSCP
	// of what leaves.
	bool tracks[2] = {false, false}, resets_dscp[2] = {false, false};
	bool rewrite_off[2] = {false, false}; // dscp_rewrite's values, by a switch
};

// What iptables-save printed of a store.
void add_saved(Firewall &firewall, const std::vector<SavedRule> &rules, Store store, Family family);

// What "nft -j list" printed. Rules that only iptables understands are left out.
// Throws Error, and has added a part then.
void add_ruleset(Firewall &firewall, const std::string &json);

// Tables, of which those of the same name become one.
void add_tables(Firewall &firewall, const std::vector<nf::Table> &tables);

// The rules of nftables that lead somewhere, but for those of dsrctl and of
// iptables.
void add_foreign(Firewall &firewall);

// The tables that are dormant, and whose rules would matter here.
void add_dormant(Firewall &firewall);

// The rules of dsrctl's own table of nftables, or the VIPs of dscp_rewrite.
void add_own(Firewall &firewall, const std::vector<Rule> &rules);

} // namespace dsr::doctor
