// SPDX-License-Identifier: BSD-3-Clause
// What systemd is told of a service of Type=notify: sd_notify(3), by its protocol.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace dsr {

// "READY=1", "RELOADING=1" and the like, one on a line. Nothing happens when no
// manager listens.
void notify(const std::string &state);

// What has to be said before a reload, with the moment that newer managers want.
std::string reloading();

// How often the manager wants to hear WATCHDOG=1 at least: half of what it waits.
// None: it does not.
std::optional<std::chrono::microseconds> watchdog();

} // namespace dsr
