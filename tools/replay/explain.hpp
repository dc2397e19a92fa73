// SPDX-License-Identifier: BSD-3-Clause
// One packet before and after, field by field, and why.
#pragma once

#include "replay/capture.hpp"
#include "replay/engine.hpp"

namespace dsr::replay {

// Processes the frame, which @reader has read last.
std::string explain_frame(const CaptureReader &reader, Engine &engine,
			  const Frame &frame, std::uint64_t number);

} // namespace dsr::replay
