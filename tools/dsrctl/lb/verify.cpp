// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/verify.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "dsrctl/lb/ports.hpp"

namespace dsr::lb {

namespace {

std::string with_dscp(std::optional<std::uint8_t> dscp)
{
	return dscp ? dscp_text(*dscp) : "no DSCP";
}

template <typename List>
const typename List::value_type *find(const List &list, const Ip &ip)
{
	for (const auto &one : list)
		if (one.ip == ip)
			return &one;
	return nullptr;
}

class Comparison {
public:
	Comparison(const std::vector<Entry> &entries, const Site &site, const Reading &reading,
		   const std::string &file)
		: entries_(entries), site_(site), reading_(reading), file_(file)
	{
	}

	Verdict run()
	{
		verdict_.differences = reading_.problems;
		for (const Mapping &mapping : reading_.mappings)
			compare(mapping);
		for (const Pool &pool : site_.pools)
			for (const Virtual &vip : pool.vips)
				look_for(vip, pool);
		for (const Pool &pool : site_.pools)
			for (const Virtual &vip : pool.vips)
				look_for_services(vip);
		for (const Unclear &one : reading_.unclear)
			if (matters(one))
				add(verdict_.not_understood, one.message);
		return std::move(verdict_);
	}

private:
	void differ(const std::string &where, const std::string &found, const std::string &expected)
	{
		std::string message = where + ": found " + found + ", expected " + expected;
		add(verdict_.differences, message);
	}

	// One line of a shared template can be wrong for many ports.
	void add(std::vector<std::string> &all, const std::string &message)
	{
		if (said_.insert(message).second)
			all.push_back(message);
	}

	bool matters(const Unclear &one) const
	{
		return !one.net ||
		       std::any_of(entries_.begin(), entries_.end(),
				   [&](const Entry &entry) { return one.about(entry.ip); });
	}

	// Can what is missing be in a line that is not understood?
	bool clear(const Ip &vip)
	{
		auto [known, added] = clear_.try_emplace(vip, true);

		if (added)
			for (const Unclear &one : reading_.unclear)
				known->second = known->second && !one.about(vip);
		return known->second;
	}

	void compare(const Mapping &mapping)
	{
		const std::string &where = mapping.dscp ? mapping.dscp_where : mapping.where;
		const std::string vip = text(mapping.vip);
		std::string expected;

		for (const Entry &entry : entries_) {
			if (entry.ip != mapping.vip)
				continue;
			if (entry.dscp == mapping.dscp) {
				compare_servers_ports(mapping);
				return;
			}
			expected += (expected.empty() ? "" : " or ") + with_dscp(entry.dscp) +
				    " as in " + entry.where;
		}
		if (!expected.empty()) {
			if (mapping.dscp || clear(mapping.vip))
				differ(where, with_dscp(mapping.dscp) + " for " + vip, expected);
		} else if (mapping.dscp && !of_others(mapping)) {
			unknown(mapping);
		}
		// a VIP without a DSCP that no server has is no L3DSR
	}

	void compare_servers_ports(const Mapping &mapping)
	{
		if (!mapping.dscp)
			return;
		for (const Real &real : mapping.servers)
			if (auto one = compare_ports(entries_, mapping, real))
				differ(real.where, one->found, one->expected);
	}

	// What is to be forwarded of a VIP that is.
	void look_for_services(const Virtual &vip)
	{
		for (const Service &service : services_of(site_, vip)) {
			bool known = false, sent = false;

			for (const Mapping &mapping : reading_.mappings) {
				if (mapping.vip != vip.ip || mapping.dscp != vip.dscp)
					continue;
				known = true;
				sent = sent || sends_port(mapping, service.protocol, service.port);
			}
			if (known && !sent && clear(vip.ip))
				differ(service.where.empty() ? vip.where : service.where,
				       with_port(text(vip.ip), service.port) + " (" +
					       service.protocol + ")",
				       "it in " + file_ + ", too");
		}
	}

	// Is it sent to servers of which none is in our lists?
	bool of_others(const Mapping &mapping) const
	{
		bool ours = false, listed = false;

		for (const Pool &pool : site_.pools) {
			listed = listed || !pool.servers.empty();
			for (const Real &real : mapping.servers)
				ours = ours || pool.find(real.ip);
		}
		return listed && !mapping.servers.empty() && !ours;
	}

	void unknown(const Mapping &mapping)
	{
		std::string expected = "no such VIP: the servers do not have it";

		for (const Pool &pool : site_.pools) {
			bool serves = pool.servers.empty() ||
				      std::any_of(
					      mapping.servers.begin(), mapping.servers.end(),
					      [&](const Real &real) { return pool.find(real.ip); });

			for (const Virtual &vip : pool.vips)
				if (serves && vip.dscp == mapping.dscp &&
				    vip.ip.family == mapping.vip.family)
					expected = "this DSCP for " + text(vip.ip) + " as in " +
						   vip.where;
		}
		differ(mapping.dscp_where, with_dscp(mapping.dscp) + " for " + text(mapping.vip),
		       expected);
	}

	void look_for(const Virtual &vip, const Pool &pool)
	{
		bool known = false;

		for (const Mapping &mapping : reading_.mappings) {
			if (mapping.vip != vip.ip)
				continue;
			known = true;
			if (mapping.off)
				differ(mapping.where, text(vip.ip) + " disabled",
				       "it enabled: the servers have it in " + vip.where);
			look_at_servers(mapping, pool);
			if (pool.servers.empty())
				look_for_to(mapping, vip);
		}
		if (!known && clear(vip.ip))
			differ(vip.where, text(vip.ip) + " = " + std::to_string(vip.dscp),
			       "it in " + file_ + ", too");
	}

	// Without a list, the servers that the configuration itself names.
	void look_for_to(const Mapping &mapping, const Virtual &vip)
	{
		for (const Ip &to : vip.to)
			if (!mapping.servers.empty() && !find(mapping.servers, to) && clear(vip.ip))
				differ(mapping.where,
				       text(vip.ip) + " without the server " + text(to),
				       "it as in " + vip.where);
	}

	void look_at_servers(const Mapping &mapping, const Pool &pool)
	{
		const std::string vip = text(mapping.vip);

		if (mapping.servers.empty() && clear(mapping.vip))
			differ(mapping.where, "no server for " + vip,
			       "one at least that gets " + vip +
				       "'s packets, with its own address as their destination");
		for (const Real &real : mapping.servers) {
			const Server *server = pool.find(real.ip);

			if (real.ip.family != mapping.vip.family)
				differ(real.where, "the server " + text(real.ip) + " for " + vip,
				       std::string("one with an ") + name(mapping.vip.family) +
					       " address");
			else if (!server && !pool.servers.empty())
				differ(real.where, "the server " + text(real.ip) + " for " + vip,
				       "one of the list of servers");
			else if (server && !server->weight && !real.off)
				differ(real.where, "the server " + text(real.ip) + " for " + vip,
				       "it to get nothing: its weight is 0 in " + server->where);
			else if (real.off && (!server || server->weight))
				differ(real.where,
				       "the server " + text(real.ip) + " for " + vip +
					       " disabled, or of weight 0",
				       server ?
					       "it to get some, as in " + server->where :
					       "it to get some, or weight 0 in the list of servers");
		}
		for (const Server &server : pool.servers_of(mapping.vip.family))
			if (!find(mapping.servers, server.ip) && clear(mapping.vip) &&
			    !mapping.servers.empty())
				differ(mapping.where,
				       vip + " without the server " + text(server.ip),
				       "it as in " + server.where);
	}

	const std::vector<Entry> &entries_;
	const Site &site_;
	const Reading &reading_;
	const std::string &file_;
	Verdict verdict_;
	std::set<std::string> said_;
	std::map<Ip, bool> clear_;
};

} // namespace

Verdict verify(const std::vector<Entry> &entries, const Site &site, const Reading &reading,
	       const std::string &file)
{
	return Comparison(entries, site, reading, file).run();
}

} // namespace dsr::lb
