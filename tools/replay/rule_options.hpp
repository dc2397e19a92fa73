// SPDX-License-Identifier: BSD-3-Clause
// What the two halves of the rule parser, lines and options, share.
#pragma once

#include <optional>

#include "replay/rules.hpp"

namespace dsr::replay {

// Throw "found FOUND, expected WHAT".
[[noreturn]] void expected(const std::string &found, const std::string &what);
// A whole string that is a decimal or 0x number.
std::optional<unsigned long> parse_number(std::string_view text,
					  unsigned long max);

} // namespace dsr::replay
