// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/nft_tables.hpp"

#include <algorithm>
#include <cstdlib>

namespace dsr::lb {

namespace {

// Words; braces, commas, semicolons and ends of lines by themselves.
Words tokens(std::string_view text, const std::string &file)
{
	Words found;
	unsigned int line = 1;

	auto add = [&](std::string word) {
		found.push_back({std::move(word), file + ":" + std::to_string(line)});
	};
	for (std::size_t at = 0; at < text.size();) {
		char c = text[at];

		if (c == '#') {
			at = std::min(text.find('\n', at), text.size());
		} else if (c == '"') {
			std::size_t end = std::min(text.find('"', at + 1), text.size());

			add(std::string(text.substr(at, end - at)) + '"');
			at = end + 1;
		} else if (c == ' ' || c == '\t' || c == '\r') {
			at++;
		} else if (c == '\n' || c == '{' || c == '}' || c == ',' || c == ';') {
			add(std::string(1, c));
			line += c == '\n';
			at++;
		} else {
			std::size_t end = std::min(text.find_first_of(" \t\r\n{},;\"#", at),
						   text.size());
			std::string word(text.substr(at, end - at));

			// "7:" in a map, and not the end of "fe80::"
			if (word.size() > 1 && word.back() == ':' && !word.ends_with("::"))
				word.pop_back();
			add(word);
			at = end;
		}
	}
	return found;
}

Words elements(const Words &words)
{
	auto begin = std::find_if(words.begin(), words.end(),
				  [](const Token &token) { return token.text == "elements"; });

	return {begin, words.end()};
}

// "raw", "-300", "mangle - 10", "mangle -10"; those of bridges are others.
int priority_of(Words::const_iterator at, Words::const_iterator end)
{
	static const std::map<std::string, int> NAMES = {{"raw", -300},	   {"mangle", -150},
							 {"dstnat", -100}, {"filter", 0},
							 {"security", 50}, {"srcnat", 100}};
	long sign = 1, sum = 0;

	for (; at != end; ++at) {
		auto known = NAMES.find(at->text);

		if (at->text == "+" || at->text == "-")
			sign = at->text == "-" ? -1 : 1;
		else if (known != NAMES.end())
			sum = known->second;
		else
			sum += sign * std::strtol(at->text.c_str(), nullptr, 10);
	}
	return static_cast<int>(sum);
}

// The words of a chain's block, by statements.
void split(const Words &words, NftChain &chain)
{
	unsigned int depth = 0;
	Words rule;

	auto find = [&](const char *word) {
		return std::find_if(rule.begin(), rule.end(),
				    [&](const Token &token) { return token.text == word; });
	};
	auto end = [&] {
		auto hook = find("hook"), priority = find("priority");

		if (!rule.empty() && rule[0].text == "type" && rule.end() - hook > 1) {
			chain.hook = (hook + 1)->text;
			if (priority != rule.end())
				chain.priority = priority_of(priority + 1, rule.end());
		} else if (!rule.empty() && rule[0].text != "policy" && rule[0].text != "comment") {
			chain.statements.push_back(rule);
		}
		rule.clear();
	};
	for (const Token &token : words) {
		depth += token.text == "{";
		depth -= token.text == "}";
		if (!depth && (token.text == "\n" || token.text == ";"))
			end();
		else if (token.text != "\n")
			rule.push_back(token);
	}
	end();
}

class Reader {
public:
	Reader(std::string_view text, const std::string &file, Reading &reading)
		: tokens_(tokens(text, file)), reading_(reading)
	{
	}

	std::vector<NftTable> read()
	{
		while (at_ < tokens_.size())
			command();
		std::vector<NftTable> tables;
		for (auto &[name, table] : tables_)
			if (!table.dormant)
				tables.push_back(std::move(table));
		return tables;
	}

private:
	const std::string &look(std::size_t ahead = 0) const
	{
		static const std::string end;

		return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].text : end;
	}

	// What is between here, which comes after a brace, and its closing one.
	Words block()
	{
		unsigned int depth = 1;
		Words words;

		for (; at_ < tokens_.size(); at_++) {
			const Token &token = tokens_[at_];

			depth += token.text == "{";
			depth -= token.text == "}";
			if (!depth) {
				at_++;
				break;
			}
			words.push_back(token);
		}
		return words;
	}

	void skip_to_block()
	{
		while (at_ < tokens_.size() && look() != "{" && look() != "\n")
			at_++;
	}

	// The rest of a line at the top, with its blocks.
	std::string rest_of_line()
	{
		unsigned int depth = 0;
		std::string text;

		for (; at_ < tokens_.size(); at_++) {
			const std::string &word = look();

			if (!depth && (word == "\n" || word == ";"))
				break;
			depth += word == "{";
			depth -= depth && word == "}";
			if (word != "\n")
				text += (text.empty() ? "" : " ") + word;
		}
		return text;
	}

	// "ip NAME"; of no family, it is ip's.
	std::string table_name() const
	{
		const bool alone = look(1) == "{" || look(1) == "\n" || look(1) == ";" ||
				   look(1).empty();

		return alone ? "ip " + look() : look() + " " + look(1);
	}

	void command()
	{
		const std::string where = tokens_[at_].where, word = look();

		if (word == "\n" || word == ";" || word == "}") {
			at_++;
		} else if (word == "table" ||
			   ((word == "add" || word == "create") && look(1) == "table")) {
			at_ += word == "table" ? 1 : 2;
			read_table();
		} else if (word == "flush" && look(1) == "ruleset") {
			tables_.clear();
			rest_of_line();
		} else if ((word == "delete" || word == "destroy") && look(1) == "table") {
			at_ += 2;
			tables_.erase(table_name());
			rest_of_line();
		} else if (word == "define") {
			rest_of_line(); // whoever uses it is not understood
		} else {
			reading_.not_understood(where, rest_of_line());
		}
	}

	void read_table()
	{
		NftTable &table = tables_[table_name()];

		skip_to_block();
		if (look() != "{")
			return;
		at_++;
		while (at_ < tokens_.size() && look() != "}") {
			const std::string kind = look(), name = look(1);

			at_++;
			if (kind == "flags") {
				for (; look() != "\n" && look() != ";" && at_ < tokens_.size();
				     at_++)
					if (look() == "dormant")
						table.dormant = true;
				continue;
			}
			if (kind != "chain" && kind != "map" && kind != "set") {
				if (kind == "{")
					block();
				continue;
			}
			skip_to_block();
			if (look() != "{")
				continue;
			at_++;
			if (kind == "chain")
				split(block(), table.chains[name]);
			else
				table.sets["@" + name] = elements(block());
		}
		at_++;
	}

	Words tokens_;
	Reading &reading_;
	std::size_t at_ = 0;
	std::map<std::string, NftTable> tables_;
};

} // namespace

std::vector<NftTable> read_nft_tables(std::string_view text, const std::string &file,
				      Reading &reading)
{
	return Reader(text, file, reading).read();
}

} // namespace dsr::lb
