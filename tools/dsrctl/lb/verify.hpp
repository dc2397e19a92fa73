// SPDX-License-Identifier: BSD-3-Clause
// Do the load balancer's configuration and the servers' say the same?
#pragma once

#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

struct Verdict {
	std::vector<std::string> differences; // each with file and line
	// Lines that may be right, and that nobody here understands. With one
	// of them, nobody may say that both sides agree.
	std::vector<std::string> not_understood;

	bool agree() const { return differences.empty() && not_understood.empty(); }
};

// @site: what the servers have, @entries included that no load balancer marks.
// Real servers are compared in pools that have some. Marked VIPs of servers
// that are in none of these pools are of other pools, and left alone.
Verdict verify(const std::vector<Entry> &entries, const Site &site, const Reading &reading,
	       const std::string &file);

} // namespace dsr::lb
