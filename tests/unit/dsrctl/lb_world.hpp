// SPDX-License-Identifier: BSD-3-Clause
// Both sides of a made-up site, for the tests of dsrctl lb-config.
#pragma once

#include "dsrctl/lb/verify.hpp"
#include "world.hpp"

namespace dsr_test {

using namespace dsr::lb;

inline const char CONFIG[] = "10.128.8.46 = 7\n"
			     "2001:db8::46 = 7\n"
			     "10.128.8.47 = AF11\n"
			     "10.128.9.100\n";

inline const char SERVERS[] = "# the shop\n"
			      "10.128.9.31\n"
			      "10.128.9.32 weight 3\n"
			      "10.128.9.33 weight 0 # under repair\n"
			      "\n"
			      "2001:db8:9::31\n";

inline std::vector<Server> servers(const std::string &text)
{
	std::vector<std::string> errors;
	std::vector<Section> sections = read_servers(text, "s", errors);

	for (const std::string &error : errors)
		FAIL(error);
	CHECK(sections.size() == 1);
	return sections[0].servers;
}

inline Pool pool(const std::string &config, const std::string &reals, const std::string &name = "")
{
	std::vector<std::string> warnings;

	return {name, virtuals(entries(config), warnings), servers(reals)};
}

inline Site site(const std::string &config, const std::vector<std::string> &services = {},
		 const std::string &reals = SERVERS)
{
	std::vector<std::string> errors;
	Site site;

	site.pools = {pool(config, reals)};
	for (const std::string &service : services)
		site.services.push_back(parse_service(service));
	check(site, errors);
	CHECK(errors.empty());
	return site;
}

// Two pools with DSCPs of their own; the second serves a VIP of each family.
inline Site two_pools(const std::vector<std::string> &services = {})
{
	std::vector<std::string> errors;
	Site site;

	site.pools = {pool("10.128.8.46 = 7\n10.128.8.47 = AF11\n",
			   "10.128.9.31\n10.128.9.32 weight 3\n", "shop"),
		      pool("10.128.8.56 = 7\n2001:db8::56 = 7\n", "10.128.9.41\n2001:db8:9::41\n",
			   "mail")};
	for (const std::string &service : services)
		site.services.push_back(parse_service(service));
	check(site, errors);
	CHECK(errors.empty());
	return site;
}

inline const Vendor &vendor(const std::string &name)
{
	const Vendor *found = find_vendor(name);

	REQUIRE(found);
	return *found;
}

inline Verdict verdict(const std::string &name, const std::string &text,
		       const std::string &config = CONFIG, const std::string &reals = SERVERS)
{
	const std::vector<Entry> all = entries(config);
	Site site;

	site.pools = {pool(config, reals)};
	return verify(all, site, vendor(name).read(text, "lb"), "lb");
}

// What --verify would say of this text, of which it understands everything.
inline std::vector<std::string> compare(const std::string &name, const std::string &text,
					const std::string &config = CONFIG,
					const std::string &reals = SERVERS)
{
	Verdict found = verdict(name, text, config, reals);

	for (const std::string &line : found.not_understood)
		UNSCOPED_INFO(line);
	CHECK(found.not_understood.empty());
	return found.differences;
}

// What it does not understand, when that is all that it has to say.
inline std::vector<std::string> unclear(const std::string &name, const std::string &text,
					const std::string &config = CONFIG,
					const std::string &reals = SERVERS)
{
	Verdict found = verdict(name, text, config, reals);

	for (const std::string &one : found.differences)
		UNSCOPED_INFO(one);
	CHECK(found.differences.empty());
	return found.not_understood;
}

// The only difference.
inline std::string difference(const std::string &name, const std::string &text,
			      const std::string &config = CONFIG, const std::string &reals = "")
{
	auto found = compare(name, text, config, reals);

	for (const std::string &one : found)
		UNSCOPED_INFO(one);
	CHECK(found.size() == 1);
	return found.empty() ? "" : found[0];
}

// Of a text, with the first @from in it as @to.
inline std::string with(std::string text, const std::string &from, const std::string &to)
{
	std::size_t at = text.find(from);

	if (at == text.npos)
		FAIL("no " << from << " in:\n" << text);
	return text.replace(at, from.size(), to);
}

// Without the lines of which a part is this.
inline std::string without(const std::string &text, const std::string &part)
{
	std::istringstream lines(text);
	std::string line, rest;

	while (std::getline(lines, line))
		if (!has(line, part))
			rest += line + "\n";
	if (rest == text)
		FAIL("no " << part << " in:\n" << text);
	return rest;
}

// "lb:N", of the first line of which a part is this
inline std::string where(const std::string &text, const std::string &part)
{
	std::size_t at = text.find(part);

	if (at == text.npos)
		FAIL("no " << part << " in:\n" << text);
	return "lb:" +
	       std::to_string(1 + std::count(text.begin(),
					     text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

inline const char *const NAMES[] = {"a10",  "brocade",	  "netscaler", "vpp",
				    "ipvs", "keepalived", "nft"};

// As much of the configuration as the vendor can have.
inline std::string config_of(const std::string &name)
{
	std::string config = CONFIG;

	return vendor(name).ip6 ? config : without(config, "2001:");
}

inline std::string written(const std::string &name,
			   const std::vector<std::string> &services = {"tcp/80"})
{
	return vendor(name).write(site(config_of(name), services));
}

} // namespace dsr_test
