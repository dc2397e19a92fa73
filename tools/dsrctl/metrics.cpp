// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/metrics.hpp"

#include <functional>
#include <sstream>

#include "common/dscp.hpp"
#include "common/files.hpp"

namespace dsr {

namespace {

// A label's value.
std::string escape(const std::string &text)
{
	std::string escaped;

	for (char c : text) {
		if (c == '"' || c == '\\')
			escaped += '\\';
		escaped += c == '\n' ? ' ' : c;
	}
	return "\"" + escaped + "\"";
}

std::string labels(const Entry &entry)
{
	std::string text = "{name=" + escape(entry.name) + ",vip=" +
			   escape(dsr::text(entry.ip)) + ",family=\"" +
			   key(entry.ip.family) + "\"";

	if (entry.dscp)
		text += ",dscp=\"" + std::to_string(*entry.dscp) + "\"";
	return text;
}

// All rules that do this: those of maps have their counters in the module.
Count count(const Entry &entry, const Actual &actual, const Counts &maps)
{
	const Item item{*entry.dscp, entry.ip};
	Count sum;

	for (const Rule &rule : actual.rules)
		if (!rule.map && rule.items[0] == item) {
			sum.packets += rule.packets;
			sum.bytes += rule.bytes;
		}
	for (const auto &[where, count] : maps)
		if (where.second == item) {
			sum.packets += count.packets;
			sum.bytes += count.bytes;
		}
	return sum;
}

void head(std::string &text, const std::string &name, const char *type,
	  const char *help)
{
	text += "# TYPE " + name + " " + type + "\n# HELP " + name + " " +
		help + "\n";
}

} // namespace

Counts parse_counters(std::string_view text)
{
	std::istringstream lines{std::string(text)};
	std::string line;
	Counts counts;

	while (std::getline(lines, line)) {
		std::istringstream words(line);
		std::string family, table, dscp, address;
		Count count;

		if (!(words >> family >> table >> dscp >> address >>
		      count.packets >> count.bytes))
			continue;
		auto number = parse_dscp(dscp);
		auto ip = parse_ip(address);
		if (number && ip)
			counts[{table, Item{*number, *ip}}] = count;
	}
	return counts;
}

Counts read_counters()
{
	return parse_counters(read_file_if_any("/proc/net/xt_DADDR"));
}

std::string metrics_text(const Config &config, const std::vector<Row> &rows,
			 const Actual &actual, const Counts &maps)
{
	std::string text;
	auto counter = [&](const std::string &name, const char *help,
			   std::uint64_t Count::*member) {
		head(text, name, "counter", help);
		for (const Entry &entry : config.entries)
			if (entry.dscp)
				text += name + "_total" + labels(entry) +
					"} " +
					std::to_string(count(entry, actual,
							     maps).*member) +
					"\n";
	};

	counter("dsrctl_vip_packets", "Packets that were sent on to the VIP.",
		&Count::packets);
	counter("dsrctl_vip_bytes", "Bytes of these packets.", &Count::bytes);
	head(text, "dsrctl_vip_state", "gauge",
	     "1 for the state that the VIP is in.");
	for (const Row &row : rows)
		for (Standing state : {Standing::stopped, Standing::partial,
				       Standing::started})
			text += "dsrctl_vip_state" + labels(*row.entry) +
				",type=\"" + row.type + "\",state=\"" +
				name(state) + "\"} " +
				(row.standing == state ? "1\n" : "0\n");
	head(text, "dsrctl_configuration_errors", "gauge",
	     "Errors in the configuration: with one, nothing is changed.");
	text += "dsrctl_configuration_errors " +
		std::to_string(config.errors.size()) + "\n";
	head(text, "dsrctl_configuration_warnings", "gauge",
	     "Warnings about the configuration.");
	text += "dsrctl_configuration_warnings " +
		std::to_string(config.warnings.size()) + "\n";
	return text + "# EOF\n";
}

} // namespace dsr
