// SPDX-License-Identifier: BSD-3-Clause
// nftables on Linux, as it is read: a ruleset as it is written here, and others.
#include <algorithm>
#include <map>
#include <set>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/nft_tables.hpp"

namespace dsr::lb {

namespace {

// Which packets, as far as it is not their destination: all of these.
struct Condition {
	std::string protocol;	  // empty: any
	std::vector<Ports> ports; // none: any
	std::string text;	  // all of it; empty: any packet
};

bool overlap(const Condition &one, const Condition &other)
{
	if (!one.protocol.empty() && !other.protocol.empty() && one.protocol != other.protocol)
		return false;
	return overlap(one.ports, other.ports);
}

struct Rule {
	std::string where, text;
	std::optional<std::vector<Ip>> vips; // none: any destination
	bool understood = true;
	std::optional<std::uint8_t> dscp;
	bool sends = false; // sets the destination
	bool dnat = false;
	bool icmp = false; // of ICMP only: no service
	Condition condition;
	bool local = false; // of this host's own packets only
	bool ends = false, returns = false, drops = false;
	unsigned int port = 0; // the new one; 0: as it was
	std::vector<Ip> servers;
	std::vector<std::string> go;		     // to these chains
	std::vector<std::pair<Ip, std::string>> gos; // by destination
	std::vector<Ip> over;			     // and those that it is done with
};

// A ruleset as it is written here, and as nft list prints it; and other ones
// in which a rule names VIPs, a DSCP and servers.
class Nft {
public:
	Nft(std::string_view text, const std::string &file)
		: file_(file), tables_(read_nft_tables(text, file, reading_))
	{
	}

	Reading read()
	{
		std::vector<Base> bases;

		for (const NftTable &table : tables_)
			for (const auto &[name, chain] : table.chains)
				if (!chain.hook.empty())
					bases.push_back({&table, &chain});
		std::stable_sort(bases.begin(), bases.end(), [](const Base &a, const Base &b) {
			return a.order() < b.order();
		});
		for (const Base &base : bases) {
			table_ = base.table;
			ended_.clear();
			walk(*base.chain, {}, 0, base.early());
		}
		if (steps_ > STEPS)
			reading_.problem(file_ + ":1",
					 "chains that lead to each other in too many ways",
					 "fewer: not all of them were followed");
		join();
		return std::move(reading_);
	}

private:
	// A chain that packets come to by themselves.
	struct Base {
		const NftTable *table;
		const NftChain *chain;

		// before they are routed
		bool early() const
		{
			return chain->hook == "prerouting" || chain->hook == "ingress";
		}
		std::pair<bool, int> order() const
		{
			return {chain->hook != "ingress", chain->priority};
		}
	};

	// What a rule has done with packets, so that later ones do not get them.
	struct Ended {
		std::optional<std::vector<Ip>> vips; // none: of any
		Condition condition;
		bool returns; // to the chain that it was called from
		bool clear;   // it is understood
		bool leads;   // to where it is known what comes of it
		std::string where, text;
	};

	// Who comes to a rule.
	struct Way {
		std::optional<std::vector<Ip>> vips; // none: any destination
		Condition condition;
	};

	// The words at @at: a set in braces, a named one, or one word; @at comes
	// after them then.
	Words value(const Words &rule, std::size_t &at) const
	{
		unsigned int depth = 0;
		Words words;

		if (at < rule.size() && rule[at].text[0] == '@') {
			auto set = table_->sets.find(rule[at++].text);

			return set == table_->sets.end() ? Words() : set->second;
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
	static void take_verdicts(Rule &rule, const Words &map)
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
	void take_daddr(Rule &rule, const Words &words, std::size_t &at)
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
	void take_match(Rule &rule, const Words &words, std::size_t &at, const std::string &before,
			const std::string &what)
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
		if (negated)
			return;
		if (what == "dport") {
			if (before != "th")
				rule.condition.protocol = before;
			if (!take_ports(found, rule.condition.ports))
				rule.condition.ports.clear();
		} else if (what == "l4proto" || what == "protocol" || what == "nexthdr") {
			rule.condition.protocol = protocol_of(found);
		} else if ((what == "iif" || what == "iifname") && found.size() == 1) {
			rule.local = found[0].text == "lo" || found[0].text == "\"lo\"";
		}
	}

	void take_dnat(Rule &rule, const Words &words, std::size_t &at)
	{
		rule.dnat = rule.sends = true;
		for (; at < words.size(); at++) {
			auto set = table_->sets.find(words[at].text);

			if (auto ip = parse_ip(words[at].text))
				rule.servers.push_back(*ip);
			else if (set != table_->sets.end())
				rule.servers = addresses(set->second);
		}
	}

	Rule understand(const Words &words)
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
		Rule rule;

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
						 [&](const Real &real) { return real.ip == ip; }))
					servers.push_back({ip, rule.where, false, rule.port});
			for (const std::string &go : rule.go) {
				auto chain = table_->chains.find(go);

				if (chain == table_->chains.end() || !seen.insert(go).second)
					continue;
				// the last is the next: in the order they are
				// written in
				const auto &statements = chain->second.statements;
				for (auto words = statements.rbegin(); words != statements.rend();
				     ++words)
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
			auto chain = table_->chains.find(names.back());

			names.pop_back();
			if (chain == table_->chains.end() || !seen.insert(chain->first).second)
				continue;
			for (const Words &words : chain->second.statements) {
				for (std::size_t i = 0; i + 1 < words.size(); i++) {
					const std::string &word = words[i].text;

					if (((word == "daddr" || word == "dscp" ||
					      word == "dport") &&
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

	void not_understood(const std::string &where, const std::string &text,
			    const std::optional<std::vector<Ip>> &vips)
	{
		if (!vips || vips->empty())
			reading_.not_understood(where, text);
		else
			for (const Ip &vip : *vips)
				reading_.not_understood(where, text, vip);
	}

	// The way of what matches a rule.
	Way way_of(const Rule &rule, const Way &way) const
	{
		Way to = way;

		if (rule.vips)
			to.vips = rule.vips;
		if (!rule.condition.protocol.empty())
			to.condition.protocol = rule.condition.protocol;
		if (!rule.condition.ports.empty())
			to.condition.ports = rule.condition.ports;
		to.condition.text += rule.condition.text;
		return to;
	}

	// Of packets with another destination, or that rules are done with: does
	// nothing of the VIP's come here? Where that cannot be said, it is not
	// understood.
	bool is_over(const Ip &vip, const Condition &condition, bool matched)
	{
		auto same = [&](const Condition &one) {
			return one.text.empty() || one.text == condition.text;
		};

		if (auto known = sent_.find(vip); matched && known != sent_.end())
			for (const Condition &how : known->second)
				if (same(how))
					return true;
		for (const Ended &one : ended_) {
			if (one.vips &&
			    std::find(one.vips->begin(), one.vips->end(), vip) == one.vips->end())
				continue;
			if (one.clear && same(one.condition))
				return true;
			if (!one.leads && overlap(one.condition, condition))
				reading_.not_understood(one.where, one.text, vip);
		}
		return false;
	}

	// Those of @vips that something still comes of.
	std::vector<Ip> left(const std::vector<Ip> &vips, const Condition &condition, bool matched)
	{
		std::vector<Ip> some;

		for (const Ip &vip : vips)
			if (!is_over(vip, condition, matched))
				some.push_back(vip);
		return some;
	}

	// Packets that are dropped get to no server, and what only some of them
	// have to do with is a firewall's.
	void end(const Rule &rule, const Way &to, bool understood)
	{
		if (rule.local || (rule.drops && !(understood && to.condition.text.empty())))
			return;
		ended_.push_back({to.vips, to.condition, rule.returns, understood,
				  rule.dscp || rule.sends || !rule.go.empty(), rule.where,
				  rule.text});
	}

	// @early: before the packets are routed
	void walk(const NftChain &chain, const Way &way, unsigned int depth, bool early)
	{
		const std::size_t before = ended_.size();

		for (const Words &words : chain.statements) {
			if (depth >= DEPTH || ++steps_ > STEPS)
				break;
			Rule rule = understand(words);
			Way to = way_of(rule, way);

			if (!rule.understood || !early) {
				if (changes(rule))
					not_understood(rule.where, rule.text,
						       rule.understood || rule.vips ? to.vips :
										      std::nullopt);
				else if (early && rule.ends && rule.go.empty())
					end(rule, to, false);
				continue;
			}
			if (rule.icmp)
				continue;
			for (const auto &[ip, name] : rule.gos)
				if (!is_over(ip, to.condition, true))
					follow(name, {std::vector<Ip>{ip}, to.condition}, depth);
			if (!rule.over.empty())
				ended_.push_back({rule.over, to.condition, false, true, false,
						  rule.where, rule.text});
			if (to.vips)
				to.vips = left(*to.vips, to.condition, rule.vips.has_value());
			if (rule.dscp || rule.sends)
				map(rule, to);
			else if (rule.port)
				not_understood(rule.where, rule.text, to.vips);
			else if (!to.vips || !to.vips->empty())
				for (const std::string &go : rule.go)
					follow(go, to, depth);
			if (rule.ends)
				end(rule, to, true);
		}
		// a chain that was called gives back what it returns
		if (depth)
			ended_.erase(
				std::remove_if(ended_.begin() + static_cast<std::ptrdiff_t>(before),
					       ended_.end(),
					       [](const Ended &one) { return one.returns; }),
				ended_.end());
	}

	void follow(const std::string &name, const Way &way, unsigned int depth)
	{
		auto chain = table_->chains.find(name);

		if (chain != table_->chains.end())
			walk(chain->second, way, depth + 1, true);
	}

	void map(const Rule &rule, const Way &to)
	{
		std::vector<Real> servers = servers_of(rule);

		if (!to.vips) {
			reading_.not_understood(rule.where, rule.text);
			return;
		}
		for (Real &real : servers)
			real.port = rule.port ? rule.port : real.port;
		for (const Ip &vip : *to.vips) {
			reading_.mappings.push_back({vip, rule.where, rule.dscp, rule.where,
						     servers, false, to.condition.protocol,
						     to.condition.ports});
			if (!servers.empty())
				sent_[vip].push_back(to.condition);
			if (rule.dnat)
				reading_.problem(
					rule.where, "dnat for " + text(vip),
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

	const std::string file_;
	unsigned int steps_ = 0;
	Reading reading_;
	const std::vector<NftTable> tables_;
	const NftTable *table_ = nullptr; // the one that is looked at
	std::vector<Ended> ended_;	  // in this chain and those before
	std::map<Ip, std::vector<Condition>> sent_;
};

} // namespace

Reading read_nft(std::string_view text, const std::string &file)
{
	return Nft(text, file).read();
}

} // namespace dsr::lb
