// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/status.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "common/dscp.hpp"
#include "common/json_text.hpp"
#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/nftables.hpp"

namespace dsr {

namespace {

constexpr char NONE[] = "--";

std::string loopback_text(const Address *address)
{
	if (!address)
		return NONE;
	return label_number(address->label) ? address->label : address->dev;
}

const Rule *rule_of(const Actual &actual, const Item &item)
{
	for (const Rule &rule : actual.rules)
		if (rule.active && rule.has(item))
			return &rule;
	return nullptr;
}

// Nobody's VIP: 127.0.0.1, ::1, link-local.
bool is_own(const Address &address)
{
	return refuse(address.ip) ||
	       (address.ip.family == Family::ip6 && address.ip.bytes[0] == 0xfe &&
		(address.ip.bytes[1] & 0xc0) == 0x80);
}

class Discovery {
public:
	Discovery(const Config &config, const Actual &actual, const std::vector<Owned> &owned)
		: actual_(actual), owned_(owned)
	{
		for (const Entry &entry : config.entries) {
			vips_.insert(entry.ip);
			if (entry.dscp)
				items_.insert(entry.item());
		}
	}

	std::vector<Row> rows()
	{
		rules(true);
		addresses();
		rules(false);
		return std::move(rows_);
	}

private:
	bool is_lone_address(const Address &address) const
	{
		if (vips_.contains(address.ip) || is_own(address))
			return false;
		if (address.dev == "lo")
			return true;
		return std::any_of(owned_.begin(), owned_.end(), [&](const Owned &owned) {
			return owned.ip == address.ip && owned.dev == address.dev;
		});
	}

	const Address *lone_address(const Ip &ip) const
	{
		for (const Address &address : actual_.addresses)
			if (address.ip == ip && is_lone_address(address))
				return &address;
		return nullptr;
	}

	void rules(bool pairs)
	{
		std::set<Item> seen;

		for (const Rule &rule : actual_.rules)
			for (const Item &item : rule.items) {
				const Address *address = lone_address(item.ip);

				if (items_.contains(item) || pairs != (address != nullptr) ||
				    !seen.insert(item).second)
					continue;
				Row row;
				row.type = pairs ? RowType::l3dsr : RowType::iptbl;
				row.standing = rule.active ? Standing::started :
					       pairs	   ? Standing::partial :
							     Standing::stopped;
				row.name = row.ipaddr = text(item.ip);
				if (item.ports)
					row.name = with_port(row.name, item.ports->vip);
				row.to = item.to;
				row.ports = item.ports;
				row.dscp = pairs ? std::to_string(item.dscp) : hex(item.dscp);
				row.loopback = loopback_text(address);
				row.rule = rule.active;
				row.table = table_name(rule);
				row.configured = false;
				rows_.push_back(row);
				paired_.insert(item.ip);
			}
	}

	void addresses()
	{
		for (const Address &address : actual_.addresses) {
			if (!is_lone_address(address) || paired_.contains(address.ip))
				continue;
			Row row;
			row.type = RowType::loopb;
			row.standing = Standing::started;
			row.name = row.ipaddr = text(address.ip);
			row.dscp = NONE;
			row.loopback = loopback_text(&address);
			row.table = NONE;
			row.configured = false;
			rows_.push_back(row);
		}
	}

	const Actual &actual_;
	const std::vector<Owned> &owned_;
	std::set<Ip> vips_, paired_;
	std::set<Item> items_;
	std::vector<Row> rows_;
};

// The columns of a row, or of the header.
using Columns = std::vector<std::string>;

Columns columns(const Row &row)
{
	return {name(row.type),
		name(row.standing),
		row.name,
		row.ipaddr,
		row.dscp,
		row.loopback,
		row.rule ? "up" : NONE,
		row.table,
		row.configured ? "conf" : "disc"};
}

// Which packets of a DSCP it is for: "192.0.2.1", "tcp:8080", "tcp:8080@192.0.2.1"
std::string to_text(const Row &row)
{
	std::string words;

	if (row.ports)
		words = std::string(name(row.ports->protocol)) + ":" +
			std::to_string(row.ports->rip);
	if (row.to)
		words += (words.empty() ? "" : "@") + text(*row.to);
	return words.empty() ? NONE : words;
}

constexpr std::size_t COLUMNS = 7, ALL_COLUMNS = 9;
constexpr std::size_t NAME = 2, IPADDR = 3, TABLE = 7;

std::string line(const Columns &columns, const std::vector<std::size_t> &widths)
{
	std::string text;

	for (std::size_t i = 0; i < widths.size(); i++) {
		text += columns[i];
		if (i + 1 == widths.size())
			break;
		text.append(widths[i] - std::min(widths[i], columns[i].size()), ' ');
		text += i == NAME || i == IPADDR ? "  " : " ";
	}
	return text + "\n";
}

} // namespace

const char *name(Standing standing)
{
	static const char *const names[] = {"stopped", "partial", "started"};

	return names[static_cast<int>(standing)];
}

const char *name(RowType type)
{
	static const char *const names[] = {"l3dsr", "l2dsr", "loopb", "iptbl"};

	return names[static_cast<int>(type)];
}

std::vector<Row> configured_rows(const Config &config, const Actual &actual)
{
	std::vector<Row> rows;

	for (const Entry &entry : config.entries) {
		const Address *address = actual.find(entry.ip, entry.dev);
		const Rule *rule = nullptr;
		Row row;

		if (entry.dscp)
			rule = rule_of(actual, entry.item());
		const Served *served = entry.dscp && !rule ? actual.served_by_others(entry.item()) :
							     nullptr;
		const bool local = actual.is_local(entry.ip, entry.dev);
		int parts = local + (rule || served);
		row.type = entry.dscp ? RowType::l3dsr : RowType::l2dsr;
		row.standing = !parts			     ? Standing::stopped :
			       parts == (entry.dscp ? 2 : 1) ? Standing::started :
							       Standing::partial;
		row.name = entry.title();
		row.to = entry.to;
		row.ports = entry.ports;
		row.ipaddr = entry.ip_text();
		row.dscp = entry.dscp ? entry.dscp_text : NONE;
		row.loopback = local && !address ? "route" : loopback_text(address);
		row.rule = rule || served;
		row.table = rule ? table_name(*rule) : served ? served->table : NONE;
		row.entry = &entry;
		rows.push_back(row);
	}
	return rows;
}

std::vector<Row> discovered_rows(const Config &config, const Actual &actual,
				 const std::vector<Owned> &owned)
{
	return Discovery(config, actual, owned).rows();
}

std::string status_text(const std::vector<Row> &rows, bool all, bool header)
{
	Columns names{"type",	  "state",    "name",  "ipaddr", "dscp",
		      "loopback", "iptables", "iptbl", "src"};
	std::vector<std::size_t> widths{
		5, 7, names[NAME].size(), names[IPADDR].size(), 4, 8, 8, names[TABLE].size(), 4};
	// where there are such: scripts of old count columns
	const bool narrow = std::ranges::any_of(rows,
						[](const Row &row) { return row.to || row.ports; });
	std::string text;
	Columns lines;

	names.resize(all ? ALL_COLUMNS : COLUMNS);
	widths.resize(names.size());
	if (narrow) {
		names.emplace_back("to");
		widths.push_back(2);
	}
	// columns as wide as what is in them
	std::set<std::size_t> fitting{NAME, IPADDR};
	if (all)
		fitting.insert(TABLE);
	if (narrow)
		fitting.insert(widths.size() - 1);
	auto cells_of = [&](const Row &row) {
		Columns cells = columns(row);

		cells.resize(all ? ALL_COLUMNS : COLUMNS);
		if (narrow)
			cells.push_back(to_text(row));
		return cells;
	};
	for (const Row &row : rows) {
		const Columns cells = cells_of(row);

		for (std::size_t i : fitting)
			widths[i] = std::max(widths[i], cells[i].size());
	}
	for (std::size_t width : widths)
		lines.emplace_back(width, '=');
	if (header)
		text = line(names, widths) + line(lines, widths);
	for (const Row &row : rows)
		text += line(cells_of(row), widths);
	return text;
}

static nlohmann::json ports_json(const std::optional<PortChange> &ports)
{
	if (!ports)
		return {};
	return {{"protocol", name(ports->protocol)}, {"rip", ports->rip}, {"vip", ports->vip}};
}

std::string status_json(const std::vector<Row> &rows)
{
	using nlohmann::json;
	json entries = json::array();

	for (const Row &row : rows) {
		auto none = [](const std::string &text) {
			return text == NONE ? json() : json(text);
		};
		auto dscp = parse_dscp(row.dscp);

		entries.push_back({{"type", name(row.type)},
				   {"state", name(row.standing)},
				   {"name", row.name},
				   {"ipaddr", row.ipaddr},
				   {"dscp", dscp ? json(*dscp) : json()},
				   {"loopback", none(row.loopback)},
				   {"iptables", row.rule},
				   {"table", none(row.table)},
				   {"src", row.configured ? "conf" : "disc"},
				   {"to", row.to ? json(text(*row.to)) : json()},
				   {"ports", ports_json(row.ports)}});
	}
	return json_text(json{{"entries", entries}});
}

std::vector<std::string> oddities(const Config &config, const Actual &actual, bool all,
				  const Variant &variant)
{
	std::map<Item, unsigned int> copies;
	std::vector<std::string> found;
	std::map<Family, unsigned int> elsewhere;
	std::set<std::string> off;

	for (const Rule &rule : actual.rules) {
		for (const Item &item : rule.items)
			copies[item]++;
		if (!rule.active)
			off.insert(rule.store == Store::dscp_rewrite ?
					   rewrite::off_text(rule.family) :
					   nft::dormant_text(nft::table_of(rule)));
		if (rule.store == Store::other)
			elsewhere[rule.family]++;
	}
	for (const auto &[item, count] : copies) {
		bool shown = all;

		for (const Entry &entry : config.entries)
			if (entry.dscp && entry.item() == item)
				shown = true;
		if (shown && count > 1)
			found.push_back(std::to_string(count) + " rules lead " +
					dscp_text(item.dscp) + " to " + destination(item) +
					": stop removes all of them");
	}
	found.insert(found.end(), off.begin(), off.end());
	for (const auto &[family, count] : elsewhere) {
		const std::string program = family == Family::ip4 ? "iptables" : "ip6tables";

		found.push_back(std::to_string(count) +
				(count == 1 ? " DADDR rule is in " : " DADDR rules are in ") +
				program + "-" + variant(Store::other, family) +
				", and this system's " + program + " is " + program + "-" +
				variant(Store::iptables, family));
	}
	return found;
}

Check check(const std::vector<Row> &rows, bool ip6)
{
	Check check;

	for (const Row &row : rows) {
		if (row.entry->ip.family == Family::ip6 && !ip6)
			continue;
		check.configured++;
		check.started += row.standing == Standing::started;
	}
	if (!check.configured) {
		check.line = "No configured DSRs found.";
		check.status = 3;
	} else if (!check.started) {
		check.line = "No DSRs started.";
		check.status = 1;
	} else if (check.started == check.configured) {
		check.line = "All DSRs started.";
	} else {
		check.line = "Some DSRs not started.";
		check.status = 3;
	}
	return check;
}

std::string check_json(const Check &check)
{
	return json_text(nlohmann::json{{"result", check.line},
					{"configured", check.configured},
					{"started", check.started},
					{"status", check.status}});
}

} // namespace dsr
