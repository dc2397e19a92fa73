// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/ports.hpp"

#include <algorithm>

namespace dsr::lb {

namespace {

// What an entry without a port, and those with one, say of a VIP on a server.
struct Served {
	const Entry *all = nullptr;
	std::vector<const Entry *> changes; // of the mapping's protocol
	const Entry *any = nullptr;
};

Served served(const std::vector<Entry> &entries, const Mapping &mapping, const Real &real)
{
	Served found;

	for (const Entry &entry : entries) {
		if (entry.ip != mapping.vip || entry.dscp != mapping.dscp ||
		    (entry.to && entry.to != real.ip))
			continue;
		found.any = &entry;
		if (!entry.ports)
			found.all = &entry;
		else if (mapping.protocol.empty() ||
			 mapping.protocol == name(entry.ports->protocol))
			found.changes.push_back(&entry);
	}
	return found;
}

std::string change_text(const Entry &entry)
{
	return std::string("port ") + std::to_string(entry.ports->rip) + " for " +
	       name(entry.ports->protocol) + " port " + std::to_string(entry.ports->vip) +
	       " as in " + entry.where;
}

std::string sent(const Mapping &mapping, const Ports &ports, const Real &real)
{
	std::string words = text(mapping.vip);

	if (ports.from == ports.to)
		words += " port " + std::to_string(ports.from);
	return words + " sent to " +
	       (real.port ? "port " + std::to_string(real.port) + " of " : "") + text(real.ip) +
	       (real.port ? "" : " as it came");
}

// One of the changes is for what is asked for, one for what arrives; right is
// only that they are the same.
std::optional<PortDifference> compare_port(const Served &served, const Mapping &mapping,
					   const Ports &ports, const Real &real)
{
	const bool one = ports.from == ports.to;
	const unsigned int arrives = real.port ? real.port : ports.from;
	const Entry *asked = nullptr, *taken = nullptr;

	for (const Entry *entry : served.changes) {
		const PortChange &change = *entry->ports;

		if (change.vip < ports.from || change.vip > ports.to)
			continue;
		if (one || change.rip != change.vip)
			asked = entry;
		if (asked == entry && one && change.rip == arrives)
			return std::nullopt;
	}
	if (one)
		for (const Entry *entry : served.changes)
			if (entry->ports->rip == arrives)
				taken = entry;
	if (taken)
		return PortDifference{sent(mapping, ports, real),
				      "another port: the server takes it for port " +
					      std::to_string(taken->ports->vip) + " as in " +
					      taken->where};
	if (served.all && (!real.port || (one && real.port == ports.from)))
		return std::nullopt;
	if (asked)
		return PortDifference{sent(mapping, ports, real), change_text(*asked)};
	if (real.port && served.all)
		return PortDifference{sent(mapping, ports, real),
				      "the port that the client asked for, which " +
					      served.all->where + " leaves as it is"};
	return PortDifference{sent(mapping, ports, real),
			      "no such: the server has a VIP for some ports only, as in " +
				      served.any->where};
}

} // namespace

std::optional<PortDifference> compare_ports(const std::vector<Entry> &entries,
					    const Mapping &mapping, const Real &real)
{
	const Served found = served(entries, mapping, real);

	// what is not marked is no L3DSR
	if (!mapping.dscp || !found.any)
		return std::nullopt;
	if (mapping.ports.empty())
		return compare_port(found, mapping, Ports{}, real);
	for (const Ports &ports : mapping.ports)
		if (auto difference = compare_port(found, mapping, ports, real))
			return difference;
	return std::nullopt;
}

bool sends_port(const Mapping &mapping, const std::string &protocol, unsigned int port)
{
	return (mapping.protocol.empty() || mapping.protocol == protocol) &&
	       (mapping.ports.empty() ||
		std::any_of(mapping.ports.begin(), mapping.ports.end(), [&](const Ports &ports) {
			return ports.from <= port && port <= ports.to;
		}));
}

} // namespace dsr::lb
