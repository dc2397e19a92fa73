// SPDX-License-Identifier: BSD-3-Clause
// Hosts that doctor looks at, in few words.
#pragma once

#include "common/saved_tables.hpp"
#include "dsrctl/doctor/checks.hpp"
#include "world.hpp"

namespace dsr_test {

using namespace dsr::doctor;

// What iptables-save prints of lines "TABLE CHAIN rule", in any order.
inline std::string saved(const std::string &lines)
{
	std::istringstream rows(lines);
	std::string text;

	for (std::string line; std::getline(rows, line);) {
		std::size_t blank = line.find(' ');

		text += "*" + line.substr(0, blank) + "\n[3:4] -A " + line.substr(blank + 1) +
			"\nCOMMIT\n";
	}
	return text;
}

inline void add_rules(Facts &facts, const std::string &lines, Family family = Family::ip4,
		      Store store = Store::iptables)
{
	const dsr::Saved all = dsr::read_saved(saved(lines), "saved");

	add_saved(facts, all.rules, store, family);
	add_tables(facts, dsr::nf::saved_tables(all, family));
}

// Nobody has any rule.
inline void remove_rules(Facts &facts)
{
	facts.rewrites.clear();
	facts.ruleset.tables.clear();
}

inline Link link(const std::string &name)
{
	Link link;

	link.name = name;
	link.loopback = name == "lo";
	return link;
}

inline Address on(const std::string &dev, const std::string &address, unsigned int prefix)
{
	return {ip(address), prefix, dev, dev};
}

inline Listener listens(const std::string &address, std::uint16_t port, bool udp = false)
{
	Listener listener;

	listener.ip = ip(address);
	listener.port = port;
	listener.udp = udp;
	return listener;
}

// A server on which all is well: two VIPs of each family, rules in raw, and a
// service that listens on all addresses.
inline Facts healthy()
{
	Facts facts;
	Listener any = listens("::", 80);
	Link eth0 = link("eth0");

	any.both = true;
	eth0.default4 = true;
	facts.config = parse("10.0.0.7=7\n10.0.0.8=9\n2001:db8::7=7\n", "/etc/dsr.d/f.conf");
	facts.module.loaded = true;
	facts.module.release = "6.1.0";
	add_rules(facts, "raw PREROUTING -j DADDR --dscp-map 7=10.0.0.7,9=10.0.0.8");
	add_rules(facts, "raw PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 2001:db8::7",
		  Family::ip6);
	facts.addresses = {on("lo", "127.0.0.1", 8),
			   on_lo("10.0.0.7"),
			   on_lo("10.0.0.8"),
			   on_lo("2001:db8::7"),
			   on("eth0", "192.0.2.31", 24),
			   on("eth1", "198.51.100.31", 24),
			   on("eth0", "2001:db8:9::31", 64)};
	facts.links = {link("lo"), eth0, link("eth1")};
	facts.listeners = {any, listens("192.0.2.31", 22)};
	return facts;
}

// "severity: id" of each
inline std::string ids(const Findings &findings)
{
	std::string text;

	for (const Finding &finding : findings)
		text += std::string(text.empty() ? "" : ", ") + name(finding.severity) + ": " +
			finding.id;
	return text;
}

// What is found on a host, but for notes.
inline std::string found(const Facts &facts)
{
	Findings findings = examine(facts);

	std::erase_if(findings,
		      [](const Finding &finding) { return finding.severity == Severity::note; });
	return ids(findings);
}

// The only finding.
inline Finding only(const Findings &findings)
{
	INFO(ids(findings));
	REQUIRE(findings.size() == 1);
	CHECK(!findings[0].why.empty());
	return findings[0];
}

} // namespace dsr_test
