// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/vendor.hpp"

#include <algorithm>

#include "common/dscp.hpp"

namespace dsr::lb {

namespace {

const Vendor VENDORS[] = {
	{"a10", true, false, true, false, false, write_a10, read_a10},
	{"brocade", true, false, false, false, false, write_brocade, read_brocade},
	{"netscaler", true, true, true, true, false, write_netscaler, read_netscaler},
	{"vpp", false, true, true, true, false, write_vpp, read_vpp},
	{"ipvs", true, true, true, true, true, write_ipvs, read_ipvs},
	{"keepalived", true, true, true, true, true, write_keepalived, read_keepalived},
	{"nft", true, true, true, true, true, write_nft, read_nft},
};

} // namespace

void Reading::problem(const std::string &where, const std::string &found,
		      const std::string &expected)
{
	problems.push_back(where + ": found " + found + ", expected " + expected);
}

void Reading::not_understood(const std::string &where, const std::string &what,
			     std::optional<Ip> vip, std::optional<unsigned int> prefix)
{
	std::string message = where + ": not understood: " + quote(what);

	if (seen.emplace(message, vip).second)
		unclear.push_back(
			{std::move(message), vip, prefix.value_or(vip ? vip->prefix() : 0)});
}

bool overlap(const std::vector<Ports> &some, const std::vector<Ports> &others)
{
	if (some.empty() || others.empty())
		return true;
	return std::any_of(some.begin(), some.end(), [&](const Ports &a) {
		return std::any_of(others.begin(), others.end(), [&](const Ports &b) {
			return a.from <= b.to && b.from <= a.to;
		});
	});
}

bool Unclear::about(const Ip &vip) const
{
	if (!net)
		return true;
	if (net->family != vip.family)
		return false;
	for (unsigned int bit = 0; bit < prefix; bit++) {
		unsigned int mask = 0x80U >> bit % 8;

		if ((net->bytes[bit / 8] & mask) != (vip.bytes[bit / 8] & mask))
			return false;
	}
	return true;
}

std::optional<Ip> Reading::take_ip(const std::string &where, const std::string &word)
{
	auto ip = parse_ip(word);

	if (!ip)
		problem(where, word.empty() ? "no address" : quote(word),
			"a numeric IPv4 or IPv6 address");
	return ip;
}

std::optional<std::uint8_t> Reading::take_dscp(const std::string &where, const std::string &word)
{
	auto dscp = parse_dscp(word);

	if (!dscp)
		problem(where, word.empty() ? "no DSCP" : quote(word), "a DSCP: 0 to 63");
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
