// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/doctor.hpp"

#include <unistd.h>

#include <iostream>

#include "dsrctl/command_line.hpp"
#include "dsrctl/doctor/checks.hpp"
#include "dsrctl/doctor/fix.hpp"
#include "dsrctl/doctor/gather.hpp"
#include "dsrctl/doctor/report.hpp"

namespace dsr {

namespace {

using namespace doctor;

constexpr char FOOTER[] =
	"Exit status: 0 nothing found, or notes only; 1 doctor itself could not do its\n"
	"work; 2 errors; 3 warnings only. dsrctl-doctor(8) has all that it looks for.\n";

struct DoctorOptions {
	std::string directory = "/etc/dsr.d", file;
	std::vector<std::string> compare, ports;
	double sample = 2;
	bool fix = false, yes = false, json = false, metrics = false;
	bool verbose = false;
};

// "80", "tcp/80", "udp/53"
std::optional<Port> parse_service(const std::string &text)
{
	std::size_t slash = text.find('/');
	std::string protocol = slash == text.npos ? "tcp" : text.substr(0, slash);
	const auto number = parse_port(slash == text.npos ? text : text.substr(slash + 1));

	if ((protocol != "tcp" && protocol != "udp") || !number)
		return std::nullopt;
	return Port{protocol == "udp", *number};
}

std::string check_port(const std::string &text)
{
	return parse_service(text) ?
		       "" :
		       "found " + quote(text) + ", expected a port such as 80, tcp/80 or udp/53";
}

std::string check_seconds(const std::string &text)
{
	char *end;
	double seconds = std::strtod(text.c_str(), &end);

	if (!text.empty() && !*end && seconds >= 0 && seconds <= 3600)
		return "";
	return "found " + quote(text) + ", expected seconds: 0 to 3600";
}

void define(CLI::App &app, DoctorOptions &options)
{
	add_configuration(app, options.directory, options.file);
	app.add_option("--port", options.ports,
		       "A port that the service of every VIP listens on: 80, udp/53")
		->type_name("PORT")
		->check(check_port);
	app.add_option("--sample", options.sample, "For how many seconds to look at what arrives")
		->type_name("S")
		->check(check_seconds)
		->capture_default_str();
	app.add_option("--compare", options.compare,
		       "Only compare the files with those of another server")
		->type_name("DIR");
	app.add_flag("--fix", options.fix, "Run the fixes that are safe, after asking");
	app.add_flag("--yes", options.yes, "Do not ask");
	app.add_flag("-v", options.verbose, "Show notes, too");
	app.add_flag("--json", options.json, "Print JSON");
	app.add_flag("--metrics", options.metrics, "Print metrics for Prometheus");
	app.footer(FOOTER);
}

Config read_directory(const std::string &directory)
{
	ConfigReader reader(resolve);

	reader.add_directory(directory);
	for (const Problem &problem : reader.config.errors)
		if (problem.kind == Problem::Kind::missing)
			throw Error(problem.message);
	return reader.config;
}

Config read_configuration(const DoctorOptions &options)
{
	ConfigReader reader(resolve, ConfigReader::Writers::root);

	if (options.file.empty()) {
		reader.add_directory(options.directory);
		// Without a directory, nothing is configured.
		std::erase_if(reader.config.errors, [](const Problem &problem) {
			return problem.kind == Problem::Kind::missing;
		});
	} else {
		reader.add_file(options.file);
	}
	return reader.config;
}

// The options that name the configuration, for commands that are shown.
std::vector<std::string> from(const DoctorOptions &options)
{
	if (!options.file.empty())
		return {"-f", options.file};
	if (options.directory != DoctorOptions{}.directory)
		return {"-d", options.directory};
	return {};
}

int print_end(const Findings &findings, const std::string &what, const DoctorOptions &options)
{
	std::cout << summary(findings, what, options.verbose) << std::flush;
	return exit_status(findings);
}

int print(const Findings &findings, const std::string &what, const DoctorOptions &options,
	  const Sample *sample = nullptr)
{
	if (!options.json && !options.metrics) {
		std::cout << findings_text(findings, options.verbose);
		return print_end(findings, what, options);
	}
	std::cout << (options.metrics ? findings_metrics(findings, sample) :
					findings_json(findings))
		  << std::flush;
	return exit_status(findings);
}

int compare_files(const DoctorOptions &options)
{
	Config here = read_configuration(options);
	Findings findings;
	std::size_t files = 0;

	for (const Problem &problem : here.errors)
		findings.push_back({Severity::error,
				    "configuration",
				    problem.message,
				    "what has an error is not compared",
				    {},
				    "",
				    false});
	for (const std::string &directory : options.compare) {
		Config there = read_directory(directory);

		files += there.entries.size();
		for (Finding &finding : compare(here, there, directory))
			findings.push_back(std::move(finding));
	}
	return print(findings,
		     std::to_string(here.entries.size()) +
			     (here.entries.size() == 1 ? " entry" : " entries") +
			     " compared with " + std::to_string(files),
		     options);
}

Facts look(const DoctorOptions &options)
{
	Facts facts = gather(read_configuration(options));

	facts.from = from(options);
	for (const std::string &port : options.ports)
		facts.ports.push_back(*parse_service(port));
	return facts;
}

bool has_l3dsr(const Facts &facts)
{
	for (const Vip &vip : vips(facts))
		if (!vip.dscps.empty())
			return true;
	return false;
}

std::string vips_text(const Facts &facts)
{
	std::size_t count = vips(facts).size();

	return std::to_string(count) + (count == 1 ? " VIP" : " VIPs");
}

Findings look_again(const DoctorOptions &options, Facts &facts)
{
	std::optional<Sample> sample = std::move(facts.sample);

	facts = look(options);
	facts.sample = std::move(sample);
	return examine(facts);
}

int examine_host(const DoctorOptions &options)
{
	if (geteuid())
		throw Error("must be run as root");
	Facts facts = look(options);
	if (options.sample > 0 && has_l3dsr(facts))
		facts.sample = take_sample(options.sample, diagnosis(facts));
	Findings findings = examine(facts);
	if (options.fix) {
		if (!options.json)
			std::cout << findings_text(findings, options.verbose) << std::flush;
		// What counts is what a second look finds.
		if (fix(findings, options.yes)) {
			findings = look_again(options, facts);
			if (!options.json)
				std::cout << "After that:\n";
		} else if (!options.json && !options.metrics) {
			// they are above
			return print_end(findings, vips_text(facts), options);
		}
	}
	return print(findings, vips_text(facts), options, facts.sample ? &*facts.sample : nullptr);
}

} // namespace

int doctor_command(int argc, char *argv[])
{
	CLI::App app(
		"What is wrong with this server, why it matters, and the command that fixes it.",
		"dsrctl doctor");
	DoctorOptions options;

	define(app, options);
	if (!parse(app, argc, argv))
		return 0;
	if (options.yes && !options.fix)
		throw Error("--yes needs --fix");
	if (options.metrics && (options.json || options.fix))
		throw Error("--metrics goes with neither --json nor --fix");
	return options.compare.empty() ? examine_host(options) : compare_files(options);
}

} // namespace dsr
