// SPDX-License-Identifier: BSD-3-Clause
// What options of rules are read with.
#pragma once

#include <optional>

#include "replay/rules.hpp"

namespace dsr::replay {

// A whole string that is a decimal or 0x number.
std::optional<unsigned long> parse_number(std::string_view text, unsigned long max);

} // namespace dsr::replay
