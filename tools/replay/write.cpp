// SPDX-License-Identifier: BSD-3-Clause
#include "replay/write.hpp"

#include <algorithm>

#include "common/rule_steps.hpp"

namespace dsr::replay {

namespace {

class Writer {
public:
	Writer(const nf::Write &write, Steps &steps, Packet &packet, bool zero_header_checksum,
	       Trace *trace)
		: write_(write), steps_(steps), packet_(packet), keeps_zero_(zero_header_checksum),
		  trace_(trace), value_(steps.registers().bytes(write.from, write.length))
	{
	}

	Written done()
	{
		written_.on = do_it();
		return written_;
	}

private:
	void say(const char *what)
	{
		if (trace_)
			trace_->push_back(std::string("  ") + what);
	}

	// As nft_payload_set_eval(), which changes the checksums first, and writes
	// nothing when the packet has no room for one of them.
	Matched do_it()
	{
		const bool network = write_.header == nf::Header::network;
		std::uint32_t begin = 0;

		if (write_.header == nf::Header::link)
			return Matched::no;
		if (!network) {
			if (const Matched found = steps_.find_transport(); found != Matched::yes)
				return found;
			if (steps_.transport().fragment_offset)
				return Matched::no;
			begin = steps_.transport().offset;
		}
		const std::uint64_t at = std::uint64_t{begin} + write_.offset;
		if (const Matched there = look(packet_, at + write_.length); there != Matched::yes)
			return there == Matched::drop ? Matched::no : there;
		std::uint8_t *to = packet_.data + at;
		if (steps_.is_xtables() && std::equal(value_.begin(), value_.end(), to))
			return Matched::yes;
		const Delta delta = change(static_cast<std::uint32_t>(at));
		if (write_.checksum && !(network && keeps_zero_) &&
		    !follow_at(std::uint64_t{begin} + write_.checksum, delta))
			return Matched::no;
		if (network && !nf::is_tos(write_) && !follow_transport(delta))
			return Matched::no;
		written_.changed |= !std::equal(value_.begin(), value_.end(), to);
		std::copy(value_.begin(), value_.end(), to);
		return Matched::yes;
	}

	// By whole words of 16 bits, of which only a half may be written.
	Delta change(std::uint32_t at) const
	{
		const std::uint32_t begin = at & ~1U, end = (at + write_.length + 1) & ~1U;
		nf::Bytes bytes(packet_.data + begin, packet_.data + end);
		const std::uint64_t before = sum(bytes.data(), bytes.size());

		std::copy(value_.begin(), value_.end(),
			  bytes.begin() + static_cast<std::ptrdiff_t>(at - begin));
		return {before, sum(bytes.data(), bytes.size())};
	}

	// False when the packet ends before the checksum.
	bool follow_at(std::uint64_t field, const Delta &delta)
	{
		const Matched there = look(packet_, field + 2);

		written_.cut |= there == Matched::cut;
		if (there != Matched::yes)
			return there == Matched::cut;
		written_.changed |= replay::follow_at(packet_.data + field, delta,
						      !steps_.is_xtables());
		return true;
	}

	// That of the pseudo-header: nft_payload_l4csum_update(), which knows fewer
	// protocols than the target DADDR, and no routing header.
	bool follow_transport(const Delta &delta)
	{
		const Matched found = steps_.find_transport();
		const Transport &transport = steps_.transport();
		std::uint32_t field;

		written_.cut |= found == Matched::cut;
		if (found != Matched::yes || transport.fragment_offset)
			return true;
		switch (transport.protocol) {
		case DADDR_PROTO_TCP:
			field = 16;
			break;
		case DADDR_PROTO_UDP:
			if (!has_udp_checksum(transport.offset))
				return true;
			[[fallthrough]];
		case DADDR_PROTO_UDPLITE:
			field = 6;
			break;
		case DADDR_PROTO_ICMPV6:
			field = 2;
			break;
		case DADDR_PROTO_DCCP:
			say("transport checksum: nftables leaves that of DCCP as it is");
			return true;
		default:
			return true;
		}
		say("transport checksum: updated, as nftables does");
		return follow_at(std::uint64_t{transport.offset} + field, delta);
	}

	bool has_udp_checksum(std::uint32_t offset)
	{
		constexpr std::uint32_t HEADER = 8, FIELD = 6;
		const Matched there = look(packet_, std::uint64_t{offset} + HEADER);

		written_.cut |= there == Matched::cut;
		return there == Matched::yes && load16(packet_.data + offset + FIELD);
	}

	const nf::Write &write_;
	Steps &steps_;
	Packet &packet_;
	const bool keeps_zero_;
	Trace *const trace_;
	const nf::Bytes value_;
	Written written_;
};

} // namespace

Written write(const nf::Write &write, Steps &steps, Packet &packet, bool zero_header_checksum,
	      Trace *trace)
{
	return Writer(write, steps, packet, zero_header_checksum, trace).done();
}

} // namespace dsr::replay
