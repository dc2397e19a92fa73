// SPDX-License-Identifier: BSD-3-Clause
// Findings, as they are printed.
#pragma once

#include "dsrctl/doctor/facts.hpp"
#include "dsrctl/doctor/finding.hpp"

namespace dsr::doctor {

// @notes: with those that are notes only
std::string findings_text(const Findings &findings, bool notes);

// The last line. @what: has been looked at, "7 VIPs"
std::string summary(const Findings &findings, const std::string &what, bool notes);

std::string findings_json(const Findings &findings);

// For Prometheus. @sample: null when nothing was looked at.
std::string findings_metrics(const Findings &findings, const Sample *sample);

// 0 nothing but notes, 2 an error, 3 nothing worse than a warning
int exit_status(const Findings &findings);

} // namespace dsr::doctor
