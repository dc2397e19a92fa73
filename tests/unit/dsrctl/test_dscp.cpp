// SPDX-License-Identifier: BSD-3-Clause
// The notations of a DSCP.
#include <memory>

#include <pcap/pcap.h>

#include "catch.hpp"
#include "common/dscp.hpp"
#include "packets.hpp"

using namespace dsr;

TEST_CASE("dsrctl: a DSCP as dsr.conf has it")
{
	CHECK(parse_dscp("0") == 0);
	CHECK(parse_dscp("63") == 63);
	CHECK(parse_dscp("013") == 11);
	CHECK(parse_dscp("0x3f") == 63);
	CHECK(parse_dscp("0X10") == 16);
	CHECK(parse_dscp("EF") == 46);
	CHECK(parse_dscp("af11") == 10);
	CHECK(parse_dscp("BE") == 0);
	for (const char *bad : {"", "64", "077777", "08", "0x", "0x40", "-1", "+1", "7 ", " 7",
				"7x", "AF", "AF14", "CS8", "99999999999999999999", "1.5"})
		CHECK_FALSE(parse_dscp(bad));
	CHECK_FALSE(parse_dscp(std::string("7\0", 2)));
}

TEST_CASE("dsrctl: a DSCP in any notation")
{
	for (const char *same : {"10", "0xa", "012", "AF11", "001010b", "0b001010", "tos:40",
				 "tos 40", "TOS=0x28", "tos:43"})
		CHECK(parse_any_dscp(same) == 10);
	CHECK(parse_any_dscp("184") == 46); // above 63: a TOS byte
	CHECK(parse_any_dscp("0xb8") == 46);
	CHECK(parse_any_dscp("0xb") == 11); // not binary
	CHECK(parse_any_dscp("1b") == 1);
	for (const char *bad : {"", "256", "tos", "tos:", "tos:256", "b", "0b", "12b", "0b1000000",
				"1000000b", "-7", "tos:-1", "AF"})
		CHECK_FALSE(parse_any_dscp(bad));
}

TEST_CASE("dsrctl: all notations of a DSCP")
{
	CHECK(all_notations(7) == "DSCP      7\n"
				  "DSCP hex  0x07\n"
				  "TOS       28\n"
				  "TOS hex   0x1c\n"
				  "binary    000111\n"
				  "class     --\n");
	CHECK(all_notations(18).ends_with(
		"\nwarning   OpenSSH itself marks sessions with it: better none of a VIP\n"));
	for (std::uint8_t dscp : {8, 18, 46, 48})
		CHECK(others_use(dscp));
	CHECK_FALSE(others_use(17));
	CHECK(dscp_text(7) == "DSCP 7 (TOS 28, 0x1c, 000111b)");
	CHECK(dscp_text(1) == "DSCP 1 (TOS 4, 0x04, 000001b)");
	CHECK(binary(63) == "111111");
	CHECK(hex(252) == "0xfc");
	CHECK(class_name(46) == "EF");
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		CHECK(parse_any_dscp(binary(dscp) + "b") == dscp);
		CHECK(parse_any_dscp(hex(dscp)) == dscp);
		CHECK(parse_any_dscp("tos:" + hex(dscp << 2)) == dscp);
		if (class_name(dscp) != "--")
			CHECK(parse_any_dscp(class_name(dscp)) == dscp);
	}
}

// By libpcap, whose expressions those of tcpdump are, of packets with every DSCP
// and ECN.
TEST_CASE("dsrctl: tcpdump's expressions find the packets of a DSCP")
{
	const packets::Bytes to4 = packets::Bytes(4, 10), to6 = packets::Bytes(16, 0x20);
	std::unique_ptr<pcap_t, decltype(&pcap_close)> pcap(pcap_open_dead(DLT_RAW, 65535),
							    pcap_close);

	auto finds = [&](bpf_program &program, const packets::Bytes &packet) {
		pcap_pkthdr header{};

		header.caplen = header.len = static_cast<bpf_u_int32>(packet.size());
		return pcap_offline_filter(&program, &header, packet.data()) != 0;
	};
	for (std::uint8_t wanted = 1; wanted < 64; wanted++)
		for (int family : {0, 1}) {
			bpf_program program;
			const auto filter = dscp_filters(wanted)[family];

			REQUIRE(pcap_compile(pcap.get(), &program, filter.expression.c_str(), 1,
					     PCAP_NETMASK_UNKNOWN) == 0);
			for (unsigned int tos = 0; tos < 256; tos++) {
				packets::Fields4 fields;

				fields.tos = static_cast<std::uint8_t>(tos);
				CHECK(finds(program, packets::ip4(to4, packets::UDP, {}, fields)) ==
				      (family == 0 && tos >> 2 == wanted));
				CHECK(finds(program, packets::ip6(to6, {}, packets::UDP, {},
								  0x60000000U | tos << 20U)) ==
				      (family == 1 && tos >> 2 == wanted));
			}
			pcap_freecode(&program);
		}
}
