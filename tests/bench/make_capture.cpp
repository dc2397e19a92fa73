// SPDX-License-Identifier: BSD-3-Clause
// make_capture ipv4|ipv6 COUNT FILE [SIZE]: a capture of traffic to a server, which is
// marked with DSCP 7, and to others; always the same for the same COUNT. Of 12
// frames, 7 have 78 bytes, 4 have 576 and 1 has 1500; or all have SIZE.
#include <pcap/pcap.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string_view>
#include <vector>

#include "common/sum.hpp"

using namespace dsr;

namespace {

constexpr std::uint8_t server4[4] = {198, 18, 0, 1};
constexpr std::uint8_t server6[16] = {0x20, 1, 0xd, 0xb8, 0, 7, 0, 0,
				      0, 0, 0, 0, 0, 0, 0, 1};

enum Kind { TCP, UDP, UDP_WITHOUT, ICMP, FIRST_FRAGMENT, LATER_FRAGMENT, OPTIONS };

void put16(std::uint8_t *to, std::size_t value)
{
	to[0] = static_cast<std::uint8_t>(value >> 8);
	to[1] = static_cast<std::uint8_t>(value);
}

void put_sum(std::uint8_t *field, std::uint64_t total)
{
	std::uint16_t check = static_cast<std::uint16_t>(~fold(total));

	if (!check)
		check = 0xffff;
	std::memcpy(field, &check, sizeof(check));
}

// Of 100 packets, so many are of each kind.
Kind kind_of(unsigned int percent)
{
	if (percent < 60)
		return TCP;
	if (percent < 85)
		return UDP;
	if (percent < 88)
		return UDP_WITHOUT;
	if (percent < 94)
		return ICMP;
	if (percent < 96)
		return FIRST_FRAGMENT;
	if (percent < 98)
		return LATER_FRAGMENT;
	return OPTIONS;
}

class Maker {
public:
	// An Ethernet frame of @length bytes, which are random where nothing
	// else is said. Of five, four are for the server.
	const std::uint8_t *make(bool v4, std::size_t length)
	{
		for (std::size_t i = 0; i < length; i += 8) {
			const std::uint64_t word = random_();

			std::memcpy(frame_ + i, &word, 8);
		}
		const bool served = frame_[0] % 5 != 0;

		kind_ = kind_of(frame_[1] % 100);
		frame_[0] = 2;	// addresses of one local network
		frame_[6] = 2;
		if (v4)
			make4(frame_ + 14, length - 14, served);
		else
			make6(frame_ + 14, length - 14, served);
		return frame_;
	}

private:
	void make4(std::uint8_t *ip, std::size_t length, bool served)
	{
		const std::size_t header = kind_ == OPTIONS ? 24 : 20;

		put16(ip - 2, 0x0800);
		ip[0] = static_cast<std::uint8_t>(0x40 | header / 4);
		ip[1] = served ? 7 << 2 : 0;
		put16(ip + 2, length);
		put16(ip + 6, kind_ == FIRST_FRAGMENT ? 0x2000 :
			      kind_ == LATER_FRAGMENT ? 185 : 0);
		ip[8] = 61;
		ip[9] = protocol(1);
		put16(ip + 10, 0);
		ip[12] = 144;
		if (served)
			std::memcpy(ip + 16, server4, sizeof(server4));
		else
			ip[16] = 10;
		if (header > 20)
			std::memcpy(ip + 20, "\1\1\1\0", 4);
		put_sum(ip + 10, sum(ip, static_cast<std::uint32_t>(header)));
		transport(ip + header, length - header, sum(ip + 12, 8),
			  ip[9]);
	}

	void make6(std::uint8_t *ip, std::size_t length, bool served)
	{
		// of fragments and options, IPv4 has enough
		if (kind_ > ICMP)
			kind_ = TCP;
		put16(ip - 2, 0x86dd);
		ip[0] = 0x60 | (served ? 7 >> 2 : 0);
		ip[1] = served ? (7 & 3) << 6 : 0;
		put16(ip + 4, length - 40);
		ip[6] = protocol(58);
		ip[7] = 61;
		ip[8] = 0x20;
		if (served)
			std::memcpy(ip + 24, server6, sizeof(server6));
		else
			ip[24] = 0x20;
		transport(ip + 40, length - 40, sum(ip + 8, 32), ip[6]);
	}

	std::uint8_t protocol(std::uint8_t icmp) const
	{
		switch (kind_) {
		case UDP: case UDP_WITHOUT: case LATER_FRAGMENT:
			return 17;
		case ICMP:
			return icmp;
		default:
			return 6;
		}
	}

	// The rest, and the checksum over it.
	void transport(std::uint8_t *at, std::size_t length,
		       std::uint64_t addresses, std::uint8_t protocol)
	{
		const std::uint32_t size = static_cast<std::uint32_t>(length);
		std::uint8_t *field = at + 16;
		std::uint64_t total = addresses;

		if (kind_ == LATER_FRAGMENT || kind_ == FIRST_FRAGMENT)
			return;
		if (protocol == 17) {
			put16(at + 4, length);
			field = at + 6;
		} else if (protocol == 6) {
			at[12] = 0x50;
		} else {
			at[0] = protocol == 1 ? 8 : 128;
			field = at + 2;
		}
		put16(field, 0);
		if (kind_ == UDP_WITHOUT)
			return;
		if (protocol == 1)
			total = 0;	// no pseudo-header
		else
			total = add(total, in_network_order(
						protocol + size));
		put_sum(field, add(total, sum(at, size)));
	}

	std::mt19937_64 random_{1};
	Kind kind_ = TCP;
	std::uint8_t frame_[1520];
};

} // namespace

int main(int argc, char *argv[])
{
	if (argc != 4 && argc != 5) {
		std::cerr << "Usage: make_capture ipv4|ipv6 COUNT FILE [SIZE]\n";
		return 2;
	}
	// 12 sizes in an order in which none comes in one piece
	static constexpr unsigned int sizes[] = {78, 576, 78, 78, 1500, 78,
						 576, 78, 576, 78, 576, 78};
	const bool v4 = std::string_view(argv[1]) == "ipv4";
	const unsigned long count = std::strtoul(argv[2], nullptr, 10);
	const auto size = static_cast<unsigned int>(
		argc == 5 ? std::clamp(std::strtoul(argv[4], nullptr, 10), v4 ? 64UL : 78UL, 1500UL) : 0);
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *out = pcap_dump_open(pcap, argv[3]);
	Maker maker;

	if (!out) {
		std::cerr << "make_capture: " << pcap_geterr(pcap) << '\n';
		return 1;
	}
	for (unsigned long i = 0; i < count; i++) {
		pcap_pkthdr header{};

		header.ts.tv_sec = static_cast<time_t>(i / 1000000);
		header.ts.tv_usec = static_cast<suseconds_t>(i % 1000000);
		header.caplen = header.len = size ? size :
					     sizes[i % std::size(sizes)];
		pcap_dump(reinterpret_cast<u_char *>(out), &header,
			  maker.make(v4, header.len));
	}
	if (pcap_dump_flush(out) != 0) {
		std::cerr << "make_capture: " << argv[3] << ": not written\n";
		return 1;
	}
	pcap_dump_close(out);
	pcap_close(pcap);
}
