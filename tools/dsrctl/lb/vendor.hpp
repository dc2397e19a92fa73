// SPDX-License-Identifier: BSD-3-Clause
// The load balancers whose configuration can be written and read.
#pragma once

#include "dsrctl/lb/site.hpp"

namespace dsr::lb {

struct Real {
	Ip ip;
	std::string where;
};

// Of a load balancer's configuration, a place that sends what comes to a VIP
// to real servers.
struct Mapping {
	Ip vip;
	std::string where;
	std::optional<std::uint8_t> dscp;
	std::string dscp_where;	// it may be set elsewhere
	std::vector<Real> servers;
};

struct Reading {
	std::vector<Mapping> mappings;
	// What cannot be read, and what cannot work, whatever the VIPs are.
	std::vector<std::string> problems;

	void problem(const std::string &where, const std::string &found,
		     const std::string &expected);
	// None and a problem when the word is no address, or no DSCP.
	std::optional<Ip> take_ip(const std::string &where,
				  const std::string &word);
	std::optional<std::uint8_t> take_dscp(const std::string &where,
					      const std::string &word);
};

struct Vendor {
	const char *name;
	bool ip6;		// has L3DSR for IPv6
	bool any_service;	// can forward all that comes to a VIP
	bool weights;
	std::string (*write)(const Site &site);
	Reading (*read)(std::string_view text, const std::string &file);
};

// Null when there is none of this name.
const Vendor *find_vendor(const std::string &name);
std::string vendor_names();	// all, for a message

// "10_128_8_46": an address as a part of a name
std::string as_name(const Ip &ip);

std::string write_a10(const Site &site);
std::string write_brocade(const Site &site);
std::string write_netscaler(const Site &site);
std::string write_vpp(const Site &site);
std::string write_ipvs(const Site &site);
std::string write_nft(const Site &site);

Reading read_a10(std::string_view text, const std::string &file);
Reading read_brocade(std::string_view text, const std::string &file);
Reading read_netscaler(std::string_view text, const std::string &file);
Reading read_vpp(std::string_view text, const std::string &file);
Reading read_ipvs(std::string_view text, const std::string &file);
Reading read_nft(std::string_view text, const std::string &file);

} // namespace dsr::lb
