// SPDX-License-Identifier: BSD-3-Clause
// The notations of a DSCP.
#include "catch.hpp"
#include "common/dscp.hpp"

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
	for (const char *bad : {"", "64", "077777", "08", "0x", "0x40", "-1",
				"+1", "7 ", " 7", "7x", "AF", "AF14", "CS8",
				"99999999999999999999", "1.5"})
		CHECK_FALSE(parse_dscp(bad));
	CHECK_FALSE(parse_dscp(std::string("7\0", 2)));
}

TEST_CASE("dsrctl: a DSCP in any notation")
{
	for (const char *same : {"10", "0xa", "012", "AF11", "001010b",
				 "0b001010", "tos:40", "tos 40", "TOS=0x28",
				 "tos:43"})
		CHECK(parse_any_dscp(same) == 10);
	CHECK(parse_any_dscp("184") == 46);	// above 63: a TOS byte
	CHECK(parse_any_dscp("0xb8") == 46);
	CHECK(parse_any_dscp("0xb") == 11);	// not binary
	CHECK(parse_any_dscp("1b") == 1);
	for (const char *bad : {"", "256", "tos", "tos:", "tos:256", "b",
				"0b", "12b", "0b1000000", "1000000b", "-7",
				"tos:-1", "AF"})
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
