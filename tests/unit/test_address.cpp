// SPDX-License-Identifier: BSD-3-Clause
// Which addresses the target refuses (daddr_address.h).
#include "catch.hpp"

#include <arpa/inet.h>

#include <string>

#include "daddr_address.h"

namespace {

std::string refused(const std::string &text)
{
	unsigned char address[16];
	const char *why;

	if (inet_pton(AF_INET, text.c_str(), address) == 1)
		why = daddr_refuse4(address);
	else {
		REQUIRE(inet_pton(AF_INET6, text.c_str(), address) == 1);
		why = daddr_refuse6(address);
	}
	return why ? why : "";
}

} // namespace

TEST_CASE("refused addresses")
{
	CHECK(refused("0.0.0.0") == "the unspecified address");
	CHECK(refused("::") == "the unspecified address");
	CHECK(refused("224.0.0.0") == "a multicast address");
	CHECK(refused("239.255.255.255") == "a multicast address");
	CHECK(refused("ff00::") == "a multicast address");
	CHECK(refused("ff02::1") == "a multicast address");
	CHECK(refused("255.255.255.255") == "the limited broadcast address");
}

TEST_CASE("addresses next to refused ones are accepted")
{
	for (auto text : {"0.0.0.1", "1.0.0.0", "127.0.0.1", "223.255.255.255", "240.0.0.0",
			  "255.255.255.254", "10.128.8.46", "::1", "1::", "fe80::1", "feff::1",
			  "2001:db8::46", "::ffff:10.128.8.46"}) {
		INFO(text);
		CHECK(refused(text).empty());
	}
}
