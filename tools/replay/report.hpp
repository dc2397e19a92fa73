// SPDX-License-Identifier: BSD-3-Clause
// What was counted, as a table for people and as JSON.
#pragma once

#include <optional>

#include "replay/capture.hpp"
#include "replay/engine.hpp"

namespace dsr::replay {

struct Report {
	std::string input, output; // output: empty when nothing is written
	std::string link_type;
	const Counters &counters;
	const Diagnosis &diagnosis;
	const Ruleset &rules;
	bool with_servers; // given, not learnt
	std::optional<Damage> damage;
	int status;
};

std::string damage_text(const std::string &name, const Damage &damage);
std::string report_table(const Report &report);
std::string report_json(const Report &report);

} // namespace dsr::replay
