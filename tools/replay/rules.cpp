// SPDX-License-Identifier: BSD-3-Clause
// Which rules of a ruleset are of DADDR.
#include "replay/rules.hpp"

#include <algorithm>
#include <charconv>

#include "common/saved_rules.hpp"
#include "replay/rule_options.hpp"

namespace dsr::replay {

namespace {

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

bool is_daddr(const std::vector<std::string> &words)
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

// None where no packet is that has just arrived.
std::optional<Table> table_of(const SavedRule &saved)
{
	if (saved.chain == "PREROUTING" && saved.table == "raw")
		return Table::raw;
	if (saved.chain == "PREROUTING" && saved.table == "mangle")
		return Table::mangle;
	if (saved.chain == "INPUT" && saved.table == "mangle")
		return Table::mangle_input;
	return std::nullopt;
}

void add_rule(const SavedRule &saved, Ruleset &ruleset)
{
	const std::optional<Table> table = table_of(saved);
	Rule rule;

	if (!is_daddr(saved.words)) {
		ruleset.others += table && *table != Table::mangle_input;
		return;
	}
	if (!table)
		expected("a DADDR rule in the chain " + quote(saved.chain) + " of the table " +
				 quote(saved.table),
			 "it in PREROUTING of raw or mangle, or in INPUT of mangle");
	rule.table = *table;
	rule.where = saved.where;
	rule.text = saved.text;
	parse_options(saved.words, rule);
	ruleset.add(std::move(rule));
}

} // namespace

std::optional<unsigned long> parse_number(std::string_view text, unsigned long max)
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

void Ruleset::add(Rule rule)
{
	auto &rules = rules_[static_cast<std::size_t>(rule.family())];
	auto place = std::upper_bound(
		rules.begin(), rules.end(), rule,
		[](const Rule &a, const Rule &b) { return a.table < b.table; });

	rules.insert(place, std::move(rule));
}

bool Ruleset::asks_input() const
{
	for (const std::vector<Rule> &rules : rules_)
		if (!rules.empty() && rules.back().table == Table::mangle_input)
			return true;
	return false;
}

void parse_rules(std::string_view text, const std::string &name, Ruleset &ruleset)
{
	const Saved all = read_saved(text, name);

	for (const SavedRule &saved : all.rules) {
		try {
			add_rule(saved, ruleset);
		} catch (const Error &error) {
			throw Error(saved.where + ": " + error.what());
		}
	}
}

} // namespace dsr::replay
