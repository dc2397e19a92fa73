// SPDX-License-Identifier: BSD-3-Clause
// What Prometheus and its like read of this server.
#pragma once

#include <map>
#include <string_view>
#include <tuple>

#include "common/metrics_text.hpp"
#include "dsrctl/guard/record.hpp"
#include "dsrctl/state.hpp"
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

// What there is besides VIPs. Empty: not known.
struct Server {
	std::string version;		     // of dsrctl
	std::string backend;		     // of the last start
	std::string target, rewrite;	     // versions of the modules in the kernel
	std::optional<std::int64_t> changed; // by dsrctl; seconds since 1970
	GuardRecord guard = {};
};

// Of this host.
Server read_server(const State &state, const StateFile &file);

std::string metrics_text(const Config &config, const std::vector<Row> &rows, const Actual &actual,
			 const Counts &maps, const Server &server, MetricsFormat format);

} // namespace dsr
