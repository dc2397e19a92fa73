// SPDX-License-Identifier: BSD-3-Clause
#include "replay/port.hpp"

#include <arpa/inet.h>

#include <cstring>

#include "common/dscp.hpp"

namespace dsr::replay {

namespace {

// A packet as the core reads it. The core is given what was captured; that
// it asked for more, of a packet that had more, is remembered.
struct Reader {
	const Packet &packet;
	bool cut = false;
};

const void *read(void *from, unsigned int offset, unsigned int length)
{
	auto *reader = static_cast<Reader *>(from);
	std::uint64_t end = std::uint64_t{offset} + length;

	if (reader->packet.captures(end))
		return reader->packet.data + offset;
	if (reader->packet.holds(end))
		reader->cut = true;
	return nullptr;
}

// A decision, and the row of the contract (include/README.md) that says so.
struct Row {
	const char *decision, *contract;
};

const Row SAME = {
	"the packet has the new address already",
	"row 2: has the new destination already: nothing is written",
};
const Row UNMAPPED = {
	"map: no entry for this DSCP: the packet stays as it is",
	"row 13: a map without an entry for the DSCP: stays as it is",
};
const Row PORT_FRAGMENT = {
	"destination port: in the first fragment, not in this one",
	"row 12: --set-dport: a later fragment has no port",
};
const Row PORT_NONE = {
	"destination port: none that can be set here",
	"row 12: --set-dport: TCP, UDP, UDP-Lite, DCCP",
};
const Row PORT_CUT = {
	"destination port: not in the capture, whatever it was",
	"(cut by the capture: what is captured changes)",
};
const Row NO_UDP_CHECKSUM = {
	"transport checksum: 0, that is none; stays 0",
	"row 4: UDP with checksum 0: stays 0",
};
const Row TOO_SHORT = {
	"the packet ends before its transport checksum: dropped",
	"row 11: ends before its transport checksum: dropped",
};
const Row CUT = {
	"transport checksum: not in the capture, whatever it was",
	"(cut by the capture: what is captured changes)",
};

Row checksum_row(const daddr_change &change, const Packet &packet)
{
	switch (change.l4csum) {
	case DADDR_L4CSUM_HERE:
		// of UDP, 0 is none, and none is made 0
		if (change.l4proto == DADDR_PROTO_UDP &&
		    !load16(packet.data + change.l4csum_offset))
			return NO_UDP_CHECKSUM;
		return {"transport checksum: updated",
			change.l4proto == DADDR_PROTO_ICMPV6 ?
				"row 5: ICMPv6: the checksum, which covers the pseudo-header" :
				"row 3: TCP, UDP, UDP-Lite, DCCP: transport checksum, incrementally (RFC 1624)"};
	case DADDR_L4CSUM_NONE:
		return {"transport checksum: none over the addresses",
			"row 6: ICMPv4, SCTP, ESP, AH, GRE, any other protocol: header only"};
	case DADDR_L4CSUM_FRAGMENT:
		return {"transport checksum: in the first fragment, not in this one",
			"row 7: fragment, offset > 0: the address only, not one byte of payload changes"};
	case DADDR_L4CSUM_ROUTED:
		return {"transport checksum: kept, it is of the final destination",
			"row 10: IPv6 routing header with segments left > 0: the address only"};
	case DADDR_L4CSUM_CUT:
	case DADDR_L4CSUM_UNKNOWN:
		break;
	}
	return CUT;
}

void explain(Trace &trace, const Row &row)
{
	trace.push_back(std::string("  ") + row.decision);
	trace.push_back(std::string("    contract: ") + row.contract);
}

// Is a port that is to be set past the end of the capture?
bool lacks_port(const daddr_change &change, const Packet &packet)
{
	if (change.l4csum == DADDR_L4CSUM_UNKNOWN)
		return true;
	return change.l4csum == DADDR_L4CSUM_CUT && change.l4proto != DADDR_PROTO_ICMPV6 &&
	       !packet.captures(std::uint64_t{change.thoff} + DADDR_DPORT + 2);
}

// What is said of a packet before anything of it changes.
struct Before {
	Ip daddr;
	std::uint16_t dport = 0;
};

Before before(const daddr_change &change, const Packet &packet)
{
	Before found{destination_of(packet)};

	if (change.set_dport)
		found.dport = load16(packet.data + change.thoff + DADDR_DPORT);
	return found;
}

void explain_port(Trace &trace, const Action &action, const Packet &packet,
		  const daddr_change &change, const Before &before)
{
	const std::string line = "  destination port: ";

	if (!action.dport)
		return;
	if (lacks_port(change, packet))
		explain(trace, PORT_CUT);
	else if (change.set_dport)
		trace.push_back(line + std::to_string(before.dport) + " becomes " +
				std::to_string(action.dport));
	else if (daddr_has_dport(&change) || change.l4csum == DADDR_L4CSUM_CUT)
		trace.push_back(line + std::to_string(action.dport) + " already");
	else
		explain(trace, change.l4csum == DADDR_L4CSUM_FRAGMENT ? PORT_FRAGMENT : PORT_NONE);
}

// From what was decided, once it is applied.
void explain(Trace &trace, Outcome outcome, const Action &action, const Ip &to,
	     const Packet &packet, const daddr_change &change, const Before &before)
{
	switch (outcome) {
	case Outcome::unmapped:
		break;
	case Outcome::dropped:
		explain(trace, TOO_SHORT);
		break;
	case Outcome::unchanged:
	case Outcome::unchanged_cut:
		explain(trace, SAME);
		explain_port(trace, action, packet, change, before);
		break;
	case Outcome::rewritten:
	case Outcome::rewritten_cut:
		if (change.set_daddr)
			trace.push_back("  destination: " + text(before.daddr) + " becomes " +
					text(to));
		explain_port(trace, action, packet, change, before);
		explain(trace, checksum_row(change, packet));
	}
}

void explain_entry(Trace &trace, const Packet &packet, const Ip *to)
{
	if (to)
		trace.push_back("  map: " + dscp_text(dscp_of(packet)) + " is " + text(*to));
	else
		explain(trace, UNMAPPED);
}

// @cut: the core was told that the packet ends where only the capture does.
Outcome outcome_of(daddr_verdict verdict, const daddr_change &change, bool cut)
{
	const bool changes = change.set_daddr || change.set_dport;

	if (cut)
		return changes ? Outcome::rewritten_cut : Outcome::unchanged_cut;
	if (verdict == DADDR_DROP)
		return Outcome::dropped;
	return verdict == DADDR_CHANGE ? Outcome::rewritten : Outcome::unchanged;
}

} // namespace

// Decides and applies. @old: what is to be said of the packet before, or null.
[[gnu::always_inline]] static inline Outcome rewrite(const Ip &to, std::uint16_t port,
						     const Packet &packet,
						     bool zero_header_checksum,
						     daddr_change &change, Before *old)
{
	const bool ipv6 = packet.family == Family::ip6;
	const __u8 *address = to.bytes.data();
	const __u16 dport = htons(port);
	Reader reader{packet};
	const daddr_verdict verdict = ipv6 ? daddr_decide6(read, &reader, address, dport, &change) :
					     daddr_decide4(read, &reader, address, dport, &change);
	const Outcome outcome = outcome_of(verdict, change, reader.cut);

	if (old)
		*old = before(change, packet);

	if (outcome == Outcome::rewritten || outcome == Outcome::rewritten_cut) {
		if (ipv6)
			daddr_apply6(packet.data, address, &change, 0);
		else
			daddr_apply4(packet.data, address, &change, 0);
		if (!ipv6 && zero_header_checksum)
			std::memset(packet.data + DADDR_IP4_CHECK, 0, 2);
	}
	return outcome;
}

Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum)
{
	const Ip *to = action.destination(dscp_of(packet));
	daddr_change change{};

	if (!to)
		return Outcome::unmapped;
	return rewrite(*to, action.dport, packet, zero_header_checksum, change, nullptr);
}

Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum, Trace *trace)
{
	const Ip *to = action.destination(dscp_of(packet));
	daddr_change change{};
	Before old;

	if (!trace)
		return apply(action, packet, zero_header_checksum);
	if (action.is_map())
		explain_entry(*trace, packet, to);
	if (!to)
		return Outcome::unmapped;
	const Outcome outcome = rewrite(*to, action.dport, packet, zero_header_checksum, change,
					&old);
	explain(*trace, outcome, action, *to, packet, change, old);
	if (change.set_daddr && zero_header_checksum && outcome != Outcome::dropped)
		trace->push_back(
			"  header checksum: 0, left to hardware by the host that captured: stays 0");
	return outcome;
}

} // namespace dsr::replay
