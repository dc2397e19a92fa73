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

// Returns why what "nft -j list" prints of it cannot be read; or "".
std::string add_list(const std::string &nft, const std::vector<std::string> &what,
		     Firewall &firewall)
{
	std::vector<std::string> words{"-j", "list"};
	Firewall with = firewall;

	words.insert(words.end(), what.begin(), what.end());
	// an nft of old does not print JSON; of RHEL 7, say
	const Outcome outcome = run(nft, words);
	if (outcome.status)
		return shell_line(words) + ": " + outcome.reason();
	try {
		add_ruleset(with, outcome.output);
	} catch (const Error &error) {
		return shell_line(words) + " " + error.what();
	}
	firewall = std::move(with);
	return "";
}

// Does iptables-save print what is asked here?
bool is_read(const Iptables &iptables, const nf::Table &table)
{
	const Family family = table.family == "ip" ? Family::ip4 : Family::ip6;
	auto is_nft = [&](Store store) {
		return iptables.variant(store, family) == std::string("nft");
	};

	return (table.family == "ip" || table.family == "ip6") &&
	       (is_nft(Store::iptables) || is_nft(Store::other)) &&
	       std::ranges::all_of(table.chains, [&](const auto &chain) {
		       return !chain.second.base ||
			      nf::xtables_base(table.name, chain.first).has_value();
	       });
}

// @awake: all tables that are not dormant. @all: there are no others. Before 1.1, nft
// prints a half of a table with a flag, dormant or owner; then they are read one by one.
void gather_nftables(const Iptables &iptables, const std::vector<nf::Table> &awake, bool all,
		     Firewall &firewall)
{
	const std::string program = find_program("nft");
	auto read = [&](const nf::Table &table) { return is_read(iptables, table); };

	if (program.empty()) {
		if (!std::ranges::all_of(awake, read))
			firewall.unread.emplace_back("there is no nft to print them");
		return;
	}
	if (all && add_list(program, {"ruleset"}, firewall).empty())
		return;
	for (const nf::Table &table : awake)
		if (const std::string why = add_list(program, {"table", table.family, table.name},
						     firewall);
		    !why.empty() && !read(table))
			firewall.unread.push_back("nft " + why);
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
	gather_nftables(iptables, tables, all, facts);
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
