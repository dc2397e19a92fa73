// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/lines.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace dsr::lb {

namespace {

// As shells and the command lines of load balancers have it: quotes group, and a
// backslash quotes the next character. A word that begins with one of @comments,
// and no quote before it, ends the line.
std::vector<std::string> split(std::string_view line, const std::string &comments)
{
	std::vector<std::string> words;
	bool inside = false, quoted = false;

	for (std::size_t i = 0; i < line.size(); i++) {
		char c = line[i];

		if (!quoted && (c == ' ' || c == '\t' || c == '\r')) {
			inside = false;
			continue;
		}
		if (!inside && comments.find(c) != comments.npos)
			break;
		if (!inside)
			words.emplace_back();
		inside = true;
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && i + 1 < line.size())
			words.back() += line[++i];
		else
			words.back() += c;
	}
	return words;
}

} // namespace

std::optional<unsigned int> parse_unsigned(std::string_view text, unsigned int max)
{
	const char *last = text.data() + text.size();
	unsigned int number;
	auto [end, error] = std::from_chars(text.data(), last, number);

	if (error != std::errc() || end != last || number > max)
		return std::nullopt;
	return number;
}

bool Lines::next()
{
	while (!rest_.empty()) {
		std::size_t end = std::min(rest_.find('\n'), rest_.size());

		line_ = rest_.substr(0, end);
		words_ = split(line_, comments_);
		rest_.remove_prefix(std::min(end + 1, rest_.size()));
		number_++;
		if (!words_.empty())
			return true;
	}
	return false;
}

const std::string &Lines::word(std::size_t index) const
{
	static const std::string none;

	return index < words_.size() ? words_[index] : none;
}

bool Lines::begins(std::initializer_list<const char *> words) const
{
	std::size_t index = 0;

	return std::all_of(words.begin(), words.end(), [&](const char *word) {
		return !strcasecmp(this->word(index++).c_str(), word);
	});
}

std::size_t Lines::find(const char *word) const
{
	auto found = std::find_if(words_.begin(), words_.end(), [&](const std::string &one) {
		return !strcasecmp(one.c_str(), word);
	});

	return static_cast<std::size_t>(found - words_.begin());
}

std::string Lines::where() const
{
	return file_ + ":" + std::to_string(number_);
}

} // namespace dsr::lb
