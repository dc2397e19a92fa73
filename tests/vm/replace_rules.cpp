// SPDX-License-Identifier: BSD-3-Clause
// replace_rules ip4|ip6 legacy|nft COUNT DSCP VIP
//
// Replaces the rule of the table raw so many times, as fast as the kernel takes
// it: by maps that all have the VIP for that DSCP, and any others for the rest.
// Then only the VIP is left. Runs as root in a network namespace whose table
// raw it overwrites.
#include <arpa/inet.h>

#include <chrono>
#include <cstring>
#include <iostream>
#include <random>
#include <stdexcept>

#include "raw_rules.hpp"

namespace {

class Maps {
public:
	Maps(const Family &family, unsigned int dscp, const char *vip)
		: family_(family), dscp_(dscp)
	{
		if (dscp < 1 || dscp > 63 || inet_pton(family.number, vip, &vip_) != 1)
			throw std::runtime_error("found a bad DSCP or VIP");
	}

	Rule only() const { return with(0); }

	Rule any() { return with(random_()); }

private:
	Rule with(std::uint64_t others) const
	{
		xt_daddr_info_v1 info{};

		// DSCP 0 is not mapped
		info.mapped = (others & ~1ULL) | 1ULL << dscp_;
		for (unsigned int dscp = 1; dscp < 64; dscp++) {
			auto *address = reinterpret_cast<std::uint8_t *>(&info.daddr[dscp]);

			if (!(info.mapped >> dscp & 1))
				continue;
			// 10.9.9.9, or what is as little of this network
			std::memset(address, 9, family_.address_size);
			address[0] = 10;
			address[family_.address_size - 1] = static_cast<std::uint8_t>(dscp);
		}
		info.daddr[dscp_] = vip_;
		return make_rule(1, info);
	}

	const Family &family_;
	unsigned int dscp_;
	nf_inet_addr vip_{};
	std::mt19937_64 random_{1};
};

void replace(Kernel &kernel, Maps &maps, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		int error = kernel.replace({i + 1 < count ? maps.any() : maps.only()});

		if (error)
			throw std::runtime_error("replacement " + std::to_string(i) + ": " +
						 std::strerror(error));
	}
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 6) {
		std::cerr << "Usage: replace_rules ip4|ip6 legacy|nft COUNT DSCP VIP\n";
		return 2;
	}
	const Family &family = family_called(argv[1]);
	Maps maps(family, static_cast<unsigned int>(std::stoul(argv[4])), argv[5]);
	auto begin = std::chrono::steady_clock::now();
	replace(*open_kernel(family, argv[2]), maps, std::stoul(argv[3]));
	std::cout << argv[3] << " replacements in "
		  << std::chrono::duration_cast<std::chrono::milliseconds>(
			     std::chrono::steady_clock::now() - begin)
			     .count()
		  << " ms\n";
} catch (const std::exception &error) {
	std::cerr << "replace_rules: " << error.what() << '\n';
	return 1;
}
