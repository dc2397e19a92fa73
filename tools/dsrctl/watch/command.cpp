// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/watch/command.hpp"

#include <chrono>
#include <csignal>
#include <iostream>
#include <limits>

#include "common/link.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/exit_status.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/say.hpp"
#include "dsrctl/watch/live.hpp"
#include "dsrctl/watch/report.hpp"
#include "replay/capture.hpp"

using namespace dsr;
using namespace dsr::watch;

namespace {

const char EXAMPLES[] = "Examples:\n"
			"  dsrctl watch                      until Ctrl-C\n"
			"  dsrctl watch -i eth0 --seconds 10\n"
			"  dsrctl watch --json --interval 60\n"
			"  dsrctl watch --read server.pcap --server 10.128.9.31\n"
			"\n"
			"Exit status: 0 nothing was found, 1 watch itself could not do its work, 2\n"
			"something was found.\n"
			"dsrctl-watch(8) has the details.\n";

struct Options {
	std::string directory = "/etc/dsr.d", file, interface = "any", input;
	std::vector<std::string> servers;
	std::uint64_t count = 0;
	double seconds = 0, interval = 10;
	bool json = false;
};

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int)
{
	interrupted = 1;
}

std::vector<Diagnosis::Mapping> read_mappings(const Options &options)
{
	ConfigReader reader(resolve);

	if (options.file.empty())
		reader.add_directory(options.directory);
	else
		reader.add_file(options.file);
	for (const std::string &warning : reader.config.warnings)
		say_warning(warning);
	if (reader.config.errors.empty()) {
		std::vector<Diagnosis::Mapping> mappings;

		for (const Entry &entry : reader.config.entries)
			mappings.push_back({entry.ip, entry.dscp, entry.to});
		if (mappings.empty())
			throw Error("no VIP in the configuration");
		return mappings;
	}
	std::string messages;
	for (const Problem &problem : reader.config.errors)
		messages += (messages.empty() ? "" : "\ndsrctl: ") + problem.message;
	throw Error(messages);
}

// Those of the command line; or, of a live capture, this host's.
std::vector<Ip> read_servers(const Options &options)
{
	std::vector<Ip> servers;

	for (const std::string &word : options.servers) {
		auto ip = parse_ip(word);

		if (!ip)
			throw Error("--server: found " + quote(word) +
				    ", expected a numeric IPv4 or IPv6 address");
		servers.push_back(*ip);
	}
	if (servers.empty() && options.input.empty())
		for (const Address &address : read_addresses())
			if (!refuse(address.ip))
				servers.push_back(address.ip);
	return servers;
}

class Watch {
public:
	explicit Watch(const Options &options)
		: options_(options), diagnosis_(read_mappings(options), read_servers(options))
	{
	}

	int run()
	{
		if (options_.input.empty())
			live();
		else
			read();
		progress_.end = true;
		report();
		return diagnosis_.findings().empty() ? EXIT_FINE : EXIT_ERRORS;
	}

private:
	using Clock = std::chrono::steady_clock;

	bool enough() const { return options_.count && diagnosis_.packets() >= options_.count; }

	void take(const Frame &frame)
	{
		Packet packet;

		if (enough())
			return;
		const Link link = find_packet(frame, packet);
		unknown_ += link == Link::unknown;
		if (link != Link::ip)
			return;
		const Diagnosis::Finding *news = diagnosis_.see(packet);
		if (news && !options_.json)
			put("packet " + std::to_string(diagnosis_.packets()) + ": " + news->text() +
			    "\n");
	}

	void read()
	{
		replay::CaptureReader reader(options_.input);
		Frame frame;

		while (!enough() && !interrupted && reader.next(frame))
			take(frame);
		if (unknown_)
			std::fprintf(
				stderr,
				"dsrctl watch: %s: %llu packets of a link type that is not known here, which nobody looked at\n",
				reader.name().c_str(), unknown_);
		if (reader.damage())
			throw Error(reader.name() + ": byte " +
				    std::to_string(reader.damage()->offset) + ": " +
				    reader.damage()->message);
	}

	void live()
	{
		const Clock::time_point begin = Clock::now();
		double next = options_.interval, end = options_.seconds;
		Live live(options_.interface);

		if (!options_.json)
			put("watching " + options_.interface + "\n");
		do {
			take_some(live);
			progress_.seconds =
				std::chrono::duration<double>(Clock::now() - begin).count();
			progress_.lost = live.lost();
			// what came before an interrupt is still on its way
			if (interrupted && !ending_) {
				ending_ = true;
				end = progress_.seconds + Live::DELAY;
			}
			if (options_.interval > 0 && progress_.seconds >= next) {
				next = progress_.seconds + options_.interval;
				report();
			}
		} while (!enough() && (end == 0 || progress_.seconds < end));
	}

	void take_some(Live &live)
	{
		constexpr int MOST = 1024, WAIT_MS = 100;

		live.wait(WAIT_MS, MOST, [&](Frame &frame) { take(frame); });
	}

	void report() const
	{
		put(options_.json ? report_json(diagnosis_, progress_) :
				    report_table(diagnosis_, progress_));
	}

	static void put(const std::string &text)
	{
		std::cout << text << std::flush;
		if (!std::cout)
			fail_of_output();
	}

	const Options &options_;
	Diagnosis diagnosis_;
	Progress progress_;
	bool ending_ = false;
	unsigned long long unknown_ = 0; // of no known link type
};

void define(CLI::App &app, Options &options)
{
	add_configuration(app, options.directory, options.file);
	auto *interface = app.add_option("-i", options.interface,
					 "The interface to watch; any is all of them")
				  ->type_name("IFACE")
				  ->capture_default_str();
	auto *input =
		app.add_option(
			   "--read", options.input,
			   "Read this capture (pcap or pcapng), and not an interface; - is standard input")
			->type_name("FILE");
	app.add_option(
		   "--server", options.servers,
		   "This server's own address; may be repeated. By default, all of this host; of a capture, those that mapped packets go to")
		->type_name("ADDR")
		->allow_extra_args(false);
	app.add_option("--count", options.count, "End after so many IP packets")
		->type_name("N")
		->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()));
	auto *seconds = app.add_option("--seconds", options.seconds, "End after so many seconds")
				->type_name("S")
				->check(CLI::PositiveNumber);
	auto *interval = app.add_option("--interval", options.interval,
					"Print a report every so many seconds; 0: only at the end")
				 ->type_name("S")
				 ->check(CLI::NonNegativeNumber)
				 ->capture_default_str();
	app.add_flag("--json", options.json, "Reports as JSON, each on a line, and nothing else");
	input->excludes(interface)->excludes(seconds)->excludes(interval);
	app.footer(EXAMPLES);
}

} // namespace

int watch_command(int argc, char *argv[])
{
	CLI::App app(
		"What comes to this server's VIPs and leaves from them, and what is wrong with it.",
		"dsrctl watch");
	Options options;

	define(app, options);
	std::signal(SIGINT, interrupt);
	std::signal(SIGTERM, interrupt);
	if (!parse(app, argc, argv))
		return 0;
	return Watch(options).run();
}
