// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/iptables_rules.hpp"

#include <algorithm>
#include <optional>

#include "common/dscp.hpp"
#include "common/saved_rules.hpp"

namespace dsr {

namespace {

constexpr std::string_view CHAIN = "PREROUTING";

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

std::vector<Rule> parse_save(std::string_view text, Store store, Family family)
{
	unsigned int positions[2] = {0, 0};	// by table
	std::vector<Rule> rules;

	for (const SavedRule &saved : read_saved(text, "iptables-save")) {
		const auto table = parse_table(saved.table);
		Rule rule;

		if (saved.chain != CHAIN || !table)
			continue;
		rule.store = store;
		rule.family = family;
		rule.table = *table;
		rule.position = ++positions[static_cast<int>(*table)];
		rule.packets = saved.packets;
		rule.bytes = saved.bytes;
		if (!understand(saved.words, rule))
			continue;
		rule.text = rule_text(rule.map, rule.items);
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
	return std::string("*") + name(transaction.table) + "\n" + lines + "COMMIT\n";
}

} // namespace dsr
