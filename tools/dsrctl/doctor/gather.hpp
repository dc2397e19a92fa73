// SPDX-License-Identifier: BSD-3-Clause
// Gathering the facts of this host.
#pragma once

#include "dsrctl/doctor/facts.hpp"
#include "dsrctl/doctor/root.hpp"

namespace dsr::doctor {

// gather.cpp: everything but the sample. Throws Error.
Facts gather(Config config);

// gather_module.cpp
// @variant: of iptables, or empty
ModuleFacts gather_module(const Root &root, const std::string &release, const std::string &variant);
// What modinfo printed of xt_DADDR and, after it, of another module.
void parse_modinfo(const std::string &text, ModuleFacts &module);
// The lines of the kernel's log that say why the module was refused.
std::vector<std::string> refusals(const std::string &log);

// gather_network.cpp
// What of @facts is read from /proc: switches and counters.
void gather_switches(const Root &root, Facts &facts);
// The counter of a protocol in /proc/net/netstat; 0 when it is not there.
unsigned long netstat_counter(const std::string &text, const std::string &name);
std::vector<Link> gather_links();
// None when the kernel does not tell.
std::optional<std::vector<Listener>> gather_listeners();

// sample.cpp
// Looks at what arrives, for so long. Throws Error.
Sample take_sample(double seconds, Diagnosis diagnosis);

} // namespace dsr::doctor
