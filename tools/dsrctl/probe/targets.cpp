// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/targets.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/files.hpp"
#include "dsrctl/lb/site.hpp"

namespace dsr::probe {

namespace {

constexpr char BLANKS[] = " \t\r";

std::string trim(const std::string &text)
{
	std::size_t first = text.find_first_not_of(BLANKS);

	if (first == text.npos)
		return "";
	return text.substr(first, text.find_last_not_of(BLANKS) - first + 1);
}

void add(std::vector<Ip> &servers, const Ip &ip)
{
	if (std::find(servers.begin(), servers.end(), ip) == servers.end())
		servers.push_back(ip);
}

// Nothing, unless all of it are addresses.
std::vector<Ip> parse_list(const std::string &text)
{
	std::vector<Ip> servers;

	for (std::size_t at = 0; at <= text.size();) {
		std::size_t end = std::min(text.find(',', at), text.size());
		auto ip = parse_ip(trim(text.substr(at, end - at)));

		if (!ip)
			return {};
		add(servers, *ip);
		at = end + 1;
	}
	return servers;
}

// As lb-config reads it, too.
std::vector<Ip> read_file(const std::string &path)
{
	std::vector<std::string> errors;
	std::vector<Ip> ips;
	std::string message;
	const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string text;

	if (int error = file ? read_all(file, text) : errno)
		throw Error(
			"--servers: " + quote(path) +
			" is neither a list of addresses with commas nor a file that can be read: " +
			std::strerror(error));
	for (const lb::Section &pool : lb::read_servers(text, path, errors))
		for (const lb::Server &server : pool.servers)
			if (std::find(ips.begin(), ips.end(), server.ip) == ips.end())
				ips.push_back(server.ip);
	for (const std::string &error : errors)
		message += (message.empty() ? "" : "\n") + error;
	if (ips.empty() && errors.empty())
		message = path + ": there is no server in it";
	if (!message.empty())
		throw Error(message);
	return ips;
}

} // namespace

std::vector<Ip> read_servers(const std::string &list_or_file)
{
	std::vector<Ip> servers = parse_list(list_or_file);

	if (servers.empty())
		return read_file(list_or_file);
	for (const Ip &ip : servers)
		if (const char *refused = refuse(ip))
			throw Error("--servers: " + text(ip) + " is " + refused +
				    ", not the address of a server");
	return servers;
}

Targets combine(const Config &config, const std::vector<Ip> &servers)
{
	Targets targets;

	for (const Entry &entry : config.entries) {
		bool probed = false;

		if (!entry.dscp) {
			targets.skipped.push_back(entry.where + ": " + entry.name +
						  " is l2dsr: it has no DSCP to be probed by");
			continue;
		}
		if (entry.ports) {
			targets.skipped.push_back(entry.where + ": " + entry.title() + " is for " +
						  name(entry.ports->protocol) + " port " +
						  std::to_string(entry.ports->rip) +
						  " alone, which no probe of all is sent to");
			continue;
		}
		for (const Ip &server : servers) {
			if (server.family != entry.ip.family || (entry.to && entry.to != server))
				continue;
			if (server == entry.ip)
				throw Error("--servers: " + text(server) + " is a VIP in " +
					    entry.where + ": give the server's own address");
			targets.targets.push_back({server, entry.ip, *entry.dscp, entry.name});
			probed = true;
		}
		if (!probed)
			targets.skipped.push_back(
				entry.where + ": " + entry.name +
				(entry.to ? " is for " + text(*entry.to) :
					    std::string(" is ") + dsr::name(entry.ip.family)) +
				", and none of the servers is");
	}
	return targets;
}

} // namespace dsr::probe
