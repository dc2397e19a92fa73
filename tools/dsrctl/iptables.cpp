// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/iptables.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "common/files.hpp"
#include "common/process.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "dsrctl/lock.hpp"
#include "dsrctl/nf_remove.hpp"
#include "dsrctl/nf_tables.hpp"

namespace dsr {

namespace {

// Of the legacy variant.
constexpr char LOCK[] = "/run/xtables.lock";

// Does the legacy variant have a table, here and now?
bool has_legacy_tables(Family family, Tables wanted)
{
	std::istringstream names(read_file_if_any(family == Family::ip4 ?
							  "/proc/net/ip_tables_names" :
							  "/proc/net/ip6_tables_names"));
	std::string table;

	while (std::getline(names, table))
		if (wanted == Tables::all || parse_table(table))
			return true;
	return false;
}

// The first rule of PREROUTING that iptables cannot read; or empty.
std::string strange_rule(const Transaction &transaction)
{
	for (const SavedRule &rule : saved_rules(read_nf_tables(), transaction.family))
		if (rule.table == name(transaction.table) && rule.chain == "PREROUTING" &&
		    std::ranges::count(rule.words, UNKNOWN))
			return rule.where;
	return "";
}

Outcome run_named(const std::string &name, const std::vector<std::string> &arguments,
		  const std::string &input = "")
{
	std::string program = find_program(name);

	if (program.empty())
		throw Error("there is no " + name +
			    " in /usr/sbin, /sbin, /usr/bin or /bin: install iptables");
	return run(program, arguments, input);
}

// The alternatives of iptables and of ip6tables are two.
bool is_nft_program(const std::string &name)
{
	std::error_code ignored;

	// xtables-nft-multi; the legacy ones are called xtables-legacy-multi,
	// xtables-multi, or iptables.
	return std::filesystem::canonical(find_program(name), ignored)
		       .filename()
		       .string()
		       .find("nft") != std::string::npos;
}

} // namespace

Iptables::Iptables(unsigned int wait)
	: wait_(wait), available_(!find_program("iptables").empty()),
	  nft4_(is_nft_program("iptables")), nft6_(is_nft_program("ip6tables"))
{
}

const char *Iptables::variant(Store store, Family family) const
{
	return is_nft(family) == (store == Store::iptables) ? "nft" : "legacy";
}

std::string Iptables::program(Store store, Family family, const std::string &suffix) const
{
	std::string name = family == Family::ip4 ? "iptables" : "ip6tables";

	if (store == Store::other)
		name += std::string("-") + variant(store, family);
	return name + suffix;
}

Saved Iptables::save(Family family, Store store, const std::vector<nf::Table> &tables,
		     Tables wanted) const
{
	if (std::string(variant(store, family)) == "nft")
		return {saved_rules(tables, family), {}, {}};
	const std::string name = program(store, family, "-save");
	// No program is started, and no table made, to see that there is none.
	// Without the program, nobody could read it.
	if (!has_legacy_tables(family, wanted) || find_program(name).empty())
		return {};
	Outcome outcome = run_named(name, {"-c"});
	if (outcome.status)
		throw Error(name + ": " + outcome.reason());
	return read_saved(outcome.output, name);
}

void Iptables::apply(const std::vector<RuleStep> &steps, const Transaction &transaction) const
{
	if (restore_input(steps, transaction, Removals::included).empty())
		return;
	const bool nft = std::string(variant(transaction.store, transaction.family)) == "nft";
	const std::string name = program(transaction.store, transaction.family, "-restore");
	const std::string strange = nft ? strange_rule(transaction) : "";
	// iptables cannot remove a rule from a chain that it cannot read; but
	// it can add one.
	const bool directly = nft && (!strange.empty() || find_program(name).empty());
	const std::string input = restore_input(steps, transaction,
						directly ? Removals::left_out : Removals::included);

	if (!input.empty()) {
		Outcome outcome = run_named(name, restore_options(), input);
		if (outcome.status)
			throw Error(name + ": " + outcome.reason() +
				    (strange.empty() ? "" :
						       "; iptables cannot read the " + strange +
							       ": move it to a table of its own"));
	}
	if (directly)
		remove_nf_rules(transaction.family, dsr::name(transaction.table),
				removed_texts(steps, transaction));
}

std::vector<std::string> Iptables::restore_options() const
{
	return {"--noflush", "--wait=" + std::to_string(wait_)};
}

// The program would wait in silence, and keep us from ending meanwhile.
void Iptables::wait_for_lock(const Transaction &transaction) const
{
	if (variant(transaction.store, transaction.family) != std::string("legacy"))
		return;
	take_lock(LOCK, wait_);
}

} // namespace dsr
