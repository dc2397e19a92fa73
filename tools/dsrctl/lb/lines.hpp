// SPDX-License-Identifier: BSD-3-Clause
// A text line by line, each as words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsr::lb {

// A whole string of decimal digits, up to @max.
std::optional<unsigned int> parse_unsigned(std::string_view text, unsigned int max);

class Lines {
public:
	// @comments: the characters that begin one, at the first or any word
	Lines(std::string_view text, std::string file, std::string comments)
		: rest_(text), file_(std::move(file)), comments_(std::move(comments))
	{
	}

	// The next line that has words.
	bool next();

	const std::vector<std::string> &words() const { return words_; }
	// That word; empty when there are fewer.
	const std::string &word(std::size_t index) const;
	// Does the line begin with these, in whatever case?
	bool begins(std::initializer_list<const char *> words) const;
	// Where this word is; or the number of words.
	std::size_t find(const char *word) const;
	std::string where() const;
	unsigned int number() const { return number_; }
	// The whole line, comments and all.
	std::string_view line() const { return line_; }

private:
	std::string_view rest_, line_;
	std::string file_, comments_;
	std::vector<std::string> words_;
	unsigned int number_ = 0;
};

} // namespace dsr::lb
