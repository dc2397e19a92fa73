// SPDX-License-Identifier: BSD-3-Clause
// IPVS on Linux: NAT mode sets the destination, and iptables the DSCP, before
// IPVS sees the packet.
#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

const char CHAIN[] = "dsrctl-lb";

const char *iptables(Family family)
{
	return family == Family::ip4 ? "iptables" : "ip6tables";
}

std::string with_port(const Ip &ip, unsigned int port)
{
	std::string address = ip.family == Family::ip4 ? text(ip) :
							 "[" + text(ip) + "]";

	return address + ":" + std::to_string(port);
}

// As ipvsadm names it: by address and port, or by the mark that is the DSCP.
std::string service_name(const Virtual &vip, const Service *service)
{
	if (service)
		return (service->protocol == "tcp" ? "-t " : "-u ") +
		       with_port(vip.ip, service->port);
	return "-f " + std::to_string(vip.dscp) +
	       (vip.ip.family == Family::ip6 ? " -6" : "");
}

std::string ipvs_service(const Site &site, const Virtual &vip,
			 const Service *service)
{
	const std::string name = service_name(vip, service);
	std::string lines = "-A " + name + " -s wrr\n";

	for (const Server &server : site.servers)
		if (server.ip.family == vip.ip.family)
			lines += "-a " + name + " -r " +
				 with_port(server.ip,
					   service ? service->port : 0) +
				 " -m -w " + std::to_string(server.weight) +
				 "\n";
	return lines;
}

std::string ipvs_part(const Site &site)
{
	std::string lines;

	for (const Virtual &vip : site.vips) {
		for (const Service &service : site.services)
			lines += ipvs_service(site, vip, &service);
		if (site.services.empty())
			lines += ipvs_service(site, vip, nullptr);
	}
	return lines;
}

std::string iptables_part(const Site &site, Family family)
{
	const std::string program = iptables(family);
	std::string lines = program + "-restore --noflush <<'TEXT'\n*mangle\n:" +
			    CHAIN + " -\n";

	for (const Virtual &vip : site.vips) {
		if (vip.ip.family != family)
			continue;
		const std::string to = std::string("-A ") + CHAIN + " -d " +
				       text(vip.ip) + "/" +
				       std::to_string(vip.ip.prefix());
		const std::string mark = " -j DSCP --set-dscp " + hex(vip.dscp);

		for (const Service &service : site.services)
			lines += to + " -p " + service.protocol + " --dport " +
				 std::to_string(service.port) + mark + "\n";
		if (site.services.empty())
			lines += to + " -j MARK --set-mark " +
				 std::to_string(vip.dscp) + "\n" + to + mark +
				 "\n";
	}
	return lines + "COMMIT\nTEXT\n" + program +
	       " -w -t mangle -C PREROUTING -j " + CHAIN +
	       " 2>/dev/null ||\n\t" + program +
	       " -w -t mangle -A PREROUTING -j " + CHAIN + "\n";
}

// A rule of iptables that says something of a VIP.
struct Marking {
	std::optional<Ip> vip;		// none: whatever the destination is
	std::string protocol;		// empty: any
	std::set<std::string> ports;	// empty: any
	std::optional<std::uint8_t> dscp;
	std::optional<unsigned int> mark;
	std::string where;
};

struct VirtualService {
	std::string protocol, port;	// empty, of a mark
	unsigned int mark = 0;
	Family family = Family::ip4;
	std::optional<Ip> vip;		// none: of a mark
	std::string where;
	std::vector<Real> servers;
};

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
		: lines_(text, file, "#")
	{
	}

	Reading read()
	{
		while (lines_.next())
			line();
		for (const VirtualService &service : services_)
			resolve(service);
		for (std::size_t i = 0; i < markings_.size(); i++)
			if (markings_[i].dscp && markings_[i].vip &&
			    !used_.contains(i))
				alone(markings_[i]);
		return std::move(reading_);
	}

private:
	static bool one_of(const std::string &word,
			   std::initializer_list<const char *> names)
	{
		return std::any_of(names.begin(), names.end(),
				   [&](const char *name) {
					   return word == name;
				   });
	}

	// The word behind an option that has several spellings.
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
				   [&](const std::string &word) {
					   return one_of(word, names);
				   });
	}

	void line()
	{
		const std::string &first = lines_.word(0);
		std::size_t add = lines_.find("-A");

		if (first[0] == '*')
			mangle_ = first == "*mangle";
		if (first.find("tables") != first.npos &&
		    first.find("-restore") == first.npos)
			mangle_ = option({"-t", "--table"}) == "mangle";
		if (first == "ipvsadm" || first[0] == '-') {
			if (has({"-t", "--tcp-service", "-u", "--udp-service",
				 "-f", "--fwmark-service"}) &&
			    !has({"-j"})) {
				ipvs();
				return;
			}
		}
		if (mangle_ && add < lines_.words().size() && has({"-j"}))
			marking();
	}

	// What -d and the others say; false when the rule says more.
	bool take_match(Marking &marking)
	{
		std::string to = option({"-d", "--destination", "--dst"});
		std::size_t slash = to.find('/');

		if (has({"!"}))
			return false;
		if (!to.empty()) {
			marking.vip = reading_.take_ip(marking.where,
						       to.substr(0, slash));
			if (!marking.vip)
				return false;
			if (slash != to.npos &&
			    to.substr(slash + 1) !=
				    std::to_string(marking.vip->prefix()))
				return false;
		}
		marking.protocol = option({"-p", "--protocol"});
		std::string ports = option({"--dport", "--destination-port",
					    "--dports", "--destination-ports"});
		for (std::size_t at = 0; at < ports.size();) {
			std::size_t end = std::min(ports.find(',', at),
						   ports.size());

			marking.ports.insert(ports.substr(at, end - at));
			at = end + 1;
		}
		return true;
	}

	void marking()
	{
		const std::string target = option({"-j", "--jump"});
		Marking marking;

		marking.where = lines_.where();
		if (target == "DSCP") {
			std::string dscp = option({"--set-dscp",
						   "--set-dscp-class"});

			if (!take_match(marking))
				return;
			marking.dscp = reading_.take_dscp(marking.where, dscp);
			if (!marking.dscp)
				return;
		} else if (target == "MARK") {
			std::string mark = option({"--set-mark", "--set-xmark"});

			if (!take_match(marking))
				return;
			marking.mark = parse_mark(mark);
		} else {
			return;
		}
		markings_.push_back(std::move(marking));
	}

	// "7", or "0x7/0xffffffff" as it is saved
	static std::optional<unsigned int> parse_mark(const std::string &text)
	{
		char *end;
		unsigned long mark = std::strtoul(text.c_str(), &end, 0);

		if (end == text.c_str() || (*end && *end != '/'))
			return std::nullopt;
		return static_cast<unsigned int>(mark);
	}

	bool take_service(VirtualService &service)
	{
		std::string mark = option({"-f", "--fwmark-service"});

		service.where = lines_.where();
		if (!mark.empty()) {
			auto number = parse_mark(mark);

			service.family = has({"-6", "--ipv6"}) ? Family::ip6 :
								 Family::ip4;
			service.mark = number.value_or(0);
			if (!service.mark)
				reading_.problem(service.where, quote(mark),
						 "a firewall mark");
			return service.mark;
		}
		service.protocol = has({"-t", "--tcp-service"}) ? "tcp" : "udp";
		auto [address, port] = split_port(option(
			{"-t", "--tcp-service", "-u", "--udp-service"}));
		service.port = port;
		service.vip = reading_.take_ip(service.where, address);
		if (service.vip)
			service.family = service.vip->family;
		return service.vip.has_value();
	}

	void ipvs()
	{
		VirtualService service;

		if (has({"-A", "--add-service"})) {
			if (take_service(service))
				services_.push_back(std::move(service));
			return;
		}
		if (!has({"-a", "--add-server"}) || !take_service(service))
			return;
		auto known = std::find_if(
			services_.begin(), services_.end(),
			[&](const VirtualService &other) {
				return other.vip == service.vip &&
				       other.mark == service.mark &&
				       other.family == service.family &&
				       other.protocol == service.protocol &&
				       other.port == service.port;
			});
		if (known == services_.end()) {
			reading_.problem(service.where, "a server of no service",
					 "its -A before it");
			return;
		}
		auto ip = reading_.take_ip(service.where,
			split_port(option({"-r", "--real-server"})).first);
		if (!has({"-m", "--masquerading"}))
			reading_.problem(service.where,
				"a server that does not get its own address as the destination",
				"-m, for L3DSR");
		if (ip)
			known->servers.push_back({*ip, service.where});
	}

	// Is everything of the service marked by this rule?
	static bool covers(const Marking &marking, const VirtualService &service)
	{
		return (marking.protocol.empty() ||
			marking.protocol == "all" ||
			marking.protocol == service.protocol) &&
		       (marking.ports.empty() ||
			marking.ports.contains(service.port));
	}

	void add(const VirtualService &service, const Ip &vip)
	{
		Mapping mapping{vip, service.where, std::nullopt, "",
				service.servers};

		for (std::size_t i = 0; i < markings_.size(); i++) {
			const Marking &marking = markings_[i];

			if (!marking.dscp || marking.vip != vip ||
			    !covers(marking, service))
				continue;
			used_.insert(i);
			// the last of them wins
			mapping.dscp = marking.dscp;
			mapping.dscp_where = marking.where;
		}
		reading_.mappings.push_back(std::move(mapping));
	}

	void resolve(const VirtualService &service)
	{
		std::set<Ip> vips;

		if (service.vip) {
			add(service, *service.vip);
			return;
		}
		for (const Marking &marking : markings_)
			if (marking.mark == service.mark && marking.vip &&
			    marking.vip->family == service.family)
				vips.insert(*marking.vip);
		for (const Ip &vip : vips)
			add(service, vip);
		if (vips.empty())
			reading_.problem(service.where,
				"a service of mark " +
					std::to_string(service.mark),
				"a rule with -d that sets this mark");
	}

	// Marks what no service forwards.
	void alone(const Marking &marking)
	{
		reading_.problem(marking.where,
				 "a DSCP for " + text(*marking.vip),
				 "a service of ipvsadm for the same");
		reading_.mappings.push_back({*marking.vip, marking.where,
					     marking.dscp, marking.where, {}});
	}

	Lines lines_;
	Reading reading_;
	bool mangle_ = false;
	std::vector<Marking> markings_;
	std::vector<VirtualService> services_;
	std::set<std::size_t> used_;
};

} // namespace

std::string write_ipvs(const Site &site)
{
	std::string lines =
		"#!/bin/sh -e\n"
		"# written by dsrctl lb-config\n"
		"# The VIPs have to be addresses of this host, or IPVS does not see them:\n";

	for (const Virtual &vip : site.vips)
		lines += "#   ip address add " + text(vip.ip) + "/" +
			 std::to_string(vip.ip.prefix()) + " dev lo\n";
	lines += "ipvsadm -R <<'TEXT'\n" + ipvs_part(site) + "TEXT\n";
	for (Family family : FAMILIES)
		if (site.has(family))
			lines += iptables_part(site, family);
	return lines;
}

Reading read_ipvs(std::string_view text, const std::string &file)
{
	return Ipvs(text, file).read();
}

} // namespace dsr::lb
