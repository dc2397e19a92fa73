// SPDX-License-Identifier: BSD-3-Clause
// Packets for the tests of daddr-replay, made without its code: those of
// packets.hpp, from and to any address.
#pragma once

#include <arpa/inet.h>
#include <pcap/dlt.h>

#include <stdexcept>
#include <string>

#include "common/saved_rules.hpp"
#include "packets.hpp"
#include "replay/engine.hpp"
#include "replay/steps.hpp"

namespace replay_test {

using oracle::be16;
using oracle::be32;
using oracle::Bytes;
using oracle::checksum;
using oracle::get16;
constexpr std::uint8_t HOP = packets::HOP, TCP = packets::TCP, UDP = packets::UDP,
		       DCCP = packets::DCCP, ROUTING = packets::ROUTING,
		       FRAGMENT = packets::FRAGMENT, AH = packets::AH, ICMP6 = packets::ICMPV6,
		       NONE = packets::NONE, DESTINATION = packets::DESTINATION,
		       SCTP = packets::SCTP, UDPLITE = packets::UDPLITE;

inline Bytes operator+(const Bytes &left, const Bytes &right)
{
	return oracle::join({left, right});
}

inline void set16(Bytes &bytes, std::size_t offset, unsigned int value)
{
	oracle::put16(bytes, offset, value);
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

struct Header {
	std::string source, destination;
	std::uint8_t protocol = UDP, dscp = 7;
	// IPv4 only
	std::uint16_t fragment = 0; // flags and offset, as in the header
	Bytes options = {};
	std::uint16_t port = 80; // of the destination
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
	const Bytes source = address(ip.source), to = address(ip.destination);

	if (source.size() == 16)
		return packets::ip6(to, {}, ip.protocol, payload, 0x60000000U | ip.dscp << 22U,
				    source);
	return packets::ip4(
		to, ip.protocol, payload,
		{ip.options, ip.fragment, static_cast<std::uint8_t>(ip.dscp << 2), source});
}

// A transport header with what follows, its checksum filled in for @ip.
inline Bytes transport(const Header &ip, std::uint8_t protocol,
		       const Bytes &payload = Bytes(10, 'x'))
{
	const Bytes source = address(ip.source);

	if (packets::checksum_at(protocol, 16) < 0)
		return payload;
	return packets::transport(protocol, source, address(ip.destination), payload, 0, ip.port);
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
	packet.length = wire ? static_cast<std::uint32_t>(wire) : packet.captured;
	packet.family = bytes.size() && bytes[0] >> 4 == 6 ? dsr::Family::ip6 : dsr::Family::ip4;
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
		static_cast<std::uint32_t>(wire ? wire : bytes.size()), 0, &interface};
}

// A rule as iptables takes it, without its chain.
inline dsr::nf::Rule rule(const std::string &text)
{
	return dsr::replay::parse_rule(dsr::saved_words(text).value());
}

// One rule in raw PREROUTING.
inline dsr::replay::Ruleset rules(const std::string &rule)
{
	dsr::replay::Ruleset ruleset;

	dsr::replay::parse_rules("*raw\n-A PREROUTING " + rule + "\nCOMMIT\n", "rules", ruleset);
	return ruleset;
}

} // namespace replay_test
