// SPDX-License-Identifier: BSD-3-Clause
#include "common/packet.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace dsr::replay {

static Address address_at(const Packet &packet, unsigned int offset4,
			  unsigned int offset6)
{
	Address address;
	unsigned int offset = packet.family == Family::ip4 ? offset4 : offset6;

	address.family = packet.family;
	std::memcpy(address.bytes.data(), packet.data + offset,
		    address_size(packet.family));
	return address;
}

Address source_of(const Packet &packet)
{
	return address_at(packet, 12, 8);
}

Address destination_of(const Packet &packet)
{
	return address_at(packet, 16, 24);
}

bool parse_address(const std::string &text, Address &address)
{
	address = Address{};
	if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
		address.family = Family::ip4;
		return true;
	}
	if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
		address.family = Family::ip6;
		return true;
	}
	return false;
}

std::string text(const Address &address)
{
	char buffer[INET6_ADDRSTRLEN];

	inet_ntop(address.family == Family::ip4 ? AF_INET : AF_INET6,
		  address.bytes.data(), buffer, sizeof(buffer));
	return buffer;
}

std::string dscp_text(unsigned int dscp)
{
	char buffer[48];

	std::snprintf(buffer, sizeof(buffer), "DSCP %u (TOS %u, 0x%02x)", dscp,
		      dscp << 2, dscp << 2);
	return buffer;
}

bool parse_number(const std::string &text, unsigned long max,
		  unsigned long &number)
{
	const char *first = text.data(), *last = first + text.size();
	int base = 10;

	if (text.size() > 2 && text[0] == '0' &&
	    (text[1] == 'x' || text[1] == 'X')) {
		first += 2;
		base = 16;
	} else if (text.size() > 1 && text[0] == '0') {
		return false;	// octal to some, decimal to others
	}
	auto [end, error] = std::from_chars(first, last, number, base);
	return error == std::errc() && end == last && number <= max;
}

} // namespace dsr::replay
