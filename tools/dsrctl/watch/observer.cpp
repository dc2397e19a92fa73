// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/watch/observer.hpp"

#include <algorithm>
#include <cstring>

#include "common/dscp.hpp"

namespace dsr::watch {

namespace {

// How many there may be in the maps, and of what was learnt.
constexpr std::size_t ENTRIES = 1 << 12, SERVERS = 64;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 29;
}

std::uint64_t mix(std::uint64_t hash, const Ip &ip)
{
	std::uint64_t half[2];

	std::memcpy(half, ip.bytes.data(), sizeof(half));
	return mix(mix(hash, half[0]), half[1]);
}

std::string count_text(std::uint64_t count)
{
	return std::to_string(count) + (count == 1 ? " packet" : " packets");
}

// "tcp/80"
std::string service_text(std::uint8_t protocol, std::uint16_t port)
{
	switch (protocol) {
	case 1:
	case 58:
		return "ping";
	case 6:
		return "tcp/" + std::to_string(port);
	case 17:
		return "udp/" + std::to_string(port);
	case 33:
		return "dccp/" + std::to_string(port);
	case 132:
		return "sctp/" + std::to_string(port);
	case 136:
		return "udplite/" + std::to_string(port);
	}
	return "protocol " + std::to_string(protocol);
}

bool is_ping(std::uint8_t protocol)
{
	return protocol == 1 || protocol == 58;
}

} // namespace

const char *kind_key(Kind kind)
{
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

bool Observer::Flow::same(const Flow &other) const
{
	return client == other.client && server == other.server &&
	       protocol == other.protocol &&
	       client_port == other.client_port &&
	       server_port == other.server_port;
}

std::uint64_t Observer::Flow::hash() const
{
	std::uint64_t ends = std::uint64_t{client_port} << 32 |
			     std::uint64_t{server_port} << 8 | protocol;

	return mix(mix(mix(0, client), server), ends);
}

Observer::Flow &Observer::place(const Flow &flow)
{
	return flows_[flow.hash() & (flows_.size() - 1)];
}

Observer::Observer(const std::vector<Entry> &entries,
		   const std::vector<Ip> &servers, std::size_t flows)
	: servers_(servers.begin(), servers.end()), learn_(servers.empty()),
	  flows_(flows)
{
	for (auto &family : by_dscp_)
		std::fill(std::begin(family), std::end(family), NONE);
	for (const Entry &entry : entries) {
		auto [known, added] = vip_index_.emplace(entry.ip, vips_.size());

		if (added) {
			vips_.emplace_back();
			vips_.back().ip = entry.ip;
		}
		// packets without a mark are none of a VIP's
		if (!entry.dscp || !*entry.dscp)
			continue;
		vips_[known->second].dscps.push_back(*entry.dscp);
		by_dscp_[static_cast<int>(entry.ip.family)][*entry.dscp] =
			known->second;
	}
	for (const auto &[ip, index] : vip_index_)
		servers_.erase(ip);
}

std::size_t Observer::vip_of(const Ip &ip) const
{
	auto found = vip_index_.find(ip);

	return found == vip_index_.end() ? NONE : found->second;
}

std::size_t Observer::vip_of(Family family, std::uint8_t dscp) const
{
	return by_dscp_[static_cast<int>(family)][dscp];
}

std::string Observer::see(Packet packet)
{
	const std::uint64_t bytes = packet.length;
	Seen seen;

	packets_++;
	if (!find_transport(packet, seen.transport))
		return "";
	seen.from = source_of(packet);
	seen.to = destination_of(packet);
	seen.dscp = static_cast<std::uint8_t>(dscp_of(packet));
	seen.bytes = std::min<std::uint64_t>(bytes, packet.length);
	if (std::size_t vip = vip_of(seen.to); vip != NONE)
		return request(seen, vip);
	if (std::size_t vip = vip_of(seen.from); vip != NONE)
		return reply(seen, vip);
	if (learn_ && servers_.size() < SERVERS &&
	    vip_of(seen.to.family, seen.dscp) != NONE)
		servers_.insert(seen.to);
	if (servers_.contains(seen.to))
		return to_server(seen);
	if (servers_.contains(seen.from))
		return from_server(seen);
	return "";
}

// By its own address: that is how the load balancer sends.
std::string Observer::to_server(const Seen &seen)
{
	const Transport &transport = seen.transport;
	const std::size_t vip = vip_of(seen.to.family, seen.dscp);
	Key key;

	if (!seen.dscp)
		return unmarked(seen);
	if (vip == NONE) {
		key.kind = Kind::unmapped;
		key.server = seen.to;
		key.dscp = seen.dscp;
		return count(key);
	}
	if (transport.has_ends) {
		Flow flow{seen.from, seen.to, transport.protocol,
			  transport.source, transport.destination, vip};

		// an answer to this host's own ping or connection is none
		if (!is_ping(transport.protocol) || transport.echo_request)
			place(flow) = flow;
		if (!is_ping(transport.protocol) && services_.size() < ENTRIES)
			services_.emplace(Service{seen.to, transport.protocol,
						  transport.destination}, vip);
	}
	return request(seen, vip);
}

std::string Observer::request(const Seen &seen, std::size_t vip)
{
	vips_[vip].requests.packets++;
	vips_[vip].requests.bytes += seen.bytes;
	return judge_sum(seen, vip);
}

std::string Observer::unmarked(const Seen &seen)
{
	const Transport &transport = seen.transport;
	const Service service{seen.to, transport.protocol, transport.destination};
	Key key;

	// pings of the server itself are as they should be, and so are resets
	// of connections that a probe or a health check has left: Linux sends
	// them with the DSCP of what they refuse, the server's answer
	if (!transport.has_ends || is_ping(transport.protocol) ||
	    transport.resets)
		return "";
	auto known = services_.find(service);
	auto entry = unmarked_.find(service);
	if (entry == unmarked_.end()) {
		if (unmarked_.size() >= ENTRIES) {
			overflowed_ = true;
			return "";
		}
		entry = unmarked_.emplace(service, Unmarked()).first;
	}
	entry->second.all++;
	entry->second.opens += transport.opens;
	if (entry->second.told ||
	    (known == services_.end() && !transport.opens))
		return "";
	entry->second.told = true;
	key.kind = known == services_.end() ? Kind::unmarked : Kind::cleared;
	key.server = service.server;
	key.protocol = service.protocol;
	key.port = service.port;
	if (known != services_.end())
		key.vip = vips_[known->second].ip;
	return text_of(key, 1);
}

std::string Observer::reply(const Seen &seen, std::size_t vip)
{
	vips_[vip].replies.packets++;
	vips_[vip].replies.bytes += seen.bytes;
	vips_[vip].marked_replies += seen.dscp != 0;
	return judge_sum(seen, vip);
}

// An answer to a marked request should have come from the VIP.
std::string Observer::from_server(const Seen &seen)
{
	const Transport &transport = seen.transport;
	const Flow asked{seen.to, seen.from, transport.protocol,
			 transport.destination, transport.source, NONE};
	const Flow &flow = place(asked);
	Key key;

	if (!transport.has_ends || flow.vip == NONE || !flow.same(asked))
		return "";
	key.kind = Kind::from_server;
	key.server = seen.from;
	key.vip = vips_[flow.vip].ip;
	key.protocol = transport.protocol;
	key.port = is_ping(transport.protocol) ? 0 : transport.source;
	return count(key);
}

std::string Observer::judge_sum(const Seen &seen, std::size_t vip)
{
	Key key;

	vips_[vip].offloaded += seen.transport.sum == Sum::offload;
	if (seen.transport.sum != Sum::bad)
		return "";
	key.kind = Kind::checksum;
	key.vip = vips_[vip].ip;
	// of a reply, no server is known
	if (seen.from != key.vip)
		key.server = seen.to;
	return count(key);
}

std::string Observer::count(const Key &key)
{
	auto found = found_.find(key);

	if (found != found_.end()) {
		found->second++;
		return "";
	}
	if (found_.size() >= ENTRIES) {
		overflowed_ = true;
		return "";
	}
	found_.emplace(key, 1);
	return text_of(key, 1);
}

std::string Observer::text_of(const Key &key, std::uint64_t count) const
{
	const std::string server = text(key.server), vip = text(key.vip);
	const std::string service = service_text(key.protocol, key.port);

	switch (key.kind) {
	case Kind::cleared:
		return "DSCP 0: " + count_text(count) + " to " + server + " " +
		       service + ", of which others are marked for " + vip +
		       ": the DSCP is cleared on the path";
	case Kind::unmarked:
		return "DSCP 0: " + std::to_string(count) +
		       (count == 1 ? " connection" : " connections") + " to " +
		       server + " " + service +
		       ", which is never marked: the DSCP is cleared on the path, or they are not from the load balancer";
	case Kind::unmapped:
		return dscp_text(key.dscp) +
		       ": " + count_text(count) + " to " + server +
		       ", expected a DSCP that the configuration maps";
	case Kind::from_server:
		return count_text(count) + " from " + server + " " + service +
		       " that answer requests for " + vip +
		       ": they are not rewritten";
	case Kind::checksum:
		break;
	}
	return count_text(count) + (key.server == Ip() ? " from " : " for ") + vip +
	       " with a wrong checksum, which is not offload";
}

std::vector<Finding> Observer::findings() const
{
	std::vector<Finding> all;

	for (const auto &[service, counts] : unmarked_) {
		auto known = services_.find(service);
		bool cleared = known != services_.end();
		std::uint64_t count = cleared ? counts.all : counts.opens;
		Key key;

		if (!count)
			continue;
		key.kind = cleared ? Kind::cleared : Kind::unmarked;
		key.server = service.server;
		key.protocol = service.protocol;
		key.port = service.port;
		if (cleared)
			key.vip = vips_[known->second].ip;
		all.push_back({key.kind, count, text_of(key, count)});
	}
	for (const auto &[key, count] : found_)
		all.push_back({key.kind, count, text_of(key, count)});
	std::stable_sort(all.begin(), all.end(),
			 [](const Finding &one, const Finding &other) {
				 return one.kind < other.kind;
			 });
	return all;
}

} // namespace dsr::watch
