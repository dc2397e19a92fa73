// SPDX-License-Identifier: BSD-3-Clause
// dsrctl: the command line.
#include <algorithm>
#include <csignal>
#include <iomanip>
#include <iostream>

#include "common/dscp.hpp"
#include "common/ip.hpp"
#include "common/json_text.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/actions.hpp"
#include "dsrctl/doctor/doctor.hpp"
#include "dsrctl/exit_status.hpp"
#include "dsrctl/fleet/command.hpp"
#include "dsrctl/lb/command.hpp"
#include "dsrctl/probe/command.hpp"
#include "dsrctl/say.hpp"
#include "dsrctl/watch/command.hpp"

using namespace dsr;

namespace {

const char ACTIONS[] =
	"Actions:\n"
	"  start      add the VIPs of the configuration, and the rules that lead to them\n"
	"  stop       remove them; with -a, everything that was discovered\n"
	"  restart    as reload; with -a or -i, stop and start\n"
	"  reload     change what differs from the configuration, and nothing else\n"
	"  status     one line a VIP; with -a, also of what is active and not configured\n"
	"  check      one line of all: exit status 0 all started, 1 none, 3 some or\n"
	"             nothing configured\n"
	"  metrics    counters and states of all VIPs, for Prometheus\n"
	"  guard      as reload; and then, until it is ended, put back at once what\n"
	"             somebody removes: dsrctl-guard(8)\n"
	"  dscp N     a DSCP in every notation; N in any: 10, 0x0a, AF11, 001010b,\n"
	"             tos:40, 0xb8\n"
	"\n"
	"Commands with options of their own; see dsrctl COMMAND --help:\n"
	"  doctor     what is wrong with this server, and the command that fixes it\n"
	"  fleet      many servers' files against their load balancers' configurations\n"
	"  lb-config  the load balancer's side of the configuration\n"
	"  probe      does a server answer for a VIP?\n"
	"  watch      what comes to the VIPs and leaves from them, live\n"
	"\n"
	"Exit status: 0 fine, 1 an error; and 3, see check. dsrctl(8) and dsr.conf(5)\n"
	"have the details.\n";

constexpr std::pair<const char *, Action> NAMES[] = {
	{"start", Action::start},     {"stop", Action::stop},	  {"restart", Action::restart},
	{"reload", Action::reload},   {"status", Action::status}, {"check", Action::check},
	{"metrics", Action::metrics}, {"guard", Action::guard},
};
constexpr char DSCP[] = "dscp";
constexpr Table TABLES[] = {Table::raw, Table::mangle};
constexpr RuleStyle STYLES[] = {RuleStyle::map, RuleStyle::each};

// Those that have a command line of their own, named by the first argument.
struct Command {
	const char *name;
	int (*run)(int argc, char *argv[]);
};

constexpr Command COMMANDS[] = {
	{"doctor", doctor_command}, {"fleet", fleet_command}, {"lb-config", lb_config_command},
	{"probe", probe_command},   {"watch", watch_command},
};

struct CommandLine {
	Options options;
	std::string action, argument; // as they are written
	std::string sleep;	      // ignored
};

// Of the tool that this one replaces: how long to wait for the module. It is
// accepted, when it is right, and not needed.
std::string check_sleep(const std::string &text)
{
	const std::size_t colon = text.find(':');
	auto is_number = [](const std::string &part) {
		return part.find_first_not_of("0123456789.") == part.npos &&
		       part.find_first_not_of('.') != part.npos &&
		       std::count(part.begin(), part.end(), '.') <= 1;
	};

	if (colon != text.npos && is_number(text.substr(0, colon)) &&
	    is_number(text.substr(colon + 1)))
		return "";
	return "found " + quote(text) + ", expected two numbers of seconds such as 1:0.25";
}

// "raw or mangle", "a, b or c"
template <class Choices>
std::string either(const Choices &choices)
{
	std::string text;

	for (std::size_t i = 0; i < std::size(choices); i++)
		text += (i == 0			    ? "" :
			 i + 1 < std::size(choices) ? ", " :
						      " or ") +
			std::string(name(choices[i]));
	return text;
}

// An option whose value is the name of one of these.
template <class Choice, std::size_t N>
void add_choice(CLI::App &app, const char *option, const char *type, std::optional<Choice> &chosen,
		const Choice (&choices)[N], const char *help)
{
	app.add_option_function<std::string>(
		   option,
		   [&chosen, &choices](const std::string &text) {
			   for (Choice choice : choices)
				   if (text == name(choice))
					   chosen = choice;
		   },
		   help)
		->type_name(type)
		->check([&choices](const std::string &text) {
			for (Choice choice : choices)
				if (text == name(choice))
					return std::string();
			return "found " + quote(text) + ", expected " + either(choices);
		});
}

void define(CLI::App &app, CommandLine &line)
{
	Options &options = line.options;

	app.add_option("ACTION", line.action, "What to do");
	app.add_option("ARGUMENT", line.argument, "The N of dscp");
	add_configuration(app, options.directory, options.file);
	app.add_flag("-a", options.all, "Also what is active and not configured");
	app.add_flag("-i", options.top, "Add rules at the top of their chain");
	app.add_flag("-k", options.keep_module, "Do not unload the module when stopping");
	app.add_flag("-n", options.show, "Show what would be done; do nothing");
	app.add_flag("-v", options.verbose, "Show the transactions");
	app.add_flag("-x", options.no_header, "Print no header");
	app.add_option("-s", line.sleep, "Ignored")->type_name("A:B")->check(check_sleep);
	add_choice(app, "--backend", "NAME", options.backend, BACKENDS,
		   "What leads to the VIPs: dscp_rewrite, daddr or nft");
	add_choice(app, "--table", "NAME", options.table, TABLES,
		   "Where new rules go: raw or mangle");
	add_choice(app, "--rules", "HOW", options.rules, STYLES,
		   "One rule for all VIPs, or one for each: map or each");
	app.add_option("--wait", options.wait, "How long to wait for what others have locked")
		->type_name("SECONDS")
		->check(CLI::Range(0U, 86400U))
		->capture_default_str();
	app.add_flag("--json", options.json, "Print JSON");
	app.add_flag("--yes", options.yes, "Do not ask before -a stop");
	app.add_option("--output", options.output, "Write the metrics to this file, at once")
		->type_name("FILE");
	app.add_flag("--openmetrics", options.openmetrics, "Print the metrics as OpenMetrics");
	app.add_flag("--no-guard", options.no_guard, "Of guard: only wait, and put nothing back");
	app.set_version_flag("--version", "dsrctl " DADDR_VERSION);
	app.footer(ACTIONS);
}

// Of what --help would have told.
class UsageError : public Error {
public:
	using Error::Error;
};

// What CLI11 cannot check alone.
void check_usage(const CLI::App &app, const CommandLine &line)
{
	if (line.action != DSCP && app.count("ARGUMENT"))
		throw UsageError(line.action + " takes no argument: " + quote(line.argument));
	constexpr std::pair<const char *, const char *> OPTIONS[] = {
		{"--output", "metrics"},
		{"--openmetrics", "metrics"},
		{"--no-guard", "guard"},
	};

	for (const auto &[option, action] : OPTIONS)
		if (line.action != action && app.count(option))
			throw UsageError(std::string(option) + " is an option of " + action +
					 ", not of " + line.action);
	if (line.action == "guard" && app.count("-n"))
		throw UsageError(
			"-n is no option of guard: use it with reload, which guard begins with");
}

void not_first(const std::string &action)
{
	for (const Command &command : COMMANDS)
		if (action == command.name)
			throw UsageError(quote(action) +
					 " must come first; put its options after it");
}

[[noreturn]] void unknown_action(const std::string &action)
{
	std::string names;

	for (const auto &[name, ignored] : NAMES)
		names += name + std::string(", ");
	names += DSCP;
	for (const Command &command : COMMANDS)
		names += std::string(", ") + command.name;
	throw UsageError(
		(action.empty() ? "an action is missing" : "there is no action " + quote(action)) +
		"; it is one of " + names);
}

std::string dscp_json(std::uint8_t dscp)
{
	using nlohmann::json;
	const std::string name = class_name(dscp);
	const char *others = others_use(dscp);
	json filters = json::array();

	for (const auto &[program, expression] : dscp_filters(dscp))
		filters.push_back({{"program", program}, {"expression", expression}});
	return json_text(json{{"dscp", dscp},
			      {"dscp_hex", hex(dscp)},
			      {"tos", dscp << 2},
			      {"tos_hex", hex(dscp << 2)},
			      {"binary", binary(dscp)},
			      {"class", name == "--" ? json() : json(name)},
			      {"others", others ? json(others) : json()},
			      {"filters", filters}});
}

int show_dscp(const CommandLine &line)
{
	auto dscp = parse_any_dscp(line.argument);

	if (!dscp)
		throw UsageError("dscp: found " + quote(line.argument) +
				 ", expected a DSCP: 10, 0x0a, AF11, 001010b, tos:40 or 0xb8");
	if (line.options.json) {
		std::cout << dscp_json(*dscp);
	} else {
		std::cout << all_notations(*dscp) << "\n";
		for (const auto &[program, expression] : dscp_filters(*dscp))
			std::cout << std::left << std::setw(14) << program << expression << "\n";
	}
	return 0;
}

// All that begins with an action.
int run_action(int argc, char *argv[])
{
	CLI::App app(
		"The L3DSR and L2DSR state of this server: VIPs, and the rules that lead to them.",
		"dsrctl");
	CommandLine line;

	define(app, line);
	// options of a command that is not the first word are not the fault
	app.allow_extras();
	if (!parse(app, argc, argv))
		return 0;
	not_first(line.action);
	if (const auto extras = app.remaining(); !extras.empty())
		throw CLI::ExtrasError(extras);
	if (line.action == DSCP) {
		check_usage(app, line);
		return show_dscp(line);
	}
	for (const auto &[name, action] : NAMES)
		if (line.action == name) {
			check_usage(app, line);
			line.options.action = action;
			return dsr::run_action(line.options);
		}
	unknown_action(line.action);
}

void usage_error(const std::string &message, const std::string &command)
{
	say_error(message);
	std::cerr << "Try " << command << " --help.\n";
}

} // namespace

int main(int argc, char *argv[])
{
	std::string name = "dsrctl";

	// whoever reads may go; what was begun is finished
	std::signal(SIGPIPE, SIG_IGN);
	try {
		for (const Command &command : COMMANDS) {
			if (argc < 2 || argv[1] != std::string(command.name))
				continue;
			name += std::string(" ") + command.name;
			return command.run(argc - 1, argv + 1);
		}
		return run_action(argc, argv);
	} catch (const CLI::ParseError &error) {
		usage_error(error.what(), name);
	} catch (const UsageError &error) {
		usage_error(error.what(), name);
	} catch (const std::exception &error) {
		say_error(error.what());
	}
	return EXIT_FAILED;
}
