// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/vendor.hpp"

#include "common/dscp.hpp"

namespace dsr::lb {

namespace {

const Vendor VENDORS[] = {
	{"a10", true, false, true, write_a10, read_a10},
	{"brocade", true, false, false, write_brocade, read_brocade},
	{"netscaler", true, true, true, write_netscaler, read_netscaler},
	{"vpp", false, true, false, write_vpp, read_vpp},
	{"ipvs", true, true, true, write_ipvs, read_ipvs},
	{"nft", true, true, true, write_nft, read_nft},
};

} // namespace

void Reading::problem(const std::string &where, const std::string &found,
		      const std::string &expected)
{
	problems.push_back(where + ": found " + found + ", expected " +
			   expected);
}

std::optional<Ip> Reading::take_ip(const std::string &where,
				   const std::string &word)
{
	auto ip = parse_ip(word);

	if (!ip)
		problem(where, word.empty() ? "no address" : quote(word),
			"a numeric IPv4 or IPv6 address");
	return ip;
}

std::optional<std::uint8_t> Reading::take_dscp(const std::string &where,
					       const std::string &word)
{
	auto dscp = parse_dscp(word);

	if (!dscp)
		problem(where, word.empty() ? "no DSCP" : quote(word),
			"a DSCP: 0 to 63");
	return dscp;
}

const Vendor *find_vendor(const std::string &name)
{
	for (const Vendor &vendor : VENDORS)
		if (name == vendor.name)
			return &vendor;
	return nullptr;
}

std::string vendor_names()
{
	std::string names;

	for (const Vendor &vendor : VENDORS)
		names += (names.empty() ? "" : ", ") + std::string(vendor.name);
	return names;
}

std::string as_name(const Ip &ip)
{
	std::string name = text(ip);

	for (char &c : name)
		if (c == '.' || c == ':')
			c = '_';
	return name;
}

} // namespace dsr::lb
