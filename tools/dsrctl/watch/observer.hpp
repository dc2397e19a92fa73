// SPDX-License-Identifier: BSD-3-Clause
// What the packets of a server tell about its VIPs, with tables of limited
// size, however many packets there are.
#pragma once

#include <map>
#include <set>

#include "dsrctl/config.hpp"
#include "dsrctl/watch/transport.hpp"

namespace dsr::watch {

struct Traffic {
	std::uint64_t packets = 0, bytes = 0;
};

struct Vip {
	Ip ip;
	std::vector<std::uint8_t> dscps;	// none: l2dsr
	Traffic requests, replies;
	std::uint64_t marked_replies = 0;	// with a DSCP, for the client
						// to see
	std::uint64_t offloaded = 0;
};

enum class Kind : std::uint8_t {
	cleared,	// DSCP 0, of a service whose other packets are marked
	unmarked,	// DSCP 0, of a service that is never marked
	unmapped,	// a DSCP that no entry maps
	from_server,	// an answer from the server's own address
	checksum	// wrong, and not left to hardware
};

const char *kind_key(Kind kind);	// for programs

struct Finding {
	Kind kind;
	std::uint64_t count;
	std::string text;	// for people, the count included
};

class Observer {
public:
	// @servers: this host's own addresses; when there are none, those are
	// taken that mapped packets go to. @flows: how many requests await
	// their answers at once; a power of two.
	Observer(const std::vector<Entry> &entries,
		 const std::vector<Ip> &servers, std::size_t flows = 1 << 16);

	// An IP packet. What it shows for the first time; mostly empty.
	std::string see(Packet packet);

	const std::vector<Vip> &vips() const { return vips_; }
	std::uint64_t packets() const { return packets_; }
	std::vector<Finding> findings() const;
	// There was more than the tables hold: counts are lower bounds.
	bool overflowed() const { return overflowed_; }

private:
	static constexpr std::size_t NONE = ~std::size_t{0};

	// What a finding is about; members that do not matter are 0.
	struct Key {
		Kind kind = Kind::cleared;
		Ip server, vip;
		std::uint8_t protocol = 0, dscp = 0;
		std::uint16_t port = 0;

		auto operator<=>(const Key &) const = default;
	};
	struct Service {
		Ip server;
		std::uint8_t protocol = 0;
		std::uint16_t port = 0;

		auto operator<=>(const Service &) const = default;
	};
	struct Unmarked {
		std::uint64_t all = 0, opens = 0;
		bool told = false;
	};
	// A request whose answer is awaited.
	struct Flow {
		Ip client, server;
		std::uint8_t protocol = 0;
		std::uint16_t client_port = 0, server_port = 0;
		std::size_t vip = NONE;

		bool same(const Flow &other) const;
		std::uint64_t hash() const;
	};
	struct Seen {
		Ip from, to;
		std::uint8_t dscp = 0;
		std::uint64_t bytes = 0;
		Transport transport;
	};

	std::string to_server(const Seen &seen);
	std::string request(const Seen &seen, std::size_t vip);
	std::string unmarked(const Seen &seen);
	std::string reply(const Seen &seen, std::size_t vip);
	std::string from_server(const Seen &seen);
	std::string judge_sum(const Seen &seen, std::size_t vip);
	std::string count(const Key &key);
	std::size_t vip_of(const Ip &ip) const;
	std::size_t vip_of(Family family, std::uint8_t dscp) const;
	Flow &place(const Flow &flow);
	std::string text_of(const Key &key, std::uint64_t count) const;

	std::vector<Vip> vips_;
	std::map<Ip, std::size_t> vip_index_;
	std::size_t by_dscp_[2][64];
	std::set<Ip> servers_;
	bool learn_;
	bool overflowed_ = false;
	std::uint64_t packets_ = 0;
	std::map<Key, std::uint64_t> found_;
	std::map<Service, Unmarked> unmarked_;
	std::map<Service, std::size_t> services_;	// that are marked
	std::vector<Flow> flows_;
};

} // namespace dsr::watch
