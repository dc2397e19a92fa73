// SPDX-License-Identifier: BSD-3-Clause
// Brocade ServerIron and ADX: tos-marking of a virtual server.
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

// The ports that the device has names for are shown by these.
std::string port_name(const Service &service)
{
	switch (service.port) {
	case 53:
		return "dns";
	case 80:
		return "http";
	case 443:
		return "ssl";
	}
	return std::to_string(service.port);
}

// The number of one that a configuration names, or the name that is not known.
std::string port_number(const std::string &name)
{
	return name == "dns" ? "53" : name == "http" ? "80" : name == "ssl" ? "443" : name;
}

// tcp and udp of one port are one to the device.
std::vector<std::string> port_names(const Site &site)
{
	std::vector<std::string> names;

	for (const Service &service : site.services) {
		std::string name = port_name(service);

		if (std::find(names.begin(), names.end(), name) == names.end())
			names.push_back(std::move(name));
	}
	return names;
}

std::string write_virtual(const Pool &pool, const Virtual &vip,
			  const std::vector<std::string> &ports)
{
	std::string lines = "server virtual-name-or-ip vip_" + as_name(vip.ip) + " " +
			    text(vip.ip) + "\n tos-marking " + std::to_string(vip.dscp) +
			    " hc-l3-dsr\n";

	for (const std::string &port : ports)
		lines += " port " + port + "\n";
	for (const std::string &port : ports)
		for (const Server &server : pool.servers_of(vip.ip.family))
			lines += " bind " + port + " " + server_name(server) + " " + port + "\n";
	return lines + "!\n";
}

class Brocade {
public:
	Brocade(std::string_view text, const std::string &file) : lines_(text, file, "!") {}

	Reading read()
	{
		while (lines_.next()) {
			if (lines_.begins({"server"}))
				begin();
			else if (inside_)
				inside();
			else if (!real_.empty() && disables())
				off_.insert(real_ + " " +
					    (lines_.begins({"port"}) ? port_number(lines_.word(1)) :
								       ""));
		}
		for (const Bind &bind : binds_)
			resolve(bind);
		return std::move(reading_);
	}

private:
	struct Bind {
		std::size_t mapping;
		std::string server, port, where;
	};

	// "disable", of a whole server, or "port http disable"
	bool disables() const
	{
		return lines_.begins({"disable"}) ||
		       (lines_.begins({"port"}) && lines_.find("disable") < lines_.words().size());
	}

	bool is_virtual() const
	{
		return lines_.begins({"server", "virtual"}) ||
		       lines_.begins({"server", "virtual-name"}) ||
		       lines_.begins({"server", "virtual-name-or-ip"});
	}
	bool is_real() const
	{
		return lines_.begins({"server", "real"}) ||
		       lines_.begins({"server", "real-name"}) ||
		       lines_.begins({"server", "real-name-or-ip"}) ||
		       lines_.begins({"server", "remote"}) ||
		       lines_.begins({"server", "remote-name"});
	}

	void begin()
	{
		inside_ = false;
		real_.clear();
		// the address may be left out when the name is known already
		if (is_real() && lines_.words().size() > 3) {
			real_ = lines_.word(2);
			if (auto ip = reading_.take_ip(lines_.where(), lines_.word(3)))
				servers_[lines_.word(2)] = *ip;
		} else if (is_virtual()) {
			auto known = virtuals_.find(lines_.word(2));

			inside_ = true;
			if (lines_.words().size() == 3 && known != virtuals_.end()) {
				current_ = known->second;
				return;
			}
			auto ip = reading_.take_ip(lines_.where(), lines_.word(3));
			inside_ = ip.has_value();
			if (!ip)
				return;
			current_ = reading_.mappings.size();
			virtuals_[lines_.word(2)] = current_;
			reading_.mappings.push_back(
				{*ip, lines_.where(), std::nullopt, "", {}, false});
		}
	}

	void inside()
	{
		Mapping &mapping = reading_.mappings[current_];

		if (lines_.begins({"tos-marking"})) {
			mapping.dscp_where = lines_.where();
			mapping.dscp = reading_.take_dscp(lines_.where(), lines_.word(1));
			if (lines_.find("hc-l3-dsr") == lines_.words().size())
				reading_.problem(
					lines_.where(), "tos-marking without hc-l3-dsr",
					"it: the answers to health checks come from the VIP");
		} else if (lines_.begins({"port"}) && lines_.word(1) != "default" && disables()) {
			reading_.not_understood(lines_.where(), std::string(lines_.line()),
						mapping.vip);
		} else if (lines_.begins({"disable"})) {
			mapping.off = true;
		} else if (lines_.begins({"bind"})) {
			// bind PORT {SERVER PORT}...
			for (std::size_t i = 2; i < lines_.words().size(); i += 2) {
				binds_.push_back({current_, lines_.word(i),
						  port_number(lines_.word(i + 1)), lines_.where()});
				if (port_number(lines_.word(i + 1)) != port_number(lines_.word(1)))
					reading_.not_understood(lines_.where(),
								std::string(lines_.line()),
								mapping.vip);
			}
		}
	}

	void resolve(const Bind &bind)
	{
		auto server = servers_.find(bind.server);

		if (server == servers_.end())
			reading_.problem(bind.where, "the server " + quote(bind.server),
					 "one that is defined");
		else
			reading_.mappings[bind.mapping].servers.push_back(
				{server->second, bind.where,
				 off_.contains(bind.server + " ") ||
					 off_.contains(bind.server + " " + bind.port)});
	}

	Lines lines_;
	Reading reading_;
	bool inside_ = false; // a virtual server
	std::size_t current_ = 0;
	std::string real_;	    // the real server that lines are of
	std::set<std::string> off_; // "SERVER ", "SERVER PORT"
	std::map<std::string, Ip> servers_;
	std::map<std::string, std::size_t> virtuals_;
	std::vector<Bind> binds_;
};

} // namespace

std::string write_brocade(const Site &site)
{
	const std::vector<std::string> ports = port_names(site);
	std::string lines = "! written by dsrctl lb-config\n";

	for (const Service &service : site.services)
		if (service.protocol == "udp")
			lines +=
				"! The device marks health checks of TCP only: a server without the rewrite stays up for udp/" +
				std::to_string(service.port) + ".\n";
	for (const Server &server : site.servers()) {
		if (!server.weight)
			continue;
		// a server behind a router is a remote one to this device
		lines += "server remote-name " + server_name(server) + " " + text(server.ip) + "\n";
		for (const std::string &port : ports)
			lines += " port " + port + "\n";
		lines += "!\n";
	}
	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			lines += write_virtual(pool, vip, ports);
	return lines;
}

Reading read_brocade(std::string_view text, const std::string &file)
{
	return Brocade(text, file).read();
}

} // namespace dsr::lb
