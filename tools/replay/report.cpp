// SPDX-License-Identifier: BSD-3-Clause
#include "replay/report.hpp"

#include "common/dscp.hpp"
#include "common/json_text.hpp"

namespace dsr::replay {

namespace {

using Json = nlohmann::ordered_json;

const char *const passed_keys[] = {
	"not_ip", "unknown_link_type", "no_rule", "same_address", "cut",
};
const char *const passed_texts[] = {
	"not an IP packet",	   "of a link type that is not known here",
	"no rule matches",	   "has the new destination already",
	"cut before what decides",
};
static_assert(std::size(passed_keys) == count_of<Passed> &&
	      std::size(passed_texts) == count_of<Passed>);

const Checksum checksums[] = {
	Checksum::good,
	Checksum::bad,
	Checksum::unknown,
	Checksum::none,
};

class Lines {
public:
	template <class... Arguments>
	void line(const char *format, Arguments... arguments)
	{
		char buffer[200];

		std::snprintf(buffer, sizeof(buffer), format, arguments...);
		text += buffer;
		text += '\n';
	}

	void count(const std::string &name, const Count &count)
	{
		line("%-42s%14llu%18llu", name.c_str(), number(count.packets), number(count.bytes));
	}

	static unsigned long long number(std::uint64_t value) { return value; }

	std::string text;
};

void put_counts(Lines &table, const Counters &counters)
{
	table.line("%-42s%14s%18s", "", "packets", "bytes");
	table.count("read", counters.all());
	table.count("rewritten", counters.rewritten());
	for (unsigned int dscp = 0; dscp < 64; dscp++)
		if (counters.rewritten_by_dscp[dscp].packets)
			table.count("  " + dscp_text(dscp), counters.rewritten_by_dscp[dscp]);
	table.count("passed as they were", counters.passed());
	for (std::size_t i = 0; i < count_of<Passed>; i++)
		if (counters.passed_why[i].packets)
			table.count(std::string("  ") + passed_texts[i], counters.passed_why[i]);
	table.count("dropped", counters.dropped());
	for (std::size_t i = 0; i < count_of<Drop>; i++)
		if (counters.dropped_why[i].packets)
			table.count(std::string("  ") + drop_text(static_cast<Drop>(i)),
				    counters.dropped_why[i]);
	if (counters.cut.packets)
		table.count("cut short by the capture, of these", counters.cut);
}

void put_checksums(Lines &table, const Counters &counters)
{
	table.line("%s", "");
	table.line("%-28s%14s%14s", "transport checksums", "before", "after");
	for (Checksum checksum : checksums)
		table.line("  %-26s%14llu%14llu", checksum_text(checksum),
			   Lines::number(counters.before(checksum)),
			   Lines::number(counters.after(checksum)));
	table.line("  %-26s%28llu%s", "good that became bad", Lines::number(counters.good_to_bad()),
		   counters.good_to_bad() ? "  THIS MUST BE 0" : "");
}

std::string several(std::uint64_t count, const char *what)
{
	return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::vector<std::string> diagnoses(const Report &report)
{
	const Counters &counters = report.counters;
	std::vector<std::string> lines;

	// what is not mapped, the rules below say of all packets
	for (const Diagnosis::Finding &finding : report.diagnosis.findings())
		if (finding.kind != Diagnosis::Kind::unmapped)
			lines.push_back(finding.text());
	if (report.diagnosis.overflowed())
		lines.push_back("more than can be counted: the numbers above are lower bounds");
	for (unsigned int dscp = 1; dscp < 64; dscp++)
		if (counters.no_rule_for_dscp[dscp])
			lines.push_back(several(counters.no_rule_for_dscp[dscp], "packet") +
					" with " + dscp_text(dscp) + ", which no rule maps");
	if (counters.header_checksum_zero)
		lines.push_back(
			several(counters.header_checksum_zero, "packet") +
			" with the IPv4 header checksum 0: captured on the sending host, whose hardware fills it in (checksum offload); harmless");
	if (counters.offloaded)
		lines.push_back(
			several(counters.offloaded, "packet") +
			" with a transport checksum that is left to hardware (checksum offload): harmless");
	if (std::uint64_t bad = counters.before(Checksum::bad) - counters.offloaded)
		lines.push_back(
			several(bad, "packet") +
			" with a wrong transport checksum before any rule, which is not offload");
	return lines;
}

std::vector<std::string> notes(const Report &report)
{
	std::vector<std::string> lines;

	if (report.rules.empty())
		lines.push_back("no DADDR rule to apply");
	if (report.counters.interface_assumed)
		lines.push_back(
			"rules ask for an interface (-i), which the capture does not name of " +
			several(report.counters.interface_assumed, "packet") +
			": taken for the right one; --in says which it was");
	if (report.rules.asks_input())
		lines.push_back(
			"rules in INPUT of mangle: every packet is taken for one to this host");
	lines.insert(lines.end(), report.rules.notes.begin(), report.rules.notes.end());
	if (report.rules.others)
		lines.push_back(several(report.rules.others, "other rule") +
				" in PREROUTING of raw and mangle not applied");
	return lines;
}

Json json_count(const Count &count)
{
	return {{"packets", count.packets}, {"bytes", count.bytes}};
}

Json json_dscp(unsigned int dscp)
{
	return {{"dscp", dscp}, {"tos", dscp << 2}, {"tos_hex", hex(dscp << 2)}};
}

using Counted = std::uint64_t (Counters::*)(Checksum) const;

Json json_checksums(const Counters &counters, Counted counted)
{
	Json json;

	for (Checksum checksum : checksums)
		json[checksum_text(checksum)] = (counters.*counted)(checksum);
	return json;
}

Json json_rewritten(const Counters &counters)
{
	Json json = json_count(counters.rewritten());

	json["by_dscp"] = Json::array();
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		if (!counters.rewritten_by_dscp[dscp].packets)
			continue;
		Json entry = json_dscp(dscp);
		entry.update(json_count(counters.rewritten_by_dscp[dscp]));
		json["by_dscp"].push_back(entry);
	}
	return json;
}

Json json_diagnoses(const Report &report)
{
	const Counters &counters = report.counters;
	using Kind = Diagnosis::Kind;
	Json servers = Json::array(), unmapped = Json::array();
	Json findings = Json::array();

	for (const Diagnosis::Finding &finding : report.diagnosis.findings())
		findings.push_back({{"kind", kind_key(finding.kind)},
				    {"count", finding.count},
				    {"text", finding.text()}});

	for (const Ip &address : report.diagnosis.servers())
		servers.push_back(text(address));
	for (unsigned int dscp = 1; dscp < 64; dscp++) {
		if (!counters.no_rule_for_dscp[dscp])
			continue;
		Json entry = json_dscp(dscp);
		entry["packets"] = counters.no_rule_for_dscp[dscp];
		unmapped.push_back(entry);
	}
	return {
		{"servers", servers},
		{"servers_learnt", !report.with_servers},
		{"unmarked_to_server",
		 report.diagnosis.count(Kind::cleared) + report.diagnosis.count(Kind::unmarked)},
		{"unmarked_is_lower_bound", report.diagnosis.overflowed()},
		{"dscp_without_rule", unmapped},
		{"replies_from_server", report.diagnosis.count(Kind::from_server)},
		{"header_checksum_zero", counters.header_checksum_zero},
		{"transport_checksum_offload", counters.offloaded},
		{"findings", findings},
	};
}

} // namespace

std::string damage_text(const std::string &name, const Damage &damage)
{
	return name + ": byte " + std::to_string(damage.offset) + ": damaged after packet " +
	       std::to_string(damage.packets) + ": " + damage.message +
	       "; what is before was processed";
}

std::string report_table(const Report &report)
{
	Lines table;

	put_counts(table, report.counters);
	put_checksums(table, report.counters);
	auto found = diagnoses(report), noted = notes(report);
	if (!found.empty())
		table.text += "\ndiagnosis\n";
	for (const std::string &line : found)
		table.text += "  " + line + "\n";
	if (!noted.empty())
		table.text += "\n";
	for (const std::string &line : noted)
		table.text += "note: " + line + "\n";
	return table.text;
}

std::string report_json(const Report &report)
{
	const Counters &counters = report.counters;
	Json json, why;

	json["input"] = report.input;
	json["output"] = report.output.empty() ? Json() : Json(report.output);
	json["link_type"] = report.link_type;
	json["read"] = json_count(counters.all());
	json["rewritten"] = json_rewritten(counters);
	json["passed"] = json_count(counters.passed());
	for (std::size_t i = 0; i < count_of<Passed>; i++)
		json["passed"]["why"][passed_keys[i]] = counters.passed_why[i].packets;
	json["dropped"] = json_count(counters.dropped());
	for (std::size_t i = 1; i < count_of<Drop>; i++)
		json["dropped"]["why"][drop_key(static_cast<Drop>(i))] =
			counters.dropped_why[i].packets;
	json["cut"] = json_count(counters.cut);
	json["transport_checksums"] = {
		{"before", json_checksums(counters, &Counters::before)},
		{"after", json_checksums(counters, &Counters::after)},
		{"good_became_bad", counters.good_to_bad()},
	};
	json["diagnoses"] = json_diagnoses(report);
	json["notes"] = notes(report);
	json["damage"] = Json();
	if (report.damage)
		json["damage"] = {{"offset", report.damage->offset},
				  {"packets", report.damage->packets},
				  {"message", report.damage->message}};
	json["status"] = report.status;
	return json_text(json);
}

} // namespace dsr::replay
