// SPDX-License-Identifier: BSD-3-Clause
// Everything that the checks look at. They see the host through this alone.
#pragma once

#include "common/diagnosis.hpp"
#include "dsrctl/config.hpp"
#include "dsrctl/doctor/firewall.hpp"
#include "dsrctl/doctor/managers.hpp"

namespace dsr::doctor {

struct ModuleFacts {
	// dscp_rewrite where this host has it; else what rules want
	std::string name = "xt_DADDR";
	bool loaded = false;	     // it, or the other
	std::string release;	     // of the running kernel
	std::string file;	     // what modprobe would load; or empty
	std::string vermagic;	     // the file's
	std::string kernel_vermagic; // of the kernel's own modules; or empty
	bool has_signature = false;
	bool sig_enforce = false; // the kernel takes signed modules only
	std::string lockdown;	  // none, integrity, confidentiality
	bool secure_boot = false;
	// What the kernel said when it refused to load the module.
	std::vector<std::string> refusals;
	// Of iptables' own modules, those that this kernel does not have.
	std::vector<std::string> missing;
	bool has_plugin = true;
};

struct Link {
	std::string name;
	std::uint32_t index = 0;
	bool up = true;
	bool arp = true; // neighbours can ask on it
	bool loopback = false;
	// As they are in effect: the larger one of the interface and of all.
	int rp_filter = 0, arp_ignore = 0, arp_announce = 0;
	bool default4 = false; // a default route of IPv4 leaves by it
	bool default6 = false;
	bool gro = false, tso = false, tx_checksum = false;
};

struct Listener {
	Ip ip; // all bytes 0: any address
	bool udp = false;
	bool both = false; // :: that takes IPv4 too
	std::uint16_t port = 0;

	bool operator==(const Listener &) const = default;
};

// What arrived while packets were counted.
struct Sample {
	double seconds = 0;
	Diagnosis diagnosis;
};

// A service that has to listen on every VIP.
struct Port {
	bool udp = false;
	std::uint16_t number = 0;
};

struct Facts : Firewall {
	// the options that name the configuration
	std::vector<std::string> from;
	std::string os; // ID and ID_LIKE of os-release

	Config config;
	ModuleFacts module;
	Managers managers;
	bool has_iptables = true;
	bool rules_known = true; // iptables-save could print them
	// that iptables and ip6tables are, by family; and the other one
	std::string variant[2] = {"nft", "nft"};
	std::string other[2] = {"legacy", "legacy"};
	unsigned long tracked = 0; // connections that conntrack has
	std::vector<Address> addresses;
	std::vector<Network> networks; // the host's own by a route
	std::vector<Link> links;
	unsigned long dropped_by_rp_filter = 0;
	bool tcp_reflect_tos = false;
	// of both families; none: the kernel does not tell
	std::optional<int> tcp_mtu_probing;
	bool forwards[2] = {false, false}; // by family: it is a router
	bool ip6 = true;
	std::optional<std::vector<Listener>> listeners; // or not known
	std::vector<Port> ports;
	std::optional<Sample> sample;
};

// What is to be served: of the configuration, and what rules lead to.
struct Vip {
	Ip ip;
	std::string dev;   // of one that is configured
	std::string where; // "FILE:LINE", or the rule
	bool configured = false;
	std::vector<std::uint8_t> dscps;
	bool l2dsr = false;

	bool operator==(const Vip &) const = default;
};

std::vector<Vip> vips(const Facts &facts);

// Of the host's packets, before any has come.
Diagnosis diagnosis(const Facts &facts);

// The host's own addresses, which are nobody's VIP.
bool is_vip(const std::vector<Vip> &vips, const Ip &ip);

// A listener's 0.0.0.0, or ::
bool is_any(const Ip &ip);

// Would a packet to this address reach a service?
bool serves(const Listener &listener, const Ip &ip);
// Does anybody's service answer there? Only when listeners are known.
bool is_open(const Facts &facts, const Ip &ip, Port port);

} // namespace dsr::doctor
