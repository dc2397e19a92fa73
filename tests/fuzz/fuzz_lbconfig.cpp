// SPDX-License-Identifier: BSD-3-Clause
// The configurations of load balancers, and lists of servers: whatever is in
// them, what is wrong with them is said with its place. The first byte chooses.
#include <string>

#include "dsrctl/lb/vendor.hpp"
#include "fuzz.hpp"

namespace {

using namespace dsr;
using namespace dsr::lb;

const char *const NAMES[] = {"keepalived", "a10", "brocade", "netscaler", "vpp", "ipvs", "nft"};

void check_where(const std::string &where)
{
	EXPECT(where.rfind("fuzz:", 0) == 0);
	EXPECT(where.find('\n') == where.npos);
}

void check_message(const std::string &message)
{
	check_where(message);
	EXPECT(message.find("found ") != message.npos);
	EXPECT(message.find(", expected ") != message.npos);
}

void read_vendor(const Vendor &vendor, std::string_view text)
{
	Reading reading = vendor.read(text, "fuzz");

	for (const std::string &problem : reading.problems)
		check_message(problem);
	for (const Unclear &unclear : reading.unclear) {
		check_where(unclear.message);
		EXPECT(unclear.message.find(": not understood: ") != unclear.message.npos);
		EXPECT(!unclear.net || unclear.prefix <= unclear.net->prefix());
	}
	for (const Mapping &mapping : reading.mappings) {
		check_where(mapping.where);
		EXPECT(!mapping.dscp || *mapping.dscp < 64);
		if (mapping.dscp)
			check_where(mapping.dscp_where);
		for (const Real &real : mapping.servers)
			check_where(real.where);
	}
}

// What is right in a list can be written for every vendor, and read again.
void read_list(std::string_view text)
{
	std::vector<std::string> errors, none;
	std::vector<Section> sections = read_servers(text, "fuzz", errors);
	Site site;

	for (const std::string &error : errors)
		check_message(error);
	EXPECT(!sections.empty());
	for (const Section &section : sections) {
		for (const Server &server : section.servers) {
			check_where(server.where);
			EXPECT(!refuse(server.ip));
			EXPECT(server.weight <= WEIGHT_MAX);
		}
	}
	site.pools = {{"", {{Ip{Family::ip4, {192, 0, 2, 1}}, 7, "x:1"}}, sections.back().servers}};
	site.services = {{"tcp", 80}};
	check(site, none);
	if (!none.empty())
		return;
	(void)site_json(site);
	for (const char *name : NAMES) {
		const Vendor &vendor = *find_vendor(name);
		std::string written = vendor.write(site);
		Reading reading = vendor.read(written, "fuzz");

		EXPECT(reading.problems.empty());
		EXPECT(reading.mappings.size() == 1);
		EXPECT(reading.mappings[0].dscp == 7);
		EXPECT(reading.mappings[0].vip == site.pools[0].vips[0].ip);
		EXPECT(reading.unclear.empty());
		EXPECT(reading.mappings[0].servers.size() >=
		       (std::string(name) == "nft" ? 1 :
						     site.pools[0].servers_of(Family::ip4).size()));
	}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	if (!size)
		return 0;
	const std::string text(data + 1, data + size);

	if (*data % 8 == 7)
		read_list(text);
	else
		read_vendor(*find_vendor(NAMES[*data % 8]), text);
	return 0;
}
