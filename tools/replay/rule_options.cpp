// SPDX-License-Identifier: BSD-3-Clause
// The options of a DADDR rule.
#include "replay/rule_options.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <set>

#include "daddr_dscp.h"

namespace dsr::replay {

namespace {

struct Name {
	const char *name;
	std::uint8_t number;
};

const Name protocols[] = {
	{"all", 0},  {"icmp", 1},      {"tcp", 6},    {"udp", 17},	{"dccp", 33},
	{"gre", 47}, {"esp", 50},      {"ah", 51},    {"icmpv6", 58},	{"ipv6-icmp", 58},
	{"mh", 135}, {"ipv6-mh", 135}, {"sctp", 132}, {"udplite", 136},
};
const Name port_matches[] = {
	{"tcp", 6},
	{"udp", 17},
	{"dccp", 33},
	{"udplite", 136},
};

struct Alias {
	const char *name, *option;
};

const Alias aliases[] = {
	{"--protocol", "-p"},
	{"--proto", "-p"},
	{"--source", "-s"},
	{"--src", "-s"},
	{"--destination", "-d"},
	{"--dst", "-d"},
	{"--match", "-m"},
	{"--jump", "-j"},
	{"--destination-port", "--dport"},
	{"--source-port", "--sport"},
	{"--in-interface", "-i"},
	{"--source-ports", "--sports"},
	{"--destination-ports", "--dports"},
};

const char KNOWN[] =
	"one of -p, -s, -d, -i, -m, --dscp, --dscp-class, --tos, --dport, --sport, --dports, --sports, --ports, --comment, -j, --set-daddr, --set-dport, --dscp-map";
const char KNOWN_MATCHES[] =
	"one of dscp, tos, tcp, udp, udplite, dccp, multiport, comment (no other match is known here)";

std::uint8_t parse_protocol(const std::string &text)
{
	if (auto number = parse_number(text, 255))
		return static_cast<std::uint8_t>(*number);
	for (const Name &known : protocols)
		if (text == known.name)
			return known.number;
	if (const protoent *entry = getprotobyname(text.c_str()))
		return static_cast<std::uint8_t>(entry->p_proto);
	expected(quote(text), "a protocol's name or number for -p");
}

std::uint16_t parse_port(const std::string &text, const std::string &option)
{
	auto number = parse_number(text, 0xffff);

	if (!number)
		expected(quote(text), "a number from 0 to 65535 for " + option);
	return static_cast<std::uint16_t>(*number);
}

Ports parse_ports(const std::string &text, const std::string &option)
{
	std::size_t colon = text.find(':');
	Ports ports;

	ports.given = true;
	if (colon == std::string::npos) {
		ports.first = ports.last = parse_port(text, option);
		return ports;
	}
	if (colon > 0)
		ports.first = parse_port(text.substr(0, colon), option);
	if (colon + 1 < text.size())
		ports.last = parse_port(text.substr(colon + 1), option);
	if (ports.first > ports.last)
		expected(quote(text), "the lower port first for " + option);
	return ports;
}

// ADDRESS[/LENGTH|/MASK]
Network parse_network(const std::string &text, const std::string &option, Family &family)
{
	const std::size_t slash = text.find('/');
	const auto address = parse_ip(text.substr(0, slash));
	Network network;

	if (!address)
		expected(quote(text), "one numeric address, with or without a mask, for " + option);
	family = address->family;
	unsigned long length = address->prefix();
	const bool masked = slash != std::string::npos;
	const std::string after = masked ? text.substr(slash + 1) : "";
	if (masked && after.empty())
		expected(quote(text), "a mask after / for " + option);
	const auto given = parse_number(after, length);
	if (!masked || given) {
		for (unsigned long bit = 0; bit < given.value_or(length); bit++)
			network.mask[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
	} else {
		const auto mask = parse_ip(after);

		if (!mask || mask->family != family)
			expected(quote(after),
				 std::string("an ") + name(family) + " mask for " + option);
		network.mask = mask->bytes;
	}
	network.given = true;
	for (std::size_t i = 0; i < network.mask.size(); i++)
		network.address[i] = address->bytes[i] & network.mask[i];
	return network;
}

// A new destination. @found: how it was written, for messages.
Ip parse_new_address(const std::string &text, const std::string &found, const std::string &option)
{
	const auto address = parse_ip(text);

	if (!address)
		expected(quote(found), "a numeric IPv4 or IPv6 address for " + option);
	if (const char *refused = refuse_daddr(*address))
		expected(std::string(refused) + " " + quote(found),
			 "an address that a packet can be sent to for " + option);
	return *address;
}

std::uint16_t parse_new_port(const std::string &text)
{
	if (auto number = parse_number(text, 0xffff); number && *number)
		return static_cast<std::uint16_t>(*number);
	if (const servent *entry = getservbyname(text.c_str(), nullptr))
		return ntohs(static_cast<std::uint16_t>(entry->s_port));
	expected(quote(text), "a port from 1 to 65535 or a service's name for --set-dport");
}

// DSCP=ADDRESS, into the map.
void add_entry(const std::string &entry, Action &action)
{
	const char OPTION[] = "--dscp-map";
	std::size_t equals = entry.find('=');
	unsigned int dscp;

	if (equals == std::string::npos)
		expected(quote(entry), std::string("an entry DSCP=ADDRESS for ") + OPTION);
	if (!daddr_dscp_parse(entry.substr(0, equals).c_str(), &dscp))
		expected(
			quote(entry),
			std::string(
				"a DSCP, 1-63, 0x1-0x3f or a class (EF, AF11, CS1), before = for ") +
				OPTION);
	if (!dscp)
		expected(quote(entry),
			 std::string("no DSCP 0, which is unmarked traffic, for ") + OPTION);
	Ip address = parse_new_address(entry.substr(equals + 1), entry, OPTION);
	if (!action.mapped)
		action.daddr.family = address.family;
	if (address.family != action.daddr.family)
		expected(std::string("the ") + name(address.family) + " address of " + quote(entry),
			 std::string(name(action.daddr.family)) +
				 ", as in the entries before it, for " + OPTION);
	action.map.resize(DADDR_DSCPS);
	if (action.mapped >> dscp & 1)
		expected(quote(entry) + ", of a DSCP that is mapped to " + text(action.map[dscp]) +
				 " already",
			 std::string("each DSCP once for ") + OPTION);
	action.map[dscp] = address;
	action.mapped |= std::uint64_t{1} << dscp;
}

// ENTRY[,ENTRY]...
void add_entries(const std::string &text, Action &action)
{
	for (std::size_t start = 0;;) {
		std::size_t comma = text.find(',', start);

		add_entry(text.substr(start, comma - start), action);
		if (comma == std::string::npos)
			return;
		start = comma + 1;
	}
}

class Options {
public:
	Options(const std::vector<std::string> &words, Rule &rule) : words_(words), rule_(rule) {}

	void parse()
	{
		while (next_ < words_.size())
			option();
		check();
	}

private:
	// Options may be written --name=value, and by other names.
	void option()
	{
		std::string word = words_[next_++];
		bool inverted = word == "!";

		if (inverted) {
			if (next_ == words_.size())
				expected("the end of the rule", "an option after !");
			word = words_[next_++];
		}
		std::size_t equals = word.find('=');
		has_value_ = word.starts_with("--") && equals != std::string::npos;
		if (has_value_) {
			value_ = word.substr(equals + 1);
			word.resize(equals);
		}
		for (const Alias &alias : aliases)
			if (word == alias.name)
				word = alias.option;
		take(word, inverted);
	}

	std::string value(const std::string &option)
	{
		if (has_value_)
			return value_;
		if (next_ == words_.size())
			expected("the end of the rule", "a value for " + option);
		return words_[next_++];
	}

	void once(const std::string &option, bool inverted, bool invertible)
	{
		if (inverted && !invertible)
			expected("! before " + option, "it without !");
		if (!seen_.insert(option).second)
			expected(option + " a second time", "it once in a rule");
	}

	void take(const std::string &option, bool inverted)
	{
		if (option == "-m") {
			if (inverted)
				expected("! before -m", "it before an option of the match");
			load(value(option));
		} else if (option == "-p") {
			once(option, inverted, true);
			rule_.protocol = parse_protocol(value(option));
			rule_.protocol_inverted = inverted;
			if (inverted && !rule_.protocol)
				expected("! before -p all", "a rule that can match");
		} else if (option == "-i") {
			once(option, inverted, true);
			rule_.in = {value(option), true, inverted};
			if (rule_.in.name.empty())
				expected("no name", "an interface for -i");
		} else if (option == "-s" || option == "-d") {
			once(option, inverted, true);
			network(option, inverted);
		} else if (option == "--dscp" || option == "--dscp-class") {
			once("--dscp", inverted, true);
			dscp(option, inverted);
		} else if (option == "--tos") {
			once(option, inverted, true);
			tos(inverted);
		} else if (option == "--dports" || option == "--sports" || option == "--ports") {
			once("one of --dports, --sports and --ports", inverted, true);
			port_list(option, inverted);
		} else if (option == "--dport" || option == "--sport") {
			once(option, inverted, true);
			ports(option, inverted);
		} else if (option == "--comment") {
			if (!comment_)
				expected(option, "-m comment before it");
			once(option, inverted, false);
			value(option);
		} else if (option == "-j") {
			once(option, inverted, false);
			jump(value(option));
		} else if (option == "--set-daddr" || option == "--set-dport" ||
			   option == "--dscp-map") {
			if (!target_)
				expected(option, "-j DADDR before it");
			target(option, inverted);
		} else {
			expected(quote(option), KNOWN);
		}
	}

	void jump(const std::string &name)
	{
		if (name.starts_with("DADDR--"))
			expected(
				"-j " + quote(name),
				"a blank after DADDR, without which iptables-restore refuses the rule, too");
		if (name != "DADDR")
			expected("-j " + quote(name), "-j DADDR, as its options are there");
		target_ = true;
	}

	void target(const std::string &option, bool inverted)
	{
		Action &action = rule_.action;

		if (option == "--dscp-map") {
			// as often as the whole map needs
			if (inverted)
				once(option, inverted, false);
			if (addressed_)
				expected("--set-daddr and --dscp-map", "one of them");
			add_entries(value(option), action);
			return;
		}
		once(option, inverted, false);
		if (option == "--set-dport") {
			action.dport = parse_new_port(value(option));
			return;
		}
		if (action.is_map())
			expected("--dscp-map and --set-daddr", "one of them");
		std::string text = value(option);
		action.daddr = parse_new_address(text, text, option);
		addressed_ = true;
	}

	void network(const std::string &option, bool inverted)
	{
		bool source = option == "-s";
		Network network = parse_network(value(option), option,
						source ? source_ : destination_);

		network.inverted = inverted;
		(source ? rule_.source : rule_.destination) = network;
	}

	// -m NAME. Of a match's options, each is taken once in a rule, so that
	// a match need not be looked for in others than the last.
	void load(const std::string &name)
	{
		if (name == "comment") {
			comment_ = true;
			return;
		}
		once("-m " + name, false, false);
		if (name == "dscp") {
			dscp_ = rule_.matches.size();
			rule_.matches.push_back({});
			return;
		}
		if (name == "tos") {
			tos_ = load_match(Match::Kind::tos);
			return;
		}
		if (name == "multiport") {
			if (!has_ports() && !is_sctp())
				expected("-m multiport",
					 "-p tcp, udp, udplite, dccp or sctp before it");
			multiport_ = load_match(Match::Kind::multiport);
			return;
		}
		for (const Name &known : port_matches)
			if (name == known.name) {
				need_protocol("-m " + name, known.number);
				load_ports();
				return;
			}
		expected("-m " + quote(name), KNOWN_MATCHES);
	}

	void need_protocol(const std::string &found, std::uint8_t protocol)
	{
		if (rule_.protocol_inverted || rule_.protocol != protocol)
			expected(found, "the same protocol with -p before it");
	}

	std::size_t load_match(Match::Kind kind)
	{
		Match match;

		match.kind = kind;
		rule_.matches.push_back(match);
		return rule_.matches.size() - 1;
	}

	// VALUE[/MASK], as iptables-save prints it; no names
	void tos(bool inverted)
	{
		const std::string text = value("--tos");
		const std::size_t slash = text.find('/');

		if (tos_ == NONE)
			expected("--tos", "-m tos before it");
		const auto number = parse_number(text.substr(0, slash), 0xff);
		std::optional<unsigned long> mask = 0xff;
		if (slash != std::string::npos)
			mask = parse_number(text.substr(slash + 1), 0xff);
		if (!number || !mask)
			expected(quote(text),
				 "a number from 0 to 0xff, with or without a mask, for --tos");
		Match &match = rule_.matches[tos_];
		match.tos = static_cast<std::uint8_t>(*number);
		match.tos_mask = static_cast<std::uint8_t>(*mask);
		match.inverted = inverted;
		tos_given_ = true;
	}

	// PORT[:PORT][,PORT[:PORT]]...
	void port_list(const std::string &option, bool inverted)
	{
		constexpr std::size_t MOST = 15;
		const std::string text = value(option);

		if (multiport_ == NONE)
			expected(option, "-m multiport before it");
		Match &match = rule_.matches[multiport_];
		for (std::size_t start = 0;;) {
			const std::size_t comma = text.find(',', start);

			match.any_of.push_back(
				parse_ports(text.substr(start, comma - start), option));
			if (comma == std::string::npos)
				break;
			start = comma + 1;
		}
		if (match.any_of.size() > MOST)
			expected(quote(text), "at most 15 ports for " + option);
		match.source_side = option != "--dports";
		match.destination_side = option != "--sports";
		match.inverted = inverted;
	}

	bool is_sctp() const
	{
		constexpr std::uint8_t SCTP = 132;

		return !rule_.protocol_inverted && rule_.protocol == SCTP;
	}

	void load_ports()
	{
		Match match;

		match.kind = Match::Kind::ports;
		match.protocol = rule_.protocol;
		ports_ = rule_.matches.size();
		rule_.matches.push_back(match);
	}

	void dscp(const std::string &option, bool inverted)
	{
		std::string text = value(option);
		unsigned int number;

		if (dscp_ == NONE)
			expected(option, "-m dscp before it");
		Match &match = rule_.matches[dscp_];
		if (!daddr_dscp_parse(text.c_str(), &number) ||
		    (option == "--dscp-class" && text[0] <= '9'))
			expected(quote(text), option == "--dscp-class" ?
						      "a DSCP class (EF, AF11, CS1)" :
						      "a DSCP from 0 to 63 (0x3f)");
		match.dscp = static_cast<std::uint8_t>(number);
		match.dscp_inverted = inverted;
		match.dscp_given = true;
	}

	void ports(const std::string &option, bool inverted)
	{
		if (!has_ports())
			expected(option, "-p tcp, udp, udplite or dccp before it");
		if (ports_ == NONE)
			load_ports();
		Match &match = rule_.matches[ports_];
		Ports ports = parse_ports(value(option), option);
		ports.inverted = inverted;
		(option == "--sport" ? match.source : match.destination) = ports;
	}

	// Is the rule for one protocol, and that has ports?
	bool has_ports() const
	{
		return !rule_.protocol_inverted &&
		       std::any_of(
			       std::begin(port_matches), std::end(port_matches),
			       [this](const Name &name) { return name.number == rule_.protocol; });
	}

	void check() const
	{
		if (rule_.action.dport && rule_.action.is_map())
			expected("--set-dport with --dscp-map",
				 "it with --set-daddr: a map sets no port");
		if (rule_.action.dport && !has_ports())
			expected("--set-dport", "-p tcp, udp, udplite or dccp with it");
		if (!addressed_ && !rule_.action.is_map())
			expected("no --set-daddr", "it or --dscp-map with the target DADDR");
		if (tos_ != NONE && !tos_given_)
			expected("-m tos alone", "--tos with it");
		if (multiport_ != NONE && rule_.matches[multiport_].any_of.empty())
			expected("-m multiport alone", "--dports, --sports or --ports with it");
		if (dscp_ != NONE && !rule_.matches[dscp_].dscp_given)
			expected("-m dscp alone", "--dscp or --dscp-class with it");
		if (rule_.source.given)
			same_family("-s", source_);
		if (rule_.destination.given)
			same_family("-d", destination_);
	}

	void same_family(const std::string &option, Family family) const
	{
		if (family != rule_.family())
			expected(std::string("an ") + name(family) + " address for " + option,
				 std::string(name(rule_.family())) + ", as for " +
					 (rule_.action.is_map() ? "--dscp-map" : "--set-daddr"));
	}

	static constexpr std::size_t NONE = ~std::size_t{0};

	const std::vector<std::string> &words_;
	Rule &rule_;
	std::size_t next_ = 0;
	bool has_value_ = false;
	std::string value_;
	std::set<std::string> seen_;
	// in rule_.matches
	std::size_t dscp_ = NONE, ports_ = NONE, tos_ = NONE, multiport_ = NONE;
	bool tos_given_ = false;
	Family source_ = Family::ip4, destination_ = Family::ip4;
	bool comment_ = false, target_ = false, addressed_ = false;
};

} // namespace

void parse_options(const std::vector<std::string> &words, Rule &rule)
{
	Options(words, rule).parse();
}

} // namespace dsr::replay
