// SPDX-License-Identifier: BSD-3-Clause
// What has to change so that the host becomes what it should be. Nothing here
// touches the system.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "dsrctl/config.hpp"
#include "dsrctl/rules.hpp"

namespace dsr {

// What an earlier start is responsible for, as the state file remembers it.
struct Owned {
	std::string source; // the configuration that it comes from
	std::string name;
	Ip ip;
	std::optional<std::uint8_t> dscp;
	std::string dev = "lo";
	std::optional<Ip> to = {};
	std::optional<PortChange> ports = {};

	bool operator==(const Owned &) const = default;
	// whatever configuration it comes from
	bool same(const Owned &other) const
	{
		return ip == other.ip && dscp == other.dscp && dev == other.dev && to == other.to &&
		       ports == other.ports;
	}
	// of what is l3dsr
	Item item() const { return {dscp.value_or(0), ip, to, ports}; }
};

Owned owned(const Entry &entry, const std::string &source = "");

// A VIP that a rule of somebody else's leads to.
struct Served {
	std::string by; // the rule
	std::string table;
	bool all = true; // every packet of the DSCP
};

// The host as it is.
struct Actual {
	std::vector<Rule> rules;
	std::vector<Address> addresses;
	std::map<Item, Served> served = {}; // that no rule of ours leads to
	std::vector<Network> networks = {};
	// tables of nf_tables whose rules do nothing: "ip raw"
	std::set<std::string> dormant = {};

	const Served *served_by_others(const Item &item) const
	{
		auto found = served.find(item);

		return found == served.end() ? nullptr : &found->second;
	}
	// By its address, or by a route.
	bool is_local(const Ip &ip, const std::string &dev) const;

	// On the interface, where it is or may be elsewhere too.
	const Address *find(const Ip &ip, const std::string &dev) const;
};

struct Goal {
	std::vector<Entry> present; // has to be there
	std::vector<Owned> absent;  // has to go
	std::vector<Owned> kept;    // is of other configurations, and stays
	bool everything = false;    // what was only discovered has to go too
};

struct How {
	Store store = Store::iptables; // for new rules
	Table table = Table::raw;
	bool map = false;
	bool top = false;
	bool ip6 = true;		   // has the host IPv6?
	std::set<std::string> without_ip6; // interfaces, where it has
	bool takes_over = false;	   // from rules of other kinds, which are:
	// of another backend; in another table, not or only in maps
	std::optional<Table> only_table;
	std::optional<bool> only_map;
};

struct AddressStep {
	bool add = true;
	Address address;

	bool operator==(const AddressStep &) const = default;
};

// To be done in this order.
struct Plan {
	std::vector<AddressStep> add;
	std::vector<RuleStep> rules;
	std::vector<AddressStep> remove;
	std::vector<std::string> warnings;

	bool empty() const { return add.empty() && rules.empty() && remove.empty(); }
};

Plan make_plan(const Goal &goal, const Actual &actual, const How &how);

// The same; before the first rule is added, of this family, @choose may give it
// another store, or make it a map.
using Choose = std::function<void(Family, How &)>;
Plan make_plan(const Goal &goal, const Actual &actual, How &how, Choose choose);

// An IPv4 label "lo:N", as those of VIPs are; its number.
std::optional<unsigned long> label_number(const std::string &label);

} // namespace dsr
