// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/site.hpp"

#include <algorithm>

#include "dsrctl/lb/lines.hpp"

namespace dsr::lb {

namespace {

std::string message(const std::string &where, const std::string &found,
		    const std::string &expected)
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
		return bad(quote(words[0]) + ", " + refused,
			   "the address of a host");
	if (words.size() > 1 && words[1] != "weight")
		return bad(quote(words[1]), FORM);
	if (words.size() == 2)
		return bad("the end of the line", "a number behind weight");
	if (words.size() > 3)
		return bad(quote(words[3]), "the end of the line");
	if (words.size() == 3) {
		auto weight = parse_unsigned(words[2], WEIGHT_MAX);

		if (!weight)
			return bad(quote(words[2]),
				   "a weight: 0 to " +
					   std::to_string(WEIGHT_MAX));
		server.weight = *weight;
	}
	for (const Server &other : servers)
		if (other.ip == *ip)
			return bad(text(*ip) + " again",
				   "it once: it is in " + other.where);
	server.ip = *ip;
	server.where = where;
	servers.push_back(std::move(server));
}

} // namespace

bool Site::has(Family family) const
{
	return std::any_of(vips.begin(), vips.end(), [&](const Virtual &vip) {
		return vip.ip.family == family;
	});
}

std::vector<Server> Site::servers_of(Family family) const
{
	std::vector<Server> found;

	for (const Server &server : servers)
		if (server.ip.family == family && server.weight)
			found.push_back(server);
	return found;
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
	if (!service.port ||
	    (service.protocol != "tcp" && service.protocol != "udp"))
		throw Error("--service: found " + quote(text) +
			    ", expected tcp or udp, / and a port: tcp/80");
	return service;
}

void read_servers(std::string_view text, const std::string &file,
		  std::vector<Server> &servers,
		  std::vector<std::string> &errors)
{
	for (Lines lines(text, file, "#"); lines.next();)
		add_server(lines.words(), lines.where(), servers, errors);
}

void read_server(const std::string &words, std::vector<Server> &servers,
		 std::vector<std::string> &errors)
{
	Lines lines(words, "--real", "");

	add_server(lines.next() ? lines.words() : std::vector<std::string>(),
		   "--real", servers, errors);
}

std::vector<Virtual> virtuals(const std::vector<Entry> &entries,
			      std::vector<std::string> &warnings)
{
	std::vector<Virtual> vips;

	for (const Entry &entry : entries) {
		if (!entry.dscp || !*entry.dscp)
			continue;
		auto other = std::find_if(vips.begin(), vips.end(),
					  [&](const Virtual &vip) {
						  return vip.ip == entry.ip;
					  });
		if (other == vips.end())
			vips.push_back({entry.ip, *entry.dscp, entry.where});
		else
			warnings.push_back(message(entry.where,
				"a second DSCP for " + entry.name,
				"one: the load balancer uses that of " +
					other->where));
	}
	return vips;
}

void check(const Site &site, std::vector<std::string> &errors)
{
	for (const Virtual &vip : site.vips)
		for (const Server &server : site.servers)
			if (server.ip == vip.ip)
				errors.push_back(message(server.where,
					text(server.ip) + ", which is a VIP in " +
						vip.where,
					"the server's own address"));
	if (site.vips.empty())
		errors.push_back("found no VIP with a DSCP, expected one at least in the configuration");
	for (Family family : FAMILIES)
		if (site.has(family) && site.servers_of(family).empty())
			errors.push_back(std::string("found ") + name(family) +
				" VIPs and no " + name(family) +
				" server, expected one of a weight above 0 with --servers or --real");
}

} // namespace dsr::lb
