// SPDX-License-Identifier: BSD-3-Clause
// What the kernel is asked directly: addresses, and what netfilter knows.
#pragma once

#include "dsrctl/plan.hpp"
#include "dsrctl/reach.hpp"

namespace dsr {

// The addresses of all interfaces.
std::vector<Address> read_addresses();

// The networks that local routes make the host's own, without the addresses
// above; none of 127.0.0.0/8.
std::vector<Network> read_local_networks();

// By which interfaces packets arrive, and to which of these addresses.
Arrivals read_arrivals(const std::vector<Address> &addresses);

// Does them in order; @done are those that changed something, or may have. When
// one fails, nothing more is added, but what can be is removed. Throws Error.
void change_addresses(const std::vector<AddressStep> &steps, std::vector<AddressStep> &done);

// Can the interface have IPv6 addresses? Throws Error when that cannot be read.
bool has_ip6(const std::string &dev = "lo");

// Does the kernel deliver what is sent to it here?
bool is_local(const Ip &ip);
// Is the interface up?
bool is_up(const std::string &dev);

enum class Target : std::uint8_t {
	absent,	   // no DADDR, and no module to load
	revision0, // one VIP a rule
	revision1, // and maps
	unknown	   // nobody who could be asked
};

// Loads the module, as the first rule would.
Target probe_target(Family family);

} // namespace dsr
