// SPDX-License-Identifier: BSD-3-Clause
// Rules of the DADDR target, handed to the kernel past iptables and its plugin:
// by setsockopt, as iptables-legacy does, or by netlink, as iptables-nft does.
#pragma once

#include <netinet/in.h>
#include <linux/netfilter/x_tables.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "xt_DADDR.h"

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t USER_SIZE = offsetof(xt_daddr_info_v1, map);

struct Rule {
	unsigned int revision = 1;
	Bytes info;
	std::uint8_t protocol = 0;
	bool not_protocol = false;
	// legacy only: as it stands in the structure
	std::array<char, XT_EXTENSION_MAXNAMELEN> target{"DADDR"};
};

struct Family {
	int number;
	unsigned int address_size;
	const char *name; // in /proc/net/xt_DADDR
};

extern const Family IP4, IP6;

// ip4 or ip6
const Family &family_called(const std::string &name);

template <typename Info>
Rule make_rule(unsigned int revision, const Info &info)
{
	const auto *byte = reinterpret_cast<const std::uint8_t *>(&info);
	Rule rule;

	rule.revision = revision;
	rule.info.assign(byte, byte + sizeof(info));
	return rule;
}

xt_daddr_info_v1 info_of(const Rule &rule);

[[noreturn]] void fail_errno(const std::string &what);

// PREROUTING of the table raw, in the network namespace of the caller.
class Kernel {
public:
	virtual ~Kernel() = default;

	// Says what all rules are to be; nothing happens before commit().
	virtual void prepare(const std::vector<Rule> &rules) = 0;
	// Returns 0 or an errno.
	virtual int commit() = 0;
	// The bytes of the first rule's target, as the kernel shows them; none
	// if there is no rule.
	virtual Bytes read_back() = 0;

	int replace(const std::vector<Rule> &rules)
	{
		prepare(rules);
		return commit();
	}
};

// legacy or nft
std::unique_ptr<Kernel> open_kernel(const Family &family, const std::string &variant);

// The table of another family of nftables: NFPROTO_ARP, _BRIDGE, _INET, _NETDEV.
std::unique_ptr<Kernel> open_nft_family(std::uint16_t family);

// iptables-legacy, with a table's name as it stands in the structure
std::unique_ptr<Kernel> open_legacy_table(const Family &family,
					  const std::array<char, XT_TABLE_MAXNAMELEN> &name);

// The VIPs of rules, and those of /proc/net/xt_DADDR: "FAMILY DSCP ADDRESS".
using Vips = std::multiset<std::string>;

Vips vips_of(const Family &family, const Rule &rule);
Vips vips_of(const Family &family, const std::vector<Rule> &rules);
Vips vips_shown();

// nf_tables destroys the rule before this one a moment later.
bool shown_soon(const Vips &expected);

// What the kernel shows of a rule's target: all but what is its own.
bool same_but_for_the_kernels(const Rule &rule, Bytes found);
