// SPDX-License-Identifier: BSD-3-Clause
// It sleeps until the kernel says that something changed (events.cpp), or until it
// is time to look where the kernel says nothing (quiet.cpp); compares what was
// started with what there is; and puts back what is gone by the same steps as
// reload (change.cpp). The state file says what was started: what another dsrctl
// starts, changes or stops meanwhile is so.
#include "dsrctl/guard/guard.hpp"

#include <net/if.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <utility>

#include "common/files.hpp"
#include "dsrctl/actions.hpp"
#include "dsrctl/change.hpp"
#include "dsrctl/guard/back_off.hpp"
#include "dsrctl/guard/events.hpp"
#include "dsrctl/guard/lost_routes.hpp"
#include "dsrctl/guard/notify.hpp"
#include "dsrctl/guard/quiet.hpp"
#include "dsrctl/guard/record.hpp"
#include "dsrctl/guard/report.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/nftables.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

using Clock = BackOff::Clock;
using Time = BackOff::Time;

constexpr char DIRECTORY[] = "/run/dsrctl";
constexpr std::chrono::seconds LOOK{1}; // where the kernel says nothing
// A route that goes may come again at once.
constexpr std::chrono::milliseconds SETTLE{50};

volatile std::sig_atomic_t ended, hung_up;

// Signals come while nothing else is done.
class Signals {
public:
	Signals()
	{
		sigset_t held;

		sigemptyset(&held);
		for (int signal : {SIGHUP, SIGINT, SIGTERM})
			sigaddset(&held, signal);
		sigprocmask(SIG_BLOCK, &held, &before_);
		for (int signal : {SIGINT, SIGTERM})
			std::signal(signal, [](int) { ended = 1; });
		std::signal(SIGHUP, [](int) { hung_up = 1; });
	}
	~Signals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
	Signals(const Signals &) = delete;

	const sigset_t &before() const { return before_; }

private:
	sigset_t before_;
};

// Who writes the state tells of what was started, changed or stopped.
class StateWatch {
public:
	StateWatch()
		: file_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify"),
		  name_(network_number() + ".json")
	{
		if (inotify_add_watch(file_.get(), DIRECTORY, IN_MOVED_TO | IN_DELETE) < 0)
			fail(DIRECTORY, errno);
	}

	int fd() const { return file_.get(); }

	bool changed()
	{
		alignas(inotify_event) char buffer[4096];
		bool changed = false;
		ssize_t size;

		while ((size = read(fd(), buffer, sizeof(buffer))) > 0)
			for (ssize_t at = 0; at < size;) {
				auto *event = reinterpret_cast<inotify_event *>(buffer + at);

				changed |= event->mask & IN_Q_OVERFLOW ||
					   (event->len && event->name == name_);
				at += sizeof(*event) + event->len;
			}
		return changed;
	}

private:
	const Descriptor file_;
	const std::string name_;
};

class Guard {
public:
	explicit Guard(const Options &options)
		: options_(options), look_options_(options),
		  lock_(options.no_guard ? Descriptor() : file_.hold(options.wait)),
		  record_(file_.read())
	{
		look_options_.all = look_options_.json = false;
		look_options_.backend.reset();
		look_options_.table.reset();
		look_options_.rules.reset();
		if (options.no_guard)
			return;
		record_.waiting = false;
		file_.write(record_);
		events_ = std::make_unique<Events>();
	}

	int run();

private:
	int reload();
	Time next_repair() const { return std::max(back_off_.next(), settled_); }
	void wait();
	void hear();
	void heard(const Event &event);
	void disturbed(const std::string &who);
	void look();
	void put_back(Situation &now, const Intent &intent, const Plan &plan,
		      const std::vector<Address> &routes);
	void failed(const std::string &why);
	void learn(const Situation &now);
	void say_dormant(std::set<std::string> ours, const std::set<std::string> &all);
	std::vector<Address> without_route(const Situation &now);
	void replace_if_newer() const;

	const Options &options_;
	Options look_options_; // and how rules were made that were there
	const Signals signals_;
	const GuardFile file_;
	const Descriptor lock_;
	GuardRecord record_;
	StateWatch state_;
	std::unique_ptr<Events> events_; // none: nothing is guarded
	BackOff back_off_;

	// What is known of what was started, when all of it was there.
	std::set<Ip> vips_;
	std::set<std::string> dormant_; // tables of nftables
	LostRoutes lost_routes_;
	Quiet quiet_;
	std::string quiet_before_;

	bool pending_ = true; // there may be something to do
	Disturbance disturbance_;
	bool suspected_ = false; // an address without a route
	Time settled_{}, next_look_{}, next_watchdog_{};
	const std::optional<std::chrono::microseconds> watchdog_ = watchdog();
};

// Whatever it returns, what is started is guarded.
int Guard::reload()
{
	Options options = options_;

	options.action = Action::reload;
	pending_ = true;
	return run_action(options);
}

// When a package has brought another version, that takes over: in this process, so
// that the service goes on.
void Guard::replace_if_newer() const
{
	std::error_code error;
	std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
	constexpr std::string_view GONE = " (deleted)";

	if (error || !path.ends_with(GONE))
		return;
	path.resize(path.size() - GONE.size());
	std::istringstream words(read_file_if_any("/proc/self/cmdline"));
	std::vector<std::string> arguments;
	std::vector<char *> pointers;
	for (std::string word; std::getline(words, word, '\0');)
		arguments.push_back(word);
	for (std::string &argument : arguments)
		pointers.push_back(argument.data());
	pointers.push_back(nullptr);
	if (arguments.empty() || access(path.c_str(), X_OK))
		return;
	say("guard: " + path + " is another one now, and takes over");
	// systemd is told nothing: a reload that it may have under way goes on
	sigprocmask(SIG_SETMASK, &signals_.before(), nullptr);
	execv(path.c_str(), pointers.data());
	fail(path, errno);
}

void Guard::disturbed(const std::string &who)
{
	if (!pending_)
		disturbance_ = {};
	pending_ = true;
	disturbance_.add(who);
}

void Guard::heard(const Event &event)
{
	const bool of_vip = event.ip && vips_.contains(*event.ip);

	if (of_vip || event.kind == Event::Kind::lost)
		lost_routes_.heard(event);
	switch (event.kind) {
	case Event::Kind::route_gone:
	case Event::Kind::address_gone:
		if (of_vip)
			disturbed(event.who);
		return;
	case Event::Kind::rules_changed:
		return disturbed(event.who);
	case Event::Kind::address_there:
	case Event::Kind::changed:
	case Event::Kind::lost:
		disturbed("");
	}
}

// Those that are there, and that the kernel does not deliver to: twice, a moment
// apart.
std::vector<Address> Guard::without_route(const Situation &now)
{
	std::vector<Address> found;

	lost_routes_.look();
	for (const Entry &entry : now.config.entries) {
		const Address *address = now.actual.find(entry.ip, entry.dev);

		if (address && lost_routes_.has(entry.ip) && is_up(entry.dev) &&
		    std::ranges::find(found, *address) == found.end())
			found.push_back(*address);
	}
	if (std::exchange(suspected_, false))
		return found;
	suspected_ = !found.empty();
	if (suspected_) {
		settled_ = Clock::now() + SETTLE;
		pending_ = true;
	}
	return {};
}

void Guard::learn(const Situation &now)
{
	std::set<std::string> interfaces;
	bool rules = false;
	Quiet quiet;

	vips_.clear();
	for (const Owned &owned : now.state.entries) {
		vips_.insert(owned.ip);
		interfaces.insert(owned.dev);
	}
	events_->watch(interfaces);
	for (const Rule &rule : now.actual.rules) {
		if (std::ranges::none_of(now.config.entries, [&](const Entry &entry) {
			    return entry.dscp && rule.has(entry.item());
		    }))
			continue;
		if (rule.store == Store::dscp_rewrite) {
			quiet.sysctls = true;
			continue;
		}
		look_options_.table = rule.table;
		look_options_.rules = rule.map ? RuleStyle::map : RuleStyle::each;
		if (rule.store != Store::nft &&
		    now.host.variant(rule.store, rule.family) == std::string("legacy"))
			quiet.legacy.emplace(rule.family, rule.table);
		else
			rules = true;
	}
	// of what was there before somebody listened, nobody knows
	if ((rules && events_->rules() < 0) || quiet != quiet_) {
		pending_ = true;
		quiet_ = quiet;
		quiet_before_ = fingerprint(quiet_);
	}
	events_->listen_to_rules(rules);
}

// Whoever makes a table dormant has it so, and its rules are there: that is said, not
// changed.
// @ours: with all rules of a VIP. @all: whoever's they are.
void Guard::say_dormant(std::set<std::string> ours, const std::set<std::string> &all)
{
	for (const std::string &table : ours)
		if (!dormant_.contains(table))
			say_error("guard: " + nft::dormant_text(table, disturbance_.by()));
	for (const std::string &table : dormant_) {
		if (!all.contains(table))
			say("guard: the table " + table + " of nftables is not dormant any more");
		else
			ours.insert(table);
	}
	dormant_ = std::move(ours);
}

void Guard::failed(const std::string &why)
{
	back_off_.failed(Clock::now());
	record_.waiting = true;
	file_.write(record_);
	say_error("guard: " + why + "; it is tried again in " +
		  std::to_string(back_off_.wait().count()) + " s");
	pending_ = true;
}

void Guard::put_back(Situation &now, const Intent &intent, const Plan &plan,
		     const std::vector<Address> &routes)
{
	std::vector<AddressStep> steps, done;
	Changes changes;

	for (bool add : {false, true})
		for (const Address &address : routes)
			steps.push_back({add, address});
	change_addresses(steps, done);
	if (!plan.empty())
		bring_about(intent, now, changes);

	const Missing missing(plan, routes,
			      now.state.backend == Backend::dscp_rewrite ? Gone::sysctl :
									   Gone::rule);
	back_off_.repaired(Clock::now());
	for (Gone gone : GONE)
		record_.of(gone) += !missing.of(gone).empty();
	record_.waiting = back_off_.waits();
	file_.write(record_);
	say("guard: " + report(missing, disturbance_));
	if (back_off_.waits())
		say_error("guard: " + contested(back_off_, disturbance_));
	// is it there now?
	pending_ = true;
}

void Guard::look()
{
	pending_ = false;
	try {
		quiet_before_ = fingerprint(quiet_);
		Situation now(look_options_, StateFile::Access::change, Names::started);

		// with what it is on, an address comes again by another look
		std::erase_if(now.config.entries, [](const Entry &entry) {
			return !if_nametoindex(entry.dev.c_str());
		});
		const Intent intent = intent_to_keep(now.config, now.state);
		const Plan plan = what_differs(intent, now);
		const std::vector<Address> routes = without_route(now);
		if (!plan.empty() || !routes.empty())
			put_back(now, intent, plan, routes);
		else if (suspected_)
			return; // by whom it was is still to be said
		else
			learn(now);
		if (plan.empty())
			say_dormant(dormant_tables(intent, now, plan), now.actual.dormant);
	} catch (const Error &error) {
		failed(error.what());
	}
	disturbance_ = {};
}

void Guard::wait()
{
	std::optional<Time> until;
	auto earlier = [&](Time time) { until = until ? std::min(*until, time) : time; };

	if (events_ && pending_)
		earlier(next_repair());
	if (events_ && !quiet_.empty())
		earlier(next_look_);
	if (back_off_.waits())
		earlier(back_off_.over());
	if (watchdog_)
		earlier(next_watchdog_);

	pollfd files[] = {{state_.fd(), POLLIN, 0},
			  {events_ ? events_->route() : -1, POLLIN, 0},
			  {events_ ? events_->rules() : -1, POLLIN, 0}};
	timespec left{};
	if (until) {
		const auto nanoseconds = std::max<std::int64_t>(
			0, std::chrono::nanoseconds(*until - Clock::now()).count());

		left = {nanoseconds / 1000000000, nanoseconds % 1000000000};
	}
	ppoll(files, std::size(files), until ? &left : nullptr, &signals_.before());
	if (files[0].revents && state_.changed()) {
		replace_if_newer();
		disturbed("");
	}
	hear();
}

// Before a look, too: what happened during a repair is known then, and by whom.
void Guard::hear()
{
	if (events_)
		for (const Event &event : events_->read())
			heard(event);
}

int Guard::run()
{
	if (int status = reload())
		return status;
	// until it listens to all that there is, but not for ever
	for (int i = 0; i < 3 && events_ && pending_; i++)
		look();
	notify(std::string("READY=1\nSTATUS=") +
	       (events_ ? "Guards what was started" : "Waits, and puts nothing back (--no-guard)"));
	while (!ended) {
		const Time now = Clock::now();

		if (hung_up) {
			hung_up = 0;
			notify(reloading());
			replace_if_newer();
			try {
				reload();
			} catch (const Error &error) {
				say_error(error.what());
			}
			notify("READY=1");
		}
		if (watchdog_ && now >= next_watchdog_) {
			notify("WATCHDOG=1");
			next_watchdog_ = now + *watchdog_;
		}
		if (events_ && !quiet_.empty() && now >= next_look_) {
			next_look_ = now + LOOK;
			if (!pending_ && fingerprint(quiet_) != quiet_before_) {
				disturbed("");
				disturbance_.by_look = true;
			}
		}
		if (back_off_.calm_down(now)) {
			record_.waiting = false;
			file_.write(record_);
			say("guard: nothing was removed for a while");
		}
		if (events_ && pending_ && now >= next_repair()) {
			hear();
			look();
		} else {
			wait();
		}
	}
	notify("STOPPING=1");
	return 0;
}

} // namespace

int guard(const Options &options)
{
	// the directory, with the mode that others expect
	StateFile(StateFile::Access::change, options.wait);
	return Guard(options).run();
}

} // namespace dsr
