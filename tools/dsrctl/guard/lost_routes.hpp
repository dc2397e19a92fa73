// SPDX-License-Identifier: BSD-3-Clause
// Local routes that were deleted while their address stayed: nothing is delivered to
// it any more.
#pragma once

#include <set>

#include "dsrctl/guard/events.hpp"

namespace dsr {

class LostRoutes {
public:
	void heard(const Event &event);

	// Those of addresses that the kernel delivers to again are not lost.
	void look();

	bool has(const Ip &ip) const { return lost_.contains(ip); }

private:
	std::set<Ip> lost_, leaving_;
};

} // namespace dsr
