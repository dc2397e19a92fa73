// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/firewall.hpp"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "common/dscp.hpp"
#include "common/process.hpp"
#include "common/rule_steps.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "dsrctl/nf_tables.hpp"
#include "dsrctl/nftables.hpp"

namespace dsr::doctor {

namespace {

using nlohmann::json;

// The word after this one; empty when there is none.
std::string word_after(const std::vector<std::string> &words, const std::string &word)
{
	auto at = std::find(words.begin(), words.end(), word);

	return at == words.end() || at + 1 == words.end() ? "" : at[1];
}

bool has(const std::vector<std::string> &words, const std::string &word)
{
	return std::find(words.begin(), words.end(), word) != words.end();
}

bool names_invalid(const std::string &states)
{
	std::string list = "," + states + ",";

	return list.find(",INVALID,") != list.npos;
}

// "-m conntrack --ctstate INVALID -j DROP", or of the older match, state.
// A negated one is for all that is valid.
bool drops_invalid(const std::vector<std::string> &words)
{
	std::string target = word_after(words, "-j");

	if (target != "DROP" && target != "REJECT")
		return false;
	for (const char *option : {"--ctstate", "--state"}) {
		auto at = std::find(words.begin(), words.end(), option);

		if (at != words.end() && at + 1 != words.end() &&
		    (at == words.begin() || at[-1] != "!") && names_invalid(at[1]))
			return true;
	}
	return false;
}

bool tracks(const SavedRule &rule)
{
	std::string target = word_after(rule.words, "-j");

	if (rule.table == "nat")
		return true;
	for (std::size_t i = 0; i + 1 < rule.words.size(); i++)
		if (rule.words[i] == "-m" &&
		    (rule.words[i + 1].starts_with("conn") || rule.words[i + 1] == "state" ||
		     rule.words[i + 1] == "helper"))
			return true;
	return target == "CT" && !has(rule.words, "--notrack");
}

bool resets_dscp(const SavedRule &rule)
{
	return (rule.chain == "OUTPUT" || rule.chain == "POSTROUTING") && !has(rule.words, "-p") &&
	       word_after(rule.words, "-j") == "DSCP" &&
	       word_after(rule.words, "--set-dscp") == "0x00";
}

using Chain = std::pair<std::string, std::string>; // of a table

// The chains that packets of the host itself go through; others are for those
// that it only forwards.
std::set<Chain> own_chains(const std::vector<SavedRule> &rules)
{
	std::set<Chain> chains;
	std::size_t before;

	for (const SavedRule &rule : rules)
		for (const char *name : {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"})
			chains.insert({rule.table, name});
	do {
		before = chains.size();
		for (const SavedRule &rule : rules)
			if (chains.contains({rule.table, rule.chain}))
				for (const char *jump : {"-j", "-g"})
					chains.insert({rule.table, word_after(rule.words, jump)});
	} while (chains.size() != before);
	return chains;
}

// "-d 192.0.2.1/32": the only address that packets come to, if there is one.
std::optional<Ip> only_address(const std::vector<std::string> &words)
{
	auto at = std::find(words.begin(), words.end(), "-d");

	if (at == words.end() || at + 1 == words.end() || (at != words.begin() && at[-1] == "!"))
		return std::nullopt;
	const std::size_t slash = at[1].find('/');
	const auto ip = parse_ip(at[1].substr(0, slash));
	if (ip && slash != std::string::npos &&
	    at[1].substr(slash + 1) != std::to_string(ip->prefix()))
		return std::nullopt;
	return ip;
}

// Takes what says where a DSCP leads to; what is left is what else it matches.
Rewrite rewrite(const SavedRule &rule, Store store, Family family)
{
	Rewrite rewrite{store, family, rule.table, rule.chain, {},
			"",    false,  rule.words, "",	       rule.table == "mangle"};
	const std::vector<std::string> &words = rule.words;
	std::vector<std::string> left;
	std::optional<std::uint8_t> dscp;
	std::optional<Ip> ip;

	for (std::size_t i = 0; i < words.size(); i++) {
		std::string next = i + 1 < words.size() ? words[i + 1] : "";

		if (words[i] == "--dscp" && (i == 0 || words[i - 1] != "!")) {
			dscp = parse_dscp(next);
			i++;
		} else if (words[i] == "--set-daddr") {
			ip = parse_ip(next);
			i++;
		} else if (words[i] == "--dscp-map") {
			for (const Item &item : parse_map(next, family))
				rewrite.items.push_back(item);
			i++;
		} else if (words[i] == "--set-dport") {
			rewrite.dport = true;
			i++;
		} else if ((words[i] == "-m" && next == "dscp") ||
			   (words[i] == "-j" && next == "DADDR")) {
			i++;
		} else {
			left.push_back(words[i]);
		}
	}
	if (dscp && ip)
		rewrite.items.push_back({*dscp, *ip});
	for (Item &item : rewrite.items)
		item.to = only_address(left);
	rewrite.matches = shell_line(left);
	return rewrite;
}

bool is_ct_state(const json &expression)
{
	return expression.contains("ct") && expression["ct"].value("key", "") == "state";
}

// "invalid", one of a list, or one of a set.
bool holds_invalid(const json &value)
{
	if (value == "invalid")
		return true;
	if (value.is_object() && value.contains("set"))
		return holds_invalid(value["set"]);
	return value.is_array() && std::any_of(value.begin(), value.end(), holds_invalid);
}

bool is_drop(const json &verdict)
{
	return verdict.contains("drop") || verdict.contains("reject");
}

// "ct state vmap { established : accept, invalid : drop }"
bool maps_invalid_to_drop(const json &map)
{
	if (!is_ct_state(map.at("key")) || !map.at("data").is_object())
		return false;
	for (const json &pair : map["data"].value("set", json::array()))
		if (pair.is_array() && pair.size() == 2 && holds_invalid(pair[0]) &&
		    is_drop(pair[1]))
			return true;
	return false;
}

bool drops_invalid(const json &expressions)
{
	bool invalid = false;

	for (const json &one : expressions) {
		if (one.contains("vmap") && maps_invalid_to_drop(one["vmap"]))
			return true;
		if (one.contains("match") && is_ct_state(one["match"].at("left")) &&
		    one["match"].at("op") != "!=" && holds_invalid(one["match"].at("right")))
			invalid = true;
		if (invalid && is_drop(one))
			return true;
	}
	return false;
}

// Somewhere in it, whatever is around it.
bool holds_key(const json &value, const char *key)
{
	if (value.is_object() && value.contains(key))
		return true;
	return value.is_structured() &&
	       std::any_of(value.begin(), value.end(),
			   [&](const json &one) { return holds_key(one, key); });
}

bool resets_dscp(const json &expressions)
{
	for (const json &one : expressions) {
		if (!one.contains("mangle"))
			continue;
		const json &key = one["mangle"].at("key");
		const json &value = one["mangle"].at("value");

		if (key.contains("payload") && key["payload"].value("field", "") == "dscp" &&
		    (value == "cs0" || value == 0))
			return true;
	}
	return false;
}

bool is_daddr(const nf::Rule &rule)
{
	return std::ranges::any_of(rule.steps, [](const nf::Step &step) {
		return std::holds_alternative<nf::Rewrite>(step);
	});
}

// The families of a table of nftables.
std::vector<Family> families(const std::string &name)
{
	if (name == "ip")
		return {Family::ip4};
	if (name == "ip6")
		return {Family::ip6};
	if (name == "inet")
		return {Family::ip4, Family::ip6};
	return {};
}

// What names a chain; @name: the key of its own name
json full_name(const json &object, const char *name)
{
	return json::array({object.at("family"), object.at("table"), object.at(name)});
}

// The base chains that see nothing but what the host forwards.
std::set<json> forward_chains(const json &objects)
{
	std::set<json> chains;

	for (const json &one : objects)
		if (one.contains("chain") && one["chain"].value("hook", "") == "forward")
			chains.insert(full_name(one["chain"], "name"));
	return chains;
}

// @own: the chain sees packets of the host itself
void add_nft_rule(Firewall &firewall, const json &rule, bool own)
{
	const std::string family = rule.at("family");
	const std::string chain = rule.at("chain");
	const json &expressions = rule.at("expr");

	for (Family one : families(family)) {
		if (own && drops_invalid(expressions))
			firewall.drops.push_back(
				{one, "rule with handle " + rule.at("handle").dump() +
					      " of the nftables chain " + family + " " +
					      rule.at("table").get<std::string>() + " " + chain});
		for (const char *key : {"ct", "snat", "dnat", "masquerade", "redirect"})
			if (holds_key(expressions, key))
				firewall.tracks[index(one)] = true;
		if (resets_dscp(expressions))
			firewall.resets_dscp[index(one)] = true;
	}
}

} // namespace

void add_saved(Firewall &firewall, const std::vector<SavedRule> &rules, Store store, Family family)
{
	const std::set<Chain> own = own_chains(rules);

	for (const SavedRule &rule : rules) {
		if (word_after(rule.words, "-j") == "DADDR" && rule.chain != "OUTPUT")
			firewall.rewrites.push_back(rewrite(rule, store, family));
		if (drops_invalid(rule.words) && own.contains({rule.table, rule.chain}))
			firewall.drops.push_back({family, "rule \"-t " + rule.table + " -A " +
								  rule.chain + " " +
								  shell_line(rule.words) + "\""});
		if (tracks(rule))
			firewall.tracks[index(family)] = true;
		if (resets_dscp(rule))
			firewall.resets_dscp[index(family)] = true;
	}
}

void add_ruleset(Firewall &firewall, const std::string &text)
{
	try {
		const json all = json::parse(text);
		const std::set<json> forward = forward_chains(all.at("nftables"));

		for (const json &one : all["nftables"]) {
			if (!one.contains("rule"))
				continue;
			const json &rule = one["rule"];

			add_nft_rule(firewall, rule, !forward.contains(full_name(rule, "chain")));
		}
	} catch (const json::exception &) {
		throw Error("prints no complete JSON");
	}
}

void add_tables(Firewall &firewall, const std::vector<nf::Table> &tables)
{
	for (const nf::Table &table : tables) {
		auto &all = firewall.ruleset.tables;
		auto known = std::find_if(all.begin(), all.end(), [&](const nf::Table &one) {
			return one.owner == table.owner && one.family == table.family &&
			       one.name == table.name;
		});

		if (known == all.end()) {
			all.push_back(table);
			continue;
		}
		for (const auto &[name, chain] : table.chains) {
			nf::Chain &to = known->chains[name];

			to.base = chain.base;
			to.rules.insert(to.rules.end(), chain.rules.begin(), chain.rules.end());
		}
	}
}

void add_foreign(Firewall &firewall)
{
	constexpr int CONNTRACK = -200; // NF_IP_PRI_CONNTRACK

	for (const Leads &one : leads(firewall.ruleset)) {
		const nf::Table &table = *one.change.table;
		const nf::Base &base = *one.change.base;
		const std::vector<std::string> &words = one.change.rule->words;

		if (table.owner != nf::Table::Owner::nf_tables ||
		    (table.family == "inet" && table.name == nft::TABLE) ||
		    (table.family.starts_with("ip") && table.family != "inet" &&
		     parse_table(table.name) && !std::ranges::count(words, UNKNOWN)))
			continue;
		firewall.rewrites.push_back(
			{Store::nft,
			 one.family,
			 table.name,
			 *one.change.chain,
			 one.items,
			 one.certain ? "" : "some packets only",
			 one.change.rule->sets_port,
			 {},
			 where(one.change),
			 base.hook == nf::Hook::input ||
				 (base.hook == nf::Hook::prerouting && base.priority > CONNTRACK)});
	}
}

bool Dormant::leads(const Item &item) const
{
	return std::ranges::any_of(
		items, [&](const Item &one) { return one.dscp == item.dscp && one.ip == item.ip; });
}

void add_dormant(Firewall &firewall)
{
	for (nf::Table table : firewall.ruleset.tables) {
		if (!std::exchange(table.dormant, false))
			continue;
		Dormant dormant{table.family, table.name, 0, {}, false};
		const nf::Ruleset alone{{std::move(table)}};
		std::set<const nf::Rule *> rules;

		for (const Leads &one : leads(alone)) {
			rules.insert(one.change.rule);
			dormant.items.insert(dormant.items.end(), one.items.begin(),
					     one.items.end());
		}
		for (const auto &[name, chain] : alone.tables[0].chains)
			for (const nf::Rule &rule : chain.rules) {
				if (is_daddr(rule) || nf::sets_tos(rule))
					rules.insert(&rule);
				dormant.daddr |= is_daddr(rule);
			}
		dormant.rules = static_cast<unsigned int>(rules.size());
		if (dormant.rules)
			firewall.dormant.push_back(std::move(dormant));
	}
}

void add_own(Firewall &firewall, const std::vector<Rule> &rules)
{
	for (const Rule &rule : rules) {
		const std::optional<Ip> &to = rule.items[0].to;
		const std::string chain = rule.store == Store::nft ? name(rule.table) : place(rule);

		firewall.rewrites.push_back({rule.store,
					     rule.family,
					     table_name(rule),
					     chain,
					     rule.items,
					     to ? "to " + text(*to) : "",
					     false,
					     {},
					     "",
					     chain == "mangle"});
		if (!rule.active)
			firewall.rewrite_off[index(rule.family)] = true;
	}
	for (Family family : FAMILIES)
		add_tables(firewall, {rewrite_table(family, rules)});
}

} // namespace dsr::doctor
