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
