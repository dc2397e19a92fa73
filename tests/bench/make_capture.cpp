// SPDX-License-Identifier: BSD-3-Clause
// make_capture ipv4|ipv6 COUNT FILE [SIZE]: a capture of traffic to a server, which is
// marked with DSCP 7, and to others; always the same for the same COUNT. Of 12
// frames, 7 have 78 bytes, 4 have 576 and 1 has 1500; or all have SIZE.
#include <pcap/pcap.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>

#include "unit/packets.hpp"

namespace {

using packets::Bytes;

const Bytes server4 = {198, 18, 0, 1};
const Bytes server6 = {0x20, 1, 0xd, 0xb8, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

enum Kind { TCP, UDP, UDP_WITHOUT, ICMP, FIRST_FRAGMENT, LATER_FRAGMENT, OPTIONS };

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

std::uint8_t protocol_of(Kind kind)
{
	switch (kind) {
	case UDP:
	case UDP_WITHOUT:
	case LATER_FRAGMENT:
		return packets::UDP;
	default:
		return packets::TCP;
	}
}

class Maker {
public:
	// An Ethernet frame of @length bytes, with a random client and payload.
	// Of five, four are for the server, which is marked.
	Bytes make(bool v4, std::size_t length)
	{
		const std::uint64_t draw = random_();
		const bool served = draw % 5 != 0;
		const Kind kind = kind_of((draw >> 8U) % 100);
		const Bytes macs = oracle::join({{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}});

		if (v4)
			return oracle::join(
				{macs, oracle::be16(0x0800), make4(kind, length - 14, served)});
		return oracle::join({macs, oracle::be16(0x86dd), make6(kind, length - 14, served)});
	}

private:
	Bytes make4(Kind kind, std::size_t length, bool served)
	{
		const Bytes to = served ? server4 : oracle::join({{10}, random_bytes(3)});
		packets::Fields4 fields;

		fields.tos = served ? 7 << 2 : 0;
		fields.from = oracle::join({{144}, random_bytes(3)});
		fields.fragment = kind == FIRST_FRAGMENT ? 0x2000 :
				  kind == LATER_FRAGMENT ? 185 :
							   0;
		if (kind == OPTIONS)
			fields.options = {1, 1, 1, 0};
		length -= 20 + fields.options.size();
		if (kind == ICMP) {
			Bytes echo = oracle::join({{8, 0, 0, 0}, random_bytes(length - 4)});

			oracle::put16(echo, 2, oracle::checksum(echo));
			return packets::ip4(to, packets::ICMP, echo, fields);
		}
		return packets::ip4(to, protocol_of(kind),
				    kind == LATER_FRAGMENT ? random_bytes(length) :
							     transport(kind, protocol_of(kind),
								       fields.from, to, length),
				    fields);
	}

	// Of fragments and options, IPv4 has enough.
	Bytes make6(Kind kind, std::size_t length, bool served)
	{
		const Bytes from = oracle::join({{0x20}, random_bytes(15)});
		const Bytes to = served ? server6 : oracle::join({{0x20}, random_bytes(15)});
		const std::uint8_t protocol = kind == ICMP ? std::uint8_t{packets::ICMPV6} :
							     protocol_of(kind > ICMP ? TCP : kind);

		return packets::ip6(to, {}, protocol,
				    transport(kind, protocol, from, to, length - 40),
				    served ? 0x60000000U | 7U << 22U : 0x60000000U, from);
	}

	// @length bytes, with the payload.
	Bytes transport(Kind kind, std::uint8_t protocol, const Bytes &from, const Bytes &to,
			std::size_t length)
	{
		const std::size_t header = protocol == packets::TCP ? 20 : 8;
		Bytes data = packets::transport(protocol, from, to, random_bytes(length - header),
						0, 80);

		if (kind == UDP_WITHOUT)
			oracle::put16(data, 6, 0);
		return data;
	}

	Bytes random_bytes(std::size_t length)
	{
		Bytes bytes(length);

		for (std::size_t i = 0; i < length; i++) {
			if (i % 8 == 0)
				word_ = random_();
			bytes[i] = static_cast<std::uint8_t>(word_);
			word_ >>= 8U;
		}
		return bytes;
	}

	std::mt19937_64 random_{1};
	std::uint64_t word_ = 0;
};

} // namespace

int main(int argc, char *argv[])
{
	if (argc != 4 && argc != 5) {
		std::cerr << "Usage: make_capture ipv4|ipv6 COUNT FILE [SIZE]\n";
		return 2;
	}
	// 12 sizes in an order in which none comes in one piece
	static constexpr unsigned int sizes[] = {78,  576, 78,	78, 1500, 78,
						 576, 78,  576, 78, 576,  78};
	const bool v4 = std::string_view(argv[1]) == "ipv4";
	const unsigned long count = std::strtoul(argv[2], nullptr, 10);
	const auto size = static_cast<unsigned int>(
		argc == 5 ?
			std::clamp(std::strtoul(argv[4], nullptr, 10), v4 ? 64UL : 78UL, 1500UL) :
			0);
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
		header.caplen = header.len = size ? size : sizes[i % std::size(sizes)];
		pcap_dump(reinterpret_cast<u_char *>(out), &header,
			  maker.make(v4, header.len).data());
	}
	if (pcap_dump_flush(out) != 0) {
		std::cerr << "make_capture: " << argv[3] << ": not written\n";
		return 1;
	}
	pcap_dump_close(out);
	pcap_close(pcap);
}
