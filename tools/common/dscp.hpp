// SPDX-License-Identifier: BSD-3-Clause
// A DSCP in all its notations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsr {

// As in dsr.conf: decimal, 0octal, 0xhex, or a class name.
std::optional<std::uint8_t> parse_dscp(const std::string &text);

// What people come across: also "tos N" (with a blank, a colon or "="), binary
// (000111b, 0b000111), and a number above 63, which can only be a TOS byte.
std::optional<std::uint8_t> parse_any_dscp(const std::string &text);

// "0x07": as iptables-save prints it
std::string hex(unsigned int number);

// "000111"
std::string binary(unsigned int dscp);

// "AF11", or "--" when it has no name
std::string class_name(std::uint8_t dscp);

// "DSCP 7 (TOS 28, 0x1c, 000111b)": what is configured, what ping -Q sends,
// what tcpdump prints, and the bits.
std::string dscp_text(unsigned int dscp);

// Who marks packets with it without any load balancer, as "WHO marks ... with";
// or nullptr. Such packets get to the VIP when they are for the server itself.
const char *others_use(std::uint8_t dscp);

// One notation a line; and what others use it for.
std::string all_notations(std::uint8_t dscp);

// How programs are asked for packets of a DSCP.
struct DscpFilter {
	const char *program; // "tcpdump IPv6"
	std::string expression;
};
std::vector<DscpFilter> dscp_filters(std::uint8_t dscp);

} // namespace dsr
