// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/http.hpp"

#include <regex.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

namespace dsr::probe {

namespace {

// What is shown of something unexpected.
constexpr std::size_t SHOWN = 60;

// Of every response.
constexpr std::string_view BEGIN = "HTTP/1.";

// Both kinds of line end are in use.
std::size_t end_of_head(std::string_view response)
{
	for (std::string_view end : {"\r\n\r\n", "\n\n"})
		if (std::size_t at = response.find(end); at != response.npos)
			return at + end.size();
	return response.npos;
}

std::optional<std::size_t> to_number(std::string_view digits)
{
	std::size_t number;
	auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);

	if (error != std::errc() || end != digits.end())
		return std::nullopt;
	return number;
}

std::optional<std::size_t> content_length(std::string_view head)
{
	constexpr std::string_view NAME = "content-length:";

	while (!head.empty()) {
		std::string_view line = head.substr(0, head.find('\n'));

		head.remove_prefix(std::min(line.size() + 1, head.size()));
		if (line.size() < NAME.size() ||
		    strncasecmp(line.data(), NAME.data(), NAME.size()) != 0)
			continue;
		line.remove_prefix(NAME.size());
		std::size_t first = line.find_first_not_of(" \t");
		std::size_t last = line.find_last_not_of(" \t\r");
		if (first == line.npos)
			return std::nullopt;
		return to_number(line.substr(first, last - first + 1));
	}
	return std::nullopt;
}

// "HTTP/1.1 200 OK"
std::optional<unsigned int> status(std::string_view response)
{
	constexpr std::size_t DIGITS = BEGIN.size() + 2, COUNT = 3;

	if (!response.starts_with(BEGIN) || response.size() < DIGITS + COUNT ||
	    response[DIGITS - 1] != ' ')
		return std::nullopt;
	auto number = to_number(response.substr(DIGITS, COUNT));
	return number ? std::optional<unsigned int>(*number) : std::nullopt;
}

std::string beginning(std::string_view text)
{
	return quote(text.substr(0, SHOWN)) + (text.size() > SHOWN ? " and more" : "");
}

class Pattern {
public:
	explicit Pattern(const std::string &text)
		: error_(regcomp(&pattern_, text.c_str(), REG_EXTENDED | REG_NOSUB | REG_NEWLINE))
	{
	}
	~Pattern()
	{
		if (!error_)
			regfree(&pattern_);
	}
	Pattern(const Pattern &) = delete;

	std::string error() const
	{
		char text[128];

		if (!error_)
			return "";
		regerror(error_, &pattern_, text, sizeof(text));
		return text;
	}

	// zero bytes included
	bool matches(const std::string &text) const
	{
		regmatch_t range{};

		range.rm_eo = static_cast<regoff_t>(text.size());
		return !regexec(&pattern_, text.c_str(), 1, &range, REG_STARTEND);
	}

private:
	regex_t pattern_;
	int error_;
};

std::string expected_status(const Check &check)
{
	std::string text = std::to_string(check.status_from);

	if (check.status_to != check.status_from)
		text += " to " + std::to_string(check.status_to);
	return text;
}

} // namespace

std::string request(const Check &check, const Ip &vip)
{
	std::string host = check.host;

	if (host.empty())
		host = vip.family == Family::ip4 ? text(vip) : "[" + text(vip) + "]";
	return "GET " + check.path + " HTTP/1.0\r\nHost: " + host +
	       "\r\nUser-Agent: dsrctl-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

std::string refuse_pattern(const std::string &pattern)
{
	return Pattern(pattern).error();
}

bool is_enough(std::string_view response)
{
	std::size_t body = end_of_head(response);

	if (response.substr(0, BEGIN.size()) !=
	    BEGIN.substr(0, std::min(response.size(), BEGIN.size())))
		return true;
	if (body == response.npos)
		return false;
	auto length = content_length(response.substr(0, body));
	return length && response.size() - body >= *length;
}

Answer judge(const Check &check, std::string_view response)
{
	std::size_t body_at = end_of_head(response);
	Answer answer;

	answer.status = status(response);
	if (!answer.status || body_at == response.npos) {
		answer.verdict = Verdict::bad_response;
		answer.text = response.empty() ? "the connection was closed without a response" :
						 beginning(response) + " is no response of HTTP";
		return answer;
	}
	const std::string found = "HTTP status " + std::to_string(*answer.status);
	if (*answer.status < check.status_from || *answer.status > check.status_to) {
		answer.verdict = Verdict::wrong_status;
		answer.text = found + ", expected " + expected_status(check);
		return answer;
	}
	const std::string body(response.substr(body_at));
	auto length = content_length(response.substr(0, body_at));
	if (length && body.size() < *length) {
		answer.verdict = Verdict::bad_response;
		answer.text = found + ", and a body of " + std::to_string(body.size()) + " of " +
			      std::to_string(*length) + " bytes";
		return answer;
	}
	if (!check.body.empty() && !Pattern(check.body).matches(body)) {
		answer.verdict = Verdict::body_mismatch;
		answer.text = found + ", and the body " + beginning(body) + " does not match " +
			      quote(check.body);
		return answer;
	}
	answer.text = found;
	return answer;
}

} // namespace dsr::probe
