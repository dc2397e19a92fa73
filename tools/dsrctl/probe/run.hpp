// SPDX-License-Identifier: BSD-3-Clause
// Probes all targets side by side.
#pragma once

#include <functional>

#include "dsrctl/probe/probe.hpp"

namespace dsr::probe {

// Told of each answer as it comes; @number: of the attempt, from 1.
using Progress = std::function<void(const Answer &answer, unsigned int number)>;

// One result for each target, in their order. Throws Error.
std::vector<Result> run(const std::vector<Target> &targets, const Check &check,
			const Timing &timing, const Progress &progress);

} // namespace dsr::probe
