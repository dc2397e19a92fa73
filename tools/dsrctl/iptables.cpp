// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/iptables.hpp"

#include <linux/netfilter.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "common/files.hpp"
#include "common/process.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "dsrctl/lock.hpp"

namespace dsr {

namespace {

using Tables = std::vector<std::string>;

// Of the legacy variant.
constexpr char LOCK[] = "/run/xtables.lock";

// Those that rules of the target can be in, and those of iptables.
const Tables OURS{"raw", "mangle"};
const Tables ALL{"raw", "mangle", "nat", "filter", "security"};

// Does the legacy variant have one of these, here and now?
bool has_legacy_table(Family family, const Tables &tables)
{
	std::istringstream names(read_file_if_any(
		family == Family::ip4 ? "/proc/net/ip_tables_names" :
					"/proc/net/ip6_tables_names"));
	std::string table;

	while (std::getline(names, table))
		if (std::find(tables.begin(), tables.end(), table) !=
		    tables.end())
			return true;
	return false;
}

bool has_nft_table(Family family, const Tables &tables)
{
	const std::uint8_t number = family == Family::ip4 ? NFPROTO_IPV4 :
							    NFPROTO_IPV6;

	return std::any_of(tables.begin(), tables.end(),
			   [&](const std::string &table) {
				   return dsr::has_nft_table(number, table);
			   });
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

// The alternatives of iptables and of ip6tables are two.
bool is_nft_program(const std::string &name)
{
	std::error_code ignored;

	// xtables-nft-multi; the legacy ones are called xtables-legacy-multi,
	// xtables-multi, or iptables.
	return std::filesystem::canonical(find_program(name), ignored)
		       .filename().string().find("nft") != std::string::npos;
}

} // namespace

Iptables::Iptables(unsigned int wait)
	: wait_(wait), available_(!find_program("iptables").empty()),
	  nft4_(is_nft_program("iptables")),
	  nft6_(is_nft_program("ip6tables"))
{
}

const char *Iptables::variant(Store store, Family family) const
{
	return is_nft(family) == (store == Store::iptables) ? "nft" : "legacy";
}

std::string Iptables::program(Store store, Family family,
			      const std::string &suffix) const
{
	std::string name = family == Family::ip4 ? "iptables" : "ip6tables";

	if (store == Store::other)
		name += std::string("-") + variant(store, family);
	return name + suffix;
}

bool Iptables::has_table(Family family, Store store, const Tables &tables) const
{
	return is_nft(family) == (store == Store::iptables) ?
		       has_nft_table(family, tables) :
		       has_legacy_table(family, tables);
}

std::string Iptables::save_store(Family family, Store store,
				 const Tables &tables) const
{
	std::string name = program(store, family, "-save");

	// Nothing is started, and no table made, to see that there is none.
	if (!has_table(family, store, tables))
		return "";
	// Without the program of the other variant, nobody could read it.
	if (store == Store::iptables ? !available_ : find_program(name).empty())
		return "";
	Outcome outcome = run_named(name, {"-c"});
	if (outcome.status)
		throw Error(name + ": " + outcome.reason());
	return outcome.output;
}

std::string Iptables::save(Family family, Store store) const
{
	return save_store(family, store, ALL);
}

std::vector<Rule> Iptables::read(Family family) const
{
	std::vector<Rule> rules;

	for (Store store : {Store::iptables, Store::other})
		for (Rule &rule : parse_save(save_store(family, store, OURS),
					     store, family))
			rules.push_back(std::move(rule));
	return rules;
}

void Iptables::apply(const std::vector<RuleStep> &steps,
		     const Transaction &transaction) const
{
	std::string input = restore_input(steps, transaction);

	if (input.empty())
		return;
	std::string name = program(transaction.store, transaction.family,
				   "-restore");
	Outcome outcome = run_named(name, restore_options(), input);
	if (outcome.status)
		throw Error(name + ": " + outcome.reason());
}

std::vector<std::string> Iptables::restore_options() const
{
	return {"--noflush", "--wait=" + std::to_string(wait_)};
}

// The program would wait in silence, and keep us from ending meanwhile.
void Iptables::wait_for_lock(const Transaction &transaction) const
{
	if (variant(transaction.store, transaction.family) !=
	    std::string("legacy"))
		return;
	take_lock(LOCK, wait_);
}

} // namespace dsr
