// SPDX-License-Identifier: BSD-3-Clause
// What is printed of the results.
#pragma once

#include "dsrctl/probe/probe.hpp"

namespace dsr::probe {

struct Report {
	Check check;
	Timing timing;
	std::vector<Result> results;
	std::vector<std::string> skipped;
};

// 0 all succeed, 2 one fails, 3 none fails and one is to be warned of.
int exit_status(const Report &report);

// Of one target: what it is, an answer, and the sum of several.
std::string head_text(const Target &target, const Check &check);
std::string answer_text(const Answer &answer, unsigned int number);
std::string sum_text(const Result &result);

// One line each.
std::string table_text(const Report &report);

std::string report_json(const Report &report);

// For Prometheus.
std::string probe_metrics(const Report &report);

// One line as monitoring plugins print it, and their exit status.
std::string nagios_text(const Report &report);
int nagios_status(const Report &report);
// 0 also with warnings, or 1: keepalived takes a server out for anything but
// 0, and with misc_dynamic anything above 1 for a weight.
int keepalived_status(const Report &report);

} // namespace dsr::probe
