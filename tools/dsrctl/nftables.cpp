// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/nftables.hpp"

#include <bit>
#include <set>

#include <nlohmann/json.hpp>

#include "common/dscp.hpp"
#include "common/process.hpp"

namespace dsr::nft {

namespace {

using nlohmann::json;

constexpr char OWN[] = "inet dsrctl";

const char *protocol(Family family)
{
	return family == Family::ip4 ? "ip" : "ip6";
}

json payload(Family family, const char *field)
{
	return {{"payload", {{"protocol", protocol(family)}, {"field", field}}}};
}

// nft prints the class of a DSCP where it has one.
std::optional<std::uint8_t> dscp_of(const json &value)
{
	if (value.is_number_unsigned() && value < 64)
		return value.get<std::uint8_t>();
	if (value == "lephb") // RFC 8622 calls it LE
		return parse_dscp("LE");
	if (value.is_string())
		return parse_dscp(value.get<std::string>());
	return std::nullopt;
}

// What a rule of ours consists of, each once; the last three where it is for an
// address, or changes a port.
enum Part : unsigned int {
	COUNTER = 1,
	MATCH = 2,
	MANGLE = 4,
	ALWAYS = 7,
	TO = 8,
	PORT = 16,
	MANGLE_PORT = 32,
};

json field(const std::string &protocol, const char *field)
{
	return {{"payload", {{"protocol", protocol}, {"field", field}}}};
}

std::optional<std::uint16_t> port_of(const json &value)
{
	if (value.is_number_unsigned() && value > 0 && value <= 65535)
		return value.get<std::uint16_t>();
	return std::nullopt;
}

// Of the expressions that only some rules have.
void understand_rest(const json &expression, Item &item, unsigned int &parts)
{
	const json match = expression.value("match", json::object());
	const json mangle = expression.value("mangle", json::object());

	for (Family family : FAMILIES)
		if (!match.empty() && match.at("left") == payload(family, "daddr") &&
		    match.at("op") == "==" && match.at("right").is_string()) {
			item.to = parse_ip(match.at("right"));
			if (item.to)
				parts |= TO;
		}
	for (Protocol protocol : PROTOCOLS) {
		const json port = field(name(protocol), "dport");

		if (!match.empty() && match.at("left") == port && match.at("op") == "==")
			if (auto number = port_of(match.at("right"))) {
				item.ports = PortChange{protocol, *number, 0};
				parts |= PORT;
			}
		if (!mangle.empty() && mangle.at("key") == port && item.ports &&
		    item.ports->protocol == protocol)
			if (auto number = port_of(mangle.at("value"))) {
				item.ports->vip = *number;
				parts |= MANGLE_PORT;
			}
	}
}

// As many as there are expressions, and what belongs together is together.
bool is_whole(unsigned int parts, std::size_t expressions)
{
	return (parts & ALWAYS) == ALWAYS && !(parts & PORT) == !(parts & MANGLE_PORT) &&
	       static_cast<std::size_t>(std::popcount(parts)) == expressions;
}

// One of a rule's expressions.
void understand(const json &expression, Rule &rule, Item &item, unsigned int &parts)
{
	if (expression.contains("counter")) {
		rule.packets = expression["counter"].at("packets");
		rule.bytes = expression["counter"].at("bytes");
		parts |= COUNTER;
	}
	for (Family family : FAMILIES) {
		if (expression.contains("match") &&
		    expression["match"].at("left") == payload(family, "dscp") &&
		    expression["match"].at("op") == "==") {
			auto dscp = dscp_of(expression["match"].at("right"));

			item.dscp = dscp.value_or(0);
			if (dscp)
				parts |= MATCH;
		}
		if (expression.contains("mangle") &&
		    expression["mangle"].at("key") == payload(family, "daddr") &&
		    expression["mangle"].at("value").is_string()) {
			auto ip = parse_ip(expression["mangle"].at("value"));

			item.ip = ip.value_or(Ip{});
			rule.family = item.ip.family;
			if (ip)
				parts |= MANGLE;
		}
	}
	understand_rest(expression, item, parts);
}

std::string text(const Rule &rule)
{
	const Item &item = rule.items[0];
	std::string ip = protocol(rule.family);

	std::string text = ip + " dscp " + hex(item.dscp);
	std::string port;

	if (item.to)
		text += " " + ip + " daddr " + dsr::text(*item.to);
	if (item.ports) {
		port = std::string(" ") + name(item.ports->protocol) + " dport ";
		text += port + std::to_string(item.ports->rip);
		port += "set " + std::to_string(item.ports->vip);
	}
	return text + " counter " + ip + " daddr set " + dsr::text(item.ip) + port + "\n";
}

// The places of iptables' tables of the same name.
const char *priority(Table table)
{
	return table == Table::raw ? "-300" : "-150";
}

std::string table_and_chain(Table chain)
{
	return std::string("add table inet ") + TABLE + "\nadd chain inet " + TABLE + " " +
	       name(chain) + " { type filter hook prerouting priority " + priority(chain) +
	       "; policy accept; }\n";
}

std::string line(const RuleStep &step)
{
	const std::string where = std::string("rule inet ") + TABLE + " " + name(step.any().table) +
				  " ";

	// A rule is of one VIP, so none is ever replaced.
	if (step.kind == RuleStep::Kind::remove)
		return "delete " + where + "handle " + std::to_string(step.old.handle) + "\n";
	return (step.top ? "insert " : "add ") + where + text(step.rule);
}

// One of the objects that nft prints, if it is a rule of a VIP.
std::optional<Rule> parse_rule(const json &found)
{
	unsigned int parts = 0;
	Rule rule;
	Item item;

	for (const json &expression : found.at("expr"))
		understand(expression, rule, item, parts);
	const auto chain = parse_table(found.at("chain").get<std::string>());
	if (!is_whole(parts, found.at("expr").size()) || !chain)
		return std::nullopt;
	rule.store = Store::nft;
	rule.table = *chain;
	rule.handle = found.at("handle");
	rule.items = {item};
	return rule;
}

} // namespace

std::vector<Rule> parse(const std::string &text)
{
	std::vector<Rule> rules;

	try {
		const json all = json::parse(text);

		for (const json &one : all.at("nftables"))
			if (one.contains("rule"))
				if (auto rule = parse_rule(one["rule"]))
					rules.push_back(std::move(*rule));
	} catch (const json::exception &error) {
		throw Error(std::string("nft -j did not print the rules of a table: ") +
			    error.what());
	}
	return rules;
}

std::vector<Rule> read(const std::vector<nf::Table> &tables)
{
	const std::string program = find_program("nft");
	std::vector<Rule> rules;

	for (const nf::Table &table : tables) {
		if (program.empty() || nf::full_name(table) != OWN)
			continue;
		// Not the whole table: nft before 1.1 prints half of one that is
		// dormant.
		for (const Table chain : {Table::raw, Table::mangle}) {
			if (!table.chains.contains(name(chain)))
				continue;
			Outcome outcome = run(program,
					      {"-j", "list", "chain", "inet", TABLE, name(chain)});
			if (outcome.status)
				throw Error("nft: " + outcome.reason());
			for (Rule &rule : parse(outcome.output))
				rules.push_back(std::move(rule));
		}
	}
	return rules;
}

std::string table_of(const Rule &rule)
{
	if (rule.store == Store::nft)
		return OWN;
	return std::string(rule.family == Family::ip4 ? "ip " : "ip6 ") + name(rule.table);
}

std::string dormant_text(const std::string &table, const std::string &by)
{
	return "the table " + table + " of nftables is dormant" + by +
	       ": its rules rewrite nothing until nft add table " + table;
}

std::string input(const std::vector<RuleStep> &steps, bool last)
{
	std::set<Table> chains;
	std::string head, lines;

	for (const RuleStep &step : steps) {
		if (step.any().store != Store::nft)
			continue;
		if (step.kind == RuleStep::Kind::add && chains.insert(step.rule.table).second)
			head += table_and_chain(step.rule.table);
		lines += line(step);
	}
	if (!lines.empty() && last)
		return std::string("delete table inet ") + TABLE + "\n";
	return head + lines;
}

void apply(const std::vector<RuleStep> &steps, bool last)
{
	std::string text = input(steps, last);

	if (text.empty())
		return;
	std::string program = find_program("nft");
	if (program.empty())
		throw Error(
			"no program nft in /usr/sbin, /sbin, /usr/bin or /bin: install nftables");
	Outcome outcome = run(program, {"-f", "-"}, text);
	if (outcome.status)
		throw Error("nft: " + outcome.reason());
}

bool available()
{
	return !find_program("nft").empty();
}

} // namespace dsr::nft
