// SPDX-License-Identifier: BSD-3-Clause
// The simplest host of include/daddr_rewrite.h: a packet in one piece, and a
// reader that notes how far it was asked to read.
#pragma once
#include <cstring>
#include <memory>

#include "catch.hpp"
#include "daddr_rewrite.h"
#include "oracle.hpp"
#include "packets.hpp"

namespace host {

using oracle::Bytes;

// What the reader gives out: the packet's own bytes; or a copy, gone with the
// next read, in an array that is otherwise filled with something else, which
// the core may not look at.
enum class Reading { direct, zeros, ones };
inline constexpr Reading READINGS[] = {Reading::direct, Reading::zeros, Reading::ones};

struct Packet {
	std::unique_ptr<std::uint8_t[]> bytes; // exactly, for a sanitizer
	unsigned int size = 0;
	unsigned int highest = 0; // after the last byte asked for
	bool beyond = false;	  // asked for more than there is
	Reading reading = Reading::direct;
	std::unique_ptr<std::uint8_t[]> scratch;

	Packet(const Bytes &from, Reading how)
		: bytes(new std::uint8_t[from.size()]),
		  size(static_cast<unsigned int>(from.size())), reading(how)
	{
		std::copy(from.begin(), from.end(), bytes.get());
	}
	Bytes all() const { return Bytes(bytes.get(), bytes.get() + size); }
};

inline const void *read(void *packet, unsigned int offset, unsigned int length)
{
	Packet *from = static_cast<Packet *>(packet);

	from->highest = std::max(from->highest, offset + length);
	if (length > DADDR_READ_MAX)
		FAIL("the core asks for " << length << " bytes at once");
	if (offset > from->size || length > from->size - offset) {
		from->beyond = true;
		return nullptr;
	}
	const std::uint8_t *bytes = from->bytes.get() + offset;
	if (from->reading == Reading::direct)
		return bytes;
	// a new array each time: a sanitizer sees who looks at an old one
	const std::size_t size = length + 8U;
	from->scratch.reset(new std::uint8_t[size]);
	std::memset(from->scratch.get(), from->reading == Reading::ones ? 0xff : 0, size);
	std::memcpy(from->scratch.get(), bytes, length);
	return from->scratch.get();
}

struct Outcome {
	daddr_verdict verdict = DADDR_DROP;
	daddr_change change;
	Bytes after;	       // when it is not dropped
	std::uint32_t sum = 0; // what apply says that it changes by
	unsigned int highest = 0;
	bool beyond = false;

	bool dropped() const { return verdict == DADDR_DROP; }
};

// Another address than the packet has, so that something is to be changed.
inline Bytes elsewhere(int family, const Bytes &bytes)
{
	const std::size_t at = family == 4 ? +DADDR_IP4_DADDR : +DADDR_IP6_DADDR;
	Bytes to(family == 4 ? 4 : 16, 0x5a);

	if (bytes.size() > at)
		to[0] = static_cast<std::uint8_t>(~bytes[at]);
	return to;
}

// A @port of 0 stays. What decides reads the packet, and changes nothing.
inline Outcome decide(int family, Packet &packet, const Bytes &to, std::uint16_t port = 0)
{
	const Bytes wire = oracle::be16(port);
	const Bytes before = packet.all();
	Outcome outcome;

	std::memset(&outcome.change, 0xee, sizeof(outcome.change));
	outcome.verdict = family == 4 ? daddr_decide4(read, &packet, to.data(),
						      daddr_load16(wire.data()), &outcome.change) :
					daddr_decide6(read, &packet, to.data(),
						      daddr_load16(wire.data()), &outcome.change);
	outcome.highest = packet.highest;
	outcome.beyond = packet.beyond;
	if (packet.all() != before)
		FAIL("deciding changed the packet");
	if (outcome.verdict == DADDR_CHANGE && outcome.change.writable > packet.size)
		FAIL(outcome.change.writable << " bytes are to be writable of " << packet.size);
	return outcome;
}

inline Outcome decide(int family, const Bytes &bytes, Reading how = Reading::direct)
{
	Packet packet(bytes, how);

	return decide(family, packet, elsewhere(family, bytes));
}

// What is not writable is kept apart, so that it cannot be written.
inline void apply(int family, Packet &packet, const Bytes &to, int seed, Outcome &outcome)
{
	const std::size_t size = outcome.change.writable;
	std::unique_ptr<std::uint8_t[]> writable(new std::uint8_t[size]);

	std::copy_n(packet.bytes.get(), size, writable.get());
	outcome.sum = family == 4 ? daddr_apply4(writable.get(), to.data(), &outcome.change, seed) :
				    daddr_apply6(writable.get(), to.data(), &outcome.change, seed);
	std::copy_n(writable.get(), size, packet.bytes.get());
}

// A sum of words as the machine loads them, as one of big-endian words.
inline std::uint32_t on_wire(std::uint32_t sum)
{
	const std::uint16_t folded = static_cast<std::uint16_t>(sum % 0xffff);
	Bytes bytes(2);

	std::memcpy(bytes.data(), &folded, sizeof(folded));
	return oracle::get16(bytes, 0);
}

inline Outcome rewrite(int family, const Bytes &bytes, const Bytes &to,
		       Reading how = Reading::direct, int seed = 0, std::uint16_t port = 0)
{
	Packet packet(bytes, how);
	Outcome outcome = decide(family, packet, to, port);

	if (outcome.verdict == DADDR_CHANGE)
		apply(family, packet, to, seed, outcome);
	if (!outcome.dropped())
		outcome.after = packet.all();
	// by as much as the bytes do (RFC 1071)
	if (!outcome.dropped() && (oracle::sum(bytes) + on_wire(outcome.sum)) % 0xffff !=
					  oracle::sum(outcome.after) % 0xffff)
		FAIL("apply says that the sum changes by "
		     << outcome.sum << oracle::show(bytes, outcome.after, outcome.after));
	return outcome;
}

// A packet whose transport has nothing but its checksum's field and its port,
// for tests of all values that these have.
class Field {
public:
	Field(const Bytes &from, std::uint8_t protocol, std::uint16_t port)
		: family_(from.size() == 4 ? 4 : 6), thoff_(family_ == 4 ? 20 : 40),
		  at_(thoff_ +
		      static_cast<std::size_t>(packets::checksum_at(protocol, from.size()))),
		  bytes_(family_ == 4 ? packets::ip4(from, protocol, {}) :
					packets::ip6(from, protocol, {}))
	{
		bytes_.resize(at_ + 2, 0x5a);
		if (protocol != packets::ICMPV6)
			oracle::put16(bytes_, thoff_ + DADDR_DPORT, port);
	}

	// The field was @check: what is it after the change?
	std::uint16_t rewrite(std::uint32_t check, const Bytes &to, int seed = 0,
			      std::uint16_t port = 0)
	{
		oracle::put16(bytes_, at_, check);
		after_ = host::rewrite(family_, bytes_, to, Reading::direct, seed, port).after;
		return oracle::get16(after_, at_);
	}
	std::uint16_t port() const { return oracle::get16(after_, thoff_ + DADDR_DPORT); }

private:
	int family_;
	std::size_t thoff_, at_;
	Bytes bytes_, after_;
};

} // namespace host

template <>
struct Catch::StringMaker<daddr_l4csum> {
	static std::string convert(daddr_l4csum l4csum)
	{
		static const char *const names[] = {"HERE",   "NONE", "FRAGMENT",
						    "ROUTED", "CUT",  "UNKNOWN"};

		return names[l4csum];
	}
};

template <>
struct Catch::StringMaker<daddr_verdict> {
	static std::string convert(daddr_verdict verdict)
	{
		static const char *const names[] = {"KEEP", "CHANGE", "DROP"};

		return names[verdict];
	}
};
