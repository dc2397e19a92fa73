// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "common/json_text.hpp"
#include "dsrctl/fleet/fleet.hpp"
#include "dsrctl/exit_status.hpp"

namespace dsr::fleet {

namespace {

constexpr std::size_t SHOWN = 5;

const char *name(Severity severity)
{
	static const char *const names[] = {"note", "warning", "error"};

	return names[static_cast<int>(severity)];
}

std::size_t count(const Findings &findings, Severity severity)
{
	return static_cast<std::size_t>(
		std::count_if(findings.begin(), findings.end(), [&](const Finding &finding) {
			return finding.severity == severity;
		}));
}

std::string plural(std::size_t count, const std::string &noun)
{
	return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

} // namespace

std::string findings_text(const Findings &findings)
{
	std::string lines;

	for (const Finding &finding : findings) {
		lines += std::string(name(finding.severity)) + ": " + finding.id + ": " +
			 (finding.where.empty() ? "" : finding.where + ": ") + finding.text;
		for (std::size_t i = 0; i < std::min(finding.hosts.size(), SHOWN); i++)
			lines += (i ? ", " : ": ") + finding.hosts[i];
		if (finding.hosts.size() > SHOWN)
			lines += " and " + plural(finding.hosts.size() - SHOWN, "more server");
		lines += "\n";
	}
	return lines + plural(count(findings, Severity::error), "error") + ", " +
	       plural(count(findings, Severity::warning), "warning") + "\n";
}

std::string findings_json(const Findings &findings, const Fleet &fleet)
{
	using nlohmann::json;
	json all = json::array();

	for (const Finding &finding : findings)
		all.push_back({{"severity", name(finding.severity)},
			       {"id", finding.id},
			       {"where", finding.where},
			       {"text", finding.text},
			       {"servers", finding.hosts},
			       {"vip", finding.vip ? json(text(*finding.vip)) : json()},
			       {"dscp", finding.dscp ? json(*finding.dscp) : json()}});
	return json_text(json{{"servers", fleet.hosts.size()},
			      {"load_balancers", fleet.balancers.size()},
			      {"errors", count(findings, Severity::error)},
			      {"warnings", count(findings, Severity::warning)},
			      {"findings", all}});
}

int exit_status(const Findings &findings)
{
	if (count(findings, Severity::error))
		return EXIT_ERRORS;
	return count(findings, Severity::warning) ? EXIT_WARNINGS : EXIT_FINE;
}

} // namespace dsr::fleet
