// SPDX-License-Identifier: BSD-3-Clause
// What leads to a VIP, whatever does it: an entry of the configuration, a rule,
// a value of dscp_rewrite.
#pragma once

#include <string>

#include "common/ip.hpp"

namespace dsr {

enum class Protocol : std::uint8_t { tcp, udp, udplite, dccp };

inline constexpr Protocol PROTOCOLS[] = {Protocol::tcp, Protocol::udp, Protocol::udplite,
					 Protocol::dccp};

inline const char *name(Protocol protocol)
{
	static const char *const names[] = {"tcp", "udp", "udplite", "dccp"};

	return names[static_cast<int>(protocol)];
}

// As the header has it.
inline std::uint8_t number(Protocol protocol)
{
	constexpr std::uint8_t numbers[] = {6, 17, 136, 33};

	return numbers[static_cast<int>(protocol)];
}

std::optional<Protocol> parse_protocol(std::string_view text);
// 1 to 65535, decimal
std::optional<std::uint16_t> parse_port(std::string_view text);

// The load balancer changes the port, too, and the server changes it back.
struct PortChange {
	Protocol protocol = Protocol::tcp;
	std::uint16_t rip = 0; // what packets come with
	std::uint16_t vip = 0; // what the client asked for

	auto operator<=>(const PortChange &) const = default;
};

// A DSCP stands for a VIP.
struct Item {
	std::uint8_t dscp = 0;
	Ip ip;
	std::optional<Ip> to = {};	      // of packets to this address alone
	std::optional<PortChange> ports = {}; // and of this port alone

	auto operator<=>(const Item &) const = default;
};

// Is there a packet that both are for?
bool overlap(const Item &one, const Item &other);
// Would such a packet leave both with the same destination?
bool agree(const Item &one, const Item &other);
// Could what one makes of a packet be taken up by the other?
bool chained(const Item &one, const Item &other);

// "10.0.0.7", "10.0.0.7 to 192.0.2.1", "10.0.0.7:80 (tcp 8080)"
std::string destination(const Item &item);
// An address and a port: "10.0.0.7:80", "[2001:db8::7]:80"
std::string with_port(const std::string &address, unsigned int port);

} // namespace dsr
