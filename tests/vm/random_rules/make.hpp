// SPDX-License-Identifier: BSD-3-Clause
// Rules as people write them, and packets for them, at random: from so few
// addresses, ports and DSCPs that most rules are for some packets.
#pragma once

#include <random>

#include "wire.hpp"

namespace random_rules {

// What every set is made from.
std::vector<Ip> vips(Family family);
std::vector<Ip> servers(Family family); // the addresses that packets come to
std::vector<std::string> networks();	// of all these

class Maker {
public:
	explicit Maker(std::uint64_t seed) : random_(seed) {}

	Family family() { return one_in(2) ? Family::ip4 : Family::ip6; }
	// The input of iptables-restore, or of ip6tables-restore.
	std::string iptables(Family family);
	// The input of nft.
	std::string nft(Family family);
	// The value of a sysctl of dscp_rewrite; often empty.
	std::string value(Family family);
	Packet packet(Family family);
	std::uint8_t dscp() { return static_cast<std::uint8_t>(6 + below(4)); }

private:
	unsigned int below(unsigned int end) { return static_cast<unsigned int>(random_() % end); }
	bool one_in(unsigned int number) { return !below(number); }
	template <typename List>
	auto any(const List &list)
	{
		return list[below(static_cast<unsigned int>(std::size(list)))];
	}
	std::string any_of(std::initializer_list<std::string> words)
	{
		return any(std::vector<std::string>(words));
	}
	std::string vip(Family family) { return dsr::text(any(vips(family))); }
	std::string server(Family family) { return dsr::text(any(servers(family))); }
	std::string number() { return std::to_string(dscp()); }

	std::string xt_match(Family family);
	std::string xt_port(const std::string &protocol);
	std::string xt_target(Family family, const std::string &table, unsigned int level,
			      bool has_ports);
	std::string xt_rule(Family family, const std::string &table, const std::string &chain,
			    unsigned int level);
	std::string nft_match(Family family);
	std::string nft_map(Family family);
	std::string nft_action(Family family, unsigned int level);
	std::string nft_rules(Family family, unsigned int level);
	std::string nft_table(Family family, const std::string &kind, const std::string &name);

	std::mt19937_64 random_;
	std::uint16_t next_ = 1024;
};

} // namespace random_rules
