// SPDX-License-Identifier: BSD-3-Clause
// The load balancers whose configuration can be written and read.
#pragma once

#include <set>

#include "dsrctl/lb/site.hpp"

namespace dsr::lb {

struct Real {
	Ip ip;
	std::string where;
	bool off = false;      // it gets nothing new: disabled, or of weight 0
	unsigned int port = 0; // that its packets get; 0: they keep theirs
};

struct Ports {
	unsigned int from = 0, to = 65535;
};

// Has one of them a port of one of the others? Without any, they are all ports.
bool overlap(const std::vector<Ports> &some, const std::vector<Ports> &others);

// Of a load balancer's configuration, a place that sends what comes to a VIP
// to real servers.
struct Mapping {
	Ip vip;
	std::string where;
	std::optional<std::uint8_t> dscp;
	std::string dscp_where; // it may be set elsewhere
	std::vector<Real> servers;
	bool off = false;	       // the VIP is disabled
	std::string protocol = {};     // empty: any, or not known
	std::vector<Ports> ports = {}; // none: the same
};

// A line that may be right, and that nobody here understands.
struct Unclear {
	std::string message;
	std::optional<Ip> net; // none: it may be about any VIP
	unsigned int prefix = 0;

	bool about(const Ip &vip) const;
};

struct Reading {
	std::vector<Mapping> mappings;
	// What cannot be read, and what cannot work, whatever the VIPs are.
	std::vector<std::string> problems;
	std::vector<Unclear> unclear;

	void problem(const std::string &where, const std::string &found,
		     const std::string &expected);
	// @what: the line, or the part of it; @prefix: how much of the VIP is
	// in it, by default all
	void not_understood(const std::string &where, const std::string &what,
			    std::optional<Ip> vip = std::nullopt,
			    std::optional<unsigned int> prefix = std::nullopt);
	// None and a problem when the word is no address, or no DSCP.
	std::optional<Ip> take_ip(const std::string &where, const std::string &word);
	std::optional<std::uint8_t> take_dscp(const std::string &where, const std::string &word);

	// Of what is not understood, so that it is there once.
	std::set<std::pair<std::string, std::optional<Ip>>> seen;
};

struct Vendor {
	const char *name;
	bool ip6;	  // has L3DSR for IPv6
	bool any_service; // can forward all that comes to a VIP
	bool weights;
	bool pool_weights; // a server may have another weight in each pool
	bool ports;	   // can send to another port
	std::string (*write)(const Site &site);
	Reading (*read)(std::string_view text, const std::string &file);
};

// Null when there is none of this name.
const Vendor *find_vendor(const std::string &name);
std::string vendor_names(); // all, for a message

// "10_128_8_46": an address as a part of a name
std::string as_name(const Ip &ip);
std::string write_a10(const Site &site);
std::string write_brocade(const Site &site);
std::string write_netscaler(const Site &site);
std::string write_vpp(const Site &site);
std::string write_ipvs(const Site &site);
std::string write_keepalived(const Site &site);
std::string write_nft(const Site &site);

Reading read_a10(std::string_view text, const std::string &file);
Reading read_brocade(std::string_view text, const std::string &file);
Reading read_netscaler(std::string_view text, const std::string &file);
Reading read_vpp(std::string_view text, const std::string &file);
Reading read_ipvs(std::string_view text, const std::string &file);
Reading read_keepalived(std::string_view text, const std::string &file);
Reading read_nft(std::string_view text, const std::string &file);

} // namespace dsr::lb
