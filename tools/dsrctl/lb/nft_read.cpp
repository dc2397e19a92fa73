// SPDX-License-Identifier: BSD-3-Clause
// nftables on Linux, as it is read: a ruleset as it is written here, and others.
#include <algorithm>
#include <map>
#include <set>

#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

struct Token {
	std::string text;
	std::string where;
};

// Words; braces, commas, semicolons and ends of lines by themselves.
std::vector<Token> tokens(std::string_view text, const std::string &file)
{
	std::vector<Token> found;
	unsigned int line = 1;

	auto add = [&](std::string word) {
		found.push_back({std::move(word),
				 file + ":" + std::to_string(line)});
	};
	for (std::size_t at = 0; at < text.size();) {
		char c = text[at];

		if (c == '#') {
			at = std::min(text.find('\n', at), text.size());
		} else if (c == '"') {
			std::size_t end = std::min(text.find('"', at + 1),
						   text.size());

			add(std::string(text.substr(at, end - at)) + '"');
			at = end + 1;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			at++;
		} else if (c == '\n' || c == '{' || c == '}' || c == ',' ||
			   c == ';') {
			add(std::string(1, c));
			line += c == '\n';
			at++;
		} else {
			std::size_t end = std::min(
				text.find_first_of(" \t\r\n{},;\"#", at),
				text.size());
			std::string word(text.substr(at, end - at));

			// "7:" in a map, and not the end of "fe80::"
			if (word.size() > 1 && word.back() == ':' &&
			    !word.ends_with("::"))
				word.pop_back();
			add(word);
			at = end;
		}
	}
	return found;
}

using Words = std::vector<Token>;

struct Rule {
	std::string where, text;
	std::optional<std::vector<Ip>> vips;	// none: any destination
	bool understood = true;
	std::optional<std::uint8_t> dscp;
	bool sends = false;			// sets the destination
	bool dnat = false;
	bool icmp = false;			// of ICMP only: no service
	std::vector<Ip> servers;
	std::vector<std::string> go;		// to these chains
	std::vector<std::pair<Ip, std::string>> gos;	// by destination
};

// A ruleset as it is written here, and as nft list prints it; and other ones
// in which a rule names VIPs, a DSCP and servers.
class Nft {
public:
	Nft(std::string_view text, const std::string &file)
		: tokens_(tokens(text, file))
	{
	}

	Reading read()
	{
		while (at_ < tokens_.size())
			if (tokens_[at_++].text == "table")
				read_table();
		if (steps_ > STEPS)
			reading_.problem(tokens_.back().where,
				"chains that lead to each other in too many ways",
				"fewer: not all of them were followed");
		join();
		return std::move(reading_);
	}

private:
	struct Chain {
		std::string hook;	// empty: others lead to it
		std::vector<Words> statements;
	};

	const std::string &look(std::size_t ahead = 0) const
	{
		static const std::string end;

		return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].text :
						      end;
	}

	// What is between here, which comes after a brace, and its closing one.
	Words block()
	{
		unsigned int depth = 1;
		Words words;

		for (; at_ < tokens_.size(); at_++) {
			const Token &token = tokens_[at_];

			depth += token.text == "{";
			depth -= token.text == "}";
			if (!depth) {
				at_++;
				break;
			}
			words.push_back(token);
		}
		return words;
	}

	void skip_to_block()
	{
		while (at_ < tokens_.size() && look() != "{" && look() != "\n")
			at_++;
	}

	// "table ip NAME {"; of no family, which is ip, too.
	void read_table()
	{
		chains_.clear();
		sets_.clear();
		skip_to_block();
		if (look() != "{")
			return;
		at_++;
		while (at_ < tokens_.size() && look() != "}") {
			std::string kind = look(), name = look(1);

			at_++;
			if (kind != "chain" && kind != "map" && kind != "set") {
				if (kind == "{")
					block();
				continue;
			}
			skip_to_block();
			if (look() != "{")
				continue;
			at_++;
			if (kind == "chain")
				chains_[name] = split(block());
			else
				sets_["@" + name] = elements(block());
		}
		at_++;
		for (const auto &[name, chain] : chains_)
			if (!chain.hook.empty())
				walk(chain, std::nullopt, 0,
				     chain.hook == "prerouting" ||
					     chain.hook == "ingress");
	}

	static Words elements(const Words &words)
	{
		auto begin = std::find_if(words.begin(), words.end(),
					  [](const Token &token) {
						  return token.text == "elements";
					  });

		return {begin, words.end()};
	}

	static Chain split(const Words &words)
	{
		unsigned int depth = 0;
		Chain chain;
		Words rule;

		auto end = [&] {
			auto hook = std::find_if(rule.begin(), rule.end(),
				[](const Token &token) {
					return token.text == "hook";
				});

			if (!rule.empty() && rule[0].text == "type" &&
			    rule.end() - hook > 1)
				chain.hook = (hook + 1)->text;
			else if (!rule.empty() && rule[0].text != "policy" &&
				 rule[0].text != "comment")
				chain.statements.push_back(rule);
			rule.clear();
		};
		for (const Token &token : words) {
			depth += token.text == "{";
			depth -= token.text == "}";
			if (!depth && (token.text == "\n" || token.text == ";"))
				end();
			else if (token.text != "\n")
				rule.push_back(token);
		}
		end();
		return chain;
	}

	// The words at @at: a set in braces, a named one, or one word; @at comes
	// after them then.
	Words value(const Words &rule, std::size_t &at) const
	{
		unsigned int depth = 0;
		Words words;

		if (at < rule.size() && rule[at].text[0] == '@') {
			auto set = sets_.find(rule[at++].text);

			return set == sets_.end() ? Words() : set->second;
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
		static const std::set<std::string> OTHERS = {
			"{", "}", ",", "\n", "elements", "="};

		return !words.empty() &&
		       std::all_of(words.begin(), words.end(),
				   [](const Token &token) {
					   return OTHERS.contains(token.text) ||
						  parse_ip(token.text);
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

	// "daddr" and what comes after it
	void take_daddr(Rule &rule, const Words &words, std::size_t &at)
	{
		if (next(words, at, "set")) {
			rule.sends = true;
			// jhash ... map @servers; one address; a map in braces
			while (++at < words.size() && words[at].text != "map" &&
			       !parse_ip(words[at].text)) {
			}
			if (next(words, at, "map"))
				at++;
			rule.servers = addresses(value(words, at));
			rule.understood = rule.understood &&
					  !rule.servers.empty();
		} else if (next(words, at, "vmap")) {
			Words map = value(words, ++at);

			for (std::size_t i = 0; i + 2 < map.size(); i++) {
				std::size_t verdict = i + 1 + (map[i + 1].text == ":");

				if (auto ip = parse_ip(map[i].text);
				    ip && verdict + 1 < map.size())
					rule.gos.push_back(
						{*ip, map[verdict + 1].text});
			}
			if (rule.gos.empty())
				rule.understood = false;
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

	// A match that does not matter here, and its value.
	void take_match(Rule &rule, const Words &words, std::size_t &at)
	{
		if (next(words, at, "==") || next(words, at, "!="))
			at++;
		if (next(words, at, "vmap"))
			rule.go = verdicts(value(words, ++at));
		else
			value(words, at);
		if (next(words, at, "."))
			rule.understood = false;
	}

	void take_dnat(Rule &rule, const Words &words, std::size_t &at)
	{
		rule.dnat = rule.sends = true;
		for (; at < words.size(); at++) {
			auto set = sets_.find(words[at].text);

			if (auto ip = parse_ip(words[at].text))
				rule.servers.push_back(*ip);
			else if (set != sets_.end())
				rule.servers = addresses(set->second);
		}
	}

	Rule understand(const Words &words)
	{
		// of expressions; statements without an argument; and what
		// has one that does not matter
		static const std::set<std::string> PLAIN = {
			"ip", "ip6", "tcp", "udp", "sctp", "dccp", "udplite",
			"th", "meta", "icmp", "icmpv6", "accept", "return",
			"continue", "notrack", "counter", "log"};
		static const std::set<std::string> WITH_VALUE = {
			"dport", "l4proto", "protocol", "nexthdr", "iif",
			"iifname", "type", "code"};
		static const std::set<std::string> WITH_WORD = {
			"comment", "packets", "bytes", "prefix", "level",
			"group"};
		Rule rule;

		rule.where = words[0].where;
		for (const Token &token : words)
			rule.text += (rule.text.empty() ? "" : " ") + token.text;
		for (std::size_t at = 0; at < words.size();) {
			const std::string &word = words[at++].text;

			if (word == "icmp" || word == "icmpv6")
				rule.icmp = true;
			if (word == "daddr") {
				take_daddr(rule, words, at);
			} else if (word == "dscp" && next(words, at, "set")) {
				std::string dscp = ++at < words.size() ?
							   words[at++].text : "";
				// RFC 8622 calls it LE
				rule.dscp = reading_.take_dscp(rule.where,
					dscp == "lephb" ? "LE" : dscp);
			} else if (word == "mark" && next(words, at, "set")) {
				at += 2;
			} else if ((word == "goto" || word == "jump") &&
				   at < words.size()) {
				rule.go = {words[at++].text};
			} else if (word == "dnat") {
				take_dnat(rule, words, at);
			} else if (WITH_VALUE.contains(word) ||
				   word.starts_with("@th,")) {
				take_match(rule, words, at);
			} else if (WITH_WORD.contains(word)) {
				at++;
			} else if (!PLAIN.contains(word)) {
				rule.understood = false;
			}
		}
		return rule;
	}

	// The servers of a rule, and of where it leads; each chain once.
	std::vector<Real> servers_of(const Rule &first)
	{
		std::vector<Rule> rules{first};
		std::vector<Real> servers;
		std::set<std::string> seen;

		while (!rules.empty() && ++steps_ <= STEPS) {
			const Rule rule = std::move(rules.back());

			rules.pop_back();
			for (const Ip &ip : rule.servers)
				if (std::none_of(servers.begin(), servers.end(),
						 [&](const Real &real) {
							 return real.ip == ip;
						 }))
					servers.push_back({ip, rule.where});
			for (const std::string &go : rule.go) {
				auto chain = chains_.find(go);

				if (chain == chains_.end() ||
				    !seen.insert(go).second)
					continue;
				// the last is the next: in the order they are
				// written in
				const auto &statements = chain->second.statements;
				for (auto words = statements.rbegin();
				     words != statements.rend(); ++words)
					rules.push_back(understand(*words));
			}
		}
		return servers;
	}

	// Does it change packets, or lead to what does?
	bool changes(const Rule &first)
	{
		std::vector<std::string> names = first.go;
		std::set<std::string> seen;

		if (first.dscp || first.sends)
			return true;
		for (const auto &[ip, name] : first.gos)
			names.push_back(name);
		while (!names.empty() && ++steps_ <= STEPS) {
			auto chain = chains_.find(names.back());

			names.pop_back();
			if (chain == chains_.end() ||
			    !seen.insert(chain->first).second)
				continue;
			for (const Words &words : chain->second.statements) {
				for (std::size_t i = 0; i + 1 < words.size(); i++) {
					const std::string &word = words[i].text;

					if (((word == "daddr" || word == "dscp") &&
					     words[i + 1].text == "set") ||
					    word == "dnat")
						return true;
					if (word == "goto" || word == "jump")
						names.push_back(words[i + 1].text);
				}
			}
		}
		return false;
	}

	void not_understood(const Rule &rule,
			    const std::optional<std::vector<Ip>> &vips)
	{
		if (!vips || vips->empty())
			reading_.not_understood(rule.where, rule.text);
		else
			for (const Ip &vip : *vips)
				reading_.not_understood(rule.where, rule.text,
							vip);
	}

	// @early: before the packets are routed
	void walk(const Chain &chain, const std::optional<std::vector<Ip>> &vips,
		  unsigned int depth, bool early)
	{
		for (const Words &words : chain.statements) {
			if (depth >= DEPTH || ++steps_ > STEPS)
				break;
			Rule rule = understand(words);
			const auto &to = rule.vips ? rule.vips : vips;

			if (!rule.understood || !early) {
				if (changes(rule))
					not_understood(rule, rule.understood ||
							rule.vips ? to :
							std::nullopt);
				continue;
			}
			if (rule.icmp)
				continue;
			for (const auto &[ip, name] : rule.gos)
				follow(name, std::vector<Ip>{ip}, depth);
			if (rule.dscp || rule.sends) {
				map(rule, to);
				continue;
			}
			for (const std::string &go : rule.go)
				follow(go, to, depth);
		}
	}

	void follow(const std::string &name,
		    const std::optional<std::vector<Ip>> &vips,
		    unsigned int depth)
	{
		auto chain = chains_.find(name);

		if (chain != chains_.end())
			walk(chain->second, vips, depth + 1, true);
	}

	void map(const Rule &rule, const std::optional<std::vector<Ip>> &vips)
	{
		const std::vector<Real> servers = servers_of(rule);

		if (!vips) {
			reading_.not_understood(rule.where, rule.text);
			return;
		}
		for (const Ip &vip : *vips) {
			reading_.mappings.push_back({vip, rule.where, rule.dscp,
						     rule.where, servers, false});
			if (rule.dnat)
				reading_.problem(rule.where,
					"dnat for " + text(vip),
					std::string(vip.family == Family::ip4 ? "ip" : "ip6") +
						" daddr set: connection tracking never sees the server's answers, and takes what the client sends then for invalid");
		}
	}

	// One chain may mark, and another send.
	void join()
	{
		std::map<Ip, std::vector<Real>> sent;

		auto sends = [](const Mapping &mapping) {
			return !mapping.dscp && !mapping.servers.empty();
		};
		auto marks = [](const Mapping &mapping) {
			return mapping.dscp && mapping.servers.empty();
		};
		std::set<Ip> marked;
		for (const Mapping &mapping : reading_.mappings) {
			if (marks(mapping))
				marked.insert(mapping.vip);
			if (sends(mapping)) {
				auto &all = sent[mapping.vip];
				all.insert(all.end(), mapping.servers.begin(),
					   mapping.servers.end());
			}
		}
		std::erase_if(reading_.mappings, [&](const Mapping &mapping) {
			return sends(mapping) && marked.contains(mapping.vip);
		});
		for (Mapping &mapping : reading_.mappings)
			if (marks(mapping) && sent.contains(mapping.vip))
				mapping.servers = sent[mapping.vip];
	}

	// Chains that lead to each other are followed so far.
	static constexpr unsigned int DEPTH = 16, STEPS = 100000;

	Words tokens_;
	std::size_t at_ = 0;
	unsigned int steps_ = 0;
	Reading reading_;
	std::map<std::string, Chain> chains_;
	std::map<std::string, Words> sets_;
};

} // namespace

Reading read_nft(std::string_view text, const std::string &file)
{
	return Nft(text, file).read();
}

} // namespace dsr::lb
