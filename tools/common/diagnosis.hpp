// SPDX-License-Identifier: BSD-3-Clause
// What the packets of a server tell about its VIPs, and what is wrong with them:
// the same of a capture, of an interface, and of a sample. The tables are of
// limited size, however many packets there are.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "common/decode.hpp"
#include "common/fixed_table.hpp"

namespace dsr {

class Diagnosis {
public:
	// A VIP, and a DSCP that stands for it; none: l2dsr.
	struct Mapping {
		Ip vip;
		std::optional<std::uint8_t> dscp;
		// of packets to this address of a server alone
		std::optional<Ip> to = {};
	};

	struct Traffic {
		std::uint64_t packets = 0, bytes = 0;

		void add(std::uint64_t length)
		{
			packets++;
			bytes += length;
		}
	};

	struct Vip {
		Ip ip;
		std::vector<std::uint8_t> dscps; // none: l2dsr
		Traffic requests, replies;
		std::uint64_t marked_replies = 0; // with a DSCP, for the
						  // client to see
		std::uint64_t offloaded = 0;
	};

	enum class Kind : std::uint8_t {
		cleared,     // DSCP 0, of a service whose others are marked
		unmarked,    // DSCP 0, of a service that is never marked
		unmapped,    // a DSCP that stands for no VIP
		from_server, // an answer from the server's own address
		checksum     // wrong, and not left to hardware
	};

	// Members that do not matter are 0.
	struct Key {
		Kind kind = Kind::cleared;
		Ip server, vip;
		std::uint8_t protocol = 0, dscp = 0;
		std::uint16_t port = 0;

		auto operator<=>(const Key &) const = default;
	};

	struct Finding : Key {
		std::uint64_t count = 0;
		std::uint64_t opens = 0; // of unmarked: connections

		// of unmapped, the first of them
		std::string service() const;

		// for people, the count included
		std::string text() const;
	};

	// @servers: their own addresses; when there are none, those are taken
	// that mapped packets go to. @flows: how many requests await their
	// answers at once; a power of two.
	Diagnosis(const std::vector<Mapping> &mappings, const std::vector<Ip> &servers,
		  std::size_t flows = 1 << 16);

	// A packet, before anything of it is rewritten. What it shows for the
	// first time, until the next one is seen; mostly null.
	const Finding *see(const Packet &packet);
	const Finding *see(const Decoded &packet);
	// The same in fewer steps, of a packet that receive_plain() took and whose
	// checksum is not bad. False when it has to be decoded, and is not seen yet.
	// @length: as its header says.
	template <Family FAMILY>
	bool see_plain(const std::uint8_t *ip, std::uint32_t length, std::uint8_t protocol);

	std::uint64_t packets() const { return packets_; }
	const std::vector<Vip> &vips() const { return vips_; }
	std::vector<Ip> servers() const;
	// In the order of their kinds.
	std::vector<Finding> findings() const;
	// Of all findings of a kind.
	std::uint64_t count(Kind kind) const;
	// Packets that came to servers with the mark of a VIP.
	std::uint64_t marked(Family family) const { return marked_[index(family)]; }
	// How often TCP connections to this VIP and port were asked for, with
	// the DSCP that they had.
	struct Asked {
		Ip vip;
		std::uint8_t dscp = 0;
		std::uint16_t port = 0;

		auto operator<=>(const Asked &) const = default;
	};
	const std::map<Asked, std::uint64_t> &asked() const { return asked_; }
	// There was more than the tables hold: counts are lower bounds.
	bool overflowed() const { return overflowed_; }

private:
	static constexpr std::uint32_t NONE = ~std::uint32_t{0};

	// An address as words, of which IPv4 fills the first in half.
	struct Address {
		std::uint64_t first = 0, second = 0;

		bool operator==(const Address &) const = default;
		std::uint64_t folded() const;
		static Address of(const Ip &ip);
		template <Family FAMILY>
		static Address at(const std::uint8_t *bytes);
		Ip ip(Family family) const;
	};
	// What an address is to us.
	struct Role {
		std::uint32_t vip = NONE;
		bool server = false;
		// Of a server, by protocol: the port that mark() was last called for.
		std::uint16_t marked[2] = {};
	};
	struct Service {
		Address server;
		Family family = Family::ip4;
		std::uint8_t protocol = 0;
		std::uint16_t port = 0;

		bool operator==(const Service &) const = default;
		static Service of(const Decoded &packet);
	};
	struct Hash {
		std::size_t operator()(const Address &address) const;
		std::size_t operator()(const Service &service) const;
	};
	struct Marks {
		std::uint32_t vip = NONE; // that the first marked one was for
		std::uint64_t unmarked = 0, opens = 0;
		bool told = false;
	};
	// A request whose answer is awaited: a mark of its ends, and the VIP.
	struct Flow {
		std::uint32_t mark = 0; // 0: none
		std::uint32_t vip = 0;

		bool operator==(const Flow &) const = default;
	};

	const Finding *take(const Decoded &packet);
	const Role &role(const Ip &ip) const;
	const Finding *to_server(const Decoded &packet, bool known);
	bool expect_answer(std::uint64_t hash, std::uint32_t vip);
	void mark(const Service &service, std::uint32_t vip);
	static std::uint64_t flow_hash(const Address &client, const Address &server,
				       std::uint32_t ports, std::uint8_t protocol);
	void connects(const Decoded &packet, std::uint32_t vip);
	const Finding *request(const Decoded &packet, std::uint32_t vip);
	const Finding *unmarked(const Decoded &packet, bool known);
	const Finding *unmapped(const Decoded &packet, bool known);
	const Finding *reply(const Decoded &packet, std::uint32_t vip);
	const Finding *from_server(const Decoded &packet);
	const Finding *judge_sum(const Decoded &packet, std::uint32_t vip);
	std::uint32_t vip_for(const Decoded &packet) const;
	std::uint32_t vip_at_address(const Decoded &packet, std::uint32_t otherwise) const;
	void learn(const Ip &server);
	Marks *marks_of(const Service &service);
	Marks *note_unmarked(const Service &service, bool opens);
	Finding finding(const Service &service, const Marks &marks) const;
	const Finding *count_one(const Key &key, const Decoded &packet);
	Flow &place(std::uint64_t hash) { return flows_[hash & flow_mask_]; }

	std::vector<Vip> vips_;
	using Roles = FixedTable<Address, Role, Hash>;

	Role &role_of(const Ip &ip) { return *roles_[index(ip.family)].add(Address::of(ip)); }

	std::array<Roles, 2> roles_; // by family
	std::uint32_t by_dscp_[2][64];
	std::map<std::pair<Ip, std::uint8_t>, std::uint32_t> by_address_;
	bool learn_;
	std::size_t learnt_ = 0;
	bool overflowed_ = false;
	std::uint64_t packets_ = 0, marked_[2] = {0, 0};
	std::map<Key, Finding> found_;
	Finding first_; // that see() last told of, of services
	std::map<Asked, std::uint64_t> asked_;
	FixedTable<Service, Marks, Hash> services_;
	std::vector<Flow> flows_;
	std::uint64_t flow_mask_;
};

const char *kind_key(Diagnosis::Kind kind); // for programs

} // namespace dsr
