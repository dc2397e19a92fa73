// SPDX-License-Identifier: BSD-3-Clause
// Citrix NetScaler: redirection mode TOS of a virtual server.
#include <strings.h>

#include <algorithm>
#include <map>
#include <set>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

// A virtual server is of type ANY: all others are proxied, and want to see
// both directions. So tcp and udp of one port are one.
struct Port {
	std::string number = "*", suffix, monitor = "PING";
};

std::vector<Port> ports(const Site &site)
{
	std::vector<Port> found;

	for (const Service &service : site.services) {
		const std::string number = std::to_string(service.port);
		auto same = std::find_if(found.begin(), found.end(),
					 [&](const Port &port) { return port.number == number; });

		if (same == found.end())
			same = found.insert(found.end(), {number, "_" + number, "PING"});
		if (service.protocol == "tcp")
			same->monitor = "TCP";
	}
	if (found.empty())
		found.emplace_back();
	return found;
}

std::string server_name(const Server &server)
{
	return "rs_" + as_name(server.ip);
}

// A service group and a monitor for each VIP: a server that does not have one
// of its VIPs is down for that one.
std::string write_virtual(const Pool &pool, const Virtual &vip, const Port &port)
{
	const std::string name = as_name(vip.ip) + port.suffix;
	const std::string tos = std::to_string(vip.dscp);
	std::string lines = "add lb monitor mon_" + name + " " + port.monitor + " -destIP " +
			    text(vip.ip);

	if (port.monitor == "TCP")
		lines += " -destPort " + port.number;
	lines += " -tos YES -tosId " + tos + "\nadd serviceGroup sg_" + name +
		 " ANY -usip YES -cip DISABLED\n";
	for (const Server &server : pool.servers_of(vip.ip.family)) {
		lines += "bind serviceGroup sg_" + name + " " + server_name(server) + " " +
			 port.number;
		if (server.weight != 1)
			lines += " -weight " + std::to_string(server.weight);
		lines += "\n";
	}
	return lines + "bind serviceGroup sg_" + name + " -monitorName mon_" + name +
	       "\nadd lb vserver vip_" + name + " ANY " + text(vip.ip) + " " + port.number +
	       " -lbMethod ROUNDROBIN -m TOS -tosId " + tos + "\nbind lb vserver vip_" + name +
	       " sg_" + name + "\n";
}

class NetScaler {
public:
	NetScaler(std::string_view text, const std::string &file) : lines_(text, file, "#") {}

	Reading read()
	{
		while (lines_.next())
			line();
		for (const Bind &bind : binds_)
			resolve(bind);
		for (const Monitor &monitor : monitors_)
			check(monitor);
		return std::move(reading_);
	}

private:
	struct Member {
		std::string server; // an address, or the name of one
		std::string where;
		bool off = false;
		std::string port = {};
	};
	// A service, or a service group.
	struct Backend {
		std::vector<Member> members;
		bool keeps_client = false, off = false, group = false;
	};
	struct Bind {
		std::string server, backend, where;
	};
	struct Monitor {
		Ip vip;
		std::uint8_t dscp;
		std::string where;
	};

	void line()
	{
		if (lines_.begins({"enable", "ns", "mode"}))
			usip_ = usip_ || has("USIP");
		else if (lines_.begins({"add", "server"}))
			add_server();
		else if (lines_.begins({"add", "service"}))
			add_backend(false);
		else if (lines_.begins({"add", "serviceGroup"}))
			add_backend(true);
		else if (lines_.begins({"set", "service"}) ||
			 lines_.begins({"set", "serviceGroup"}))
			see_options(backends_[lines_.word(2)]);
		else if (lines_.begins({"bind", "serviceGroup"}))
			add_member();
		else if (lines_.begins({"add", "lb", "monitor"}))
			add_monitor();
		else if (lines_.begins({"add", "lb", "vserver"}))
			add_virtual();
		else if (lines_.begins({"set", "lb", "vserver"}))
			set_virtual();
		else if (lines_.begins({"bind", "lb", "vserver"}))
			bind_virtual();
		else if (lines_.begins({"disable"}) || lines_.begins({"enable"}))
			set_state(lines_.begins({"disable"}));
		else if (lines_.begins({"rm"}) || lines_.begins({"unset"}) ||
			 lines_.begins({"unbind"}))
			undo();
	}

	bool has(const char *word) const { return lines_.find(word) < lines_.words().size(); }

	void not_understood(std::optional<Ip> vip = std::nullopt)
	{
		reading_.not_understood(lines_.where(), std::string(lines_.line()), vip);
	}

	bool disabled() const { return !strcasecmp(option("-state").c_str(), "DISABLED"); }

	// The word after an option; empty when it is not there.
	std::string option(const char *name) const { return lines_.word(lines_.find(name) + 1); }

	void add_server()
	{
		// with a name, its address is not here
		if (auto ip = parse_ip(lines_.word(3)))
			servers_[lines_.word(2)] = *ip;
		if (disabled())
			off_.insert(lines_.word(2));
	}

	void see_options(Backend &backend) const
	{
		if (has("-usip"))
			backend.keeps_client = !strcasecmp(option("-usip").c_str(), "YES");
		if (has("-state"))
			backend.off = disabled();
	}

	// A service names its server here, a group later.
	void add_backend(bool group)
	{
		Backend &backend = backends_[lines_.word(2)];

		backend.keeps_client = usip_;
		backend.group = group;
		see_options(backend);
		if (!group)
			backend.members.push_back(
				{lines_.word(3), lines_.where(), false, lines_.word(5)});
	}

	void add_member()
	{
		const std::string &server = lines_.word(3);

		// what else is bound has options before its name
		if (!server.starts_with('-'))
			backends_[lines_.word(2)].members.push_back(
				{server, lines_.where(), disabled(), lines_.word(4)});
	}

	void add_monitor()
	{
		auto vip = parse_ip(option("-destIP"));
		auto dscp = parse_unsigned(option("-tosId"), 63);

		if (vip && dscp)
			monitors_.push_back(
				{*vip, static_cast<std::uint8_t>(*dscp), lines_.where()});
	}

	void add_virtual()
	{
		// without an address, it is reached through another
		if (lines_.words().size() < 7 || lines_.word(5) == "0.0.0.0")
			return;
		if (lines_.word(5).starts_with('-')) {
			not_understood();
			return;
		}
		auto ip = reading_.take_ip(lines_.where(), lines_.word(5));
		if (!ip)
			return;
		if (has("-range"))
			not_understood();
		virtuals_[lines_.word(3)] = reading_.mappings.size();
		reading_.mappings.push_back(
			{*ip, lines_.where(), std::nullopt, "", {}, disabled()});
		if (auto port = parse_unsigned(lines_.word(6), 65535))
			reading_.mappings.back().ports = {{*port, *port}};
		see_tos(reading_.mappings.back());
		if (reading_.mappings.back().dscp && strcasecmp(lines_.word(4).c_str(), "ANY") != 0)
			reading_.problem(
				lines_.where(), "a virtual server of type " + lines_.word(4),
				"ANY: all others are proxied, and want to see what the server answers");
	}

	void set_virtual()
	{
		auto known = virtuals_.find(lines_.word(3));

		if (known == virtuals_.end())
			return;
		see_tos(reading_.mappings[known->second]);
		if (has("-state"))
			reading_.mappings[known->second].off = disabled();
	}

	void bind_virtual()
	{
		const std::string group = option("-serviceGroupName");

		binds_.push_back(
			{lines_.word(3), group.empty() ? lines_.word(4) : group, lines_.where()});
	}

	// disable server NAME, service NAME, serviceGroup NAME [SERVER PORT],
	// lb vserver NAME
	void set_state(bool off)
	{
		const std::string &kind = lines_.word(1), &name = lines_.word(2);
		auto known = virtuals_.find(lines_.word(3));
		auto backend = backends_.find(name);

		if (!strcasecmp(kind.c_str(), "server")) {
			if (off)
				off_.insert(name);
			else
				off_.erase(name);
		} else if (lines_.begins({lines_.word(0).c_str(), "lb", "vserver"})) {
			if (known != virtuals_.end())
				reading_.mappings[known->second].off = off;
		} else if (!strcasecmp(kind.c_str(), "service") ||
			   !strcasecmp(kind.c_str(), "serviceGroup")) {
			if (backend == backends_.end())
				return;
			if (lines_.word(3).empty() || !backend->second.group)
				backend->second.off = off;
			for (Member &member : backend->second.members)
				if (member.server == lines_.word(3))
					member.off = off;
		}
	}

	// Whatever is taken back of what is read here.
	void undo()
	{
		const std::string &kind = lines_.word(1);
		auto known = virtuals_.find(lines_.word(3));

		if (!strcasecmp(kind.c_str(), "server") || !strcasecmp(kind.c_str(), "service") ||
		    !strcasecmp(kind.c_str(), "serviceGroup"))
			not_understood();
		else if (!strcasecmp(kind.c_str(), "lb") && known != virtuals_.end())
			not_understood(reading_.mappings[known->second].vip);
	}

	void see_tos(Mapping &mapping)
	{
		const std::string where = lines_.where();
		const std::string mode = option("-m");
		const bool is_tos = !strcasecmp(mode.c_str(), "TOS");

		if (has("-tosId")) {
			mapping.dscp = reading_.take_dscp(where, option("-tosId"));
			mapping.dscp_where = where;
			if (!is_tos && lines_.begins({"add"}))
				reading_.problem(where, "-tosId without -m TOS", "both");
		} else if (is_tos && !mapping.dscp) {
			reading_.problem(where, "-m TOS without -tosId", "both");
		} else if (!mode.empty() && !is_tos) {
			mapping.dscp.reset();
		}
	}

	void resolve(const Bind &bind)
	{
		auto server = virtuals_.find(bind.server);
		auto found = backends_.find(bind.backend);

		if (server == virtuals_.end() || bind.backend.starts_with('-'))
			return;
		Mapping &mapping = reading_.mappings[server->second];
		if (found == backends_.end()) {
			if (mapping.dscp)
				reading_.problem(bind.where, "the service " + quote(bind.backend),
						 "one that is defined");
			return;
		}
		const Backend &backend = found->second;
		const std::string kind = backend.group ? "the service group " : "the service ";

		if (mapping.dscp && !backend.keeps_client)
			reading_.problem(bind.where,
					 kind + quote(bind.backend) + " without -usip YES",
					 "it: the server answers the client itself");
		for (const Member &member : backend.members)
			add(mapping, member, backend, backend.group ? member.where : bind.where);
	}

	void add(Mapping &mapping, const Member &member, const Backend &backend,
		 const std::string &where)
	{
		auto named = servers_.find(member.server);
		auto ip = named == servers_.end() ? parse_ip(member.server) : named->second;

		// whether the device changes the port then is not documented
		if (mapping.dscp && member.port != "*" && !mapping.ports.empty() &&
		    member.port != std::to_string(mapping.ports[0].from))
			reading_.not_understood(member.where,
						"the port " + member.port + " of the server " +
							member.server,
						mapping.vip);
		if (ip)
			mapping.servers.push_back(
				{*ip, where,
				 backend.off || member.off || off_.contains(member.server)});
		else if (mapping.dscp)
			reading_.not_understood(member.where,
						"the address of the server " + member.server,
						mapping.vip);
	}

	// It is told that a server is down, and for ever.
	void check(const Monitor &monitor)
	{
		for (const Mapping &mapping : reading_.mappings)
			if (mapping.vip == monitor.vip && mapping.dscp &&
			    *mapping.dscp != monitor.dscp)
				reading_.problem(monitor.where,
						 "a monitor of " + text(monitor.vip) +
							 " with -tosId " +
							 std::to_string(monitor.dscp),
						 std::to_string(*mapping.dscp) + " as in " +
							 mapping.dscp_where);
	}

	Lines lines_;
	Reading reading_;
	bool usip_ = false; // of services that say nothing
	std::map<std::string, Ip> servers_;
	std::set<std::string> off_; // servers that are disabled
	std::map<std::string, Backend> backends_;
	std::map<std::string, std::size_t> virtuals_;
	std::vector<Bind> binds_;
	std::vector<Monitor> monitors_;
};

} // namespace

std::string write_netscaler(const Site &site)
{
	std::string lines = "# written by dsrctl lb-config\n";

	for (const Server &server : site.servers())
		if (server.weight)
			lines += "add server " + server_name(server) + " " + text(server.ip) + "\n";
	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			for (const Port &port : ports(site))
				lines += write_virtual(pool, vip, port);
	return lines;
}

Reading read_netscaler(std::string_view text, const std::string &file)
{
	return NetScaler(text, file).read();
}

} // namespace dsr::lb
