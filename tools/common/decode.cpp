// SPDX-License-Identifier: BSD-3-Clause
#include "common/decode.hpp"

#include <algorithm>
#include <cstring>

#include "common/receive.hpp"
#include "common/sum.hpp"

namespace dsr {

namespace {

constexpr std::uint8_t ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMP6 = 58, SCTP = 132,
		       UDPLITE = 136;

const void *read(void *packet, unsigned int offset, unsigned int length)
{
	const Packet *from = static_cast<const Packet *>(packet);

	return from->captures(std::uint64_t{offset} + length) ? from->data + offset : nullptr;
}

void take_ends(const Packet &packet, std::uint32_t at, Decoded &decoded)
{
	const std::uint8_t *header = packet.data + at;

	switch (decoded.protocol) {
	case TCP:
	case UDP:
	case DCCP:
	case SCTP:
	case UDPLITE:
		if (!packet.captures(std::uint64_t{at} + 4))
			return;
		decoded.source = load16(header);
		decoded.destination = load16(header + 2);
		decoded.has_ends = true;
		if (decoded.protocol == TCP && packet.captures(std::uint64_t{at} + 14)) {
			decoded.syn = is_syn(header);
			decoded.resets = is_reset(header);
		}
		return;
	case ICMP:
	case ICMP6:
		if (!packet.captures(std::uint64_t{at} + 8))
			return;
		decoded.echo_request = header[0] == (decoded.protocol == ICMP ? 8 : 128);
		decoded.has_ends = decoded.echo_request ||
				   header[0] == (decoded.protocol == ICMP ? 0 : 129);
		decoded.source = decoded.destination = load16(header + 4);
		return;
	}
}

// Who sends leaves the rest to hardware: the field holds the sum of the
// pseudo-header, not inverted. So do packets that another guest of the same
// machine sent, and that never were on a wire. Seldom asked: not to be in the way.
[[gnu::noinline]] bool is_seed(const Packet &packet, const daddr_change &found)
{
	const std::uint8_t *ip = packet.data;
	std::uint16_t field;
	std::uint64_t seed = packet.family == Family::ip4 ? sum(ip + 12, 8) : sum(ip + 8, 32);

	seed = add(seed, in_network_order(found.l4proto));
	seed = add(seed, in_network_order(packet.length - found.thoff));
	std::memcpy(&field, ip + found.l4csum_offset, sizeof(field));
	return field == fold(seed);
}

} // namespace

bool Decoded::opens() const
{
	if (protocol == TCP)
		return syn;
	return ping() ? echo_request : has_ends && is_service(destination);
}

Decoded decode(const Packet &packet, Checksum checksum)
{
	daddr_change found{};
	Decoded decoded{source_of(packet), destination_of(packet),
			static_cast<std::uint8_t>(dscp_of(packet)), packet.length};

	if (packet.family == Family::ip4)
		daddr_find_l4csum4(packet.data, &found);
	else
		daddr_find_l4csum6(read, const_cast<Packet *>(&packet), packet.data[6], &found);
	decoded.protocol = found.l4proto;
	if (found.l4csum == DADDR_L4CSUM_HERE || found.l4csum == DADDR_L4CSUM_NONE) {
		if (packet.captures(found.thoff))
			decoded.transport = found.thoff;
		take_ends(packet, found.thoff, decoded);
	}
	if (checksum == Checksum::good)
		decoded.sum = Sum::good;
	else if (checksum == Checksum::bad)
		decoded.sum = found.l4csum == DADDR_L4CSUM_HERE &&
					      packet.captures(found.l4csum_offset + 2) &&
					      is_seed(packet, found) ?
				      Sum::offload :
				      Sum::bad;
	return decoded;
}

std::optional<Decoded> decode(Packet packet)
{
	const Received received = receive(packet);

	if (received.cut)
		return std::nullopt;
	if (received.drop == Drop::none)
		return decode(packet, Coverage(packet).verify(packet));
	if (received.drop != Drop::header_checksum)
		return std::nullopt;
	// of such a packet, nothing is believed but where it was to go
	Decoded decoded = decode(packet, Checksum::unknown);
	decoded.has_ends = decoded.syn = false;
	decoded.transport = 0;
	decoded.sum = Sum::bad;
	return decoded;
}

std::optional<Decoded> decode_quoted(std::span<std::uint8_t> bytes, Family family)
{
	constexpr std::uint32_t LONGEST = 65535;
	Packet packet;

	packet.data = bytes.data();
	packet.captured = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), LONGEST));
	packet.length = LONGEST;
	packet.family = family;
	const Received received = receive(packet);
	if (received.cut || (received.drop != Drop::none && received.drop != Drop::header_checksum))
		return std::nullopt;
	return decode(packet, Checksum::unknown);
}

std::string service_text(std::uint8_t protocol, std::uint16_t port)
{
	switch (protocol) {
	case ICMP:
	case ICMP6:
		return "ping";
	case TCP:
		return "tcp/" + std::to_string(port);
	case UDP:
		return "udp/" + std::to_string(port);
	case DCCP:
		return "dccp/" + std::to_string(port);
	case SCTP:
		return "sctp/" + std::to_string(port);
	case UDPLITE:
		return "udplite/" + std::to_string(port);
	}
	return "protocol " + std::to_string(protocol);
}

} // namespace dsr
