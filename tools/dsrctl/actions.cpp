// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/control.hpp"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "common/process.hpp"
#include "dsrctl/change.hpp"
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

// Where host names get their addresses from.
enum class Names : std::uint8_t {
	remembered,	// what was started; DNS for what was not
	fresh		// DNS; what was started when it does not answer
};

class Control {
public:
	explicit Control(const Options &options)
		: options_(options), file_(changes(options) ?
					   StateFile::Access::change :
					   StateFile::Access::read),
		  table_(options.table.empty() ? default_table()
					       : options.table),
		  ip6_(has_ip6()), change_(options, how(), system_, file_)
	{
		std::string warning;

		state_ = file_.read(warning);
		if (!warning.empty())
			say(warning);
		source_ = source();
	}

	int run()
	{
		const std::string &action = options_.action;

		read_configuration(action == "reload" || action == "restart" ?
					   Names::fresh :
					   Names::remembered);
		if (action == "status")
			return status();
		if (action == "check")
			return check();
		if (action == "metrics")
			return metrics();
		if (action == "stop")
			return stop();
		if (action == "start")
			return start(false);
		if (action == "restart" && (options_.all || options_.top)) {
			// what cannot be started again is not stopped
			if (!usable())
				return 1;
			int failed = stop();

			read_actual();
			return failed ? failed : start(true);
		}
		return start(true);
	}

private:
	static bool changes(const Options &options)
	{
		return !options.show &&
		       (options.action == "start" || options.action == "stop" ||
			options.action == "restart" ||
			options.action == "reload");
	}

	// What the state file calls this configuration.
	std::string source() const
	{
		std::error_code ignored;
		const std::string &path = options_.file.empty() ?
						  options_.directory :
						  options_.file;
		std::string real = std::filesystem::weakly_canonical(path,
								     ignored);

		return real.empty() ? path : real;
	}

	void read_configuration(Names names)
	{
		ConfigReader reader([&](const std::string &host,
					std::string &why) {
			return address_of(host, names, why);
		}, ConfigReader::Writers::root);

		if (options_.file.empty())
			reader.add_directory(options_.directory);
		else
			reader.add_file(options_.file);
		config_ = std::move(reader.config);
		for (const std::string &warning : config_.warnings)
			say(warning);
		for (const Problem &problem : config_.errors)
			say(problem.message);
		read_actual();
	}

	std::optional<Ip> address_of(const std::string &host, Names names,
				     std::string &why)
	{
		auto known = state_.remembered(host, source_);

		if (known && names == Names::remembered)
			return known;
		auto ip = resolve(host, why);
		if (!ip && known) {
			say("the host name " + quote(host) +
			    " does not resolve (" + why +
			    "): it stays at " + text(*known) +
			    ", which was found when it was started");
			return known;
		}
		return ip;
	}

	// Are rules of this family of interest? Not to l2dsr entries.
	bool concerns(Family family) const
	{
		auto of_family = [&](const auto &one) {
			return one.dscp && one.ip.family == family;
		};

		// of what was started before IPv6 was turned off, too
		if (std::any_of(state_.entries.begin(), state_.entries.end(),
				of_family))
			return true;
		if (family == Family::ip6 && !ip6_)
			return false;
		return options_.all ||
		       std::any_of(config_.entries.begin(),
				   config_.entries.end(), of_family);
	}

	void read_actual()
	{
		actual_.addresses = read_addresses();
		actual_.rules = system_.read(concerns(Family::ip4),
					     concerns(Family::ip6));
	}

	// --- what only looks

	void report_oddities()
	{
		for (const std::string &oddity :
		     oddities(config_, actual_, options_.all,
			      [&](Store store, Family family) {
				      return system_.variant(store, family);
			      }))
			say(oddity);
	}

	// A file that is not there, or a name that does not resolve, leaves
	// nothing to show; that alone is no failure of status.
	bool config_failed() const
	{
		return std::any_of(config_.errors.begin(), config_.errors.end(),
				   [&](const Problem &problem) {
					   return problem.kind == Problem::Kind::syntax ||
						  problem.kind == Problem::Kind::conflict ||
						  problem.kind == Problem::Kind::writers ||
						  !config_.entries.empty();
				   });
	}

	int status()
	{
		std::vector<Row> rows =
			configured_rows(config_, actual_, table_);

		report_oddities();
		if (options_.all)
			for (Row &row : discovered_rows(config_, actual_,
							state_.entries))
				rows.push_back(std::move(row));
		if (options_.json)
			put(status_json(rows));
		else if (!rows.empty())
			put(status_text(rows, options_.all,
					!options_.no_header));
		else
			put(options_.all ?
				    "No loopback aliases or iptables rules found.\n" :
				    "No configured DSRs found.\n");
		return config_failed();
	}

	int check()
	{
		Check check = dsr::check(
			configured_rows(config_, actual_, table_), ip6_);

		if (std::any_of(config_.errors.begin(), config_.errors.end(),
				[&](const Problem &problem) {
					// without a directory, nothing is configured
					return problem.kind != Problem::Kind::missing;
				})) {
			check.line = "DSR configuration error discovered.";
			check.status = 1;
		}
		if (options_.json)
			put(nlohmann::json{{"result", check.line},
					   {"configured", check.configured},
					   {"started", check.started},
					   {"status", check.status}}.dump(2) +
			    "\n");
		else
			(check.line.starts_with("DSR") ? std::cerr : std::cout)
				<< check.line << std::endl;
		return check.status;
	}

	int metrics()
	{
		std::string text = metrics_text(
			config_, configured_rows(config_, actual_, table_),
			actual_, read_counters());

		if (options_.output.empty())
			put(text);
		else
			write_file(options_.output, text, 0644);
		return 0;
	}

	// --- what changes something

	// Interfaces are looked at only where they are needed.
	bool usable()
	{
		bool good = config_.errors.empty();

		for (const Entry &entry : config_.entries)
			if (!if_nametoindex(entry.dev.c_str())) {
				say(entry.where + ": found dev " +
				    quote(entry.dev) +
				    ", expected an interface of this host");
				good = false;
			}
		if (!good)
			say("nothing was changed, because of the errors above");
		return good;
	}

	// A backend that was asked for takes over all VIPs, when whatever
	// differs changes.
	bool takes_over() const
	{
		return !options_.backend.empty() &&
		       (options_.action == "reload" ||
			options_.action == "restart");
	}

	How how() const
	{
		How how;

		how.table = table_;
		how.top = options_.top;
		how.ip6 = ip6_;
		how.takes_over = takes_over();
		return how;
	}

	void report() const
	{
		if (options_.json && !options_.show)
			put(change_.report());
	}

	int start(bool reconcile)
	{
		if (!usable())
			return 1;
		Intent intent = intent_to_start(config_, state_, source_,
						reconcile);
		change_.execute(intent, actual_, state_);
		if (takes_over())
			give_up_others(intent);
		report();
		return 0;
	}

	// Only now that this backend has every rule do those of the other go:
	// for a moment both are there, and never none.
	void give_up_others(const Intent &intent)
	{
		if (options_.show)
			return;
		read_actual();
		change_.execute(intent, actual_, state_);
	}

	int stop()
	{
		if (std::any_of(config_.errors.begin(), config_.errors.end(),
				[](const Problem &problem) {
					return problem.kind != Problem::Kind::name;
				}))
			return stop_failed();
		Intent intent = intent_to_stop(config_, state_, source_,
					       options_.all);
		if (options_.all && !confirmed(intent.goal)) {
			say("nothing was changed");
			return 1;
		}
		change_.execute(intent, actual_, state_);
		report();
		if (!options_.keep_module && !options_.show)
			unload_module();
		return 0;
	}

	// A configuration that is not valid changes nothing. That is no harm
	// when nothing of it is active.
	int stop_failed() const
	{
		for (const Row &row : configured_rows(config_, actual_, table_))
			if (row.standing != Standing::stopped) {
				say("nothing was changed, because of the errors above; " +
				    row.name + " is " + name(row.standing));
				return 1;
			}
		for (const Owned &owned : state_.entries)
			if (owned.source == source_) {
				say("nothing was changed, because of the errors above; " +
				    owned.name + " was started");
				return 1;
			}
		for (const Problem &problem : config_.errors)
			if (problem.kind == Problem::Kind::syntax)
				return 1;
		return 0;
	}

	bool confirmed(const Goal &goal)
	{
		std::string answer;

		// On a terminal: where the question is seen, and answered.
		if (options_.yes || options_.show || !isatty(STDIN_FILENO) ||
		    !isatty(STDERR_FILENO))
			return true;
		Plan plan = make_plan(goal, actual_, how());
		if (plan.empty())
			return true;
		std::cerr << system_.describe(plan)
			  << "Remove all of these? [y/N] ";
		std::getline(std::cin, answer);
		return answer == "y" || answer == "yes";
	}

	const Options &options_;
	StateFile file_;
	const std::string table_;
	const bool ip6_;
	System system_;
	std::string source_;
	State state_;
	Config config_;
	Actual actual_;
	Change change_;
};

} // namespace

int control(const Options &options)
{
	if (geteuid())
		throw Error("found user " + std::to_string(geteuid()) +
			    ", expected root, who alone may see and set rules");
	int status = Control(options).run();

	if (options.verbose > 1)
		say("started " + std::to_string(processes_started()) +
		    " other programs");
	return status;
}

} // namespace dsr
