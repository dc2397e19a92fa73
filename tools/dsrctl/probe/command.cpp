// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/command.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string_view>

#include "common/dscp.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/probe/http.hpp"
#include "dsrctl/probe/report.hpp"
#include "dsrctl/probe/run.hpp"
#include "dsrctl/probe/targets.hpp"
#include "dsrctl/say.hpp"

using namespace dsr;
using namespace dsr::probe;

namespace {

constexpr int NAGIOS_UNKNOWN = 3;

const char EXAMPLES[] =
	"Examples:\n"
	"  dsrctl probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 7\n"
	"  dsrctl probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 7 --tcp 80\n"
	"  dsrctl probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 7 \\\n"
	"      --http /status.html --expect-status 200 --expect-body OK\n"
	"  dsrctl probe --from-config --servers 10.128.9.31,10.128.9.32 --tcp 80\n"
	"\n"
	"Exit status: 0 all answers came as they should, 1 an error, 2 a probe failed,\n"
	"3 none failed, and there is a warning; with --nagios, that of a monitoring\n"
	"plugin; with --keepalived, 0 or 1. dsrctl-probe(8) has the details.\n";

struct Options {
	std::string real, vip, dscp;
	bool from_config = false, icmp = false, json = false, nagios = false;
	bool keepalived = false, metrics = false;
	std::string directory = "/etc/dsr.d", file, servers;
	std::uint16_t tcp = 0, port = 0;
	std::string http, host, status, body;
	unsigned int count = 1;
	double timeout = 2, interval = 1;
};

void define(CLI::App &app, Options &options)
{
	const auto port = CLI::Range(1, 65535);

	app.add_option("--real", options.real, "The server's own address")->type_name("ADDR");
	app.add_option("--vip", options.vip, "The VIP that has to answer")->type_name("ADDR");
	app.add_option("--dscp", options.dscp, "What stands for it, in any notation of dsrctl dscp")
		->type_name("N");
	app.add_flag("--from-config", options.from_config,
		     "Probe every VIP of the configuration on every server");
	add_configuration(app, options.directory, options.file);
	app.add_option(
		   "--servers", options.servers,
		   "With --from-config: addresses with commas between them, or a file as lb-config has it")
		->type_name("LIST|FILE");
	app.add_flag("--icmp", options.icmp, "An ICMP echo; the default");
	app.add_option("--tcp", options.tcp, "A TCP handshake with this port")
		->type_name("PORT")
		->check(port);
	app.add_option("--http", options.http, "An HTTP GET of this path")->type_name("PATH");
	app.add_option("--port", options.port, "With --http: the port, 80 by default")
		->type_name("PORT")
		->check(port);
	app.add_option("--host", options.host,
		       "With --http: the Host of the request, the VIP by default")
		->type_name("NAME");
	app.add_option("--expect-status", options.status, "With --http: N or N-M, 200 by default")
		->type_name("N");
	app.add_option(
		   "--expect-body", options.body,
		   "With --http: an extended regular expression that a line of the body matches")
		->type_name("REGEX");
	app.add_option("--count", options.count, "Attempts; all have to succeed")
		->type_name("N")
		->check(CLI::Range(1U, 1000000U))
		->capture_default_str();
	app.add_option("--timeout", options.timeout, "Seconds that an attempt may take")
		->type_name("S")
		->check(CLI::Range(0.01, 3600.0))
		->capture_default_str();
	app.add_option("--interval", options.interval,
		       "Seconds between the beginnings of two attempts")
		->type_name("S")
		->check(CLI::Range(0.0, 3600.0))
		->capture_default_str();
	app.add_flag("--json", options.json, "Print JSON");
	app.add_flag("--nagios", options.nagios,
		     "Print one line, and exit, as a monitoring plugin");
	app.add_flag("--metrics", options.metrics, "Print metrics for Prometheus");
	app.add_flag("--keepalived", options.keepalived,
		     "Exit as keepalived's MISC_CHECK wants it: 0 in service, 1 not");
	app.footer(EXAMPLES);
}

[[noreturn]] void bad(const std::string &option, const std::string &found,
		      const std::string &expected)
{
	throw Error(option + ": found " + found + ", expected " + expected);
}

// What CLI11 cannot check alone.
void check_usage(const CLI::App &app, const Options &options)
{
	if (options.icmp + app.count("--tcp") + app.count("--http") > 1)
		throw Error("give one of --icmp, --tcp and --http, not more");
	for (const char *name : {"--port", "--host", "--expect-status", "--expect-body"})
		if (app.count(name) && !app.count("--http"))
			throw Error(std::string(name) + " needs --http");
	if (options.keepalived && options.nagios)
		throw Error("give --keepalived or --nagios, not both");
	if (options.json + options.nagios + options.metrics > 1)
		throw Error("give one of --json, --nagios and --metrics, not more");
	for (const char *name : {"--real", "--vip", "--dscp"})
		if (!options.from_config != (app.count(name) > 0))
			throw Error(
				options.from_config ?
					std::string("give ") + name +
						" or --from-config, not both" :
					std::string(name) +
						" is missing: give --real, --vip and --dscp, or --from-config");
	for (const char *name : {"-d", "-f", "--servers"})
		if (app.count(name) && !options.from_config)
			throw Error(std::string(name) + " needs --from-config");
	if (options.from_config && !app.count("--servers"))
		throw Error("--from-config needs --servers");
}

Ip host_address(const std::string &option, const std::string &text)
{
	auto ip = parse_ip(text);

	if (!ip)
		bad(option, quote(text), "an address such as 10.128.9.31 or 2001:db8:9::31");
	if (const char *refused = refuse(*ip))
		bad(option, quote(text) + ", " + refused, "the address of a host");
	return *ip;
}

Target target_of(const Options &options)
{
	auto dscp = parse_any_dscp(options.dscp);
	Target target;

	target.real = host_address("--real", options.real);
	target.vip = host_address("--vip", options.vip);
	target.name = text(target.vip);
	if (!dscp)
		bad("--dscp", quote(options.dscp),
		    "a DSCP: 7, 0x07, AF11, 000111b, tos:28 or 0x5c");
	if (!*dscp)
		bad("--dscp", quote(options.dscp), "1 to 63: 0 is what unmarked packets have");
	target.dscp = *dscp;
	if (target.real.family != target.vip.family)
		bad("--vip", quote(options.vip),
		    std::string("an ") + name(target.real.family) + " address, as --real is");
	if (target.real == target.vip)
		bad("--vip", quote(options.vip), "another address than --real");
	return target;
}

// "200", "200-399"
void parse_status(const std::string &text, Check &check)
{
	constexpr unsigned int LEAST = 100, MOST = 599;
	const char *end = text.data() + text.size();
	auto first = std::from_chars(text.data(), end, check.status_from);
	auto last = first;

	check.status_to = check.status_from;
	if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-')
		last = std::from_chars(first.ptr + 1, end, check.status_to);
	if (first.ec != std::errc() || last.ec != std::errc() || last.ptr != end ||
	    check.status_from < LEAST || check.status_to > MOST ||
	    check.status_to < check.status_from)
		bad("--expect-status", quote(text), "a status of HTTP, or a range: 200, 200-399");
}

// What goes into the request as it is must not end a line of it.
void check_word(const std::string &option, const std::string &text)
{
	for (unsigned char c : text)
		if (c <= ' ' || c == 0x7f)
			bad(option, quote(text), "no blank or control character");
}

Check check_of(const Options &options)
{
	Check check;

	if (options.tcp) {
		check.kind = Check::Kind::tcp;
		check.port = options.tcp;
	}
	if (options.http.empty())
		return check;
	check.kind = Check::Kind::http;
	check.port = options.port ? options.port : check.port;
	check.path = options.http;
	check.host = options.host;
	check.body = options.body;
	if (!check.path.starts_with('/'))
		bad("--http", quote(check.path), "a path such as /status.html");
	check_word("--http", check.path);
	check_word("--host", check.host);
	if (!options.status.empty())
		parse_status(options.status, check);
	if (std::string why = refuse_pattern(check.body); !why.empty())
		bad("--expect-body", quote(check.body) + " (" + why + ")",
		    "an extended regular expression");
	return check;
}

Targets targets_of(const Options &options)
{
	ConfigReader reader(resolve);
	std::string errors;

	if (!options.from_config)
		return {{target_of(options)}, {}};
	std::vector<Ip> servers = read_servers(options.servers);
	if (options.file.empty())
		reader.add_directory(options.directory);
	else
		reader.add_file(options.file);
	for (const Problem &problem : reader.config.errors)
		errors += (errors.empty() ? "" : "\n") + problem.message;
	if (!errors.empty())
		throw Error(errors);
	for (const std::string &warning : reader.config.warnings)
		say_warning(warning);
	Targets targets = combine(reader.config, servers);
	if (targets.targets.empty())
		throw Error("no VIP in the configuration has a DSCP and a server of its family");
	return targets;
}

int probe_targets(const Options &options)
{
	Targets targets = targets_of(options);
	Report report;

	report.check = check_of(options);
	report.timing = {options.count, Seconds(options.timeout), Seconds(options.interval)};
	report.skipped = targets.skipped;
	bool lines = !options.from_config && !options.json && !options.nagios && !options.metrics;
	if (lines)
		std::cout << head_text(targets.targets[0], report.check) << std::flush;
	report.results = run(targets.targets, report.check, report.timing,
			     [&](const Answer &answer, unsigned int number) {
				     if (lines)
					     std::cout << answer_text(answer, number) << std::flush;
			     });
	if (options.nagios) {
		std::cout << nagios_text(report);
		return nagios_status(report);
	}
	if (options.json)
		std::cout << report_json(report);
	else if (options.metrics)
		std::cout << probe_metrics(report);
	else if (!lines)
		std::cout << table_text(report);
	else if (options.count > 1)
		std::cout << sum_text(report.results[0]);
	if (!options.json)
		for (const std::string &skipped : report.skipped)
			say_warning(skipped);
	return options.keepalived ? keepalived_status(report) : exit_status(report);
}

// A monitoring system shows one line of standard output.
int complain(const Options &options, const std::string &error, const char *advice)
{
	if (!options.nagios) {
		say_error(error);
		std::cerr << advice;
		return 1;
	}
	std::string line = error;
	for (char &c : line)
		if (c == '|' || c == '\n')
			c = '/';
	std::cout << "DSR UNKNOWN - " << line << "\n";
	return NAGIOS_UNKNOWN;
}

} // namespace

int probe_command(int argc, char *argv[])
{
	CLI::App app(
		"Does a server answer for a VIP, when a packet is marked as the load balancer marks it?",
		"dsrctl probe");
	Options options;

	define(app, options);
	// also when another option is what is wrong
	options.nagios = std::find(argv, argv + argc, std::string_view("--nagios")) != argv + argc;
	try {
		if (!parse(app, argc, argv))
			return 0;
		check_usage(app, options);
		return probe_targets(options);
	} catch (const CLI::ParseError &error) {
		return complain(options, error.what(), "Try dsrctl probe --help.\n");
	} catch (const std::exception &error) {
		return complain(options, error.what(), "");
	}
}
