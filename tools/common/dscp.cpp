// SPDX-License-Identifier: BSD-3-Clause
#include "common/dscp.hpp"

#include <strings.h>

#include <cstdio>

#include "daddr_dscp.h"

namespace dsr {

namespace {

constexpr unsigned long DSCP_MAX = DADDR_DSCPS - 1, TOS_MAX = 255;

// A whole string of digits; base 0 is C's choice by prefix.
std::optional<unsigned long> number(const std::string &text, int base)
{
	char *end;

	if (text.empty() || text[0] < '0' || text[0] > '9')
		return std::nullopt;
	unsigned long value = std::strtoul(text.c_str(), &end, base);
	if (*end || value > TOS_MAX)
		return std::nullopt;
	return value;
}

std::optional<std::uint8_t> from_tos(const std::string &text)
{
	auto tos = number(text, 0);

	if (!tos)
		return std::nullopt;
	return static_cast<std::uint8_t>(*tos >> 2); // below it: ECN
}

} // namespace

std::optional<std::uint8_t> parse_dscp(const std::string &text)
{
	unsigned int dscp;

	// C's strings end at a zero byte; this one has to end there too.
	if (text.find('\0') != text.npos || !daddr_dscp_parse(text.c_str(), &dscp))
		return std::nullopt;
	return static_cast<std::uint8_t>(dscp);
}

std::optional<std::uint8_t> parse_any_dscp(const std::string &text)
{
	if (auto dscp = parse_dscp(text))
		return dscp;
	if (!strncasecmp(text.c_str(), "tos", 3)) {
		std::size_t value = text.find_first_not_of(" =:", 3);

		return value == text.npos ? std::nullopt : from_tos(text.substr(value));
	}

	std::string digits;
	if (text.starts_with("0b"))
		digits = text.substr(2);
	else if (text.ends_with('b') && !text.starts_with("0x"))
		digits = text.substr(0, text.size() - 1);
	if (!digits.empty()) {
		auto value = number(digits, 2);

		if (!value || *value > DSCP_MAX)
			return std::nullopt;
		return static_cast<std::uint8_t>(*value);
	}
	return from_tos(text);
}

std::string hex(unsigned int number)
{
	char text[16];

	std::snprintf(text, sizeof(text), "0x%02x", number);
	return text;
}

std::string binary(unsigned int dscp)
{
	std::string text;

	for (int bit = 5; bit >= 0; bit--)
		text += dscp >> bit & 1 ? '1' : '0';
	return text;
}

std::string class_name(std::uint8_t dscp)
{
	const char *name = daddr_dscp_class(dscp);

	return name ? name : "--";
}

std::string dscp_text(unsigned int dscp)
{
	return "DSCP " + std::to_string(dscp) + " (TOS " + std::to_string(dscp << 2) + ", " +
	       hex(dscp << 2) + ", " + binary(dscp) + "b)";
}

const char *others_use(std::uint8_t dscp)
{
	switch (dscp) {
	case 8:
		return "OpenSSH itself marks bulk transfers with";
	case 18:
		return "OpenSSH itself marks sessions with";
	case 46:
		return "voice, ntpd and newer OpenSSH use";
	case 48:
		return "routing protocols use";
	default:
		return nullptr;
	}
}

std::string all_notations(std::uint8_t dscp)
{
	unsigned int tos = dscp << 2;
	std::string text = "DSCP      " + std::to_string(dscp) + "\nDSCP hex  " + hex(dscp) +
			   "\nTOS       " + std::to_string(tos) + "\nTOS hex   " + hex(tos) +
			   "\nbinary    " + binary(dscp) + "\nclass     " + class_name(dscp) + "\n";

	if (const char *use = others_use(dscp))
		text += std::string("warning   ") + use + " it: better none of a VIP\n";
	return text;
}

// Of IPv6, the DSCP is in bits 4 to 9 of the header.
std::vector<DscpFilter> dscp_filters(std::uint8_t dscp)
{
	const std::string number = std::to_string(dscp);
	char first_word[16];

	std::snprintf(first_word, sizeof(first_word), "0x%04x", dscp << 6);
	return {{"tcpdump IPv4", "ip[1] & 0xfc == " + hex(dscp << 2)},
		{"tcpdump IPv6", "ip6[0:2] & 0x0fc0 == " + std::string(first_word)},
		{"Wireshark", "ip.dsfield.dscp == " + number + " || ipv6.tclass.dscp == " + number},
		{"iptables", "-m dscp --dscp " + number},
		{"nft IPv4", "ip dscp " + number},
		{"nft IPv6", "ip6 dscp " + number}};
}

} // namespace dsr
