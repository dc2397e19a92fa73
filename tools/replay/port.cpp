// SPDX-License-Identifier: BSD-3-Clause
#include "replay/port.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace dsr::replay {

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
const Row UNMAPPED = {
	"map: no entry for this DSCP: the packet stays as it is",
	"--dscp-map: no entry, no change",
};
const Row PORT_FRAGMENT = {
	"destination port: in the first fragment, not in this one",
	"--set-dport: fragments after the first carry no port",
};
const Row PORT_NONE = {
	"destination port: none that can be set here",
	"--set-dport: TCP, UDP, UDP-Lite, DCCP",
};
const Row PORT_CUT = {
	"destination port: not in the capture, whatever it was",
	"(cut by the capture: what is captured changes)",
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
void set_address(const Address &to, Packet &packet, bool zero_header_checksum,
		 __u64 delta)
{
	if (packet.family == Family::ip6) {
		daddr_set6(packet.data, to.bytes.data());
		return;
	}
	daddr_set4(packet.data, to.bytes.data(), delta);
	if (zero_header_checksum)
		std::memset(packet.data + DADDR_IP4_CHECK, 0, 2);
}

// The packet's destination port, and whether it is to be set.
enum class Port {
	stays,		// it is not to be set, is right already, or is none
	changes,	// or is to: a packet that has no room for it is dropped
	cut		// the capture ends before it
};

Port decide_port(const Action &action, const Packet &packet, bool cut,
		 daddr_cover cover, const daddr_csum &csum)
{
	if (!action.dport)
		return Port::stays;
	if (cut)
		return Port::cut;
	if (!daddr_has_dport(cover, &csum))
		return Port::stays;
	const std::uint64_t at = std::uint64_t{csum.transport} + DADDR_DPORT;
	if (packet.captures(at + 2))
		return load16(packet.data + at) == action.dport ?
		       Port::stays : Port::changes;
	return packet.holds(at + 2) ? Port::cut : Port::changes;
}

void explain_port(Trace &trace, const Action &action, const Packet &packet,
		  Port port, daddr_cover cover, const daddr_csum &csum)
{
	std::string line = "  destination port: ";

	if (!action.dport)
		return;
	if (port == Port::cut) {
		explain(&trace, PORT_CUT);
	} else if (daddr_has_dport(cover, &csum)) {
		line += std::to_string(load16(packet.data + csum.transport +
					      DADDR_DPORT));
		line += port == Port::stays ? " already" :
			" becomes " + std::to_string(action.dport);
		trace.push_back(line);
	} else {
		explain(&trace, cover == DADDR_CSUM_FRAGMENT ? PORT_FRAGMENT :
							       PORT_NONE);
	}
}

void explain_destination(Trace &trace, const Packet &packet, const Address &to)
{
	trace.push_back("  destination: " + text(destination_of(packet)) +
			" becomes " + text(to));
}

void explain_entry(Trace &trace, const Packet &packet, const Address *to)
{
	if (to)
		trace.push_back("  map: " + dscp_text(dscp_of(packet)) +
				" is " + text(*to));
	else
		explain(&trace, UNMAPPED);
}

} // namespace

// The order is that of daddr_rewrite4() and 6 in kmod/daddr_target.c.
Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum,
	      Trace *trace)
{
	const bool ipv6 = packet.family == Family::ip6;
	const unsigned int size = ipv6 ? 16 : 4;
	const unsigned int at = ipv6 ? unsigned{DADDR_IP6_DADDR} :
				       unsigned{DADDR_IP4_DADDR};
	const Address *to = action.destination(dscp_of(packet));

	if (trace && action.is_map())
		explain_entry(*trace, packet, to);
	if (!to)
		return Outcome::unmapped;

	const bool set_daddr = std::memcmp(packet.data + at, to->bytes.data(),
					   size);
	if (!set_daddr && !action.dport) {
		explain(trace, SAME);
		return Outcome::unchanged;
	}

	Reader reader{packet};
	daddr_csum csum{};
	daddr_cover cover = ipv6 ? daddr_find_csum6(read, &reader, &csum) :
				   daddr_find_csum4(read, &reader, &csum);
	const bool cut = reader.cut;
	const Port port = decide_port(action, packet, cut, cover, csum);

	if (!set_daddr && port != Port::changes &&
	    (cut || cover != DADDR_TRUNCATED)) {
		explain(trace, SAME);
		if (trace)
			explain_port(*trace, action, packet, port, cover, csum);
		return port == Port::cut ? Outcome::unchanged_cut :
					   Outcome::unchanged;
	}
	if (!cut && (cover == DADDR_TRUNCATED || !packet.holds(csum.end))) {
		explain(trace, TOO_SHORT);
		return Outcome::dropped;
	}

	if (trace && set_daddr)
		explain_destination(*trace, packet, *to);
	if (trace)
		explain_port(*trace, action, packet, port, cover, csum);

	__u64 delta = 0;
	__u32 port_delta = 0;
	if (set_daddr)
		delta = daddr_delta(packet.data + at, to->bytes.data(), size);
	if (port == Port::changes)
		port_delta = daddr_set_dport(packet.data + csum.transport,
					     htons(action.dport));
	const bool here = !cut && packet.captures(csum.end);
	if (!here)
		explain(trace, CUT);
	else if (cover == DADDR_CSUM_HERE &&
		 !daddr_update_csum(packet.data + csum.offset, csum.protocol,
				    delta, port_delta, 0))
		explain(trace, NO_UDP_CHECKSUM);
	else if (trace)
		explain(trace, row_of(cover, csum.protocol));
	if (set_daddr)
		set_address(*to, packet, zero_header_checksum, delta);
	if (trace && set_daddr && zero_header_checksum)
		trace->push_back("  header checksum: 0, left to hardware by the host that captured: stays 0");
	return here ? Outcome::rewritten : Outcome::rewritten_cut;
}

} // namespace dsr::replay
