// SPDX-License-Identifier: BSD-3-Clause
// The pitfalls of L3DSR, looked for in any capture with tables of fixed size.
#pragma once

#include <vector>

#include "common/packet.hpp"

namespace dsr::replay {

class Diagnoser {
public:
	// @servers: their own addresses; when there are none, those are taken
	// that marked packets are sent to before they are rewritten.
	explicit Diagnoser(const std::vector<Ip> &servers);

	// Each IP packet. @to: its destination before any rule; @rewritten: it
	// has another one now.
	void see(const Packet &packet, const Ip &to, bool rewritten);

	// Packets with DSCP 0 that went to a server's own address.
	std::uint64_t unmarked() const;
	std::vector<Ip> servers() const;
	// Packets that answer a rewritten one from the server's own address.
	std::uint64_t from_server() const { return from_server_; }
	// There were more addresses than places: unmarked() is a lower bound.
	bool overflowed() const { return overflowed_; }

private:
	struct Destination {
		Ip address;
		bool server = false;
		std::uint64_t unmarked = 0;
	};

	Destination *find(const Ip &address);
	Destination *find_in_table(const Ip &address);
	void see_flow(const Packet &packet, const Ip &to, bool rewritten);

	bool learn_;
	bool overflowed_ = false;
	std::uint64_t from_server_ = 0;
	std::vector<Destination> destinations_;
	std::vector<std::uint32_t> tags_;	// of their hashes; 0: free
	Destination *last_ = nullptr;		// that was looked for
	std::vector<std::uint32_t> flows_;	// of replies that are awaited
};

} // namespace dsr::replay
