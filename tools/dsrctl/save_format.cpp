// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/save_format.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "common/dscp.hpp"

namespace dsr {

namespace {

constexpr std::string_view CHAIN = "PREROUTING";

// "[12:3456]", which begins a line of iptables-save -c
bool take_counters(const std::string &word, Rule &rule)
{
	const char *end = word.data() + word.size();

	if (!word.starts_with('[') || !word.ends_with(']'))
		return false;
	auto packets = std::from_chars(word.data() + 1, end, rule.packets);
	if (packets.ec != std::errc() || *packets.ptr != ':')
		return false;
	auto bytes = std::from_chars(packets.ptr + 1, end, rule.bytes);
	return bytes.ec == std::errc() && bytes.ptr + 1 == end;
}

std::optional<Item> item(const std::string &dscp, const std::string &address,
			 Family family)
{
	auto number = parse_dscp(dscp);
	auto ip = parse_ip(address);

	if (!number || !ip || ip->family != family)
		return std::nullopt;
	return Item{*number, *ip};
}

// The words behind "-A PREROUTING" are exactly one of
//	-m dscp --dscp 0x07 -j DADDR --set-daddr 10.128.8.46
//	-j DADDR --dscp-map 7=10.128.8.46 [--dscp-map ...]...
bool understand(const std::vector<std::string> &words, Rule &rule)
{
	static const char *const SINGLE[] = {"-m", "dscp", "--dscp", nullptr,
					     "-j", "DADDR", "--set-daddr",
					     nullptr};

	if (words.size() == std::size(SINGLE)) {
		for (std::size_t i = 0; i < words.size(); i++)
			if (SINGLE[i] && words[i] != SINGLE[i])
				return false;
		auto parsed = item(words[3], words[7], rule.family);
		if (!parsed)
			return false;
		rule.items = {*parsed};
		return true;
	}
	if (words.size() < 4 || words.size() % 2 || words[0] != "-j" ||
	    words[1] != "DADDR")
		return false;
	for (std::size_t i = 2; i < words.size(); i += 2) {
		std::vector<Item> items = parse_map(words[i + 1], rule.family);

		if (words[i] != "--dscp-map" || items.empty())
			return false;
		rule.items.insert(rule.items.end(), items.begin(), items.end());
	}
	rule.map = true;
	return true;
}

std::string line(const RuleStep &step)
{
	const std::string chain(CHAIN);

	switch (step.kind) {
	case RuleStep::Kind::add:
		return (step.top ? "-I " : "-A ") + chain + " " +
		       step.rule.text + "\n";
	case RuleStep::Kind::remove:
		return "-D " + chain + " " + step.old.text + "\n";
	case RuleStep::Kind::replace:
		break;
	}
	// Not -R, which names the old rule by its place alone: somebody else's,
	// if the chain has changed since it was read.
	return "-I " + chain + " " + std::to_string(step.old.position) + " " +
	       step.rule.text + "\n-D " + chain + " " + step.old.text + "\n";
}

} // namespace

std::vector<std::string> save_words(std::string_view line)
{
	std::vector<std::string> words;
	bool inside = false, quoted = false;

	for (std::size_t i = 0; i < line.size(); i++) {
		char c = line[i];

		if (!quoted && (c == ' ' || c == '\t' || c == '\r')) {
			inside = false;
			continue;
		}
		if (!inside)
			words.emplace_back();
		inside = true;
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && i + 1 < line.size())
			words.back() += line[++i];
		else
			words.back() += c;
	}
	return words;
}

std::vector<Rule> parse_save(std::string_view text, Store store, Family family)
{
	std::vector<Rule> rules;
	std::string table;
	unsigned int position = 0;

	while (!text.empty()) {
		std::size_t end = std::min(text.find('\n'), text.size());
		std::string_view line = text.substr(0, end);

		text.remove_prefix(std::min(end + 1, text.size()));
		if (line.starts_with('*')) {
			table = line.substr(1, line.find_first_of(" \r") - 1);
			position = 0;
			continue;
		}
		if (table != "raw" && table != "mangle")
			continue;

		// Most lines of a large ruleset are of other chains.
		if (line.find(CHAIN) == line.npos)
			continue;
		std::vector<std::string> words = save_words(line);
		Rule rule;
		std::size_t first = 0;

		if (!words.empty() && take_counters(words[0], rule))
			first = 1;
		if (words.size() < first + 2 || words[first] != "-A" ||
		    words[first + 1] != CHAIN)
			continue;
		rule.store = store;
		rule.family = family;
		rule.table = table;
		rule.position = ++position;
		words.erase(words.begin(), words.begin() + first + 2);
		if (!understand(words, rule))
			continue;
		rule.text = rule_text(rule.map, rule.items);
		rules.push_back(std::move(rule));
	}
	return rules;
}

std::vector<SavedRule> parse_all(std::string_view text, Store store,
				 Family family)
{
	std::vector<SavedRule> rules;
	std::string table;

	while (!text.empty()) {
		std::size_t end = std::min(text.find('\n'), text.size());
		std::string_view line = text.substr(0, end);

		text.remove_prefix(std::min(end + 1, text.size()));
		if (line.starts_with('*'))
			table = line.substr(1, line.find_first_of(" \r") - 1);
		if (!line.starts_with("-A ") && !line.starts_with('['))
			continue;
		std::vector<std::string> words = save_words(line);
		std::size_t first = line.starts_with('[') ? 1 : 0;

		if (words.size() < first + 2 || words[first] != "-A")
			continue;
		SavedRule rule{store, family, table, words[first + 1], {}};
		rule.words.assign(words.begin() + first + 2, words.end());
		rules.push_back(std::move(rule));
	}
	return rules;
}

std::vector<Item> parse_map(const std::string &word, Family family)
{
	std::vector<Item> items;
	std::size_t at = 0;

	while (at <= word.size()) {
		std::size_t end = std::min(word.find(',', at), word.size());
		std::string entry = word.substr(at, end - at);
		std::size_t equals = entry.find('=');

		if (equals == entry.npos)
			return {};
		auto parsed = item(entry.substr(0, equals),
				   entry.substr(equals + 1), family);
		if (!parsed)
			return {};
		items.push_back(*parsed);
		at = end + 1;
	}
	return items;
}

std::string restore_input(const std::vector<RuleStep> &steps,
			  const Transaction &transaction)
{
	std::string lines;

	for (const RuleStep &step : steps) {
		const Rule &rule = step.any();

		if (rule.store == transaction.store &&
		    rule.family == transaction.family &&
		    rule.table == transaction.table)
			lines += line(step);
	}
	if (lines.empty())
		return "";
	return "*" + transaction.table + "\n" + lines + "COMMIT\n";
}

} // namespace dsr
