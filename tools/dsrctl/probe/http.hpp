// SPDX-License-Identifier: BSD-3-Clause
// As much of HTTP/1.0 as a health check needs: the server closes at the end,
// and sends no chunks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dsrctl/probe/probe.hpp"

namespace dsr::probe {

std::string request(const Check &check, const Ip &vip);

// Why the regular expression is none; empty when it is one.
std::string refuse_pattern(const std::string &pattern);

// Is all of it there, before the server closes, or enough to see that it is
// no HTTP?
bool is_enough(std::string_view response);

// What a whole response is worth: verdict, text and status.
Answer judge(const Check &check, std::string_view response);

} // namespace dsr::probe
