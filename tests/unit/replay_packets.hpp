// SPDX-License-Identifier: BSD-3-Clause
// Packets for the tests of daddr-replay, made without its code.
#pragma once

#include <arpa/inet.h>
#include <pcap/dlt.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "replay/engine.hpp"
#include "replay/match.hpp"

namespace replay_test {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint8_t HOP = 0, TCP = 6, UDP = 17, DCCP = 33, ROUTING = 43,
		       FRAGMENT = 44, AH = 51, ICMP6 = 58, NONE = 59,
		       DESTINATION = 60, SCTP = 132, UDPLITE = 136;

inline Bytes operator+(Bytes left, const Bytes &right)
{
	left.insert(left.end(), right.begin(), right.end());
	return left;
}

inline Bytes be16(unsigned int value)
{
	return {static_cast<std::uint8_t>(value >> 8),
		static_cast<std::uint8_t>(value)};
}

inline Bytes be32(std::uint32_t value)
{
	return be16(value >> 16) + be16(value & 0xffff);
}

inline void set16(Bytes &bytes, std::size_t offset, unsigned int value)
{
	bytes[offset] = static_cast<std::uint8_t>(value >> 8);
	bytes[offset + 1] = static_cast<std::uint8_t>(value);
}

inline unsigned int get16(const Bytes &bytes, std::size_t offset)
{
	return bytes[offset] << 8U | bytes[offset + 1];
}

inline Bytes address(const std::string &text)
{
	std::uint8_t bytes[16];

	if (inet_pton(AF_INET, text.c_str(), bytes) == 1)
		return {bytes, bytes + 4};
	if (inet_pton(AF_INET6, text.c_str(), bytes) == 1)
		return {bytes, bytes + 16};
	throw std::logic_error("not an address: " + text);
}

// RFC 1071, as it is explained there.
inline unsigned int checksum(const Bytes &bytes)
{
	std::uint64_t sum = 0;

	for (std::size_t i = 0; i < bytes.size(); i++)
		sum += i & 1 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

struct Header {
	std::string source, destination;
	std::uint8_t protocol = UDP, dscp = 7;
	// IPv4 only
	std::uint16_t fragment = 0;	// flags and offset, as in the header
	Bytes options = {};
	std::uint16_t port = 80;	// of the destination
};

inline Header ip4(std::uint8_t protocol = UDP)
{
	return {"144.100.10.1", "10.128.9.31", protocol};
}

inline Header ip6(std::uint8_t protocol = UDP)
{
	return {"2001:db8:c::1", "2001:db8:9::31", protocol};
}

inline Bytes packet(const Header &ip, const Bytes &payload)
{
	Bytes source = address(ip.source), to = address(ip.destination);
	std::size_t length;

	if (source.size() == 16)
		return be16(0x6000 | ip.dscp << 6) + be16(0) +
		       be16(static_cast<unsigned int>(payload.size())) +
		       Bytes{ip.protocol, 61} + source + to + payload;
	length = 20 + ip.options.size();
	Bytes header = Bytes{static_cast<std::uint8_t>(0x40 | length / 4),
			     static_cast<std::uint8_t>(ip.dscp << 2)} +
		       be16(static_cast<unsigned int>(length + payload.size())) +
		       be16(0x1234) + be16(ip.fragment) +
		       Bytes{61, ip.protocol, 0, 0} + source + to + ip.options;
	set16(header, 10, checksum(header));
	return header + payload;
}

// A transport header with what follows, its checksum filled in for @ip.
inline Bytes transport(const Header &ip, std::uint8_t protocol,
		       const Bytes &payload = Bytes(10, 'x'))
{
	Bytes ports = be16(40000) + be16(ip.port), data;
	std::size_t field;

	switch (protocol) {
	case TCP:
		data = ports + Bytes(8) + Bytes{0x50, 0x10, 0, 0, 0, 0, 0, 0};
		field = 16;
		break;
	case UDP:
	case UDPLITE:
		data = ports + be16(static_cast<unsigned int>(
				       8 + payload.size())) + be16(0);
		field = 6;
		break;
	case DCCP:
		data = ports + Bytes{4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
		field = 6;
		break;
	case ICMP6:
		data = {128, 0, 0, 0, 0, 1, 0, 1};
		field = 2;
		break;
	default:
		return payload;
	}
	data = data + payload;
	Bytes pseudo = address(ip.source) + address(ip.destination) +
		       be32(static_cast<std::uint32_t>(data.size())) +
		       be32(protocol);
	set16(data, field, checksum(pseudo + data));
	return data;
}

// A whole good packet.
inline Bytes good(const Header &ip)
{
	return packet(ip, transport(ip, ip.protocol));
}

inline Bytes cut_to(Bytes bytes, std::size_t size)
{
	bytes.resize(size);
	return bytes;
}

inline dsr::Packet view(Bytes &bytes, std::size_t wire = 0)
{
	dsr::Packet packet;

	packet.data = bytes.data();
	packet.captured = static_cast<std::uint32_t>(bytes.size());
	packet.length = wire ? static_cast<std::uint32_t>(wire) :
			       packet.captured;
	packet.family = bytes.size() && bytes[0] >> 4 == 6 ?
			dsr::Family::ip6 : dsr::Family::ip4;
	return packet;
}

inline dsr::Interface raw_ip()
{
	dsr::Interface interface;

	interface.link_type = DLT_RAW;
	return interface;
}

inline dsr::Frame frame(Bytes &bytes, std::size_t wire = 0)
{
	static const dsr::Interface interface = raw_ip();

	return {bytes.data(), static_cast<std::uint32_t>(bytes.size()),
		static_cast<std::uint32_t>(wire ? wire : bytes.size()), 0,
		&interface};
}

// One rule in raw PREROUTING.
inline dsr::replay::Ruleset rules(const std::string &rule)
{
	dsr::replay::Ruleset ruleset;

	dsr::replay::parse_rules("*raw\n-A PREROUTING " + rule + "\nCOMMIT\n",
			    "rules", ruleset);
	return ruleset;
}

} // namespace replay_test
