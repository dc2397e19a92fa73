// SPDX-License-Identifier: BSD-3-Clause
// What changes without a word of the kernel: the legacy tables of iptables, and the
// sysctls of dscp_rewrite. A look costs a few system calls, and starts no program.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "dsrctl/rules.hpp"

namespace dsr {

// Where to look.
struct Quiet {
	std::set<std::pair<Family, Table>> legacy;
	bool sysctls = false;

	bool empty() const { return legacy.empty() && !sysctls; }
	bool operator==(const Quiet &) const = default;
};

// Two that are equal: nothing has changed but counters.
std::string fingerprint(const Quiet &quiet);

// Of a table that the kernel has; "" when there is none, or it cannot be read.
std::string legacy_rules(Family family, Table table);

} // namespace dsr
