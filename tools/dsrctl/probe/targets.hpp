// SPDX-License-Identifier: BSD-3-Clause
// What is to be probed: the servers, and the VIPs of a configuration on each.
#pragma once

#include <vector>

#include "dsrctl/config.hpp"
#include "dsrctl/probe/probe.hpp"

namespace dsr::probe {

// Addresses with commas between them; or else the name of a file of servers.
// Throws Error, which names every line that is wrong.
std::vector<Ip> read_servers(const std::string &list_or_file);

struct Targets {
	std::vector<Target> targets;
	std::vector<std::string> skipped; // what cannot be probed, and why
};

// Every entry against every server of its family. Throws Error.
Targets combine(const Config &config, const std::vector<Ip> &servers);

} // namespace dsr::probe
