// SPDX-License-Identifier: BSD-3-Clause
#include "common/saved_rules.hpp"

#include <algorithm>
#include <charconv>

#include "common/error.hpp"
#include "common/text_lines.hpp"

namespace dsr {

namespace {

using Words = std::vector<std::string>;

// "[12:3456]"
bool parse_counters(const std::string &word, std::uint64_t &packets, std::uint64_t &bytes)
{
	const char *end = word.data() + word.size();

	if (!word.starts_with('[') || !word.ends_with(']'))
		return false;
	auto first = std::from_chars(word.data() + 1, end, packets);
	if (first.ec != std::errc() || *first.ptr != ':')
		return false;
	auto second = std::from_chars(first.ptr + 1, end, bytes);
	return second.ec == std::errc() && second.ptr + 1 == end;
}

class Reader {
public:
	explicit Reader(const std::string &name) : name_(name) {}

	void line(std::string_view text)
	{
		line_++;
		if (text.ends_with('\r'))
			text.remove_suffix(1);
		try {
			take(text);
		} catch (const Error &error) {
			throw Error(where(line_) + ": " + error.what());
		}
	}

	Saved end()
	{
		if (!table_.empty())
			throw Error(where(line_ + 1) +
				    ": found the end of the file, expected COMMIT of the table \"" +
				    table_ + "\" that begins in line " +
				    std::to_string(table_line_));
		return std::move(saved_);
	}

private:
	std::string where(unsigned long line) const { return name_ + ":" + std::to_string(line); }

	void take(std::string_view text)
	{
		auto words = saved_words(text);

		if (text.starts_with('#') && words && words->size() > 3 &&
		    (*words)[1] == "Generated")
			program_ = (*words)[3];
		if (text.starts_with('#') || (words && words->empty()))
			return;
		if (!words)
			expected("the end of the line", "the closing quote (\")");
		const std::string &first = words->front();
		if (first.starts_with('#'))
			return;
		if (first.starts_with('*'))
			begin(*words);
		else if (table_.empty())
			expected(quote(first), "a table (*raw, *mangle, …) first");
		else if (first.starts_with(':'))
			chain(*words);
		else if (first == "COMMIT" && words->size() == 1)
			table_.clear();
		else
			rule(text, *words);
	}

	void begin(const Words &words)
	{
		if (!table_.empty())
			expected(quote(words[0]), "COMMIT of the table \"" + table_ +
							  "\" that begins in line " +
							  std::to_string(table_line_));
		if (words.size() > 1)
			expected(quote(words[1]), "the end of the line");
		if (words[0].size() == 1)
			expected(quote(words[0]), "the name of a table");
		table_ = words[0].substr(1);
		table_line_ = line_;
		saved_.programs.push_back(std::move(program_));
		program_.clear();
	}

	void chain(const Words &words)
	{
		std::uint64_t packets, bytes;

		if (words[0].size() == 1)
			expected(quote(words[0]), "the name of a chain");
		if (words.size() < 2)
			expected("the end of the line", "the policy of a chain");
		if (words.size() > 2 && !parse_counters(words[2], packets, bytes))
			expected(quote(words[2]), "counters like [0:0]");
		if (words.size() > 3)
			expected(quote(words[3]), "the end of the line");
		saved_.chains.push_back({table_, words[0].substr(1), words[1], block()});
	}

	void rule(std::string_view text, Words &words)
	{
		SavedRule rule;

		if (parse_counters(words[0], rule.packets, rule.bytes))
			words.erase(words.begin());
		if (words.empty() || (words[0] != "-A" && words[0] != "--append"))
			expected(words.empty() ? "the end of the line" : quote(words[0]),
				 "-A, a chain (:NAME), COMMIT or a comment (#)");
		if (words.size() < 2)
			expected("the end of the line", "the name of a chain");
		rule.table = table_;
		rule.chain = words[1];
		words.erase(words.begin(), words.begin() + 2);
		rule.words = std::move(words);
		rule.where = where(line_);
		rule.text = text;
		rule.block = block();
		saved_.rules.push_back(std::move(rule));
	}

	unsigned int block() const { return static_cast<unsigned int>(saved_.programs.size() - 1); }

	const std::string &name_;
	std::string program_; // of the next table
	unsigned long line_ = 0, table_line_ = 0;
	std::string table_; // empty outside of tables
	Saved saved_;
};

} // namespace

std::optional<Words> saved_words(std::string_view line)
{
	Words words;
	bool inside = false, quoted = false;

	for (std::size_t i = 0; i < line.size(); i++) {
		char c = line[i];

		if (!quoted && (c == ' ' || c == '\t')) {
			inside = false;
			continue;
		}
		if (!inside)
			words.emplace_back();
		inside = true;
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\' && i + 1 < line.size())
			words.back() += line[++i];
		else
			words.back() += c;
	}
	if (quoted)
		return std::nullopt;
	return words;
}

Saved read_saved(std::string_view text, const std::string &name)
{
	Reader reader(name);

	for_each_line(text, [&](std::string_view line) { reader.line(line); });
	return reader.end();
}

} // namespace dsr
