// SPDX-License-Identifier: BSD-3-Clause
#include "common/rule_steps.hpp"

#include <algorithm>

#include "daddr_rewrite.h"

namespace dsr::nf {

namespace {

// The byte of the TOS or the traffic class, which in IPv6 lies across two.
struct Tos {
	std::uint32_t offset, length;
	Bytes bytes;
};

Tos tos_bytes(Family family, unsigned int tos)
{
	if (family == Family::ip4)
		return {1, 1, {static_cast<std::uint8_t>(tos)}};
	return {0, 2, {static_cast<std::uint8_t>(tos >> 4U), static_cast<std::uint8_t>(tos << 4U)}};
}

} // namespace

bool is_tos(const Write &write)
{
	constexpr std::uint32_t END = 2; // of both

	return write.header == Header::network && write.offset < END;
}

bool sets_tos(const Rule &rule)
{
	return std::ranges::any_of(rule.steps, [](const Step &step) {
		const auto *write = std::get_if<Write>(&step);

		return write && is_tos(*write);
	});
}

std::uint32_t destination_at(Family family)
{
	return family == Family::ip4 ? DADDR_IP4_DADDR : DADDR_IP6_DADDR;
}

Match tos_match(Family family, unsigned int value, unsigned int mask, bool inverted)
{
	const Tos wanted = tos_bytes(family, value);
	const Bytes bits = tos_bytes(family, mask).bytes;
	Match match{Header::network, wanted.offset, wanted.length, {}, {}, inverted};

	std::copy(wanted.bytes.begin(), wanted.bytes.end(), match.value.begin());
	std::copy(bits.begin(), bits.end(), match.mask.begin());
	return match;
}

void add_tos_write(Rule &rule, Family family, unsigned int value, unsigned int mask)
{
	constexpr Register REGISTER = 0;
	const Tos wanted = tos_bytes(family, value);
	const std::uint32_t checksum = family == Family::ip4 ? DADDR_IP4_CHECK : 0;
	Bytes keep = tos_bytes(family, mask).bytes;

	for (std::uint8_t &byte : keep)
		byte = static_cast<std::uint8_t>(~byte);
	rule.steps.push_back(Load{Header::network, wanted.offset, wanted.length, REGISTER});
	rule.steps.push_back(Mask{REGISTER, REGISTER, keep, wanted.bytes});
	rule.steps.push_back(
		Write{Header::network, wanted.offset, wanted.length, REGISTER, checksum});
}

void add_destination(Rule &rule, const Ip &ip)
{
	Rewrite rewrite;

	rewrite.daddr = ip;
	rule.steps.push_back(rewrite);
}

void add_dscp_test(Rule &rule, Family family, std::uint8_t dscp)
{
	rule.steps.push_back(tos_match(family, static_cast<unsigned int>(dscp) << 2U, 0xfc, false));
}

void add_destination_test(Rule &rule, const Ip &ip)
{
	Match match{Header::network,
		    destination_at(ip.family),
		    address_size(ip.family),
		    {},
		    ip.bytes,
		    false};

	std::fill_n(match.mask.begin(), match.length, std::uint8_t{0xff});
	rule.steps.push_back(match);
}

} // namespace dsr::nf
