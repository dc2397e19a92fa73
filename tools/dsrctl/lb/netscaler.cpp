// SPDX-License-Identifier: BSD-3-Clause
// Citrix NetScaler: redirection mode TOS of a virtual server.
#include <strings.h>

#include <map>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

// Without a service, all that comes to the VIP.
struct Port {
	explicit Port(const Service *service)
	{
		if (!service)
			return;
		protocol = service->protocol == "tcp" ? "TCP" : "UDP";
		number = std::to_string(service->port);
		suffix = "_" + service->protocol + "_" + number;
	}

	std::string protocol = "ANY", number = "*", suffix;
};

std::vector<Port> ports(const Site &site)
{
	std::vector<Port> found;

	for (const Service &service : site.services)
		found.emplace_back(&service);
	if (found.empty())
		found.emplace_back(nullptr);
	return found;
}

std::string service_name(const Server &server, const Port &port)
{
	return "svc_" + as_name(server.ip) + port.suffix;
}

class NetScaler {
public:
	NetScaler(std::string_view text, const std::string &file)
		: lines_(text, file, "#")
	{
	}

	Reading read()
	{
		while (lines_.next())
			line();
		for (const Bind &bind : binds_)
			resolve(bind);
		return std::move(reading_);
	}

private:
	struct Backend {
		std::optional<Ip> ip;
		bool keeps_client = false;
	};
	struct Bind {
		std::string server, service, where;
	};

	void line()
	{
		if (lines_.begins({"add", "server"})) {
			if (auto ip = parse_ip(lines_.word(3)))
				servers_[lines_.word(2)] = *ip;
		} else if (lines_.begins({"add", "service"})) {
			add_service();
		} else if (lines_.begins({"set", "service"})) {
			see_usip(services_[lines_.word(2)]);
		} else if (lines_.begins({"add", "lb", "vserver"})) {
			add_virtual();
		} else if (lines_.begins({"set", "lb", "vserver"})) {
			auto known = virtuals_.find(lines_.word(3));

			if (known != virtuals_.end())
				see_tos(reading_.mappings[known->second]);
		} else if (lines_.begins({"bind", "lb", "vserver"})) {
			binds_.push_back({lines_.word(3), lines_.word(4),
					  lines_.where()});
		}
	}

	// The word behind an option; empty when it is not there.
	std::string option(const char *name) const
	{
		return lines_.word(lines_.find(name) + 1);
	}

	void see_usip(Backend &service) const
	{
		if (lines_.find("-usip") < lines_.words().size())
			service.keeps_client =
				!strcasecmp(option("-usip").c_str(), "YES");
	}

	// by address, or by the name of a server
	void add_service()
	{
		Backend &service = services_[lines_.word(2)];
		auto server = servers_.find(lines_.word(3));

		service.ip = parse_ip(lines_.word(3));
		if (server != servers_.end())
			service.ip = server->second;
		see_usip(service);
	}

	void add_virtual()
	{
		// without an address, it is reached through another
		if (lines_.words().size() < 7 || lines_.word(5) == "0.0.0.0")
			return;
		auto ip = reading_.take_ip(lines_.where(), lines_.word(5));
		if (!ip)
			return;
		virtuals_[lines_.word(3)] = reading_.mappings.size();
		reading_.mappings.push_back(
			{*ip, lines_.where(), std::nullopt, "", {}});
		see_tos(reading_.mappings.back());
	}

	void see_tos(Mapping &mapping)
	{
		const std::string where = lines_.where();
		const std::string mode = option("-m");
		const bool is_tos = !strcasecmp(mode.c_str(), "TOS");

		if (lines_.find("-tosId") < lines_.words().size()) {
			mapping.dscp = reading_.take_dscp(where,
							  option("-tosId"));
			mapping.dscp_where = where;
			if (!is_tos && lines_.begins({"add"}))
				reading_.problem(where, "-tosId without -m TOS",
						 "both");
		} else if (is_tos && !mapping.dscp) {
			reading_.problem(where, "-m TOS without -tosId",
					 "both");
		} else if (!mode.empty() && !is_tos) {
			mapping.dscp.reset();
		}
	}

	void resolve(const Bind &bind)
	{
		auto server = virtuals_.find(bind.server);
		auto service = services_.find(bind.service);

		// what else can be bound has options before its name
		if (server == virtuals_.end() || service == services_.end())
			return;
		Mapping &mapping = reading_.mappings[server->second];
		if (mapping.dscp && !service->second.keeps_client)
			reading_.problem(bind.where,
				"the service " + quote(bind.service) +
					" without -usip YES",
				"it: the server answers the client itself");
		if (service->second.ip)
			mapping.servers.push_back(
				{*service->second.ip, bind.where});
	}

	Lines lines_;
	Reading reading_;
	std::map<std::string, Ip> servers_;
	std::map<std::string, Backend> services_;
	std::map<std::string, std::size_t> virtuals_;
	std::vector<Bind> binds_;
};

} // namespace

std::string write_netscaler(const Site &site)
{
	std::string lines = "# written by dsrctl lb-config\n";

	for (const Server &server : site.servers)
		for (const Port &port : ports(site))
			if (server.weight)
				lines += "add service " +
					 service_name(server, port) + " " +
					 text(server.ip) + " " + port.protocol +
					 " " + port.number + " -usip YES\n";
	for (const Virtual &vip : site.vips) {
		for (const Port &port : ports(site)) {
			std::string name = "vip_" + as_name(vip.ip) + port.suffix;

			lines += "add lb vserver " + name + " " +
				 port.protocol + " " + text(vip.ip) + " " +
				 port.number + " -m TOS -tosId " +
				 std::to_string(vip.dscp) + "\n";
			for (const Server &server :
			     site.servers_of(vip.ip.family)) {
				lines += "bind lb vserver " + name + " " +
					 service_name(server, port);
				if (server.weight != 1)
					lines += " -weight " +
						 std::to_string(server.weight);
				lines += "\n";
			}
		}
	}
	return lines;
}

Reading read_netscaler(std::string_view text, const std::string &file)
{
	return NetScaler(text, file).read();
}

} // namespace dsr::lb
