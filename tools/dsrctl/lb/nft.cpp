// SPDX-License-Identifier: BSD-3-Clause
// nftables on Linux, as it is written: no state, and the same server for the
// same client.
#include "common/dscp.hpp"
#include "common/hash.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

const char TABLE[] = "dsrctl_lb";

// Clients are spread over so many slots, and each slot belongs to a server.
constexpr unsigned int SLOTS = 1024, SLOTS_A_LINE = 4;

const char *protocol(Family family)
{
	return family == Family::ip4 ? "ip" : "ip6";
}

// Left to itself, the kernel draws one for each rule, and a reload would send
// clients to other servers.
const char SEED[] = " seed 0x64737263";

std::uint64_t hash_of(const Ip &ip)
{
	std::uint64_t hash = 0;

	for (std::size_t i = 0; i < ip.size(); i++)
		hash = mix(hash, ip.bytes[i]);
	return hash;
}

// Rendezvous hashing: every server draws a number for the slot, as often as it
// has weight, and the highest wins. When a server goes, the others keep what
// they have.
const Server &owner(const std::vector<Server> &servers, unsigned int slot)
{
	const Server *best = &servers[0];
	std::uint64_t highest = 0;

	for (const Server &server : servers) {
		const std::uint64_t seed = mix(hash_of(server.ip), slot);

		for (unsigned int i = 0; i < server.weight; i++) {
			std::uint64_t drawn = mix(seed, i);

			if (drawn > highest) {
				highest = drawn;
				best = &server;
			}
		}
	}
	return *best;
}

std::string slots(const std::vector<Server> &servers)
{
	std::string lines;

	for (unsigned int slot = 0; slot < SLOTS; slot++)
		lines += (slot % SLOTS_A_LINE ? " " : "\n\t\t\t") + std::to_string(slot) + " : " +
			 text(owner(servers, slot).ip) + (slot + 1 < SLOTS ? "," : "");
	return lines;
}

// ICMP errors are about what a server sent to a client: in the packet that they
// quote, the client is the destination. They go to the server that has the
// client's other packets: path MTU discovery depends on them.
struct Errors {
	const char *match;	   // which errors
	const char *tcp;	   // they quote TCP, in a header without options
	const char *client, *port; // of the quoted packet
};

const Errors &errors(Family family)
{
	static const Errors ip4 = {
		"icmp type { destination-unreachable, time-exceeded, parameter-problem }",
		"@th,64,8 0x45 @th,136,8 6", "@th,192,32", "@th,240,16"};
	static const Errors ip6 = {
		"icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
		"@th,112,8 6", "@th,256,128", "@th,400,16"};

	return family == Family::ip4 ? ip4 : ip6;
}

std::string suffix(const Pool &pool)
{
	return pool.name.empty() ? "" : "_" + pool.name;
}

std::string chain_name(const Virtual &vip)
{
	return "vip_" + as_name(vip.ip);
}

std::string vip_chain(const Site &site, const Pool &pool, const Virtual &vip)
{
	const std::vector<Service> services = services_of(site, vip);
	const std::string mark = std::string(protocol(vip.ip.family)) + " dscp set " +
				 hex(vip.dscp) + " ";
	const std::string spread = "goto spread" + suffix(pool) + "\n";
	std::string lines = "\tchain " + chain_name(vip) + " {\n\t\t" +
			    errors(vip.ip.family).match + " " + mark + "goto errors" +
			    suffix(pool) + "\n";

	for (const Service &service : services) {
		lines += "\t\t" + service.protocol + " dport " + std::to_string(service.port) +
			 " " + mark;
		if (service.real_port() != service.port)
			lines += service.protocol + " dport set " + std::to_string(service.real) +
				 " ";
		lines += spread;
	}
	if (services.empty())
		lines += "\t\t" + mark + spread;
	return lines + "\t}\n";
}

// One server gets everything.
std::string single_chains(const Pool &pool, const Server &server)
{
	const std::string to = std::string(protocol(server.ip.family)) + " daddr set " +
			       text(server.ip) + "\n\t}\n";

	return "\tchain errors" + suffix(pool) + " {\n\t\t" + to + "\tchain spread" + suffix(pool) +
	       " {\n\t\t" + to;
}

// Only TCP by port, too: later fragments have none, and TCP is not fragmented.
std::string spread_chains(const Pool &pool, Family family)
{
	const std::string ip = protocol(family);
	const std::string set = ip + " daddr set jhash ";
	const std::string to = " mod " + std::to_string(SLOTS) + SEED + " map @servers" +
			       suffix(pool);
	const Errors &error = errors(family);

	return "\tchain errors" + suffix(pool) + " {\n\t\t" + error.tcp + " " + set + error.client +
	       " . " + error.port + to + " return\n\t\t" + set + error.client + to +
	       "\n\t}\n\tchain spread" + suffix(pool) + " {\n\t\tmeta l4proto tcp " + set + ip +
	       " saddr . tcp sport" + to + " return\n\t\t" + set + ip + " saddr" + to + "\n\t}\n";
}

std::string pool_chains(const Pool &pool, Family family)
{
	const std::vector<Server> servers = pool.servers_of(family);

	if (servers.size() == 1)
		return single_chains(pool, servers[0]);
	return "\tmap servers" + suffix(pool) + " {\n\t\ttypeof numgen inc mod " +
	       std::to_string(SLOTS) + " : " + protocol(family) + " daddr\n\t\telements = {" +
	       slots(servers) + "\n\t\t}\n\t}\n" + spread_chains(pool, family);
}

std::string table(const Site &site, Family family)
{
	const std::string ip = protocol(family);
	const std::string name = ip + " " + TABLE;
	std::string chains, vips;

	for (const Pool &pool : site.pools) {
		if (pool.has(family))
			chains += pool_chains(pool, family);
		for (const Virtual &vip : pool.vips) {
			if (vip.ip.family != family)
				continue;
			chains += vip_chain(site, pool, vip);
			vips += (vips.empty() ? "\n\t\t\t" : ",\n\t\t\t") + text(vip.ip) +
				" : goto " + chain_name(vip);
		}
	}
	// the table of before goes in the same transaction
	return "table " + name + " {}\ndelete table " + name + "\ntable " + name + " {\n" + chains +
	       "\tchain prerouting {\n"
	       "\t\ttype filter hook prerouting priority raw; policy accept;\n"
	       "\t\t" +
	       ip + " daddr vmap {" + vips + "\n\t\t}\n\t}\n}\n";
}

} // namespace

std::string write_nft(const Site &site)
{
	std::string lines = "#!/usr/sbin/nft -f\n# written by dsrctl lb-config\n";

	for (Family family : FAMILIES)
		if (site.has(family))
			lines += table(site, family);
	return lines;
}

} // namespace dsr::lb
