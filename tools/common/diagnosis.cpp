// SPDX-License-Identifier: BSD-3-Clause
#include "common/diagnosis.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/dscp.hpp"

namespace dsr {

namespace {

constexpr std::uint8_t TCP = 6;

// How many there may be in the maps, and of what was learnt.
constexpr std::size_t ENTRIES = 1 << 12, SERVERS = 64;

// Odd, and without a pattern: 2^64 over the golden ratio, and one of SplitMix64's.
constexpr std::uint64_t ODD = 0x9e3779b97f4a7c15, OTHER = 0xbf58476d1ce4e5b9;

// For a table: the upper bits of the product depend on all of the number, and become
// the lower ones.
std::uint64_t spread(std::uint64_t number)
{
	return __builtin_bswap64(number * ODD);
}

// As Diagnosis::flow_hash() takes them.
std::uint32_t ports(std::uint16_t client, std::uint16_t server)
{
	return static_cast<std::uint32_t>(client) << 16U | server;
}

std::uint32_t mark_of(std::uint64_t hash)
{
	return static_cast<std::uint32_t>(hash >> 32) | 1;
}

std::string count_text(std::uint64_t count, const char *what)
{
	return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// What routers and their neighbours say to each other has the DSCP CS6, or CS7
// (RFC 4594, 3.1). Other such protocols are neither TCP nor UDP, and open nothing.
bool is_control(const Decoded &packet)
{
	constexpr std::uint8_t CS6 = 48, CS7 = 56;
	static constexpr std::uint16_t PORTS[] = {
		49,			      // TACACS+
		67,   68,   546,  547,	      // DHCP
		123,			      // NTP
		179,			      // BGP
		319,  320,		      // PTP
		500,  4500,		      // IKE
		520,  521,		      // RIP
		639,			      // MSDP
		646,			      // LDP
		698,			      // OLSR
		1645, 1646, 1812, 1813,	      // RADIUS
		1985, 2029, 3222,	      // HSRP, GLBP
		3784, 3785, 4784, 6784, 7784, // BFD
		4189,			      // PCEP
	};

	if (packet.dscp != CS6 && packet.dscp != CS7)
		return false;
	return std::any_of(std::begin(PORTS), std::end(PORTS), [&](std::uint16_t port) {
		return packet.has_ends && (packet.source == port || packet.destination == port);
	});
}

// ssh marks its packets itself.
bool is_ssh(const Decoded &packet)
{
	return packet.protocol == TCP &&
	       (packet.source == SSH_PORT || packet.destination == SSH_PORT);
}

} // namespace

const char *kind_key(Diagnosis::Kind kind)
{
	using Kind = Diagnosis::Kind;

	switch (kind) {
	case Kind::cleared:
		return "cleared";
	case Kind::unmarked:
		return "unmarked";
	case Kind::unmapped:
		return "unmapped";
	case Kind::from_server:
		return "from_server";
	case Kind::checksum:
		break;
	}
	return "checksum";
}

std::string Diagnosis::Finding::service() const
{
	return service_text(protocol, port);
}

std::string Diagnosis::Finding::text() const
{
	const std::string packets = count_text(count, "packet");
	const std::string to = dsr::text(server), of = dsr::text(vip);

	switch (kind) {
	case Kind::cleared:
		return "DSCP 0: " + packets + " to " + to + " " + service() +
		       ", of which others are marked for " + of +
		       ": the DSCP is cleared on the path";
	case Kind::unmarked:
		return "DSCP 0: " + count_text(count, "connection") + " to " + to + " " +
		       service() +
		       ", which is never marked: the DSCP is cleared on the path, or they are not from the load balancer";
	case Kind::unmapped:
		return dscp_text(dscp) + ": " + packets + " to " + to +
		       ", and it stands for no VIP";
	case Kind::from_server:
		return packets + " from " + to + " " + service() + " that answer requests for " +
		       of + ": they are not rewritten";
	case Kind::checksum:
		break;
	}
	return packets + (server == Ip() ? " from " : " for ") + of +
	       " with a wrong checksum, which is not offload";
}

inline std::uint64_t Diagnosis::Address::folded() const
{
	return first + second * ODD;
}

Diagnosis::Address Diagnosis::Address::of(const Ip &ip)
{
	return ip.family == Family::ip4 ? at<Family::ip4>(ip.bytes.data()) :
					  at<Family::ip6>(ip.bytes.data());
}

template <Family FAMILY>
inline Diagnosis::Address Diagnosis::Address::at(const std::uint8_t *bytes)
{
	if constexpr (FAMILY == Family::ip4)
		return {word_at<std::uint32_t>(bytes), 0};
	return {word_at<std::uint64_t>(bytes), word_at<std::uint64_t>(bytes + 8)};
}

Ip Diagnosis::Address::ip(Family family) const
{
	const auto half = static_cast<std::uint32_t>(first);
	Ip ip;

	ip.family = family;
	if (family == Family::ip4) {
		std::memcpy(ip.bytes.data(), &half, sizeof(half));
		return ip;
	}
	std::memcpy(ip.bytes.data(), &first, sizeof(first));
	std::memcpy(ip.bytes.data() + sizeof(first), &second, sizeof(second));
	return ip;
}

Diagnosis::Service Diagnosis::Service::of(const Decoded &packet)
{
	return {Address::of(packet.to), packet.to.family, packet.protocol, packet.destination};
}

inline std::size_t Diagnosis::Hash::operator()(const Address &address) const
{
	return spread(address.folded());
}

inline std::size_t Diagnosis::Hash::operator()(const Service &service) const
{
	return spread(service.server.folded() ^
		      (std::uint64_t{service.port} << 8 | service.protocol));
}

// Of a request; or, as its ends, of the answer to it.
inline std::uint64_t Diagnosis::flow_hash(const Address &client, const Address &server,
					  std::uint32_t ports, std::uint8_t protocol)
{
	const std::uint64_t addresses = (client.folded() ^ std::rotl(server.folded(), 32)) * ODD;
	const std::uint64_t ends = std::uint64_t{ports} << 8 | protocol;
	const std::uint64_t hash = (addresses ^ addresses >> 32 ^ ends) * OTHER;

	return hash ^ hash >> 32;
}

Diagnosis::Diagnosis(const std::vector<Mapping> &mappings, const std::vector<Ip> &servers,
		     std::size_t flows)
	: roles_{Roles(2 * mappings.size() + servers.size() + SERVERS),
		 Roles(2 * mappings.size() + servers.size() + SERVERS)},
	  learn_(servers.empty()), services_(ENTRIES), flows_(flows), flow_mask_(flows - 1)
{
	for (auto &family : by_dscp_)
		std::fill(std::begin(family), std::end(family), NONE);
	for (const Ip &ip : servers)
		role_of(ip).server = true;
	for (const Mapping &mapping : mappings) {
		Role &role = role_of(mapping.vip);

		if (role.vip == NONE) {
			role.vip = static_cast<std::uint32_t>(vips_.size());
			role.server = false;
			vips_.emplace_back();
			vips_.back().ip = mapping.vip;
		}
		// packets without a mark are none of a VIP's
		if (!mapping.dscp || !*mapping.dscp)
			continue;
		const std::uint32_t vip = role.vip;
		vips_[vip].dscps.push_back(*mapping.dscp);
		if (!mapping.to) {
			by_dscp_[index(mapping.vip.family)][*mapping.dscp] = vip;
			continue;
		}
		by_address_[{*mapping.to, *mapping.dscp}] = vip;
		role_of(*mapping.to).server = true;
	}
}

// The VIP that a marked packet to a server's own address is for, or NONE.
inline std::uint32_t Diagnosis::vip_for(const Decoded &packet) const
{
	const std::uint32_t vip = by_dscp_[index(packet.to.family)][packet.dscp];

	return by_address_.empty() ? vip : vip_at_address(packet, vip);
}

// @otherwise: of this DSCP at any address.
[[gnu::noinline]] std::uint32_t Diagnosis::vip_at_address(const Decoded &packet,
							  std::uint32_t otherwise) const
{
	const auto known = by_address_.find({packet.to, packet.dscp});

	return known == by_address_.end() ? otherwise : known->second;
}

const Diagnosis::Role &Diagnosis::role(const Ip &ip) const
{
	static constexpr Role NO_ROLE;
	const Role *found = roles_[index(ip.family)].find(Address::of(ip));

	return found ? *found : NO_ROLE;
}

const Diagnosis::Finding *Diagnosis::see(const Packet &packet)
{
	const auto decoded = decode(packet);

	packets_++;
	return decoded ? take(*decoded) : nullptr;
}

const Diagnosis::Finding *Diagnosis::see(const Decoded &packet)
{
	packets_++;
	return take(packet);
}

// What take() would find, as long as no more than counters change.
template <Family FAMILY>
bool Diagnosis::see_plain(const std::uint8_t *ip, std::uint32_t length, std::uint8_t protocol)
{
	constexpr bool IP4 = FAMILY == Family::ip4;
	const Address from = Address::at<FAMILY>(ip + source_offset(FAMILY)),
		      to = Address::at<FAMILY>(ip + destination_offset(FAMILY));
	const Role *sender = roles_[index(FAMILY)].find(from);
	Role *receiver = roles_[index(FAMILY)].find(to);
	const unsigned int dscp = IP4 ? daddr_dscp4(ip) : daddr_dscp6(ip);
	const std::uint8_t *header = ip + header_size(FAMILY);

	if (receiver) {
		// a request with the mark of a VIP, as to_server() sees it
		const std::uint32_t vip = by_dscp_[index(FAMILY)][dscp];

		if (sender || receiver->vip != NONE || vip == NONE || !by_address_.empty() ||
		    (protocol == TCP && is_syn(header)))
			return false;
		if (expect_answer(flow_hash(from, to, load32(header), protocol), vip)) {
			const std::uint16_t port = load16(header + 2);
			std::uint16_t &marked = receiver->marked[protocol == TCP];

			if (marked != port || !port) {
				mark({to, FAMILY, protocol, port}, vip);
				marked = port;
			}
		}
		marked_[index(FAMILY)]++;
		vips_[vip].requests.add(length);
	} else if (sender) {
		// an answer, as reply() sees it
		if (sender->vip == NONE)
			return false;
		vips_[sender->vip].replies.add(length);
		vips_[sender->vip].marked_replies += dscp != 0;
	} else if (learn_) {
		// between others, of whom one may be a server, as unmarked() sees it
		if (dscp)
			return false;
		const std::uint16_t port = load16(header + 2);

		if (protocol == TCP ? is_syn(header) && !is_reset(header) : is_service(port))
			note_unmarked({to, FAMILY, protocol, port}, protocol == TCP);
	}
	packets_++;
	return true;
}

template bool Diagnosis::see_plain<Family::ip4>(const std::uint8_t *, std::uint32_t, std::uint8_t);
template bool Diagnosis::see_plain<Family::ip6>(const std::uint8_t *, std::uint32_t, std::uint8_t);

const Diagnosis::Finding *Diagnosis::take(const Decoded &packet)
{
	const Role &to = role(packet.to);
	bool known = to.server;

	if (to.vip != NONE)
		return request(packet, to.vip);
	const Role &from = role(packet.from);
	if (from.vip != NONE)
		return reply(packet, from.vip);
	// its answers to marked pings are marked, too
	if (from.server && !known)
		return from_server(packet);
	if (learn_ && !known && learnt_ < SERVERS && packet.dscp && vip_for(packet) != NONE) {
		learn(packet.to);
		known = true;
	}
	return known || learn_ ? to_server(packet, known) : nullptr;
}

[[gnu::noinline]] void Diagnosis::learn(const Ip &server)
{
	role_of(server).server = true;
	learnt_++;
}

// By its own address: that is how the load balancer sends.
const Diagnosis::Finding *Diagnosis::to_server(const Decoded &packet, bool known)
{
	const std::uint32_t vip = vip_for(packet);

	if (!packet.dscp)
		return unmarked(packet, known);
	if (vip == NONE)
		return unmapped(packet, known);
	if (!known)
		return nullptr;
	marked_[index(packet.to.family)]++;
	// not to an answer to this host's own ping, which awaits none
	if (packet.has_ends && (!packet.ping() || packet.echo_request) &&
	    expect_answer(flow_hash(Address::of(packet.from), Address::of(packet.to),
				    ports(packet.source, packet.destination), packet.protocol),
			  vip) &&
	    !packet.ping())
		mark(Service::of(packet), vip);
	if (packet.syn)
		connects(packet, vip);
	return request(packet, vip);
}

// False when it was expected already: then its service is known, too.
inline bool Diagnosis::expect_answer(std::uint64_t hash, std::uint32_t vip)
{
	const Flow flow{mark_of(hash), vip};

	if (place(hash) == flow)
		return false;
	place(hash) = flow;
	return true;
}

[[gnu::noinline]] void Diagnosis::mark(const Service &service, std::uint32_t vip)
{
	Marks *marks = marks_of(service);

	if (marks && marks->vip == NONE)
		marks->vip = vip;
}

[[gnu::noinline]] void Diagnosis::connects(const Decoded &packet, std::uint32_t vip)
{
	const Asked asked{vips_[vip].ip, packet.dscp, packet.destination};

	if (asked_.size() < ENTRIES || asked_.contains(asked))
		asked_[asked]++;
	else
		overflowed_ = true;
}

const Diagnosis::Finding *Diagnosis::request(const Decoded &packet, std::uint32_t vip)
{
	vips_[vip].requests.add(packet.bytes);
	return packet.sum == Sum::good ? nullptr : judge_sum(packet, vip);
}

Diagnosis::Marks *Diagnosis::marks_of(const Service &service)
{
	Marks *marks = services_.add(service);

	overflowed_ |= !marks;
	return marks;
}

Diagnosis::Marks *Diagnosis::note_unmarked(const Service &service, bool opens)
{
	Marks *marks = marks_of(service);

	if (marks) {
		marks->unmarked++;
		marks->opens += opens;
	}
	return marks;
}

Diagnosis::Finding Diagnosis::finding(const Service &service, const Marks &marks) const
{
	Finding finding;

	finding.kind = marks.vip == NONE ? Kind::unmarked : Kind::cleared;
	finding.server = service.server.ip(service.family);
	finding.protocol = service.protocol;
	finding.port = service.port;
	if (marks.vip != NONE)
		finding.vip = vips_[marks.vip].ip;
	finding.count = marks.vip == NONE ? marks.opens : marks.unmarked;
	finding.opens = marks.opens;
	return finding;
}

const Diagnosis::Finding *Diagnosis::unmarked(const Decoded &packet, bool known)
{
	// pings of the server itself are as they should be, and so are resets
	// of connections that a probe or a health check has left: Linux sends
	// them with the DSCP of what they refuse, the server's answer
	if (!packet.has_ends || packet.ping() || packet.resets || (!known && !packet.opens()))
		return nullptr;
	const Service service = Service::of(packet);
	Marks *marks = note_unmarked(service, packet.syn);
	if (!known || !marks || marks->told || (marks->vip == NONE && !packet.syn))
		return nullptr;
	marks->told = true;
	first_ = finding(service, *marks);
	first_.count = 1;
	return &first_;
}

// Routing protocols, ssh and the errors of ICMP have a DSCP of their own.
const Diagnosis::Finding *Diagnosis::unmapped(const Decoded &packet, bool known)
{
	if (!packet.opens() || is_ssh(packet) || is_control(packet))
		return nullptr;

	Key key;
	key.kind = Kind::unmapped;
	key.server = packet.to;
	key.dscp = packet.dscp;
	const Finding *news = count_one(key, packet);
	return known ? news : nullptr;
}

const Diagnosis::Finding *Diagnosis::reply(const Decoded &packet, std::uint32_t vip)
{
	vips_[vip].replies.add(packet.bytes);
	vips_[vip].marked_replies += packet.dscp != 0;
	return packet.sum == Sum::good ? nullptr : judge_sum(packet, vip);
}

// An answer to a marked request should have come from the VIP.
const Diagnosis::Finding *Diagnosis::from_server(const Decoded &packet)
{
	const std::uint64_t hash = flow_hash(Address::of(packet.to), Address::of(packet.from),
					     ports(packet.destination, packet.source),
					     packet.protocol);
	const Flow flow = place(hash);

	if (!packet.has_ends || flow.mark != mark_of(hash))
		return nullptr;

	Key key;
	key.kind = Kind::from_server;
	key.server = packet.from;
	key.vip = vips_[flow.vip].ip;
	key.protocol = packet.protocol;
	key.port = packet.ping() ? 0 : packet.source;
	return count_one(key, packet);
}

const Diagnosis::Finding *Diagnosis::judge_sum(const Decoded &packet, std::uint32_t vip)
{
	vips_[vip].offloaded += packet.sum == Sum::offload;
	if (packet.sum != Sum::bad)
		return nullptr;

	Key key;
	key.kind = Kind::checksum;
	key.vip = vips_[vip].ip;
	// of a reply, no server is known
	if (packet.from != key.vip)
		key.server = packet.to;
	return count_one(key, packet);
}

const Diagnosis::Finding *Diagnosis::count_one(const Key &key, const Decoded &packet)
{
	auto found = found_.find(key);

	if (found != found_.end()) {
		found->second.count++;
		return nullptr;
	}
	if (found_.size() >= ENTRIES) {
		overflowed_ = true;
		return nullptr;
	}
	Finding first{key, 1};
	if (key.kind == Kind::unmapped) {
		first.protocol = packet.protocol;
		first.port = packet.ping() ? 0 : packet.destination;
	}
	return &found_.emplace(key, first).first->second;
}

std::vector<Ip> Diagnosis::servers() const
{
	std::vector<Ip> servers;

	for (Family family : FAMILIES)
		roles_[index(family)].each([&](const Address &address, const Role &role) {
			if (role.server)
				servers.push_back(address.ip(family));
		});
	std::sort(servers.begin(), servers.end());
	return servers;
}

// What went to others than servers is of interest only while no server is
// known.
std::vector<Diagnosis::Finding> Diagnosis::findings() const
{
	const bool any = learn_ && !learnt_;
	std::vector<Finding> all;

	services_.each([&](const Service &service, const Marks &marks) {
		Finding one = finding(service, marks);

		if (one.count && role(one.server).server)
			all.push_back(one);
	});
	for (const auto &[key, finding] : found_)
		if (key.kind != Kind::unmapped || any || role(key.server).server)
			all.push_back(finding);
	std::sort(all.begin(), all.end());
	return all;
}

std::uint64_t Diagnosis::count(Kind kind) const
{
	std::uint64_t sum = 0;

	for (const Finding &finding : findings())
		if (finding.kind == kind)
			sum += finding.count;
	return sum;
}

} // namespace dsr
