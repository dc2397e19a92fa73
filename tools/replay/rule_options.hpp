// SPDX-License-Identifier: BSD-3-Clause
// What the two halves of the rule parser, lines and options, share.
#pragma once

#include "replay/rules.hpp"

namespace dsr::replay {

// Throw "found FOUND, expected WHAT".
[[noreturn]] void expected(const std::string &found, const std::string &what);
// Text of a file, to be put into a message.
std::string quote(const std::string &text);

} // namespace dsr::replay
