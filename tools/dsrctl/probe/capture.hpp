// SPDX-License-Identifier: BSD-3-Clause
// The packets that come in for the probes, as they are before netfilter or the
// routing of this host has seen them.
#pragma once

#include <functional>
#include <set>

#include "common/descriptor.hpp"
#include "dsrctl/probe/heard.hpp"
#include "dsrctl/probe/probe.hpp"

namespace dsr::probe {

class Capture {
public:
	// Of one family: what is sent to these addresses. Throws Error.
	Capture(Family family, const std::set<Ip> &us, const Check &check);

	int descriptor() const { return socket_.get(); }

	// All that is waiting to be read. @interface: where it came in
	using Handler = std::function<void(const Heard &heard, unsigned int interface)>;
	void read(const Handler &handler) const;

private:
	Descriptor socket_;
};

} // namespace dsr::probe
