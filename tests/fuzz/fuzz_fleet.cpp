// SPDX-License-Identifier: BSD-3-Clause
// A fleet: the file of hosts, what all of them have in dsr.conf, and a load
// balancer's configuration, with a line "%" between. The first byte chooses the
// vendor.
#include <algorithm>
#include <string>

#include "dsrctl/fleet/fleet.hpp"
#include "dsrctl/fleet/hosts.hpp"
#include "fuzz.hpp"

namespace {

using namespace dsr;
using namespace dsr::fleet;

const char *const VENDORS[] = {"keepalived", "a10",  "brocade", "netscaler",
			       "vpp",	     "ipvs", "nft",	nullptr};

// Up to the next line "%".
std::string part(std::string_view &rest)
{
	const std::size_t end = std::min(rest.find("\n%\n"), rest.size());
	const std::string text(rest.substr(0, end));

	rest.remove_prefix(std::min(end + 3, rest.size()));
	return text;
}

std::vector<HostFiles> hosts_of(const std::string &text)
{
	std::vector<std::string> errors;
	std::vector<HostFiles> hosts = parse_hosts(text, "fuzz", errors);

	for (const std::string &error : errors) {
		EXPECT(error.rfind("fuzz:", 0) == 0);
		EXPECT(error.find(": ") != error.npos);
		EXPECT(error.find('\n') == error.npos);
	}
	for (const HostFiles &host : hosts) {
		EXPECT(!host.directory.empty() || !errors.empty() || text.find('"') != text.npos);
		EXPECT(!host.addresses.empty() || !errors.empty());
		for (const Ip &ip : host.addresses)
			EXPECT(!refuse(ip));
	}
	return hosts;
}

Config config_of(const std::string &text)
{
	ConfigReader reader([](const std::string &, std::string &why) {
		why = "no names here";
		return std::optional<Ip>();
	});

	reader.add(text, "conf");
	return reader.config;
}

void check_findings(const Findings &findings)
{
	for (const Finding &finding : findings) {
		EXPECT(!finding.id.empty());
		EXPECT(!finding.text.empty());
		EXPECT(finding.text.find('\n') == finding.text.npos);
		EXPECT(!finding.dscp || *finding.dscp < 64);
	}
	EXPECT(std::is_sorted(
		findings.begin(), findings.end(),
		[](const Finding &a, const Finding &b) { return a.severity > b.severity; }));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	if (!size)
		return 0;
	const std::string input(data + 1, data + size);
	std::string_view rest = input;
	const std::vector<HostFiles> hosts = hosts_of(part(rest));
	const Config config = config_of(part(rest));
	Fleet fleet;

	for (const HostFiles &host : hosts)
		fleet.hosts.push_back({host.directory, host.addresses, config});
	if (const char *vendor = VENDORS[*data % std::size(VENDORS)])
		fleet.balancers.push_back({"lb", lb::find_vendor(vendor)->read(rest, "lb")});
	check_findings(check(fleet));

	// what they all have, they have alike
	for (const Finding &finding : compare(fleet.hosts))
		EXPECT(finding.id != "files-disagree" && finding.id != "not-on-all");
	return 0;
}
