// SPDX-License-Identifier: BSD-3-Clause
// Steps that ask for a packet's TOS or destination, and that set them.
#pragma once

#include "common/ruleset.hpp"

namespace dsr::nf {

// The offset of the destination address in the IP header.
std::uint32_t destination_at(Family family);

// The bits of the TOS or the traffic class, and which of them; 8 bits.
Match tos_match(Family family, unsigned int value, unsigned int mask, bool inverted);

// Does it change the TOS or the traffic class, rather than an address or a port?
bool is_tos(const Write &write);
// Does a step of it, or may it?
bool sets_tos(const Rule &rule);

// Of a packet's TOS, these bits become those.
void add_tos_write(Rule &rule, Family family, unsigned int value, unsigned int mask);

// A rule that gives packets this address; it ends with this step.
void add_destination(Rule &rule, const Ip &ip);

// The packet has this DSCP; it has this destination.
void add_dscp_test(Rule &rule, Family family, std::uint8_t dscp);
void add_destination_test(Rule &rule, const Ip &ip);

} // namespace dsr::nf
