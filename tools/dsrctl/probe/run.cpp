// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/run.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "common/random.hpp"
#include "dsrctl/host.hpp"
#include "dsrctl/probe/answer_rules.hpp"
#include "dsrctl/probe/attempt.hpp"
#include "dsrctl/probe/capture.hpp"

namespace dsr::probe {

namespace {

// As many attempts at a time: each is an open file, and a process may have
// 1024 by default.
constexpr std::size_t AT_ONCE = 256;

// And so many with one server: it must not break down for being asked.
constexpr std::size_t AT_ONE_SERVER = 16;

// Readable when one of the signals that HoldSignals holds is waiting. It is
// not taken: it ends the program when everything has been put away.
Descriptor waiting_signals()
{
	sigset_t held;

	sigemptyset(&held);
	for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
		struct sigaction action;

		// nohup's work
		sigaction(signal, nullptr, &action);
		if (action.sa_handler != SIG_IGN)
			sigaddset(&held, signal);
	}
	return Descriptor(signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK), "a file for signals");
}

// One target's way through its attempts.
struct Course {
	Result result;
	std::optional<Ip> us;
	Clock::time_point next; // not before this
	std::unique_ptr<Attempt> running;
};

class Run {
public:
	Run(const std::vector<Target> &targets, const Check &check, const Timing &timing,
	    const Progress &progress);

	std::vector<Result> results();

private:
	void listen();
	bool finished() const;
	bool has_room(const Course &course) const;
	Echo new_echo(const Ip &us) const;
	void start();
	Clock::time_point wake() const;
	void wait();
	void hear();
	void expire();
	void collect();
	bool wants_more(const Course &course) const
	{
		return course.result.answers.size() < timing_.count;
	}
	void record(Course &course, const Answer &answer);

	const Check &check_;
	const Timing &timing_;
	const Progress &progress_;
	HoldSignals hold_;
	Descriptor signals_ = waiting_signals();
	std::vector<Course> courses_;
	std::vector<Capture> captures_;
	std::unique_ptr<Rewrite> rewrite_;
	std::map<Key, Attempt *> attempts_;
	std::map<Ip, std::size_t> load_; // attempts of each server
};

Run::Run(const std::vector<Target> &targets, const Check &check, const Timing &timing,
	 const Progress &progress)
	: check_(check), timing_(timing), progress_(progress)
{
	for (const Target &target : targets) {
		std::string why;
		Course &course = courses_.emplace_back();

		course.result.target = target;
		course.us = source_for(target, why);
		if (course.us)
			continue;
		Answer answer;
		answer.verdict = Verdict::not_sent;
		answer.text = "nothing could be sent to " + text(target.real) + ": " + why;
		while (wants_more(course))
			record(course, answer);
	}
	listen();
	if (check.kind != Check::Kind::icmp)
		rewrite_ = std::make_unique<Rewrite>();
}

void Run::listen()
{
	std::map<Family, std::set<Ip>> us;

	for (const Course &course : courses_)
		if (course.us)
			us[course.us->family].insert(*course.us);
	for (const auto &[family, ips] : us)
		captures_.emplace_back(family, ips, check_);
}

bool Run::finished() const
{
	return std::none_of(courses_.begin(), courses_.end(),
			    [this](const Course &course) { return wants_more(course); });
}

bool Run::has_room(const Course &course) const
{
	auto at_server = load_.find(course.result.target.real);

	return attempts_.size() < AT_ONCE &&
	       (at_server == load_.end() || at_server->second < AT_ONE_SERVER);
}

// Of which none is under way.
Echo Run::new_echo(const Ip &us) const
{
	Echo echo;

	do {
		const std::uint64_t number = random_number();

		echo.id = static_cast<std::uint16_t>(number);
		echo.sequence = static_cast<std::uint16_t>(number >> 16);
	} while (attempts_.contains({us, false, echo.id, echo.sequence}));
	echo.nonce = random_number();
	return echo;
}

void Run::start()
{
	const auto now = Clock::now();
	std::vector<Attempt *> started;
	std::vector<Flow> flows;

	for (Course &course : courses_) {
		if (course.running || !wants_more(course) || course.next > now || !has_room(course))
			continue;
		course.running = std::make_unique<Attempt>(course.result.target, check_, timing_,
							   *course.us, new_echo(*course.us));
		attempts_.emplace(course.running->key(), course.running.get());
		load_[course.result.target.real]++;
		started.push_back(course.running.get());
		if (auto flow = course.running->flow())
			flows.push_back(*flow);
		course.next = now + std::chrono::duration_cast<Clock::duration>(timing_.interval);
	}
	if (rewrite_)
		rewrite_->add(flows);
	for (Attempt *attempt : started)
		attempt->send();
}

// When something has to be done, whatever comes in.
Clock::time_point Run::wake() const
{
	auto first = Clock::time_point::max();

	for (const Course &course : courses_) {
		if (course.running)
			first = std::min(first, course.running->done() ?
							Clock::now() :
							course.running->deadline());
		else if (wants_more(course) && has_room(course))
			first = std::min(first, course.next);
	}
	return first;
}

void Run::wait()
{
	std::vector<pollfd> files{{signals_.get(), POLLIN, 0}};
	std::vector<Attempt *> running;
	auto left = std::chrono::ceil<std::chrono::milliseconds>(wake() - Clock::now()).count();

	for (const Capture &capture : captures_)
		files.push_back({capture.descriptor(), POLLIN, 0});
	const std::size_t first = files.size();
	for (const auto &[key, attempt] : attempts_) {
		if (!attempt->events())
			continue;
		files.push_back({attempt->descriptor(), attempt->events(), 0});
		running.push_back(attempt);
	}
	if (poll(files.data(), files.size(), static_cast<int>(std::max<long long>(left, 0))) < 0 &&
	    errno != EINTR)
		fail("poll", errno);
	if (files[0].revents)
		throw Error("ended by a signal");
	// A packet is captured before TCP learns of it.
	hear();
	for (std::size_t i = 0; i < running.size(); i++)
		if (files[first + i].revents)
			running[i]->ready();
}

void Run::hear()
{
	for (const Capture &capture : captures_)
		capture.read([this](const Heard &heard, unsigned int interface) {
			auto found = attempts_.find(heard.key);

			if (found != attempts_.end())
				found->second->hear(heard, interface);
		});
}

void Run::expire()
{
	const auto now = Clock::now();

	for (const auto &[key, attempt] : attempts_)
		if (!attempt->done() && attempt->deadline() <= now)
			attempt->expire();
}

void Run::record(Course &course, const Answer &answer)
{
	course.result.answers.push_back(answer);
	progress_(answer, static_cast<unsigned int>(course.result.answers.size()));
}

void Run::collect()
{
	std::vector<Flow> flows;

	for (Course &course : courses_) {
		if (!course.running || !course.running->done())
			continue;
		attempts_.erase(course.running->key());
		load_[course.result.target.real]--;
		if (auto flow = course.running->flow())
			flows.push_back(*flow);
		record(course, course.running->answer());
		course.running.reset();
	}
	if (rewrite_)
		rewrite_->remove(flows);
}

std::vector<Result> Run::results()
{
	std::vector<Result> results;

	while (!finished()) {
		start();
		wait();
		expire();
		collect();
	}
	for (Course &course : courses_)
		results.push_back(std::move(course.result));
	return results;
}

} // namespace

std::vector<Result> run(const std::vector<Target> &targets, const Check &check,
			const Timing &timing, const Progress &progress)
{
	return Run(targets, check, timing, progress).results();
}

} // namespace dsr::probe
