// SPDX-License-Identifier: BSD-3-Clause
// Other programs that set rules or addresses: what each does to those of VIPs, and
// what keeps it from that. tests/managers has seen it, of all but RHEL's
// iptables.service, whose documentation says so (Debian's is netfilter-persistent).
#include <algorithm>
#include <set>

#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

// Where the rules are that lead to VIPs.
struct Reach {
	bool legacy = false, iptables_nft = false, nft = false;

	bool any() const { return legacy || iptables_nft || nft; }
};

Reach reach(const Facts &facts)
{
	Reach reach;

	for (const Rewrite &rewrite : facts.rewrites) {
		if (rewrite.store == Store::dscp_rewrite)
			continue;
		if (rewrite.store == Store::nft) {
			reach.nft = true;
			continue;
		}
		const auto &variants = rewrite.store == Store::other ? facts.other : facts.variant;
		(variants[index(rewrite.family)] == "nft" ? reach.iptables_nft :
							    reach.legacy) = true;
	}
	return reach;
}

// A firewall, and which rules of VIPs it removes.
struct Flusher {
	bool Managers::*there;
	const char *id, *name, *does;
	bool legacy, iptables_nft, nft;
};

constexpr Flusher FLUSHERS[] = {
	{&Managers::firewalld, "firewalld", "firewalld",
	 "flushes the tables of iptables when firewall-cmd reloads it, and when it stops", true,
	 true, false},
	{&Managers::nftables, "nftables-service", "nftables.service",
	 "flushes all rules of nftables, those of iptables-nft included, when it reloads, restarts and stops",
	 false, true, true},
	{&Managers::persistent, "netfilter-persistent", "netfilter-persistent",
	 "replaces the tables of iptables by those of its files when it starts and reloads", true,
	 true, false},
	{&Managers::iptables, "iptables-service", "iptables.service",
	 "replaces the tables of iptables by those of its files when it starts and reloads", true,
	 true, false},
};

bool has_ports(const Facts &facts)
{
	return std::any_of(facts.config.entries.begin(), facts.config.entries.end(),
			   [](const Entry &entry) { return bool(entry.ports); });
}

void guard_or_sysctls(const Facts &facts, Finding &finding)
{
	finding.keep = "systemctl restart dsrctl, whose guard puts rules back";
	if (has_ports(facts))
		return;
	finding.fix = {dsrctl(facts, {"--backend", "dscp_rewrite", "reload"})};
	finding.keep += "; dscp_rewrite has none that a firewall could flush";
}

Finding flusher(const Facts &facts, const Flusher &one, const Reach &rules)
{
	const bool hit = (one.legacy && rules.legacy) || (one.iptables_nft && rules.iptables_nft) ||
			 (one.nft && rules.nft);
	Finding finding{
		Severity::note,
		one.id,
		std::string(one.name) + " is here, and " + one.does,
		hit ? "rules that lead to VIPs are gone then, until the guard of dsrctl.service puts them back" :
		      "no rules of VIPs are there",
		{},
		"",
		false};

	if (!hit || facts.managers.guard)
		return finding;
	finding.severity = Severity::warning;
	finding.found += ", and no guard runs";
	finding.why =
		"rules that lead to VIPs are gone then, and requests are answered from the server's own address until dsrctl reload";
	guard_or_sysctls(facts, finding);
	return finding;
}

// A manager that has a VIP, or what it is on. @when: it removes it
Finding owner(const Facts &facts, const std::string &id, const std::string &found,
	      const std::string &vips, const std::string &when, const std::string &keep)
{
	Finding finding{Severity::note,
			id,
			found,
			vips + " gone " + when + ", until the guard of dsrctl.service repairs that",
			{},
			keep,
			false};

	if (facts.managers.guard)
		return finding;
	finding.severity = Severity::warning;
	finding.found += ", and no guard runs";
	finding.why = vips + " gone " + when + ", until dsrctl reload";
	finding.keep += "; and systemctl restart dsrctl, whose guard puts addresses back";
	return finding;
}

Finding publisher(const std::string &name)
{
	return {Severity::note,
		name,
		name + " is here, and publishes ports",
		"a port that it publishes on all addresses is taken from a VIP's service, too",
		{},
		name + " run -p ADDRESS:PORT:PORT, with the address that the container is for",
		false};
}

// Of the files that netplan writes, it makes new ones.
Finding networkd(const Facts &facts, const std::string &interface, const std::string &path)
{
	const std::string found = "systemd-networkd configures " + interface + ": " + path;
	const std::string keep =
		path.find("-netplan-") == path.npos ?
			"KeepConfiguration=yes in [Network] of that file, or of a drop-in" :
			"KeepConfiguration=yes in [Network] of a drop-in in /etc/systemd/network/" +
				path.substr(path.rfind('/') + 1) + ".d";

	if (interface != "lo")
		return owner(facts, "networkd-interface", found, "VIPs on " + interface + " are",
			     "when it is restarted", keep);
	return {Severity::note,
		"networkd-lo",
		found,
		"systemd 252 left VIPs on lo alone, whenever it was restarted; another version may remove what it did not set",
		{},
		keep,
		false};
}

Finding network_manager(const Facts &facts, const std::string &interface, const std::string &path)
{
	return owner(
		facts, interface == "lo" ? "networkmanager-lo" : "networkmanager-interface",
		"found " + interface + " in " + path +
			", so that NetworkManager removes what it did not set",
		"VIPs on " + interface + " are", "when the profile is activated",
		"unmanaged-devices=interface-name:" + interface +
			" in [keyfile] of a file in /etc/NetworkManager/conf.d; or the VIPs in the profile, too");
}

Finding keepalived(const Facts &facts, const MovedAddress &one)
{
	return owner(facts, "keepalived-vip",
		     "keepalived has the VIP " + text(one.ip) + " on " + one.dev + ", too (" +
			     one.where + ")",
		     "the VIP is", "when keepalived ends, or another host takes over",
		     "the VIP out of the addresses of keepalived.conf, or out of /etc/dsr.d");
}

// A program that is here, and that nothing was found of.
void nothing_of(bool here, const std::string &name, const std::string &found, Findings &findings)
{
	if (here && std::ranges::none_of(
			    findings, [&](const Finding &one) { return one.id.starts_with(name); }))
		findings.push_back(
			{Severity::note, name, found, "it leaves VIPs alone", {}, "", false});
}

} // namespace

Findings check_flushers(const Facts &facts)
{
	const Reach rules = reach(facts);
	Findings findings;

	for (const Flusher &one : FLUSHERS)
		if (facts.managers.*one.there)
			findings.push_back(flusher(facts, one, rules));
	if (facts.managers.ufw)
		findings.push_back({Severity::note,
				    "ufw",
				    "ufw is here, and its rules see the VIP as the destination",
				    "what it does not allow does not reach a VIP",
				    {},
				    "ufw allow to the VIP and its port",
				    false});
	for (const auto &[there, name] : {std::pair(facts.managers.docker, "docker"),
					  std::pair(facts.managers.podman, "podman")})
		if (there)
			findings.push_back(publisher(name));
	return findings;
}

Findings check_owners_of_addresses(const Facts &facts)
{
	const Managers &managers = facts.managers;
	Findings findings;
	std::set<std::string> interfaces;

	for (const Entry &entry : facts.config.entries)
		interfaces.insert(entry.dev);
	for (const std::string &interface : interfaces) {
		const auto matches = [&](const InterfaceFile &file) {
			return file.matches(interface);
		};
		// the first that matches is the one
		const auto file = std::ranges::find_if(managers.networkd_files, matches);

		if (file != managers.networkd_files.end() && !file->keeps)
			findings.push_back(networkd(facts, interface, file->path));
		for (const InterfaceFile &profile : managers.profiles)
			if (matches(profile))
				findings.push_back(network_manager(facts, interface, profile.path));
	}
	for (const MovedAddress &one : managers.moved)
		for (const Entry &entry : facts.config.entries)
			if (entry.ip == one.ip && entry.dev == one.dev) {
				findings.push_back(keepalived(facts, one));
				break;
			}
	nothing_of(managers.network_manager, "networkmanager",
		   "NetworkManager is here, and no profile of it names an interface of VIPs",
		   findings);
	nothing_of(
		managers.networkd, "networkd",
		"systemd-networkd is here, and keeps VIPs, or no file of it names their interface",
		findings);
	nothing_of(managers.keepalived, "keepalived",
		   "keepalived is here, and no VIP is among its addresses", findings);
	return findings;
}

} // namespace dsr::doctor
