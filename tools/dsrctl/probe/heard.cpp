// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/heard.hpp"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

#include "common/decode.hpp"

namespace dsr::probe {

namespace {

constexpr std::size_t ICMP_HEADER = 8;
constexpr std::size_t NONCE = sizeof(Echo::nonce);

using Bytes = std::span<std::uint8_t>;

// From the transport header on, as far as there is something of it.
Bytes transport_of(Bytes packet, const Decoded &decoded)
{
	const std::size_t end = std::min<std::size_t>(packet.size(), decoded.bytes);

	if (!decoded.transport || decoded.transport > end)
		return {};
	return packet.subspan(decoded.transport, end - decoded.transport);
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

bool is_icmp(const Decoded &packet)
{
	return packet.from.family == Family::ip4 ? packet.protocol == IPPROTO_ICMP :
						   packet.protocol == IPPROTO_ICMPV6;
}

bool is_reply(const Decoded &packet, unsigned int type)
{
	return type == (packet.from.family == Family::ip4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
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
bool take_quoted(Bytes bytes, Family family, Heard &heard)
{
	const auto packet = decode_quoted(bytes, family);

	if (!packet || !packet->has_ends)
		return false;
	if (packet->protocol == IPPROTO_TCP) {
		heard.key = {packet->from, true, packet->source, packet->destination};
		return true;
	}
	if (!packet->echo_request)
		return false;
	take_echo(transport_of(bytes, *packet), packet->from, heard);
	return true;
}

std::optional<Heard> hear_tcp(const Decoded &packet, Bytes segment)
{
	constexpr std::size_t FLAGS = 13, TCP_HEADER = 20;
	Heard heard;

	if (segment.size() < TCP_HEADER)
		return std::nullopt;
	unsigned int flags = segment[FLAGS];
	if (flags & TH_RST)
		heard.kind = Heard::Kind::reset;
	else if ((flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK))
		heard.kind = Heard::Kind::syn_ack;
	heard.key = {packet.to, true, packet.destination, packet.source};
	return heard;
}

std::optional<Heard> hear_icmp(const Decoded &packet, Bytes message)
{
	const Family family = packet.from.family;
	Heard heard;

	if (message.size() < ICMP_HEADER)
		return std::nullopt;
	unsigned int type = message[0], number = message[1];
	if (is_reply(packet, type)) {
		heard.kind = Heard::Kind::echo_reply;
		take_echo(message, packet.to, heard);
		return heard;
	}
	heard.error = family == Family::ip4 ? error4(type, number) : error6(type, number);
	if (heard.error.empty() || !take_quoted(message.subspan(ICMP_HEADER), family, heard))
		return std::nullopt;
	heard.kind = Heard::Kind::error;
	return heard;
}

} // namespace

std::optional<Heard> hear(const Packet &captured)
{
	const auto packet = decode(captured);
	std::optional<Heard> heard;

	if (!packet)
		return std::nullopt;
	const Bytes message = transport_of({captured.data, captured.captured}, *packet);
	if (packet->protocol == IPPROTO_TCP)
		heard = hear_tcp(*packet, message);
	else if (is_icmp(*packet))
		heard = hear_icmp(*packet, message);
	if (heard) {
		heard->from = packet->from;
		heard->dscp = packet->dscp;
	}
	return heard;
}

// An error need not quote more than 8 bytes (RFC 792), a reply returns them all.
bool is_about(const Heard &heard, const Echo &echo)
{
	return heard.nonce ? *heard.nonce == echo.nonce : heard.kind == Heard::Kind::error;
}

} // namespace dsr::probe
