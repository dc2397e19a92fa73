// SPDX-License-Identifier: BSD-3-Clause
// The rules of a host as the kernel runs them, whoever wrote them: those of
// nf_tables step by step; those of xtables and of dscp_rewrite are put into the
// same steps.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/ip.hpp"

namespace dsr::nf {

using Bytes = std::vector<std::uint8_t>;

// Where in the 64 bytes of registers something begins.
using Register = std::uint8_t;
inline constexpr std::size_t REGISTERS = 64;

enum class Header : std::uint8_t { link, network, transport };
enum class Meta : std::uint8_t { protocol, nfproto, l4proto, iif, iifname, other };
enum class Compare : std::uint8_t { eq, neq, lt, lte, gt, gte };

struct Verdict {
	enum class Kind : std::uint8_t {
		next, // the rule after this one
		accept,
		drop,
		leave, // RETURN
		jump,
		go,	  // goto
		elsewhere // queued, stolen: nobody here can tell
	};

	Kind kind = Kind::next;
	std::string chain; // of jump and go

	auto operator<=>(const Verdict &) const = default;
};

// --- the steps: what does not hold ends the rule

struct Load {
	Header header = Header::network;
	std::uint32_t offset = 0, length = 0;
	Register to = 0;
};

struct LoadMeta {
	Meta key = Meta::other;
	Register to = 0;
};

// What only the kernel knows, and where it puts it. It may end the rule.
struct LoadUnknown {
	std::string what;
};

struct Constant {
	Register to = 0;
	Bytes value;
};

// (from & mask) ^ flip
struct Mask {
	Register from = 0, to = 0;
	Bytes mask, flip;
};

struct Shift {
	Register from = 0, to = 0;
	std::uint32_t length = 0, bits = 0;
	bool left = false;
};

struct SwapBytes {
	Register from = 0, to = 0;
	std::uint32_t length = 0, size = 0;
};

struct Test {
	Register from = 0;
	Compare how = Compare::eq;
	Bytes value;
};

struct Between {
	Register from = 0;
	bool inverted = false;
	Bytes first, last;
};

struct Lookup {
	std::string set;
	Register from = 0;
	std::optional<Register> to;
	bool verdict = false; // it is what the map holds
	bool inverted = false;
};

// Of the packet.
struct Write {
	Header header = Header::network;
	std::uint32_t offset = 0, length = 0;
	Register from = 0;
};

// The address that the packet's DSCP stands for becomes its destination; of
// another DSCP, nothing does.
struct DscpMap {
	std::map<std::uint8_t, Ip> to;
};

// One of these ports is the source's or the destination's.
struct AnyPort {
	bool source = false, destination = false, inverted = false;
	std::vector<std::pair<std::uint16_t, std::uint16_t>> ranges;
};

// A match that is not understood here: it may hold, or not.
struct Perhaps {
	std::string what;
};

using Step = std::variant<Load, LoadMeta, LoadUnknown, Constant, Mask, Shift, SwapBytes, Test,
			  Between, Lookup, Write, DscpMap, AnyPort, Perhaps, Verdict>;

struct Rule {
	std::vector<Step> steps;
	// As iptables-save prints it after "-A CHAIN"; of other rules empty.
	std::vector<std::string> words;
	std::uint64_t handle = 0; // of nf_tables
	std::uint64_t packets = 0, bytes = 0;
	bool sets_port = false;
	std::string unknown; // what of it is not understood; or empty
};

struct Element {
	Bytes key, last; // from key to last; of one value the same
	Bytes data;
	Verdict verdict;
	bool any = false; // for what no other element matches
};

struct Set {
	std::vector<Element> elements;
	std::vector<std::uint32_t> fields; // of a concatenation: lengths
	bool complete = true;		   // all its elements are here
};

enum class Hook : std::uint8_t { ingress, prerouting, input, other };

struct Base {
	Hook hook = Hook::other;
	int priority = 0;
	std::vector<std::string> devices; // of ingress
	bool drops = false;		  // its policy
};

struct Chain {
	std::optional<Base> base;
	std::vector<Rule> rules;
};

struct Table {
	enum class Owner : std::uint8_t { nf_tables, legacy, dscp_rewrite };

	Owner owner = Owner::nf_tables;
	std::string family; // ip, ip6, inet, netdev
	std::string name;
	std::map<std::string, Chain> chains;
	std::map<std::string, Set> sets;

	bool sees(Family one) const { return family != (one == Family::ip4 ? "ip6" : "ip"); }
};

struct Ruleset {
	std::vector<Table> tables;
};

// Where the tables of xtables stand (linux/netfilter_ipv4.h); none for a chain
// that is no base chain.
std::optional<Base> xtables_base(const std::string &table, const std::string &chain);

} // namespace dsr::nf
