// SPDX-License-Identifier: BSD-3-Clause
// IPVS on Linux, whoever sets it up: NAT mode sets the destination, and rules
// of iptables the DSCP before IPVS sees the packet.
#pragma once

#include <map>
#include <set>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

// A rule of iptables that gives what comes to a VIP a DSCP or a mark.
struct Marking {
	std::string chain;
	std::optional<Ip> vip;	  // none: whatever the destination is
	std::string protocol;	  // empty: any
	std::vector<Ports> ports; // none: any
	std::optional<std::uint8_t> dscp;
	std::optional<unsigned int> mark;
	std::string where, text;
};

struct VirtualService {
	std::string protocol; // empty, of a mark
	unsigned int port = 0, mark = 0;
	Family family = Family::ip4;
	std::optional<Ip> vip; // none: of a mark
	std::string where;
	std::vector<Real> servers;
};

// Collects the rules, and says in the end what they and the services do.
class Marks {
public:
	explicit Marks(Reading &reading) : reading_(reading) {}

	// Of iptables-save, a shell, or anything else.
	void line(const Lines &lines);
	void resolve(const std::vector<VirtualService> &services);

private:
	// A rule of a chain: it marks, leads to another chain, or ends.
	struct Step {
		enum class Kind : std::uint8_t { mark, jump, end };

		Kind kind = Kind::mark;
		Marking marking; // of an end, what it is for
		std::string to;	 // the chain
		bool all = true; // of all packets that it is for
		bool returns = false;
	};

	void add(const Lines &lines, Step step);
	void jump(const Lines &lines, const std::string &chain, const std::string &to);
	void end(const Lines &lines, const std::string &chain, const std::string &target);
	void marking(const Lines &lines, const std::string &chain, const std::string &target);
	void remove(const Lines &lines);
	void walk(const std::string &chain, std::vector<const Step *> &ends);
	bool is_over(const Marking &marking, const std::vector<const Step *> &ends);
	void look_at_others();
	void add(const VirtualService &service, const Ip &vip, const std::string &protocol,
		 const std::vector<Ports> &ports);
	void resolve_mark(const VirtualService &service);
	void alone(const Marking &marking);

	Reading &reading_;
	bool mangle_ = false;
	std::map<std::string, std::vector<Step>> chains_;
	std::vector<Marking> markings_; // that packets come to, in this order
	std::set<std::size_t> used_;
	std::set<std::string> walked_; // chains that all packets come to
};

// "7", or "0x7/0xffffffff" as it is saved
std::optional<unsigned int> parse_mark(const std::string &text);

// The mark of a VIP whose service is of all ports. Pools reuse DSCPs, and IPVS
// has one service for a mark.
unsigned int mark_of(const Site &site, const Virtual &vip);

// The rules, as commands of a shell.
std::string write_marks(const Site &site, Family family);

} // namespace dsr::lb
