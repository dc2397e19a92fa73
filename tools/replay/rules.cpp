// SPDX-License-Identifier: BSD-3-Clause
// Which rules of a ruleset matter here.
#include "replay/rules.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "common/nft_json.hpp"
#include "common/rewrite_sysctls.hpp"
#include "common/rule_steps.hpp"
#include "common/saved_steps.hpp"
#include "common/saved_tables.hpp"

namespace dsr::replay {

namespace {

using Words = std::vector<std::string>;

// Also in spellings that iptables-save does not print, which are an
// error then: only what is certainly another rule is left out.
bool jumps(std::string_view word)
{
	for (std::string_view option : {"-j", "-g", "--j", "--g"})
		if (word.starts_with(option))
			return true;
	return false;
}

// A plugin of other makers printed the name and the first option as one word,
// which iptables-restore refuses.
bool is_target(std::string_view word)
{
	return word == "DADDR" || word.starts_with("DADDR--");
}

bool is_daddr(const Words &words)
{
	for (std::size_t i = 0; i < words.size(); i++) {
		if (words[i] == "--comment")
			i++;
		else if (nf::is_daddr_option(words[i]) ||
			 (jumps(words[i]) && (words[i].ends_with("DADDR") ||
					      (i + 1 < words.size() && is_target(words[i + 1])))))
			return true;
	}
	return false;
}

// That of the first address in a rule: of the new ones, or of any.
std::optional<Family> family_of(const Words &words, bool new_address)
{
	static const std::set<std::string> NETWORKS = {"-s",	"-d",	"--source", "--destination",
						       "--src", "--dst"};

	for (std::size_t i = 0; i < words.size(); i++) {
		std::string value = i + 1 < words.size() ? words[i + 1] : "";
		const std::size_t equals = words[i].find('=');
		const std::string option = words[i].substr(0, equals);

		if (new_address ? !nf::is_daddr_option(option) : !NETWORKS.contains(option))
			continue;
		if (equals != words[i].npos)
			value = words[i].substr(equals + 1);
		if (option == "--dscp-map")
			value.resize(std::min(value.find(','), value.size()));
		value = value.substr(value.find('=') == value.npos ? 0 : value.find('=') + 1);
		if (const auto ip = parse_ip(value.substr(0, value.find('/'))))
			return ip->family;
	}
	return std::nullopt;
}

bool changes(const nf::Step &step)
{
	const auto *write = std::get_if<nf::Write>(&step);

	return std::holds_alternative<nf::Rewrite>(step) || (write && !nf::is_tos(*write));
}

// Where a step may send packets.
std::vector<nf::Verdict> verdicts(const nf::Table &table, const nf::Step &step)
{
	const auto *lookup = std::get_if<nf::Lookup>(&step);
	std::vector<nf::Verdict> all;

	if (const auto *verdict = std::get_if<nf::Verdict>(&step))
		all.push_back(*verdict);
	if (lookup && lookup->verdict && table.sets.contains(lookup->set))
		for (const nf::Element &one : table.sets.at(lookup->set).elements)
			all.push_back(one.verdict);
	return all;
}

// A rule of iptables that nft prints, and cannot say what it does.
bool is_foreign_daddr(const nf::Rule &rule)
{
	return rule.words.empty() && rule.unknown.find("DADDR") != rule.unknown.npos;
}

// @seen: chains that were looked at, none of which leads there.
bool leads_from(const nf::Table &table, const nf::Rule &rule, std::set<std::string> &seen)
{
	auto chain_leads = [&](const std::string &name) {
		const auto chain = table.chains.find(name);

		return chain != table.chains.end() && seen.insert(name).second &&
		       std::any_of(chain->second.rules.begin(), chain->second.rules.end(),
				   [&](const nf::Rule &inner) {
					   return leads_from(table, inner, seen);
				   });
	};
	auto step_leads = [&](const nf::Step &step) {
		const std::vector<nf::Verdict> all = verdicts(table, step);

		return changes(step) ||
		       std::any_of(all.begin(), all.end(), [&](const nf::Verdict &verdict) {
			       return chain_leads(verdict.chain);
		       });
	};

	return std::any_of(rule.steps.begin(), rule.steps.end(), step_leads);
}

// The chains that packets come to which have just arrived.
std::set<std::string> reachable(const nf::Table &table)
{
	const bool xtables = table.owner == nf::Table::Owner::legacy;
	std::vector<std::string> next;
	std::set<std::string> found;

	if (xtables && table.name != "raw" && table.name != "mangle")
		return {};
	for (const auto &[name, chain] : table.chains)
		if (chain.base && chain.base->hook != nf::Hook::other)
			next.push_back(name);
	while (!next.empty()) {
		const auto chain = table.chains.find(next.back());

		next.pop_back();
		if (chain == table.chains.end() || !found.insert(chain->first).second)
			continue;
		for (const nf::Rule &rule : chain->second.rules)
			for (const nf::Step &step : rule.steps)
				for (const nf::Verdict &verdict : verdicts(table, step))
					if (!verdict.chain.empty())
						next.push_back(verdict.chain);
	}
	return found;
}

bool applies(const nf::Rule &rule)
{
	return is_understood(rule) &&
	       std::any_of(rule.steps.begin(), rule.steps.end(), [](const nf::Step &step) {
		       const auto *lookup = std::get_if<nf::Lookup>(&step);

		       return std::holds_alternative<nf::Rewrite>(step) ||
			      std::holds_alternative<nf::Write>(step) ||
			      std::holds_alternative<nf::Verdict>(step) ||
			      (lookup && lookup->verdict);
	       });
}

// What is wrong with what gives packets a destination, or leads there.
void check(const nf::Table &table, const std::string &chain, const nf::Rule &rule, bool reached)
{
	if (is_daddr(rule.words) && !rule.problem.empty())
		throw Error(rule.where + ": " + rule.problem);
	if (is_daddr(rule.words) && !reached)
		throw Error(
			rule.where + ": found a DADDR rule in the chain " + quote(chain) +
			" of the table " + quote(table.name) +
			", expected it in PREROUTING of raw or mangle, in INPUT of mangle, or in a chain that these lead to");
	if (reached && !rule.problem.empty() && (leads(table, rule) || is_foreign_daddr(rule)))
		throw Error(rule.where + ": " + rule.problem +
			    (std::any_of(rule.steps.begin(), rule.steps.end(), changes) ?
				     "" :
				     ": it leads to a new destination"));
}

// What matters of a table stays in it; so does what is not understood and sets a
// DSCP, for compile() to see what comes after it. Returns where the others are.
std::set<std::string> select(nf::Table &table)
{
	const std::set<std::string> reached = reachable(table);
	std::set<std::string> others;

	for (const auto &[name, chain] : table.chains)
		for (const nf::Rule &rule : chain.rules)
			check(table, name, rule, reached.contains(name));
	for (auto &entry : table.chains) {
		const std::string &name = entry.first;
		nf::Chain &chain = entry.second;
		const bool input = chain.base && chain.base->hook == nf::Hook::input;

		std::erase_if(chain.rules, [&](const nf::Rule &rule) {
			const bool other = !applies(rule);

			if (other && reached.contains(name) && !input)
				others.insert(rule.where);
			return other && !nf::sets_tos(rule);
		});
	}
	// only what is to the host gets to INPUT
	for (auto &[name, chain] : table.chains)
		if (chain.base && chain.base->hook == nf::Hook::input &&
		    std::none_of(chain.rules.begin(), chain.rules.end(),
				 [&](const nf::Rule &rule) { return leads(table, rule); }))
			chain.base.reset();
	return others;
}

// --- of iptables-save

// From * to COMMIT.
class Block {
public:
	Block(const Saved &all, unsigned int number, Ruleset &ruleset)
		: program_(all.programs[number]), ruleset_(ruleset)
	{
		for (const SavedRule &rule : all.rules)
			if (rule.block == number)
				saved_.rules.push_back(rule);
		for (const SavedChain &chain : all.chains)
			if (chain.block == number)
				saved_.chains.push_back(chain);
	}

	void read()
	{
		for (Family family : families())
			read(family);
		ruleset_.others += static_cast<unsigned int>(others_.size());
	}

private:
	static std::optional<Family> family_of(const SavedRule &rule)
	{
		const bool ours = is_daddr(rule.words);
		const auto family = replay::family_of(rule.words, ours);

		if (ours)
			return family.value_or(Family::ip4); // it has an error
		return family;
	}

	// iptables-save says which: its addresses, or its name; and both may stand
	// in one table here.
	std::set<Family> families()
	{
		std::set<Family> found;

		for (const SavedRule &rule : saved_.rules)
			if (const auto family = family_of(rule))
				found.insert(*family);
		if (found.empty() && program_.starts_with("ip6tables"))
			found.insert(Family::ip6);
		if (found.empty())
			found.insert(Family::ip4);
		return found;
	}

	void read(Family family)
	{
		Saved of_family{{}, saved_.chains, {}};

		for (const SavedRule &rule : saved_.rules)
			if (family_of(rule).value_or(family) == family)
				of_family.rules.push_back(rule);
		std::vector<nf::Table> tables = nf::saved_tables(of_family, family);
		for (nf::Table &table : tables)
			others_.merge(select(table));
		std::erase_if(tables, [](const nf::Table &table) {
			return table.name != "raw" && table.name != "mangle";
		});
		ruleset_.add(std::move(tables));
	}

	const std::string &program_;
	Ruleset &ruleset_;
	Saved saved_;
	std::set<std::string> others_; // where they are
};

// --- of nft and sysctl

// After blank lines and comments.
std::string first_word(std::string_view text)
{
	std::istringstream lines{std::string(text.substr(0, 65536))};
	std::string line, word;

	while (std::getline(lines, line))
		if (std::istringstream(line) >> word && word[0] != '#' && word[0] != ';')
			return word;
	return "";
}

// Of the chains of ingress, each rule asks for the device.
void add_devices(nf::Table &table, const std::string &name)
{
	for (auto &[chain_name, chain] : table.chains) {
		if (!chain.base || chain.base->hook != nf::Hook::ingress)
			continue;
		if (chain.base->drops || chain.base->devices.size() != 1)
			throw Error(
				name + ": found the chain " + quote(chain_name) + " of the table " +
				quote(table.name) +
				", expected a chain of ingress with one device and the policy accept");
		for (nf::Rule &rule : chain.rules)
			rule.steps.insert(rule.steps.begin(),
					  nf::InInterface{chain.base->devices[0], false});
	}
}

void add_nft(std::string_view text, const std::string &name, Ruleset &ruleset)
{
	std::vector<nf::Table> tables = nf::nft_tables(text, name);
	std::set<std::string> others, dormant; // one of both families is there twice

	for (const nf::Table &table : tables)
		if (table.dormant)
			dormant.insert(table.name);
	std::erase_if(tables, [](const nf::Table &table) { return table.dormant; });
	for (const std::string &table : dormant)
		ruleset.notes.push_back(name + ": the table " + quote(table) +
					" is dormant: nothing of it is applied");
	for (nf::Table &table : tables) {
		add_devices(table, name);
		others.merge(select(table));
	}
	if (!others.empty())
		ruleset.notes.push_back(name + ": " + std::to_string(others.size()) +
					(others.size() == 1 ? " rule" : " rules") +
					" of nftables on the way not applied");
	ruleset.add(std::move(tables));
}

void add_sysctls(std::string_view text, const std::string &name, Ruleset &ruleset)
{
	nf::RewriteSysctls sysctls = nf::read_rewrite_sysctls(text, name);

	for (Family family : FAMILIES)
		if (sysctls.off[index(family)])
			ruleset.notes.push_back(std::string("net.") + key(family) +
						".dscp_rewrite.enabled is 0: nothing of " +
						dsr::name(family) + " there is applied");
	ruleset.add(std::move(sysctls.tables));
}

} // namespace

bool is_understood(const nf::Rule &rule)
{
	return rule.problem.empty() && rule.unknown.empty();
}

bool leads(const nf::Table &table, const nf::Rule &rule)
{
	std::set<std::string> seen;

	return leads_from(table, rule, seen);
}

void Ruleset::add(std::vector<nf::Table> tables)
{
	for (nf::Table &table : tables)
		rules_.tables.push_back(std::move(table));
}

bool Ruleset::empty() const
{
	for (const nf::Table &table : rules_.tables)
		for (const auto &[name, chain] : table.chains)
			for (const nf::Rule &rule : chain.rules)
				if (std::any_of(rule.steps.begin(), rule.steps.end(), changes))
					return false;
	return true;
}

bool Ruleset::asks_input() const
{
	for (const nf::Table &table : rules_.tables)
		for (const auto &[name, chain] : table.chains)
			if (chain.base && chain.base->hook == nf::Hook::input)
				return true;
	return false;
}

void parse_rules(std::string_view text, const std::string &name, Ruleset &ruleset)
{
	const std::string begin = first_word(text);

	if (begin.starts_with('{'))
		return add_nft(text, name, ruleset);
	if (begin.starts_with("net.") || begin.starts_with("-net."))
		return add_sysctls(text, name, ruleset);
	const Saved all = read_saved(text, name);

	for (unsigned int block = 0; block < all.programs.size(); block++)
		Block(all, block, ruleset).read();
}

nf::Rule parse_rule(const Words &words)
{
	nf::Rule rule;

	nf::add_steps(rule, words, family_of(words, true).value_or(Family::ip4),
		      [](const std::string &) { return false; });
	if (!rule.problem.empty())
		throw Error(rule.problem);
	return rule;
}

std::vector<nf::Table> only_rule(nf::Rule rule)
{
	const auto &rewrite = std::get<nf::Rewrite>(rule.steps.back());
	nf::Table table{nf::Table::Owner::legacy,
			rewrite.daddr.family == Family::ip4 ? "ip" : "ip6",
			"raw",
			{},
			{}};
	nf::Chain &chain = table.chains["PREROUTING"];

	chain.base = nf::xtables_base("raw", "PREROUTING");
	chain.rules.push_back(std::move(rule));
	return {table};
}

} // namespace dsr::replay
