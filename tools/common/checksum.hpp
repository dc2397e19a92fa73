// SPDX-License-Identifier: BSD-3-Clause
// Is a packet's transport checksum right? Answered by a full sum, made without
// the rewrite core: this is the judge of what the core did.
#pragma once

#include "common/packet.hpp"
#include "common/sum.hpp"

namespace dsr {

enum class Checksum : std::uint8_t {
	none, // the packet carries none that covers its addresses
	good,
	bad,
	unknown, // not all of what it covers is here (fragment, cut)
	count
};

// What a packet's transport checksum covers, summed up once. A rewrite changes
// the destination, its port and the checksum field, which are left out of the
// sum, so that the same object judges the packet before and after.
class Coverage {
public:
	explicit Coverage(const Packet &packet);

	// Judge the packet as its bytes are now.
	Checksum verify(const Packet &packet) const
	{
		if (fixed_ != Checksum::count)
			return fixed_;
		if (optional_ && !load16(packet.data + field_))
			return Checksum::none;
		return fold(add(rest_, sum_changing(packet))) == 0xffff ? Checksum::good :
									  Checksum::bad;
	}

	// Offset of the checksum field, if verify() looks at one.
	std::uint32_t field() const { return field_; }

private:
	// Sum up @covered bytes of the transport, and a pseudo-header that gives its
	// length as @length; but neither what may change of them.
	void add_up(const Packet &packet, std::uint32_t offset, std::uint32_t covered,
		    std::uint32_t length)
	{
		std::uint64_t header = in_network_order(length) + in_network_order(protocol_);

		if (packet.family == Family::ip4)
			header += sum_words<2>(packet.data + 12);
		else
			header += sum_words<8>(packet.data + 8);
		// of the last of a routing header's destinations, not of the next
		if (!destination_)
			header = add(header, ~sum_words<4>(packet.data + 24));
		rest_ = add(add(rest_, header), sum(packet.data + offset, covered));
		// minus that, in ones' complement
		rest_ = add(rest_, ~sum_changing(packet));
	}

	Coverage() = default;
	void find4(const Packet &packet);
	void find6(const Packet &packet);
	void find_transport(const Packet &packet, std::uint32_t offset, std::uint8_t protocol);
	void take(const Packet &packet, std::uint32_t offset, std::uint32_t covered,
		  std::uint32_t length);
	// What a rewrite may change.
	std::uint64_t sum_changing(const Packet &packet) const
	{
		const std::uint8_t *ip = packet.data;
		std::uint64_t total = word_at<std::uint16_t>(ip + field_);

		if (port_)
			total += word_at<std::uint16_t>(ip + port_);
		if (!destination_)
			return total;
		return total + (packet.family == Family::ip4 ? sum_words<1>(ip + 16) :
							       sum_words<4>(ip + 24));
	}

	Checksum fixed_ = Checksum::count; // the answer, whatever the
					   // bytes; or count: sum up
	bool optional_ = false;		   // a field of 0 means none
	bool destination_ = true;	   // the header's is covered
	std::uint8_t protocol_ = 0;
	std::uint32_t field_ = 0;
	std::uint32_t port_ = 0; // offset of the destination's
	std::uint64_t rest_ = 0;
};

// The same in fewer steps, of a packet that receive_plain() took, of that protocol.
template <Family FAMILY, std::uint8_t PROTOCOL>
class PlainCoverage {
public:
	[[gnu::always_inline]] explicit inline PlainCoverage(const Packet &packet)
		: ip_(packet.data), whole_(packet.captured == packet.length)
	{
		if (!whole_)
			return;
		// the addresses of the pseudo-header stand before the transport
		const std::uint32_t length = packet.length - ADDRESSES;
		if (length < 2 * address_size(FAMILY))
			__builtin_unreachable(); // sum() need not ask
		const std::uint64_t all = add(sum(ip_ + ADDRESSES, length),
					      in_network_order(packet.length - HEADER + PROTOCOL));
		before_ = judge(all);
		rest_ = add(all, ~sum_changing());
	}

	// When this was made.
	Checksum before() const { return before_; }
	// Judge the packet as its bytes are now.
	Checksum verify() const
	{
		return whole_ ? judge(add(rest_, sum_changing())) : Checksum::unknown;
	}

private:
	static constexpr std::uint32_t HEADER = header_size(FAMILY),
				       ADDRESSES = source_offset(FAMILY),
				       DESTINATION = destination_offset(FAMILY), PORT = HEADER + 2,
				       FIELD = HEADER + (PROTOCOL == DADDR_PROTO_UDP ? 6 : 16);

	Checksum judge(std::uint64_t sum) const
	{
		if (PROTOCOL == DADDR_PROTO_UDP && !word_at<std::uint16_t>(ip_ + FIELD))
			return Checksum::none;
		return fold(sum) == 0xffff ? Checksum::good : Checksum::bad;
	}
	std::uint64_t sum_changing() const
	{
		return word_at<std::uint16_t>(ip_ + FIELD) + word_at<std::uint16_t>(ip_ + PORT) +
		       sum_words<address_size(FAMILY) / 4>(ip_ + DESTINATION);
	}

	const std::uint8_t *ip_;
	bool whole_;
	Checksum before_ = Checksum::unknown;
	std::uint64_t rest_ = 0;
};

} // namespace dsr
