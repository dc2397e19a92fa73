// SPDX-License-Identifier: BSD-3-Clause
#include "common/saved_steps.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "daddr_rewrite.h"

namespace dsr::nf {

namespace {

using Words = std::vector<std::string>;

constexpr Register FIRST = 0, SECOND = 16, NOBODY = 48; // never written

std::optional<unsigned long> number(const std::string &text, unsigned long most)
{
	char *end;
	const unsigned long value = std::strtoul(text.c_str(), &end, 0);

	if (text.empty() || *end || value > most || text[0] == '-')
		return std::nullopt;
	return value;
}

std::uint32_t destination_at(Family family)
{
	return family == Family::ip4 ? DADDR_IP4_DADDR : DADDR_IP6_DADDR;
}

// The byte of the TOS or the traffic class, which in IPv6 lies across two.
struct Tos {
	std::uint32_t offset, length;
	Bytes bytes;
};

Tos tos_bytes(Family family, unsigned int tos)
{
	if (family == Family::ip4)
		return {1, 1, {static_cast<std::uint8_t>(tos)}};
	return {0, 2, {static_cast<std::uint8_t>(tos >> 4U), static_cast<std::uint8_t>(tos << 4U)}};
}

void add_tos_test(Rule &rule, Family family, unsigned int value, unsigned int mask, bool inverted)
{
	const Tos wanted = tos_bytes(family, value);
	const Bytes bits = tos_bytes(family, mask).bytes;

	rule.steps.push_back(Load{Header::network, wanted.offset, wanted.length, FIRST});
	rule.steps.push_back(Mask{FIRST, FIRST, bits, Bytes(bits.size())});
	rule.steps.push_back(Test{FIRST, inverted ? Compare::neq : Compare::eq, wanted.bytes});
}

// Of a packet's TOS, these bits become those.
void add_tos_write(Rule &rule, Family family, unsigned int value, unsigned int mask)
{
	const Tos wanted = tos_bytes(family, value);
	Bytes keep = tos_bytes(family, mask).bytes;

	for (std::uint8_t &byte : keep)
		byte = static_cast<std::uint8_t>(~byte);
	rule.steps.push_back(Load{Header::network, wanted.offset, wanted.length, FIRST});
	rule.steps.push_back(Mask{FIRST, FIRST, keep, wanted.bytes});
	rule.steps.push_back(Write{Header::network, wanted.offset, wanted.length, FIRST});
}

class Compiler {
public:
	Compiler(Rule &rule, const Words &words, Family family,
		 const std::function<bool(const std::string &)> &is_chain)
		: rule_(rule), words_(words), family_(family), is_chain_(is_chain)
	{
	}

	void compile()
	{
		while (at_ < words_.size())
			take();
		act();
	}

private:
	void take()
	{
		const std::string word = words_[at_++];

		if (word == "!") {
			inverted_ = true;
			return;
		}
		if (!option(word))
			perhaps(word);
		inverted_ = false;
	}

	std::string value() { return at_ < words_.size() ? words_[at_++] : ""; }

	// What is in the rule and not understood.
	void perhaps(const std::string &what)
	{
		rule_.steps.push_back(Perhaps{what});
		rule_.unknown += (rule_.unknown.empty() ? "" : " ") + what;
		while (at_ < words_.size() && words_[at_] != "!" && !words_[at_].starts_with("-"))
			at_++;
	}

	bool option(const std::string &word)
	{
		static const std::set<std::string> KNOWN_MATCHES = {
			"dscp", "tos", "tcp", "udp", "udplite", "dccp", "multiport", "comment"};

		if (word == "-m") {
			const std::string name = value();

			if (!KNOWN_MATCHES.contains(name))
				perhaps("-m " + name);
			return true;
		}
		if (word == "-s" || word == "-d")
			return network(value(), word == "-d");
		if (word == "-i")
			return interface(value());
		if (word == "-p")
			return protocol(value());
		if (word == "--comment") {
			value();
			return true;
		}
		if (word == "--dscp" || word == "--dscp-class")
			return dscp(value());
		if (word == "--tos")
			return tos(value());
		if (word == "--sport" || word == "--dport")
			return port(value(), word == "--dport");
		if (word == "--sports" || word == "--dports" || word == "--ports")
			return ports(value(), word);
		if (word == "-j" || word == "-g") {
			target_ = value();
			goes_ = word == "-g";
			target_at_ = at_;
			at_ = words_.size();
			return true;
		}
		return false;
	}

	// ADDRESS, ADDRESS/LENGTH or ADDRESS/MASK
	bool network(const std::string &text, bool destination)
	{
		const std::size_t slash = text.find('/');
		const auto ip = parse_ip(text.substr(0, slash));
		Bytes mask(address_size(family_), 0xff);

		if (!ip || ip->family != family_)
			return false;
		if (slash != text.npos) {
			const std::string rest = text.substr(slash + 1);
			const auto length = number(rest, mask.size() * 8);
			const auto as_ip = parse_ip(rest);

			if (length)
				for (std::size_t i = 0; i < mask.size() * 8; i++) {
					if (i >= *length)
						mask[i / 8] &= static_cast<std::uint8_t>(
							~(0x80U >> i % 8));
				}
			else if (as_ip && as_ip->family == family_)
				std::copy_n(as_ip->bytes.begin(), mask.size(), mask.begin());
			else
				return false;
		}
		const std::uint32_t size = address_size(family_);
		rule_.steps.push_back(
			Load{Header::network,
			     destination ? destination_at(family_) : destination_at(family_) - size,
			     size, FIRST});
		Bytes wanted(ip->bytes.begin(), ip->bytes.begin() + size);
		for (std::size_t i = 0; i < wanted.size(); i++)
			wanted[i] &= mask[i];
		rule_.steps.push_back(Mask{FIRST, FIRST, mask, Bytes(size)});
		test(wanted);
		return true;
	}

	void test(const Bytes &wanted)
	{
		rule_.steps.push_back(Test{FIRST, inverted_ ? Compare::neq : Compare::eq, wanted});
	}

	// One that ends with + is the beginning of many.
	bool interface(std::string name)
	{
		constexpr std::size_t LONGEST = 16; // IFNAMSIZ
		const bool many = name.ends_with('+');

		if (many)
			name.pop_back();
		if (name.size() >= LONGEST)
			return false;
		Bytes bytes(name.begin(), name.end());
		if (!many)
			bytes.resize(LONGEST);
		if (bytes.empty())
			return true;
		rule_.steps.push_back(LoadMeta{Meta::iifname, FIRST});
		test(bytes);
		return true;
	}

	bool protocol(const std::string &name)
	{
		static const std::map<std::string, std::uint8_t> NAMES = {
			{"icmp", 1},	   {"tcp", 6},	  {"udp", 17},	   {"dccp", 33},
			{"gre", 47},	   {"esp", 50},	  {"ah", 51},	   {"icmpv6", 58},
			{"ipv6-icmp", 58}, {"sctp", 132}, {"udplite", 136}};
		const auto known = NAMES.find(name);
		const auto given = number(name, 255);

		if (name == "all" || (given && !*given))
			return true;
		if (known == NAMES.end() && !given)
			return false;
		rule_.steps.push_back(LoadMeta{Meta::l4proto, FIRST});
		test({known != NAMES.end() ? known->second : static_cast<std::uint8_t>(*given)});
		return true;
	}

	bool dscp(const std::string &text)
	{
		const auto value = parse_dscp(text);

		if (!value)
			return false;
		add_tos_test(rule_, family_, *value << 2U, 0xfc, inverted_);
		return true;
	}

	bool tos(const std::string &text)
	{
		const std::size_t slash = text.find('/');
		const auto value = number(text.substr(0, slash), 0xff);
		const auto mask = slash == text.npos ? 0xffUL :
						       number(text.substr(slash + 1), 0xff);

		if (!value || !mask)
			return false;
		add_tos_test(rule_, family_, static_cast<unsigned int>(*value),
			     static_cast<unsigned int>(*mask), inverted_);
		return true;
	}

	using Range = std::pair<std::uint16_t, std::uint16_t>;

	// PORT, PORT:PORT, PORT: or :PORT
	static std::optional<Range> range(const std::string &text)
	{
		const std::size_t colon = text.find(':');
		const std::string first = text.substr(0, colon);
		const auto begin = first.empty() ? 0UL : number(first, 0xffff);
		std::optional<unsigned long> end = begin;

		if (colon != text.npos)
			end = colon + 1 == text.size() ? 0xffffUL :
							 number(text.substr(colon + 1), 0xffff);
		if (!begin || !end || text.empty())
			return std::nullopt;
		return Range{static_cast<std::uint16_t>(*begin), static_cast<std::uint16_t>(*end)};
	}

	bool port(const std::string &text, bool destination)
	{
		const auto found = range(text);

		if (found)
			rule_.steps.push_back(
				AnyPort{!destination, destination, inverted_, {*found}});
		return found.has_value();
	}

	bool ports(const std::string &text, const std::string &option)
	{
		AnyPort any{option != "--dports", option != "--sports", inverted_, {}};

		for (std::size_t at = 0; at <= text.size();) {
			const std::size_t end = std::min(text.find(',', at), text.size());
			const auto found = range(text.substr(at, end - at));

			if (!found)
				return false;
			any.ranges.push_back(*found);
			at = end + 1;
		}
		rule_.steps.push_back(any);
		return true;
	}

	// --- the target

	// The word after an option of the target.
	std::string target_option(const std::string &name) const
	{
		for (std::size_t i = target_at_; i + 1 < words_.size(); i++)
			if (words_[i] == name)
				return words_[i + 1];
		return "";
	}

	void verdict(Verdict::Kind kind, const std::string &chain = "")
	{
		rule_.steps.push_back(Verdict{kind, chain});
	}

	void act()
	{
		// these let the packet go on
		static const std::set<std::string> OTHERS = {
			"",	    "LOG",	   "NFLOG",    "ULOG",	      "MARK",
			"CONNMARK", "CT",	   "NOTRACK",  "TTL",	      "HL",
			"TCPMSS",   "TRACE",	   "CLASSIFY", "SET",	      "AUDIT",
			"CHECKSUM", "TEE",	   "RATEEST",  "LED",	      "IDLETIMER",
			"SECMARK",  "CONNSECMARK", "HMARK",    "TCPOPTSTRIP", "ECN",
			"SNAT",	    "MASQUERADE"};

		if (target_ == "DADDR")
			return rewrite();
		if (target_ == "DSCP" || target_ == "TOS")
			return mark();
		if (target_ == "ACCEPT")
			return verdict(Verdict::Kind::accept);
		if (target_ == "DROP" || target_ == "REJECT" || target_ == "SYNPROXY")
			return verdict(Verdict::Kind::drop);
		if (target_ == "RETURN")
			return verdict(Verdict::Kind::leave);
		if (target_ == "DNAT" || target_ == "REDIRECT" || target_ == "NETMAP") {
			rule_.steps.push_back(Write{Header::network, destination_at(family_),
						    address_size(family_), NOBODY});
			return verdict(Verdict::Kind::accept);
		}
		if (is_chain_(target_))
			return verdict(goes_ ? Verdict::Kind::go : Verdict::Kind::jump, target_);
		if (OTHERS.contains(target_))
			return;
		rule_.unknown += (rule_.unknown.empty() ? "-j " : " -j ") + target_;
		verdict(Verdict::Kind::elsewhere);
	}

	void rewrite()
	{
		const auto ip = parse_ip(target_option("--set-daddr"));

		const auto port = number(target_option("--set-dport"), 0xffff);

		if (port)
			write_port(static_cast<std::uint16_t>(*port));
		if (ip && ip->family == family_)
			return add_destination(rule_, *ip);
		DscpMap map;
		for (std::size_t i = target_at_; i + 1 < words_.size(); i++)
			if (words_[i] == "--dscp-map")
				entries(words_[i + 1], map);
		if (map.to.empty()) {
			rule_.unknown = "-j DADDR";
			return verdict(Verdict::Kind::elsewhere);
		}
		rule_.steps.push_back(std::move(map));
	}

	void write_port(std::uint16_t port)
	{
		rule_.steps.push_back(Constant{
			SECOND,
			{static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port)}});
		rule_.steps.push_back(Write{Header::transport, 2, 2, SECOND});
		rule_.sets_port = true;
	}

	void entries(const std::string &text, DscpMap &map) const
	{
		for (std::size_t at = 0; at < text.size();) {
			const std::size_t end = std::min(text.find(',', at), text.size());
			const std::size_t equals = text.find('=', at);

			if (equals >= end)
				return;
			const auto dscp = parse_dscp(text.substr(at, equals - at));
			const auto ip = parse_ip(text.substr(equals + 1, end - equals - 1));
			if (dscp && ip && ip->family == family_)
				map.to[*dscp] = *ip;
			at = end + 1;
		}
	}

	// -j DSCP --set-dscp V; -j TOS --set-tos V[/MASK]
	void mark()
	{
		const std::string tos = target_option("--set-tos");
		const std::size_t slash = tos.find('/');
		auto dscp = parse_dscp(target_option("--set-dscp"));
		const auto value = number(tos.substr(0, slash), 0xff);
		const auto mask = slash == tos.npos ? 0xffUL : number(tos.substr(slash + 1), 0xff);

		if (!dscp)
			dscp = parse_dscp(target_option("--set-dscp-class"));
		if (dscp)
			return add_tos_write(rule_, family_, *dscp << 2U, 0xfc);
		if (value && mask)
			return add_tos_write(rule_, family_, static_cast<unsigned int>(*value),
					     static_cast<unsigned int>(*mask));
		rule_.unknown = "-j " + target_;
		verdict(Verdict::Kind::elsewhere);
	}

	Rule &rule_;
	const Words &words_;
	const Family family_;
	const std::function<bool(const std::string &)> &is_chain_;
	std::size_t at_ = 0, target_at_ = 0;
	std::string target_;
	bool inverted_ = false, goes_ = false;
};

} // namespace

void add_steps(Rule &rule, const Words &words, Family family,
	       const std::function<bool(const std::string &)> &is_chain)
{
	Compiler(rule, words, family, is_chain).compile();
}

void add_destination(Rule &rule, const Ip &ip)
{
	const std::uint32_t size = address_size(ip.family);

	rule.steps.push_back(Constant{SECOND, Bytes(ip.bytes.begin(), ip.bytes.begin() + size)});
	rule.steps.push_back(Write{Header::network, destination_at(ip.family), size, SECOND});
}

void add_dscp_test(Rule &rule, Family family, std::uint8_t dscp)
{
	add_tos_test(rule, family, static_cast<unsigned int>(dscp) << 2U, 0xfc, false);
}

void add_destination_test(Rule &rule, const Ip &ip)
{
	const std::uint32_t size = address_size(ip.family);

	rule.steps.push_back(Load{Header::network, destination_at(ip.family), size, FIRST});
	rule.steps.push_back(
		Test{FIRST, Compare::eq, Bytes(ip.bytes.begin(), ip.bytes.begin() + size)});
}

std::vector<Table> saved_tables(const Saved &saved, Family family)
{
	std::vector<Table> tables;

	auto table_of = [&](const std::string &name) -> Table & {
		for (Table &table : tables)
			if (table.name == name)
				return table;
		tables.push_back(
			{Table::Owner::legacy, family == Family::ip4 ? "ip" : "ip6", name, {}, {}});
		return tables.back();
	};
	auto chain_of = [&](const std::string &table, const std::string &name) -> Chain & {
		Chain &chain = table_of(table).chains[name];

		if (!chain.base)
			chain.base = xtables_base(table, name);
		return chain;
	};
	for (const SavedChain &one : saved.chains) {
		Chain &chain = chain_of(one.table, one.chain);

		if (chain.base)
			chain.base->drops = one.policy == "DROP";
	}
	for (const SavedRule &one : saved.rules)
		chain_of(one.table, one.chain);
	for (const SavedRule &one : saved.rules) {
		Table &table = table_of(one.table);
		Rule rule;

		rule.words = one.words;
		rule.packets = one.packets;
		rule.bytes = one.bytes;
		add_steps(rule, one.words, family,
			  [&](const std::string &name) { return table.chains.contains(name); });
		table.chains[one.chain].rules.push_back(std::move(rule));
	}
	return tables;
}

std::optional<Base> xtables_base(const std::string &table, const std::string &chain)
{
	static const std::map<std::string, int> PRIORITIES = {
		{"raw", -300}, {"mangle", -150}, {"nat", -100}, {"filter", 0}, {"security", 50}};
	const auto priority = PRIORITIES.find(table);

	if (priority == PRIORITIES.end())
		return std::nullopt;
	if (chain == "PREROUTING")
		return Base{Hook::prerouting, priority->second, {}, false};
	if (chain == "INPUT") // of nat, it is for sources
		return Base{Hook::input, table == "nat" ? 100 : priority->second, {}, false};
	if (chain == "OUTPUT" || chain == "FORWARD" || chain == "POSTROUTING")
		return Base{Hook::other, priority->second, {}, false};
	return std::nullopt;
}

} // namespace dsr::nf
