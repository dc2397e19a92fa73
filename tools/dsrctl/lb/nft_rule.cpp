// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/nft_rule.hpp"

#include <algorithm>
#include <set>

#include "dsrctl/lb/lines.hpp"

namespace dsr::lb {

namespace {

class RuleReader {
public:
	RuleReader(const NftTable &table, Reading &reading) : table_(table), reading_(reading) {}

	NftRule read(const Words &words)
	{
		// of expressions; statements without an argument; and what
		// has one that does not matter
		static const std::set<std::string> PLAIN = {
			"ip",	  "ip6",      "tcp",	 "udp",	    "sctp",   "dccp",	"udplite",
			"th",	  "meta",     "icmp",	 "icmpv6",  "accept", "return", "drop",
			"reject", "continue", "notrack", "counter", "log"};
		static const std::set<std::string> WITH_VALUE = {"dport",   "l4proto", "protocol",
								 "nexthdr", "iif",     "iifname",
								 "type",    "code"};
		static const std::set<std::string> WITH_WORD = {"comment", "packets", "bytes",
								"prefix",  "level",   "group"};
		NftRule rule;

		rule.where = words[0].where;
		for (const Token &token : words)
			rule.text += (rule.text.empty() ? "" : " ") + token.text;
		for (std::size_t at = 0; at < words.size();) {
			const std::string &word = words[at++].text;

			if (word == "icmp" || word == "icmpv6")
				rule.icmp = true;
			if (word == "accept" || word == "return" || word == "drop" ||
			    word == "reject" || word == "queue" || word == "goto") {
				rule.ends = true;
				rule.returns = word == "return" || word == "goto";
				rule.drops = word == "drop" || word == "reject";
			}
			if (word == "daddr") {
				take_daddr(rule, words, at);
			} else if (word == "dscp" && next(words, at, "set")) {
				std::string dscp = ++at < words.size() ? words[at++].text : "";
				// RFC 8622 calls it LE
				rule.dscp = reading_.take_dscp(rule.where,
							       dscp == "lephb" ? "LE" : dscp);
			} else if (word == "mark" && next(words, at, "set")) {
				at += 2;
			} else if ((word == "goto" || word == "jump") && at < words.size()) {
				rule.go = {words[at++].text};
			} else if (word == "dnat") {
				take_dnat(rule, words, at);
			} else if (WITH_VALUE.contains(word) || word.starts_with("@th,")) {
				take_match(rule, words, at, at > 1 ? words[at - 2].text : "", word);
			} else if (WITH_WORD.contains(word)) {
				at++;
			} else if (!PLAIN.contains(word)) {
				rule.understood = false;
			}
		}
		return rule;
	}

private:
	// The words at @at: a set in braces, a named one, or one word; @at comes
	// after them then.
	Words value(const Words &rule, std::size_t &at) const
	{
		unsigned int depth = 0;
		Words words;

		if (at < rule.size() && rule[at].text[0] == '@') {
			auto set = table_.sets.find(rule[at++].text);

			return set == table_.sets.end() ? Words() : set->second;
		}
		while (at < rule.size()) {
			const Token &token = rule[at++];

			depth += token.text == "{";
			depth -= token.text == "}";
			words.push_back(token);
			if (!depth)
				break;
		}
		return words;
	}

	static std::vector<Ip> addresses(const Words &words)
	{
		std::vector<Ip> found;

		for (const Token &token : words)
			if (auto ip = parse_ip(token.text))
				found.push_back(*ip);
		return found;
	}

	// Are these addresses, and no prefixes, ranges or variables?
	static bool only_addresses(const Words &words)
	{
		static const std::set<std::string> OTHERS = {"{", "}", ",", "\n", "elements", "="};

		return !words.empty() &&
		       std::all_of(words.begin(), words.end(), [](const Token &token) {
			       return OTHERS.contains(token.text) || parse_ip(token.text);
		       });
	}

	static bool next(const Words &words, std::size_t at, const char *text)
	{
		return at < words.size() && words[at].text == text;
	}

	// The chains of a map of verdicts.
	static std::vector<std::string> verdicts(const Words &map)
	{
		std::vector<std::string> chains;

		for (std::size_t i = 0; i + 1 < map.size(); i++)
			if (map[i].text == "goto" || map[i].text == "jump")
				chains.push_back(map[i + 1].text);
		return chains;
	}

	// The elements of a map of destinations: what becomes of each.
	static void take_verdicts(NftRule &rule, const Words &map)
	{
		static const std::set<std::string> BETWEEN = {"{", "}", ",", "elements", "=", "\n"};

		for (std::size_t i = 0; i < map.size(); i++) {
			if (BETWEEN.contains(map[i].text))
				continue;
			// a prefix, a range or a counter is none of these
			const auto ip = parse_ip(map[i].text);
			std::size_t verdict = i + 1;
			if (next(map, verdict, ":"))
				verdict++;
			const std::string word = verdict < map.size() ? map[verdict].text : "";
			const bool goes = word == "goto" || word == "jump";

			if (ip && goes && verdict + 1 < map.size())
				rule.gos.push_back({*ip, map[verdict + 1].text});
			else if (ip && (word == "accept" || word == "drop" || word == "return"))
				rule.over.push_back(*ip);
			else
				rule.understood = false;
			if (!ip && goes && verdict + 1 < map.size())
				rule.go.push_back(map[verdict + 1].text);
			i = verdict + goes;
		}
		if (rule.gos.empty() && rule.over.empty())
			rule.understood = false;
	}

	// "daddr" and what comes after it
	void take_daddr(NftRule &rule, const Words &words, std::size_t &at)
	{
		if (next(words, at, "set")) {
			rule.sends = true;
			// jhash ... map @servers; one address; a map in braces
			while (++at < words.size() && words[at].text != "map" &&
			       !parse_ip(words[at].text)) {}
			if (next(words, at, "map"))
				at++;
			rule.servers = addresses(value(words, at));
			rule.understood = rule.understood && !rule.servers.empty();
		} else if (next(words, at, "vmap")) {
			take_verdicts(rule, value(words, ++at));
		} else if (next(words, at, "!=") || next(words, at, ".")) {
			rule.understood = false;
		} else {
			if (next(words, at, "=="))
				at++;
			Words vips = value(words, at);

			rule.vips = addresses(vips);
			if (!only_addresses(vips))
				rule.understood = false;
		}
	}

	// "{ 80, 443 }", "8000-8010"; false: names, or what else there may be
	static bool take_ports(const Words &words, std::vector<Ports> &ports)
	{
		for (const Token &token : words) {
			const std::string &word = token.text;
			const std::size_t dash = word.find('-');
			auto from = parse_unsigned(word.substr(0, dash), 65535);
			auto to = dash == word.npos ? from :
						      parse_unsigned(word.substr(dash + 1), 65535);

			if (word == "{" || word == "}" || word == "," || word == "elements" ||
			    word == "=")
				continue;
			if (!from || !to)
				return false;
			ports.push_back({*from, *to});
		}
		return !ports.empty();
	}

	static std::string protocol_of(const Words &words)
	{
		const std::string word = words.size() == 1 ? words[0].text : "";

		return word == "6" ? "tcp" : word == "17" ? "udp" : word;
	}

	// A match of other than the destination, and its value. @before: the word
	// that it is of
	void take_match(NftRule &rule, const Words &words, std::size_t &at,
			const std::string &before, const std::string &what)
	{
		bool negated = false;

		if (what == "dport" && next(words, at, "set")) {
			const std::string port = ++at < words.size() ? words[at++].text : "";

			rule.port = parse_unsigned(port, 65535).value_or(0);
			rule.understood = rule.understood && rule.port;
			return;
		}
		if (next(words, at, "==") || next(words, at, "!="))
			negated = words[at++].text == "!=";
		if (next(words, at, "vmap")) {
			const Words map = value(words, ++at);

			rule.go = verdicts(map);
			if (what == "dport")
				rule.condition.protocol = before;
			for (const Token &token : map)
				if (auto port = parse_unsigned(token.text, 65535);
				    port && what == "dport")
					rule.condition.ports.push_back({*port, *port});
			for (const Token &token : map)
				rule.understood = rule.understood && token.text != "drop" &&
						  token.text != "accept";
			return;
		}
		const Words found = value(words, at);
		rule.condition.text += before + " " + what + (negated ? " !=" : "");
		for (const Token &token : found)
			rule.condition.text += " " + token.text;
		if (next(words, at, "."))
			rule.understood = false;
		if (negated) {
			// what is left is neither a list of ports nor one protocol
			rule.understood = rule.understood && (what == "iif" || what == "iifname");
			return;
		}
		if (what == "dport") {
			if (before != "th")
				rule.condition.protocol = before;
			if (!take_ports(found, rule.condition.ports))
				rule.understood = false;
		} else if (what == "l4proto" || what == "protocol" || what == "nexthdr") {
			rule.condition.protocol = protocol_of(found);
		} else if ((what == "iif" || what == "iifname") && found.size() == 1) {
			rule.local = found[0].text == "lo" || found[0].text == "\"lo\"";
		}
	}

	void take_dnat(NftRule &rule, const Words &words, std::size_t &at)
	{
		rule.dnat = rule.sends = true;
		for (; at < words.size(); at++) {
			auto set = table_.sets.find(words[at].text);

			if (auto ip = parse_ip(words[at].text))
				rule.servers.push_back(*ip);
			else if (set != table_.sets.end())
				rule.servers = addresses(set->second);
		}
	}

	const NftTable &table_;
	Reading &reading_;
};

} // namespace

NftRule read_nft_rule(const Words &words, const NftTable &table, Reading &reading)
{
	return RuleReader(table, reading).read(words);
}

} // namespace dsr::lb
