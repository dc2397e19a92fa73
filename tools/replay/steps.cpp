// SPDX-License-Identifier: BSD-3-Clause
// Does a rule match a packet? The functions named are the kernel's, whose
// order and answers these keep.
#include "replay/steps.hpp"

#include <algorithm>

#include "common/walk_table.hpp"

namespace dsr::replay {

Matched look(const Packet &packet, std::uint64_t end)
{
	if (packet.captures(end))
		return Matched::yes;
	return packet.holds(end) ? Matched::cut : Matched::drop;
}

namespace {

bool is_extension(std::uint8_t header)
{
	switch (header) {
	case 0:	 // hop-by-hop
	case 43: // routing
	case 44: // fragment
	case 51: // authentication
	case 59: // none
	case 60: // destination
		return true;
	}
	return false;
}

bool is_effect(const nf::Step &step)
{
	return std::holds_alternative<nf::Rewrite>(step) ||
	       std::holds_alternative<nf::Write>(step) || std::holds_alternative<nf::Verdict>(step);
}

Matched yes_if(bool holds)
{
	return holds ? Matched::yes : Matched::no;
}

} // namespace

Matched Steps::next()
{
	verdict_ = nullptr;
	while (at_ < steps_.size()) {
		const nf::Step &step = *steps_[at_++];

		effect_ = &step;
		if (is_effect(step))
			return Matched::yes;
		const Matched matched = std::visit([this](const auto &one) { return take(one); },
						   step);
		if (matched != Matched::yes || verdict_)
			return matched;
	}
	effect_ = nullptr;
	return Matched::yes;
}

Matched Steps::holds(nf::Truth truth) const
{
	return yes_if(truth == nf::Truth::maybe ? assumed_ : truth == nf::Truth::yes);
}

// ipv6_find_hdr() for any transport: Matched::yes, or why there is none.
Matched Steps::find_transport6()
{
	std::uint32_t offset = 40;

	transport_.protocol = packet_.data[6];
	while (is_extension(transport_.protocol) && transport_.protocol != 59) {
		const std::uint8_t *header = packet_.data + offset;
		// of these two, the third and fourth byte are read as well
		bool longer = transport_.protocol == 43 || transport_.protocol == 44;
		Matched here = look(packet_, std::uint64_t{offset} + (longer ? 4 : 2));

		if (here != Matched::yes)
			return here;
		if (transport_.protocol == 44) {
			std::uint32_t fragment = load16(header + 2) & ~7U;

			if (fragment && is_extension(header[0]) && header[0] != 59)
				return Matched::drop;
			if (fragment) {
				transport_.fragment_offset = fragment;
				transport_.protocol = header[0];
				return Matched::yes;
			}
			offset += 8;
		} else if (transport_.protocol == 51) {
			if (!is_xtables()) // IP6_FH_F_AUTH
				break;
			offset += (header[1] + 2U) * 4;
		} else {
			offset += (header[1] + 1U) * 8;
		}
		transport_.protocol = header[0];
	}
	transport_.offset = offset;
	// so does Debian's 6.1.0-56; the sources of older ones do not look
	return packet_.holds(offset) ? Matched::yes : Matched::drop;
}

// nf_tables drops nothing: to it, there is no transport then.
Matched Steps::find_transport()
{
	const std::uint8_t *ip = packet_.data;

	if (found_)
		return Matched::yes;
	if (packet_.family == Family::ip4) {
		transport_.protocol = ip[9];
		transport_.offset = (ip[0] & 0x0fU) * 4;
		transport_.fragment_offset = load16(ip + 6) & 0x1fff;
	} else {
		const Matched found = find_transport6();

		if (found == Matched::drop && !is_xtables())
			return Matched::no;
		if (found != Matched::yes)
			return found;
	}
	found_ = true;
	return Matched::yes;
}

// nft_payload_eval()
Matched Steps::place(nf::Header header, std::uint32_t offset, std::uint32_t length,
		     const std::uint8_t *&at)
{
	std::uint64_t begin = offset;

	if (header == nf::Header::link)
		return Matched::no;
	if (header == nf::Header::transport) {
		const Matched found = find_transport();

		if (found != Matched::yes)
			return found;
		if (transport_.fragment_offset)
			return Matched::no;
		begin += transport_.offset;
	}
	const Matched there = look(packet_, begin + length);
	at = packet_.data + begin;
	return there == Matched::drop ? Matched::no : there;
}

Matched Steps::take(const nf::Match &match)
{
	const std::uint32_t there_is = packet_.family == Family::ip4 ? 20 : 40;
	const std::uint8_t *at = packet_.data + match.offset;
	std::uint8_t differs = 0;

	// the IP header is captured
	if (match.header != nf::Header::network || match.offset + match.length > there_is) {
		const Matched there = place(match.header, match.offset, match.length, at);

		if (there != Matched::yes)
			return there;
	}
	for (std::uint32_t i = 0; i < match.length; i++)
		differs |= static_cast<std::uint8_t>((at[i] & match.mask[i]) ^ match.value[i]);
	return yes_if(!differs != match.inverted);
}

Matched Steps::take(const nf::InInterface &in) const
{
	return yes_if(interface_.empty() ? assumed_ : nf::matches(in, interface_));
}

// ip_packet_match() and ip6_packet_match()
Matched Steps::take(const nf::L4Protocol &wanted)
{
	const Matched found = find_transport();

	if (found != Matched::yes)
		return found;
	return yes_if((transport_.protocol == wanted.number) != wanted.inverted);
}

// What tcp_mt(), udp_mt(), dccp_mt() and multiport_mt() begin with.
Matched Steps::take(const nf::L4Header &header)
{
	const Matched found = find_transport();

	if (found != Matched::yes)
		return found;
	if (transport_.fragment_offset) {
		// would overwrite the flags of the first fragment
		return header.tcp && transport_.fragment_offset == 1 ? Matched::drop : Matched::no;
	}
	return packet_.holds(std::uint64_t{transport_.offset} + header.length) ? Matched::yes :
										 Matched::drop;
}

// After the header was found to be there.
Matched Steps::take(const nf::AnyPort &ports)
{
	const std::uint8_t *header = packet_.data + transport_.offset;

	if (!packet_.captures(std::uint64_t{transport_.offset} + 4))
		return Matched::cut;
	const std::uint16_t source = load16(header), destination = load16(header + 2);
	auto in = [](const auto &range, std::uint16_t port) {
		return port >= range.first && port <= range.second;
	};
	const bool any = std::any_of(ports.ranges.begin(), ports.ranges.end(),
				     [&](const auto &range) {
					     return (ports.source && in(range, source)) ||
						    (ports.destination && in(range, destination));
				     });
	return yes_if(any != ports.inverted);
}

Matched Steps::take(const nf::Load &load)
{
	const nf::Bytes all(load.length, 0xff);
	const std::uint8_t *at;
	const Matched there = place(load.header, load.offset, load.length, at);

	if (there == Matched::yes)
		registers_.put(load.to, at, all.data(), load.length);
	return there;
}

Matched Steps::take(const nf::LoadMeta &load)
{
	constexpr std::uint8_t IPV4 = 2, IPV6 = 10; // NFPROTO_
	const bool ip4 = packet_.family == Family::ip4;

	registers_.forget(load.to);
	switch (load.key) {
	case nf::Meta::nfproto:
		registers_.constant(load.to, {ip4 ? IPV4 : IPV6});
		break;
	case nf::Meta::protocol:
		registers_.constant(load.to, ip4 ? nf::Bytes{0x08, 0x00} : nf::Bytes{0x86, 0xdd});
		break;
	case nf::Meta::l4proto:
		if (const Matched found = find_transport(); found != Matched::yes)
			return found;
		registers_.constant(load.to, {transport_.protocol});
		break;
	case nf::Meta::iifname:
		if (!interface_.empty()) {
			nf::Bytes name(interface_.begin(), interface_.end());

			name.resize(16); // IFNAMSIZ
			registers_.constant(load.to, name);
		}
		break;
	case nf::Meta::iif:
	case nf::Meta::other:
		break;
	}
	return Matched::yes;
}

Matched Steps::take(const nf::Constant &constant)
{
	registers_.constant(constant.to, constant.value);
	return Matched::yes;
}

Matched Steps::take(const nf::Mask &mask)
{
	nf::apply(mask, registers_);
	return Matched::yes;
}

Matched Steps::take(const nf::Shift &shift)
{
	nf::apply(shift, registers_);
	return Matched::yes;
}

Matched Steps::take(const nf::SwapBytes &swap)
{
	nf::apply(swap, registers_);
	return Matched::yes;
}

Matched Steps::take(const nf::Test &test) const
{
	return holds(nf::compare(registers_, test));
}

Matched Steps::take(const nf::Between &range) const
{
	return holds(nf::between(registers_, range));
}

Matched Steps::take(const nf::Lookup &lookup)
{
	const auto set = table_.sets.find(lookup.set);

	if (set == table_.sets.end())
		return Matched::no;
	const nf::Found found = nf::look_up(set->second, registers_, lookup.from);
	if (!lookup.to && !lookup.verdict) {
		const nf::Truth truth = found.elements.empty() ? nf::Truth::no :
					!found.nothing	       ? nf::Truth::yes :
								 nf::Truth::maybe;

		return holds(nf::inverted(truth, lookup.inverted));
	}
	if (found.elements.empty() || (found.nothing && !assumed_))
		return Matched::no;
	if (lookup.verdict)
		verdict_ = &found.elements[0]->verdict;
	else
		registers_.constant(*lookup.to, found.elements[0]->data);
	return Matched::yes;
}

Matched matches(const nf::Rule &rule, const Packet &packet, std::string_view interface)
{
	static const nf::Table xtables{nf::Table::Owner::legacy, "", "", {}, {}};

	std::vector<const nf::Step *> steps;

	for (const nf::Step &step : rule.steps)
		steps.push_back(&step);
	return Steps(xtables, steps, packet, interface, true).next();
}

} // namespace dsr::replay
