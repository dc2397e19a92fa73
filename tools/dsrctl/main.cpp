// SPDX-License-Identifier: BSD-3-Clause
// dsrctl: the command line.
#include <csignal>
#include <iostream>
#include <regex>

#include "common/dscp.hpp"
#include "common/ip.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/control.hpp"
#include "dsrctl/doctor/doctor.hpp"
#include "dsrctl/fleet/command.hpp"
#include "dsrctl/lb/command.hpp"
#include "dsrctl/probe/command.hpp"
#include "dsrctl/say.hpp"
#include "dsrctl/watch/command.hpp"

#include <nlohmann/json.hpp>

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
	"  metrics    OpenMetrics text of all VIPs\n"
	"  dscp N     a DSCP in every notation; N in any: 10, 0x0a, AF11, 001010b,\n"
	"             tos:40, 0xb8\n"
	"\n"
	"Commands with options of their own; see dsrctl COMMAND --help:\n"
	"  doctor     what is wrong with this server, and the command that mends it\n"
	"  fleet      many servers' files against their load balancers' configurations\n"
	"  lb-config  the load balancer's side of the configuration\n"
	"  probe      does a server answer for a VIP?\n"
	"  watch      what comes to the VIPs and leaves from them, live\n"
	"\n"
	"Exit status: 0 fine, 1 an error; and 3, see check. dsrctl(8) and dsr.conf(5)\n"
	"have the details.\n";

const char *const NAMES[] = {"start", "stop", "restart", "reload", "status",
			     "check", "metrics", "dscp"};

// Those that have a command line of their own, named by the first argument.
struct Command {
	const char *name;
	int (*run)(int argc, char *argv[]);
};

constexpr Command COMMANDS[] = {
	{"doctor", doctor_command},
	{"fleet", fleet_command},
	{"lb-config", lb_config_command},
	{"probe", probe_command},
	{"watch", watch_command},
};

struct Ignored {
	std::string sleep;
};

std::string one_of(const std::string &text,
		   std::initializer_list<const char *> choices)
{
	std::string list;

	for (const char *choice : choices) {
		if (text == choice)
			return "";
		list += (list.empty() ? "" : " or ") + std::string(choice);
	}
	return "found " + quote(text) + ", expected " + list;
}

// Of the tool that this one replaces: how long to wait for the module. It is
// accepted, when it is right, and not needed.
std::string check_sleep(const std::string &text)
{
	static const std::regex number_pair(
		"(\\d+\\.?\\d*|\\.\\d+):(\\d+\\.?\\d*|\\.\\d+)");

	if (std::regex_match(text, number_pair))
		return "";
	return "found " + quote(text) +
	       ", expected two numbers of seconds such as 1:0.25";
}

void define(CLI::App &app, Options &options, Ignored &ignored)
{
	app.add_option("ACTION", options.action, "What to do");
	app.add_option("ARGUMENT", options.argument, "The N of dscp");
	add_configuration(app, options.directory, options.file);
	app.add_flag("-a", options.all,
		     "Also what is active and not configured");
	app.add_flag("-i", options.top, "Add rules at the top of their chain");
	app.add_flag("-k", options.keep_module,
		     "Do not unload the module when stopping");
	app.add_flag("-n", options.show, "Show what would be done; do nothing");
	app.add_flag("-v", options.verbose, "Show the transactions");
	app.add_flag("-x", options.no_header, "Print no header");
	app.add_option("-s", ignored.sleep, "Ignored")
		->type_name("A:B")->check(check_sleep);
	app.add_option("--backend", options.backend,
		       "Rules of the module, or of nftables: daddr or nft")
		->type_name("NAME")->check([](const std::string &text) {
			return one_of(text, {"daddr", "nft"});
		});
	app.add_option("--table", options.table,
		       "Where new rules go: raw or mangle")
		->type_name("NAME")->check([](const std::string &text) {
			return one_of(text, {"raw", "mangle"});
		});
	app.add_option("--rules", options.rules,
		       "One rule for all VIPs, or one for each: map or each")
		->type_name("HOW")->check([](const std::string &text) {
			return one_of(text, {"map", "each"});
		});
	app.add_flag("--json", options.json, "Print JSON");
	app.add_flag("--yes", options.yes, "Do not ask before -a stop");
	app.add_option("--output", options.output,
		       "Write the metrics to this file, at once")
		->type_name("FILE");
	app.set_version_flag("--version", "dsrctl " DADDR_VERSION);
	app.footer(ACTIONS);
}

// What CLI11 cannot check alone.
void check_usage(const CLI::App &app, const Options &options)
{
	std::string names;

	for (const char *name : NAMES) {
		if (options.action == name) {
			if (options.action != "dscp" && app.count("ARGUMENT"))
				throw Error("found " + quote(options.argument) +
					    " behind " + options.action +
					    ", expected nothing");
			if (options.action != "metrics" &&
			    app.count("--output"))
				throw Error("found --output with " +
					    options.action +
					    ", expected it with metrics");
			return;
		}
		names += (names.empty() ? "" : ", ") + std::string(name);
	}
	for (const Command &command : COMMANDS)
		names += std::string(", ") + command.name;
	for (const Command &command : COMMANDS)
		if (options.action == command.name)
			throw Error("found options before " + quote(options.action) +
				    ", expected it to be the first word");
	throw Error((options.action.empty() ?
			     "found no action" :
			     "found the action " + quote(options.action)) +
		    ", expected one of " + names);
}

int show_dscp(const Options &options)
{
	auto dscp = parse_any_dscp(options.argument);

	if (!dscp)
		throw Error("dscp: found " + quote(options.argument) +
			    ", expected a DSCP: 10, 0x0a, AF11, 001010b, tos:40 or 0xb8");
	if (options.json)
		std::cout << nlohmann::json{{"dscp", *dscp},
					    {"dscp_hex", hex(*dscp)},
					    {"tos", *dscp << 2},
					    {"tos_hex", hex(*dscp << 2)},
					    {"binary", binary(*dscp)},
					    {"class", class_name(*dscp)}}
				     .dump(2)
			  << "\n";
	else
		std::cout << all_notations(*dscp);
	return 0;
}

// All that begins with an action.
int run_action(int argc, char *argv[])
{
	CLI::App app("The L3DSR and L2DSR state of this server: VIPs, and the rules that lead to them.",
		     "dsrctl");
	Options options;
	Ignored ignored;

	define(app, options, ignored);
	if (!parse(app, argc, argv))
		return 0;
	check_usage(app, options);
	if (options.action == "dscp")
		return show_dscp(options);
	return control(options);
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
		std::cerr << "dsrctl: " << error.what() << "\n"
			  << "Try " << name << " --help.\n";
	} catch (const std::exception &error) {
		dsr::say(error.what());
	}
	return 1;
}
