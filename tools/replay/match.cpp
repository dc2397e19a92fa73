// SPDX-License-Identifier: BSD-3-Clause
// Does a rule match a packet? The functions named are the kernel's, whose
// order and answers these keep.
#include <algorithm>

#include "replay/match.hpp"

namespace dsr::replay {

namespace {

constexpr std::uint8_t TCP = 6, DCCP = 33;

// What a match knows of the packet from those before it: x_tables'
// xt_action_param.
struct Transport {
	std::uint32_t offset = 0;
	std::uint32_t fragment_offset = 0;
};

bool in(const Network &network, const std::uint8_t *address, std::size_t size)
{
	bool same = true;

	if (!network.given)
		return true;
	for (std::size_t i = 0; i < size; i++)
		same &= (address[i] & network.mask[i]) == network.address[i];
	return same != network.inverted;
}

// Are these bytes there? If not, who has cut them off?
Matched look(const Packet &packet, std::uint64_t end)
{
	if (packet.captures(end))
		return Matched::yes;
	return packet.holds(end) ? Matched::cut : Matched::drop;
}

bool is_extension(std::uint8_t header)
{
	switch (header) {
	case 0:	 // hop-by-hop
	case 43: // routing
	case 44: // fragment
	case 51: // authentication
	case 59: // none
	case 60: // destination
		return true;
	}
	return false;
}

// ipv6_find_hdr() for any transport: Matched::yes, or why there is none.
Matched find_transport6(const Packet &packet, Transport &transport, std::uint8_t &protocol)
{
	std::uint32_t offset = 40;

	protocol = packet.data[6];
	while (is_extension(protocol) && protocol != 59) {
		const std::uint8_t *header = packet.data + offset;
		// of these two, the third and fourth byte are read as well
		bool longer = protocol == 43 || protocol == 44;
		Matched here = look(packet, std::uint64_t{offset} + (longer ? 4 : 2));

		if (here != Matched::yes)
			return here;
		if (protocol == 44) {
			std::uint32_t fragment = load16(header + 2) & ~7U;

			if (fragment && is_extension(header[0]) && header[0] != 59)
				return Matched::drop;
			if (fragment) {
				transport.fragment_offset = fragment;
				protocol = header[0];
				return Matched::yes;
			}
			offset += 8;
		} else if (protocol == 51) {
			offset += (header[1] + 2U) * 4;
		} else {
			offset += (header[1] + 1U) * 8;
		}
		protocol = header[0];
	}
	transport.offset = offset;
	// so does Debian's 6.1.0-56; the sources of older ones do not look
	return packet.holds(offset) ? Matched::yes : Matched::drop;
}

// ip_packet_match()
Matched matches4(const Rule &rule, const Packet &packet, Transport &transport)
{
	const std::uint8_t *ip = packet.data;

	transport.offset = (ip[0] & 0x0fU) * 4;
	transport.fragment_offset = load16(ip + 6) & 0x1fff;
	if (!in(rule.source, ip + 12, 4) || !in(rule.destination, ip + 16, 4))
		return Matched::no;
	if (rule.protocol && (ip[9] == rule.protocol) == rule.protocol_inverted)
		return Matched::no;
	return Matched::yes;
}

// ip6_packet_match()
Matched matches6(const Rule &rule, const Packet &packet, Transport &transport)
{
	const std::uint8_t *ip = packet.data;
	std::uint8_t protocol;

	if (!in(rule.source, ip + 8, 16) || !in(rule.destination, ip + 24, 16))
		return Matched::no;
	if (!rule.protocol)
		return Matched::yes;
	Matched found = find_transport6(packet, transport, protocol);
	if (found != Matched::yes)
		return found;
	if ((protocol == rule.protocol) == rule.protocol_inverted)
		return Matched::no;
	return Matched::yes;
}

bool in(const Ports &ports, std::uint16_t port)
{
	return (port >= ports.first && port <= ports.last) != ports.inverted;
}

// tcp_mt(), udp_mt(), dccp_mt()
Matched matches_ports(const Match &match, const Packet &packet, const Transport &transport)
{
	const std::uint8_t *header = packet.data + transport.offset;
	const std::uint32_t size = match.protocol == TCP ? 20 : match.protocol == DCCP ? 12 : 8;

	if (transport.fragment_offset) {
		// would overwrite the flags of the first fragment
		if (match.protocol == TCP && transport.fragment_offset == 1)
			return Matched::drop;
		return Matched::no;
	}
	if (!packet.holds(std::uint64_t{transport.offset} + size))
		return Matched::drop;
	if (!match.source.given && !match.destination.given)
		return Matched::yes;
	if (!packet.captures(std::uint64_t{transport.offset} + 4))
		return Matched::cut;
	return in(match.source, load16(header)) && in(match.destination, load16(header + 2)) ?
		       Matched::yes :
		       Matched::no;
}

// multiport_mt()
Matched matches_multiport(const Match &match, const Packet &packet, const Transport &transport)
{
	const std::uint8_t *header = packet.data + transport.offset;

	if (transport.fragment_offset)
		return Matched::no;
	const Matched there = look(packet, std::uint64_t{transport.offset} + 4);
	if (there != Matched::yes)
		return there;
	const std::uint16_t source = load16(header), destination = load16(header + 2);
	const bool any = std::any_of(
		match.any_of.begin(), match.any_of.end(), [&](const Ports &ports) {
			return (match.source_side && in(ports, source)) ||
			       (match.destination_side && in(ports, destination));
		});

	return any != match.inverted ? Matched::yes : Matched::no;
}

bool matches_tos(const Match &match, unsigned int tos)
{
	return ((tos & match.tos_mask) == match.tos) != match.inverted;
}

unsigned int tos_of(const Packet &packet)
{
	const std::uint8_t *ip = packet.data;

	return packet.family == Family::ip4 ? ip[1] : (ip[0] & 0x0fU) << 4 | ip[1] >> 4;
}

// As the kernel compares them: up to the end of the name, or up to a +.
bool in(const InInterface &wanted, std::string_view interface)
{
	std::string_view name = wanted.name;

	if (!wanted.given || interface.empty())
		return true;
	const bool many = name.ends_with('+');
	if (many)
		name.remove_suffix(1);
	const bool same = many ? interface.starts_with(name) : interface == name;
	return same != wanted.inverted;
}

bool matches_dscp(const Match &match, unsigned int dscp)
{
	return (match.dscp == dscp) != match.dscp_inverted;
}

// Could it match packets of this DSCP, whatever else is in them?
bool could_match(const Match &match, unsigned int dscp)
{
	switch (match.kind) {
	case Match::Kind::dscp:
		return matches_dscp(match, dscp);
	case Match::Kind::tos:
		for (unsigned int ecn = 0; ecn < 4; ecn++)
			if (matches_tos(match, dscp << 2 | ecn))
				return true;
		return false;
	case Match::Kind::ports:
	case Match::Kind::multiport:
		break;
	}
	return true;
}

Matched matches_one(const Match &match, const Packet &packet, const Transport &transport)
{
	bool same = false;

	switch (match.kind) {
	case Match::Kind::ports:
		return matches_ports(match, packet, transport);
	case Match::Kind::multiport:
		return matches_multiport(match, packet, transport);
	case Match::Kind::dscp:
		same = matches_dscp(match, dscp_of(packet));
		break;
	case Match::Kind::tos:
		same = matches_tos(match, tos_of(packet));
		break;
	}
	return same ? Matched::yes : Matched::no;
}

} // namespace

bool Rule::accepts_dscp(unsigned int dscp) const
{
	return action.destination(dscp) &&
	       std::all_of(matches.begin(), matches.end(),
			   [dscp](const Match &match) { return could_match(match, dscp); });
}

// Who looks into the packet may have to drop it, or may find it cut. What comes
// before that, and says no, leaves the packet alone.
bool Rule::concerns_dscp(unsigned int dscp, bool knows_protocol) const
{
	if (family() == Family::ip6 && protocol && !knows_protocol)
		return true;
	for (const Match &match : matches) {
		if (match.kind == Match::Kind::ports || match.kind == Match::Kind::multiport)
			return true;
		if (!could_match(match, dscp))
			return false;
	}
	return action.destination(dscp);
}

bool Rule::is_certain() const
{
	return !in.given && !source.given && !destination.given && !protocol &&
	       std::all_of(matches.begin(), matches.end(),
			   [](const Match &match) { return match.kind == Match::Kind::dscp; });
}

Matched matches(const Rule &rule, const Packet &packet, std::string_view interface)
{
	Transport transport;
	Matched result;

	if (!in(rule.in, interface))
		return Matched::no;
	if (rule.family() == Family::ip4)
		result = matches4(rule, packet, transport);
	else
		result = matches6(rule, packet, transport);
	for (const Match &match : rule.matches) {
		if (result != Matched::yes)
			break;
		result = matches_one(match, packet, transport);
	}
	return result;
}

} // namespace dsr::replay
