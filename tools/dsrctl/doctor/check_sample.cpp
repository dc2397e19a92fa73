// SPDX-License-Identifier: BSD-3-Clause
// What arrived while packets were counted.
#include <algorithm>
#include <set>

#include "common/dscp.hpp"
#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

constexpr std::uint8_t TCP = 6;
constexpr std::uint16_t SSH = 22;

std::set<std::uint8_t> mapped(const Facts &facts, Family family)
{
	std::set<std::uint8_t> dscps;

	for (const Rewrite &rewrite : facts.rewrites)
		for (const Item &item : rewrite.items)
			if (item.ip.family == family)
				dscps.insert(item.dscp);
	for (const Vip &vip : vips(facts))
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

std::string protocol_text(const Arrival &arrival)
{
	std::string port = arrival.port ? " port " +
						  std::to_string(arrival.port) :
					  "";

	switch (arrival.protocol) {
	case TCP:
		return "TCP" + port;
	case 17:
		return "UDP" + port;
	case 1:
		return "ICMP";
	case 58:
		return "ICMPv6";
	}
	return "protocol " + std::to_string(arrival.protocol) + port;
}

// Does a service of a VIP listen on this port?
bool is_service(const Facts &facts, const std::vector<Vip> &all,
		const Arrival &arrival)
{
	if (!facts.listeners || arrival.port == SSH)
		return false;
	for (const Vip &vip : all)
		for (const Listener &listener : *facts.listeners)
			if (vip.ip.family == arrival.to.family &&
			    !listener.udp && listener.port == arrival.port &&
			    serves(listener, vip.ip))
				return true;
	return false;
}

} // namespace

std::string seconds_text(const Sample &sample)
{
	std::string text = std::to_string(sample.seconds);

	return text.substr(0, text.find('.') + 2) + " s";
}

bool sets_port(const Facts &facts, std::uint8_t dscp, const Ip &ip)
{
	return std::any_of(facts.rewrites.begin(), facts.rewrites.end(),
			   [&](const Rewrite &rewrite) {
		return rewrite.dport &&
		       std::find(rewrite.items.begin(), rewrite.items.end(),
				 Item{dscp, ip}) != rewrite.items.end();
	});
}

Findings check_unmapped(const Facts &facts)
{
	const std::vector<Vip> all = vips(facts);
	Findings findings;

	if (!facts.sample)
		return {};
	for (Family family : FAMILIES) {
		const std::set<std::uint8_t> known = mapped(facts, family);
		// what of it arrived, by DSCP
		std::map<std::uint8_t, std::uint64_t> packets;
		std::map<std::uint8_t, std::string> example;

		for (const auto &[arrival, count] : facts.sample->packets) {
			// ssh marks its packets itself.
			bool ssh = arrival.protocol == TCP &&
				   arrival.port == SSH;

			if (arrival.to.family != family || !arrival.dscp ||
			    !arrival.opens || ssh ||
			    known.contains(arrival.dscp) ||
			    is_vip(all, arrival.to))
				continue;
			packets[arrival.dscp] += count;
			example[arrival.dscp] = text(arrival.to) + " " +
						protocol_text(arrival);
		}
		for (const auto &[dscp, count] : packets)
			if (!known.empty())
				findings.push_back(
					{Severity::warning, "dscp-unmapped",
					 "found " + std::to_string(count) +
						 " packets with " +
						 dscp_text(dscp) + " to " +
						 example[dscp] + " in " +
						 seconds_text(*facts.sample) +
						 ", expected a DSCP that is mapped in " +
						 name(family) + ": " +
						 numbers(known),
					 "no rule gives them a VIP: if the load balancer marked them, its clients get no answer",
					 {}, "give the DSCP to its VIP in a file in /etc/dsr.d, or correct the load balancer; dsrctl doctor --compare shows where two servers disagree",
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
		const std::set<std::uint8_t> known = mapped(facts, family);
		std::uint64_t unmarked = 0, marked = 0;
		std::string example;

		for (const auto &[arrival, count] : facts.sample->packets) {
			if (arrival.to.family != family ||
			    is_vip(all, arrival.to))
				continue;
			if (known.contains(arrival.dscp))
				marked += count;
			if (arrival.dscp || arrival.protocol != TCP ||
			    !arrival.opens || !is_service(facts, all, arrival))
				continue;
			unmarked += count;
			example = text(arrival.to) + " " +
				  protocol_text(arrival);
		}
		if (!unmarked || known.empty())
			continue;
		findings.push_back(
			{marked ? Severity::note : Severity::warning,
			 "dscp-cleared",
			 "found " + std::to_string(unmarked) +
				 " connections opened with DSCP 0, to " +
				 example + ", in " +
				 seconds_text(*facts.sample) +
				 (marked ? "" : ", and no marked packet") +
				 ", expected them marked with a DSCP: " +
				 numbers(known),
			 "they keep the server's own address: either they are checks of its own health, or the load balancer does not mark, or a router on the path clears the DSCP",
			 {{"ping", "-Q", std::to_string(*known.begin() << 2),
			   example.substr(0, example.find(' '))}},
			 "run it on the load balancer: what answers is the VIP, if the DSCP survives the path; where it does not, have the routers trust the DSCP (mls qos trust dscp or its like)",
			 false});
	}
	return findings;
}

} // namespace dsr::doctor
