// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/iptables_rules.hpp"

#include <algorithm>
#include <optional>

#include "common/dscp.hpp"

namespace dsr {

namespace {

constexpr std::string_view CHAIN = "PREROUTING";

std::optional<Item> item(const std::string &dscp, const std::string &address, Family family)
{
	auto number = parse_dscp(dscp);
	auto ip = parse_ip(address);

	if (!number || !ip || ip->family != family)
		return std::nullopt;
	return Item{*number, *ip};
}

// The words of a rule, from its first on.
class Reader {
public:
	explicit Reader(const std::vector<std::string> &words) : words_(words) {}

	bool done() const { return next_ == words_.size(); }
	// Takes these words, when they are next.
	bool take(std::initializer_list<std::string_view> some)
	{
		if (words_.size() - next_ < some.size() ||
		    !std::equal(some.begin(), some.end(),
				words_.begin() + static_cast<std::ptrdiff_t>(next_)))
			return false;
		next_ += some.size();
		return true;
	}
	// Takes these words and the one after them; it, or nothing.
	std::string after(std::initializer_list<std::string_view> some)
	{
		if (words_.size() - next_ <= some.size() || !take(some))
			return "";
		return words_[next_++];
	}

private:
	const std::vector<std::string> &words_;
	std::size_t next_ = 0;
};

// "-d 192.0.2.1/32", where there is one. False: of another kind.
bool understand_to(Reader &words, Family family, std::optional<Ip> &to)
{
	const std::string word = words.after({"-d"});
	const std::size_t slash = word.find('/');

	if (word.empty())
		return true;
	to = parse_ip(word.substr(0, slash));
	return to && to->family == family &&
	       (slash == word.npos || word.substr(slash + 1) == std::to_string(to->prefix()));
}

// "-p tcp -m tcp --dport 8080", where there is something like it.
bool understand_ports(Reader &words, std::optional<PortChange> &ports)
{
	const std::string protocol = words.after({"-p"});
	const auto known = parse_protocol(protocol);
	std::string port;

	if (protocol.empty())
		return true;
	if (!known)
		return false;
	port = words.after({"-m", protocol, "--dport"});
	if (port.empty())
		port = words.after({"-m", "multiport", "--dports"});
	ports = PortChange{*known, parse_port(port).value_or(0), 0};
	return ports->rip;
}

// What follows the matches that a map can have, too.
bool understand_map(Reader &words, const std::optional<Ip> &to, Rule &rule)
{
	while (!words.done()) {
		std::vector<Item> items = parse_map(words.after({"--dscp-map"}), rule.family);

		if (items.empty())
			return false;
		for (Item &item : items)
			item.to = to;
		rule.items.insert(rule.items.end(), items.begin(), items.end());
	}
	rule.map = true;
	return !rule.items.empty();
}

// The words after "-A PREROUTING" are exactly one of
//	[-d RIP] -j DADDR --dscp-map 7=10.128.8.46 [--dscp-map ...]...
//	[-d RIP] [-p tcp -m tcp --dport 8080] -m dscp --dscp 0x07
//		-j DADDR --set-daddr 10.128.8.46 [--set-dport 80]
bool understand(const std::vector<std::string> &all, Rule &rule)
{
	Reader words(all);
	std::optional<Ip> to;
	std::optional<PortChange> ports;

	if (!understand_to(words, rule.family, to))
		return false;
	if (words.take({"-j", "DADDR"}))
		return understand_map(words, to, rule);
	if (!understand_ports(words, ports))
		return false;
	const std::string dscp = words.after({"-m", "dscp", "--dscp"});
	const std::string vip = words.after({"-j", "DADDR", "--set-daddr"});
	auto parsed = item(dscp, vip, rule.family);
	if (!parsed)
		return false;
	if (ports) {
		ports->vip = parse_port(words.after({"--set-dport"})).value_or(0);
		if (!ports->vip)
			return false;
	}
	parsed->to = to;
	parsed->ports = ports;
	rule.items = {*parsed};
	return words.done();
}

std::string line(const RuleStep &step, Removals removals)
{
	const std::string chain(CHAIN);
	std::string remove = removals == Removals::left_out ?
				     "" :
				     "-D " + chain + " " + step.old.text + "\n";

	switch (step.kind) {
	case RuleStep::Kind::add:
		return (step.top ? "-I " : "-A ") + chain + " " + step.rule.text + "\n";
	case RuleStep::Kind::remove:
		return remove;
	case RuleStep::Kind::replace:
		break;
	}
	// Not -R, which names the old rule by its place alone: somebody else's,
	// if the chain has changed since it was read.
	return "-I " + chain + " " + std::to_string(step.old.position) + " " + step.rule.text +
	       "\n" + remove;
}

bool is_in(const RuleStep &step, const Transaction &transaction)
{
	const Rule &rule = step.any();

	return rule.store == transaction.store && rule.family == transaction.family &&
	       rule.table == transaction.table;
}

} // namespace

std::vector<Rule> parse_save(const std::vector<SavedRule> &all, Store store, Family family)
{
	unsigned int positions[2] = {0, 0}; // by table
	std::vector<Rule> rules;

	for (const SavedRule &saved : all) {
		const auto table = parse_table(saved.table);
		Rule rule;

		if (saved.chain != CHAIN || !table)
			continue;
		rule.store = store;
		rule.family = family;
		rule.table = *table;
		rule.position = ++positions[static_cast<int>(*table)];
		rule.packets = saved.packets;
		rule.bytes = saved.bytes;
		if (!understand(saved.words, rule))
			continue;
		rule.text = rule_text(rule.map, rule.items);
		rules.push_back(std::move(rule));
	}
	return rules;
}

std::vector<Item> parse_map(const std::string &word, Family family)
{
	std::vector<Item> items;
	std::size_t at = 0;

	while (at <= word.size()) {
		std::size_t end = std::min(word.find(',', at), word.size());
		std::string entry = word.substr(at, end - at);
		std::size_t equals = entry.find('=');

		if (equals == entry.npos)
			return {};
		auto parsed = item(entry.substr(0, equals), entry.substr(equals + 1), family);
		if (!parsed)
			return {};
		items.push_back(*parsed);
		at = end + 1;
	}
	return items;
}

std::string restore_input(const std::vector<RuleStep> &steps, const Transaction &transaction,
			  Removals removals)
{
	std::string lines;

	for (const RuleStep &step : steps)
		if (is_in(step, transaction))
			lines += line(step, removals);
	if (lines.empty())
		return "";
	return std::string("*") + name(transaction.table) + "\n" + lines + "COMMIT\n";
}

std::vector<std::string> removed_texts(const std::vector<RuleStep> &steps,
				       const Transaction &transaction)
{
	std::vector<std::string> texts;

	for (const RuleStep &step : steps)
		if (step.kind != RuleStep::Kind::add && is_in(step, transaction))
			texts.push_back(step.old.text);
	return texts;
}

} // namespace dsr
