// SPDX-License-Identifier: BSD-3-Clause
// VPP's lb plugin: encap l3dsr, IPv4 only.
#include <map>

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
		found.push_back(prefix + " protocol " + service.protocol +
				" port " + std::to_string(service.port));
	if (found.empty())
		found.push_back(prefix);
	return found;
}

class Vpp {
public:
	Vpp(std::string_view text, const std::string &file)
		: lines_(text, file, "#")
	{
	}

	Reading read()
	{
		while (lines_.next()) {
			std::size_t first = lines_.begins({"vppctl"});

			if (lines_.word(first) != "lb")
				continue;
			if (lines_.word(first + 1) == "vip")
				vip(first + 2);
			else if (lines_.word(first + 1) == "as")
				servers(first + 2);
		}
		return std::move(reading_);
	}

private:
	// The VIP of a prefix, if it is of one address.
	std::optional<Ip> address(std::size_t at)
	{
		const std::string &prefix = lines_.word(at);
		std::size_t slash = prefix.find('/');
		auto ip = reading_.take_ip(lines_.where(),
					   prefix.substr(0, slash));

		if (ip && slash != prefix.npos &&
		    prefix.substr(slash + 1) != std::to_string(ip->prefix())) {
			reading_.problem(lines_.where(), quote(prefix),
					 "a prefix of one VIP, /" +
						 std::to_string(ip->prefix()));
			return std::nullopt;
		}
		return ip;
	}

	// The word behind a key.
	std::string value(const char *key) const
	{
		return lines_.word(lines_.find(key) + 1);
	}

	std::string key(std::size_t at) const
	{
		return lines_.word(at) + " " + value("protocol") + " " +
		       value("port");
	}

	bool has(const char *word) const
	{
		return lines_.find(word) < lines_.words().size();
	}

	void vip(std::size_t at)
	{
		auto ip = address(at);
		Mapping mapping;

		if (!ip || has("del"))
			return;
		mapping.vip = *ip;
		mapping.where = mapping.dscp_where = lines_.where();
		if (value("encap") == "l3dsr")
			mapping.dscp = reading_.take_dscp(mapping.where,
							  value("dscp"));
		virtuals_[key(at)] = reading_.mappings.size();
		reading_.mappings.push_back(std::move(mapping));
	}

	void servers(std::size_t at)
	{
		auto found = virtuals_.find(key(at));

		if (found == virtuals_.end()) {
			reading_.problem(lines_.where(),
					 "servers of " + quote(lines_.word(at)),
					 "its lb vip before them");
			return;
		}
		if (has("del"))
			return;
		for (std::size_t i = at + 1; i < lines_.words().size(); i++) {
			const std::string &word = lines_.word(i);

			if (word == "protocol" || word == "port" ||
			    word == "weight")
				i++;
			else if (word == "flush")
				continue;
			else if (auto ip = reading_.take_ip(lines_.where(), word))
				reading_.mappings[found->second]
					.servers.push_back({*ip, lines_.where()});
		}
	}

	Lines lines_;
	Reading reading_;
	std::map<std::string, std::size_t> virtuals_;
};

} // namespace

std::string write_vpp(const Site &site)
{
	std::string lines;

	for (const Virtual &vip : site.vips) {
		for (const std::string &name : names(site, vip)) {
			lines += "lb vip " + name + " encap l3dsr dscp " +
				 std::to_string(vip.dscp) + "\nlb as " + name;
			for (const Server &server :
			     site.servers_of(vip.ip.family))
				lines += " " + text(server.ip);
			lines += "\n";
		}
	}
	return lines;
}

Reading read_vpp(std::string_view text, const std::string &file)
{
	return Vpp(text, file).read();
}

} // namespace dsr::lb
