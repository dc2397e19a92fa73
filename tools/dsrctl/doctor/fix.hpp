// SPDX-License-Identifier: BSD-3-Clause
// Doing what is safe of the commands that fix a finding.
#pragma once

#include "dsrctl/doctor/finding.hpp"

namespace dsr::doctor {

// Runs the commands of the safe findings, each once: after asking on the
// terminal, or right away with @yes. Says what was done, and how to make it
// permanent, on standard error. False when nothing was done.
bool fix(const Findings &findings, bool yes);

} // namespace dsr::doctor
