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

// What is decided, and the row of the target's contract that says so.
struct Row {
	const char *decision, *contract;
};

const Row SAME = {
	"the packet has the new address already",
	"already has the new address: nothing is written",
};
const Row NO_UDP_CHECKSUM = {
	"transport checksum: 0, that is none; stays 0",
	"UDP with checksum 0: stays 0",
};
const Row TOO_SHORT = {
	"the packet ends before its transport checksum: dropped",
	"transport header too short to hold its checksum: dropped",
};
const Row CUT = {
	"transport checksum: not in the capture, whatever it was",
	"(cut by the capture: what is captured changes)",
};

Row row_of(daddr_cover cover, std::uint8_t protocol)
{
	switch (cover) {
	case DADDR_CSUM_HERE:
		return {"transport checksum: updated",
			protocol == DADDR_PROTO_ICMPV6 ?
			"ICMPv6: transport checksum (pseudo-header)" :
			"TCP, UDP, UDP-Lite, DCCP: transport checksum, incrementally (RFC 1624)"};
	case DADDR_CSUM_NONE:
		return {"transport checksum: none over the addresses",
			"ICMPv4, SCTP, ESP, AH, GRE and unknown protocols: header only"};
	case DADDR_CSUM_FRAGMENT:
		return {"transport checksum: in the first fragment, not in this one",
			"fragment, offset > 0: address only, not one byte of payload changes"};
	case DADDR_CSUM_ROUTED:
		return {"transport checksum: kept, it is of the final destination",
			"IPv6 routing header with segments left > 0: address only"};
	case DADDR_TRUNCATED:
		break;
	}
	return TOO_SHORT;
}

void explain(Trace *trace, const Row &row)
{
	if (!trace)
		return;
	trace->push_back(std::string("  ") + row.decision);
	trace->push_back(std::string("    contract: ") + row.contract);
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
		explain(trace, SAME);
		return Outcome::unchanged;
	}

	Reader reader{packet};
	daddr_csum csum{};
	daddr_cover cover = ipv6 ? daddr_find_csum6(read, &reader, &csum) :
				   daddr_find_csum4(read, &reader, &csum);
	if (!reader.cut &&
	    (cover == DADDR_TRUNCATED || !packet.holds(csum.end))) {
		explain(trace, TOO_SHORT);
		return Outcome::dropped;
	}

	__u64 delta = daddr_delta(packet.data + at, to, size);
	if (trace)
		trace->push_back("  destination: " +
				 text(destination_of(packet)) + " becomes " +
				 text(action.daddr));
	if (reader.cut || !packet.captures(csum.end)) {
		explain(trace, CUT);
		outcome = Outcome::rewritten_cut;
	} else if (cover == DADDR_CSUM_HERE &&
		   !daddr_update_csum(packet.data + csum.offset, csum.protocol,
				      delta, 0, 0)) {
		explain(trace, NO_UDP_CHECKSUM);
	} else {
		explain(trace, row_of(cover, csum.protocol));
	}
	set_address(action, packet, zero_header_checksum, delta);
	if (trace && zero_header_checksum)
		trace->push_back("  header checksum: 0, left to hardware by the host that captured: stays 0");
	return outcome;
}

} // namespace replay
