// SPDX-License-Identifier: BSD-3-Clause
// Where in a frame the IP packet begins, by the capture's link type.
#pragma once

#include <pcap/dlt.h>

#include "common/packet.hpp"

namespace dsr {

enum class Link {
	ip,	 // the frame holds an IP packet
	other,	 // it holds something else: ARP, LLDP, ...
	unknown, // it is of a type that is not known here
	cut	 // the capture ends before that is known
};

// The link type (a DLT_ value of libpcap) of the number that stands in a file.
int link_of(unsigned int in_file);

// Can find_packet() read frames of this type?
bool link_known(int link_type);
std::string known_links();	      // all that it can, for a message
std::string link_name(int link_type); // or its number, as a text
std::string link_text(int link_type); // number and name

Link find_any_packet(const Frame &frame, Packet &packet);

inline Link find_packet(const Frame &frame, Packet &packet)
{
	constexpr std::uint32_t ETHERNET = 14;

	// nearly all frames
	if (frame.interface->link_type == DLT_EN10MB && !frame.fcs && frame.captured >= ETHERNET) {
		const std::uint16_t type = load16(frame.data + 12);

		if (type == 0x0800 || type == 0x86dd) {
			packet.data = frame.data + ETHERNET;
			packet.captured = frame.captured - ETHERNET;
			packet.length = frame.length - ETHERNET;
			packet.family = type == 0x0800 ? Family::ip4 : Family::ip6;
			return Link::ip;
		}
	}
	Packet any; // what has no address stays in registers
	const Link link = find_any_packet(frame, any);

	packet = any;
	return link;
}

} // namespace dsr
