// SPDX-License-Identifier: BSD-3-Clause
// The files of two servers: behind one load balancer, they have to agree.
#include <algorithm>

#include "common/dscp.hpp"
#include "dsrctl/doctor/checks.hpp"

namespace dsr::doctor {

namespace {

constexpr char WHY[] =
	"the load balancer sends the same mark to both servers: one of them takes it for something else, or for nothing, and its share of the clients gets no answer";
constexpr char KEEP[] =
	"make the files the same on both servers, and dsrctl reload";

std::string describe(const Entry &entry)
{
	return entry.where + " has " + entry.name +
	       (entry.dscp ? " = " + entry.dscp_text : " (l2dsr)");
}

Finding disagreement(const std::string &found, const std::string &expected)
{
	return {Severity::error, "files-disagree",
		"found that " + found + ", expected " + expected, WHY, {},
		KEEP, false};
}

bool same(const Entry &a, const Entry &b)
{
	return a.ip == b.ip && a.dscp == b.dscp;
}

bool has(const Config &config, const Entry &entry)
{
	return std::any_of(config.entries.begin(), config.entries.end(),
			   [&](const Entry &one) { return same(one, entry); });
}

// An entry of one side that the other does not have as it is. What both sides
// have in another way is told once: @first.
void look_for(const Entry &entry, const Config &own, const Config &other,
	      const std::string &name, bool first, Findings &findings)
{
	for (const Entry &one : other.entries) {
		bool dscp = entry.dscp && one.dscp == entry.dscp &&
			    one.ip.family == entry.ip.family;
		bool vip = one.ip == entry.ip && !has(own, one);

		if (!dscp && !vip)
			continue;
		if (first)
			findings.push_back(disagreement(
				describe(entry) + " and " + describe(one),
				dscp ? "one VIP for " + dscp_text(*entry.dscp)
				     : "the same of both"));
		return;
	}
	findings.push_back(disagreement(describe(entry), "the same in " + name));
}

void add_errors(const Config &config, Findings &findings)
{
	for (const Problem &problem : config.errors)
		findings.push_back(
			{Severity::error, "configuration", problem.message,
			 "what has an error is not compared", {}, "", false});
}

} // namespace

Findings compare(const Config &here, const Config &there,
		 const std::string &directory)
{
	Findings findings;

	add_errors(there, findings);
	for (const Entry &entry : here.entries)
		if (!has(there, entry))
			look_for(entry, here, there, directory, true,
				 findings);
	for (const Entry &entry : there.entries)
		if (!has(here, entry))
			look_for(entry, there, here, "this host's files", false,
				 findings);
	return findings;
}

} // namespace dsr::doctor
