// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/watch/report.hpp"

#include <algorithm>
#include <cstdio>

#include "common/dscp.hpp"
#include "common/json_text.hpp"

namespace dsr::watch {

namespace {

using nlohmann::json;
using Row = std::vector<std::string>;

const Row HEADER = {"vip",   "dscp",	"tos",	 "hex",	   "binary", "requests",
		    "bytes", "replies", "bytes", "marked", "offload"};
constexpr std::size_t NUMBERS = 5; // aligned to the right from here

std::string table(const std::vector<Row> &rows)
{
	std::vector<std::size_t> widths(HEADER.size());
	std::string text;

	for (const Row &row : rows)
		for (std::size_t i = 0; i < row.size(); i++)
			widths[i] = std::max(widths[i], row[i].size());
	for (const Row &row : rows) {
		std::string line;

		for (std::size_t i = 0; i < row.size(); i++) {
			std::string pad(widths[i] - row[i].size(), ' ');

			line += (i ? "  " : "") + (i < NUMBERS ? row[i] + pad : pad + row[i]);
		}
		text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
	}
	return text;
}

// A VIP with several DSCPs has its counters in the first row.
void add_rows(const Diagnosis::Vip &vip, std::vector<Row> &rows)
{
	const std::size_t count = std::max<std::size_t>(vip.dscps.size(), 1);

	for (std::size_t i = 0; i < count; i++) {
		Row row = {text(vip.ip), "--", "--", "--", "--"};

		if (!vip.dscps.empty()) {
			const std::uint8_t dscp = vip.dscps[i];

			row = {row[0], std::to_string(dscp), std::to_string(dscp << 2),
			       hex(dscp << 2), binary(dscp) + "b"};
		}
		if (!i)
			for (std::uint64_t number :
			     {vip.requests.packets, vip.requests.bytes, vip.replies.packets,
			      vip.replies.bytes, vip.marked_replies, vip.offloaded})
				row.push_back(std::to_string(number));
		rows.push_back(std::move(row));
	}
}

json dscp_json(std::uint8_t dscp)
{
	return {{"dscp", dscp},
		{"tos", dscp << 2},
		{"tos_hex", hex(dscp << 2)},
		{"binary", binary(dscp)}};
}

json traffic_json(const Diagnosis::Traffic &traffic)
{
	return {{"packets", traffic.packets}, {"bytes", traffic.bytes}};
}

} // namespace

std::string report_table(const Diagnosis &diagnosis, const Progress &progress)
{
	std::vector<Row> rows = {HEADER};
	std::string text;
	char time[32] = "";

	for (const Diagnosis::Vip &vip : diagnosis.vips())
		add_rows(vip, rows);
	if (progress.seconds > 0)
		std::snprintf(time, sizeof(time), " in %.1f s", progress.seconds);
	text = std::to_string(diagnosis.packets()) + " packets" + time;
	if (progress.lost)
		text += ", and " + std::to_string(progress.lost) + " that came too fast to be seen";
	text += "\n" + table(rows);
	for (const Diagnosis::Finding &finding : diagnosis.findings())
		text += "! " + finding.text() + "\n";
	if (diagnosis.overflowed())
		text += "! more than can be counted: the numbers above are lower bounds\n";
	return text;
}

std::string report_json(const Diagnosis &diagnosis, const Progress &progress)
{
	json vips = json::array(), findings = json::array();

	for (const Diagnosis::Vip &vip : diagnosis.vips()) {
		json dscps = json::array();

		for (std::uint8_t dscp : vip.dscps)
			dscps.push_back(dscp_json(dscp));
		vips.push_back({{"vip", text(vip.ip)},
				{"dscps", dscps},
				{"requests", traffic_json(vip.requests)},
				{"replies", traffic_json(vip.replies)},
				{"marked_replies", vip.marked_replies},
				{"offload", vip.offloaded}});
	}
	for (const Diagnosis::Finding &finding : diagnosis.findings())
		findings.push_back({{"kind", kind_key(finding.kind)},
				    {"count", finding.count},
				    {"text", finding.text()}});
	return json_text(json{{"packets", diagnosis.packets()},
			      {"seconds", progress.seconds},
			      {"lost", progress.lost},
			      {"end", progress.end},
			      {"overflow", diagnosis.overflowed()},
			      {"vips", vips},
			      {"findings", findings}},
			 -1);
}

} // namespace dsr::watch
