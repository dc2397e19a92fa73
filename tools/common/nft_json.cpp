// SPDX-License-Identifier: BSD-3-Clause
#include "common/nft_json.hpp"

#include <set>

#include "common/nft_json_rule.hpp"

namespace dsr::nf {

namespace {

using nlohmann::json;

class Reader {
public:
	explicit Reader(const std::string &name) : name_(name) {}

	std::vector<Table> read(std::string_view text)
	{
		try {
			const json all = json::parse(text);

			for (const json &one : all.at("nftables"))
				if (one.is_object() && !one.empty())
					sort(one.begin().key(), one.begin().value());
			std::vector<Table> tables;
			for (const json &table : tables_)
				for (Family family : FAMILIES)
					add(table, family, tables);
			return tables;
		} catch (const json::exception &error) {
			if (ends_in_flags(text))
				throw Error(
					name_ +
					": found the end of the text after the \"flags\" of a table, expected a whole ruleset: nft before 1.1 prints this of a table with one flag (dormant, owner); take a newer nft, or write each of the other tables to a file of its own (nft -j list table FAMILY NAME)");
			throw Error(name_ + ": found " + quote(error.what()) +
				    ", expected what nft -j list ruleset prints");
		}
	}

private:
	void sort(const std::string &kind, const json &one)
	{
		if (kind == "table")
			tables_.push_back(one);
		else if (kind == "chain")
			chains_.push_back(one);
		else if (kind == "rule")
			rules_.push_back(one);
		else if (kind == "set" || kind == "map")
			sets_.push_back(one);
	}

	static bool is_of(const json &one, const json &table)
	{
		return one.at("family") == table.at("family") &&
		       one.at("table") == table.at("name");
	}

	static bool ends_in_flags(std::string_view text)
	{
		const std::size_t last = text.find_last_not_of(" \n");

		return last != text.npos && text.substr(0, last + 1).ends_with("\"flags\":");
	}

	// One is a string, or a list of one, by version; several are a list. nft
	// before 1.1 prints one from memory that it has freed: the name of a chain,
	// say.
	bool is_dormant(const json &table) const
	{
		static const std::set<json> KNOWN = {"dormant", "owner", "persist"};
		json flags = table.value("flags", json::array());
		bool dormant = false;

		if (!flags.is_array())
			flags = json::array({flags});
		for (const json &flag : flags) {
			if (!KNOWN.contains(flag))
				throw Error(
					name_ + ": found the flag " + flag.dump() +
					" of the table " + full_name(table) +
					", expected \"dormant\", \"owner\" or \"persist\": nft before 1.1 prints a wrong one; write that which nft list table " +
					full_name(table) + " shows");
			dormant |= flag == "dormant";
		}
		return dormant;
	}

	static std::string full_name(const json &table)
	{
		return table.at("family").get<std::string>() + " " +
		       table.at("name").get<std::string>();
	}

	void add(const json &from, Family family, std::vector<Table> &tables) const
	{
		const std::string of = from.at("family"),
				  own = family == Family::ip4 ? "ip" : "ip6";
		std::map<std::string, json> sets;

		if (of != own && of != "inet" && of != "netdev")
			return;
		Table table{Table::Owner::nf_tables, own, from.at("name"), {}, {},
			    is_dormant(from)};
		for (const json &set : sets_)
			if (is_of(set, from))
				sets[set.at("name")] = set;
		for (const json &chain : chains_)
			if (is_of(chain, from))
				table.chains[chain.at("name")].base = base(chain);
		for (const json &rule : rules_)
			if (is_of(rule, from))
				add_rule(rule, family, sets, table);
		tables.push_back(std::move(table));
	}

	static std::optional<Base> base(const json &chain)
	{
		static const std::map<std::string, Hook> HOOKS = {{"ingress", Hook::ingress},
								  {"prerouting", Hook::prerouting},
								  {"input", Hook::input}};
		const auto hook = HOOKS.find(chain.value("hook", ""));
		Base base;

		if (!chain.contains("hook"))
			return std::nullopt;
		if (hook != HOOKS.end())
			base.hook = hook->second;
		base.priority = chain.at("prio");
		base.drops = chain.value("policy", "") == "drop";
		const json devices = chain.value("dev", json::array());
		if (devices.is_string())
			base.devices.push_back(devices);
		else
			base.devices = devices.get<std::vector<std::string>>();
		return base;
	}

	void add_rule(const json &from, Family family, const std::map<std::string, json> &sets,
		      Table &table) const
	{
		const std::string chain = from.at("chain");
		auto rule = read_nft_rule(from.at("expr"), family, table, sets);

		if (!rule)
			return;
		rule->handle = from.at("handle");
		rule->text = from.at("expr").dump();
		rule->where = name_ + ": rule with handle " + std::to_string(rule->handle) +
			      " of the chain " + from.at("family").get<std::string>() + " " +
			      table.name + " " + chain;
		table.chains[chain].rules.push_back(std::move(*rule));
	}

	const std::string &name_;
	std::vector<json> tables_, chains_, rules_, sets_;
};

} // namespace

std::vector<Table> nft_tables(std::string_view text, const std::string &name)
{
	return Reader(name).read(text);
}

} // namespace dsr::nf
