// SPDX-License-Identifier: BSD-3-Clause
#include "backend_daddr.hpp"

#include <linux/netfilter.h>

#include <filesystem>
#include <fstream>

#include "netlink.hpp"
#include "process.hpp"
#include "save_format.hpp"

namespace dsr {

namespace {

// Does the legacy variant have this table, here and now?
bool has_legacy_table(Family family)
{
	std::ifstream names(family == Family::ip4 ?
				    "/proc/net/ip_tables_names" :
				    "/proc/net/ip6_tables_names");
	std::string table;

	while (std::getline(names, table))
		if (table == "raw" || table == "mangle")
			return true;
	return false;
}

Outcome run_named(const std::string &name,
		  const std::vector<std::string> &arguments,
		  const std::string &input = "")
{
	std::string program = find_program(name);

	if (program.empty())
		throw Error("found no program " + name +
			    " in /usr/sbin, /sbin, /usr/bin or /bin, expected iptables to be installed");
	return run(program, arguments, input);
}

} // namespace

Iptables::Iptables()
{
	std::string program = find_program("iptables");
	std::error_code ignored;

	available_ = !program.empty();
	// xtables-nft-multi; the legacy ones are called xtables-legacy-multi,
	// xtables-multi, or iptables.
	nft_ = std::filesystem::canonical(program, ignored)
		       .filename().string().find("nft") != std::string::npos;
}

const char *Iptables::variant(Store store) const
{
	return nft_ == (store == Store::iptables) ? "nft" : "legacy";
}

std::string Iptables::program(Store store, Family family,
			      const std::string &suffix) const
{
	std::string name = family == Family::ip4 ? "iptables" : "ip6tables";

	if (store == Store::other)
		name += std::string("-") + variant(store);
	return name + suffix;
}

bool Iptables::has_other(Family family) const
{
	if (nft_)
		return has_legacy_table(family);
	int number = family == Family::ip4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	return has_nft_table(number, "raw") || has_nft_table(number, "mangle");
}

std::vector<Rule> Iptables::read_store(Family family, Store store) const
{
	std::string name = program(store, family, "-save");
	Outcome outcome = run_named(name, {"-c"});

	if (outcome.status)
		throw Error(name + ": " + outcome.reason());
	return parse_save(outcome.output, store, family);
}

std::vector<Rule> Iptables::read(Family family) const
{
	std::vector<Rule> rules;

	if (available_)
		rules = read_store(family, Store::iptables);
	// Without the program of the other variant, nobody could read them.
	if (has_other(family) &&
	    !find_program(program(Store::other, family, "-save")).empty())
		for (Rule &rule : read_store(family, Store::other))
			rules.push_back(std::move(rule));
	return rules;
}

void Iptables::apply(const std::vector<RuleStep> &steps, Store store,
		     Family family) const
{
	std::string input = restore_input(steps, store, family);

	if (input.empty())
		return;
	std::string name = program(store, family, "-restore");
	Outcome outcome = run_named(name, {"--noflush", "-w"}, input);
	if (outcome.status)
		throw Error(name + ": " + outcome.reason());
}

} // namespace dsr
