// SPDX-License-Identifier: BSD-3-Clause
// What rules write into packets without the target DADDR: the targets DSCP and TOS
// of xtables, and nf_tables, each with the checksums that the kernel keeps then.
#pragma once

#include "replay/port.hpp"
#include "replay/steps.hpp"

namespace dsr::replay {

struct Written {
	Matched on = Matched::yes; // if not, the rule ends here
	bool changed = false;	   // anything of the packet
	bool cut = false;	   // a checksum that is not captured does not follow
};

// @steps: of the rule, up to the write. @zero_header_checksum: as of apply().
Written write(const nf::Write &write, Steps &steps, Packet &packet, bool zero_header_checksum,
	      Trace *trace);

} // namespace dsr::replay
