// SPDX-License-Identifier: BSD-3-Clause
// daddr-replay: the command line.
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>

#include "daddr_dscp.h"
#include "common/files.hpp"
#include "replay/explain.hpp"
#include "replay/report.hpp"

using namespace dsr;
using namespace dsr::replay;

namespace {

enum Status { FINE = 0, GOOD_BECAME_BAD = 1, BAD_INPUT = 2 };

const char EXAMPLES[] =
	"Examples:\n"
	"  daddr-replay --dscp 7 --set-daddr 10.128.8.46 in.pcap out.pcap\n"
	"  daddr-replay --dscp-map 7=10.128.8.46,EF=10.128.8.47 in.pcap out.pcap\n"
	"  daddr-replay --dscp 7 --set-daddr 10.128.8.46 --protocol tcp \\\n"
	"      --set-dport 443 in.pcap out.pcap\n"
	"  iptables-save >rules; daddr-replay --rules rules in.pcap out.pcap\n"
	"  daddr-replay --check --server 10.128.9.31 in.pcap\n"
	"  daddr-replay --rules rules --explain 12 in.pcap\n"
	"  tcpdump -w - -c 1000 | daddr-replay --rules rules - - | tcpdump -r -\n"
	"\n"
	"Exit status: 0 fine, 1 a good transport checksum became bad, 2 bad usage or\n"
	"input. daddr-replay(1) has the details.\n";

struct Options {
	std::vector<std::string> rules, servers, maps;
	std::string dscp, daddr, dport, protocol, interface, input, output;
	bool one_rule = false, check = false, json = false;
	std::uint64_t explain = 0;
};

// The rule is made of words and read as one in a file is.
nf::Rule command_line_rule(const Options &options)
{
	std::vector<std::string> words;
	unsigned int dscp;
	nf::Rule rule;

	auto add = [&words](std::initializer_list<std::string> more) {
		words.insert(words.end(), more);
	};
	if (!options.protocol.empty())
		add({"-p", options.protocol});
	if (options.maps.empty()) {
		if (!daddr_dscp_parse(options.dscp.c_str(), &dscp) || !dscp)
			throw Error("--dscp: found " + quote(options.dscp) +
				    ", expected 1-63, 0x1-0x3f or a class (EF, AF11, CS1)");
		add({"-m", "dscp", "--dscp", options.dscp, "-j", "DADDR", "--set-daddr",
		     options.daddr});
	} else {
		add({"-j", "DADDR"});
	}
	for (const std::string &map : options.maps)
		add({"--dscp-map", map});
	if (!options.dport.empty())
		add({"--set-dport", options.dport});
	try {
		rule = parse_rule(words);
	} catch (const Error &error) {
		throw Error(std::string("the rule of the command line: ") + error.what());
	}
	rule.where = "command line";
	for (const std::string &word : words)
		rule.text += (rule.text.empty() ? "" : " ") + word;
	return rule;
}

Ruleset read_rules(const Options &options)
{
	Ruleset ruleset;

	for (const std::string &path : options.rules)
		parse_rules(read_file(path), path, ruleset);
	if (options.one_rule)
		ruleset.add(only_rule(command_line_rule(options)));
	return ruleset;
}

std::vector<Ip> read_servers(const Options &options)
{
	std::vector<Ip> servers;

	for (const std::string &text : options.servers) {
		auto address = parse_ip(text);

		if (!address)
			throw Error("--server: found " + quote(text) +
				    ", expected a numeric IPv4 or IPv6 address");
		servers.push_back(*address);
	}
	return servers;
}

// How far we are, for people who wait.
class Progress {
public:
	void count()
	{
		if (++packets_ & 0xffff || !terminal_)
			return;
		auto now = std::chrono::steady_clock::now();
		if (now - last_ < std::chrono::seconds(1))
			return;
		last_ = now;
		shown_ = true;
		std::fprintf(stderr, "\r%llu packets ", static_cast<unsigned long long>(packets_));
	}
	~Progress()
	{
		if (shown_)
			std::fputs("\r\033[K", stderr);
	}

private:
	std::uint64_t packets_ = 0;
	bool terminal_ = isatty(STDERR_FILENO), shown_ = false;
	std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void put(std::FILE *to, const std::string &text)
{
	if (std::fputs(text.c_str(), to) == EOF || std::fflush(to))
		throw Error(std::string("the report cannot be written: ") + std::strerror(errno));
}

int explain_one(const Options &options, CaptureReader &reader, Engine &engine)
{
	Frame frame;

	for (std::uint64_t number = 1; reader.next(frame); number++) {
		if (number < options.explain)
			continue;
		put(stdout, explain_frame(engine, frame, number));
		return engine.counters().good_to_bad() ? GOOD_BECAME_BAD : FINE;
	}
	if (reader.damage())
		throw Error(damage_text(reader.name(), *reader.damage()));
	throw Error(reader.name() + ": there is no packet " + std::to_string(options.explain) +
		    " to explain");
}

int run(const Options &options)
{
	const Ruleset rules = read_rules(options);
	const std::vector<Ip> servers = read_servers(options);
	CaptureReader reader(options.input);
	Engine engine(rules, servers, options.interface);
	std::optional<CaptureWriter> writer;
	Frame frame;

	if (options.explain)
		return explain_one(options, reader, engine);
	if (!options.check)
		writer.emplace(options.output, reader);
	{
		Progress progress;

		while (reader.next(frame)) {
			if (!engine.process(frame))
				reader.leave_out();
			progress.count();
		}
	}
	if (writer)
		writer->close();

	int status = FINE;
	if (engine.counters().good_to_bad())
		status = GOOD_BECAME_BAD;
	if (reader.damage())
		status = BAD_INPUT;
	Report report{options.input,	 options.output,     reader.link_names(),
		      engine.counters(), engine.diagnosis(), rules,
		      !servers.empty(),	 reader.damage(),    status};
	put(options.output == "-" ? stderr : stdout,
	    options.json ? report_json(report) : report_table(report));
	if (reader.damage())
		put(stderr, "daddr-replay: " + damage_text(reader.name(), *reader.damage()) + "\n");
	return status;
}

// What CLI11 cannot check alone.
void check_usage(const CLI::App &app, const Options &options)
{
	bool writes = !options.check && !options.explain;
	bool rules = !options.rules.empty() || options.one_rule;

	if (app.count("--protocol") && !options.one_rule)
		throw Error("--protocol: is of a rule that --set-daddr or --dscp-map gives");
	if (app.count("--explain") && !options.explain)
		throw Error("--explain: packets are numbered from 1");
	if (writes && options.output.empty())
		throw Error("OUT is missing, the capture to write; or give --check or --explain");
	if (!writes && !options.output.empty())
		throw Error("--check and --explain write nothing: leave out \"" + options.output +
			    "\"");
	if (writes && !rules)
		throw Error(
			"a rule is missing: give --rules, --dscp-map, or --dscp and --set-daddr");
}

// Left to itself, the conversion takes -1 for the largest number.
std::string not_negative(const std::string &text)
{
	if (text[0] != '-')
		return "";
	return "found \"" + text + "\", expected a packet's number, from 1";
}

void define(CLI::App &app, Options &options)
{
	app.add_option(
		   "IN", options.input,
		   "Capture to read (pcap or pcapng, also packed with gzip or zstd); - is standard input")
		->required();
	app.add_option("OUT", options.output,
		       "Capture to write, of the same form; - is standard output");
	auto *rules =
		app.add_option(
			   "--rules", options.rules,
			   "Apply the rules of this output of iptables-save, ip6tables-save, nft -j list ruleset or sysctl net.ipv4.dscp_rewrite; may be repeated")
			->type_name("FILE")
			->allow_extra_args(false);
	auto *dscp =
		app.add_option(
			   "--dscp", options.dscp,
			   "With --set-daddr, one rule: the DSCP to match, 1-63, 0x1-0x3f or a class (EF, AF11, CS1)")
			->type_name("N");
	auto *daddr = app.add_option("--set-daddr", options.daddr,
				     "The new destination of the one rule")
			      ->type_name("ADDR");
	auto *map =
		app.add_option(
			   "--dscp-map", options.maps,
			   "One rule with a map: the new destination of each DSCP; may be repeated")
			->type_name("N=ADDR[,N=ADDR]...")
			->allow_extra_args(false);
	auto *dport =
		app.add_option(
			   "--set-dport", options.dport,
			   "With --set-daddr and --protocol: the new destination port, a number or a service's name")
			->type_name("PORT");
	auto *protocol =
		app.add_option(
			   "--protocol", options.protocol,
			   "With --set-daddr or --dscp-map, the protocol to match: tcp, udp, udplite, dccp, ...")
			->type_name("NAME");
	app.add_option(
		   "--in", options.interface,
		   "The interface that every packet came in by, for rules with -i; by default, what a pcapng capture says")
		->type_name("IFACE");
	auto *check = app.add_flag("--check", options.check,
				   "Report only, write nothing; rules are not needed then");
	app.add_option("--server", options.servers,
		       "A server's own address, for the diagnosis; may be repeated")
		->type_name("ADDR")
		->allow_extra_args(false);
	auto *explain = app.add_option("--explain", options.explain,
				       "Print packet N before and after, and why; write nothing")
				->type_name("N")
				->check(not_negative);
	auto *json = app.add_flag("--json", options.json, "Report as JSON");
	dscp->needs(daddr)->excludes(rules);
	daddr->needs(dscp)->excludes(rules);
	map->excludes(rules)->excludes(dscp)->excludes(dport);
	dport->needs(daddr)->needs(protocol);
	protocol->excludes(rules);
	explain->excludes(check)->excludes(json);
	app.set_version_flag("--version", "daddr-replay " DADDR_VERSION);
	app.footer(EXAMPLES);
}

int run_command(int argc, char *argv[])
{
	CLI::App app("Runs DADDR rules over a capture, as the kernel would.", "daddr-replay");
	Options options;

	define(app, options);
	try {
		app.parse(argc, argv);
	} catch (const CLI::Success &asked) { // for help or the version
		return app.exit(asked);
	}
	options.one_rule = app.count("--dscp") || app.count("--dscp-map");
	check_usage(app, options);
	return run(options);
}

} // namespace

int main(int argc, char *argv[])
{
	std::signal(SIGPIPE, SIG_IGN); // a failed write is reported
	try {
		return run_command(argc, argv);
	} catch (const CLI::ParseError &error) {
		std::cerr << "daddr-replay: " << error.what() << "\n"
			  << "Try daddr-replay --help.\n";
	} catch (const std::exception &error) {
		std::cerr << "daddr-replay: " << error.what() << "\n";
	}
	return BAD_INPUT;
}
