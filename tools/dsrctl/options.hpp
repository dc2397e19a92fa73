// SPDX-License-Identifier: BSD-3-Clause
// The command line of the actions.
#pragma once

#include <string>

namespace dsr {

struct Options {
	std::string directory = "/etc/dsr.d", file;
	bool all = false, top = false, keep_module = false, show = false;
	bool no_header = false, json = false, yes = false;
	int verbose = 0;
	std::string backend;		// daddr or nft; empty: as it fits
	std::string table;		// raw or mangle; empty: as it fits
	std::string rules;		// map or each; empty: as it fits
	std::string output;		// of metrics
	std::string action, argument;
};

} // namespace dsr
