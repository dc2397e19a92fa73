// SPDX-License-Identifier: BSD-3-Clause
#include "port.hpp"

#include <cstring>

#include "daddr_rewrite.h"

namespace replay {

namespace {

// A packet as the core reads it. The core is given what was captured; that
// it asked for more, of a packet that had more, is remembered.
struct Reader {
	const Packet &packet;
	mutable bool cut = false;
};

const void *read(const void *from, unsigned int offset, unsigned int length,
		 void *)
{
	const auto *reader = static_cast<const Reader *>(from);
	std::uint64_t end = std::uint64_t{offset} + length;

	if (reader->packet.captures(end))
		return reader->packet.data + offset;
	if (reader->packet.holds(end))
		reader->cut = true;
	return nullptr;
}

const char *describe(daddr_cover cover)
{
	switch (cover) {
	case DADDR_CSUM_HERE:
		return "updated";
	case DADDR_CSUM_NONE:
		return "none of this protocol covers the addresses";
	case DADDR_CSUM_FRAGMENT:
		return "not in this fragment, which is a later one: no byte of the payload changes";
	case DADDR_CSUM_ROUTED:
		return "kept: a routing header has segments left, so it covers the final destination, which does not change";
	case DADDR_TRUNCATED:
		break;
	}
	return "not known";
}

void explain(Trace *trace, const std::string &what)
{
	if (trace)
		trace->push_back("  transport checksum: " + what);
}

// The address, and of IPv4 the header checksum.
void set_address(const Action &action, Packet &packet,
		 bool zero_header_checksum, __u64 delta)
{
	if (packet.family == Family::ip6) {
		daddr_set6(packet.data, action.daddr.bytes.data());
		return;
	}
	daddr_set4(packet.data, action.daddr.bytes.data(), delta);
	if (zero_header_checksum)
		std::memset(packet.data + DADDR_IP4_CHECK, 0, 2);
}

} // namespace

Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum,
	      Trace *trace)
{
	const bool ipv6 = packet.family == Family::ip6;
	const unsigned int size = ipv6 ? 16 : 4;
	const unsigned int at = ipv6 ? unsigned{DADDR_IP6_DADDR} :
				       unsigned{DADDR_IP4_DADDR};
	const std::uint8_t *to = action.daddr.bytes.data();
	Outcome outcome = Outcome::rewritten;

	if (!std::memcmp(packet.data + at, to, size)) {
		if (trace)
			trace->push_back("  has the address " +
					 text(action.daddr) +
					 " already: nothing is written");
		return Outcome::unchanged;
	}

	Reader reader{packet};
	daddr_csum csum{};
	daddr_cover cover = ipv6 ? daddr_find_csum6(read, &reader, &csum) :
				   daddr_find_csum4(read, &reader, &csum);
	if (!reader.cut &&
	    (cover == DADDR_TRUNCATED || !packet.holds(csum.end))) {
		explain(trace, "the packet ends before it: dropped");
		return Outcome::dropped;
	}

	__u64 delta = daddr_delta(packet.data + at, to, size);
	if (trace)
		trace->push_back("  destination: " +
				 text(destination_of(packet)) + " becomes " +
				 text(action.daddr));
	if (reader.cut || !packet.captures(csum.end)) {
		explain(trace, "the capture ends before it: not updated");
		outcome = Outcome::rewritten_cut;
	} else if (cover == DADDR_CSUM_HERE &&
		   !daddr_update_csum(packet.data + csum.offset, csum.protocol,
				      delta, 0)) {
		explain(trace, "0 in UDP means there is none: stays 0");
	} else {
		explain(trace, describe(cover));
	}
	set_address(action, packet, zero_header_checksum, delta);
	if (trace && zero_header_checksum)
		trace->push_back("  header checksum: 0, left to hardware by the host that captured: stays 0");
	return outcome;
}

} // namespace replay
