// SPDX-License-Identifier: BSD-3-Clause
// The rules of a host as the kernel runs them, whoever wrote them: those of
// nf_tables step by step; those of xtables and of dscp_rewrite are put into the
// same steps.
#pragma once

#include <array>
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

// Of the packet. @checksum: what the rule names besides, in the same header; 0:
// none. Of an address, the transport's follows.
struct Write {
	Header header = Header::network;
	std::uint32_t offset = 0, length = 0;
	Register from = 0;
	std::uint32_t checksum = 0;
};

// --- the steps of xtables

// Bytes of the packet, under a mask.
struct Match {
	Header header = Header::network;
	std::uint32_t offset = 0, length = 0;
	std::array<std::uint8_t, 16> mask{}, value{};
	bool inverted = false;
};

// What it came in by; a name that ends with + is the beginning of many.
struct InInterface {
	std::string name;
	bool inverted = false;
};

struct L4Protocol {
	std::uint8_t number = 0;
	bool inverted = false;
};

// So much of the transport's header is there: of a later fragment it is not, and
// a packet that ends before it is dropped. That of TCP is protected besides: so is
// a fragment that would overwrite its flags.
struct L4Header {
	std::uint32_t length = 0;
	bool tcp = false;
};

// As the target DADDR does: one destination, or that of the packet's DSCP; of
// another DSCP, nothing changes.
struct Rewrite {
	Ip daddr;		  // not of a map; but its family is
	std::uint16_t dport = 0;  // 0: the port stays
	std::vector<Ip> map;	  // by DSCP; empty when it is no map
	std::uint64_t mapped = 0; // bit N: the map has an entry for DSCP N

	bool is_map() const { return !map.empty(); }
	// Null when packets of this DSCP stay as they are.
	const Ip *destination(unsigned int dscp) const
	{
		if (!is_map())
			return &daddr;
		return mapped >> dscp & 1 ? &map[dscp] : nullptr;
	}
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
			  Between, Lookup, Write, Match, InInterface, L4Protocol, L4Header, AnyPort,
			  Rewrite, Perhaps, Verdict>;

struct Rule {
	std::vector<Step> steps;
	// As iptables-save prints it after "-A CHAIN"; of other rules empty.
	std::vector<std::string> words;
	std::uint64_t handle = 0; // of nf_tables
	std::uint64_t packets = 0, bytes = 0;
	bool sets_port = false;
	std::string unknown;	 // what of it is not understood; or empty
	std::string problem;	 // "found …, expected …": the first thing; or empty
	std::string where, text; // of a file: "NAME:LINE", and the line
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
	// of nf_tables: the rules are there, and no packet comes to them
	bool dormant = false;

	bool sees(Family one) const { return family != (one == Family::ip4 ? "ip6" : "ip"); }
};

// As nft names it: "ip raw"
inline std::string full_name(const Table &table)
{
	return table.family + " " + table.name;
}

struct Ruleset {
	std::vector<Table> tables;
};

// Where the tables of xtables stand (linux/netfilter_ipv4.h); none for a chain
// that is no base chain.
std::optional<Base> xtables_base(const std::string &table, const std::string &chain);

} // namespace dsr::nf
