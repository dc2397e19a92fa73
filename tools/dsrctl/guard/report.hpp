// SPDX-License-Identifier: BSD-3-Clause
// What a guard says: what was gone, since when, and who did it.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "dsrctl/guard/back_off.hpp"
#include "dsrctl/guard/record.hpp"
#include "dsrctl/plan.hpp"

namespace dsr {

// What happened since the last look.
struct Disturbance {
	using Clock = std::chrono::system_clock;

	// For the first time now; by one that the kernel names, or not.
	void add(const std::string &who);

	Clock::time_point since{}; // none: it was found
	bool by_look = false;	   // it may be a look's interval longer ago
	std::vector<std::string> who;

	std::string by() const; // ", by process 7 (nft)"; or ""
};

// What is put back, in words: "10.128.8.46", "DSCP 7 to 10.128.8.46"
class Missing {
public:
	// @rules: what leads to VIPs are these, or values of sysctls
	Missing(const Plan &plan, const std::vector<Address> &routes, Gone rules = Gone::rule);

	const std::vector<std::string> &of(Gone gone) const
	{
		return gone_[static_cast<std::size_t>(gone)];
	}

private:
	void add(Gone gone, std::string words);

	std::array<std::vector<std::string>, std::size(GONE)> gone_;
};

std::string report(const Missing &missing, const Disturbance &disturbance,
		   Disturbance::Clock::time_point now = Disturbance::Clock::now());

// That somebody removes things again and again.
std::string contested(const BackOff &back_off, const Disturbance &disturbance);

} // namespace dsr
