// SPDX-License-Identifier: BSD-3-Clause
// What rules write into packets without the target DADDR: the targets DSCP and TOS
// of xtables, and nf_tables, each with the checksums that the kernel keeps then.
#pragma once

#include "common/sum.hpp"
#include "replay/port.hpp"
#include "replay/steps.hpp"

namespace dsr::replay {

struct Written {
	Matched on = Matched::yes; // if not, the rule ends here
	bool changed = false;	   // anything of the packet
	bool cut = false;	   // a checksum that is not captured does not follow
};

// @steps: of the rule, up to the write. @zero_header_checksum: as of apply().
Written write(const nf::Write &write, Steps &steps, Packet &packet, bool zero_header_checksum,
	      Trace *trace);

// What a sum over the packet changes by when these bytes do.
struct Delta {
	std::uint64_t from, to;
};

// A checksum over it (RFC 1624).
inline std::uint16_t follow(std::uint16_t check, const Delta &delta)
{
	const auto sum = static_cast<std::uint16_t>(~check);

	return static_cast<std::uint16_t>(~fold(add(add(sum, ~delta.from), delta.to)));
}

// The checksum follows. Returns whether it changed. @nft: as nft_csum_replace() has it,
// which makes none 0, in whatever header.
inline bool follow_at(std::uint8_t *field, const Delta &delta, bool nft)
{
	const auto check = static_cast<std::uint16_t>(word_at<std::uint16_t>(field));
	std::uint16_t after = follow(check, delta);

	if (!after && nft)
		after = 0xffff;
	std::memcpy(field, &after, sizeof(after));
	return after != check;
}

// What nf_tables makes of a plain packet, as of apply_plain(), where a rule writes its
// destination and all checksums follow. Returns whether anything changed.
template <Family FAMILY, std::uint8_t PROTOCOL>
inline bool write_plain(const Ip &to, std::uint8_t *ip)
{
	constexpr std::uint32_t SIZE = address_size(FAMILY),
				FIELD = header_size(FAMILY) +
					(PROTOCOL == DADDR_PROTO_TCP ? 16 : 6);
	std::uint8_t *at = ip + destination_offset(FAMILY);
	const Delta delta{sum_words<SIZE / 4>(at), sum_words<SIZE / 4>(to.bytes.data())};
	bool changed = std::memcmp(at, to.bytes.data(), SIZE);

	if (FAMILY == Family::ip4)
		changed |= follow_at(ip + DADDR_IP4_CHECK, delta, true);
	// of UDP, 0 is none
	if (PROTOCOL == DADDR_PROTO_TCP || word_at<std::uint16_t>(ip + FIELD))
		changed |= follow_at(ip + FIELD, delta, true);
	std::memcpy(at, to.bytes.data(), SIZE);
	return changed;
}

} // namespace dsr::replay
