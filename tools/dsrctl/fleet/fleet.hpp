// SPDX-License-Identifier: BSD-3-Clause
// Many servers' files and their load balancers' configurations: do all of them
// mean the same?
#pragma once

#include "dsrctl/lb/vendor.hpp"

namespace dsr::fleet {

struct Host {
	std::string name;
	std::vector<Ip> addresses; // its own; none: not known
	Config config;
};

struct Balancer {
	std::string name;
	lb::Reading reading;
};

struct Fleet {
	std::vector<Host> hosts;
	std::vector<Balancer> balancers;
};

enum class Severity : std::uint8_t {
	note,	 // may be meant so
	warning, // no packet is lost by it
	error	 // packets of clients are lost
};

struct Finding {
	Severity severity = Severity::error;
	std::string id;			// a word for scripts
	std::string where;		// "FILE:LINE", or empty
	std::string text;		// what was found, and what was expected
	std::vector<std::string> hosts; // by name
	std::optional<Ip> vip;
	std::optional<std::uint8_t> dscp;
};

using Findings = std::vector<Finding>;

// Worst first. Every VIP of every load balancer on every server that it is
// sent to, and back.
Findings check(const Fleet &fleet);

// Servers' files alone. Servers of different pools have different VIPs, and
// may use a DSCP twice; but a VIP has the same DSCPs wherever it is.
Findings compare(const std::vector<Host> &hosts);

std::string findings_text(const Findings &findings);
std::string findings_json(const Findings &findings, const Fleet &fleet);
// 0 nothing but notes, 2 an error, 3 warnings only
int exit_status(const Findings &findings);

} // namespace dsr::fleet
