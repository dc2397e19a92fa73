// SPDX-License-Identifier: BSD-3-Clause
// nftables on Linux: no state, and the same server for the same client.
#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

const char TABLE[] = "dsrctl_lb";

// Clients are spread over so many slots, and each slot belongs to a server.
constexpr unsigned int SLOTS = 1024, SLOTS_A_LINE = 4;

const char *protocol(Family family)
{
	return family == Family::ip4 ? "ip" : "ip6";
}

// Left to itself, the kernel draws one for each rule, and a reload would send
// clients to other servers.
const char SEED[] = " seed 0x64737263";

// The finaliser of SplitMix64.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value)
{
	hash += value + 0x9e3779b97f4a7c15;
	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
	return hash ^ hash >> 31;
}

std::uint64_t mix(const Ip &ip)
{
	std::uint64_t hash = 0;

	for (std::size_t i = 0; i < ip.size(); i++)
		hash = mix(hash, ip.bytes[i]);
	return hash;
}

// Rendezvous hashing: every server draws a number for the slot, as often as it
// has weight, and the highest wins. When a server goes, the others keep what
// they have.
const Server &owner(const std::vector<Server> &servers, unsigned int slot)
{
	const Server *best = &servers[0];
	std::uint64_t highest = 0;

	for (const Server &server : servers) {
		const std::uint64_t seed = mix(mix(server.ip), slot);

		for (unsigned int i = 0; i < server.weight; i++) {
			std::uint64_t drawn = mix(seed, i);

			if (drawn > highest) {
				highest = drawn;
				best = &server;
			}
		}
	}
	return *best;
}

std::string slots(const std::vector<Server> &servers)
{
	std::string lines;

	for (unsigned int slot = 0; slot < SLOTS; slot++)
		lines += (slot % SLOTS_A_LINE ? " " : "\n\t\t\t") +
			 std::to_string(slot) + " : " +
			 text(owner(servers, slot).ip) +
			 (slot + 1 < SLOTS ? "," : "");
	return lines;
}

std::string chain_name(const Virtual &vip)
{
	return "dscp_" + std::to_string(vip.dscp);
}

std::string vip_chain(const Site &site, const Virtual &vip)
{
	const std::string mark = std::string(protocol(vip.ip.family)) +
				 " dscp set " + hex(vip.dscp) +
				 " goto spread\n";
	std::string lines = "\tchain " + chain_name(vip) + " {\n";

	for (const Service &service : site.services)
		lines += "\t\t" + service.protocol + " dport " +
			 std::to_string(service.port) + " " + mark;
	if (site.services.empty())
		lines += "\t\t" + mark;
	return lines + "\t}\n";
}

// Only TCP by port, too: later fragments have none, and TCP is not fragmented.
std::string spread_chain(Family family)
{
	const std::string ip = protocol(family);
	const std::string set = ip + " daddr set jhash " + ip + " saddr";
	const std::string to = " mod " + std::to_string(SLOTS) + SEED +
			       " map @servers";

	return "\tchain spread {\n\t\tmeta l4proto tcp " + set +
	       " . tcp sport" + to + " return\n\t\t" + set + to + "\n\t}\n";
}

std::string table(const Site &site, Family family)
{
	const std::string ip = protocol(family);
	const std::string name = ip + " " + TABLE;
	std::string chains, vips;

	for (const Virtual &vip : site.vips) {
		if (vip.ip.family != family)
			continue;
		chains += vip_chain(site, vip);
		vips += (vips.empty() ? "\n\t\t\t" : ",\n\t\t\t") +
			text(vip.ip) + " : goto " + chain_name(vip);
	}
	// the table of before goes in the same transaction
	return "table " + name + " {}\ndelete table " + name + "\ntable " +
	       name + " {\n\tmap servers {\n\t\ttypeof numgen inc mod " +
	       std::to_string(SLOTS) + " : " + ip +
	       " daddr\n\t\telements = {" + slots(site.servers_of(family)) +
	       "\n\t\t}\n\t}\n" + spread_chain(family) + chains +
	       "\tchain prerouting {\n"
	       "\t\ttype filter hook prerouting priority raw; policy accept;\n"
	       "\t\t" + ip + " daddr vmap {" + vips + "\n\t\t}\n\t}\n}\n";
}

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
	std::string where;
	std::optional<std::vector<Ip>> vips;	// none: any destination
	bool understood = true;
	std::optional<std::uint8_t> dscp;
	std::vector<Ip> servers;
	std::string go;				// to this chain
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
		return std::move(reading_);
	}

private:
	struct Chain {
		bool hooked = false;
		std::vector<Words> statements;
	};

	const std::string &look(std::size_t ahead = 0) const
	{
		static const std::string end;

		return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].text :
						      end;
	}

	// What is between here, which is behind a brace, and its closing one.
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
			if (chain.hooked)
				walk(chain, std::nullopt, 0);
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
			if (!rule.empty() && rule[0].text == "type")
				chain.hooked = true;
			else if (!rule.empty())
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

	// The words at @at: a set in braces, a named one, or one word. @at is
	// behind them afterwards.
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

	// "daddr" and what is behind it
	void take_daddr(Rule &rule, const Words &words, std::size_t &at)
	{
		const std::string next = at < words.size() ? words[at].text : "";

		if (next == "set") {
			// jhash ... map @servers; one address; a map in braces
			while (++at < words.size() && words[at].text != "map" &&
			       !parse_ip(words[at].text)) {
			}
			if (at < words.size() && words[at].text == "map")
				at++;
			rule.servers = addresses(value(words, at));
		} else if (next == "vmap") {
			Words map = value(words, ++at);

			for (std::size_t i = 0; i + 2 < map.size(); i++) {
				std::size_t verdict = i + 1 + (map[i + 1].text == ":");

				if (auto ip = parse_ip(map[i].text);
				    ip && verdict + 1 < map.size())
					rule.gos.push_back(
						{*ip, map[verdict + 1].text});
			}
		} else if (next == "!=") {
			rule.understood = false;
		} else {
			if (next == "==")
				at++;
			rule.vips = addresses(value(words, at));
		}
	}

	Rule understand(const Words &words)
	{
		Rule rule;

		rule.where = words[0].where;
		for (std::size_t at = 0; at < words.size();) {
			const std::string &word = words[at++].text;
			auto next = [&](const char *text) {
				return at < words.size() &&
				       words[at].text == text;
			};

			if (word == "daddr") {
				take_daddr(rule, words, at);
			} else if (word == "dscp" && next("set")) {
				at++;
				std::string dscp = at < words.size() ?
							   words[at].text : "";
				// RFC 8622 calls it LE
				rule.dscp = reading_.take_dscp(rule.where,
					dscp == "lephb" ? "LE" : dscp);
			} else if ((word == "goto" || word == "jump") &&
				   at < words.size()) {
				rule.go = words[at++].text;
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
			auto chain = chains_.find(rule.go);

			rules.pop_back();
			for (const Ip &ip : rule.servers)
				if (std::none_of(servers.begin(), servers.end(),
						 [&](const Real &real) {
							 return real.ip == ip;
						 }))
					servers.push_back({ip, rule.where});
			if (chain == chains_.end() || !seen.insert(rule.go).second)
				continue;
			// the last is the next: in the order they are written in
			const std::vector<Words> &statements = chain->second.statements;
			for (auto words = statements.rbegin();
			     words != statements.rend(); ++words)
				rules.push_back(understand(*words));
		}
		return servers;
	}

	void walk(const Chain &chain, const std::optional<std::vector<Ip>> &vips,
		  unsigned int depth)
	{
		for (const Words &words : chain.statements) {
			if (depth >= DEPTH || ++steps_ > STEPS)
				break;
			Rule rule = understand(words);
			const auto &to = rule.vips ? rule.vips : vips;

			if (!rule.understood)
				continue;
			for (const auto &[ip, name] : rule.gos)
				follow(name, std::vector<Ip>{ip}, depth);
			if (rule.dscp || !rule.servers.empty())
				map(rule, to.value_or(std::vector<Ip>()));
			else if (!rule.go.empty())
				follow(rule.go, to, depth);
		}
	}

	void follow(const std::string &name,
		    const std::optional<std::vector<Ip>> &vips,
		    unsigned int depth)
	{
		auto chain = chains_.find(name);

		if (chain != chains_.end())
			walk(chain->second, vips, depth + 1);
	}

	void map(const Rule &rule, const std::vector<Ip> &vips)
	{
		const std::vector<Real> servers = servers_of(rule);

		for (const Ip &vip : vips)
			reading_.mappings.push_back({vip, rule.where, rule.dscp,
						     rule.where, servers});
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

std::string write_nft(const Site &site)
{
	std::string lines = "#!/usr/sbin/nft -f\n# written by dsrctl lb-config\n";

	for (Family family : FAMILIES)
		if (site.has(family))
			lines += table(site, family);
	return lines;
}

Reading read_nft(std::string_view text, const std::string &file)
{
	return Nft(text, file).read();
}

} // namespace dsr::lb
