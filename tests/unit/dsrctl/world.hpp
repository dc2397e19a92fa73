// SPDX-License-Identifier: BSD-3-Clause
// Configurations, hosts and plans in few words.
#pragma once

#include <sys/stat.h>

#include "catch.hpp"
#include "directory.hpp"
#include "dsrctl/config.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "dsrctl/plan.hpp"

namespace dsr_test {

using namespace dsr;
using unit::Directory;
using unit::load_text;

inline Ip ip(const std::string &text)
{
	return parse_ip(text).value();
}

// Names of the domain .example resolve; to what comes before it, if that can
// be read as an address with dashes.
inline std::optional<Ip> resolver(const std::string &host, std::string &why)
{
	std::string address = host.substr(0, host.find('.'));

	for (char &c : address)
		c = c == '-' ? '.' : c;
	auto ip = parse_ip(address);
	if (!ip)
		why = "no such host";
	return ip;
}

inline Config parse(const std::string &text, const std::string &file = "f")
{
	ConfigReader reader(resolver);

	reader.add(text, file);
	return reader.config;
}

// The entries of a configuration that is right.
inline std::vector<Entry> entries(const std::string &text)
{
	Config config = parse(text);

	for (const Problem &problem : config.errors)
		FAIL(problem.message);
	return config.entries;
}

inline Address on_lo(const std::string &address, const std::string &label = "lo")
{
	Ip one = ip(address);

	return {one, one.prefix(), "lo", one.family == Family::ip4 ? label : ""};
}

// Of what iptables-save printed.
inline std::vector<Rule> parse_save(const std::string &text, Store store, Family family)
{
	return dsr::parse_save(read_saved(text, "saved").rules, store, family);
}

inline mode_t mode(const std::string &path)
{
	struct stat status {};

	REQUIRE(!stat(path.c_str(), &status));
	return status.st_mode & 07777;
}

inline bool has(const std::string &text, const std::string &part)
{
	return text.find(part) != std::string::npos;
}

} // namespace dsr_test
