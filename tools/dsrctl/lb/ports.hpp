// SPDX-License-Identifier: BSD-3-Clause
// Ports: what a load balancer sends, and what the servers make of it.
#pragma once

#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

struct PortDifference {
	std::string found, expected;
};

// Does what comes to this server get to the port that the client asked for? None:
// it does, or the entries say nothing of this VIP, DSCP and server.
std::optional<PortDifference> compare_ports(const std::vector<Entry> &entries,
					    const Mapping &mapping, const Real &real);

// Is what comes to this port of a VIP sent there at all?
bool sends_port(const Mapping &mapping, const std::string &protocol, unsigned int port);

} // namespace dsr::lb
