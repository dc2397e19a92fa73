// SPDX-License-Identifier: BSD-3-Clause
#include "common/ip.hpp"

#include <arpa/inet.h>

#include "daddr_address.h"

namespace dsr {

namespace {

int af(Family family)
{
	return family == Family::ip4 ? AF_INET : AF_INET6;
}

// The module would accept it, but removing it later would cut the host off from
// itself. Of 127.0.0.0/8 only this one: some hosts' own name is another.
bool is_localhost(const Ip &ip)
{
	return ip == Ip{Family::ip4, {127, 0, 0, 1}} ||
	       ip == Ip{Family::ip6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
}

} // namespace

std::optional<Ip> parse_ip(const std::string &text)
{
	Ip ip;

	for (Family family : FAMILIES) {
		ip.family = family;
		if (inet_pton(af(family), text.c_str(), ip.bytes.data()) == 1)
			return ip;
	}
	return std::nullopt;
}

std::string text(const Ip &ip)
{
	char buffer[INET6_ADDRSTRLEN];

	return inet_ntop(af(ip.family), ip.bytes.data(), buffer, sizeof(buffer));
}

const char *refuse_daddr(const Ip &ip)
{
	return ip.family == Family::ip4 ? daddr_refuse4(ip.bytes.data()) :
					  daddr_refuse6(ip.bytes.data());
}

const char *refuse(const Ip &ip)
{
	return is_localhost(ip) ? "the host's own loopback address" : refuse_daddr(ip);
}

} // namespace dsr
