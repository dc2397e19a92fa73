// SPDX-License-Identifier: BSD-3-Clause
// nftables on Linux, as it is read: a ruleset as it is written here, and others.
#include <algorithm>
#include <map>
#include <set>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/nft_rule.hpp"

namespace dsr::lb {

namespace {

bool overlap(const NftCondition &one, const NftCondition &other)
{
	if (!one.protocol.empty() && !other.protocol.empty() && one.protocol != other.protocol)
		return false;
	return overlap(one.ports, other.ports);
}

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
		NftCondition condition;
		bool returns; // to the chain that it was called from
		bool clear;   // it is understood
		bool leads;   // to where it is known what comes of it
		std::string where, text;
	};

	// Who comes to a rule.
	struct Way {
		std::optional<std::vector<Ip>> vips; // none: any destination
		NftCondition condition;
	};

	// The servers of a rule, and of where it leads; each chain once.
	std::vector<Real> servers_of(const NftRule &first)
	{
		std::vector<NftRule> rules{first};
		std::vector<Real> servers;
		std::set<std::string> seen;

		while (!rules.empty() && ++steps_ <= STEPS) {
			const NftRule rule = std::move(rules.back());

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
					rules.push_back(read_nft_rule(*words, *table_, reading_));
			}
		}
		return servers;
	}

	// Does it change packets, or lead to what does?
	bool changes(const NftRule &first)
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
	Way way_of(const NftRule &rule, const Way &way) const
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
	bool is_over(const Ip &vip, const NftCondition &condition, bool matched)
	{
		auto same = [&](const NftCondition &one) {
			return one.text.empty() || one.text == condition.text;
		};

		if (auto known = sent_.find(vip); matched && known != sent_.end())
			for (const NftCondition &how : known->second)
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
	std::vector<Ip> left(const std::vector<Ip> &vips, const NftCondition &condition,
			     bool matched)
	{
		std::vector<Ip> some;

		for (const Ip &vip : vips)
			if (!is_over(vip, condition, matched))
				some.push_back(vip);
		return some;
	}

	// Packets that are dropped get to no server, and what only some of them
	// have to do with is a firewall's.
	void end(const NftRule &rule, const Way &to, bool understood)
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
			NftRule rule = read_nft_rule(words, *table_, reading_);
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

	void map(const NftRule &rule, const Way &to)
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
	std::map<Ip, std::vector<NftCondition>> sent_;
};

} // namespace

Reading read_nft(std::string_view text, const std::string &file)
{
	return Nft(text, file).read();
}

} // namespace dsr::lb
