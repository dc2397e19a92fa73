// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/report.hpp"
#include "dsrctl/exit_status.hpp"

#include <algorithm>
#include <cstdio>

#include "common/dscp.hpp"
#include "common/json_text.hpp"
#include "common/metrics_text.hpp"

namespace dsr::probe {

namespace {

struct Counts {
	std::size_t ok = 0, warnings = 0, failed = 0;
};

// Of targets: each counts as its worst answer.
Counts count(const std::vector<Result> &results)
{
	Counts counts;

	for (const Result &result : results) {
		Verdict verdict = result.worst().verdict;

		if (verdict == Verdict::ok)
			counts.ok++;
		else if (is_failure(verdict))
			counts.failed++;
		else
			counts.warnings++;
	}
	return counts;
}

struct Times {
	Seconds least{0}, mean{0}, most{0};
};

// Of what succeeded; none when nothing did.
std::optional<Times> times(const std::vector<Result> &results)
{
	std::optional<Times> times;
	Seconds sum{0};
	std::size_t number = 0;

	for (const Result &result : results)
		for (const Answer &answer : result.answers) {
			if (is_failure(answer.verdict))
				continue;
			if (!times)
				times = Times{answer.time, {}, answer.time};
			times->least = std::min(times->least, answer.time);
			times->most = std::max(times->most, answer.time);
			sum += answer.time;
			number++;
		}
	if (times)
		times->mean = sum / number;
	return times;
}

std::string percent_lost(const std::vector<Result> &results)
{
	std::size_t all = 0, succeeded = 0;

	for (const Result &result : results) {
		all += result.answers.size();
		succeeded += result.succeeded();
	}
	return std::to_string((all - succeeded) * 100 / all) + "%";
}

std::string title(const Target &target)
{
	return target.name + " at " + text(target.real);
}

nlohmann::json milliseconds(Seconds time)
{
	return time.count() * 1000;
}

nlohmann::json answer_json(const Answer &answer)
{
	using nlohmann::json;

	return {{"result", name(answer.verdict)},
		{"text", answer.text},
		{"time_ms", milliseconds(answer.time)},
		{"from", answer.from ? json(text(*answer.from)) : json()},
		{"dscp", answer.dscp ? json(*answer.dscp) : json()},
		{"status", answer.status ? json(*answer.status) : json()}};
}

// A "|" begins the measurements, and there is one line.
std::string plain(std::string text)
{
	for (char &c : text)
		if (c == '|' || c == '\n')
			c = '/';
	return text;
}

std::string in_seconds(Seconds time)
{
	char buffer[32];

	std::snprintf(buffer, sizeof(buffer), "%.6fs", time.count());
	return buffer;
}

} // namespace

int exit_status(const Report &report)
{
	Counts counts = count(report.results);

	return counts.failed ? EXIT_ERRORS : counts.warnings ? EXIT_WARNINGS : EXIT_FINE;
}

std::string head_text(const Target &target, const Check &check)
{
	return title(target) + ", " + dscp_text(target.dscp) + ", " + text(check) + "\n";
}

std::string answer_text(const Answer &answer, unsigned int number)
{
	std::string line = std::to_string(number) + ": ";

	if (answer.verdict == Verdict::ok)
		line += "ok";
	else
		line += std::string(is_failure(answer.verdict) ? "FAILED" : "WARNING") + ", " +
			name(answer.verdict);
	line += ": " + answer.text;
	if (!is_failure(answer.verdict))
		line += ", " + text(answer.time);
	return line + "\n";
}

std::string sum_text(const Result &result)
{
	std::string line = std::to_string(result.answers.size()) + " sent, " +
			   std::to_string(result.succeeded()) + " succeeded";

	if (auto taken = times({result}))
		line += ", " + text(taken->least) + " to " + text(taken->most) + ", mean " +
			text(taken->mean);
	return line + "\n";
}

std::string table_text(const Report &report)
{
	using Row = std::vector<std::string>;
	std::vector<Row> rows{{"server", "vip", "dscp", "tos", "ok", "time", "result", ""}};
	std::vector<std::size_t> widths(rows[0].size());
	Counts counts = count(report.results);
	std::string table;

	for (const Result &result : report.results) {
		const Target &target = result.target;
		const Answer &worst = result.worst();
		auto taken = times({result});

		rows.push_back({text(target.real), target.name, std::to_string(target.dscp),
				hex(target.dscp << 2),
				std::to_string(result.succeeded()) + "/" +
					std::to_string(result.answers.size()),
				taken ? text(taken->mean) : "--", name(worst.verdict),
				worst.verdict == Verdict::ok ? "" : worst.text});
	}
	for (const Row &row : rows)
		for (std::size_t i = 0; i + 1 < row.size(); i++)
			widths[i] = std::max(widths[i], row[i].size());
	for (const Row &row : rows) {
		std::string line;

		for (std::size_t i = 0; i < row.size(); i++) {
			line += row[i];
			if (i + 1 < row.size())
				line.append(widths[i] - row[i].size() + 2, ' ');
		}
		table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
	}
	return table + std::to_string(counts.ok) + " ok, " + std::to_string(counts.warnings) +
	       " with a warning, " + std::to_string(counts.failed) + " failed\n";
}

std::string report_json(const Report &report)
{
	using nlohmann::json;
	Counts counts = count(report.results);
	json probes = json::array();

	for (const Result &result : report.results) {
		const Target &target = result.target;
		json answers = json::array();

		for (const Answer &answer : result.answers)
			answers.push_back(answer_json(answer));
		probes.push_back({{"real", text(target.real)},
				  {"vip", text(target.vip)},
				  {"name", target.name},
				  {"dscp", target.dscp},
				  {"tos", target.dscp << 2},
				  {"check", text(report.check)},
				  {"result", name(result.worst().verdict)},
				  {"text", result.worst().text},
				  {"succeeded", result.succeeded()},
				  {"answers", answers}});
	}
	return json_text(json{{"probes", probes},
			      {"skipped", report.skipped},
			      {"ok", counts.ok},
			      {"warnings", counts.warnings},
			      {"failed", counts.failed}});
}

std::string probe_metrics(const Report &report)
{
	MetricsText text;
	auto labels = [&](const Result &result) -> MetricsText::Labels {
		return {{"real", dsr::text(result.target.real)},
			{"vip", dsr::text(result.target.vip)},
			{"name", result.target.name},
			{"dscp", std::to_string(result.target.dscp)},
			{"check", dsr::probe::text(report.check)}};
	};

	text.family("dsrctl_probe_success", "1 when the server answered for the VIP each time.");
	for (const Result &result : report.results)
		text.add(labels(result), !is_failure(result.worst().verdict));
	text.family("dsrctl_probe_result", "1 for what the worst answer was, by name.");
	for (const Result &result : report.results) {
		MetricsText::Labels all = labels(result);

		all.emplace_back("result", name(result.worst().verdict));
		text.add(all, 1);
	}
	text.family("dsrctl_probe_duration_seconds",
		    "How long the answers took that came, on average.");
	for (const Result &result : report.results)
		if (auto taken = times({result}))
			text.add(labels(result), std::to_string(taken->mean.count()));
	return text.text();
}

std::string nagios_text(const Report &report)
{
	static const char *const states[] = {"OK", "WARNING", "CRITICAL"};
	const std::vector<Result> &results = report.results;
	const std::string all = std::to_string(results.size());
	std::string line = std::string("DSR ") + states[nagios_status(report)] + " - ";
	Counts counts = count(results);
	auto taken = times(results);

	if (results.size() == 1) {
		const Answer &worst = results[0].worst();

		line += title(results[0].target) + ": ";
		if (worst.verdict != Verdict::ok)
			line += std::string(name(worst.verdict)) + ", ";
		line += plain(worst.text);
	} else {
		line += std::to_string(counts.ok) + " of " + all + " ok";
		for (const Result &result : results)
			if (result.worst().verdict != Verdict::ok)
				line += "; " + title(result.target) + ": " +
					name(result.worst().verdict);
		line = plain(line);
	}
	line += " |";
	if (taken)
		line += " time=" + in_seconds(taken->mean) + ";;;0;" +
			in_seconds(report.timing.timeout);
	line += " loss=" + percent_lost(results) + ";;;0;100";
	if (results.size() > 1)
		line += " ok=" + std::to_string(counts.ok) + ";;;0;" + all +
			" warning=" + std::to_string(counts.warnings) + ";;;0;" + all +
			" failed=" + std::to_string(counts.failed) + ";;;0;" + all;
	return line + "\n";
}

int keepalived_status(const Report &report)
{
	return count(report.results).failed ? 1 : 0;
}

int nagios_status(const Report &report)
{
	Counts counts = count(report.results);

	return counts.failed ? 2 : counts.warnings ? 1 : 0;
}

} // namespace dsr::probe
