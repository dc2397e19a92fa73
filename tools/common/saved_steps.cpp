// SPDX-License-Identifier: BSD-3-Clause
#include "common/saved_steps.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "common/rule_steps.hpp"
#include "daddr_dscp.h"
#include "daddr_rewrite.h"

namespace dsr::nf {

namespace {

using Words = std::vector<std::string>;

constexpr Register NOBODY = 48; // never written

constexpr std::uint8_t TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136;

const char KNOWN[] =
	"one of -p, -s, -d, -i, -m, --dscp, --dscp-class, --tos, --dport, --sport, --dports, --sports, --ports, --comment, -j, --set-daddr, --set-dport, --dscp-map";
const char KNOWN_MATCHES[] =
	"one of dscp, tos, tcp, udp, udplite, dccp, multiport, comment (no other match is known here)";

// A whole string that is a decimal or 0x number.
std::optional<unsigned long> number(std::string_view text, unsigned long max)
{
	unsigned long number;
	int base = 10;

	if (text.starts_with("0x") || text.starts_with("0X")) {
		text.remove_prefix(2);
		base = 16;
	} else if (text.size() > 1 && text[0] == '0') {
		return std::nullopt; // octal to some, decimal to others
	}
	auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
	if (error != std::errc() || end != text.data() + text.size() || number > max)
		return std::nullopt;
	return number;
}

std::optional<std::uint8_t> protocol_number(const std::string &name)
{
	static const std::map<std::string, std::uint8_t> NAMES = {
		{"all", 0},	{"icmp", 1},	     {"tcp", TCP},     {"udp", UDP},
		{"dccp", DCCP}, {"gre", 47},	     {"esp", 50},      {"ah", 51},
		{"icmpv6", 58}, {"mh", 135},	     {"ipv6-mh", 135}, {"ipv6-icmp", 58},
		{"sctp", SCTP}, {"udplite", UDPLITE}};
	const auto known = NAMES.find(name);

	if (known != NAMES.end())
		return known->second;
	if (const auto given = number(name, 255))
		return static_cast<std::uint8_t>(*given);
	if (const protoent *entry = getprotobyname(name.c_str()))
		return static_cast<std::uint8_t>(entry->p_proto);
	return std::nullopt;
}

bool has_ports(std::uint8_t protocol)
{
	return protocol == TCP || protocol == UDP || protocol == UDPLITE || protocol == DCCP;
}

// What the matches of the same name look for; 0 of no such match.
std::uint8_t match_protocol(const std::string &name)
{
	static const std::map<std::string, std::uint8_t> NAMES = {
		{"tcp", TCP}, {"udp", UDP}, {"udplite", UDPLITE}, {"dccp", DCCP}};
	const auto known = NAMES.find(name);

	return known == NAMES.end() ? 0 : known->second;
}

L4Header l4_header(std::uint8_t protocol)
{
	return {protocol == TCP ? 20U : protocol == DCCP ? 12U : 8U, protocol == TCP};
}

std::string other_name(const std::string &option)
{
	static const std::map<std::string, std::string> NAMES = {
		{"--protocol", "-p"},
		{"--proto", "-p"},
		{"--source", "-s"},
		{"--src", "-s"},
		{"--destination", "-d"},
		{"--dst", "-d"},
		{"--match", "-m"},
		{"--jump", "-j"},
		{"--goto", "-g"},
		{"--in-interface", "-i"},
		{"--source-port", "--sport"},
		{"--destination-port", "--dport"},
		{"--source-ports", "--sports"},
		{"--destination-ports", "--dports"}};
	const auto known = NAMES.find(option);

	return known == NAMES.end() ? option : known->second;
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
			option();
		check();
		// as the kernel: first the IP header, then its protocol, then the
		// matches in their order
		for (std::vector<Step> *steps : {&header_, &protocol_, &matches_})
			for (Step &step : *steps)
				rule_.steps.push_back(std::move(step));
		act();
	}

private:
	// --- words

	// The first is what people are told.
	void complain(const std::string &found, const std::string &wanted)
	{
		if (rule_.problem.empty())
			rule_.problem = "found " + found + ", expected " + wanted;
	}

	// Options may be written --name=value, and by other names.
	void option()
	{
		std::string word = words_[at_++];

		inverted_ = word == "!";
		if (inverted_) {
			if (at_ == words_.size())
				return complain("the end of the rule", "an option after !");
			word = words_[at_++];
		}
		const std::size_t equals = word.find('=');
		has_value_ = word.starts_with("--") && equals != word.npos;
		if (has_value_) {
			value_ = word.substr(equals + 1);
			word.resize(equals);
		}
		word = other_name(word);
		if (!take(word))
			perhaps(word);
	}

	std::string value(const std::string &option)
	{
		if (has_value_)
			return value_;
		if (at_ < words_.size())
			return words_[at_++];
		complain("the end of the rule", "a value for " + option);
		return "";
	}

	// What is in the rule and not understood.
	void perhaps(const std::string &what)
	{
		matches_.push_back(Perhaps{what});
		rule_.unknown += (rule_.unknown.empty() ? "" : " ") + what;
		while (at_ < words_.size() && words_[at_] != "!" && !words_[at_].starts_with("-"))
			at_++;
	}

	void once(const std::string &option, bool invertible)
	{
		if (inverted_ && !invertible)
			complain("! before " + option, "it without !");
		if (!seen_.insert(option).second)
			complain(option + " a second time", "it once in a rule");
	}

	void needs(const std::string &match, const std::string &option)
	{
		if (!seen_.contains("-m " + match))
			complain(option, "-m " + match + " before it");
	}

	// False of what is not understood.
	bool take(const std::string &option)
	{
		if (option == "-m")
			return load(value(option));
		if (option == "-j" || option == "-g") {
			jump(option);
			return true;
		}
		if (option == "--dscp-map")
			return map(value(option));
		if (option == "--dscp" || option == "--dscp-class") {
			needs("dscp", option);
			once("--dscp", true);
			return dscp(value(option), option);
		}
		if (option == "--sports" || option == "--dports" || option == "--ports") {
			needs("multiport", option);
			once("one of --dports, --sports and --ports", true);
			return ports(value(option), option);
		}
		return take_one(option);
	}

	bool take_one(const std::string &option)
	{
		using Function = bool (Compiler::*)(const std::string &value,
						    const std::string &option);
		static const std::map<std::string, std::pair<Function, bool>> KNOWN_OPTIONS = {
			{"-s", {&Compiler::network, true}},
			{"-d", {&Compiler::network, true}},
			{"-i", {&Compiler::interface, true}},
			{"-p", {&Compiler::protocol, true}},
			{"--comment", {&Compiler::comment, false}},
			{"--tos", {&Compiler::tos, true}},
			{"--sport", {&Compiler::port, true}},
			{"--dport", {&Compiler::port, true}},
			{"--set-daddr", {&Compiler::set_daddr, false}},
			{"--set-dport", {&Compiler::set_dport, false}}};
		const auto known = KNOWN_OPTIONS.find(option);

		if (known == KNOWN_OPTIONS.end()) {
			complain(quote(option), KNOWN);
			return false;
		}
		once(option, known->second.second);
		return (this->*known->second.first)(value(option), option);
	}

	// --- matches

	// -m NAME
	bool load(const std::string &name)
	{
		static const std::set<std::string> PLAIN = {"dscp", "tos", "comment"};
		const std::uint8_t of_protocol = match_protocol(name);

		if (inverted_)
			complain("! before -m", "it before an option of the match");
		if (!PLAIN.contains(name) && !of_protocol && name != "multiport") {
			complain("-m " + quote(name), KNOWN_MATCHES);
			perhaps("-m " + name);
			return true;
		}
		if (name == "comment")
			seen_.insert("-m comment"); // as often as anybody likes
		else
			once("-m " + name, false);
		if (of_protocol) {
			if (number_ != of_protocol)
				complain("-m " + name, "the same protocol with -p before it");
			matches_.push_back(l4_header(of_protocol));
			has_header_ = true;
		}
		if (name == "multiport" && !has_ports(number_) && number_ != SCTP)
			complain("-m multiport", "-p tcp, udp, udplite, dccp or sctp before it");
		return true;
	}

	bool comment(const std::string &, const std::string &option)
	{
		needs("comment", option);
		return true;
	}

	// ADDRESS, ADDRESS/LENGTH or ADDRESS/MASK
	bool network(const std::string &text, const std::string &option)
	{
		const std::size_t slash = text.find('/');
		const bool masked = slash != text.npos;
		const std::string after = masked ? text.substr(slash + 1) : "";
		const auto ip = parse_ip(text.substr(0, slash));
		const std::uint32_t size = address_size(family_);

		if (!ip) {
			complain(quote(text),
				 "one numeric address, with or without a mask, for " + option);
			return false;
		}
		if (masked && after.empty()) {
			complain(quote(text), "a mask after / for " + option);
			return false;
		}
		const auto length = masked ? number(after, ip->prefix()) : ip->prefix();
		const auto mask = parse_ip(after);
		if (!length && (!mask || mask->family != ip->family)) {
			complain(quote(after),
				 std::string("an ") + name(ip->family) + " mask for " + option);
			return false;
		}
		if (ip->family != family_) {
			others_.push_back(option);
			return false;
		}
		Match match{Header::network,
			    destination_at(family_) - (option == "-s" ? size : 0),
			    size,
			    {},
			    {},
			    inverted_};
		for (std::uint32_t i = 0; i < size; i++) {
			const unsigned long bits =
				length ? std::clamp(*length, i * 8UL, i * 8UL + 8) - i * 8UL : 0;

			match.mask[i] = length ? static_cast<std::uint8_t>(0xff00U >> bits) :
						 mask->bytes[i];
			match.value[i] = ip->bytes[i] & match.mask[i];
		}
		header_.push_back(match);
		return true;
	}

	bool interface(const std::string &name, const std::string &option)
	{
		constexpr std::size_t LONGEST = 15; // IFNAMSIZ

		if (name.empty() || name.size() > LONGEST) {
			complain(name.empty() ? "no name" : quote(name),
				 "an interface for " + option);
			return false;
		}
		if (name != "+" || inverted_)
			header_.push_back(InInterface{name, inverted_});
		return true;
	}

	bool protocol(const std::string &name, const std::string &option)
	{
		const auto found = protocol_number(name);

		if (!found) {
			complain(quote(name), "a protocol's name or number for " + option);
			return false;
		}
		if (!*found) { // any
			if (inverted_)
				complain("! before -p all", "a rule that can match");
			return true;
		}
		protocol_.push_back(L4Protocol{*found, inverted_});
		number_ = inverted_ ? 0 : *found;
		return true;
	}

	bool dscp(const std::string &text, const std::string &option)
	{
		const bool class_only = option == "--dscp-class";
		unsigned int value;

		if (!daddr_dscp_parse(text.c_str(), &value) || (class_only && text[0] <= '9')) {
			complain(quote(text), class_only ? "a DSCP class (EF, AF11, CS1)" :
							   "a DSCP from 0 to 63 (0x3f)");
			return false;
		}
		matches_.push_back(tos_match(family_, value << 2U, 0xfc, inverted_));
		seen_.insert("a DSCP");
		return true;
	}

	// VALUE[/MASK], as iptables-save prints it; no names
	bool tos(const std::string &text, const std::string &option)
	{
		const std::size_t slash = text.find('/');
		const auto value = number(text.substr(0, slash), 0xff);
		const auto mask = slash == text.npos ? 0xffUL :
						       number(text.substr(slash + 1), 0xff);

		needs("tos", option);
		if (!value || !mask) {
			complain(quote(text),
				 "a number from 0 to 0xff, with or without a mask, for " + option);
			return false;
		}
		matches_.push_back(tos_match(family_, static_cast<unsigned int>(*value),
					     static_cast<unsigned int>(*mask), inverted_));
		return true;
	}

	using Range = std::pair<std::uint16_t, std::uint16_t>;

	std::optional<std::uint16_t> one_port(const std::string &text, const std::string &option)
	{
		const auto found = number(text, 0xffff);

		if (!found) {
			complain(quote(text), "a number from 0 to 65535 for " + option);
			return std::nullopt;
		}
		return static_cast<std::uint16_t>(*found);
	}

	// PORT, PORT:PORT, PORT: or :PORT
	std::optional<Range> range(const std::string &text, const std::string &option)
	{
		const std::size_t colon = text.find(':');
		const std::string first = text.substr(0, colon);
		const std::string last = colon == text.npos ? first : text.substr(colon + 1);
		std::optional<std::uint16_t> begin = 0, end = 0xffff;

		if (!first.empty() || colon == text.npos)
			begin = one_port(first, option);
		if (!last.empty() || colon == text.npos)
			end = one_port(last, option);
		if (!begin || !end)
			return std::nullopt;
		if (*begin > *end) {
			complain(quote(text), "the lower port first for " + option);
			return std::nullopt;
		}
		return Range{*begin, *end};
	}

	bool port(const std::string &text, const std::string &option)
	{
		const bool destination = option == "--dport";

		if (!has_ports(number_))
			complain(option, "-p tcp, udp, udplite or dccp before it");
		const auto found = range(text, option);
		if (!found)
			return false;
		if (!has_header_)
			matches_.push_back(l4_header(number_));
		has_header_ = true;
		matches_.push_back(AnyPort{!destination, destination, inverted_, {*found}});
		return true;
	}

	bool ports(const std::string &text, const std::string &option)
	{
		constexpr std::size_t MOST = 15;
		AnyPort any{option != "--dports", option != "--sports", inverted_, {}};

		for (std::size_t at = 0; at <= text.size();) {
			const std::size_t end = std::min(text.find(',', at), text.size());
			const auto found = range(text.substr(at, end - at), option);

			if (!found)
				return false;
			any.ranges.push_back(*found);
			at = end + 1;
		}
		if (any.ranges.size() > MOST)
			complain(quote(text), "at most 15 ports for " + option);
		matches_.push_back(L4Header{4, false});
		matches_.push_back(std::move(any));
		return true;
	}

	// --- the target

	// What comes after it is its own: only of DADDR, matches may.
	void jump(const std::string &option)
	{
		once("-j", false);
		target_ = value(option);
		goes_ = option == "-g";
		target_at_ = at_;
		if (target_.starts_with("DADDR--"))
			complain(
				"-j " + quote(target_),
				"a blank after DADDR, without which iptables-restore refuses the rule, too");
		if (target_ == "DADDR" && goes_)
			complain("-g " + quote(target_), "-j: it is no chain");
		if (target_ == "DADDR")
			return;
		at_ = words_.size();
		if (std::any_of(words_.begin() + static_cast<std::ptrdiff_t>(target_at_),
				words_.end(), is_daddr_option))
			complain("-j " + quote(target_), "-j DADDR, as its options are there");
	}

	void needs_target(const std::string &option)
	{
		if (target_ != "DADDR")
			complain(option, "-j DADDR before it");
	}

	// A new destination. @found: how it was written, for messages.
	std::optional<Ip> new_address(const std::string &text, const std::string &found,
				      const std::string &option)
	{
		const auto ip = parse_ip(text);

		if (!ip) {
			complain(quote(found), "a numeric IPv4 or IPv6 address for " + option);
			return std::nullopt;
		}
		if (const char *refused = refuse_daddr(*ip)) {
			complain(std::string(refused) + " " + quote(found),
				 "an address that a packet can be sent to for " + option);
			return std::nullopt;
		}
		return ip;
	}

	bool set_daddr(const std::string &text, const std::string &option)
	{
		needs_target(option);
		if (action_.is_map())
			complain("--dscp-map and --set-daddr", "one of them");
		const auto ip = new_address(text, text, option);
		if (ip)
			action_.daddr = *ip;
		addressed_ = ip.has_value();
		return true;
	}

	bool set_dport(const std::string &text, const std::string &option)
	{
		const auto given = number(text, 0xffff);

		needs_target(option);
		if (given && *given)
			action_.dport = static_cast<std::uint16_t>(*given);
		else if (const servent *entry = getservbyname(text.c_str(), nullptr))
			action_.dport = ntohs(static_cast<std::uint16_t>(entry->s_port));
		else
			complain(quote(text),
				 "a port from 1 to 65535 or a service's name for " + option);
		return true;
	}

	// ENTRY[,ENTRY]..., as often as the whole map needs
	bool map(const std::string &text)
	{
		const std::string option = "--dscp-map";

		needs_target(option);
		if (inverted_)
			complain("! before " + option, "it without !");
		if (addressed_)
			complain("--set-daddr and --dscp-map", "one of them");
		for (std::size_t start = 0; start <= text.size();) {
			const std::size_t comma = std::min(text.find(',', start), text.size());

			entry(text.substr(start, comma - start), option);
			start = comma + 1;
		}
		return true;
	}

	// DSCP=ADDRESS
	void entry(const std::string &entry, const std::string &option)
	{
		const std::size_t equals = entry.find('=');
		unsigned int dscp;

		if (equals == entry.npos)
			return complain(quote(entry), "an entry DSCP=ADDRESS for " + option);
		if (!daddr_dscp_parse(entry.substr(0, equals).c_str(), &dscp))
			return complain(
				quote(entry),
				"a DSCP, 1-63, 0x1-0x3f or a class (EF, AF11, CS1), before = for " +
					option);
		if (!dscp)
			return complain(quote(entry),
					"no DSCP 0, which is unmarked traffic, for " + option);
		const auto ip = new_address(entry.substr(equals + 1), entry, option);
		if (!ip)
			return;
		if (!action_.mapped)
			action_.daddr.family = ip->family;
		if (ip->family != action_.daddr.family)
			return complain(std::string("the ") + name(ip->family) + " address of " +
						quote(entry),
					std::string(name(action_.daddr.family)) +
						", as in the entries before it, for " + option);
		action_.map.resize(DADDR_DSCPS);
		if (action_.mapped >> dscp & 1)
			return complain(quote(entry) + ", of a DSCP that is mapped to " +
						text(action_.map[dscp]) + " already",
					"each DSCP once for " + option);
		action_.map[dscp] = *ip;
		action_.mapped |= std::uint64_t{1} << dscp;
	}

	// What only the whole rule says.
	void check()
	{
		const bool is_daddr = target_ == "DADDR";

		if (is_daddr && action_.dport && action_.is_map())
			complain("--set-dport with --dscp-map",
				 "it with --set-daddr: a map sets no port");
		if (is_daddr && action_.dport && !has_ports(number_))
			complain("--set-dport", "-p tcp, udp, udplite or dccp with it");
		if (is_daddr && !addressed_ && !action_.is_map())
			complain("no --set-daddr", "it or --dscp-map with the target DADDR");
		if (seen_.contains("-m tos") && !seen_.contains("--tos"))
			complain("-m tos alone", "--tos with it");
		if (seen_.contains("-m multiport") &&
		    !seen_.contains("one of --dports, --sports and --ports"))
			complain("-m multiport alone", "--dports, --sports or --ports with it");
		if (seen_.contains("-m dscp") && !seen_.contains("--dscp"))
			complain("-m dscp alone", "--dscp or --dscp-class with it");
		for (const std::string &option : others_)
			complain(std::string("an ") +
					 name(family_ == Family::ip4 ? Family::ip6 : Family::ip4) +
					 " address for " + option,
				 name(family_) + std::string(!is_daddr ? "" :
							     action_.is_map() ?
									 ", as for --dscp-map" :
									 ", as for --set-daddr"));
	}

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
		if ((!addressed_ && !action_.is_map()) || action_.daddr.family != family_) {
			rule_.unknown = "-j DADDR";
			return verdict(Verdict::Kind::elsewhere);
		}
		rule_.sets_port = action_.dport != 0;
		rule_.steps.push_back(std::move(action_));
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
		complain("-j " + target_ + " with other options",
			 "--set-dscp, --set-dscp-class, or --set-tos with numbers");
		rule_.unknown = "-j " + target_;
		rule_.steps.push_back(Write{Header::network, 0, 2, NOBODY});
	}

	Rule &rule_;
	const Words &words_;
	const Family family_;
	const std::function<bool(const std::string &)> &is_chain_;
	std::size_t at_ = 0, target_at_ = 0;
	std::set<std::string> seen_;	  // options and matches
	std::vector<std::string> others_; // addresses of the other family
	std::vector<Step> header_, protocol_, matches_;
	std::string value_, target_;
	Rewrite action_;
	std::uint8_t number_ = 0; // of the protocol, if it is for one
	bool inverted_ = false, has_value_ = false, has_header_ = false, goes_ = false;
	bool addressed_ = false;
};

} // namespace

bool is_daddr_option(std::string_view word)
{
	for (const char *option : {"--set-daddr", "--set-dport", "--dscp-map"})
		if (word.starts_with(option))
			return true;
	return false;
}

void add_steps(Rule &rule, const Words &words, Family family,
	       const std::function<bool(const std::string &)> &is_chain)
{
	Compiler(rule, words, family, is_chain).compile();
}

} // namespace dsr::nf
