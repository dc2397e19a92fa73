// SPDX-License-Identifier: BSD-3-Clause
// From a line of the configuration to a rule: the Situation is read, start()
// says what is wanted of it (intent.cpp), bring_about() (change.cpp) plans what
// differs (plan.cpp), and has the host do it (host.cpp).
#include "dsrctl/actions.hpp"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "common/files.hpp"
#include "common/process.hpp"
#include "dsrctl/change.hpp"
#include "dsrctl/guard/guard.hpp"
#include "dsrctl/metrics.hpp"
#include "dsrctl/module.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

// Without a reader, without a word: the exit status counts.
void put(const std::string &text)
{
	std::cout << text << std::flush;
}

// --- what only looks

// A file that is not there, or a name that does not resolve, leaves nothing to
// show; that alone is no failure of status.
bool config_failed(const Config &config)
{
	return std::ranges::any_of(config.errors, [&](const Problem &problem) {
		return problem.kind == Problem::Kind::syntax ||
		       problem.kind == Problem::Kind::conflict ||
		       problem.kind == Problem::Kind::writers || !config.entries.empty();
	});
}

int status(const Situation &now)
{
	const Options &options = now.options;
	std::vector<Row> rows = configured_rows(now.config, now.actual);

	for (const std::string &oddity :
	     oddities(now.config, now.actual, options.all,
		      [&](Store store, Family family) { return now.host.variant(store, family); }))
		say_warning(oddity);
	if (options.all)
		for (Row &row : discovered_rows(now.config, now.actual, now.state.entries))
			rows.push_back(std::move(row));
	if (options.json)
		put(status_json(rows));
	else if (!rows.empty())
		put(status_text(rows, options.all, !options.no_header));
	else
		put(options.all ? "No loopback aliases or iptables rules found.\n" :
				  "No configured DSRs found.\n");
	return config_failed(now.config);
}

int check(const Situation &now)
{
	Check check = dsr::check(configured_rows(now.config, now.actual), now.ip6);

	// without a directory, nothing is configured
	if (std::ranges::any_of(now.config.errors, [](const Problem &problem) {
		    return problem.kind != Problem::Kind::missing;
	    })) {
		check.line = "DSR configuration error discovered.";
		check.status = 1;
	}
	if (now.options.json)
		put(check_json(check));
	else
		(check.line.starts_with("DSR") ? std::cerr : std::cout) << check.line << std::endl;
	return check.status;
}

int metrics(const Situation &now)
{
	const std::string text = metrics_text(
		now.config, configured_rows(now.config, now.actual), now.actual, read_counters(),
		read_server(now.state, now.file),
		now.options.openmetrics ? MetricsFormat::openmetrics : MetricsFormat::prometheus);

	if (now.options.output.empty())
		put(text);
	else
		write_file(now.options.output, text, 0644);
	return 0;
}

// --- what changes something

// Interfaces are looked at only where they are needed.
bool usable(const Config &config)
{
	bool good = config.errors.empty();

	for (const Entry &entry : config.entries)
		if (!if_nametoindex(entry.dev.c_str())) {
			say_error(entry.where + ": this host has no interface " + quote(entry.dev));
			good = false;
		}
	for (const Entry &entry : config.entries)
		if (entry.ip.family == Family::ip6 && has_ip6() && !has_ip6(entry.dev))
			say_warning(entry.where + ": IPv6 is switched off on " + entry.dev +
				    " (net.ipv6.conf." + entry.dev +
				    ".disable_ipv6): " + entry.title() + " is not started");
	if (!good)
		say("nothing was changed, because of the errors above");
	return good;
}

void report(const Situation &now, const Changes &changes)
{
	if (now.options.json && !now.options.show)
		put(changes_json(changes, processes_started()));
}

int start(Situation &now, Changes &changes)
{
	if (!usable(now.config))
		return 1;
	const Intent intent = intent_to_start(now.config, now.state, now.source,
					      now.options.action != Action::start);
	// Only when every new rule is there do the old ones go: for a moment
	// both are there, and never none.
	if (bring_about(intent, now, changes)) {
		now.read_actual();
		bring_about(intent, now, changes);
	}
	report(now, changes);
	return 0;
}

// A configuration that is not valid changes nothing. That is no harm when
// nothing of it is active.
int stop_failed(const Situation &now)
{
	const std::string unchanged = "nothing was changed, because of the errors above; ";

	for (const Row &row : configured_rows(now.config, now.actual))
		if (row.standing != Standing::stopped) {
			say_error(unchanged + row.name + " is " + name(row.standing));
			return 1;
		}
	for (const Owned &owned : now.state.entries)
		if (owned.source == now.source) {
			say_error(unchanged + owned.name + " was started");
			return 1;
		}
	return std::ranges::any_of(now.config.errors, [](const Problem &problem) {
		return problem.kind == Problem::Kind::syntax;
	});
}

bool confirmed(const Situation &now, const Goal &goal)
{
	std::string answer;

	// On a terminal: where the question is seen, and answered.
	if (now.options.yes || now.options.show || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	const Plan plan = make_plan(goal, now.actual, How{});
	if (plan.empty())
		return true;
	std::cerr << now.host.describe(plan) << "Remove all of these? [y/N] ";
	std::getline(std::cin, answer);
	return answer == "y" || answer == "yes";
}

int stop(Situation &now, Changes &changes)
{
	if (std::ranges::any_of(now.config.errors, [](const Problem &problem) {
		    return problem.kind != Problem::Kind::name;
	    }))
		return stop_failed(now);
	const Intent intent = intent_to_stop(now.config, now.state, now.source, now.options.all);
	if (now.options.all && !confirmed(now, intent.goal)) {
		say("nothing was changed");
		return 1;
	}
	bring_about(intent, now, changes);
	report(now, changes);
	if (!now.options.keep_module && !now.options.show)
		unload_modules();
	return 0;
}

int restart(Situation &now, Changes &changes)
{
	if (!now.options.all && !now.options.top)
		return start(now, changes);
	// what cannot be started again is not stopped
	if (!usable(now.config))
		return 1;
	if (int failed = stop(now, changes))
		return failed;
	now.read_actual();
	return start(now, changes);
}

bool is_change(Action action)
{
	return action == Action::start || action == Action::stop || action == Action::restart ||
	       action == Action::reload;
}

int run(const Options &options)
{
	Situation now(options,
		      is_change(options.action) && !options.show ? StateFile::Access::change :
								   StateFile::Access::read,
		      options.action == Action::reload || options.action == Action::restart ?
			      Names::fresh :
			      Names::remembered);
	Changes changes;

	switch (options.action) {
	case Action::status:
		return status(now);
	case Action::check:
		return check(now);
	case Action::metrics:
		return metrics(now);
	case Action::stop:
		return stop(now, changes);
	case Action::restart:
		return restart(now, changes);
	case Action::start:
	case Action::reload:
	case Action::guard: // is no such
		break;
	}
	return start(now, changes);
}

} // namespace

int run_action(const Options &options)
{
	if (geteuid())
		throw Error("must be run as root");
	if (options.action == Action::guard)
		return guard(options);
	const int status = run(options);

	if (options.verbose > 1)
		say("started " + std::to_string(processes_started()) + " other programs");
	return status;
}

} // namespace dsr
