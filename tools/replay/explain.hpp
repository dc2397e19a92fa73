// SPDX-License-Identifier: BSD-3-Clause
// One packet before and after, field by field, and why.
#pragma once

#include "replay/engine.hpp"

namespace dsr::replay {

// Processes the frame, which is the capture's @number.
std::string explain_frame(Engine &engine, const Frame &frame, std::uint64_t number);

} // namespace dsr::replay
