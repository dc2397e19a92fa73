// SPDX-License-Identifier: BSD-3-Clause
// Packets for tests. As in tests/data, each is a function of its destination:
// with one address it is the input, with another what must come of it.
#pragma once
#include <algorithm>

#include "oracle.hpp"

namespace packets {

using oracle::be16;
using oracle::be32;
using oracle::Bytes;
using oracle::join;

enum Number : std::uint8_t {
	HOP = 0,
	ICMP = 1,
	TCP = 6,
	UDP = 17,
	DCCP = 33,
	ROUTING = 43,
	FRAGMENT = 44,
	GRE = 47,
	ESP = 50,
	AH = 51,
	ICMPV6 = 58,
	NONE = 59,
	DESTINATION = 60,
	SCTP = 132,
	MOBILITY = 135,
	UDPLITE = 136,
	UNKNOWN = 253
};

inline Bytes source(std::size_t size)
{
	return size == 4 ? Bytes{144, 100, 10, 1} :
			   Bytes{0x20, 1, 0xd, 0xb8, 0, 0xc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
}

inline Bytes text(std::size_t length)
{
	Bytes letters(length);

	for (std::size_t i = 0; i < length; i++)
		letters[i] = static_cast<std::uint8_t>('A' + i % 26);
	return letters;
}

// Offset of the checksum in a transport, or -1 when it does not cover the
// destination address.
inline int checksum_at(std::uint8_t protocol, std::size_t address_size)
{
	switch (protocol) {
	case TCP:
		return 16;
	case UDP:
	case UDPLITE:
	case DCCP:
		return 6;
	case ICMPV6:
		return address_size == 16 ? 2 : -1;
	}
	return -1;
}

// Fill in the checksum of @data, of which the first @covered bytes count.
inline Bytes summed(Bytes data, const Bytes &src, const Bytes &dst, std::uint8_t protocol,
		    std::size_t covered)
{
	int at = checksum_at(protocol, dst.size());

	if (at < 0)
		return data;
	oracle::put16(data, static_cast<std::size_t>(at), 0);
	Bytes part(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(covered));
	std::uint16_t check = oracle::checksum(
		join({oracle::pseudo_header(src, dst, protocol, data.size()), part}));
	if (!check && (protocol == UDP || protocol == UDPLITE))
		check = 0xffff;
	oracle::put16(data, static_cast<std::size_t>(at), check);
	return data;
}

// A transport with its payload. @coverage is that of UDP-Lite and DCCP, in
// their own units, 0 for everything.
inline Bytes transport(std::uint8_t protocol, const Bytes &src, const Bytes &dst,
		       const Bytes &payload, unsigned int coverage, std::uint16_t port)
{
	std::uint32_t size = static_cast<std::uint32_t>(payload.size());
	Bytes ports = join({{0x9c, 0x40}, be16(port)});
	std::size_t covered = 0;
	Bytes head;

	switch (protocol) {
	case TCP:
		head = join({ports, be32(1000), be32(2000), {0x50, 0x18, 1, 0xf5, 0, 0, 0, 0}});
		break;
	case UDP:
		head = join({ports, be16(8 + size), be16(0)});
		break;
	case UDPLITE:
		head = join({ports, be16(coverage), be16(0)});
		covered = coverage;
		break;
	case DCCP:
		head = join({ports,
			     {4, static_cast<std::uint8_t>(coverage)},
			     be16(0),
			     {5, 0},
			     be16(0),
			     be32(77)});
		covered = coverage ? 16 + (coverage - 1) * 4 : 0;
		break;
	case ICMPV6:
		head = {128, 0, 0, 0, 0, 7, 0, 1};
		break;
	case NONE:
		return {};
	default: // looks like UDP, and is none
		head = join({ports, be16(8 + size), be16(0xbeef)});
	}
	Bytes data = join({head, payload});
	return summed(data, src, dst, protocol, covered ? covered : data.size());
}

inline Bytes transport(std::uint8_t protocol, const Bytes &dst, const Bytes &payload,
		       unsigned int coverage = 0, std::uint16_t port = 80)
{
	return transport(protocol, source(dst.size()), dst, payload, coverage, port);
}

struct Fields4 {
	Bytes options = {};
	std::uint16_t fragment = 0x4000; // flags and offset
	std::uint8_t tos = 28;
	Bytes from = source(4);
};

inline Bytes ip4(const Bytes &dst, std::uint8_t protocol, const Bytes &data,
		 const Fields4 &fields = {})
{
	std::uint32_t header = static_cast<std::uint32_t>(20 + fields.options.size());
	Bytes ip = join({{static_cast<std::uint8_t>(0x40 | header / 4), fields.tos},
			 be16(header + static_cast<std::uint32_t>(data.size())),
			 be16(0x1234),
			 be16(fields.fragment),
			 {61, protocol},
			 be16(0),
			 fields.from,
			 dst,
			 fields.options});

	oracle::put16(ip, 10, oracle::checksum(ip));
	return join({ip, data});
}

// An extension header of which the first byte, the next header, is open.
struct Extension {
	std::uint8_t number;
	Bytes bytes;
};
using Chain = std::vector<Extension>;

inline Extension options_header(std::uint8_t number, std::size_t words = 1)
{
	Bytes bytes(words * 8);

	bytes[1] = static_cast<std::uint8_t>(words - 1);
	for (std::size_t i = 2; i < bytes.size(); i++)
		bytes[i] = static_cast<std::uint8_t>(0x80 + i);
	return {number, bytes};
}

inline Extension routing(std::uint8_t left, std::size_t words = 3, std::uint8_t kind = 0)
{
	Extension header = options_header(ROUTING, words);

	header.bytes[2] = kind;
	header.bytes[3] = left;
	return header;
}

// @reserved: the byte before the offset, which nobody may look at
inline Extension fragment(std::uint32_t offset = 0, bool more = false, std::uint8_t reserved = 0)
{
	return {FRAGMENT, join({{0, reserved}, be16(offset | more), be32(0x2468)})};
}

inline Extension ah(std::size_t icv = 12)
{
	return {AH, join({{0, static_cast<std::uint8_t>((12 + icv) / 4 - 2), 0, 0},
			  be32(0x2002),
			  be32(1),
			  Bytes(icv, 0xa5)})};
}

// The chain in front of @data, each header naming the next.
inline Bytes chained(const Chain &chain, std::uint8_t protocol, const Bytes &data)
{
	Bytes whole;

	for (std::size_t i = 0; i < chain.size(); i++) {
		Bytes bytes = chain[i].bytes;
		bytes[0] = i + 1 < chain.size() ? chain[i + 1].number : protocol;
		whole = join({whole, bytes});
	}
	return join({whole, data});
}

// @first: version, traffic class and flow label
inline Bytes ip6(const Bytes &dst, const Chain &chain, std::uint8_t protocol, const Bytes &data,
		 std::uint32_t first = 0x61c12345, const Bytes &from = source(16))
{
	Bytes after = chained(chain, protocol, data);

	return join({be32(first),
		     be16(static_cast<std::uint32_t>(after.size())),
		     {chain.empty() ? protocol : chain[0].number, 61},
		     from,
		     dst,
		     after});
}

inline Bytes ip6(const Bytes &dst, std::uint8_t protocol, const Bytes &data)
{
	return ip6(dst, {}, protocol, data);
}

inline Bytes cut(const Bytes &bytes, std::size_t length)
{
	return Bytes(bytes.begin(),
		     bytes.begin() + static_cast<std::ptrdiff_t>(std::min(length, bytes.size())));
}

} // namespace packets
