// SPDX-License-Identifier: BSD-3-Clause
// What the kernel answers, one read at a time.
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "catch.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/netlink_socket.hpp"

using namespace dsr;

namespace {

// Messages as the kernel puts one after the other (RFC 3549, 2.3.2).
class Answer {
public:
	Answer &add(int type, const void *payload = nullptr, std::size_t size = 0)
	{
		std::vector<char> message(MNL_NLMSG_HDRLEN + MNL_ALIGN(size));
		auto *header = reinterpret_cast<nlmsghdr *>(message.data());

		header->nlmsg_len = MNL_NLMSG_HDRLEN + size;
		header->nlmsg_type = type;
		if (size)
			std::memcpy(message.data() + MNL_NLMSG_HDRLEN, payload, size);
		bytes.insert(bytes.end(), message.begin(), message.end());
		return *this;
	}

	Answer &add_done(int error) { return add(NLMSG_DONE, &error, sizeof(error)); }

	// The types of what came before an error, and the error.
	std::vector<int> read(int &error) const
	{
		std::vector<int> types;

		error = each_message(
			bytes, [&](const nlmsghdr *one) { types.push_back(one->nlmsg_type); });
		return types;
	}

	std::vector<char> bytes;
};

} // namespace

TEST_CASE("dsrctl: how a netlink dump ends")
{
	const char route[13] = {};
	Answer answer;
	int error = -1;

	answer.add(RTM_NEWROUTE, route, sizeof(route));
	SECTION("well, with a word about it")
	{
		answer.add_done(0);
		CHECK(answer.read(error) == std::vector<int>{RTM_NEWROUTE, NLMSG_DONE});
		CHECK(error == 0);
	}
	SECTION("well, without")
	{
		answer.add(NLMSG_DONE);
		CHECK(answer.read(error) == std::vector<int>{RTM_NEWROUTE, NLMSG_DONE});
		CHECK(error == 0);
	}
	SECTION("early, for want of memory, at its end")
	{
		answer.add_done(-ENOMEM);
		CHECK(answer.read(error) == std::vector<int>{RTM_NEWROUTE});
		CHECK(error == ENOMEM);
	}
	SECTION("early, in its midst")
	{
		nlmsgerr refused{};

		refused.error = -EPERM;
		answer.add(NLMSG_ERROR, &refused, sizeof(refused))
			.add(RTM_NEWROUTE, route, sizeof(route));
		CHECK(answer.read(error) == std::vector<int>{RTM_NEWROUTE});
		CHECK(error == EPERM);
	}
	SECTION("in the next read")
	{
		CHECK(answer.read(error) == std::vector<int>{RTM_NEWROUTE});
		CHECK(error == 0);
	}
	SECTION("in a message that was cut")
	{
		answer.add_done(0);
		answer.bytes.pop_back();
		CHECK(answer.read(error) == std::vector<int>{RTM_NEWROUTE});
		CHECK(error == 0);
	}
}

TEST_CASE("dsrctl: whether there is IPv6 is not guessed when it cannot be read")
{
	CHECK_FALSE(has_ip6("none"));
	// a path that is there, and is none of a directory
	CHECK_THROWS_AS(has_ip6("default/disable_ipv6"), Error);
}
