// SPDX-License-Identifier: BSD-3-Clause
// The checks: each looks at the facts, and at nothing else.
#pragma once

#include "dsrctl/doctor/facts.hpp"
#include "dsrctl/doctor/finding.hpp"

namespace dsr::doctor {

// All checks, one after the other; what is worst comes first.
Findings examine(const Facts &facts);

// check_module.cpp
Findings check_module(const Facts &facts);
Findings check_kernel_modules(const Facts &facts);
Findings check_plugin(const Facts &facts);

// check_rules.cpp
Findings check_configuration(const Facts &facts);
Findings check_rules(const Facts &facts);
Findings check_unread(const Facts &facts);
Findings check_rewrite_off(const Facts &facts);
Findings check_owners(const Facts &facts);
Findings check_variants(const Facts &facts);
Findings check_conntrack(const Facts &facts);
Findings check_router(const Facts &facts);
Findings check_others(const Facts &facts);
Findings check_answers(const Facts &facts);

// check_dormant.cpp
Findings check_dormant(const Facts &facts);

// check_network.cpp
Findings check_addresses(const Facts &facts);
Findings check_rp_filter(const Facts &facts);
Findings check_arp(const Facts &facts);
Findings check_offload(const Facts &facts);
Findings check_path_mtu(const Facts &facts);

// check_source.cpp
Findings check_source(const Facts &facts);

// check_service.cpp
Findings check_services(const Facts &facts);
Findings check_refused(const Facts &facts);

// check_sample.cpp
Findings check_unmapped(const Facts &facts);
Findings check_unmarked(const Facts &facts);

// check_managers.cpp
Findings check_flushers(const Facts &facts);
Findings check_owners_of_addresses(const Facts &facts);

// compare.cpp: two hosts' files
Findings compare(const Config &here, const Config &there, const std::string &directory);

// --- for all of them

// By what packets come, and to which addresses but VIPs.
Arrivals arrivals(const Facts &facts);
// Does a VIP want the module?
bool needs_module(const Facts &facts);
// The command dsrctl with the options that name the configuration.
Command dsrctl(const Facts &facts, const Command &words);
// "2.0 s"
std::string seconds_text(const Sample &sample);
// Does a rule that leads there set the port, too?
bool sets_port(const Facts &facts, std::uint8_t dscp, const Ip &ip);
// "a, b and c"
std::string list(const std::vector<std::string> &words);

} // namespace dsr::doctor
