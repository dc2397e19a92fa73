// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/report.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/json_text.hpp"
#include "common/metrics_text.hpp"
#include "common/process.hpp"
#include "dsrctl/exit_status.hpp"

namespace dsr::doctor {

namespace {

std::size_t count(const Findings &findings, Severity severity)
{
	return std::count_if(findings.begin(), findings.end(),
			     [&](const Finding &finding) { return finding.severity == severity; });
}

std::string counted(std::size_t count, const std::string &noun)
{
	return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

bool alike(const Finding &one, const Finding &other)
{
	return one.severity == other.severity && one.id == other.id && one.why == other.why &&
	       one.keep == other.keep;
}

// Findings that are alike: each of them, and once why, and what fixes them.
std::string text(const Findings &findings)
{
	const Finding &first = findings[0];
	std::set<std::string> seen;
	std::string text;

	for (const Finding &finding : findings)
		text += std::string(name(finding.severity)) + ": " + finding.id + ": " +
			finding.found + "\n";
	text += "    why:  " + first.why + "\n";
	for (const Finding &finding : findings)
		for (const std::string &command : command_lines(finding))
			if (seen.insert(command).second)
				text += "    fix:  " + command + "\n";
	if (!first.keep.empty())
		text += "    keep: " + first.keep + "\n";
	return text;
}

} // namespace

std::vector<std::string> command_lines(const Finding &finding)
{
	std::vector<std::string> lines;

	for (const Command &command : finding.fix)
		lines.push_back(shell_line(command));
	return lines;
}

std::string findings_text(const Findings &findings, bool notes)
{
	std::vector<Findings> groups;
	std::string all;

	for (const Finding &finding : findings) {
		if (!notes && finding.severity == Severity::note)
			continue;
		auto group = std::find_if(groups.begin(), groups.end(), [&](const Findings &some) {
			return alike(some[0], finding);
		});
		if (group == groups.end())
			groups.push_back({finding});
		else
			group->push_back(finding);
	}
	for (const Findings &group : groups)
		all += text(group);
	return all;
}

std::string summary(const Findings &findings, const std::string &what, bool notes)
{
	std::size_t of_notes = count(findings, Severity::note);
	std::string line = what + ": " + counted(count(findings, Severity::error), "error") + ", " +
			   counted(count(findings, Severity::warning), "warning");

	if (of_notes)
		line += ", " + counted(of_notes, "note") + (notes ? "" : " (see -v)");
	return line + "\n";
}

std::string findings_json(const Findings &findings)
{
	using nlohmann::json;
	json list = json::array();

	for (const Finding &finding : findings)
		list.push_back({{"severity", name(finding.severity)},
				{"id", finding.id},
				{"found", finding.found},
				{"why", finding.why},
				{"fix", command_lines(finding)},
				{"keep", finding.keep},
				{"safe", finding.safe}});
	return json_text(json{{"findings", list},
			      {"errors", count(findings, Severity::error)},
			      {"warnings", count(findings, Severity::warning)},
			      {"notes", count(findings, Severity::note)}});
}

std::string findings_metrics(const Findings &findings, const Sample *sample)
{
	using Kind = Diagnosis::Kind;
	MetricsText text;
	std::map<std::pair<std::string, std::string>, std::uint64_t> by_id;

	text.family("dsrctl_doctor_findings", "What dsrctl doctor found, by severity.");
	for (Severity severity : {Severity::error, Severity::warning, Severity::note})
		text.add({{"severity", name(severity)}}, count(findings, severity));
	for (const Finding &finding : findings)
		by_id[{finding.id, name(finding.severity)}]++;
	text.family("dsrctl_doctor_finding", "What dsrctl doctor found, by name.");
	for (const auto &[key, times] : by_id)
		text.add({{"id", key.first}, {"severity", key.second}}, times);
	if (!sample)
		return text.text();
	text.family("dsrctl_doctor_sample_seconds", "How long it looked at what arrives.");
	text.add({}, std::to_string(sample->seconds));
	text.family("dsrctl_doctor_sample_packets",
		    "Packets of that sample that something is wrong with.");
	for (Kind kind :
	     {Kind::cleared, Kind::unmarked, Kind::unmapped, Kind::from_server, Kind::checksum})
		text.add({{"kind", kind_key(kind)}}, sample->diagnosis.count(kind));
	return text.text();
}

int exit_status(const Findings &findings)
{
	return count(findings, Severity::error)	  ? EXIT_ERRORS :
	       count(findings, Severity::warning) ? EXIT_WARNINGS :
						    EXIT_FINE;
}

} // namespace dsr::doctor
