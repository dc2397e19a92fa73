// SPDX-License-Identifier: BSD-3-Clause
// One attempt: a socket, what is heard about it, and the answer at the end.
#pragma once

#include <optional>

#include "common/descriptor.hpp"
#include "dsrctl/probe/answer_rules.hpp"
#include "dsrctl/probe/heard.hpp"
#include "dsrctl/probe/probe.hpp"

namespace dsr::probe {

// The address of this host from which packets to the server leave; or none,
// and why.
std::optional<Ip> source_for(const Target &target, std::string &why);

class Attempt {
public:
	// The objects have to outlive it. @echo: if it is one. Throws Error.
	Attempt(const Target &target, const Check &check, const Timing &timing, const Ip &us,
		const Echo &echo);

	const Key &key() const { return key_; }
	// What the rules have to let through; none for an echo.
	std::optional<Flow> flow() const;

	// When the rules are there.
	void send();
	int descriptor() const { return socket_.get(); }
	// What to poll for.
	short events() const;
	// The socket is ready. All packets so far have been heard.
	void ready();
	void hear(const Heard &heard, unsigned int interface);
	void expire();

	Clock::time_point deadline() const { return begin_ + timeout_; }
	bool done() const { return answer_.has_value(); }
	const Answer &answer() const { return *answer_; }

private:
	void open();
	void bind_to_us();
	void connected();
	void read_response();
	void finish(Verdict verdict, const std::string &text);
	void succeed(const Answer &answer);
	void failed(int error);
	std::string heard_text(const Heard &heard) const;

	const Target &target_;
	const Check &check_;
	const Clock::duration timeout_;
	Key key_;
	const Echo echo_;
	Descriptor socket_;
	Clock::time_point begin_ = Clock::now();
	bool connected_ = false;
	std::string response_;
	// Of the VIP, and what it came in on.
	std::optional<Heard> heard_;
	unsigned int interface_ = 0;
	// The largest DSCP of the VIP's answers.
	std::uint8_t dscp_ = 0;
	std::optional<Answer> answer_;
};

} // namespace dsr::probe
