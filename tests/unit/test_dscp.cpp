// SPDX-License-Identifier: BSD-3-Clause
// DSCP values as people write them.
#include <string>

#include "catch.hpp"
#include "daddr_dscp.h"

namespace {

int parse(const std::string &text)
{
	unsigned int dscp = 99;

	return daddr_dscp_parse(text.c_str(), &dscp) ? static_cast<int>(dscp) : -1;
}

} // namespace

TEST_CASE("dscp: numbers in the bases that iptables reads")
{
	for (int dscp = 0; dscp < 64; dscp++) {
		char octal[8], hex[8];

		snprintf(octal, sizeof(octal), "0%o", static_cast<unsigned int>(dscp));
		snprintf(hex, sizeof(hex), "0x%x", static_cast<unsigned int>(dscp));
		CHECK(parse(std::to_string(dscp)) == dscp);
		CHECK(parse(octal) == dscp);
		CHECK(parse(hex) == dscp);
	}
	CHECK(parse("0X3F") == 63);
}

TEST_CASE("dscp: class names")
{
	CHECK(parse("EF") == 46);
	CHECK(parse("ef") == 46);
	CHECK(parse("BE") == 0);
	CHECK(parse("LE") == 1);
	CHECK(parse("VA") == 44);
	for (unsigned int cs = 0; cs < 8; cs++)
		CHECK(parse("cs" + std::to_string(cs)) == static_cast<int>(8 * cs));
	for (unsigned int x = 1; x <= 4; x++) {
		for (unsigned int y = 1; y <= 3; y++)
			CHECK(parse("AF" + std::to_string(10 * x + y)) ==
			      static_cast<int>(8 * x + 2 * y));
	}
}

TEST_CASE("dscp: each class name reads back as its value")
{
	unsigned int named = 0;

	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		const char *name = daddr_dscp_class(dscp);

		if (!name)
			continue;
		named++;
		CHECK(parse(name) == static_cast<int>(dscp));
	}
	CHECK(named == 8 + 12 + 3);
	CHECK(daddr_dscp_class(64) == nullptr);
}

TEST_CASE("dscp: what is none")
{
	for (const char *text : {"", " 7", "7 ", "+7", "-1", "64", "0x40", "0100", "08", "0x", "7x",
				 "EFF", "E", "AF10", "AF14", "AF51", "CS8", "99999999999999999999"})
		CHECK(parse(text) == -1);
}
