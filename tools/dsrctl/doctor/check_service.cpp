// SPDX-License-Identifier: BSD-3-Clause
// Who listens on the VIPs.
#include <algorithm>
#include <set>

#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

bool is_loopback(const Ip &ip)
{
	return ip.family == Family::ip4 ? ip.bytes[0] == 127 : refuse(ip) != nullptr;
}

std::string port_text(bool udp, std::uint16_t port)
{
	return std::string(udp ? "UDP" : "TCP") + " port " + std::to_string(port);
}

// Could it be the service of the VIP? What listens everywhere is there on any
// host: ssh, and the sockets that programs ask over by UDP.
bool may_serve(const Listener &listener, const Ip &ip)
{
	if (!serves(listener, ip))
		return false;
	return !is_any(listener.ip) || (!listener.udp && listener.port != SSH_PORT);
}

// Where the service listens instead, when that is on the host's own addresses.
std::vector<std::string> own_ports(const Facts &facts, const std::vector<Vip> &all, Family family)
{
	std::vector<std::string> ports;

	for (const Listener &listener : *facts.listeners)
		if (!listener.udp && listener.port != SSH_PORT && listener.ip.family == family &&
		    !is_any(listener.ip) && !is_loopback(listener.ip) && !is_vip(all, listener.ip))
			ports.push_back(text(listener.ip) + " (" + port_text(false, listener.port) +
					")");
	return ports;
}

Finding unserved(const Vip &vip, const std::vector<std::string> &own)
{
	if (own.empty())
		return {Severity::error,
			"service-missing",
			"nothing listens on " + text(vip.ip),
			"clients get a reset, or no answer",
			{},
			"start the service, and have it listen on the VIP or on all addresses; a service that listens on all addresses by UDP is looked for with --port",
			false};
	return {Severity::error,
		"service-on-rip",
		"nothing listens on " + text(vip.ip) + ", only on " + list(own),
		"the rewrite gives packets the VIP as their destination, where nobody listens: clients get a reset",
		{},
		"have the service listen on the VIP or on all addresses, in its own configuration",
		false};
}

// Of a port that somebody is known to use.
Finding closed(const Facts &facts, const std::vector<Vip> &all, const Vip &vip, Port port,
	       const std::string &asked)
{
	std::vector<std::string> own;

	for (const Listener &listener : *facts.listeners)
		if (listener.udp == port.udp && listener.port == port.number &&
		    !is_vip(all, listener.ip) && !is_any(listener.ip))
			own.push_back(text(listener.ip));
	Finding finding = unserved(vip, own);
	finding.found = "nothing listens on " + text(vip.ip) + " " +
			port_text(port.udp, port.number) +
			(own.empty() ? "" : ", only on " + list(own)) + asked;
	return finding;
}

} // namespace

Findings check_services(const Facts &facts)
{
	const std::vector<Vip> all = vips(facts);
	Findings findings;

	if (!facts.listeners)
		return {{Severity::note,
			 "services-unknown",
			 "the kernel does not say who listens",
			 "services were not looked at",
			 {{"modprobe", "inet_diag"}},
			 "",
			 false}};
	for (const Vip &vip : all) {
		for (const Port &port : facts.ports)
			if (!is_open(facts, vip.ip, port))
				findings.push_back(closed(facts, all, vip, port, ""));
		if (facts.ports.empty() &&
		    std::none_of(
			    facts.listeners->begin(), facts.listeners->end(),
			    [&](const Listener &listener) { return may_serve(listener, vip.ip); }))
			findings.push_back(unserved(vip, own_ports(facts, all, vip.ip.family)));
	}
	return findings;
}

// What clients asked for while packets were counted, and did not get.
Findings check_refused(const Facts &facts)
{
	const std::vector<Vip> all = vips(facts);
	std::set<std::pair<Ip, std::uint16_t>> seen;
	Findings findings;

	if (!facts.listeners || !facts.sample)
		return {};
	for (const auto &[asked, count] : facts.sample->diagnosis.asked())
		for (const Vip &vip : all) {
			const Port port{false, asked.port};
			bool named = std::any_of(
				facts.ports.begin(), facts.ports.end(), [&](const Port &one) {
					return !one.udp && one.number == port.number;
				});

			if (vip.ip != asked.vip || named || sets_port(facts, asked.dscp, vip.ip) ||
			    is_open(facts, vip.ip, port) ||
			    !seen.insert({vip.ip, port.number}).second)
				continue;
			findings.push_back(closed(facts, all, vip, port,
						  ": " + std::to_string(count) +
							  " connections to it were asked for in " +
							  seconds_text(*facts.sample)));
		}
	return findings;
}

} // namespace dsr::doctor
