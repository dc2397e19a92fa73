// SPDX-License-Identifier: BSD-3-Clause
// The simplest host of include/daddr_rewrite.h: a packet in one piece, and a
// reader that notes how far it was asked to read.
#pragma once
#include <cstring>
#include <memory>

#include "catch.hpp"
#include "daddr_rewrite.h"
#include "oracle.hpp"

namespace host {

using oracle::Bytes;

// What the reader gives out: the packet's own bytes; or a copy in the core's
// buffer; or in an array of its own that is otherwise filled with something
// else, which the core may not look at.
enum class Reading { direct, buffer, zeros, ones };
inline constexpr Reading READINGS[] = {Reading::direct, Reading::buffer,
				       Reading::zeros, Reading::ones};

struct Packet {
	std::unique_ptr<std::uint8_t[]> bytes;	// exactly, for a sanitizer
	unsigned int size = 0;
	unsigned int highest = 0;	// behind the last byte asked for
	bool beyond = false;		// asked for more than there is
	Reading reading = Reading::direct;
	std::uint8_t scratch[64] = {};

	Packet(const Bytes &from, Reading how)
		: bytes(new std::uint8_t[from.size()]),
		  size(static_cast<unsigned int>(from.size())), reading(how)
	{
		std::copy(from.begin(), from.end(), bytes.get());
	}
	Bytes all() const
	{
		return Bytes(bytes.get(), bytes.get() + size);
	}
};

inline const void *read(const void *packet, unsigned int offset,
			unsigned int length, void *buffer)
{
	Packet *from = static_cast<Packet *>(const_cast<void *>(packet));

	from->highest = std::max(from->highest, offset + length);
	if (offset > from->size || length > from->size - offset) {
		from->beyond = true;
		return nullptr;
	}
	const std::uint8_t *bytes = from->bytes.get() + offset;
	if (from->reading == Reading::direct)
		return bytes;
	if (from->reading == Reading::buffer) {
		std::memcpy(buffer, bytes, length);
		return buffer;
	}
	std::memset(from->scratch, from->reading == Reading::ones ? 0xff : 0,
		    sizeof(from->scratch));
	if (length > sizeof(from->scratch))
		FAIL("the core asks for " << length << " bytes at once");
	std::memcpy(from->scratch, bytes, length);
	return from->scratch;
}

struct Outcome {
	daddr_cover cover;
	daddr_csum csum;
	bool dropped = false;
	Bytes after;			// when it is not dropped
	unsigned int highest = 0;
	bool beyond = false;
};

inline Outcome search(int family, Packet &packet)
{
	Outcome outcome;

	std::memset(&outcome.csum, 0xee, sizeof(outcome.csum));
	outcome.cover = family == 4 ?
		daddr_find_csum4(read, &packet, &outcome.csum) :
		daddr_find_csum6(read, &packet, &outcome.csum);
	outcome.highest = packet.highest;
	outcome.beyond = packet.beyond;
	outcome.dropped = outcome.cover == DADDR_TRUNCATED ||
		outcome.csum.end > packet.size;
	return outcome;
}

inline Outcome search(int family, const Bytes &bytes,
		      Reading how = Reading::direct)
{
	Packet packet(bytes, how);

	return search(family, packet);
}

// The order that daddr_rewrite.h gives its hosts. A @port of 0 stays. As in
// every host, what has the address or the port already keeps it.
inline Outcome rewrite(int family, const Bytes &bytes, const Bytes &to,
		       Reading how = Reading::direct, int seed = 0,
		       std::uint16_t port = 0)
{
	Packet packet(bytes, how);
	Outcome outcome = search(family, packet);
	std::uint8_t *ip = packet.bytes.get();
	std::uint8_t *daddr = ip + (family == 4 ? +DADDR_IP4_DADDR :
						  +DADDR_IP6_DADDR);
	const bool set_daddr = !outcome.dropped &&
		!std::equal(to.begin(), to.end(), daddr);
	const Bytes wire = oracle::be16(port);
	std::uint32_t port_delta = 0;
	std::uint64_t delta = 0;

	if (outcome.dropped)
		return outcome;
	if (set_daddr)
		delta = daddr_delta(daddr, to.data(), family == 4 ? 4 : 16);
	if (port && daddr_has_dport(outcome.cover, &outcome.csum))
		port_delta = daddr_set_dport(ip + outcome.csum.transport,
					     daddr_load16(wire.data()));
	if (outcome.cover == DADDR_CSUM_HERE && (set_daddr || port_delta))
		daddr_update_csum(ip + outcome.csum.offset,
				  outcome.csum.protocol, delta, port_delta,
				  seed);
	if (set_daddr && family == 4)
		daddr_set4(ip, to.data(), delta);
	else if (set_daddr)
		daddr_set6(ip, to.data());
	outcome.after = packet.all();
	return outcome;
}

} // namespace host

template <> struct Catch::StringMaker<daddr_cover> {
	static std::string convert(daddr_cover cover)
	{
		static const char *const names[] = {
			"HERE", "NONE", "FRAGMENT", "ROUTED", "TRUNCATED"};

		return names[cover];
	}
};
