// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/gather.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>

#include "common/process.hpp"
#include "common/saved_tables.hpp"
#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/guard/record.hpp"
#include "dsrctl/iptables.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/nf_tables.hpp"
#include "dsrctl/nftables.hpp"

namespace dsr::doctor {

namespace {

void gather_iptables(const Iptables &iptables, const std::vector<nf::Table> &tables,
		     Firewall &firewall)
{
	for (Family family : FAMILIES)
		for (Store store : {Store::iptables, Store::other}) {
			const Saved saved = iptables.save(family, store, tables, Tables::all);

			add_saved(firewall, saved.rules, store, family);
			if (iptables.variant(store, family) == std::string("legacy"))
				add_tables(firewall, nf::saved_tables(saved, family));
		}
}

// @awake: all that is not dormant, of which nft before 1.1 prints half
void gather_nftables(const std::vector<nf::Table> &awake, bool all, Firewall &firewall)
{
	const std::string program = find_program("nft");
	std::vector<std::vector<std::string>> lists;

	if (program.empty())
		return;
	if (all)
		lists.push_back({"ruleset"});
	else
		for (const nf::Table &table : awake)
			lists.push_back({"table", table.family, table.name});
	for (const std::vector<std::string> &list : lists) {
		std::vector<std::string> words{"-j", "list"};

		words.insert(words.end(), list.begin(), list.end());
		// An nft of old does not print JSON; of RHEL 7, say.
		Outcome outcome = run(program, words);
		if (!outcome.status)
			add_ruleset(firewall, outcome.output);
	}
}

// All rules of nf_tables but those that are dormant: they are there, and do nothing.
void gather_rules(const Iptables &iptables, Facts &facts)
{
	std::vector<nf::Table> tables = read_nf_tables();

	add_tables(facts, tables);
	const bool all = !std::erase_if(tables,
					[](const nf::Table &table) { return table.dormant; });
	const std::vector<Rule> own = nft::read(tables);
	try {
		gather_iptables(iptables, tables, facts);
	} catch (const Error &) {
		// Rules of DADDR are more than it can print without the plugin.
		if (facts.module.has_plugin)
			throw;
		facts.rules_known = false;
	}
	gather_nftables(tables, all, facts);
	add_own(facts, own);
	add_own(facts, rewrite::read());
	add_foreign(facts);
	add_dormant(facts);
}

// Where iptables looks: what XTABLES_LIBDIR says, or its own directory.
bool has_plugin(const Root &root)
{
	const char *variable = std::getenv("XTABLES_LIBDIR");
	std::string directories = variable ? variable : XTABLES_DIRECTORY;

	while (!directories.empty()) {
		std::size_t end = std::min(directories.find(':'), directories.size());

		if (root.exists(directories.substr(0, end) + "/libxt_DADDR.so"))
			return true;
		directories.erase(0, std::min(end + 1, directories.size()));
	}
	return false;
}

// "rhel fedora" of lines such as ID="rhel" and ID_LIKE="fedora"
std::string os(const Root &root)
{
	std::string text = "\n" + root.read("/etc/os-release"), ids;

	for (const char *key : {"\nID=", "\nID_LIKE="}) {
		std::size_t at = text.find(key);

		if (at == text.npos)
			continue;
		at += std::string_view(key).size();
		ids += text.substr(at, text.find('\n', at) - at) + " ";
	}
	return ids;
}

} // namespace

Facts gather(Config config)
{
	const Root root;
	Iptables iptables;
	Facts facts;
	utsname kernel;

	facts.config = std::move(config);
	facts.os = os(root);
	facts.has_iptables = iptables.available();
	for (Family family : FAMILIES) {
		const int i = static_cast<int>(family);

		facts.variant[i] = iptables.variant(Store::iptables, family);
		facts.other[i] = iptables.variant(Store::other, family);
	}
	uname(&kernel);
	facts.module = gather_module(root, kernel.release,
				     facts.has_iptables ? facts.variant[0] : "");
	facts.module.has_plugin = has_plugin(root);
	gather_rules(iptables, facts);
	facts.addresses = read_addresses();
	facts.networks = read_local_networks();
	facts.links = gather_links();
	facts.listeners = gather_listeners();
	facts.ip6 = has_ip6();
	gather_switches(root, facts);
	facts.managers = gather_managers(root);
	facts.managers.guard = GuardFile().read().running;
	return facts;
}

} // namespace dsr::doctor
