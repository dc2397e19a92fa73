// SPDX-License-Identifier: BSD-3-Clause
// IPVS on Linux, by ipvsadm.
#include <algorithm>

#include "common/process.hpp"
#include "dsrctl/lb/marks.hpp"
#include "dsrctl/rules.hpp"

namespace dsr::lb {

namespace {

// As ipvsadm names it: by address and port, or by the mark that is the DSCP.
std::string service_name(const Site &site, const Virtual &vip, const Service *service)
{
	if (service)
		return (service->protocol == "tcp" ? "-t " : "-u ") +
		       with_port(text(vip.ip), service->port);
	return "-f " + std::to_string(mark_of(site, vip)) +
	       (vip.ip.family == Family::ip6 ? " -6" : "");
}

std::string ipvs_service(const Site &site, const Pool &pool, const Virtual &vip,
			 const Service *service)
{
	const std::string name = service_name(site, vip, service);
	std::string lines = "-A " + name + " -s wrr\n";

	for (const Server &server : pool.servers)
		if (server.ip.family == vip.ip.family)
			lines += "-a " + name + " -r " +
				 with_port(text(server.ip), service ? service->real_port() : 0) +
				 " -m -w " + std::to_string(server.weight) + "\n";
	return lines;
}

std::string ipvs_part(const Site &site)
{
	std::string lines;

	for (const Pool &pool : site.pools) {
		for (const Virtual &vip : pool.vips) {
			const auto services = services_of(site, vip);

			for (const Service &service : services)
				lines += ipvs_service(site, pool, vip, &service);
			if (services.empty())
				lines += ipvs_service(site, pool, vip, nullptr);
		}
	}
	return lines;
}

// "[2001:db8::46]:80", "10.128.8.46:80" or an address
std::pair<std::string, std::string> split_port(const std::string &word)
{
	std::size_t close = word.find(']'), colon = word.rfind(':');

	if (!word.empty() && word[0] == '[' && close != word.npos)
		return {word.substr(1, close - 1),
			close + 2 <= word.size() ? word.substr(close + 2) : ""};
	if (colon == word.npos || word.find(':') != colon)
		return {word, ""};
	return {word.substr(0, colon), word.substr(colon + 1)};
}

// A script as it is written here, or what ipvsadm -Sn, iptables-save and
// ip6tables-save print, one after the other.
class Ipvs {
public:
	Ipvs(std::string_view text, const std::string &file)
		: lines_(text, file, "#"), marks_(reading_)
	{
	}

	Reading read()
	{
		while (lines_.next()) {
			const std::string &first = lines_.word(0);

			if ((first == "ipvsadm" || first.starts_with('-')) && !has({"-j"}))
				ipvs();
			marks_.line(lines_);
		}
		marks_.resolve(services_);
		return std::move(reading_);
	}

private:
	static bool one_of(const std::string &word, std::initializer_list<const char *> names)
	{
		return std::any_of(names.begin(), names.end(),
				   [&](const char *name) { return word == name; });
	}

	// The word after an option that has several spellings.
	std::string option(std::initializer_list<const char *> names) const
	{
		for (std::size_t i = 0; i < lines_.words().size(); i++)
			if (one_of(lines_.word(i), names))
				return lines_.word(i + 1);
		return "";
	}

	bool has(std::initializer_list<const char *> names) const
	{
		return std::any_of(lines_.words().begin(), lines_.words().end(),
				   [&](const std::string &word) { return one_of(word, names); });
	}

	// False when it is no service.
	bool take_service(VirtualService &service)
	{
		std::string mark = option({"-f", "--fwmark-service"});

		service.where = lines_.where();
		if (!mark.empty()) {
			auto number = parse_mark(mark);

			service.family = has({"-6", "--ipv6"}) ? Family::ip6 : Family::ip4;
			service.mark = number.value_or(0);
			if (!service.mark)
				reading_.problem(service.where, quote(mark), "a firewall mark");
			return service.mark;
		}
		service.protocol = has({"-t", "--tcp-service"}) ? "tcp" :
				   has({"-u", "--udp-service"}) ? "udp" :
								  "sctp";
		auto [address, port] = split_port(
			option({"-t", "--tcp-service", "-u", "--udp-service", "--sctp-service"}));
		if (address.empty())
			return false;
		service.vip = reading_.take_ip(service.where, address);
		if (!service.vip)
			return false;
		service.family = service.vip->family;
		service.port = parse_unsigned(port, 65535).value_or(0);
		if (!service.port)
			reading_.not_understood(service.where, std::string(lines_.line()),
						service.vip);
		return service.port;
	}

	void ipvs()
	{
		VirtualService service;

		if (has({"-C", "--clear"}))
			services_.clear();
		if (!take_service(service))
			return;
		auto known = std::find_if(
			services_.begin(), services_.end(), [&](const VirtualService &other) {
				return other.vip == service.vip && other.mark == service.mark &&
				       other.family == service.family &&
				       other.protocol == service.protocol &&
				       other.port == service.port;
			});
		if (has({"-A", "--add-service"}))
			services_.push_back(std::move(service));
		else if (has({"-E", "--edit-service", "-Z", "--zero"}))
			; // changes nothing that matters here
		else if (known == services_.end())
			reading_.problem(service.where, "a server of no service",
					 "its -A before it");
		else if (has({"-D", "--delete-service"}))
			services_.erase(known);
		else
			server(*known);
	}

	void server(VirtualService &service)
	{
		const auto [address, port] = split_port(option({"-r", "--real-server"}));
		auto ip = reading_.take_ip(lines_.where(), address);

		if (!ip)
			return;
		// again: with another weight
		std::erase_if(service.servers, [&](const Real &real) { return real.ip == *ip; });
		if (has({"-d", "--delete-server"}))
			return;
		if (!has({"-m", "--masquerading"}))
			reading_.problem(
				lines_.where(),
				"a server that does not get its own address as the destination",
				"-m, for L3DSR");
		service.servers.push_back({*ip, lines_.where(), option({"-w", "--weight"}) == "0",
					   parse_unsigned(port, 65535).value_or(0)});
	}

	Lines lines_;
	Reading reading_;
	Marks marks_;
	std::vector<VirtualService> services_;
};

} // namespace

std::string write_ipvs(const Site &site)
{
	std::string lines =
		"#!/bin/sh -e\n"
		"# written by dsrctl lb-config\n"
		"# The VIPs have to be addresses of this host, or IPVS does not see them:\n";

	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			lines += "#   " + shell_line(ip_command(true, vip_address(vip.ip))) + "\n";
	lines += "ipvsadm -R <<'TEXT'\n" + ipvs_part(site) + "TEXT\n";
	for (Family family : FAMILIES)
		if (site.has(family))
			lines += write_marks(site, family);
	return lines;
}

Reading read_ipvs(std::string_view text, const std::string &file)
{
	return Ipvs(text, file).read();
}

} // namespace dsr::lb
