// SPDX-License-Identifier: BSD-3-Clause
// Where in a frame the IP packet begins, by the capture's link type.
#pragma once

#include "common/packet.hpp"

namespace dsr {

enum class Link {
	ip,		// the frame holds an IP packet
	other,		// it holds something else: ARP, LLDP, ...
	unknown,	// it is of a type that is not known here
	cut		// the capture ends before that is known
};

// The link type (a DLT_ value of libpcap) of the number that stands in a file.
int link_of(unsigned int in_file);

// Can find_packet() read frames of this type?
bool link_known(int link_type);
std::string known_links();	// all that it can, for a message
std::string link_name(int link_type);	// or its number, as a text
std::string link_text(int link_type);	// number and name

Link find_packet(const Frame &frame, Packet &packet);

} // namespace dsr
