// SPDX-License-Identifier: BSD-3-Clause
#include "generate.hpp"

#include <algorithm>

#include "packets.hpp"

namespace hostile {

using namespace packets;

namespace {

constexpr std::size_t LONGEST = 0xffff; // what 16 bits can say

const std::uint8_t PROTOCOLS[] = {TCP,	  TCP,	TCP, UDP, UDP,	UDP,  UDPLITE, DCCP,
				  ICMPV6, ICMP, GRE, ESP, SCTP, NONE, UNKNOWN};
const std::uint8_t HEADERS[] = {HOP, DESTINATION, ROUTING, FRAGMENT, AH};

void append(Bytes &to, const Bytes &more)
{
	to.insert(to.end(), more.begin(), more.end());
}

} // namespace

const char *name(Kind kind)
{
	static const char *const names[KINDS] = {
		"plain", "truncated", "header length", "options",   "long chain", "fragment",
		"jumbo", "vlan",      "spoilt",	       "segmented", "socket",
	};

	return names[static_cast<std::size_t>(kind)];
}

Bytes Random::bytes(std::size_t size)
{
	Bytes made((size + 7) & ~std::size_t{7});

	for (std::size_t i = 0; i < made.size(); i += 8) {
		const std::uint64_t word = engine_();

		std::memcpy(&made[i], &word, sizeof(word));
	}
	made.resize(size);
	return made;
}

Generator::Generator(Hook hook, const Addresses &addresses, std::uint64_t seed)
	: hook_(hook), addresses_(addresses), six_(addresses.server.size() == 16), random_(seed)
{
}

Kind Generator::pick()
{
	for (;;) {
		const auto kind = static_cast<Kind>(random_.below(KINDS));

		switch (kind) {
		case Kind::long_chain:
			// up to 8190 headers: most of the time would be theirs
			if (six_ && random_.one_in(8))
				return kind;
			break;
		case Kind::jumbo:
			if (six_)
				return kind;
			break;
		case Kind::vlan:
			if (hook_ != Hook::output)
				return kind;
			break;
		case Kind::segmented:
			if (hook_ != Hook::output && random_.one_in(2))
				return kind;
			break;
		case Kind::socket:
			if (hook_ == Hook::output)
				return kind;
			break;
		default:
			return kind;
		}
	}
}

Bytes Generator::make(Kind kind)
{
	switch (kind) {
	case Kind::truncated:
		return truncated();
	case Kind::header_length:
		return header_length();
	case Kind::options:
		return with_options();
	case Kind::long_chain:
		return long_chain();
	case Kind::fragment:
		return fragment();
	case Kind::jumbo:
		return jumbo();
	case Kind::segmented:
		return segmented();
	case Kind::vlan:
		return random_.one_in(2) ? plain() : with_options();
	default:
		return plain();
	}
}

Bytes Generator::destination()
{
	switch (random_.below(16)) {
	case 0:
		return addresses_.vip;
	case 1:
		return addresses_.far;
	default:
		return addresses_.server;
	}
}

Bytes Generator::payload()
{
	if (random_.one_in(400))
		return text(random_.below(60000));
	if (random_.one_in(16))
		return text(random_.below(1400));
	return random_.bytes(random_.below(48));
}

// A transport; its port may be the one that a rule sets.
Bytes Generator::data(std::uint8_t protocol, const Bytes &to)
{
	Bytes inside = payload();
	unsigned int coverage = 0;

	if (random_.one_in(4)) {
		if (protocol == UDPLITE)
			coverage = 8 + random_.below(static_cast<std::uint32_t>(inside.size()) + 1);
		if (protocol == DCCP)
			coverage = 1 +
				   random_.below(static_cast<std::uint32_t>(
							 std::min<std::size_t>(inside.size(), 56)) /
							 4 +
						 1);
	}
	Bytes made = transport(protocol, to, inside, coverage, random_.one_in(4) ? 8080 : 80);
	if (protocol == UDP && random_.one_in(8))
		oracle::put16(made, 6, 0); // without a checksum
	return made;
}

Bytes Generator::plain()
{
	const std::uint8_t protocol = random_.of(PROTOCOLS);
	const Bytes to = destination();
	Bytes packet = six_ ? ip6(to, protocol, data(protocol, to)) :
			      ip4(to, protocol, data(protocol, to));
	const std::uint32_t dscp = random_.below(64);

	if (six_) {
		packet[0] = static_cast<std::uint8_t>(0x60 | dscp >> 2);
		packet[1] = static_cast<std::uint8_t>((dscp & 3) << 6 | random_.below(64));
	} else {
		packet[1] = static_cast<std::uint8_t>(dscp << 2 | random_.below(4));
		sum_header(packet);
	}
	return packet;
}

Bytes Generator::options4()
{
	static const std::uint8_t kinds[] = {0, 1, 1, 7, 68, 130, 131, 134, 137, 148, 222};
	Bytes options;

	do {
		const std::uint8_t kind = random_.one_in(8) ? random_.byte() : random_.of(kinds);

		options.push_back(kind);
		if (kind < 2)
			continue;
		const std::uint32_t length = 2 + random_.below(10);
		options.push_back(random_.one_in(8) ? random_.byte() :
						      static_cast<std::uint8_t>(length));
		append(options, random_.bytes(length - 2));
		if (options.size() > 2 && random_.one_in(2))
			options.back() = 4; // a pointer that may be right
	} while (options.size() < 40 && !random_.one_in(5));
	options.resize(std::min<std::size_t>((options.size() + 3) & ~3UL, 40));
	return options;
}

// An extension header whose options, if it has any, a host skips.
Bytes Generator::header6(std::uint8_t number)
{
	const std::uint32_t words = random_.one_in(20) ? 1 + random_.below(256) :
							 1 + random_.below(4);
	Extension header{number, {}};

	switch (number) {
	case ROUTING:
		header = routing(
			static_cast<std::uint8_t>(random_.one_in(3) ? random_.below(256) : 0),
			words, random_.byte());
		break;
	case FRAGMENT:
		header = packets::fragment(random_.one_in(3) ? random_.below(0x2000) * 8 : 0,
					   random_.one_in(2), random_.byte());
		break;
	case AH:
		header = ah(random_.below(64) * 4);
		break;
	default:
		header.bytes = Bytes(words * 8);
		header.bytes[1] = static_cast<std::uint8_t>(words - 1);
		for (std::size_t at = 2; at < header.bytes.size();) {
			const std::size_t left = std::min<std::size_t>(header.bytes.size() - at,
								       200);

			header.bytes[at] = left < 2 ? 0 : 0x1e;
			if (left >= 2)
				header.bytes[at + 1] = static_cast<std::uint8_t>(left - 2);
			at += left;
		}
	}
	if (random_.one_in(16))
		header.bytes[1] = random_.byte();
	return header.bytes;
}

Bytes Generator::with_options()
{
	const std::uint8_t protocol = random_.of(PROTOCOLS);
	const Bytes to = destination();
	Fields4 fields;
	Chain chain;

	if (!six_) {
		fields.options = options4();
		return ip4(to, protocol, data(protocol, to), fields);
	}
	for (std::uint32_t left = 1 + random_.below(8); left; left--) {
		// elsewhere than in front, hosts refuse a hop-by-hop header
		const std::uint8_t number = chain.empty() && random_.one_in(2) ?
						    std::uint8_t{HOP} :
						    random_.of(HEADERS);

		chain.push_back({number, header6(number)});
	}
	return ip6(to, chain, protocol, data(protocol, to));
}

Bytes Generator::truncated()
{
	const std::uint32_t turn = made_[static_cast<std::size_t>(Kind::truncated)];
	Bytes packet = random_.one_in(2) ? plain() : with_options();
	const std::size_t longest = std::min<std::size_t>(packet.size(), 160);
	// without a header, none gets as far as the target
	const std::size_t least = turn % 4 ? (six_ ? 40 : 20) : 0;

	packet.resize(least + turn / 4 % (longest - least + 1));
	if (!random_.one_in(8))
		fix_lengths(packet);
	return packet;
}

Bytes Generator::header_length()
{
	const std::uint32_t turn = made_[static_cast<std::size_t>(Kind::header_length)];
	Bytes packet = plain();

	if (!six_) {
		packet[0] = static_cast<std::uint8_t>(0x40 | turn % 16);
		if (random_.one_in(2))
			packet.resize(std::max(packet.size(), 60UL + random_.below(24)), 1);
		fix_lengths(packet);
		return packet;
	}
	// a header of each length, with what it says or without
	const std::uint8_t number = HEADERS[turn % 5];
	Bytes header = random_.one_in(2) ? header6(number) : Bytes(2048);
	header[0] = packet[6];
	header[1] = static_cast<std::uint8_t>(turn / 5);
	packet[6] = number;
	packet.insert(packet.begin() + 40, header.begin(), header.end());
	packet.resize(std::min(packet.size(), LONGEST));
	fix_lengths(packet);
	return packet;
}

Bytes Generator::long_chain()
{
	const std::uint8_t protocol = random_.of(PROTOCOLS);
	const Bytes to = destination(), after = data(protocol, to);
	const std::uint32_t headers = (1U << random_.below(14)) + random_.below(16);
	const bool all_short = random_.one_in(2);
	Bytes packet = ip6(to, protocol, {});
	std::size_t next = 6;

	for (std::uint32_t i = 0; i < headers; i++) {
		const std::uint8_t number = random_.of(HEADERS);
		const std::size_t at = packet.size();

		// 8 bytes of zeros are a header of each number
		append(packet, all_short ? Bytes(8) : header6(number));
		packet[next] = number;
		next = at;
		if (packet.size() + after.size() > LONGEST)
			break;
	}
	packet[next] = protocol;
	append(packet, after);
	packet.resize(std::min(packet.size(), LONGEST + 40));
	fix_lengths(packet);
	return packet;
}

// The next piece of a datagram: 8 bytes or little more, mostly in order.
Bytes Generator::fragment()
{
	if (piece_ * 8 >= datagram_.size()) {
		fragmented_ = random_.of(PROTOCOLS);
		datagram_ = transport(fragmented_, addresses_.server,
				      random_.bytes(8 + random_.below(40)));
		piece_ = 0;
		id_++;
	}
	const Bytes to = random_.one_in(16) ? destination() : addresses_.server;
	std::uint32_t first = piece_, units = 1 + random_.below(3);
	if (random_.one_in(6))
		first = random_.below(random_.one_in(4) ? 0x2000 : 16);
	else
		piece_ += units;
	const std::size_t begin = std::min<std::size_t>(first * 8, datagram_.size());
	const std::size_t end = std::min<std::size_t>(begin + units * 8, datagram_.size());
	const bool more = random_.one_in(10) || end < datagram_.size();
	Bytes piece(datagram_.begin() + static_cast<long>(begin),
		    datagram_.begin() + static_cast<long>(end));
	if (piece.empty())
		piece = random_.bytes(random_.below(24));

	if (six_) {
		Extension header = packets::fragment(first * 8, more);

		oracle::put16(header.bytes, 6, id_ & 0xffff);
		return ip6(to, {header}, fragmented_, piece);
	}
	Fields4 fields;
	fields.fragment = static_cast<std::uint16_t>((more ? 0x2000 : 0) | (first & 0x1fff));
	Bytes packet = ip4(to, fragmented_, piece, fields);
	oracle::put16(packet, 4, id_ & 0xffff);
	sum_header(packet);
	return packet;
}

Bytes Generator::jumbo()
{
	const std::uint8_t protocol = random_.of(PROTOCOLS);
	const Bytes to = destination();
	const Bytes inside = random_.one_in(6) ? text(66000 + random_.below(6000)) : payload();
	const Bytes after = transport(protocol, to, inside);
	const auto length = static_cast<std::uint32_t>(8 + after.size());
	static const std::uint32_t lies[] = {0,	    8,		65535,	    65536,
					     70000, 0x7fffffff, 0xffffffd8, 0xffffffff};
	Extension option{HOP, join({{0, 0, 0xc2, 4},
				    oracle::be32(random_.one_in(3) ? random_.of(lies) : length)})};
	Bytes packet = ip6(to, {option}, protocol, after);

	if (length > LONGEST || !random_.one_in(4))
		oracle::put16(packet, 4, 0);
	if (random_.one_in(8))
		packet[43] = random_.byte(); // the length of the option
	return packet;
}

// To a place where the kernel has to take it apart.
Bytes Generator::segmented()
{
	const std::uint8_t protocol = random_.one_in(2) ? TCP : UDP;
	const Bytes &to = addresses_.server;
	const Bytes inside = text(1500 + random_.below(random_.one_in(8) ? 58000 : 4000));

	return six_ ? ip6(to, protocol, transport(protocol, to, inside)) :
		      ip4(to, protocol, transport(protocol, to, inside));
}

void Generator::sum_header(Bytes &packet) const
{
	const std::size_t length = std::min<std::size_t>((packet[0] & 15) * 4U, packet.size());

	oracle::put16(packet, 10, 0);
	oracle::put16(packet, 10,
		      oracle::checksum(
			      Bytes(packet.begin(), packet.begin() + static_cast<long>(length))));
}

// So that the packet gets past the first look of a host.
void Generator::fix_lengths(Bytes &packet) const
{
	if (six_ && packet.size() >= 40) {
		oracle::put16(packet, 4,
			      static_cast<std::uint32_t>(std::min(packet.size() - 40, LONGEST)));
	} else if (!six_ && packet.size() >= 20) {
		oracle::put16(packet, 2,
			      static_cast<std::uint32_t>(std::min(packet.size(), LONGEST)));
		sum_header(packet);
	}
}

void Generator::spoil(Bytes &packet)
{
	static const std::uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff, 43, 44, 51, 58, 60};

	if (packet.empty())
		return;
	for (std::uint32_t left = 1 + random_.below(4); left && packet.size() > 1; left--) {
		const auto at = static_cast<long>(random_.below(
			static_cast<std::uint32_t>(std::min<std::size_t>(packet.size(), 100))));
		std::uint8_t &byte = packet[static_cast<std::size_t>(at)];

		switch (random_.below(5)) {
		case 0:
			byte = random_.byte();
			break;
		case 1:
			byte = random_.of(edges);
			break;
		case 2:
			byte ^= static_cast<std::uint8_t>(1U << random_.below(8));
			break;
		case 3:
			packet.insert(packet.begin() + at, random_.byte());
			break;
		default:
			packet.erase(packet.begin() + at);
		}
	}
	// the version: what has another one goes nowhere
	packet[0] = static_cast<std::uint8_t>((six_ ? 0x60 : 0x40) | (packet[0] & 15));
	if (!random_.one_in(8))
		fix_lengths(packet);
}

Sent Generator::next()
{
	Sent sent;

	sent.kind = pick();
	Bytes packet = make(sent.kind);
	made_[static_cast<std::size_t>(sent.kind)]++;
	const bool honest = sent.kind == Kind::plain || sent.kind == Kind::segmented;
	if (sent.kind == Kind::spoilt || (!honest && random_.one_in(12)))
		spoil(packet);
	put_in_frame(sent, packet);
	sent.sane = honest;
	if (hook_ != Hook::output)
		offload(sent);
	return sent;
}

} // namespace hostile
