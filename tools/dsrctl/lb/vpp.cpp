// SPDX-License-Identifier: BSD-3-Clause
// VPP's lb plugin: encap l3dsr, IPv4 only.
#include <map>
#include <set>

#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/vendor.hpp"

namespace dsr::lb {

namespace {

// "10.128.8.46/32 protocol tcp port 80": what names a VIP
std::vector<std::string> names(const Site &site, const Virtual &vip)
{
	const std::string prefix = text(vip.ip) + "/32";
	std::vector<std::string> found;

	for (const Service &service : site.services)
		found.push_back(prefix + " protocol " + service.protocol + " port " +
				std::to_string(service.port));
	if (found.empty())
		found.push_back(prefix);
	return found;
}

class Vpp {
public:
	Vpp(std::string_view text, const std::string &file) : lines_(text, file, "#") {}

	Reading read()
	{
		while (lines_.next()) {
			std::size_t first = lines_.begins({"vppctl"});

			if (lines_.word(first) == "lb")
				command(first + 1);
			else if (is_type(lines_.word(0)))
				shown();
			else if (shown_)
				shown_line();
		}
		for (Mapping &mapping : mappings_)
			if (!mapping.where.empty())
				reading_.mappings.push_back(std::move(mapping));
		return std::move(reading_);
	}

private:
	void command(std::size_t at)
	{
		shown_ = false;
		if (lines_.word(at) == "vip")
			vip(at + 1);
		else if (lines_.word(at) == "as")
			servers(at + 1);
	}

	// The VIP of a prefix, if it is of one address.
	std::optional<Ip> address(const std::string &prefix)
	{
		std::size_t slash = prefix.find('/');
		auto ip = reading_.take_ip(lines_.where(), prefix.substr(0, slash));

		if (ip && slash != prefix.npos &&
		    prefix.substr(slash + 1) != std::to_string(ip->prefix())) {
			reading_.problem(lines_.where(), quote(prefix),
					 "a prefix of one VIP, /" + std::to_string(ip->prefix()));
			return std::nullopt;
		}
		return ip;
	}

	// The word after a key.
	std::string value(const char *key) const { return lines_.word(lines_.find(key) + 1); }

	// Without a port, and with port 0, a VIP is of all ports, whatever the
	// protocol says.
	std::string key(std::size_t at) const
	{
		std::string port = value("port");

		if (port.empty() || port == "0")
			return lines_.word(at);
		return lines_.word(at) + " " + value("protocol") + " " + port;
	}

	bool has(const char *word) const { return lines_.find(word) < lines_.words().size(); }

	void vip(std::size_t at)
	{
		static const std::set<std::string> WITH_VALUE = {"protocol",	"port",	    "encap",
								 "dscp",	"new_len",  "type",
								 "target_port", "node_port"};
		auto ip = address(lines_.word(at));
		auto known = virtuals_.find(key(at));

		if (!ip)
			return;
		for (std::size_t i = at + 1; i < lines_.words().size(); i++) {
			if (WITH_VALUE.contains(lines_.word(i)))
				i++;
			else if (lines_.word(i) != "del" && lines_.word(i) != "src_ip_sticky")
				reading_.not_understood(lines_.where(), std::string(lines_.line()),
							*ip);
		}
		if (has("del")) {
			if (known != virtuals_.end())
				mappings_[known->second].where.clear();
			virtuals_.erase(key(at));
			return;
		}
		virtuals_[key(at)] = mappings_.size();
		Mapping &mapping = mappings_.emplace_back();
		mapping.vip = *ip;
		mapping.where = mapping.dscp_where = lines_.where();
		if (auto port = parse_unsigned(value("port"), 65535); port && *port) {
			mapping.protocol = value("protocol");
			mapping.ports = {{*port, *port}};
		}
		if (value("encap") == "l3dsr")
			mapping.dscp = reading_.take_dscp(mapping.where, value("dscp"));
	}

	void servers(std::size_t at)
	{
		auto found = virtuals_.find(key(at));

		if (found == virtuals_.end()) {
			reading_.problem(lines_.where(), "servers of " + quote(lines_.word(at)),
					 "its lb vip before them");
			return;
		}
		Mapping &mapping = mappings_[found->second];
		for (std::size_t i = at + 1; i < lines_.words().size(); i++) {
			const std::string &word = lines_.word(i);

			if (word == "protocol" || word == "port" || word == "weight") {
				i++;
				continue;
			}
			if (word == "flush" || word == "del")
				continue;
			auto ip = reading_.take_ip(lines_.where(), word);
			if (!ip)
				continue;
			// again: with another weight
			std::erase_if(mapping.servers,
				      [&](const Real &real) { return real.ip == *ip; });
			if (!has("del"))
				mapping.servers.push_back(
					{*ip, lines_.where(), value("weight") == "0"});
		}
	}

	// What "show lb vips verbose" prints: a line with the type, the
	// number and the prefix, lines of KEY:VALUE, and one for each server.
	static bool is_type(const std::string &word)
	{
		return word == "ip4-l3dsr" || word.starts_with("ip4-gre") ||
		       word.starts_with("ip6-gre") || word == "ip4-nat4" || word == "ip6-nat6";
	}

	void shown()
	{
		bool verbose = lines_.word(1).starts_with('[');

		shown_ = false;
		if (has("removed"))
			return;
		auto ip = address(lines_.word(verbose ? 2 : 1));
		if (!ip)
			return;
		shown_ = true;
		l3dsr_ = lines_.word(0) == "ip4-l3dsr";
		Mapping &mapping = mappings_.emplace_back();
		mapping.vip = *ip;
		mapping.where = mapping.dscp_where = lines_.where();
		if (!verbose) {
			// its servers are not there
			reading_.not_understood(lines_.where(), std::string(lines_.line()), *ip);
			shown_line();
		}
	}

	void shown_line()
	{
		Mapping &mapping = mappings_.back();

		for (const std::string &word : lines_.words())
			if (l3dsr_ && word.starts_with("dscp:")) {
				mapping.dscp_where = lines_.where();
				mapping.dscp = reading_.take_dscp(lines_.where(), word.substr(5));
			}
		auto ip = parse_ip(lines_.word(0));
		if (ip && !has("removed"))
			mapping.servers.push_back({*ip, lines_.where(), has("weight:0")});
	}

	Lines lines_;
	Reading reading_;
	std::vector<Mapping> mappings_; // those that were deleted have no place
	std::map<std::string, std::size_t> virtuals_;
	bool shown_ = false, l3dsr_ = false;
};

// Those of one weight on a line. Without weights, as every release reads it.
std::string server_lines(const std::string &name, const std::vector<Server> &servers)
{
	std::map<unsigned int, std::string> by_weight;
	std::string lines;

	for (const Server &server : servers)
		by_weight[server.weight] += " " + text(server.ip);
	bool same = by_weight.size() == 1 && by_weight.contains(1);
	for (const auto &[weight, addresses] : by_weight) {
		lines += "lb as " + name + addresses;
		if (!same)
			lines += " weight " + std::to_string(weight);
		lines += "\n";
	}
	return lines;
}

} // namespace

std::string write_vpp(const Site &site)
{
	std::string lines;

	for (const Pool &pool : site.pools)
		for (const Virtual &vip : pool.vips)
			for (const std::string &name : names(site, vip))
				lines += "lb vip " + name + " encap l3dsr dscp " +
					 std::to_string(vip.dscp) + "\n" +
					 server_lines(name, pool.servers_of(vip.ip.family));
	return lines;
}

Reading read_vpp(std::string_view text, const std::string &file)
{
	return Vpp(text, file).read();
}

} // namespace dsr::lb
