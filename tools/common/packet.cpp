// SPDX-License-Identifier: BSD-3-Clause
#include "common/packet.hpp"

#include <cstring>

namespace dsr {

static Ip address_at(const Packet &packet, unsigned int offset4,
			  unsigned int offset6)
{
	Ip address;
	unsigned int offset = packet.family == Family::ip4 ? offset4 : offset6;

	address.family = packet.family;
	std::memcpy(address.bytes.data(), packet.data + offset,
		    address.size());
	return address;
}

Ip source_of(const Packet &packet)
{
	return address_at(packet, 12, 8);
}

Ip destination_of(const Packet &packet)
{
	return address_at(packet, 16, 24);
}

} // namespace dsr
