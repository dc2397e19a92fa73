// SPDX-License-Identifier: BSD-3-Clause
// A10 ACOS: a port template sets the DSCP, and is bound to a service group.
#include <map>
#include <set>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

std::string server_name(const Server &server)
{
	return "rs_" + as_name(server.ip);
}

std::string template_name(std::uint8_t dscp)
{
	return "dscp" + std::to_string(dscp);
}

// no-dest-nat wants a service group of its own for each virtual port.
std::string group_name(const Virtual &vip, const Service &service)
{
	return "sg_" + as_name(vip.ip) + "_" + service.protocol + "_" +
	       std::to_string(service.port);
}

std::string write_server(const Site &site, const Server &server)
{
	std::string lines = "slb server " + server_name(server) + " " +
			    text(server.ip) + "\n";

	if (server.weight != 1)
		lines += "  weight " + std::to_string(server.weight) + "\n";
	for (const Service &service : site.services)
		lines += "  port " + std::to_string(service.port) + " " +
			 service.protocol + "\n";
	return lines + "!\n";
}

std::string write_virtual(const Site &site, const Virtual &vip)
{
	std::string groups, server;

	server = "slb virtual-server vip_" + as_name(vip.ip) + " " +
		 text(vip.ip) + "\n";
	for (const Service &service : site.services) {
		std::string port = std::to_string(service.port);
		std::string group = group_name(vip, service);

		groups += "slb service-group " + group + " " +
			  service.protocol + "\n  template port " +
			  template_name(vip.dscp) + "\n";
		for (const Server &real : site.servers_of(vip.ip.family))
			groups += "  member " + server_name(real) + " " + port +
				  "\n";
		groups += "!\n";
		server += "  port " + port + " " + service.protocol +
			  "\n    no-dest-nat\n    service-group " + group + "\n";
	}
	return groups + server + "!\n";
}

// Lines as they are nested; what a name stands for is known at the end only.
class A10 {
public:
	A10(std::string_view text, const std::string &file)
		: lines_(text, file, "!")
	{
	}

	Reading read()
	{
		while (lines_.next()) {
			if (lines_.begins({"slb"}))
				begin();
			else
				inside();
		}
		for (const Port &port : ports_)
			resolve(port);
		return std::move(reading_);
	}

private:
	enum class In { other, port_template, server, group, virtual_server };

	struct Template {
		std::optional<std::uint8_t> dscp;
		std::string where;
	};
	struct Member {
		std::string name, port, where;
	};
	struct Group {
		std::string port_template;
		std::vector<Member> members;
	};
	struct Port {
		Ip vip;
		std::string text, where, group;
		bool dest_nat = true;
	};

	void begin()
	{
		in_ = In::other;
		if (lines_.begins({"slb", "template", "port"})) {
			in_ = In::port_template;
			name_ = lines_.word(3);
			templates_[name_].where = lines_.where();
		} else if (lines_.begins({"slb", "server"})) {
			name_ = lines_.word(2);
			// with a host name, its address is not here
			if (auto ip = parse_ip(lines_.word(3)))
				servers_[name_] = *ip;
			in_ = In::server;
			port_.clear();
		} else if (lines_.begins({"slb", "service-group"})) {
			in_ = In::group;
			name_ = lines_.word(2);
			groups_[name_];
		} else if (lines_.begins({"slb", "virtual-server"})) {
			// one without an address is a wildcard or another's
			if (lines_.word(3).empty())
				return;
			auto ip = reading_.take_ip(lines_.where(),
						   lines_.word(3));
			if (!ip)
				return;
			in_ = In::virtual_server;
			vip_ = *ip;
			has_port_ = false;
		}
	}

	void inside()
	{
		switch (in_) {
		case In::port_template:
			if (lines_.begins({"dscp"})) {
				Template &one = templates_[name_];

				one.where = lines_.where();
				one.dscp = reading_.take_dscp(one.where,
							      lines_.word(1));
			}
			break;
		case In::server:
			if (lines_.begins({"port"}))
				port_ = lines_.word(1);
			else if (lines_.begins({"template", "port"}))
				server_templates_[{name_, port_}] =
					lines_.word(2);
			break;
		case In::group:
			in_group();
			break;
		case In::virtual_server:
			in_virtual_server();
			break;
		case In::other:
			break;
		}
	}

	// "member NAME PORT", or "member NAME:PORT" before ACOS 4
	void in_group()
	{
		std::string name = lines_.word(1), port = lines_.word(2);
		std::size_t colon = name.find(':');
		Group &group = groups_[name_];

		if (lines_.begins({"template", "port"}))
			group.port_template = lines_.word(2);
		if (!lines_.begins({"member"}))
			return;
		if (colon != name.npos) {
			port = name.substr(colon + 1);
			name.resize(colon);
		}
		group.members.push_back({name, port, lines_.where()});
	}

	void in_virtual_server()
	{
		if (lines_.begins({"port"})) {
			ports_.push_back({vip_, lines_.word(1) + " " +
						lines_.word(2),
					  lines_.where(), "", true});
			has_port_ = true;
		} else if (!has_port_) {
			return;
		} else if (lines_.begins({"no-dest-nat"})) {
			ports_.back().dest_nat = false;
		} else if (lines_.begins({"service-group"})) {
			ports_.back().group = lines_.word(1);
		}
	}

	void set_dscp(Mapping &mapping, const std::string &name,
		      const std::string &where)
	{
		auto found = templates_.find(name);

		if (name.empty() || mapping.dscp)
			return;
		if (found == templates_.end()) {
			reading_.problem(where,
					 "the port template " + quote(name),
					 "one that is defined");
			return;
		}
		mapping.dscp = found->second.dscp;
		mapping.dscp_where = found->second.where;
	}

	void resolve(const Port &port)
	{
		auto group = groups_.find(port.group);
		Mapping mapping;

		mapping.vip = port.vip;
		mapping.where = port.where;
		if (group == groups_.end()) {
			if (!port.group.empty())
				reading_.problem(port.where,
					"the service group " + quote(port.group),
					"one that is defined");
		} else {
			set_dscp(mapping, group->second.port_template,
				 port.where);
			for (const Member &member : group->second.members)
				add(mapping, member);
		}
		if (mapping.dscp && port.dest_nat)
			reading_.problem(port.where, "port " + port.text +
					 " without no-dest-nat", "it, for L3DSR");
		reading_.mappings.push_back(std::move(mapping));
	}

	void add(Mapping &mapping, const Member &member)
	{
		auto server = servers_.find(member.name);
		auto own = server_templates_.find({member.name, member.port});

		if (own != server_templates_.end())
			set_dscp(mapping, own->second, member.where);
		if (server != servers_.end())
			mapping.servers.push_back({server->second, member.where});
	}

	Lines lines_;
	Reading reading_;
	In in_ = In::other;
	std::string name_, port_;
	Ip vip_;
	bool has_port_ = false;
	std::map<std::string, Template> templates_;
	std::map<std::string, Ip> servers_;
	std::map<std::pair<std::string, std::string>, std::string>
		server_templates_;	// by server and port
	std::map<std::string, Group> groups_;
	std::vector<Port> ports_;
};

} // namespace

std::string write_a10(const Site &site)
{
	std::set<std::uint8_t> dscps;
	std::string lines = "! written by dsrctl lb-config\n";

	for (const Virtual &vip : site.vips)
		dscps.insert(vip.dscp);
	for (std::uint8_t dscp : dscps)
		lines += "slb template port " + template_name(dscp) +
			 "\n  dscp " + std::to_string(dscp) + "\n!\n";
	for (const Server &server : site.servers)
		if (server.weight)
			lines += write_server(site, server);
	for (const Virtual &vip : site.vips)
		lines += write_virtual(site, vip);
	return lines;
}

Reading read_a10(std::string_view text, const std::string &file)
{
	return A10(text, file).read();
}

} // namespace dsr::lb
