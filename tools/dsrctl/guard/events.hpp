// SPDX-License-Identifier: BSD-3-Clause
// What the kernel says of its own accord: addresses, links, local routes, and the
// rules of nftables, which those of iptables-nft are.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/ip.hpp"
#include "dsrctl/netlink_socket.hpp"

namespace dsr {

struct Event {
	enum class Kind : std::uint8_t {
		address_gone,
		address_there, // anew, or with other properties
		route_gone,    // of the table local
		rules_changed,
		changed, // anything else, after which there may be more to do
		lost	 // the kernel had more to say than there was room for
	};

	Kind kind = Kind::changed;
	std::optional<Ip> ip; // whose address or route
	std::string who;      // "process 123 (ip)"; empty: the kernel does not say
};

// "process 123 (nft)", or without a name when it is gone, or is none of ours to
// see. @port: of netlink, which is the process's number as a rule.
std::string process_text(std::uint32_t port);

// Those with VIPs, and what the kernel calls them: an interface that comes again
// has another index.
struct Interfaces {
	std::set<std::string> names;
	std::set<unsigned int> indices;
};

// What one message says that is of interest there.
std::optional<Event> parse_event(const nlmsghdr *message, const Interfaces &interfaces);

// The events of rules come before the one that says whose they are.
class RuleEvents {
public:
	std::optional<Event> take(const nlmsghdr *message);

private:
	bool changed_ = false;
};

class Events {
public:
	// Listens from now on. Throws Error.
	Events();

	// To rules, too, or not any more: a host that has none is not made to
	// load nf_tables.
	void listen_to_rules(bool listen);

	// Of addresses and links, of these interfaces alone.
	void watch(const std::set<std::string> &names);

	// What to poll(2); negative: nothing.
	int route() const { return route_.fd(); }
	int rules() const { return rules_ ? rules_->fd() : -1; }

	// All that has come; waits for nothing.
	std::vector<Event> read();

private:
	void read_some(NetlinkSocket &socket, std::vector<Event> &events, bool rules);

	NetlinkSocket route_;
	std::unique_ptr<NetlinkSocket> rules_;
	RuleEvents rule_events_;
	Interfaces interfaces_;
};

} // namespace dsr
