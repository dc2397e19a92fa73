// SPDX-License-Identifier: BSD-3-Clause
// hostile_rules ip4|ip6 legacy|nft COUNT SEED
//
// Hands rules of the DADDR target to the kernel past iptables and its plugin:
// good ones, and ones with bits, fields or sizes spoilt at random. What the
// kernel accepts must be what include/xt_DADDR.h allows, it must come back as
// it was sent, with nothing of the kernel's in it, and /proc/net/xt_DADDR must
// show just the VIPs of the rule. Runs as root in a network namespace of its
// own, whose table raw it overwrites.
#include <algorithm>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "raw_rules.hpp"

namespace {

// ---- what is allowed: the comment in xt_DADDR.h and the table in kmod/README.md

bool all_zero(const void *from, std::size_t size)
{
	const auto *byte = static_cast<const std::uint8_t *>(from);

	return std::all_of(byte, byte + size, [](std::uint8_t b) { return !b; });
}

bool usable(const Family &family, const nf_inet_addr &address)
{
	const auto *byte = reinterpret_cast<const std::uint8_t *>(&address);

	if (!all_zero(byte + family.address_size, sizeof(address) - family.address_size) ||
	    all_zero(byte, sizeof(address)))
		return false;
	if (family.number == AF_INET6)
		return byte[0] != 0xff;
	return (byte[0] < 224 || byte[0] > 239) &&
	       !std::all_of(byte, byte + 4, [](std::uint8_t b) { return b == 0xff; });
}

bool has_ports(const Rule &rule)
{
	return !rule.not_protocol &&
	       (rule.protocol == IPPROTO_TCP || rule.protocol == IPPROTO_UDP ||
		rule.protocol == IPPROTO_UDPLITE || rule.protocol == IPPROTO_DCCP);
}

bool allowed(const Family &family, const Rule &rule)
{
	if (rule.revision == 0) {
		nf_inet_addr address{};

		if (rule.info.size() != sizeof(xt_daddr_info))
			return false;
		std::memcpy(&address, rule.info.data(), family.address_size);
		return usable(family, address);
	}
	if (rule.revision > 1 || rule.info.size() != sizeof(xt_daddr_info_v1))
		return false;

	xt_daddr_info_v1 info = info_of(rule);
	if (info.reserved[0] || info.reserved[1] || info.reserved[2])
		return false;
	if (!info.mapped)
		return usable(family, info.daddr[0]) &&
		       all_zero(&info.daddr[1], 63 * sizeof(nf_inet_addr)) &&
		       (!info.dport || has_ports(rule));
	if (info.mapped & 1 || info.dport)
		return false;
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		bool mapped = info.mapped >> dscp & 1;

		if (mapped ? !usable(family, info.daddr[dscp]) :
			     !all_zero(&info.daddr[dscp], sizeof(nf_inet_addr)))
			return false;
	}
	return true;
}

// ---- rules at random

class Random {
public:
	explicit Random(unsigned long seed) : engine_(seed) {}

	unsigned int below(unsigned int limit)
	{
		return std::uniform_int_distribution<unsigned int>(0, limit - 1)(engine_);
	}

	nf_inet_addr address(const Family &family)
	{
		nf_inet_addr address{};
		auto *byte = reinterpret_cast<std::uint8_t *>(&address);

		for (unsigned int i = 0; i < family.address_size; i++)
			byte[i] = static_cast<std::uint8_t>(below(256));
		byte[0] = static_cast<std::uint8_t>(1 + below(200));
		return address;
	}

	// One that is allowed.
	Rule good(const Family &family)
	{
		static const std::uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE,
							 IPPROTO_DCCP};
		xt_daddr_info_v1 info{};
		Rule rule;

		if (below(8) == 0) {
			xt_daddr_info single{address(family)};

			rule.revision = 0;
			rule.info.resize(sizeof(single));
			std::memcpy(rule.info.data(), &single, sizeof(single));
			return rule;
		}
		if (below(3) == 0) {
			info.daddr[0] = address(family);
			if (below(2)) {
				info.dport = static_cast<__be16>(1 + below(65535));
				rule.protocol = protocols[below(4)];
			}
		} else {
			unsigned int density = 1 + below(20);

			for (unsigned int dscp = 1; dscp < 64; dscp++) {
				if (below(20) >= density && dscp != 63)
					continue;
				info.mapped |= 1ULL << dscp;
				info.daddr[dscp] = address(family);
			}
		}
		// Not the kernel's business: it is to overwrite it.
		// NOLINTNEXTLINE(bugprone-sizeof-expression): a pointer, that is meant
		std::memset(&info.map, static_cast<int>(below(256)), sizeof(info.map));
		rule.info.resize(sizeof(info));
		std::memcpy(rule.info.data(), &info, sizeof(info));
		return rule;
	}

	void spoil(Rule &rule)
	{
		auto any_byte = [&]() -> std::uint8_t & {
			return rule.info[below(static_cast<unsigned int>(rule.info.size()))];
		};

		// what was made so short has no field left to spoil
		if (rule.info.size() < sizeof(nf_inet_addr))
			return;
		switch (below(9)) {
		case 0:
			any_byte() ^= static_cast<std::uint8_t>(1 << below(8));
			break;
		case 1:
			any_byte() = static_cast<std::uint8_t>(below(256));
			break;
		case 2: // in the fields before the addresses
			rule.info[below(16)] ^= static_cast<std::uint8_t>(1 << below(8));
			break;
		case 3: { // an address that may not be
			static const std::uint8_t bad[][4] = {{0, 0, 0, 0},
							      {224, 0, 0, 1},
							      {239, 255, 255, 255},
							      {255, 255, 255, 255},
							      {255, 2, 0, 0}};
			std::size_t slot = below(static_cast<unsigned int>(rule.info.size() / 16));

			std::memcpy(&rule.info[rule.revision ? slot * 16 : 0], bad[below(5)], 4);
			break;
		}
		case 4:
			rule.protocol = static_cast<std::uint8_t>(below(256));
			break;
		case 5:
			rule.not_protocol = rule.protocol != 0;
			break;
		case 6: {
			std::size_t begin = below(static_cast<unsigned int>(rule.info.size()));

			std::generate(rule.info.begin() + static_cast<std::ptrdiff_t>(begin),
				      rule.info.end(),
				      [&] { return static_cast<std::uint8_t>(below(256)); });
			break;
		}
		case 7: // x_tables looks at sizes before the target is asked
			if (below(4) == 0)
				rule.info.resize(8 * below(160));
			break;
		case 8: // each asks modprobe for a newer module: not often
			if (below(40) == 0)
				rule.revision = 2 + below(254);
			break;
		}
	}

private:
	std::mt19937_64 engine_;
};

// ---- the test

void print(const Rule &rule)
{
	std::cout << "revision " << rule.revision << ", protocol "
		  << (rule.not_protocol ? "not " : "") << int{rule.protocol} << ", "
		  << rule.info.size() << " bytes:" << std::hex << std::setfill('0');
	for (std::size_t i = 0; i < rule.info.size(); i++)
		std::cout << (i % 16 ? " " : "\n  ") << std::setw(2) << int{rule.info[i]};
	std::cout << std::dec << '\n';
}

void test(const Family &family, Kernel &kernel, unsigned int count, unsigned long seed)
{
	unsigned int accepted = 0;
	Random random(seed);
	Rule last; // that was accepted

	for (unsigned int i = 0; i < count; i++) {
		Rule rule = random.good(family);

		for (unsigned int spoilt = random.below(3); spoilt; spoilt--)
			random.spoil(rule);
		try {
			bool taken = !kernel.replace({rule});

			if (taken != allowed(family, rule))
				throw std::runtime_error(taken ? "accepted" : "refused");
			if (taken) {
				last = rule;
				accepted++;
				if (!same_but_for_the_kernels(rule, kernel.read_back()))
					throw std::runtime_error(
						"what came back is not what was sent");
			}
			// A rule that is refused changes nothing.
			if (!shown_soon(vips_of(family, last)))
				throw std::runtime_error("/proc/net/xt_DADDR shows other VIPs");
		} catch (...) {
			std::cout << "rule " << i << " of seed " << seed << ": ";
			print(rule);
			throw;
		}
	}
	std::cout << count << " rules: " << accepted << " accepted, " << count - accepted
		  << " refused\n";
	if (!accepted || accepted == count)
		throw std::runtime_error("expected some of each");
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 5) {
		std::cerr << "Usage: hostile_rules ip4|ip6 legacy|nft COUNT SEED\n";
		return 2;
	}
	const Family &family = family_called(argv[1]);
	std::unique_ptr<Kernel> kernel = open_kernel(family, argv[2]);
	test(family, *kernel, static_cast<unsigned int>(std::stoul(argv[3])), std::stoul(argv[4]));
} catch (const std::exception &error) {
	std::cerr << "hostile_rules: " << error.what() << '\n';
	return 1;
}
