// SPDX-License-Identifier: BSD-3-Clause
// IPVS on Linux, by keepalived: it asks the servers whether they answer for
// the VIP, and two of it stand in for each other.
#include "dsrctl/lb/marks.hpp"

// Where keepalived finds the program.
#ifndef DSRCTL_PATH
#define DSRCTL_PATH "/usr/sbin/dsrctl"
#endif

namespace dsr::lb {

namespace {

const char VIRTUAL_SERVERS[] = "dsrctl-lb.conf", RULES[] = "dsrctl-lb-mark";

// Written once: what is the host's own to change. VRRP moves an address that
// a router sends the VIPs to; the VIPs themselves are on both hosts, so that
// adding one changes nothing here.
const char MAIN[] = R"(global_defs {
	enable_script_security
	script_user root
	# the rules that mark: before the first packet comes
	startup_script $directory/dsrctl-lb-mark
}
include dsrctl-lb.conf

# Two hosts that stand in for each other: the same on both, with another
# priority. Routers send the VIPs to 192.0.2.10; where clients share a segment
# with the VIPs instead, these are the addresses to list, and not on lo.
#
#vrrp_instance dsrctl_lb {
#	state BACKUP
#	interface eth0
#	virtual_router_id 51
#	priority 100
#	advert_int 1
#	virtual_ipaddress {
#		192.0.2.10/24
#	}
#}
)";

std::string virtual_name(const Site &site, const Virtual &vip, const Service *service)
{
	if (!service)
		return "fwmark " + std::to_string(mark_of(site, vip));
	return text(vip.ip) + " " + std::to_string(service->port);
}

std::string probe(const Virtual &vip, const Server &server, const Service *service)
{
	std::string command = std::string(DSRCTL_PATH) + " probe --keepalived --real " +
			      text(server.ip) + " --vip " + text(vip.ip) + " --dscp " +
			      std::to_string(vip.dscp);

	// nothing is known of what a service of UDP answers
	if (service && service->protocol == "tcp")
		command += " --tcp " + std::to_string(service->port);
	return command;
}

// The scheduler mh finds the same server for the same client on every host:
// connections survive when another host takes over.
std::string virtual_server(const Site &site, const Pool &pool, const Virtual &vip,
			   const Service *service)
{
	std::string lines = "virtual_server " + virtual_name(site, vip, service) +
			    " {\n\tdelay_loop 5\n\tlvs_sched mh\n\tmh-port\n"
			    "\tlvs_method NAT\n";

	if (!service && vip.ip.family == Family::ip6)
		lines += "\tip_family inet6\n";
	if (service)
		lines += service->protocol == "tcp" ? "\tprotocol TCP\n" : "\tprotocol UDP\n";
	for (const Server &server : pool.servers) {
		if (server.ip.family != vip.ip.family)
			continue;
		lines += "\treal_server " + text(server.ip) + " " +
			 std::to_string(service ? service->real_port() : 0) + " {\n\t\tweight " +
			 std::to_string(server.weight) + "\n\t\tMISC_CHECK {\n\t\t\tmisc_path \"" +
			 probe(vip, server, service) + "\"\n\t\t\tmisc_timeout 5\n\t\t}\n\t}\n";
	}
	return lines + "}\n";
}

std::string virtual_servers(const Site &site)
{
	std::string lines =
		"# written by dsrctl lb-config; change the servers' files, and run it again\n"
		"static_ipaddress {\n";

	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			lines += "\t" + text(vip.ip) + "/" + std::to_string(vip.ip.prefix()) +
				 " dev lo\n";
	lines += "}\n";
	for (const Pool &pool : site.pools) {
		for (const Virtual &vip : pool.vips) {
			const auto services = services_of(site, vip);

			for (const Service &service : services)
				lines += virtual_server(site, pool, vip, &service);
			if (services.empty())
				lines += virtual_server(site, pool, vip, nullptr);
		}
	}
	return lines;
}

// The configuration, with what it includes, and rules of iptables.
class Keepalived {
public:
	Keepalived(std::string_view text, const std::string &file)
		: lines_(text, file, "#"), marks_(reading_)
	{
	}

	Reading read()
	{
		while (lines_.next()) {
			if (lines_.word(0).starts_with('!'))
				continue; // a comment
			if (depth_)
				inside();
			else if (!begin())
				marks_.line(lines_);
			count_braces();
		}
		// what is written here includes itself
		for (const auto &[where, line] : included_)
			if (services_.empty() || line.find(VIRTUAL_SERVERS) == line.npos)
				reading_.not_understood(where, line);
		marks_.resolve(services_);
		return std::move(reading_);
	}

private:
	enum class In { other, virtual_server, real_server };

	void count_braces()
	{
		for (const std::string &word : lines_.words()) {
			depth_ += word == "{";
			if (word != "}" || !depth_)
				continue;
			depth_--;
			if (depth_ < real_depth_ && in_ == In::real_server)
				in_ = In::virtual_server;
			if (!depth_)
				in_ = In::other;
		}
	}

	// A block, or a line of none; false when it is not keepalived's.
	bool begin()
	{
		const std::string &first = lines_.word(0);

		in_ = In::other;
		// of some hosts only
		if (first.starts_with('@')) {
			reading_.not_understood(lines_.where(), std::string(lines_.line()));
			return true;
		}
		if (first.starts_with("include")) {
			included_.emplace_back(lines_.where(), std::string(lines_.line()));
			return true;
		}
		if (first != "virtual_server")
			return first == "virtual_server_group" || lines_.words().back() == "{";
		VirtualService service;
		service.where = lines_.where();
		service.protocol = "tcp";
		if (lines_.word(1) == "fwmark") {
			service.protocol.clear();
			service.mark = parse_mark(lines_.word(2)).value_or(0);
		} else if (lines_.word(1) != "group") {
			service.vip = parse_ip(lines_.word(1));
			service.port = parse_unsigned(lines_.word(2), 65535).value_or(0);
		}
		if (!service.mark && !service.port) {
			reading_.not_understood(service.where, std::string(lines_.line()),
						service.vip);
			return true;
		}
		if (service.vip)
			service.family = service.vip->family;
		services_.push_back(std::move(service));
		in_ = In::virtual_server;
		return true;
	}

	void inside()
	{
		if (in_ == In::other)
			return;
		VirtualService &service = services_.back();
		const std::string &first = lines_.word(0);

		if (first == "real_server") {
			auto ip = reading_.take_ip(lines_.where(), lines_.word(1));

			if (!ip)
				return;
			if (service.mark)
				service.family = ip->family;
			service.servers.push_back(
				{*ip, lines_.where(), false,
				 parse_unsigned(lines_.word(2), 65535).value_or(0)});
			in_ = In::real_server;
			real_depth_ = depth_ + 1;
			if (lines_.words().size() > 4) // a block on a line
				reading_.not_understood(lines_.where(), std::string(lines_.line()),
							service.vip);
		} else if (first == "protocol" && !service.mark) {
			service.protocol = lower(lines_.word(1));
		} else if ((first == "lvs_method" || first == "lb_kind") &&
			   lines_.word(1) != "NAT") {
			reading_.problem(lines_.where(), first + " " + lines_.word(1),
					 "NAT, for L3DSR");
		} else if (first == "weight" && in_ == In::real_server && depth_ == real_depth_) {
			service.servers.back().off = lines_.word(1) == "0";
		}
	}

	static std::string lower(std::string word)
	{
		for (char &c : word)
			if (c >= 'A' && c <= 'Z')
				c += 'a' - 'A';
		return word;
	}

	Lines lines_;
	Reading reading_;
	Marks marks_;
	In in_ = In::other;
	unsigned int depth_ = 0, real_depth_ = 0;
	std::vector<VirtualService> services_;
	std::vector<std::pair<std::string, std::string>> included_;
};

} // namespace

std::string write_keepalived(const Site &site)
{
	std::string lines =
		"#!/bin/sh -e\n"
		"# written by dsrctl lb-config: keepalived 2.2 or later, Linux 4.18 or later\n"
		"# sh -e THIS [DIRECTORY], and then start keepalived, or reload it. Below\n"
		"# /etc/keepalived, or DIRECTORY, it writes\n"
		"#   dsrctl-lb.conf   virtual servers with health checks\n"
		"#   dsrctl-lb-mark   rules that mark what comes to the VIPs; it loads them, too\n"
		"#   keepalived.conf  when there is none; yours to change\n"
		"mkdir -p \"${1:-/etc/keepalived}\"\n"
		"directory=$(cd \"${1:-/etc/keepalived}\" && pwd)\n"
		"cat >\"$directory/" +
		std::string(VIRTUAL_SERVERS) + "\" <<'KEEPALIVED'\n" + virtual_servers(site) +
		"KEEPALIVED\n"
		"[ -e \"$directory/keepalived.conf\" ] ||\n"
		"\tcat >\"$directory/keepalived.conf\" <<KEEPALIVED\n" +
		MAIN +
		"KEEPALIVED\n"
		"cat >\"$directory/" +
		RULES +
		"\" <<'RULES'\n"
		"#!/bin/sh -e\n"
		"# written by dsrctl lb-config\n"
		"modprobe -q ip_vs || true\n"
		"# a connection that another host had is taken over\n"
		"echo 1 >/proc/sys/net/ipv4/vs/sloppy_tcp\n";

	for (Family family : FAMILIES)
		if (site.has(family))
			lines += write_marks(site, family);
	return lines + "RULES\nchmod 755 \"$directory/" + RULES + "\"\n\"$directory/" + RULES +
	       "\"\n";
}

Reading read_keepalived(std::string_view text, const std::string &file)
{
	return Keepalived(text, file).read();
}

} // namespace dsr::lb
