// SPDX-License-Identifier: BSD-3-Clause
// What a load balancer has to know: VIPs with their DSCP, and the real servers
// that answer for them.
#pragma once

#include <vector>

#include "dsrctl/config.hpp"

namespace dsr::lb {

inline constexpr unsigned int WEIGHT_MAX = 100;

struct Virtual {
	Ip ip;
	std::uint8_t dscp = 0;
	std::string where;	// "FILE:LINE"
};

struct Server {
	Ip ip;
	unsigned int weight = 1;	// 0: gets nothing new
	std::string where;
};

struct Service {
	std::string protocol;	// tcp or udp
	unsigned int port = 0;
};

struct Site {
	std::vector<Virtual> vips;
	std::vector<Server> servers;
	std::vector<Service> services;	// none: whatever comes to a VIP

	bool has(Family family) const;
	// Those that get something.
	std::vector<Server> servers_of(Family family) const;
};

// "tcp/80"; throws Error.
Service parse_service(const std::string &text);

// The text of a file of servers. What is wrong with it is added to @errors.
void read_servers(std::string_view text, const std::string &file,
		  std::vector<Server> &servers,
		  std::vector<std::string> &errors);

// One of the command line.
void read_server(const std::string &words, std::vector<Server> &servers,
		 std::vector<std::string> &errors);

// The l3dsr entries as a load balancer can have them: each VIP with one DSCP,
// the first of those that it has. What is left out is said in @warnings.
std::vector<Virtual> virtuals(const std::vector<Entry> &entries,
			      std::vector<std::string> &warnings);

// What keeps this from being written: a VIP without a server, a server that is
// a VIP.
void check(const Site &site, std::vector<std::string> &errors);

} // namespace dsr::lb
