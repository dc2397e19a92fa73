// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/dscp_rewrite.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "common/files.hpp"
#include "common/process.hpp"
#include "common/rewrite_sysctls.hpp"
#include "dsrctl/module.hpp"

namespace dsr::rewrite {

namespace {

constexpr char MODULE[] = "dscp_rewrite";
constexpr char ANY[] = "*"; // RIP

std::string path(Family family, const std::string &name)
{
	return std::string("/proc/sys/net/") + key(family) + "/dscp_rewrite/" + name;
}

std::string sysctl(const Change &change)
{
	return std::string("net.") + key(change.family) + ".dscp_rewrite." +
	       std::to_string(change.dscp);
}

// "10.128.8.46", or "10.128.8.46@10.128.9.31"
std::string word(const Item &item)
{
	return text(item.ip) + (item.to ? "@" + text(*item.to) : "");
}

std::optional<Item> parse_word(const std::string &word, std::uint8_t dscp, Family family)
{
	const auto entry = nf::parse_rewrite(word, dscp, family);

	if (!entry)
		return std::nullopt;
	return Item{dscp, entry->vip, entry->rip};
}

Change &change_of(std::vector<Change> &changes, const Rule &rule, const Current &current)
{
	const std::uint8_t dscp = rule.items[0].dscp;

	for (Change &change : changes)
		if (change.family == rule.family && change.dscp == dscp)
			return change;
	const std::vector<Item> now = current(rule.family, dscp);
	changes.push_back({rule.family, dscp, now, now});
	return changes.back();
}

void add(Change &change, const Item &item)
{
	for (const Item &other : change.after) {
		if (other == item)
			return;
		if (other.to != item.to)
			continue;
		throw Error(sysctl(change) + " has " + word(other) +
			    ", which dsrctl did not start, for the packets of " + word(item) +
			    ": clear it where it is written (/etc/sysctl.d), and with sysctl -w " +
			    sysctl(change) + "=; or give the VIP another DSCP");
	}
	change.after.push_back(item);
}

std::vector<Item> current(Family family, std::uint8_t dscp)
{
	return parse_value(read_file_if_any(path(family, std::to_string(dscp))), dscp, family);
}

void write(const Change &change, const std::vector<Item> &items)
{
	const std::string text = value_text(items) + "\n";
	const Descriptor file(open(path(change.family, std::to_string(change.dscp)).c_str(),
				   O_WRONLY | O_CLOEXEC));
	ssize_t written = -1;

	// the kernel takes a value in one piece
	if (file)
		written = ::write(file.get(), text.data(), text.size());
	if (written == static_cast<ssize_t>(text.size()))
		return;
	const int error = errno;
	throw Error(sysctl(change) + ": the kernel did not take \"" + value_text(items) + "\": " +
		    std::strerror(error) + (error == EINVAL ? "; the kernel log says why" : ""));
}

bool is_there()
{
	return !access(path(Family::ip4, "enabled").c_str(), F_OK);
}

} // namespace

std::vector<Rule> parse_counters(std::string_view text)
{
	std::istringstream lines{std::string(text)};
	std::vector<Rule> rules;
	std::string line;

	while (std::getline(lines, line)) {
		std::istringstream words(line);
		std::string family, rip, vip;
		unsigned int dscp;
		Rule rule;

		// not the heading
		if (!(words >> family >> dscp >> rip >> vip >> rule.packets >> rule.bytes) ||
		    dscp > 63)
			continue;
		rule.store = Store::dscp_rewrite;
		rule.family = family == key(Family::ip6) ? Family::ip6 : Family::ip4;
		auto item = parse_word(rip == ANY ? vip : vip + "@" + rip,
				       static_cast<std::uint8_t>(dscp), rule.family);
		if (!item)
			continue;
		rule.items = {*item};
		rules.push_back(std::move(rule));
	}
	return rules;
}

std::vector<Item> parse_value(std::string_view text, std::uint8_t dscp, Family family)
{
	std::istringstream words{std::string(text)};
	std::vector<Item> items;
	std::string word;

	while (words >> word)
		if (auto item = parse_word(word, dscp, family))
			items.push_back(*item);
	return items;
}

std::string value_text(const std::vector<Item> &items)
{
	std::string text;

	for (const Item &item : items)
		text += (text.empty() ? "" : " ") + word(item);
	return text;
}

std::vector<Change> changes(const std::vector<RuleStep> &steps, const Current &current)
{
	std::vector<Change> changes;

	// what goes makes room for what comes
	for (const RuleStep &step : steps)
		if (step.any().store == Store::dscp_rewrite && step.kind == RuleStep::Kind::remove)
			std::erase(change_of(changes, step.old, current).after, step.old.items[0]);
	for (const RuleStep &step : steps)
		if (step.any().store == Store::dscp_rewrite && step.kind != RuleStep::Kind::remove)
			add(change_of(changes, step.rule, current), step.rule.items[0]);
	return changes;
}

std::string off_text(Family family)
{
	const std::string name = std::string("net.") + key(family) + ".dscp_rewrite.enabled";

	return name + " is 0: marked packets keep the server's own address until sysctl -w " +
	       name + "=1";
}

std::vector<Rule> read()
{
	std::vector<Rule> rules = parse_counters(read_file_if_any("/proc/net/dscp_rewrite"));

	const bool off[] = {is_off(Family::ip4), is_off(Family::ip6)};

	for (Rule &rule : rules)
		rule.active = !off[index(rule.family)];
	return rules;
}

bool is_off(Family family)
{
	return read_file_if_any(path(family, "enabled")).starts_with('0');
}

bool available()
{
	// to a container, /proc/sys may be there to be read only
	return !access(path(Family::ip4, "enabled").c_str(), W_OK);
}

bool load()
{
	return available() || (!is_there() && dsr::load(MODULE) && available());
}

bool would_load()
{
	return available() || (!is_there() && dsr::would_load(MODULE));
}

void apply(const std::vector<RuleStep> &steps)
{
	const std::vector<Change> all = changes(steps, current);
	std::size_t done = 0;

	try {
		for (; done < all.size(); done++)
			write(all[done], all[done].after);
	} catch (const Error &) {
		// the one that failed may have done its work all the same
		for (done++; done--;) {
			try {
				write(all[done], all[done].before);
			} catch (const Error &) {
				// what there is tells the caller
			}
		}
		throw;
	}
}

std::string describe(const std::vector<RuleStep> &steps)
{
	std::string text;

	for (const Change &change : changes(steps, current))
		text += "+sysctl -w " +
			shell_line({sysctl(change) + "=" + value_text(change.after)}) + "\n";
	return text;
}

} // namespace dsr::rewrite
