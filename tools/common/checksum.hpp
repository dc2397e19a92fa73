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
	[[gnu::always_inline]] explicit inline Coverage(const Packet &packet)
	{
		if (!packet.plain || !take_plain(packet))
			*this = of_any(packet);
	}

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
	// What of_any() finds, in fewer steps; false when something is unusual.
	[[gnu::always_inline]] inline bool take_plain(const Packet &packet)
	{
		const std::uint32_t offset = header_size(packet.family);
		const std::uint32_t length = packet.length - offset;

		if (packet.captured != packet.length)
			return false;
		if (packet.plain == DADDR_PROTO_TCP) {
			field_ = offset + 16;
		} else {
			if (load16(packet.data + offset + 4) != length)
				return false;
			optional_ = true;
			field_ = offset + 6;
		}
		protocol_ = packet.plain;
		port_ = offset + 2;
		add_up(packet, offset, length, length);
		return true;
	}
	// Sum up @covered bytes of the transport, and a pseudo-header that gives its
	// length as @length; but neither what may change of them.
	[[gnu::always_inline]] inline void add_up(const Packet &packet, std::uint32_t offset,
						  std::uint32_t covered, std::uint32_t length)
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
	static Coverage of_any(const Packet &packet);
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

} // namespace dsr
