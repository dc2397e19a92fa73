// SPDX-License-Identifier: BSD-3-Clause
// refused_rules ip4|ip6 legacy|nft [FLOOD]
//
// Hands one rule of each kind that must be refused to the kernel, past iptables
// and its plugin, while a good one is there, which stays. With FLOOD, one of
// them so many times. Overwrites the table raw of its network namespace, and
// needs to be root in nothing but that.
#include <algorithm>
#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "raw_rules.hpp"

namespace {

nf_inet_addr address_of(const Family &family)
{
	nf_inet_addr address{};
	auto *byte = reinterpret_cast<std::uint8_t *>(&address);

	std::fill_n(byte, family.address_size, std::uint8_t{10});
	return address;
}

xt_daddr_info_v1 good_map(const Family &family)
{
	xt_daddr_info_v1 info{};

	info.mapped = 1ULL << 7;
	info.daddr[7] = address_of(family);
	return info;
}

xt_daddr_info_v1 good_single(const Family &family)
{
	xt_daddr_info_v1 info{};

	info.daddr[0] = address_of(family);
	return info;
}

struct Row {
	const char *name;
	std::function<Rule(const Family &)> make;
	const char *variant = nullptr; // only for this one
};

// A row: a good map but for what @spoil does.
Row map_but(const char *name, const std::function<void(xt_daddr_info_v1 &)> &spoil)
{
	return {name, [spoil](const Family &family) {
			xt_daddr_info_v1 info = good_map(family);

			spoil(info);
			return make_rule(1, info);
		}};
}

Row single_but(const char *name, const std::function<void(xt_daddr_info_v1 &)> &spoil)
{
	return {name, [spoil](const Family &family) {
			xt_daddr_info_v1 info = good_single(family);

			spoil(info);
			return make_rule(1, info);
		}};
}

Row rule_but(const char *name, const std::function<void(Rule &)> &spoil,
	     const char *variant = nullptr)
{
	return {name,
		[spoil](const Family &family) {
			Rule rule = make_rule(1, good_map(family));

			spoil(rule);
			return rule;
		},
		variant};
}

void set_first_byte(nf_inet_addr &address, std::uint8_t value)
{
	std::memcpy(&address, &value, sizeof(value));
}

const std::vector<Row> &rows()
{
	static const std::vector<Row> rows = {
		rule_but("no data", [](Rule &rule) { rule.info.clear(); }),
		rule_but("data 8 bytes short",
			 [](Rule &rule) { rule.info.resize(rule.info.size() - 8); }),
		rule_but("data 8 bytes long",
			 [](Rule &rule) { rule.info.resize(rule.info.size() + 8); }),
		rule_but("data of revision 0",
			 [](Rule &rule) { rule.info.resize(sizeof(xt_daddr_info)); }),
		rule_but("revision 0 with data of revision 1",
			 [](Rule &rule) { rule.revision = 0; }),
		rule_but("revision 2", [](Rule &rule) { rule.revision = 2; }),
		rule_but("revision 255", [](Rule &rule) { rule.revision = 255; }),
		rule_but(
			"a target's name that does not end",
			[](Rule &rule) {
				std::fill(rule.target.begin() + 5, rule.target.end(), 'R');
			},
			"legacy"),
		rule_but(
			"a target's name that goes on", [](Rule &rule) { rule.target[5] = '6'; },
			"legacy"),
		{"revision 0 without an address",
		 [](const Family &) { return make_rule(0, xt_daddr_info{}); }},
		map_but("the first reserved bit", [](auto &info) { info.reserved[0] = 1; }),
		map_but("the last reserved bit", [](auto &info) { info.reserved[2] = 0x8000; }),
		map_but("DSCP 0",
			[](auto &info) {
				info.mapped |= 1;
				info.daddr[0] = info.daddr[7];
			}),
		map_but("a port for a map", [](auto &info) { info.dport = 80; }),
		map_but("a DSCP without address", [](auto &info) { info.mapped |= 1 << 8; }),
		map_but("an address without DSCP",
			[](auto &info) { info.daddr[8] = info.daddr[7]; }),
		map_but("an address that may not be",
			[](auto &info) {
				info.daddr[7] = {};
				set_first_byte(info.daddr[7], 0xff);
				reinterpret_cast<std::uint8_t *>(&info.daddr[7])[4] = 1;
			}),
		single_but("no address", [](auto &info) { info.daddr[0] = {}; }),
		single_but("a port without protocol", [](auto &info) { info.dport = 80; }),
		single_but("a second address", [](auto &info) { info.daddr[63] = info.daddr[0]; }),
		single_but("bits after the last address",
			   [](auto &info) { reinterpret_cast<std::uint8_t *>(&info.map)[-1] = 1; }),
	};

	return rows;
}

// @good, and nothing else, is still there.
void expect_unchanged(const Family &family, Kernel &kernel, const Rule &good)
{
	if (!shown_soon(vips_of(family, good)))
		throw std::runtime_error("/proc/net/xt_DADDR shows other VIPs");
	if (!same_but_for_the_kernels(good, kernel.read_back()))
		throw std::runtime_error("the rule before it is not what it was");
}

void expect_refused(const char *name, int error)
{
	if (!error)
		throw std::runtime_error("accepted: " + std::string(name));
}

void refuse_rules(const Family &family, const std::string &variant)
{
	std::unique_ptr<Kernel> kernel = open_kernel(family, variant);
	Rule good = make_rule(1, good_map(family));

	if (kernel->replace({good}) || kernel->replace({make_rule(1, good_single(family))}) ||
	    kernel->replace({good}))
		throw std::runtime_error("a good rule is refused");
	for (const Row &row : rows()) {
		if (row.variant && row.variant != variant)
			continue;
		expect_refused(row.name, kernel->replace({row.make(family)}));
		// and not the good one beside it either
		expect_refused(row.name, kernel->replace({good, row.make(family)}));
		expect_unchanged(family, *kernel, good);
	}
}

// The good rule, where there is no such target.
void refuse_places(const Family &family, const std::string &variant)
{
	Rule good = make_rule(1, good_map(family));

	if (variant == "legacy") {
		std::array<char, XT_TABLE_MAXNAMELEN> endless;

		endless.fill('r');
		expect_refused("a table's name that does not end",
			       open_legacy_table(family, endless)->replace({good}));
		return;
	}
	for (std::uint16_t other : {NFPROTO_INET, NFPROTO_ARP, NFPROTO_NETDEV, NFPROTO_BRIDGE})
		expect_refused(("family " + std::to_string(other)).c_str(),
			       open_nft_family(other)->replace({good}));
}

// Each refusal has a reason that the kernel may log.
void flood(const Family &family, const std::string &variant, unsigned long count)
{
	std::unique_ptr<Kernel> kernel = open_kernel(family, variant);
	std::vector<const Row *> logged;

	for (const Row &row : rows())
		if (row.make(family).info.size() == sizeof(xt_daddr_info_v1) &&
		    row.make(family).revision == 1 && !row.variant)
			logged.push_back(&row);
	for (unsigned long i = 0; i < count; i++) {
		const Row &row = *logged[i % logged.size()];

		expect_refused(row.name, kernel->replace({row.make(family)}));
	}
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 3 && argc != 4) {
		std::cerr << "Usage: refused_rules ip4|ip6 legacy|nft [FLOOD]\n";
		return 2;
	}
	const Family &family = family_called(argv[1]);
	if (argc == 4) {
		flood(family, argv[2], std::stoul(argv[3]));
		return 0;
	}
	refuse_rules(family, argv[2]);
	refuse_places(family, argv[2]);
} catch (const std::exception &error) {
	std::cerr << "refused_rules: " << error.what() << '\n';
	return 1;
}
