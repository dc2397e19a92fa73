// SPDX-License-Identifier: BSD-3-Clause
// The attributes of what nf_tables says by netlink.
#pragma once

#include <netinet/in.h> // before the kernel's headers, which then leave out the same

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>

#include "common/ruleset.hpp"
#include "dsrctl/netlink_socket.hpp"

namespace dsr {

// The attributes of a message or of another attribute, by type. Absent ones
// read as nothing or 0.
class Attributes {
public:
	explicit Attributes(const nlmsghdr *message)
		: begin_(static_cast<const char *>(
			  mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)))),
		  size_(message->nlmsg_len -
			std::min<std::size_t>(message->nlmsg_len,
					      NLMSG_ALIGN(sizeof(nlmsghdr)) +
						      NLMSG_ALIGN(sizeof(nfgenmsg))))
	{
	}
	explicit Attributes(const nlattr *nest)
		: begin_(nest ? static_cast<const char *>(mnl_attr_get_payload(nest)) : nullptr),
		  size_(nest ? mnl_attr_get_payload_len(nest) : 0)
	{
	}

	template <typename Handler>
	void each(Handler handler) const
	{
		auto *at = reinterpret_cast<const nlattr *>(begin_);
		int left = static_cast<int>(size_);

		while (mnl_attr_ok(at, left)) {
			handler(at);
			left -= MNL_ALIGN(at->nla_len);
			at = mnl_attr_next(at);
		}
	}
	const nlattr *find(std::uint16_t type) const
	{
		const nlattr *found = nullptr;

		each([&](const nlattr *one) {
			if (mnl_attr_get_type(one) == type)
				found = one;
		});
		return found;
	}
	Attributes in(std::uint16_t type) const { return Attributes(find(type)); }
	bool has(std::uint16_t type) const { return find(type); }
	nf::Bytes bytes(std::uint16_t type) const
	{
		const nlattr *found = find(type);

		if (!found)
			return {};
		auto *data = static_cast<const std::uint8_t *>(mnl_attr_get_payload(found));
		return nf::Bytes(data, data + mnl_attr_get_payload_len(found));
	}
	std::string text(std::uint16_t type) const
	{
		const nf::Bytes raw = bytes(type);

		return std::string(raw.begin(), std::find(raw.begin(), raw.end(), 0));
	}
	// in network byte order, as nearly all of them are
	std::uint64_t number(std::uint16_t type) const
	{
		std::uint64_t sum = 0;

		for (const std::uint8_t byte : bytes(type))
			sum = sum << 8U | byte;
		return sum;
	}
	std::uint32_t number32(std::uint16_t type) const
	{
		return static_cast<std::uint32_t>(number(type));
	}

private:
	const char *begin_;
	std::size_t size_;
};

// NFT_REG_1 to 4 are of 16 bytes, and NFT_REG32_00 and those after it of 4.
inline nf::Register register_of(const Attributes &from, std::uint16_t type)
{
	const std::uint32_t number = from.number32(type);

	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return static_cast<nf::Register>((number - NFT_REG_1) * 16);
	if (number >= NFT_REG32_00 && number < NFT_REG32_00 + 16)
		return static_cast<nf::Register>((number - NFT_REG32_00) * 4);
	return 0;
}

inline nf::Verdict verdict_of(const Attributes &data)
{
	using Kind = nf::Verdict::Kind;
	const Attributes verdict = data.in(NFTA_DATA_VERDICT);
	const std::string chain = verdict.text(NFTA_VERDICT_CHAIN);

	switch (static_cast<std::int32_t>(verdict.number32(NFTA_VERDICT_CODE))) {
	case NFT_CONTINUE:
		return {Kind::next, ""};
	case NFT_RETURN:
		return {Kind::leave, ""};
	case NFT_JUMP:
		return {Kind::jump, chain};
	case NFT_GOTO:
		return {Kind::go, chain};
	case NF_ACCEPT:
		return {Kind::accept, ""};
	case NF_DROP:
		return {Kind::drop, ""};
	default:
		return {Kind::elsewhere, ""};
	}
}

inline nf::Bytes value_of(const Attributes &from, std::uint16_t type)
{
	return from.in(type).bytes(NFTA_DATA_VALUE);
}

} // namespace dsr
