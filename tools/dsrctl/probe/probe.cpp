// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/probe.hpp"

#include <algorithm>
#include <cstdio>

#include "common/dscp.hpp"

namespace dsr::probe {

namespace {

int badness(const Answer &answer)
{
	return answer.verdict == Verdict::ok ? 0 : is_failure(answer.verdict) ? 2 : 1;
}

} // namespace

const char *name(Verdict verdict)
{
	static const char *const names[] = {"ok",
					    "dscp-visible",
					    "no-answer",
					    "answer-from-rip",
					    "answer-from-other",
					    "reset",
					    "icmp-error",
					    "no-response",
					    "bad-response",
					    "wrong-status",
					    "body-mismatch",
					    "dropped-here",
					    "not-sent"};

	return names[static_cast<int>(verdict)];
}

const Answer &Result::worst() const
{
	return *std::max_element(
		answers.begin(), answers.end(),
		[](const Answer &a, const Answer &b) { return badness(a) < badness(b); });
}

std::size_t Result::succeeded() const
{
	return std::count_if(answers.begin(), answers.end(),
			     [](const Answer &answer) { return !is_failure(answer.verdict); });
}

std::string text(const Check &check)
{
	const std::string port = " port " + std::to_string(check.port);

	switch (check.kind) {
	case Check::Kind::icmp:
		return "ICMP echo";
	case Check::Kind::tcp:
		return "TCP" + port;
	default:
		return "HTTP" + port + " " + check.path;
	}
}

std::string text(Seconds time)
{
	char buffer[32];

	std::snprintf(buffer, sizeof(buffer), "%.2f ms", time.count() * 1000);
	return buffer;
}

} // namespace dsr::probe
