// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/situation.hpp"

#include <algorithm>
#include <filesystem>

#include "dsrctl/module.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

std::string source_of(const Options &options)
{
	std::error_code ignored;
	const std::string &path = options.file.empty() ? options.directory : options.file;
	std::string real = std::filesystem::weakly_canonical(path, ignored);

	return real.empty() ? path : real;
}

} // namespace

Situation::Situation(const Options &options, StateFile::Access access, Names names)
	: options(options), file(access, options.wait),
	  table(options.table ? *options.table : default_table()), ip6(has_ip6()),
	  host(options.wait), source(source_of(options))
{
	std::string warning;

	state = file.read(warning);
	if (!warning.empty())
		say_warning(warning);
	if (names == Names::started)
		take_what_was_started();
	else
		read_configuration(names);
	read_actual();
}

void Situation::read_configuration(Names names)
{
	ConfigReader reader([&](const std::string &name,
				std::string &why) { return address_of(name, names, why); },
			    ConfigReader::Writers::root);

	if (options.file.empty())
		reader.add_directory(options.directory);
	else
		reader.add_file(options.file);
	config = std::move(reader.config);
	for (const std::string &warning : config.warnings)
		say_warning(warning);
	for (const Problem &problem : config.errors)
		say_error(problem.message);
}

// By whatever configurations: two may have the same.
void Situation::take_what_was_started()
{
	for (const Owned &owned : state.entries) {
		const bool known = std::ranges::any_of(config.entries, [&](const Entry &entry) {
			return owned.same(dsr::owned(entry));
		});
		Entry entry;

		if (known)
			continue;
		entry.name = owned.name;
		entry.ip = owned.ip;
		entry.dscp = owned.dscp;
		entry.to = owned.to;
		entry.ports = owned.ports;
		entry.dev = owned.dev;
		entry.where = owned.source;
		config.entries.push_back(std::move(entry));
	}
}

std::optional<Ip> Situation::address_of(const std::string &name, Names names,
					std::string &why) const
{
	const auto known = state.remembered(name, source);

	if (known && names == Names::remembered)
		return known;
	const auto ip = resolve(name, why);
	if (!ip && known) {
		say_warning("the host name " + quote(name) + " does not resolve (" + why +
			    "): it stays at " + text(*known) +
			    ", which was found when it was started");
		return known;
	}
	return ip;
}

// Are rules of this family of interest? Not to l2dsr entries.
bool Situation::concerns(Family family) const
{
	auto of_family = [&](const auto &one) { return one.dscp && one.ip.family == family; };

	// of what was started before IPv6 was turned off, too
	if (std::ranges::any_of(state.entries, of_family))
		return true;
	if (family == Family::ip6 && !ip6)
		return false;
	return options.all || std::ranges::any_of(config.entries, of_family);
}

void Situation::read_actual()
{
	actual.addresses = read_addresses();
	actual.networks = read_local_networks();
	std::set<Item> known;
	for (const Entry &entry : config.entries)
		if (entry.dscp)
			known.insert(entry.item());
	for (const Owned &owned : state.entries)
		if (owned.dscp)
			known.insert(owned.item());
	Host::Found found = host.read(concerns(Family::ip4), concerns(Family::ip6), known);

	actual.rules = std::move(found.rules);
	actual.dormant = std::move(found.dormant);
	find_served(found.others);
}

void Situation::find_served(const nf::Ruleset &others)
{
	Arrivals arrivals = read_arrivals(actual.addresses);

	// packets to a VIP are where they belong
	std::erase_if(arrivals.addresses, [&](const Ip &ip) {
		return std::ranges::any_of(config.entries,
					   [&](const Entry &entry) { return entry.ip == ip; });
	});
	actual.served.clear();
	for (const Entry &entry : config.entries) {
		if (!entry.dscp)
			continue;
		const Item item = entry.item();
		if (std::ranges::any_of(actual.rules,
					[&](const Rule &rule) { return rule.has(item); }))
			continue;
		const Reach found = reach(others, arrivals, item);
		if (found.answer != Reach::Answer::none)
			actual.served[item] = {where(found.right[0]), found.right[0].table->name,
					       found.answer == Reach::Answer::all};
	}
}

} // namespace dsr
