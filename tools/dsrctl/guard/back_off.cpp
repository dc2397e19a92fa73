// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/back_off.hpp"

#include <algorithm>

namespace dsr {

void BackOff::repaired(Time now)
{
	if (now >= over())
		*this = {};
	last_ = now;
	if (++count_ > FREE)
		wait_ = std::clamp(wait_ * 2, FIRST, MOST);
}

void BackOff::failed(Time now)
{
	repaired(now);
	if (!waits())
		wait_ = FIRST;
}

bool BackOff::calm_down(Time now)
{
	if (!waits() || now < over())
		return false;
	*this = {};
	return true;
}

} // namespace dsr
