// SPDX-License-Identifier: BSD-3-Clause
// Which rules of a ruleset matter here.
#include "replay/rules.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "common/saved_steps.hpp"

namespace dsr::replay {

namespace {

using Words = std::vector<std::string>;

// What the kernel follows; more is a loop.
constexpr unsigned int DEEPEST = 16;

// Also in spellings that iptables-save does not print, which are an
// error then: only what is certainly another rule is left out.
bool jumps(std::string_view word)
{
	for (std::string_view option : {"-j", "-g", "--j", "--g"})
		if (word.starts_with(option))
			return true;
	return false;
}

// The options that no other target has.
bool is_own(std::string_view word)
{
	for (std::string_view option : {"--set-daddr", "--set-dport", "--dscp-map"})
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
		else if (is_own(words[i]) ||
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

		if (new_address ? !is_own(option) : !NETWORKS.contains(option))
			continue;
		if (equals != words[i].npos)
			value = words[i].substr(equals + 1);
		if (option == "--dscp-map")
			value = value.substr(0, value.find(','));
		value = value.substr(value.find('=') == value.npos ? 0 : value.find('=') + 1);
		if (const auto ip = parse_ip(value.substr(0, value.find('/'))))
			return ip->family;
	}
	return std::nullopt;
}

bool changes(const nf::Step &step)
{
	return std::holds_alternative<nf::Rewrite>(step) || std::holds_alternative<nf::Write>(step);
}

bool leads_from(const nf::Table &table, const nf::Rule &rule, unsigned int depth)
{
	auto chain_leads = [&](const std::string &name) {
		const auto chain = table.chains.find(name);

		return chain != table.chains.end() && depth <= DEEPEST &&
		       std::any_of(chain->second.rules.begin(), chain->second.rules.end(),
				   [&](const nf::Rule &inner) {
					   return leads_from(table, inner, depth + 1);
				   });
	};
	auto step_leads = [&](const nf::Step &step) {
		if (const auto *verdict = std::get_if<nf::Verdict>(&step))
			return chain_leads(verdict->chain);
		const auto *lookup = std::get_if<nf::Lookup>(&step);
		if (!lookup || !lookup->verdict || !table.sets.contains(lookup->set))
			return changes(step);
		const auto &elements = table.sets.at(lookup->set).elements;
		return std::any_of(elements.begin(), elements.end(), [&](const nf::Element &one) {
			return chain_leads(one.verdict.chain);
		});
	};

	return std::any_of(rule.steps.begin(), rule.steps.end(), step_leads);
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
			select(table);
		std::erase_if(tables, [](const nf::Table &table) {
			return table.name != "raw" && table.name != "mangle";
		});
		ruleset_.add(std::move(tables));
	}

	// What matters of a table stays in it.
	void select(nf::Table &table)
	{
		const std::set<std::string> reached = reachable(table);

		for (auto &[name, chain] : table.chains)
			for (nf::Rule &rule : chain.rules)
				if (is_daddr(rule.words) && !rule.problem.empty())
					throw Error(rule.where + ": " + rule.problem);
		for (auto &[name, chain] : table.chains)
			for (const nf::Rule &rule : chain.rules) {
				if (is_daddr(rule.words) && !reached.contains(name))
					throw Error(
						rule.where + ": found a DADDR rule in the chain " +
						quote(name) + " of the table " + quote(table.name) +
						", expected it in PREROUTING of raw or mangle, in INPUT of mangle, or in a chain that these lead to");
				if (reached.contains(name) && leads(table, rule) &&
				    !rule.problem.empty())
					throw Error(rule.where + ": " + rule.problem +
						    ": it leads to a DADDR rule");
			}
		for (auto &[name, chain] : table.chains)
			std::erase_if(chain.rules, [&](const nf::Rule &rule) {
				const bool other = !applies(rule);

				if (other && reached.contains(name) && name != "INPUT")
					others_.insert(rule.where);
				return other;
			});
		// only what is to the host gets there
		const auto input = table.chains.find("INPUT");
		if (input != table.chains.end() &&
		    std::none_of(input->second.rules.begin(), input->second.rules.end(),
				 [&](const nf::Rule &rule) { return leads(table, rule); }))
			input->second.base.reset();
	}

	static bool applies(const nf::Rule &rule)
	{
		return rule.problem.empty() && rule.unknown.empty() &&
		       std::none_of(rule.steps.begin(), rule.steps.end(),
				    [](const nf::Step &step) {
					    return std::holds_alternative<nf::Write>(step);
				    }) &&
		       std::any_of(rule.steps.begin(), rule.steps.end(), [](const nf::Step &step) {
			       return std::holds_alternative<nf::Rewrite>(step) ||
				      std::holds_alternative<nf::Verdict>(step);
		       });
	}

	// The chains that packets come to which have just arrived.
	static std::set<std::string> reachable(const nf::Table &table)
	{
		std::vector<std::string> next;
		std::set<std::string> found;

		if (table.name == "raw" || table.name == "mangle")
			next.emplace_back("PREROUTING");
		if (table.name == "mangle")
			next.emplace_back("INPUT");
		while (!next.empty()) {
			const auto chain = table.chains.find(next.back());

			next.pop_back();
			if (chain == table.chains.end() || !found.insert(chain->first).second)
				continue;
			for (const nf::Rule &rule : chain->second.rules)
				for (const nf::Step &step : rule.steps)
					if (const auto *verdict = std::get_if<nf::Verdict>(&step);
					    verdict && !verdict->chain.empty())
						next.push_back(verdict->chain);
		}
		return found;
	}

	const std::string &program_;
	Ruleset &ruleset_;
	Saved saved_;
	std::set<std::string> others_; // where they are
};

} // namespace

bool leads(const nf::Table &table, const nf::Rule &rule)
{
	return leads_from(table, rule, 0);
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
