// SPDX-License-Identifier: BSD-3-Clause
// Packets that no honest host would send, and now and then one that it would.
#pragma once

#include <array>
#include <random>

#include "changes.hpp"

namespace hostile {

using changes::Bytes;

// Where the target stands decides by which door packets come.
enum class Hook : std::uint8_t { prerouting, input, output };

enum class Kind : std::uint8_t {
	plain,	       // right in everything
	truncated,     // at every length
	header_length, // every IHL; of IPv6, every length of a header
	options,       // IPv4 options; IPv6 extension headers
	long_chain,    // of IPv6 extension headers, up to the length limit
	fragment,      // tiny, overlapping, out of order
	jumbo,	       // IPv6: the option, true or not
	vlan,	       // tags below tags
	spoilt,	       // bytes flipped, inserted, removed
	segmented,     // a super-packet that is right in everything
	socket,	       // made by the kernel itself: a datagram in segments
	count
};
constexpr std::size_t KINDS = static_cast<std::size_t>(Kind::count);

const char *name(Kind kind);

struct Addresses {
	Bytes server; // where packets are sent
	Bytes vip;    // another one of this host
	Bytes far;    // one that it forwards to; for INPUT, another of its own
};

// What a device says is left to be done (VIRTIO 1.2, 5.1.6); its numbers are of
// this host. <linux/virtio_net.h> has it too, but is no C++.
struct Offload {
	std::uint8_t flags = 0, gso_type = 0;
	std::uint16_t header = 0, gso_size = 0, csum_start = 0, csum_offset = 0;
};

enum OffloadFlag : std::uint8_t { NEEDS_CSUM = 1 };
enum OffloadGso : std::uint8_t {
	GSO_NONE = 0,
	GSO_TCP4 = 1,
	GSO_UDP = 3,
	GSO_TCP6 = 4,
	GSO_UDP_L4 = 5,
	GSO_ECN = 0x80
};

struct Sent {
	Kind kind = Kind::plain;
	Offload offload;
	Bytes frame;
	std::size_t ip = 0;   // where in the frame it begins
	bool sane = false;    // it must leave with a right checksum
	bool watched = false; // by a second reader of the device
};

class Random {
public:
	explicit Random(std::uint64_t seed) : engine_(seed) {}

	std::uint32_t below(std::uint32_t limit)
	{
		return static_cast<std::uint32_t>(engine_() >> 32) % limit;
	}
	std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }
	bool one_in(std::uint32_t count) { return !below(count); }
	Bytes bytes(std::size_t size);
	template <class T, std::size_t N>
	T of(const T (&values)[N])
	{
		return values[below(N)];
	}

private:
	std::mt19937_64 engine_;
};

class Generator {
public:
	Generator(Hook hook, const Addresses &addresses, std::uint64_t seed);

	// The next packet: it depends on nothing but the seed and on how many
	// there were before.
	Sent next();

private:
	Kind pick();
	Bytes make(Kind kind);
	Bytes destination();
	Bytes payload();
	Bytes data(std::uint8_t protocol, const Bytes &to);
	Bytes plain();
	Bytes truncated();
	Bytes header_length();
	Bytes with_options();
	Bytes long_chain();
	Bytes fragment();
	Bytes jumbo();
	Bytes segmented();
	Bytes options4();
	Bytes header6(std::uint8_t number);
	void spoil(Bytes &packet);
	void fix_lengths(Bytes &packet) const;
	void sum_header(Bytes &packet) const;

	void put_in_frame(Sent &sent, const Bytes &packet);
	void offload(Sent &sent);
	bool leave_checksum(Sent &sent);
	void lie(Sent &sent);

	const Hook hook_;
	const Addresses addresses_;
	const bool six_;
	Random random_;
	std::array<std::uint32_t, KINDS> made_{}; // of each kind
	Bytes datagram_;			  // in fragments
	std::uint8_t fragmented_ = 0;		  // its protocol
	std::uint32_t piece_ = 0, id_ = 0;
};

} // namespace hostile
