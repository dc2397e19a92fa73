// SPDX-License-Identifier: BSD-3-Clause
#include "common/saved_tables.hpp"

#include <map>

#include "common/saved_steps.hpp"

namespace dsr::nf {

std::vector<Table> saved_tables(const Saved &saved, Family family)
{
	std::vector<Table> tables;

	auto table_of = [&](const std::string &name) -> Table & {
		for (Table &table : tables)
			if (table.name == name)
				return table;
		tables.push_back(
			{Table::Owner::legacy, family == Family::ip4 ? "ip" : "ip6", name, {}, {}});
		return tables.back();
	};
	auto chain_of = [&](const std::string &table, const std::string &name) -> Chain & {
		Chain &chain = table_of(table).chains[name];

		if (!chain.base)
			chain.base = xtables_base(table, name);
		return chain;
	};
	for (const SavedChain &one : saved.chains) {
		Chain &chain = chain_of(one.table, one.chain);

		if (chain.base)
			chain.base->drops = one.policy == "DROP";
	}
	for (const SavedRule &one : saved.rules)
		chain_of(one.table, one.chain);
	for (const SavedRule &one : saved.rules) {
		Table &table = table_of(one.table);
		Rule rule;

		rule.words = one.words;
		rule.packets = one.packets;
		rule.bytes = one.bytes;
		rule.where = one.where;
		rule.text = one.text;
		add_steps(rule, one.words, family,
			  [&](const std::string &name) { return table.chains.contains(name); });
		table.chains[one.chain].rules.push_back(std::move(rule));
	}
	return tables;
}

std::optional<Base> xtables_base(const std::string &table, const std::string &chain)
{
	static const std::map<std::string, int> PRIORITIES = {
		{"raw", -300}, {"mangle", -150}, {"nat", -100}, {"filter", 0}, {"security", 50}};
	const auto priority = PRIORITIES.find(table);

	if (priority == PRIORITIES.end())
		return std::nullopt;
	if (chain == "PREROUTING")
		return Base{Hook::prerouting, priority->second, {}, false};
	if (chain == "INPUT") // of nat, it is for sources
		return Base{Hook::input, table == "nat" ? 100 : priority->second, {}, false};
	if (chain == "OUTPUT" || chain == "FORWARD" || chain == "POSTROUTING")
		return Base{Hook::other, priority->second, {}, false};
	return std::nullopt;
}

} // namespace dsr::nf
