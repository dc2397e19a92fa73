// SPDX-License-Identifier: BSD-3-Clause
// The lines of a ruleset: tables, chains, and which rules are of DADDR.
#include "replay/rules.hpp"

#include <algorithm>
#include <charconv>

#include "replay/rule_options.hpp"

namespace dsr::replay {

namespace {

// As iptables-restore splits a line: at white space outside of quotes, in
// which a backslash takes the next character as it is. False when a quote is
// not closed.
bool split(std::string_view line, std::vector<std::string> &words)
{
	std::string word;
	bool quoted = false, any = false;

	for (std::size_t i = 0; i < line.size(); i++) {
		char c = line[i];

		if (quoted && c == '\\' && i + 1 < line.size()) {
			word += line[++i];
		} else if (c == '"') {
			quoted = !quoted;
			any = true;
		} else if (!quoted && (c == ' ' || c == '\t')) {
			if (any)
				words.push_back(word);
			word.clear();
			any = false;
		} else {
			word += c;
			any = true;
		}
	}
	if (any)
		words.push_back(word);
	return !quoted;
}

bool is_counters(const std::string &word)
{
	std::size_t colon = word.find(':');

	return word.size() > 4 && word.front() == '[' && word.back() == ']' &&
	       colon != std::string::npos &&
	       parse_number(word.substr(1, colon - 1), ~0UL) &&
	       parse_number(word.substr(colon + 1, word.size() - colon - 2),
			    ~0UL);
}

class Parser {
public:
	Parser(const std::string &name, Ruleset &ruleset)
		: name_(name), ruleset_(ruleset)
	{
	}

	void line(std::string_view text)
	{
		line_++;
		if (!text.empty() && text.back() == '\r')
			text.remove_suffix(1);
		try {
			parse(text);
		} catch (const Error &error) {
			throw Error(where(line_) + ": " + error.what());
		}
	}

	void end()
	{
		if (!table_.empty())
			throw Error(where(line_ + 1) +
				    ": found the end of the file, expected COMMIT of the table \"" +
				    table_ + "\" that begins in line " +
				    std::to_string(table_line_));
	}

private:
	std::string where(unsigned long line) const
	{
		return name_ + ":" + std::to_string(line);
	}

	void parse(std::string_view text)
	{
		std::vector<std::string> words;
		bool closed = split(text, words);

		if (words.empty() || words[0][0] == '#')
			return;
		if (!closed)
			expected("the end of the line", "the closing quote (\")");
		if (words[0][0] == '*')
			begin(words);
		else if (table_.empty())
			expected(quote(words[0]), "a table (*raw, *mangle, …) first");
		else if (words[0][0] == ':')
			chain(words);
		else if (words[0] == "COMMIT" && words.size() == 1)
			table_.clear();
		else
			rule(text, words);
	}

	void begin(const std::vector<std::string> &words)
	{
		if (!table_.empty())
			expected(quote(words[0]), "COMMIT of the table \"" +
				 table_ + "\" that begins in line " +
				 std::to_string(table_line_));
		if (words.size() > 1)
			expected(quote(words[1]), "the end of the line");
		if (words[0].size() == 1)
			expected(quote(words[0]), "the name of a table");
		table_ = words[0].substr(1);
		table_line_ = line_;
	}

	void chain(const std::vector<std::string> &words)
	{
		if (words[0].size() == 1)
			expected(quote(words[0]), "the name of a chain");
		if (words.size() < 2)
			expected("the end of the line", "the policy of a chain");
		if (words.size() > 2 && !is_counters(words[2]))
			expected(quote(words[2]), "counters like [0:0]");
		if (words.size() > 3)
			expected(quote(words[3]), "the end of the line");
	}

	void rule(std::string_view text, std::vector<std::string> &words)
	{
		std::string chain;

		if (is_counters(words[0]))
			words.erase(words.begin());
		if (words.empty() || (words[0] != "-A" && words[0] != "--append"))
			expected(words.empty() ? "the end of the line" :
						 quote(words[0]),
				 "-A, a chain (:NAME), COMMIT or a comment (#)");
		if (words.size() < 2)
			expected("the end of the line", "the name of a chain");
		chain = words[1];
		words.erase(words.begin(), words.begin() + 2);

		bool here = chain == "PREROUTING" &&
			    (table_ == "raw" || table_ == "mangle");
		if (!is_daddr(words)) {
			ruleset_.others += here;
			return;
		}
		if (!here)
			expected("a DADDR rule in the chain " + quote(chain) +
				 " of the table " + quote(table_),
				 "it in PREROUTING of raw or mangle");

		Rule result;
		result.table = table_ == "raw" ? Table::raw : Table::mangle;
		result.where = where(line_);
		result.text = text;
		parse_options(words, result);
		ruleset_.add(std::move(result));
	}

	// Also in spellings that iptables-save does not print, which are an
	// error then: only what is certainly another rule is left out.
	static bool jumps(std::string_view word)
	{
		for (std::string_view option : {"-j", "-g", "--j", "--g"})
			if (word.starts_with(option))
				return true;
		return false;
	}

	// The options that no other target has.
	static bool is_own(std::string_view word)
	{
		for (std::string_view option : {"--set-daddr", "--set-dport",
						"--dscp-map"})
			if (word.starts_with(option))
				return true;
		return false;
	}

	static bool is_daddr(const std::vector<std::string> &words)
	{
		for (std::size_t i = 0; i < words.size(); i++) {
			if (words[i] == "--comment")
				i++;
			else if (is_own(words[i]) ||
				 (jumps(words[i]) &&
				  (words[i].ends_with("DADDR") ||
				   (i + 1 < words.size() &&
				    words[i + 1] == "DADDR"))))
				return true;
		}
		return false;
	}

	const std::string &name_;
	Ruleset &ruleset_;
	unsigned long line_ = 0, table_line_ = 0;
	std::string table_;	// empty outside of tables
};

} // namespace

void expected(const std::string &found, const std::string &what)
{
	throw Error("found " + found + ", expected " + what);
}

std::optional<unsigned long> parse_number(std::string_view text,
					  unsigned long max)
{
	unsigned long number;
	int base = 10;

	if (text.starts_with("0x") || text.starts_with("0X")) {
		text.remove_prefix(2);
		base = 16;
	} else if (text.size() > 1 && text[0] == '0') {
		return std::nullopt;	// octal to some, decimal to others
	}
	auto [end, error] = std::from_chars(text.data(),
					    text.data() + text.size(), number,
					    base);
	if (error != std::errc() || end != text.data() + text.size() ||
	    number > max)
		return std::nullopt;
	return number;
}

void Ruleset::add(Rule rule)
{
	auto &rules = rules_[static_cast<std::size_t>(rule.family())];
	auto place = std::upper_bound(rules.begin(), rules.end(), rule,
				      [](const Rule &a, const Rule &b) {
		return a.table < b.table;
	});

	rules.insert(place, std::move(rule));
}

void parse_rules(std::string_view text, const std::string &name,
		 Ruleset &ruleset)
{
	Parser parser(name, ruleset);

	while (!text.empty()) {
		std::size_t end = text.find('\n');

		parser.line(text.substr(0, end));
		if (end == text.npos)
			break;
		text.remove_prefix(end + 1);
	}
	parser.end();
}

} // namespace dsr::replay
