// SPDX-License-Identifier: BSD-3-Clause
#include "replay/diagnose.hpp"

#include <cstring>

namespace dsr::replay {

namespace {

// Powers of two. A destination is looked for in this many places.
constexpr std::size_t DESTINATIONS = 1 << 14, FLOWS = 1 << 16, PLACES = 16;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

std::uint64_t mix(std::uint64_t hash, const Ip &address)
{
	std::uint64_t half[2];

	std::memcpy(half, address.bytes.data(), sizeof(half));
	hash = mix(hash, half[0]);
	return address.family == Family::ip4 ? hash : mix(hash, half[1]);
}

struct Flow {
	std::uint8_t protocol = 0;
	std::uint16_t source = 0, destination = 0;	// ports, or 0
};

bool has_ports(std::uint8_t protocol)
{
	switch (protocol) {
	case 6:		// TCP
	case 17:	// UDP
	case 33:	// DCCP
	case 132:	// SCTP
	case 136:	// UDP-Lite
		return true;
	}
	return false;
}

bool echoes(std::uint8_t protocol)
{
	return protocol == 1 || protocol == 58;
}

// Of a reply, source and destination are exchanged, and so is the type of an
// ICMP echo. False for packets that do not tell: later fragments, IPv6
// extension headers, and all but pings of ICMP, which also reports errors.
bool find_flow(const Packet &packet, Flow &flow)
{
	const std::uint8_t *ip = packet.data;
	std::uint32_t offset = 40;

	flow.protocol = ip[6];
	if (packet.family == Family::ip4) {
		if (load16(ip + 6) & 0x1fff)
			return false;
		offset = (ip[0] & 0x0fU) * 4;
		flow.protocol = ip[9];
	}
	if (!packet.captures(offset + 4))
		return false;
	if (has_ports(flow.protocol)) {
		flow.source = load16(ip + offset);
		flow.destination = load16(ip + offset + 2);
	} else if (echoes(flow.protocol)) {
		std::uint8_t type = ip[offset];

		if (type == 8 || type == 128)
			flow.source = 1;
		else if (type == 0 || type == 129)
			flow.destination = 1;
		else
			return false;
	}
	return true;
}

// A flow from one end to the other: its place, and what is written there.
struct Key {
	Key(std::uint64_t from, std::uint64_t to)
	{
		std::uint64_t hash = mix(from, to);

		place = hash & (FLOWS - 1);
		mark = static_cast<std::uint32_t>(hash >> 32) | 1;
	}

	std::size_t place;
	std::uint32_t mark;	// not 0, which is an empty place
};

} // namespace

Diagnoser::Diagnoser(const std::vector<Ip> &servers)
	: learn_(servers.empty()), destinations_(DESTINATIONS), flows_(FLOWS)
{
	for (const Ip &address : servers)
		if (Destination *server = find(address))
			server->server = true;
}

// The address's place, which may be a new one; null when there is none.
Diagnoser::Destination *Diagnoser::find(const Ip &address)
{
	std::uint64_t hash = mix(0, address);

	for (std::size_t i = 0; i < PLACES; i++) {
		Destination &place =
			destinations_[(hash + i) & (DESTINATIONS - 1)];

		if (!place.used) {
			place.address = address;
			place.used = true;
			return &place;
		}
		if (place.address == address)
			return &place;
	}
	overflowed_ = true;
	return nullptr;
}

void Diagnoser::see(const Packet &packet, const Ip &to, bool rewritten)
{
	const bool marked = dscp_of(packet);

	if (!marked && !rewritten) {
		if (Destination *place = find(to))
			place->unmarked++;
	} else if (marked && rewritten && learn_) {
		if (Destination *place = find(to))
			place->server = true;
	}
	see_flow(packet, to, rewritten);
}

void Diagnoser::see_flow(const Packet &packet, const Ip &to,
			 bool rewritten)
{
	Flow flow;

	if (!find_flow(packet, flow))
		return;
	// each end on its own: that of a reply are the same two
	std::uint64_t seed = std::uint64_t{flow.protocol} << 16;
	std::uint64_t from = mix(seed | flow.source, source_of(packet));
	std::uint64_t there = mix(seed | flow.destination, to);
	Key own(from, there);

	if (flows_[own.place] == own.mark) {
		from_server_++;
	} else if (rewritten) {
		Key reply(there, from);

		flows_[reply.place] = reply.mark;
	}
}

std::uint64_t Diagnoser::unmarked() const
{
	std::uint64_t count = 0;

	for (const Destination &place : destinations_)
		if (place.server)
			count += place.unmarked;
	return count;
}

std::vector<Ip> Diagnoser::servers() const
{
	std::vector<Ip> found;

	for (const Destination &place : destinations_)
		if (place.server)
			found.push_back(place.address);
	return found;
}

} // namespace dsr::replay
