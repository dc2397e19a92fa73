// SPDX-License-Identifier: BSD-3-Clause
// What is probed, how, and what came of it.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "common/ip.hpp"

namespace dsr::probe {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Does the server at this address serve the VIP by this DSCP?
struct Target {
	Ip real, vip;
	std::uint8_t dscp = 0;
	std::string name; // the VIP as it is configured

	bool operator==(const Target &) const = default;
};

struct Check {
	enum class Kind : std::uint8_t { icmp, tcp, http };

	Kind kind = Kind::icmp;
	std::uint16_t port = 80;
	std::string path, host; // of http
	unsigned int status_from = 200, status_to = 200;
	std::string body; // an extended regular expression; empty: any
};

struct Timing {
	unsigned int count = 1;
	Seconds timeout{2}, interval{1};
};

enum class Verdict : std::uint8_t {
	ok,
	dscp_visible, // a warning; all that follow are failures
	no_answer,
	answer_from_rip,
	answer_from_other,
	reset,
	icmp_error,
	no_response,
	bad_response,
	wrong_status,
	body_mismatch,
	dropped_here,
	not_sent
};

// As it is printed: "answer-from-rip"
const char *name(Verdict verdict);

inline bool is_failure(Verdict verdict)
{
	return verdict > Verdict::dscp_visible;
}

// What came of one attempt.
struct Answer {
	Verdict verdict = Verdict::ok;
	std::string text; // the same in words
	Seconds time{0};  // until it was known
	std::optional<Ip> from;
	std::optional<std::uint8_t> dscp;   // that it carried
	std::optional<unsigned int> status; // of HTTP
};

struct Result {
	Target target;
	std::vector<Answer> answers;

	// The first of the worst kind: there is always one.
	const Answer &worst() const;
	std::size_t succeeded() const;
};

// "ICMP echo", "TCP port 80", "HTTP port 80 /status.html"
std::string text(const Check &check);

// "0.52 ms"
std::string text(Seconds time);

} // namespace dsr::probe
