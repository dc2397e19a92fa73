// SPDX-License-Identifier: BSD-3-Clause
#include "replay/diagnose.hpp"

#include <bit>
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

// @seed is not of the bits that an IPv4 address has, which is mixed with it.
std::uint64_t mix_in(std::uint64_t seed, const std::uint8_t *address,
		     Family family)
{
	if (family == Family::ip4)
		return mix(seed, daddr_load32(address));
	return mix(mix(seed, daddr_load64(address)), daddr_load64(address + 8));
}

struct Flow {
	std::uint8_t protocol = 0;
	std::uint16_t source = 0, destination = 0;	// ports, or 0
};

constexpr std::uint8_t TCP = 6, UDP = 17, DCCP = 33, SCTP = 132,
		       UDP_LITE = 136;

bool has_ports(std::uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == DCCP ||
	       protocol == SCTP || protocol == UDP_LITE;
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
	// both are mixed already
	Key(std::uint64_t from, std::uint64_t to)
	{
		const std::uint64_t hash = from + std::rotl(to, 23);

		place = hash & (FLOWS - 1);
		mark = static_cast<std::uint32_t>(hash >> 32) | 1;
	}

	std::size_t place;
	std::uint32_t mark;	// not 0, which is an empty place
};

} // namespace

Diagnoser::Diagnoser(const std::vector<Ip> &servers)
	: learn_(servers.empty()), destinations_(DESTINATIONS),
	  tags_(DESTINATIONS), flows_(FLOWS)
{
	for (const Ip &address : servers)
		if (Destination *server = find(address))
			server->server = true;
}

// The address's place, which may be a new one; null when there is none.
Diagnoser::Destination *Diagnoser::find_in_table(const Ip &address)
{
	const std::uint64_t hash = mix_in(0, address.bytes.data(),
					  address.family);
	const std::uint32_t tag = static_cast<std::uint32_t>(hash >> 32) | 1;

	for (std::size_t i = 0; i < PLACES; i++) {
		const std::size_t place = (hash + i) & (DESTINATIONS - 1);

		if (!tags_[place]) {
			tags_[place] = tag;
			destinations_[place].address = address;
			return &destinations_[place];
		}
		if (tags_[place] == tag &&
		    destinations_[place].address == address)
			return &destinations_[place];
	}
	overflowed_ = true;
	return nullptr;
}

// Most packets go where the one before went.
inline Diagnoser::Destination *Diagnoser::find(const Ip &address)
{
	if (last_ && last_->address == address)
		return last_;
	Destination *found = find_in_table(address);
	if (found)
		last_ = found;
	return found;
}

inline void Diagnoser::see_flow(const Packet &packet, const Ip &to,
			 bool rewritten)
{
	Flow flow;

	if (!find_flow(packet, flow))
		return;
	// each end on its own: that of a reply are the same two
	const std::uint64_t seed = std::uint64_t{flow.protocol} << 48;
	const std::uint8_t *source = packet.data +
		(packet.family == Family::ip4 ? 12 : 8);
	const std::uint64_t from = mix_in(
		seed | std::uint64_t{flow.source} << 32, source, to.family);
	const std::uint64_t there = mix_in(
		seed | std::uint64_t{flow.destination} << 32, to.bytes.data(),
		to.family);
	Key own(from, there);

	if (flows_[own.place] == own.mark) {
		from_server_++;
	} else if (rewritten) {
		Key reply(there, from);

		flows_[reply.place] = reply.mark;
	}
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
