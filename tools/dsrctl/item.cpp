// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/item.hpp"

#include <charconv>

namespace dsr {

std::optional<Protocol> parse_protocol(std::string_view text)
{
	for (Protocol protocol : PROTOCOLS)
		if (text == name(protocol))
			return protocol;
	return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
	std::uint16_t port = 0;
	auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);

	if (error != std::errc() || end != text.data() + text.size() || !port)
		return std::nullopt;
	return port;
}

bool overlap(const Item &one, const Item &other)
{
	if (one.dscp != other.dscp || one.ip.family != other.ip.family ||
	    (one.to && other.to && one.to != other.to))
		return false;
	return !one.ports || !other.ports ||
	       (one.ports->protocol == other.ports->protocol && one.ports->rip == other.ports->rip);
}

bool agree(const Item &one, const Item &other)
{
	return one.ip == other.ip &&
	       (!one.ports || !other.ports || one.ports->vip == other.ports->vip);
}

bool chained(const Item &one, const Item &other)
{
	return one != other && one.dscp == other.dscp && one.ip.family == other.ip.family &&
	       one.ports && other.ports && one.ports->protocol == other.ports->protocol &&
	       !other.to && one.ports->vip == other.ports->rip &&
	       other.ports->rip != other.ports->vip;
}

std::string with_port(const std::string &address, unsigned int port)
{
	return (address.find(':') == address.npos ? address : "[" + address + "]") + ":" +
	       std::to_string(port);
}

std::string destination(const Item &item)
{
	std::string words = text(item.ip);

	if (item.ports)
		words = with_port(words, item.ports->vip) + " (" + name(item.ports->protocol) +
			" " + std::to_string(item.ports->rip) + ")";
	return item.to ? words + " to " + text(*item.to) : words;
}

} // namespace dsr
