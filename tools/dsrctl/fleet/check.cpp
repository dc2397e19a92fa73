// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "dsrctl/fleet/fleet.hpp"
#include "dsrctl/lb/ports.hpp"

namespace dsr::fleet {

namespace {

using Dscps = std::set<std::optional<std::uint8_t>>; // none: l2dsr

std::string dscp_list(const Dscps &dscps)
{
	std::string list;

	for (const auto &dscp : dscps)
		list += (list.empty() ? "" : " and ") + (dscp ? dscp_text(*dscp) : "no DSCP");
	return list;
}

// What a host does with packets.
struct Table {
	std::map<Ip, Dscps> vips;
	std::map<std::pair<Family, std::uint8_t>, Ip> marks;
};

// @to: with what comes to this address of it; none: to any
Table table_of(const Config &config, const std::optional<Ip> &to = {})
{
	Table table;

	for (const Entry &entry : config.entries) {
		if (to && entry.to && entry.to != to)
			continue;
		table.vips[entry.ip].insert(entry.dscp);
		if (entry.dscp)
			table.marks.emplace(std::pair{entry.ip.family, *entry.dscp}, entry.ip);
	}
	return table;
}

void add_config_errors(const std::vector<Host> &hosts, Findings &findings)
{
	for (const Host &host : hosts)
		for (const Problem &problem : host.config.errors)
			findings.push_back({Severity::error,
					    "configuration",
					    "",
					    problem.message,
					    {host.name},
					    {},
					    {}});
}

void sort_findings(Findings &findings)
{
	std::stable_sort(findings.begin(), findings.end(), [](const Finding &a, const Finding &b) {
		return a.severity > b.severity;
	});
}

class Check {
public:
	explicit Check(const Fleet &fleet) : fleet_(fleet) {}

	Findings run()
	{
		add_config_errors(fleet_.hosts, findings_);
		for (std::size_t i = 0; i < fleet_.hosts.size(); i++)
			add_host(i);
		for (const Balancer &balancer : fleet_.balancers)
			add_balancer(balancer);
		for (const auto &[key, sent] : sent_)
			look_at_servers(key.first, key.second, sent);
		look_for_dscps_twice();
		for (std::size_t i = 0; i < fleet_.hosts.size(); i++)
			look_for_unmarked(i);
		for (const auto &[key, names] : unmarked_)
			findings_.push_back(
				{Severity::warning, "served-not-marked", unmarked_where_[key],
				 "no load balancer marks " + text(key.first) + " with " +
					 std::to_string(key.second) + " and sends it there",
				 names, key.first, key.second});
		look_for_others();
		for (const auto &[message, names] : unknown_)
			findings_.push_back({Severity::warning,
					     "unknown-server",
					     names.second,
					     message,
					     {},
					     names.first,
					     {}});
		sort_findings(findings_);
		return std::move(findings_);
	}

private:
	using Key = std::pair<Ip, std::uint8_t>; // VIP and DSCP

	struct Sent {
		std::string where;		   // the first
		std::map<Ip, std::string> servers; // and where
		bool on = false;		   // one of them gets something
		std::map<std::string, std::set<Ip>> by_balancer;
		std::map<std::string, std::string> wheres;
	};

	void add_host(std::size_t number)
	{
		const Host &host = fleet_.hosts[number];

		for (const Ip &ip : host.addresses) {
			tables_.emplace(ip, table_of(host.config, ip));
			auto [known, added] = by_address_.emplace(ip, number);

			if (!added)
				findings_.push_back({Severity::error,
						     "address-twice",
						     "",
						     "two servers have the address " + text(ip),
						     {fleet_.hosts[known->second].name, host.name},
						     {},
						     {}});
		}
	}

	void add_balancer(const Balancer &balancer)
	{
		const lb::Reading &reading = balancer.reading;

		for (const std::string &problem : reading.problems)
			findings_.push_back(
				{Severity::error, "load-balancer", "", problem, {}, {}, {}});
		for (const lb::Unclear &unclear : reading.unclear)
			if (said_.insert(unclear.message).second)
				findings_.push_back({Severity::warning,
						     "not-understood",
						     "",
						     unclear.message,
						     {},
						     {},
						     {}});
		for (const lb::Mapping &mapping : reading.mappings) {
			if (mapping.off)
				continue;
			look_at_mapping(mapping);
			if (!mapping.dscp)
				continue;
			Sent &sent = sent_[{mapping.vip, *mapping.dscp}];

			if (sent.where.empty())
				sent.where = mapping.dscp_where;
			sent.wheres.emplace(balancer.name, mapping.where);
			auto &own = sent.by_balancer[balancer.name];
			for (const lb::Real &real : mapping.servers) {
				sent.servers.emplace(real.ip, real.where);
				sent.on = sent.on || !real.off;
				own.insert(real.ip);
			}
		}
	}

	// What of it cannot be told when load balancers are taken together.
	void look_at_mapping(const lb::Mapping &mapping)
	{
		const std::string vip = text(mapping.vip);
		std::vector<std::string> unmarked;
		Dscps expected;

		for (const lb::Real &real : mapping.servers) {
			auto host = by_address_.find(real.ip);

			if (real.ip.family != mapping.vip.family)
				add_once("family-differs", real.where,
					 vip + " is sent to " + text(real.ip) + ", which is no " +
						 name(mapping.vip.family) + " address",
					 name_of(real.ip), mapping);
			if (host == by_address_.end())
				continue;
			const Host &server = fleet_.hosts[host->second];
			const auto &vips = tables_.at(real.ip).vips;
			auto has = vips.find(mapping.vip);

			if (auto one = lb::compare_ports(server.config.entries, mapping, real))
				add_once("port-differs", real.where,
					 "found " + one->found + ", expected " + one->expected,
					 server.name, mapping);
			if (!mapping.dscp && has != vips.end() &&
			    !has->second.contains(std::nullopt)) {
				unmarked.push_back(server.name);
				expected = has->second;
			}
		}
		if (!unmarked.empty())
			findings_.push_back(
				{Severity::error,
				 "sent-unmarked",
				 mapping.where,
				 vip + " is sent without a DSCP, and these servers have " +
					 dscp_list(expected),
				 std::move(unmarked),
				 mapping.vip,
				 {}});
	}

	// Of one that a line is the cause of for many servers, once.
	void add_once(const char *id, const std::string &where, const std::string &message,
		      const std::string &host, const lb::Mapping &mapping)
	{
		if (said_.insert(where + message).second)
			findings_.push_back({Severity::error,
					     id,
					     where,
					     message,
					     {host},
					     mapping.vip,
					     mapping.dscp});
	}

	// Can what is missing be in a line that is not understood?
	bool clear(const Ip &vip)
	{
		auto [known, added] = clear_.try_emplace(vip, true);

		if (!added)
			return known->second;
		for (const Balancer &balancer : fleet_.balancers)
			for (const lb::Unclear &one : balancer.reading.unclear)
				known->second = known->second && !one.about(vip);
		return known->second;
	}

	void look_at_servers(const Ip &vip, std::uint8_t dscp, const Sent &sent)
	{
		std::vector<std::string> missing, others, unlike;
		std::string taken;
		Dscps found;
		std::size_t served = 0;

		for (const auto &[ip, where] : sent.servers) {
			auto host = by_address_.find(ip);

			if (host == by_address_.end()) {
				unknown_.try_emplace(
					"the files of the server " + text(ip) +
						" are not here: whether it has the VIPs is not known",
					std::pair{vip, where});
				continue;
			}
			const Table &table = tables_.at(ip);
			const std::string &name = fleet_.hosts[host->second].name;
			auto has = table.vips.find(vip);
			auto mark = table.marks.find({vip.family, dscp});

			if (has != table.vips.end() && has->second.contains(dscp)) {
				served++;
			} else if (mark != table.marks.end()) {
				others.push_back(name);
				taken = text(mark->second);
			} else if (has != table.vips.end()) {
				unlike.push_back(name);
				found = has->second;
			} else {
				missing.push_back(name);
			}
		}
		const std::string sends = text(vip) + " is sent with " + dscp_text(dscp);
		auto add = [&](const char *id, const std::string &expected,
			       std::vector<std::string> &names) {
			if (!names.empty())
				findings_.push_back({Severity::error, id, sent.where,
						     sends + expected, names, vip, dscp});
		};
		if (!served && !missing.empty() && others.empty() && unlike.empty()) {
			add("marked-not-served", ", and no server has it", missing);
		} else {
			add("vip-missing", ", and these servers do not have it", missing);
			add("vip-differs", " to servers that take this for " + taken, others);
			add("dscp-differs", ", and these servers have " + dscp_list(found), unlike);
		}
		if (!sent.servers.empty() && !sent.on)
			findings_.push_back(
				{Severity::error,
				 "no-server",
				 sent.where,
				 sends + " only to servers that are disabled, or of weight 0",
				 {},
				 vip,
				 dscp});
		if (sent.servers.empty() && clear(vip))
			findings_.push_back({Severity::error,
					     "no-server",
					     sent.where,
					     sends + " to nobody",
					     {},
					     vip,
					     dscp});
		look_at_balancers(vip, dscp, sent);
	}

	// Load balancers that share a VIP share its servers.
	void look_at_balancers(const Ip &vip, std::uint8_t dscp, const Sent &sent)
	{
		for (const auto &[name, servers] : sent.by_balancer) {
			std::string lacks;
			std::size_t count = 0;

			if (!clear(vip))
				continue;
			for (const auto &[ip, where] : sent.servers) {
				if (servers.contains(ip))
					continue;
				if (++count <= SHOWN)
					lacks += " " + text(ip);
			}
			if (count > SHOWN)
				lacks += " and " + std::to_string(count - SHOWN) + " more";
			if (count)
				findings_.push_back(
					{Severity::warning,
					 "balancers-differ",
					 sent.wheres.at(name),
					 text(vip) + " lacks" + lacks +
						 ", which the other load balancers have",
					 {},
					 vip,
					 dscp});
		}
	}

	// On one address of a server, whatever its files say.
	void look_for_dscps_twice()
	{
		using Mark = std::tuple<Ip, Family, std::uint8_t>;
		std::map<Mark, std::pair<Ip, std::string>> marks;
		std::map<std::tuple<Ip, Ip, std::uint8_t>, Finding> found;

		for (const auto &[key, sent] : sent_) {
			for (const auto &[server, where] : sent.servers) {
				auto [known, added] = marks.try_emplace(
					Mark{server, key.first.family, key.second}, key.first,
					sent.where);
				const Ip &other = known->second.first;

				if (added || other == key.first)
					continue;
				Finding &finding = found[{other, key.first, key.second}];
				if (finding.id.empty())
					finding = {Severity::error,
						   "dscp-twice",
						   sent.where,
						   dscp_text(key.second) + " stands for " +
							   text(key.first) + " and, in " +
							   known->second.second + ", for " +
							   text(other),
						   {},
						   key.first,
						   key.second};
				finding.hosts.push_back(name_of(server));
			}
		}
		for (auto &[key, finding] : found)
			findings_.push_back(std::move(finding));
	}

	std::string name_of(const Ip &server) const
	{
		auto host = by_address_.find(server);

		return host == by_address_.end() ? text(server) : fleet_.hosts[host->second].name;
	}

	void look_for_unmarked(std::size_t number)
	{
		const Host &host = fleet_.hosts[number];

		for (const Entry &entry : host.config.entries) {
			if (!entry.dscp || !*entry.dscp || !clear(entry.ip))
				continue;
			auto sent = sent_.find({entry.ip, *entry.dscp});
			bool marked = sent != sent_.end() &&
				      std::any_of(host.addresses.begin(), host.addresses.end(),
						  [&](const Ip &ip) {
							  return (!entry.to || entry.to == ip) &&
								 sent->second.servers.contains(ip);
						  });

			if (marked)
				continue;
			const Key key{entry.ip, *entry.dscp};
			unmarked_[key].push_back(host.name);
			unmarked_where_.emplace(key, entry.where);
		}
	}

	void look_for_others()
	{
		std::map<Key, std::string> wheres;

		for (const auto &[key, sent] : sent_)
			wheres.emplace(key, sent.where);
		for (const Host &host : fleet_.hosts)
			for (const Entry &entry : host.config.entries)
				if (entry.dscp)
					wheres.try_emplace({entry.ip, *entry.dscp}, entry.where);
		for (const auto &[key, where] : wheres)
			if (const char *use = others_use(key.second))
				findings_.push_back(
					{Severity::warning,
					 "dscp-of-others",
					 where,
					 dscp_text(key.second) + " stands for " + text(key.first) +
						 ", and " + use +
						 " it: such packets to a server's own address get to the VIP",
					 {},
					 key.first,
					 key.second});
	}

	static constexpr std::size_t SHOWN = 5;

	const Fleet &fleet_;
	Findings findings_;
	std::map<Ip, Table> tables_; // by the address that packets come to
	std::map<Ip, std::size_t> by_address_;
	std::map<Key, Sent> sent_;
	std::map<Ip, bool> clear_;
	std::set<std::string> said_;
	std::map<Key, std::vector<std::string>> unmarked_;
	std::map<Key, std::string> unmarked_where_;
	std::map<std::string, std::pair<Ip, std::string>> unknown_;
};

// Whoever has an entry, and in which words.
struct Owner {
	const Host *host;
	const Entry *entry;
};

std::string describe(const Entry &entry)
{
	return entry.where + " has " + entry.name +
	       (entry.dscp ? " = " + entry.dscp_text : " (l2dsr)");
}

} // namespace

Findings check(const Fleet &fleet)
{
	if (fleet.balancers.empty())
		return compare(fleet.hosts);
	return Check(fleet).run();
}

Findings compare(const std::vector<Host> &hosts)
{
	std::map<Ip, std::vector<Owner>> vips;
	std::map<std::pair<Family, std::uint8_t>, Owner> marks;
	std::vector<Table> tables;
	Findings findings;

	add_config_errors(hosts, findings);
	for (const Host &host : hosts) {
		tables.push_back(table_of(host.config));
		for (const Entry &entry : host.config.entries) {
			vips[entry.ip].push_back({&host, &entry});
			if (!entry.dscp)
				continue;
			auto [known, added] = marks.try_emplace({entry.ip.family, *entry.dscp},
								Owner{&host, &entry});

			if (!added && overlap(known->second.entry->item(), entry.item()) &&
			    !agree(known->second.entry->item(), entry.item()))
				findings.push_back(
					{Severity::note,
					 "dscp-reused",
					 entry.where,
					 "found that " + describe(*known->second.entry) + " and " +
						 describe(entry) +
						 ", which is right for servers of different pools; dsrctl fleet knows, with the load balancer's configuration",
					 {known->second.host->name, host.name},
					 entry.ip,
					 entry.dscp});
		}
	}
	for (const auto &[vip, owners] : vips) {
		const Dscps *first = nullptr;
		const Owner *one = nullptr;
		std::vector<std::string> without;
		bool different = false;

		for (std::size_t i = 0; i < hosts.size(); i++) {
			auto has = tables[i].vips.find(vip);

			if (has == tables[i].vips.end()) {
				without.push_back(hosts[i].name);
				continue;
			}
			auto own = std::find_if(
				owners.begin(), owners.end(),
				[&](const Owner &owner) { return owner.host == &hosts[i]; });
			if (!first) {
				first = &has->second;
				one = &*own;
			} else if (*first != has->second && !different) {
				// of several, what one has and the other has not
				auto lacks = [](const Owner &owner, const Dscps &dscps) {
					return !dscps.contains(owner.entry->dscp);
				};
				const Owner *mine = one, *other = &*own;

				for (const Owner &owner : owners) {
					if (owner.host == one->host && lacks(owner, has->second))
						mine = &owner;
					if (owner.host == &hosts[i] && lacks(owner, *first))
						other = &owner;
				}
				different = true;
				findings.push_back(
					{Severity::error,
					 "files-disagree",
					 own->entry->where,
					 describe(*mine->entry) + " and " + describe(*other->entry),
					 {one->host->name, hosts[i].name},
					 vip,
					 own->entry->dscp});
			}
		}
		if (!without.empty())
			findings.push_back(
				{Severity::note, "not-on-all", one->entry->where,
				 "found that " + describe(*one->entry) +
					 ", and that others do not, which is right for servers of different pools",
				 without, vip, one->entry->dscp});
	}
	sort_findings(findings);
	return findings;
}

} // namespace dsr::fleet
