// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/verify.hpp"

#include <algorithm>

namespace dsr::lb {

namespace {

std::string with_dscp(std::optional<std::uint8_t> dscp)
{
	return dscp ? "DSCP " + std::to_string(*dscp) : "no DSCP";
}

class Comparison {
public:
	Comparison(const std::vector<Entry> &entries, const Site &site,
		   const Reading &reading, const std::string &file)
		: entries_(entries), site_(site), reading_(reading), file_(file)
	{
	}

	std::vector<std::string> run()
	{
		found_ = reading_.problems;
		for (const Mapping &mapping : reading_.mappings)
			compare(mapping);
		for (const Virtual &vip : site_.vips)
			look_for(vip);
		return std::move(found_);
	}

private:
	void differ(const std::string &where, const std::string &found,
		    const std::string &expected)
	{
		std::string message = where + ": found " + found +
				      ", expected " + expected;

		// one line of a shared template can be wrong for many ports
		if (std::find(found_.begin(), found_.end(), message) ==
		    found_.end())
			found_.push_back(message);
	}

	void compare(const Mapping &mapping)
	{
		const std::string &where = mapping.dscp ? mapping.dscp_where :
							  mapping.where;
		const std::string vip = text(mapping.vip);
		std::string expected;
		bool known = false;

		for (const Entry &entry : entries_) {
			if (entry.ip != mapping.vip)
				continue;
			known = true;
			if (entry.dscp == mapping.dscp)
				return;
			expected += (expected.empty() ? "" : " or ") +
				    with_dscp(entry.dscp) + " as in " +
				    entry.where;
		}
		if (known)
			differ(where, with_dscp(mapping.dscp) + " for " + vip,
			       expected);
		else if (mapping.dscp)
			unknown(mapping);
		// a VIP without a DSCP that no server has is no L3DSR
	}

	void unknown(const Mapping &mapping)
	{
		std::string expected = "no such VIP: the servers do not have it";

		for (const Entry &entry : entries_)
			if (entry.dscp == mapping.dscp &&
			    entry.ip.family == mapping.vip.family)
				expected = "this DSCP for " + entry.name +
					   " as in " + entry.where;
		differ(mapping.dscp_where,
		       with_dscp(mapping.dscp) + " for " + text(mapping.vip),
		       expected);
	}

	void look_for(const Virtual &vip)
	{
		bool known = false;

		for (const Mapping &mapping : reading_.mappings) {
			if (mapping.vip != vip.ip)
				continue;
			known = true;
			look_at_servers(mapping);
		}
		if (!known)
			differ(vip.where,
			       text(vip.ip) + " = " + std::to_string(vip.dscp),
			       "it in " + file_ + ", too");
	}

	void look_at_servers(const Mapping &mapping)
	{
		auto has = [](const auto &list, const Ip &ip) {
			return std::any_of(list.begin(), list.end(),
					   [&](const auto &one) {
						   return one.ip == ip;
					   });
		};

		if (site_.servers.empty())
			return;
		for (const Real &real : mapping.servers)
			if (!has(site_.servers, real.ip))
				differ(real.where,
				       "the server " + text(real.ip) + " for " +
					       text(mapping.vip),
				       "one of the list of servers");
		for (const Server &server :
		     site_.servers_of(mapping.vip.family))
			if (!has(mapping.servers, server.ip))
				differ(mapping.where,
				       text(mapping.vip) + " without the server " +
					       text(server.ip),
				       "it as in " + server.where);
	}

	const std::vector<Entry> &entries_;
	const Site &site_;
	const Reading &reading_;
	const std::string &file_;
	std::vector<std::string> found_;
};

} // namespace

std::vector<std::string> differences(const std::vector<Entry> &entries,
				     const Site &site, const Reading &reading,
				     const std::string &file)
{
	return Comparison(entries, site, reading, file).run();
}

} // namespace dsr::lb
