// SPDX-License-Identifier: BSD-3-Clause
// A10 ACOS: a port template sets the DSCP, and is bound to a service group.
#include <algorithm>
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
	std::string lines = "slb server " + server_name(server) + " " + text(server.ip) + "\n";

	if (server.weight != 1)
		lines += "  weight " + std::to_string(server.weight) + "\n";
	for (const Service &service : site.services)
		lines += "  port " + std::to_string(service.port) + " " + service.protocol + "\n";
	return lines + "!\n";
}

bool weighted(const Pool &pool)
{
	return std::any_of(pool.servers.begin(), pool.servers.end(),
			   [](const Server &server) { return server.weight > 1; });
}

std::string write_virtual(const Site &site, const Pool &pool, const Virtual &vip)
{
	std::string groups, server;

	server = "slb virtual-server vip_" + as_name(vip.ip) + " " + text(vip.ip) + "\n";
	for (const Service &service : site.services) {
		std::string port = std::to_string(service.port);
		std::string group = group_name(vip, service);

		groups += "slb service-group " + group + " " + service.protocol + "\n";
		// the default looks at no weight
		if (weighted(pool))
			groups += "  method weighted-rr\n";
		groups += "  template port " + template_name(vip.dscp) + "\n";
		for (const Server &real : pool.servers_of(vip.ip.family))
			groups += "  member " + server_name(real) + " " + port + "\n";
		groups += "!\n";
		server += "  port " + port + " " + service.protocol +
			  "\n    no-dest-nat\n    service-group " + group + "\n";
	}
	return groups + server + "!\n";
}

// Lines as they are nested; what a name stands for is known at the end only.
class A10 {
public:
	A10(std::string_view text, const std::string &file) : lines_(text, file, "!") {}

	Reading read()
	{
		while (lines_.next()) {
			if (lines_.begins({"active-partition"})) {
				partition_ = lines_.word(1) + "/";
				in_ = In::other;
			} else if (lines_.begins({"slb"})) {
				begin();
			} else if (is_inside()) {
				inside();
			} else {
				in_ = In::other;
			}
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
	struct Machine {
		std::optional<Ip> ip; // none: it has a host name
		std::string where;
		bool off = false;
		std::set<std::string> ports_off;
	};
	struct Member {
		std::string name, port, where; // the name with its partition
		bool off = false;
	};
	struct Group {
		std::string port_template;
		std::vector<Member> members;
	};
	struct Port {
		Ip vip;
		std::string text, where, group;
		std::string port_template; // of the virtual port
		bool dest_nat = true, off = false;
		unsigned int number = 0;
		bool udp = false, changes_port = false;
	};

	// Another command than slb begins at the margin, unless all do.
	bool is_inside() const
	{
		static const std::set<std::string> KNOWN = {
			"dscp",		"port",		  "template",	   "member", "disable",
			"enable",	"no-dest-nat",	  "service-group", "method", "weight",
			"health-check", "ha-conn-mirror", "priority"};

		return lines_.line().starts_with(' ') || lines_.line().starts_with('\t') ||
		       disables() || KNOWN.contains(lines_.word(0));
	}

	// A name is one of its partition.
	std::string global(const std::string &name) const
	{
		return name.empty() ? name : partition_ + name;
	}
	static std::string local(const std::string &name)
	{
		return name.substr(name.find('/') + 1);
	}

	void begin()
	{
		in_ = In::other;
		port_.clear();
		if (lines_.begins({"slb", "template", "port"}) ||
		    lines_.begins({"slb", "template", "virtual-port"})) {
			in_ = In::port_template;
			// they do not share names
			name_ = lines_.word(2) + " " + global(lines_.word(3));
			templates_[name_].where = lines_.where();
		} else if (lines_.begins({"slb", "server"})) {
			name_ = global(lines_.word(2));
			Machine &machine = machines_[name_];

			machine.where = lines_.where();
			if (auto ip = parse_ip(lines_.word(3)))
				machine.ip = *ip;
			in_ = In::server;
		} else if (lines_.begins({"slb", "service-group"})) {
			in_ = In::group;
			name_ = global(lines_.word(2));
			groups_[name_];
		} else if (lines_.begins({"slb", "virtual-server"})) {
			begin_virtual_server();
		}
	}

	void begin_virtual_server()
	{
		// one without an address is a wildcard or another's
		if (lines_.word(3).empty())
			return;
		if (lines_.word(3) == "use-if-ip") {
			reading_.not_understood(lines_.where(), std::string(lines_.line()));
			return;
		}
		auto ip = reading_.take_ip(lines_.where(), lines_.word(3));
		if (!ip)
			return;
		if (lines_.word(4).starts_with('/')) { // of many VIPs
			reading_.not_understood(
				lines_.where(), std::string(lines_.line()), *ip,
				parse_unsigned(lines_.word(4).substr(1), ip->prefix()).value_or(0));
			return;
		}
		in_ = In::virtual_server;
		vip_ = *ip;
		first_ = ports_.size();
		vip_off_ = false;
	}

	void inside()
	{
		switch (in_) {
		case In::port_template:
			if (lines_.begins({"dscp"})) {
				Template &one = templates_[name_];

				one.where = lines_.where();
				one.dscp = reading_.take_dscp(one.where, lines_.word(1));
			}
			break;
		case In::server:
			in_server();
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

	// Not so "disable-when-all-ports-down", of a virtual server.
	static bool disables(const std::string &word)
	{
		return word == "disable" || word == "disable-with-health-check";
	}
	bool disables() const { return disables(lines_.word(0)); }

	void in_server()
	{
		Machine &machine = machines_[name_];

		if (lines_.begins({"port"})) {
			port_ = lines_.word(1);
		} else if (lines_.begins({"template", "port"})) {
			server_templates_[{name_, port_}] = global(lines_.word(2));
		} else if (disables()) {
			if (port_.empty())
				machine.off = true;
			else
				machine.ports_off.insert(port_);
		}
	}

	// "member NAME PORT", or "member NAME:PORT" before ACOS 4; disable
	// stands on the same line, or below
	void in_group()
	{
		std::string name = lines_.word(1), port = lines_.word(2);
		std::size_t colon = name.find(':');
		Group &group = groups_[name_];

		if (lines_.begins({"template", "port"}))
			group.port_template = global(lines_.word(2));
		if (disables() && !group.members.empty())
			group.members.back().off = true;
		if (!lines_.begins({"member"}))
			return;
		if (colon != name.npos) {
			port = name.substr(colon + 1);
			name.resize(colon);
		}
		group.members.push_back(
			{global(name), port, lines_.where(),
			 std::any_of(lines_.words().begin(), lines_.words().end(),
				     [](const std::string &word) { return disables(word); })});
	}

	void in_virtual_server()
	{
		bool has_port = ports_.size() > first_;

		if (lines_.begins({"port"})) {
			ports_.push_back({vip_, lines_.word(1) + " " + lines_.word(2),
					  lines_.where(), "", "", true, vip_off_,
					  parse_unsigned(lines_.word(1), 65535).value_or(0),
					  lines_.begins({"port", lines_.word(1).c_str(), "udp"})});
			if (lines_.find("range") < lines_.words().size())
				reading_.not_understood(lines_.where(), std::string(lines_.line()),
							vip_);
		} else if (disables()) {
			if (has_port)
				ports_.back().off = true;
			else
				vip_off_ = true;
		} else if (!has_port) {
			return;
		} else if (lines_.begins({"no-dest-nat"})) {
			ports_.back().dest_nat = false;
			ports_.back().changes_port = lines_.find("port-translation") <
						     lines_.words().size();
		} else if (lines_.begins({"service-group"})) {
			ports_.back().group = global(lines_.word(1));
		} else if (lines_.begins({"template", "virtual-port"})) {
			ports_.back().port_template = global(lines_.word(2));
		}
	}

	// @kind: port or virtual-port
	void set_dscp(Mapping &mapping, const std::string &kind, const std::string &name,
		      const std::string &where)
	{
		auto found = templates_.find(kind + " " + name);

		if (name.empty() || mapping.dscp)
			return;
		if (found == templates_.end()) {
			// every device has one of this name
			if (local(name) != "default")
				reading_.problem(where,
						 "the " + kind + " template " + quote(local(name)),
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
		mapping.off = port.off;
		// types such as http are of TCP, and dns of both
		if (port.text.ends_with(" tcp") || port.udp)
			mapping.protocol = port.udp ? "udp" : "tcp";
		if (port.number)
			mapping.ports = {{port.number, port.number}};
		set_dscp(mapping, "virtual-port", port.port_template, port.where);
		if (group == groups_.end()) {
			if (!port.group.empty())
				reading_.problem(port.where,
						 "the service group " + quote(local(port.group)),
						 "one that is defined");
		} else {
			set_dscp(mapping, "port", group->second.port_template, port.where);
			for (const Member &member : group->second.members)
				add(mapping, member, port.changes_port);
		}
		if (mapping.dscp && port.dest_nat)
			reading_.problem(port.where, "port " + port.text + " without no-dest-nat",
					 "it, for L3DSR");
		reading_.mappings.push_back(std::move(mapping));
	}

	// @changes_port: to the member's, which is otherwise for health checks
	void add(Mapping &mapping, const Member &member, bool changes_port)
	{
		auto found = machines_.find(member.name);
		auto own = server_templates_.find({member.name, member.port});

		if (own != server_templates_.end())
			set_dscp(mapping, "port", own->second, member.where);
		if (found == machines_.end()) {
			reading_.problem(member.where, "the server " + quote(local(member.name)),
					 "one that is defined");
			return;
		}
		const Machine &machine = found->second;
		if (machine.ip)
			mapping.servers.push_back(
				{*machine.ip, member.where,
				 member.off || machine.off ||
					 machine.ports_off.contains(member.port),
				 changes_port ? parse_unsigned(member.port, 65535).value_or(0) :
						0});
		else
			reading_.not_understood(machine.where,
						"the address of the server " + local(member.name),
						mapping.vip);
	}

	Lines lines_;
	Reading reading_;
	In in_ = In::other;
	std::string partition_ = "shared/", name_, port_;
	Ip vip_;
	std::size_t first_ = 0; // of the virtual server's ports
	bool vip_off_ = false;
	std::map<std::string, Template> templates_;
	std::map<std::string, Machine> machines_;
	std::map<std::pair<std::string, std::string>, std::string>
		server_templates_; // by server and port
	std::map<std::string, Group> groups_;
	std::vector<Port> ports_;
};

} // namespace

std::string write_a10(const Site &site)
{
	std::set<std::uint8_t> dscps;
	std::string lines = "! written by dsrctl lb-config, for ACOS 4 and later\n"
			    "slb common\n  dsr-health-check-enable\n!\n";

	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			dscps.insert(vip.dscp);
	for (std::uint8_t dscp : dscps)
		lines += "slb template port " + template_name(dscp) + "\n  dscp " +
			 std::to_string(dscp) + "\n!\n";
	for (const Server &server : site.servers())
		if (server.weight)
			lines += write_server(site, server);
	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			lines += write_virtual(site, pool, vip);
	return lines;
}

Reading read_a10(std::string_view text, const std::string &file)
{
	return A10(text, file).read();
}

} // namespace dsr::lb
