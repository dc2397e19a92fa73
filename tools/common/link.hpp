// SPDX-License-Identifier: BSD-3-Clause
// Where in a frame the IP packet begins, by the capture's link type.
#pragma once

#include "common/packet.hpp"

namespace dsr {

enum class Link {
	ip,		// the frame holds an IP packet
	other,		// it holds something else: ARP, LLDP, ...
	cut		// the capture ends before that is known
};

// Can find_packet() read frames of this type (a DLT_ value of libpcap)?
bool link_known(int link_type);
std::string link_names();	// all that it can, for a message

Link find_packet(int link_type, const Frame &frame, Packet &packet);

} // namespace dsr
