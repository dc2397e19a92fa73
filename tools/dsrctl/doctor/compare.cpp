// SPDX-License-Identifier: BSD-3-Clause
// The files of two servers, as dsrctl fleet compares those of many.
#include "dsrctl/doctor/checks.hpp"
#include "dsrctl/fleet/fleet.hpp"

namespace dsr::doctor {

namespace {

constexpr char WHY[] =
	"the load balancer sends the same mark to both servers: one of them takes it for something else, or for nothing, and its share of the clients gets no answer";
constexpr char KEEP[] = "make the VIP's lines the same on both servers, and dsrctl reload";

Severity severity(fleet::Severity severity)
{
	switch (severity) {
	case fleet::Severity::note:
		return Severity::note;
	case fleet::Severity::warning:
		return Severity::warning;
	case fleet::Severity::error:
		break;
	}
	return Severity::error;
}

} // namespace

Findings compare(const Config &here, const Config &there, const std::string &directory)
{
	// what is wrong with the files here is said once, elsewhere
	fleet::Host own{"this host", {}, here};
	Findings findings;

	own.config.errors.clear();
	for (const fleet::Finding &one : fleet::compare({own, {directory, {}, there}})) {
		bool is_error = one.severity == fleet::Severity::error;
		bool unread = one.id == "configuration";

		findings.push_back({severity(one.severity),
				    one.id,
				    one.text,
				    unread ? "what has an error is not compared" :
				    is_error ?
					     WHY :
					     "where both are of one pool, they have the same VIPs",
				    {},
				    unread ? "" : KEEP,
				    false});
	}
	return findings;
}

} // namespace dsr::doctor
