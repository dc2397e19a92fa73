// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/watch/transport.hpp"

#include <cstring>

#include "common/checksum.hpp"
#include "common/receive.hpp"
#include "common/sum.hpp"

namespace dsr::watch {

namespace {

constexpr std::uint8_t ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMP6 = 58,
		       SCTP = 132, UDPLITE = 136;
constexpr std::uint8_t TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10;

const void *read(void *packet, unsigned int offset, unsigned int length)
{
	const Packet *from = static_cast<const Packet *>(packet);

	return from->captures(std::uint64_t{offset} + length) ?
		       from->data + offset : nullptr;
}

void take_ends(const Packet &packet, std::uint32_t at, Transport &transport)
{
	const std::uint8_t *header = packet.data + at;

	switch (transport.protocol) {
	case TCP:
	case UDP:
	case DCCP:
	case SCTP:
	case UDPLITE:
		if (!packet.captures(std::uint64_t{at} + 4))
			return;
		transport.source = load16(header);
		transport.destination = load16(header + 2);
		transport.has_ends = true;
		if (transport.protocol == TCP &&
		    packet.captures(std::uint64_t{at} + 14)) {
			transport.opens = (header[13] & (TCP_SYN | TCP_ACK)) ==
					  TCP_SYN;
			transport.resets = header[13] & TCP_RST;
		}
		return;
	case ICMP:
	case ICMP6:
		if (!packet.captures(std::uint64_t{at} + 8))
			return;
		transport.echo_request = header[0] ==
			(transport.protocol == ICMP ? 8 : 128);
		transport.has_ends = transport.echo_request ||
			header[0] == (transport.protocol == ICMP ? 0 : 129);
		transport.source = transport.destination = load16(header + 4);
		return;
	}
}

// Who sends leaves the rest to hardware: the field holds the sum of the
// pseudo-header, not inverted. So do packets that another guest of the same
// machine sent, and that never were on a wire.
bool is_seed(const Packet &packet, const daddr_change &found)
{
	const std::uint8_t *ip = packet.data;
	std::uint16_t field;
	std::uint64_t seed = packet.family == Family::ip4 ?
				     sum(ip + 12, 8) :
				     sum(ip + 8, 32);

	seed = add(seed, in_network_order(found.l4proto));
	seed = add(seed, in_network_order(packet.length -
							  found.thoff));
	std::memcpy(&field, ip + found.l4csum_offset, sizeof(field));
	return field == fold(seed);
}

} // namespace

bool find_transport(Packet &packet, Transport &transport)
{
	const Received received = receive(packet);
	daddr_change found{};

	transport = {};
	if (received.cut)
		return false;
	if (received.drop != Drop::none) {
		transport.sum = Sum::bad;
		return received.drop == Drop::header_checksum;
	}
	if (packet.family == Family::ip4)
		daddr_find_l4csum4(packet.data, &found);
	else
		daddr_find_l4csum6(read, &packet, packet.data[6], &found);
	transport.protocol = found.l4proto;
	if (found.l4csum == DADDR_L4CSUM_HERE ||
	    found.l4csum == DADDR_L4CSUM_NONE)
		take_ends(packet, found.thoff, transport);
	switch (Coverage(packet).verify(packet)) {
	case Checksum::good:
		transport.sum = Sum::good;
		break;
	case Checksum::bad:
		transport.sum = found.l4csum == DADDR_L4CSUM_HERE &&
				packet.captures(found.l4csum_offset + 2) &&
				is_seed(packet, found) ?
					Sum::offload : Sum::bad;
		break;
	default:
		break;
	}
	return true;
}

} // namespace dsr::watch
