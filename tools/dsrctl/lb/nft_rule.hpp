// SPDX-License-Identifier: BSD-3-Clause
// One rule of nftables as text: what it says of VIPs, a DSCP and servers. What comes
// of it in its chain is nft_read.cpp's.
#pragma once

#include "dsrctl/lb/nft_tables.hpp"

namespace dsr::lb {

// Which packets, as far as it is not their destination: all of these.
struct NftCondition {
	std::string protocol;	  // empty: any
	std::vector<Ports> ports; // none: any
	std::string text;	  // all of it; empty: any packet
};

struct NftRule {
	std::string where, text;
	std::optional<std::vector<Ip>> vips; // none: any destination
	bool understood = true;
	std::optional<std::uint8_t> dscp;
	bool sends = false; // sets the destination
	bool dnat = false;
	bool icmp = false; // of ICMP only: no service
	NftCondition condition;
	bool local = false; // of this host's own packets only
	bool ends = false, returns = false, drops = false;
	unsigned int port = 0; // the new one; 0: as it was
	std::vector<Ip> servers;
	std::vector<std::string> go;		     // to these chains
	std::vector<std::pair<Ip, std::string>> gos; // by destination
	std::vector<Ip> over;			     // and those that it is done with
};

// @words: not empty; @table: whose sets they name. A DSCP that is none is a problem of
// @reading; other words that are not known make the rule one that is not understood.
NftRule read_nft_rule(const Words &words, const NftTable &table, Reading &reading);

} // namespace dsr::lb
