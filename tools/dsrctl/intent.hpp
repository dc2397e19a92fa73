// SPDX-License-Identifier: BSD-3-Clause
// What start and stop want, by the configuration and by what was started
// before. Nothing here touches the system.
#pragma once

#include "dsrctl/plan.hpp"
#include "dsrctl/state.hpp"

namespace dsr {

struct Intent {
	Goal goal;
	State after; // what is remembered once the goal is reached
};

// @source: the configuration's name in the state.
// @reconcile: what an earlier start of this configuration added, and is not in
// it any more, goes.
Intent intent_to_start(const Config &config, const State &state, const std::string &source,
		       bool reconcile);

// All that was started, and nothing else: the configuration is what was.
Intent intent_to_keep(const Config &config, const State &state);

// @everything: of all configurations, and what was only discovered.
Intent intent_to_stop(const Config &config, const State &state, const std::string &source,
		      bool everything);

} // namespace dsr
