// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/metrics.hpp"

#include <sstream>

#include "common/dscp.hpp"
#include "common/files.hpp"

namespace dsr {

namespace {

MetricsText::Labels labels(const Entry &entry)
{
	MetricsText::Labels labels{
		{"name", entry.name}, {"vip", text(entry.ip)}, {"family", key(entry.ip.family)}};

	if (entry.dscp)
		labels.emplace_back("dscp", std::to_string(*entry.dscp));
	if (entry.to)
		labels.emplace_back("to", text(*entry.to));
	if (entry.ports) {
		labels.emplace_back("port", std::to_string(entry.ports->vip));
		labels.emplace_back("protocol", name(entry.ports->protocol));
	}
	return labels;
}

// All rules that do this: those of maps have their counters in the module.
Count count(const Entry &entry, const Actual &actual, const Counts &maps)
{
	const Item item = entry.item();
	bool mapped = false;
	Count sum;

	for (const Rule &rule : actual.rules) {
		mapped = mapped || (rule.map && rule.has(item));
		if (!rule.map && rule.items[0] == item) {
			sum.packets += rule.packets;
			sum.bytes += rule.bytes;
		}
	}
	// which do not say what address packets came to
	for (const auto &[where, count] : maps)
		if (mapped && where.second == Item{item.dscp, item.ip}) {
			sum.packets += count.packets;
			sum.bytes += count.bytes;
		}
	return sum;
}

void add_counters(MetricsText &text, const Config &config, const Actual &actual, const Counts &maps,
		  std::uint64_t Count::*member)
{
	for (const Entry &entry : config.entries)
		if (entry.dscp)
			text.add(labels(entry), count(entry, actual, maps).*member);
}

void add_states(MetricsText &text, const Row &row)
{
	for (Standing state : {Standing::stopped, Standing::partial, Standing::started}) {
		MetricsText::Labels all = labels(*row.entry);

		all.emplace_back("type", name(row.type));
		all.emplace_back("state", name(state));
		text.add(all, row.standing == state);
	}
}

void add_server(MetricsText &text, const Server &server)
{
	text.family("dsrctl_info", "What runs here: always 1.");
	text.add({{"version", server.version},
		  {"backend", server.backend},
		  {"xt_daddr", server.target},
		  {"dscp_rewrite", server.rewrite}},
		 1);
	if (!server.changed)
		return;
	text.family("dsrctl_last_change_timestamp_seconds",
		    "When dsrctl last changed something here.");
	text.add({}, std::to_string(*server.changed));
}

void add_guard(MetricsText &text, const GuardRecord &guard)
{
	text.family("dsrctl_guard_running", "Is what is removed put back at once?");
	text.add({}, guard.running);
	if (!guard.there)
		return;
	text.family("dsrctl_guard_repairs_total",
		    "How often the guard put something back, by what was gone.");
	for (Gone gone : GONE)
		text.add({{"reason", name(gone)}}, guard.of(gone));
	text.family(
		"dsrctl_guard_waiting",
		"1 while the guard waits before it puts something back, because it is removed again and again, or could not be put back.");
	text.add({}, guard.waiting);
}

// Empty when it is not loaded, or does not say.
std::string version_of(const char *module)
{
	std::string text = read_file_if_any(std::string("/sys/module/") + module + "/version");

	return text.substr(0, text.find('\n'));
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

		if (!(words >> family >> table >> dscp >> address >> count.packets >> count.bytes))
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

Server read_server(const State &state, const StateFile &file)
{
	return {DADDR_VERSION,		state.backend ? name(*state.backend) : "",
		version_of("xt_DADDR"), version_of("dscp_rewrite"),
		file.changed(),		GuardFile().read()};
}

std::string metrics_text(const Config &config, const std::vector<Row> &rows, const Actual &actual,
			 const Counts &maps, const Server &server, MetricsFormat format)
{
	MetricsText text(format);

	text.family("dsrctl_vip_packets_total", "Packets that were sent on to the VIP.");
	add_counters(text, config, actual, maps, &Count::packets);
	text.family("dsrctl_vip_bytes_total", "Bytes of these packets.");
	add_counters(text, config, actual, maps, &Count::bytes);
	text.family("dsrctl_vip_state", "1 for the state that the VIP is in.");
	for (const Row &row : rows)
		add_states(text, row);
	text.family("dsrctl_configuration_errors",
		    "Errors in the configuration: with one, nothing is changed.");
	text.add({}, config.errors.size());
	text.family("dsrctl_configuration_warnings", "Warnings about the configuration.");
	text.add({}, config.warnings.size());
	add_server(text, server);
	add_guard(text, server.guard);
	return text.text();
}

} // namespace dsr
