// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/lost_routes.hpp"

#include "dsrctl/netlink.hpp"

namespace dsr {

// The kernel says that an address goes, then that its route does, then that the address
// is there again. The route of an IPv6 address comes in the kernel's own time after
// that: for want of it alone, nobody has deleted it.
void LostRoutes::heard(const Event &event)
{
	if (event.kind == Event::Kind::lost)
		leaving_.clear();
	if (!event.ip)
		return;
	switch (event.kind) {
	case Event::Kind::address_gone:
		leaving_.insert(*event.ip);
		lost_.erase(*event.ip);
		break;
	case Event::Kind::address_there:
		leaving_.erase(*event.ip);
		break;
	case Event::Kind::route_gone:
		if (!leaving_.contains(*event.ip))
			lost_.insert(*event.ip);
		break;
	default:
		break;
	}
}

void LostRoutes::look()
{
	std::erase_if(lost_, [](const Ip &ip) { return is_local(ip); });
}

} // namespace dsr
