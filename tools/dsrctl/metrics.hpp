// SPDX-License-Identifier: BSD-3-Clause
// OpenMetrics text, of the kinds that node_exporter's textfile collector reads.
#pragma once

#include <map>
#include <string_view>
#include <tuple>

#include "dsrctl/status.hpp"

namespace dsr {

struct Count {
	std::uint64_t packets = 0, bytes = 0;
};

// Of a table and what is done in it.
using Counts = std::map<std::pair<std::string, Item>, Count>;

// What /proc/net/xt_DADDR says; lines that it does not say are ignored.
Counts parse_counters(std::string_view text);
// The module's of this host; none when it counts nothing.
Counts read_counters();

std::string metrics_text(const Config &config, const std::vector<Row> &rows,
			 const Actual &actual, const Counts &maps);

} // namespace dsr
