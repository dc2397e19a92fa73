// SPDX-License-Identifier: BSD-3-Clause
// Rules of nftables that let this host's TCP take the answers of a VIP for
// those of the server that it connects to, and nothing else.
//
// What a probe sends needs no rule: it is just what a load balancer sends, with
// the server's address as its destination, and the DSCP. Its answers come from
// the VIP, and to a connection with the server these are strangers. So
//
//	table ip dsrctl-probe-NAMESPACE-PID {
//		chain prerouting {
//			type filter hook prerouting priority raw
//			ip saddr . ip daddr . tcp sport . tcp dport @direct drop
//			ip saddr set ip saddr . ip daddr . tcp sport . tcp dport map @answers
//		}
//	}
//
// where @answers has the VIPs, and @direct what must not be taken for an
// answer: packets from the server's own address. The addresses and both ports
// have to match; no other packet is touched. The table is there before routing,
// so that rp_filter, or a VIP that this host has too, is not in the way, and
// before connection tracking, which sees one connection with the server.
//
// The table belongs to the netlink socket, and goes with it: the kernel sees to
// that, whatever becomes of the process. Where the kernel does not know such
// tables (before 5.12), the destructor removes it, and the next probe what was
// left by one that could not.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/ip.hpp"

struct mnl_socket;

namespace dsr::probe {

struct Flow {
	Ip real, vip, us;
	std::uint16_t port = 0, local = 0;
};

class Rewrite {
public:
	// Throws Error, as the others do.
	Rewrite();
	~Rewrite();
	Rewrite(const Rewrite &) = delete;

	void add(const std::vector<Flow> &flows);
	void remove(const std::vector<Flow> &flows);

private:
	// The messages of a transaction.
	class Batch;

	// The number of the first error; 0: the whole transaction was done.
	int commit(Batch &batch);
	void make_table(Family family);
	void put_table(Batch &batch, Family family) const;
	void put_chain(Batch &batch, Family family) const;
	void put_set(Batch &batch, Family family, bool answers) const;
	void put_rule(Batch &batch, Family family, bool answers) const;
	void put_elements(Batch &batch, Family family, const std::vector<Flow> &flows, bool answers,
			  bool add) const;
	void remove_table(Family family, const std::string &name);
	void remove_stale_tables();
	void change(const std::vector<Flow> &flows, bool add);

	std::unique_ptr<mnl_socket, int (*)(mnl_socket *)> socket_;
	std::string name_;
	bool owned_ = true;
	std::set<Family> tables_;
};

} // namespace dsr::probe
