// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/heard.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include <cstring>

#include "common/packet.hpp"

namespace dsr::probe {

namespace {

constexpr std::size_t IP4_HEADER = 20, IP6_HEADER = 40, ICMP_HEADER = 8;
constexpr std::size_t NONCE = sizeof(Echo::nonce);

using Bytes = std::span<const std::uint8_t>;

struct Packet {
	Ip from, to;
	std::uint8_t dscp = 0, protocol = 0;
	Bytes payload;
};

Ip take_ip(Family family, const std::uint8_t *from)
{
	Ip ip;

	ip.family = family;
	std::memcpy(ip.bytes.data(), from, ip.size());
	return ip;
}

std::optional<Packet> parse_ip4(Bytes bytes)
{
	constexpr std::size_t FRAGMENT = 6, PROTOCOL = 9, SOURCE = 12,
			      DESTINATION = 16;
	constexpr std::uint16_t OFFSET_MASK = 0x1fff;
	std::size_t header = (bytes[0] & 15) * 4;

	if (header < IP4_HEADER || bytes.size() < header ||
	    load16(&bytes[FRAGMENT]) & OFFSET_MASK)
		return std::nullopt;
	return Packet{take_ip(Family::ip4, &bytes[SOURCE]),
		      take_ip(Family::ip4, &bytes[DESTINATION]),
		      static_cast<std::uint8_t>(daddr_dscp4(bytes.data())),
		      bytes[PROTOCOL], bytes.subspan(header)};
}

// An answer with extension headers is none that a probe waits for.
std::optional<Packet> parse_ip6(Bytes bytes)
{
	constexpr std::size_t NEXT_HEADER = 6, SOURCE = 8, DESTINATION = 24;

	if (bytes.size() < IP6_HEADER)
		return std::nullopt;
	return Packet{take_ip(Family::ip6, &bytes[SOURCE]),
		      take_ip(Family::ip6, &bytes[DESTINATION]),
		      static_cast<std::uint8_t>(daddr_dscp6(bytes.data())),
		      bytes[NEXT_HEADER], bytes.subspan(IP6_HEADER)};
}

std::optional<Packet> parse(Bytes bytes)
{
	if (bytes.size() < IP4_HEADER)
		return std::nullopt;
	switch (bytes[0] >> 4) {
	case 4:
		return parse_ip4(bytes);
	case 6:
		return parse_ip6(bytes);
	default:
		return std::nullopt;
	}
}

bool is_icmp(const Packet &packet)
{
	return packet.from.family == Family::ip4 ?
		       packet.protocol == IPPROTO_ICMP :
		       packet.protocol == IPPROTO_ICMPV6;
}

std::string code(const char *what, unsigned int number)
{
	return std::string(what) + " (code " + std::to_string(number) + ")";
}

// Empty: not an error, or one that the sender copes with.
std::string error4(unsigned int type, unsigned int number)
{
	if (type == ICMP_TIME_EXCEEDED)
		return "time to live exceeded";
	if (type == ICMP_PARAMETERPROB)
		return "parameter problem";
	if (type != ICMP_DEST_UNREACH)
		return "";
	switch (number) {
	case ICMP_NET_UNREACH:
		return "network unreachable";
	case ICMP_HOST_UNREACH:
		return "host unreachable";
	case ICMP_PROT_UNREACH:
		return "protocol unreachable";
	case ICMP_PORT_UNREACH:
		return "port unreachable";
	case ICMP_FRAG_NEEDED:
		return "";
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
		return "administratively prohibited";
	default:
		return code("destination unreachable", number);
	}
}

std::string error6(unsigned int type, unsigned int number)
{
	if (type == ICMP6_TIME_EXCEEDED)
		return "hop limit exceeded";
	if (type == ICMP6_PARAM_PROB)
		return "parameter problem";
	if (type != ICMP6_DST_UNREACH)
		return "";
	switch (number) {
	case ICMP6_DST_UNREACH_NOROUTE:
		return "no route";
	case ICMP6_DST_UNREACH_ADMIN:
		return "administratively prohibited";
	case ICMP6_DST_UNREACH_ADDR:
		return "address unreachable";
	case ICMP6_DST_UNREACH_NOPORT:
		return "port unreachable";
	default:
		return code("destination unreachable", number);
	}
}

bool is_echo(const Packet &packet, bool reply)
{
	unsigned int type = packet.payload[0];

	return packet.from.family == Family::ip4 ?
		       type == (reply ? ICMP_ECHOREPLY : ICMP_ECHO) :
		       type == (reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST);
}

// Identifier, sequence number and nonce of an echo; @us has sent the request.
void take_echo(Bytes message, const Ip &us, Heard &heard)
{
	heard.key = {us, false, load16(&message[4]), load16(&message[6])};
	if (message.size() >= ICMP_HEADER + NONCE) {
		heard.nonce.emplace();
		std::memcpy(&*heard.nonce, &message[ICMP_HEADER], NONCE);
	}
}

// The packet of a probe, in an error. False: it is none.
bool take_quoted(Bytes bytes, Heard &heard)
{
	auto packet = parse(bytes);

	if (!packet || packet->payload.size() < ICMP_HEADER)
		return false;
	if (packet->protocol == IPPROTO_TCP) {
		heard.key = {packet->from, true, load16(&packet->payload[0]),
			     load16(&packet->payload[2])};
		return true;
	}
	if (!is_icmp(*packet) || !is_echo(*packet, false))
		return false;
	take_echo(packet->payload, packet->from, heard);
	return true;
}

std::optional<Heard> hear_tcp(const Packet &packet)
{
	constexpr std::size_t FLAGS = 13, TCP_HEADER = 20;
	Heard heard;

	if (packet.payload.size() < TCP_HEADER)
		return std::nullopt;
	unsigned int flags = packet.payload[FLAGS];
	if (flags & TH_RST)
		heard.kind = Heard::Kind::reset;
	else if ((flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK))
		heard.kind = Heard::Kind::syn_ack;
	heard.key = {packet.to, true, load16(&packet.payload[2]),
		     load16(&packet.payload[0])};
	return heard;
}

std::optional<Heard> hear_icmp(const Packet &packet)
{
	Heard heard;

	if (packet.payload.size() < ICMP_HEADER)
		return std::nullopt;
	if (is_echo(packet, true)) {
		heard.kind = Heard::Kind::echo_reply;
		take_echo(packet.payload, packet.to, heard);
		return heard;
	}
	unsigned int type = packet.payload[0], number = packet.payload[1];
	heard.error = packet.from.family == Family::ip4 ? error4(type, number)
							: error6(type, number);
	if (heard.error.empty())
		return std::nullopt;
	if (!take_quoted(packet.payload.subspan(ICMP_HEADER), heard) ||
	    heard.key.us.family != packet.to.family)
		return std::nullopt;
	heard.kind = Heard::Kind::error;
	return heard;
}

} // namespace

std::optional<Heard> hear(std::span<const std::uint8_t> data)
{
	auto packet = parse(data);
	std::optional<Heard> heard;

	if (!packet)
		return std::nullopt;
	if (packet->protocol == IPPROTO_TCP)
		heard = hear_tcp(*packet);
	else if (is_icmp(*packet))
		heard = hear_icmp(*packet);
	if (heard) {
		heard->from = packet->from;
		heard->dscp = packet->dscp;
	}
	return heard;
}

// An error need not quote more than 8 bytes (RFC 792), a reply returns them all.
bool is_about(const Heard &heard, const Echo &echo)
{
	return heard.nonce ? *heard.nonce == echo.nonce :
			     heard.kind == Heard::Kind::error;
}

} // namespace dsr::probe
