// SPDX-License-Identifier: BSD-3-Clause
// What load balancers have to know: pools of real servers, and the VIPs with
// their DSCP that each pool answers for.
#pragma once

#include <vector>

#include "dsrctl/config.hpp"

namespace dsr::lb {

inline constexpr unsigned int WEIGHT_MAX = 100;

struct Service {
	std::string protocol; // tcp or udp
	unsigned int port = 0;
	unsigned int real = 0;	// the servers' port, if it is another
	std::string where = {}; // of one that a configuration names

	unsigned int real_port() const { return real ? real : port; }
};

struct Virtual {
	Ip ip;
	std::uint8_t dscp = 0;
	std::string where;		   // "FILE:LINE"
	std::vector<Ip> to = {};	   // the servers that it is for; none: all
	std::vector<Service> changes = {}; // of which the port changes
	bool all = true;		   // it is for what is none of these, too
};

struct Server {
	Ip ip;
	unsigned int weight = 1; // 0: gets nothing new
	std::string where;
};

struct Pool {
	std::string name; // empty: the only one
	std::vector<Virtual> vips;
	std::vector<Server> servers;

	bool has(Family family) const;
	const Server *find(const Ip &server) const;
	// Those that get something.
	std::vector<Server> servers_of(Family family) const;
};

struct Site {
	std::vector<Pool> pools;
	std::vector<Service> services; // none: whatever comes to a VIP

	bool has(Family family) const;
	std::size_t vips() const; // how many
	// Of all pools, each once, as where its weight is highest.
	std::vector<Server> servers() const;
};

// What of a VIP is forwarded; none: whatever comes to it.
std::vector<Service> services_of(const Site &site, const Virtual &vip);

// "tcp/80"; throws Error.
Service parse_service(const std::string &text);

// A part of a file of servers: what comes after "[NAME]", or before the first.
struct Section {
	std::string name, where;
	std::vector<Server> servers;
	std::string vips; // its lines of dsr.conf(5), on the lines they have in the file
	std::vector<std::string> configs; // files and directories of more
};

// The text of a file of servers. What is wrong with it is added to @errors.
std::vector<Section> read_servers(std::string_view text, const std::string &file,
				  std::vector<std::string> &errors);

// One of the command line.
void read_server(const std::string &words, std::vector<Server> &servers,
		 std::vector<std::string> &errors);

// The l3dsr entries as a load balancer can have them: each VIP with one DSCP,
// the first of those that it has. What is left out is said in @warnings.
std::vector<Virtual> virtuals(const std::vector<Entry> &entries,
			      std::vector<std::string> &warnings);

// A pool of each set of servers that VIPs are for, the one of all first. What
// is for none of them is said in @errors.
std::vector<Pool> by_servers(const Pool &pool, std::vector<std::string> &errors);

// What keeps this from being written: a VIP without a server, a server that is
// a VIP, a VIP in two pools, a DSCP that stands for two VIPs on a server.
void check(const Site &site, std::vector<std::string> &errors);

// The model, for other tools.
std::string site_json(const Site &site);

} // namespace dsr::lb
