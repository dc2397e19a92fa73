// SPDX-License-Identifier: BSD-3-Clause
// What was seen, as a table for people and as JSON.
#pragma once

#include "common/diagnosis.hpp"

namespace dsr::watch {

struct Progress {
	double seconds = 0;	// of a live capture
	std::uint64_t lost = 0; // packets that came too fast
	bool end = false;	// nothing follows
};

std::string report_table(const Diagnosis &diagnosis, const Progress &progress);
// On one line.
std::string report_json(const Diagnosis &diagnosis, const Progress &progress);

} // namespace dsr::watch
