// SPDX-License-Identifier: BSD-3-Clause
#include "common/flow.hpp"

#include <algorithm>

namespace dsr::nf {

Flow::Flow(Family family, std::uint8_t dscp) : family(family)
{
	if (family == Family::ip4) {
		network[0] = 0x45;
		network_known[0] = 0xff;
		network[1] = static_cast<std::uint8_t>(dscp << 2U);
		network_known[1] = 0xfc;
	} else {
		network[0] = static_cast<std::uint8_t>(0x60 | dscp >> 2U);
		network_known[0] = 0xff;
		network[1] = static_cast<std::uint8_t>(dscp << 6U);
		network_known[1] = 0xc0;
	}
}

namespace {

void put(Flow &flow, std::size_t at, const Ip &ip)
{
	std::copy_n(ip.bytes.begin(), ip.size(),
		    flow.network.begin() + static_cast<std::ptrdiff_t>(at));
	std::fill_n(flow.network_known.begin() + static_cast<std::ptrdiff_t>(at), ip.size(),
		    std::uint8_t{0xff});
}

} // namespace

void Flow::set_source(const Ip &ip)
{
	put(*this, family == Family::ip4 ? 12 : 8, ip);
}

void Flow::set_destination(const Ip &ip)
{
	put(*this, family == Family::ip4 ? 16 : 24, ip);
}

void Flow::set_protocol(std::uint8_t number)
{
	const std::size_t at = family == Family::ip4 ? 9 : 6;

	protocol = number;
	network[at] = number;
	network_known[at] = 0xff;
}

namespace {

void put_port(Flow &flow, std::size_t at, std::uint16_t port)
{
	flow.ports[at] = static_cast<std::uint8_t>(port >> 8U);
	flow.ports[at + 1] = static_cast<std::uint8_t>(port);
	flow.ports_known[at] = flow.ports_known[at + 1] = 0xff;
}

} // namespace

void Flow::set_source_port(std::uint16_t port)
{
	put_port(*this, 0, port);
}

void Flow::set_destination_port(std::uint16_t port)
{
	put_port(*this, 2, port);
}

std::optional<std::uint16_t> Flow::destination_port() const
{
	if ((ports_known[2] & ports_known[3]) != 0xff)
		return std::nullopt;
	return static_cast<std::uint16_t>(ports[2] << 8U | ports[3]);
}

std::optional<std::uint8_t> Flow::dscp() const
{
	if (family == Family::ip4)
		return (network_known[1] & 0xfc) == 0xfc ?
			       std::optional(static_cast<std::uint8_t>(network[1] >> 2U)) :
			       std::nullopt;
	if ((network_known[0] & 0x0f) != 0x0f || (network_known[1] & 0xc0) != 0xc0)
		return std::nullopt;
	return static_cast<std::uint8_t>((network[0] & 0x0fU) << 2U | network[1] >> 6U);
}

std::optional<Ip> Flow::destination() const
{
	const std::size_t at = family == Family::ip4 ? 16 : 24;
	Ip ip;

	ip.family = family;
	for (std::size_t i = 0; i < ip.size(); i++) {
		if (network_known[at + i] != 0xff)
			return std::nullopt;
		ip.bytes[i] = network[at + i];
	}
	return ip;
}

} // namespace dsr::nf
