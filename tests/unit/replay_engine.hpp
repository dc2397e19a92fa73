// SPDX-License-Identifier: BSD-3-Clause
// One packet and its rules, through daddr-replay's engine.
#pragma once

#include <pcap/dlt.h>

#include "replay_packets.hpp"

namespace replay_test {

using dsr::Checksum;
using dsr::Drop;
using dsr::replay::Engine;
using dsr::replay::index_of;
using dsr::replay::Passed;

const char VIP4[] = "10.128.8.46", VIP6[] = "2001:db8::46";

// DSCP 7 becomes the VIP, in both families.
inline dsr::replay::Ruleset vip_rules()
{
	dsr::replay::Ruleset ruleset;

	dsr::replay::parse_rules(
		"*raw\n"
		"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46\n"
		"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 2001:db8::46\n"
		"COMMIT\n",
		"rules", ruleset);
	return ruleset;
}

// One packet through a new engine.
struct Run {
	explicit Run(const Bytes &packet, std::size_t wire = 0,
		     const dsr::replay::Ruleset &given = vip_rules())
		: bytes(packet), ruleset(given), engine(ruleset, {})
	{
		kept = engine.process_any(frame(bytes, wire), &trace);
	}

	const dsr::replay::Counters &counters() const { return engine.counters(); }
	bool rewritten() const { return counters().rewritten().packets; }
	std::uint64_t after(Checksum checksum) const { return counters().after(checksum); }

	Bytes bytes;
	dsr::replay::Ruleset ruleset;
	dsr::replay::Trace trace;
	Engine engine;
	bool kept;
};

inline Header to_vip(Header ip)
{
	ip.destination = ip.source[0] == '1' ? VIP4 : VIP6;
	return ip;
}

inline const char *name_of(std::uint8_t protocol)
{
	switch (protocol) {
	case TCP:
		return "tcp";
	case UDP:
		return "udp";
	case UDPLITE:
		return "udplite";
	case DCCP:
		return "dccp";
	}
	return "all";
}

// The VIP of the packet's family, and port 443.
inline dsr::replay::Ruleset port_rules(const Header &ip)
{
	std::string vip = ip.source[0] == '1' ? VIP4 : VIP6;

	return rules(std::string("-p ") + name_of(ip.protocol) + " -j DADDR --set-daddr " + vip +
		     " --set-dport 443");
}

inline Header to_port(Header ip)
{
	ip.port = 443;
	return ip;
}

} // namespace replay_test
