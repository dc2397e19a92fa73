// SPDX-License-Identifier: BSD-3-Clause
// What arrived while packets were looked at.
#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

using Kind = Diagnosis::Kind;

constexpr std::uint8_t TCP = 6;

std::set<std::uint8_t> mapped(const Sample &sample, Family family)
{
	std::set<std::uint8_t> dscps;

	for (const Diagnosis::Vip &vip : sample.diagnosis.vips())
		if (vip.ip.family == family)
			dscps.insert(vip.dscps.begin(), vip.dscps.end());
	return dscps;
}

std::string numbers(const std::set<std::uint8_t> &dscps)
{
	std::vector<std::string> words;

	for (std::uint8_t dscp : dscps)
		words.push_back(std::to_string(dscp));
	return list(words);
}

std::string place(const Diagnosis::Finding &finding)
{
	return text(finding.server) + " " + finding.service();
}

// Does a service of a VIP listen on this port?
bool is_service(const Facts &facts, const std::vector<Vip> &all, const Diagnosis::Finding &finding)
{
	if (!facts.listeners || finding.protocol != TCP || finding.port == SSH_PORT)
		return false;
	return std::any_of(all.begin(), all.end(), [&](const Vip &vip) {
		return vip.ip.family == finding.server.family &&
		       is_open(facts, vip.ip, {false, finding.port});
	});
}

} // namespace

std::string seconds_text(const Sample &sample)
{
	std::string text = std::to_string(sample.seconds);

	return text.substr(0, text.find('.') + 2) + " s";
}

bool sets_port(const Facts &facts, std::uint8_t dscp, const Ip &ip)
{
	return std::any_of(
		facts.rewrites.begin(), facts.rewrites.end(), [&](const Rewrite &rewrite) {
			return rewrite.dport &&
			       std::any_of(rewrite.items.begin(), rewrite.items.end(),
					   [&](const Item &item) {
						   return item.dscp == dscp && item.ip == ip;
					   });
		});
}

Findings check_unmapped(const Facts &facts)
{
	// what came with a DSCP, and an example
	std::map<std::pair<Family, std::uint8_t>, Diagnosis::Finding> found;
	Findings findings;

	if (!facts.sample)
		return {};
	for (const Diagnosis::Finding &one : facts.sample->diagnosis.findings())
		if (one.kind == Kind::unmapped) {
			auto [at, added] = found.emplace(std::pair(one.server.family, one.dscp),
							 one);

			if (!added)
				at->second.count += one.count;
		}
	for (const auto &[key, one] : found) {
		const auto known = mapped(*facts.sample, key.first);

		if (known.empty())
			continue;
		findings.push_back(
			{Severity::warning,
			 "dscp-unmapped",
			 std::to_string(one.count) + " packets with " + dscp_text(one.dscp) +
				 " to " + place(one) + " in " + seconds_text(*facts.sample) +
				 ", which stands for no VIP; in " + name(key.first) +
				 " these do: " + numbers(known),
			 "no rule gives them a VIP: if the load balancer marked them, its clients get no answer",
			 {},
			 "give the DSCP to its VIP in a file in /etc/dsr.d, or correct the load balancer; dsrctl doctor --compare shows where two servers disagree",
			 false});
	}
	return findings;
}

// Connections that are opened unmarked, to a service of a VIP.
Findings check_unmarked(const Facts &facts)
{
	const std::vector<Vip> all = vips(facts);
	Findings findings;

	if (!facts.sample)
		return {};
	for (Family family : FAMILIES) {
		const auto known = mapped(*facts.sample, family);
		const bool marked = facts.sample->diagnosis.marked(family);
		std::uint64_t unmarked = 0;
		Diagnosis::Finding example;

		for (const Diagnosis::Finding &one : facts.sample->diagnosis.findings()) {
			if ((one.kind != Kind::cleared && one.kind != Kind::unmarked) ||
			    one.server.family != family || !one.opens ||
			    !is_service(facts, all, one))
				continue;
			unmarked += one.opens;
			example = one;
		}
		if (!unmarked || known.empty())
			continue;
		findings.push_back(
			{marked ? Severity::note : Severity::warning,
			 "dscp-cleared",
			 std::to_string(unmarked) + " connections opened with DSCP 0, to " +
				 place(example) + ", in " + seconds_text(*facts.sample) +
				 (marked ? "" : ", and no marked packet") +
				 "; the VIPs have DSCP " + numbers(known),
			 "they keep the server's own address: either they are checks of its own health, or the load balancer does not mark, or a router on the path clears the DSCP",
			 {{"ping", "-Q", std::to_string(*known.begin() << 2), text(example.server)}},
			 "run it on the load balancer: what answers is the VIP, if the DSCP survives the path; where it does not, have the routers trust the DSCP (mls qos trust dscp or its like)",
			 false});
	}
	return findings;
}

} // namespace dsr::doctor
