// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/site.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "common/json_text.hpp"
#include "dsrctl/lb/lines.hpp"

namespace dsr::lb {

namespace {

std::string message(const std::string &where, const std::string &found, const std::string &expected)
{
	return where + ": found " + found + ", expected " + expected;
}

const char FORM[] = "a server: its own address, and perhaps weight and a number";

void add_server(const std::vector<std::string> &words, const std::string &where,
		std::vector<Server> &servers, std::vector<std::string> &errors)
{
	auto bad = [&](const std::string &found, const std::string &expected) {
		errors.push_back(message(where, found, expected));
	};
	auto ip = words.empty() ? std::nullopt : parse_ip(words[0]);
	Server server;

	if (!ip)
		return bad(words.empty() ? "nothing" : quote(words[0]), FORM);
	if (const char *refused = refuse(*ip))
		return bad(quote(words[0]) + ", " + refused, "the address of a host");
	if (words.size() > 1 && words[1] != "weight")
		return bad(quote(words[1]), FORM);
	if (words.size() == 2)
		return bad("the end of the line", "a number after weight");
	if (words.size() > 3)
		return bad(quote(words[3]), "the end of the line");
	if (words.size() == 3) {
		auto weight = parse_unsigned(words[2], WEIGHT_MAX);

		if (!weight)
			return bad(quote(words[2]), "a weight: 0 to " + std::to_string(WEIGHT_MAX));
		server.weight = *weight;
	}
	for (const Server &other : servers)
		if (other.ip == *ip)
			return bad(text(*ip) + " again", "it once: it is in " + other.where);
	server.ip = *ip;
	server.where = where;
	servers.push_back(std::move(server));
}

// "[NAME]": as a part of names on every device
bool is_pool_name(const std::string &name)
{
	return !name.empty() && name.size() <= 32 &&
	       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == name.npos;
}

// Of an entry, which may be the VIP's first.
void add_change(Virtual &vip, const Entry &entry, bool first)
{
	if (!entry.ports) {
		vip.all = true;
		return;
	}
	if (first)
		vip.all = false;
	const Service service{name(entry.ports->protocol), entry.ports->vip, entry.ports->rip,
			      entry.where};
	if (std::none_of(vip.changes.begin(), vip.changes.end(), [&](const Service &one) {
		    return one.protocol == service.protocol && one.port == service.port &&
			   one.real == service.real;
	    }))
		vip.changes.push_back(service);
}

// What no load balancer can be told.
void check_changes(const Site &site, const Virtual &vip, std::vector<std::string> &errors)
{
	for (const Service &one : vip.changes) {
		if (one.protocol != "tcp" && one.protocol != "udp")
			errors.push_back(message(one.where, one.protocol,
						 "tcp or udp, which is all that is written"));
		for (const Service &other : vip.changes)
			if (&other < &one && other.protocol == one.protocol &&
			    other.port == one.port)
				errors.push_back(message(one.where,
							 "another port of the servers for " +
								 with_port(text(vip.ip), one.port),
							 "that of " + other.where));
	}
	if (!vip.changes.empty() && vip.all && site.services.empty())
		errors.push_back(message(vip.changes[0].where,
					 "a change of the port, and " + text(vip.ip) +
						 " for all other ports, too",
					 "--service for those that are forwarded"));
}

// How to do without VIPs that nobody serves, where the other family has servers.
std::string or_leave_out(const Pool &pool, Family family)
{
	const bool ip4 = family == Family::ip4;

	if (pool.servers_of(ip4 ? Family::ip6 : Family::ip4).empty())
		return "";
	return std::string(", or leave these VIPs out with ") + (ip4 ? "-6" : "-4");
}

// Adds to @errors what @pool has of its own.
void check_pool(const Pool &pool, std::vector<std::string> &errors)
{
	const std::string name_of = pool.name.empty() ? "" : "pool " + pool.name + ": ";

	for (const Virtual &vip : pool.vips)
		for (const Server &server : pool.servers)
			if (server.ip == vip.ip)
				errors.push_back(message(server.where,
							 text(server.ip) + ", which is a VIP in " +
								 vip.where,
							 "the server's own address"));
	if (pool.vips.empty())
		errors.push_back(name_of + "there is no VIP with a DSCP in the configuration");
	for (Family family : FAMILIES)
		if (pool.has(family) && pool.servers_of(family).empty())
			errors.push_back(
				name_of + "there are " + name(family) + " VIPs and no " +
				name(family) +
				" server: name one of a weight above 0 with --servers or --real" +
				or_leave_out(pool, family));
}

} // namespace

bool Pool::has(Family family) const
{
	return std::any_of(vips.begin(), vips.end(),
			   [&](const Virtual &vip) { return vip.ip.family == family; });
}

const Server *Pool::find(const Ip &server) const
{
	for (const Server &one : servers)
		if (one.ip == server)
			return &one;
	return nullptr;
}

std::vector<Server> Pool::servers_of(Family family) const
{
	std::vector<Server> found;

	for (const Server &server : servers)
		if (server.ip.family == family && server.weight)
			found.push_back(server);
	return found;
}

bool Site::has(Family family) const
{
	return std::any_of(pools.begin(), pools.end(),
			   [&](const Pool &pool) { return pool.has(family); });
}

std::size_t Site::vips() const
{
	std::size_t count = 0;

	for (const Pool &pool : pools)
		count += pool.vips.size();
	return count;
}

std::vector<Server> Site::servers() const
{
	std::vector<Server> all;
	std::map<Ip, std::size_t> known;

	for (const Pool &pool : pools) {
		for (const Server &server : pool.servers) {
			auto [at, added] = known.emplace(server.ip, all.size());

			if (added)
				all.push_back(server);
			else if (server.weight > all[at->second].weight)
				all[at->second] = server;
		}
	}
	return all;
}

std::vector<Service> services_of(const Site &site, const Virtual &vip)
{
	std::vector<Service> services = vip.changes;

	if (!vip.all)
		return services;
	for (const Service &service : site.services)
		if (std::none_of(vip.changes.begin(), vip.changes.end(), [&](const Service &one) {
			    return one.protocol == service.protocol && one.port == service.port;
		    }))
			services.push_back(service);
	return services;
}

Service parse_service(const std::string &text)
{
	std::size_t slash = text.find('/');
	Service service;

	if (slash != text.npos) {
		auto port = parse_unsigned(text.substr(slash + 1), 65535);

		service.protocol = text.substr(0, slash);
		service.port = port.value_or(0);
	}
	if (!service.port || (service.protocol != "tcp" && service.protocol != "udp"))
		throw Error("--service: found " + quote(text) +
			    ", expected tcp or udp, / and a port: tcp/80");
	return service;
}

std::vector<Section> read_servers(std::string_view text, const std::string &file,
				  std::vector<std::string> &errors)
{
	std::vector<Section> sections(1);
	Lines lines(text, file, "#");

	while (lines.next()) {
		const std::vector<std::string> &words = lines.words();
		const std::string &first = words[0];
		Section &section = sections.back();
		auto bad = [&](const std::string &found, const std::string &expected) {
			errors.push_back(message(lines.where(), found, expected));
		};

		if (first.starts_with('[')) {
			std::string name = first.substr(1, first.size() - 2);
			auto same = std::find_if(
				sections.begin(), sections.end(),
				[&](const Section &one) { return one.name == name; });

			if (words.size() > 1 || !first.ends_with(']') || !is_pool_name(name)) {
				bad(quote(std::string(lines.line())),
				    "the name of a pool: [NAME], of letters, digits, _ and -, 32 at most");
				name = std::to_string(sections.size());
			} else if (same != sections.end()) {
				bad("[" + name + "] again", "it once: it is in " + same->where);
			}
			sections.emplace_back();
			sections.back().name = name;
			sections.back().where = lines.where();
		} else if (first == "config") {
			if (words.size() == 2)
				section.configs.push_back(words[1]);
			else
				bad(words.size() == 1 ? "the end of the line" : quote(words[2]),
				    "config and one file or directory of dsr.conf(5)");
		} else if (lines.line().find('=') != std::string_view::npos) {
			std::size_t at = static_cast<std::size_t>(
				std::count(section.vips.begin(), section.vips.end(), '\n'));

			section.vips.append(lines.number() - 1 - at, '\n');
			section.vips += lines.line();
			section.vips += '\n';
		} else {
			add_server(words, lines.where(), section.servers, errors);
		}
	}
	return sections;
}

void read_server(const std::string &words, std::vector<Server> &servers,
		 std::vector<std::string> &errors)
{
	Lines lines(words, "--real", "");

	add_server(lines.next() ? lines.words() : std::vector<std::string>(), "--real", servers,
		   errors);
}

std::vector<Virtual> virtuals(const std::vector<Entry> &entries, std::vector<std::string> &warnings)
{
	std::vector<Virtual> vips;

	for (const Entry &entry : entries) {
		if (!entry.dscp)
			continue;
		if (!*entry.dscp) {
			warnings.push_back(message(
				entry.where, entry.name + " = 0",
				"1 to 63: a load balancer cannot mark with 0, and this VIP is left out"));
			continue;
		}
		auto other = std::find_if(vips.begin(), vips.end(),
					  [&](const Virtual &vip) { return vip.ip == entry.ip; });
		if (other == vips.end()) {
			vips.push_back({entry.ip, *entry.dscp, entry.where});
			if (entry.to)
				vips.back().to.push_back(*entry.to);
			add_change(vips.back(), entry, true);
		} else if (other->dscp == *entry.dscp) {
			add_change(*other, entry, false);
			// for more servers, or more ports
			if (!entry.to)
				other->to.clear();
			else if (!other->to.empty() && std::find(other->to.begin(), other->to.end(),
								 *entry.to) == other->to.end())
				other->to.push_back(*entry.to);
		} else {
			warnings.push_back(
				message(entry.where, "a second DSCP for " + entry.name,
					"one: the load balancer uses that of " + other->where));
		}
	}
	return vips;
}

std::vector<Pool> by_servers(const Pool &pool, std::vector<std::string> &errors)
{
	std::map<std::set<Ip>, std::vector<Virtual>> vips;
	std::vector<Pool> pools;

	for (const Virtual &vip : pool.vips) {
		vips[{vip.to.begin(), vip.to.end()}].push_back(vip);
		for (const Ip &ip : vip.to)
			if (!pool.servers.empty() && !pool.find(ip))
				errors.push_back(message(vip.where,
							 text(vip.ip) + " to " + text(ip),
							 "one of the list of servers"));
	}
	if (vips.empty())
		return {pool};
	for (auto &[to, some] : vips) {
		Pool one;

		one.name = pool.name;
		if (!to.empty())
			one.name += (one.name.empty() ? "to-" : "-to-") +
				    std::to_string(pools.size() + 1);
		one.vips = std::move(some);
		for (const Server &server : pool.servers)
			if (to.empty() || to.contains(server.ip))
				one.servers.push_back(server);
		pools.push_back(std::move(one));
	}
	return pools;
}

void check(const Site &site, std::vector<std::string> &errors)
{
	using Mark = std::tuple<Ip, Family, std::uint8_t>;
	std::map<Ip, const Virtual *> vips;
	std::map<Mark, const Virtual *> marks; // of each server

	for (const Pool &pool : site.pools) {
		check_pool(pool, errors);
		for (const Virtual &vip : pool.vips) {
			check_changes(site, vip, errors);
			auto [known, added] = vips.emplace(vip.ip, &vip);

			if (!added)
				errors.push_back(message(vip.where,
							 text(vip.ip) + " in pool " + pool.name,
							 "it in one pool: another has it in " +
								 known->second->where));
		}
		for (const Server &server : pool.servers) {
			for (const Virtual &vip : pool.vips) {
				if (vip.ip.family != server.ip.family)
					continue;
				auto [known, added] = marks.emplace(
					Mark{server.ip, vip.ip.family, vip.dscp}, &vip);

				if (!added && known->second->ip != vip.ip)
					errors.push_back(message(
						server.where,
						text(server.ip) + " with " + dscp_text(vip.dscp) +
							" for " + text(vip.ip) + " (" + vip.where +
							") and for " + text(known->second->ip) +
							" (" + known->second->where + ")",
						"one VIP for it on each server"));
			}
		}
	}
	if (site.pools.empty())
		errors.push_back("no VIPs and no servers are given");
}

std::string site_json(const Site &site)
{
	using nlohmann::json;
	json pools = json::array(), services = json::array();

	for (const Service &service : site.services)
		services.push_back({{"protocol", service.protocol}, {"port", service.port}});
	for (const Pool &pool : site.pools) {
		json vips = json::array(), servers = json::array();

		for (const Virtual &vip : pool.vips) {
			json changes = json::array();

			for (const Service &one : vip.changes)
				changes.push_back({{"protocol", one.protocol},
						   {"port", one.port},
						   {"real_port", one.real},
						   {"where", one.where}});
			vips.push_back({{"address", text(vip.ip)},
					{"family", key(vip.ip.family)},
					{"dscp", vip.dscp},
					{"tos", vip.dscp << 2},
					{"port_changes", changes},
					{"other_ports", vip.all},
					{"where", vip.where}});
		}
		for (const Server &server : pool.servers)
			servers.push_back({{"address", text(server.ip)},
					   {"family", key(server.ip.family)},
					   {"weight", server.weight},
					   {"where", server.where}});
		pools.push_back({{"name", pool.name}, {"vips", vips}, {"servers", servers}});
	}
	return json_text(json{{"pools", pools}, {"services", services}});
}

} // namespace dsr::lb
