// SPDX-License-Identifier: BSD-3-Clause
#include "common/rewrite_sysctls.hpp"

#include <charconv>
#include <sstream>

#include "common/rule_steps.hpp"
#include "common/text_lines.hpp"

namespace dsr::nf {

namespace {

std::string trim(std::string_view text)
{
	const std::size_t begin = text.find_first_not_of(" \t\r");

	if (begin == text.npos)
		return "";
	return std::string(text.substr(begin, text.find_last_not_of(" \t\r") + 1 - begin));
}

class Reader {
public:
	explicit Reader(const std::string &name) : name_(name) {}

	void line(std::string_view text)
	{
		const std::size_t equals = text.find('=');

		line_++;
		for (Family family : FAMILIES) {
			const std::string begin = std::string("net.") + key(family) +
						  ".dscp_rewrite.";
			// - : sysctl --system is to say nothing if it is not there
			std::string name = trim(text.substr(0, equals));

			if (name.starts_with('-'))
				name.erase(0, 1);
			if (!name.starts_with(begin))
				continue;
			text_ = trim(text);
			try {
				if (equals == text.npos)
					expected(quote(text_), "NAME = VALUE");
				take(family, name.substr(begin.size()),
				     trim(text.substr(equals + 1)));
			} catch (const Error &error) {
				throw Error(where() + ": " + error.what());
			}
		}
	}

	RewriteSysctls end()
	{
		for (Family family : FAMILIES) {
			Table table = rewrite_table(family);

			for (const bool named : {true, false})
				for (const Found &one : found_)
					if (one.entry.vip.family == family &&
					    one.entry.rip.has_value() == named) {
						Rule rule;

						rule.where = one.where;
						rule.text = one.text;
						add_rewrite(table, std::move(rule), one.entry);
					}
			if (!all_.off[index(family)])
				all_.tables.push_back(std::move(table));
		}
		return std::move(all_);
	}

private:
	struct Found {
		RewriteEntry entry;
		std::string where, text;
	};

	std::string where() const { return name_ + ":" + std::to_string(line_); }

	// The last value is the one that holds.
	void take(Family family, const std::string &name, const std::string &value)
	{
		constexpr unsigned int LAST = 63;
		unsigned int dscp = 0;
		const auto read = std::from_chars(name.data(), name.data() + name.size(), dscp);

		if (name == "enabled") {
			if (value != "0" && value != "1")
				expected(quote(value), "0 or 1");
			all_.off[index(family)] = value == "0";
			return;
		}
		if (read.ec != std::errc() || read.ptr != name.data() + name.size() || !dscp ||
		    dscp > LAST)
			expected(quote(name), "a DSCP from 1 to 63, or enabled");
		std::erase_if(found_, [&](const Found &one) {
			return one.entry.vip.family == family && one.entry.dscp == dscp;
		});
		std::istringstream words(value);
		for (std::string word; words >> word;)
			add(word, static_cast<std::uint8_t>(dscp), family);
	}

	void add(const std::string &word, std::uint8_t dscp, Family family)
	{
		const auto entry = parse_rewrite(word, dscp, family);

		if (!entry)
			expected(quote(word),
				 std::string("VIP or VIP@RIP, of ") + dsr::name(family));
		if (entry->vip.bytes == Ip{}.bytes)
			return; // this clears it, too
		if (const char *refused = refuse_daddr(entry->vip))
			expected(std::string(refused) + " " + quote(word),
				 "an address that a packet can be sent to");
		found_.push_back({*entry, where(), text_});
	}

	const std::string &name_;
	unsigned long line_ = 0;
	std::string text_;
	std::vector<Found> found_;
	RewriteSysctls all_;
};

} // namespace

std::optional<RewriteEntry> parse_rewrite(const std::string &word, std::uint8_t dscp, Family family)
{
	const std::size_t at = word.find('@');
	const auto vip = parse_ip(word.substr(0, at));
	std::optional<Ip> rip;

	if (!vip || vip->family != family)
		return std::nullopt;
	if (at != word.npos) {
		rip = parse_ip(word.substr(at + 1));
		if (!rip || rip->family != family)
			return std::nullopt;
	}
	return RewriteEntry{dscp, *vip, rip};
}

Table rewrite_table(Family family)
{
	constexpr int PRIORITY = -301;
	Table table{Table::Owner::dscp_rewrite,
		    family == Family::ip4 ? "ip" : "ip6",
		    std::string("net.") + key(family) + ".dscp_rewrite",
		    {},
		    {}};

	table.chains[table.name].base = Base{Hook::prerouting, PRIORITY, {}, false};
	return table;
}

void add_rewrite(Table &table, Rule rule, const RewriteEntry &entry)
{
	add_dscp_test(rule, entry.vip.family, entry.dscp);
	if (entry.rip)
		add_destination_test(rule, *entry.rip);
	add_destination(rule, entry.vip);
	rule.steps.push_back(Verdict{Verdict::Kind::accept, ""});
	table.chains[table.name].rules.push_back(std::move(rule));
}

RewriteSysctls read_rewrite_sysctls(std::string_view text, const std::string &name)
{
	Reader reader(name);

	for_each_line(text, [&](std::string_view line) { reader.line(line); });
	return reader.end();
}

} // namespace dsr::nf
