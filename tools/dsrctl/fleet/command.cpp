// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/fleet/command.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "common/files.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/fleet/fleet.hpp"
#include "dsrctl/lb/lines.hpp"

using namespace dsr;
using namespace dsr::fleet;

namespace {

namespace fs = std::filesystem;

const char EXAMPLES[] =
	"Examples:\n"
	"  dsrctl fleet --servers fleet/ --lb netscaler:ns1.conf --lb netscaler:ns2.conf\n"
	"  dsrctl fleet --servers hosts.txt --lb nft:ruleset --json\n"
	"  dsrctl fleet --servers fleet/\n"
	"\n"
	"Exit status: 0 fine, or notes only; 1 fleet itself could not do its work; 2\n"
	"errors; 3 warnings only. dsrctl-fleet(8) has the details.\n";

struct Options {
	std::string servers;
	std::vector<std::string> balancers;
	bool json = false;
};

Host read_host(const std::string &name, const std::string &directory,
	       std::vector<Ip> addresses)
{
	ConfigReader reader(resolve);

	reader.add_directory(directory);
	return {name, std::move(addresses), std::move(reader.config)};
}

// The names of directories are the servers' own addresses, with commas between
// those of one server.
std::vector<Host> read_tree(const std::string &directory)
{
	std::vector<std::string> names;
	std::vector<Host> hosts;
	std::string errors;

	for (const fs::directory_entry &entry : fs::directory_iterator(directory))
		if (entry.is_directory())
			names.push_back(entry.path().filename());
	std::sort(names.begin(), names.end());
	for (const std::string &name : names) {
		std::vector<Ip> addresses;

		for (std::size_t at = 0; at <= name.size();) {
			std::size_t end = std::min(name.find(',', at),
						   name.size());

			if (auto ip = parse_ip(name.substr(at, end - at)))
				addresses.push_back(*ip);
			else
				errors += (errors.empty() ? "" : "\n") +
					  directory + ": found the directory " +
					  quote(name) +
					  ", expected a server's own address as its name, or a file with the addresses";
			at = end + 1;
		}
		hosts.push_back(read_host(name, fs::path(directory) / name,
					  std::move(addresses)));
	}
	if (!errors.empty())
		throw Error(errors);
	return hosts;
}

// "DIRECTORY ADDRESS...", from where the file is
std::vector<Host> read_list(const std::string &file)
{
	const std::string text = read_file(file);
	const fs::path beside = fs::path(file).parent_path();
	std::vector<Host> hosts;
	std::string errors;

	for (lb::Lines lines(text, file, "#"); lines.next();) {
		std::vector<Ip> addresses;

		for (std::size_t i = 1; i < lines.words().size(); i++) {
			auto ip = parse_ip(lines.word(i));

			if (ip)
				addresses.push_back(*ip);
			else
				errors += (errors.empty() ? "" : "\n") +
					  lines.where() + ": found " +
					  quote(lines.word(i)) +
					  ", expected an address of the server";
		}
		if (lines.words().size() == 1)
			errors += (errors.empty() ? "" : "\n") + lines.where() +
				  ": found no address, expected those of the server after its directory";
		hosts.push_back(read_host(lines.word(0), beside / lines.word(0),
					  std::move(addresses)));
	}
	if (!errors.empty())
		throw Error(errors);
	return hosts;
}

// "VENDOR:FILE"
Balancer read_balancer(const std::string &text)
{
	const std::size_t colon = text.find(':');
	const lb::Vendor *vendor = lb::find_vendor(text.substr(0, colon));

	if (colon == text.npos || !vendor)
		throw Error("--lb: found " + quote(text) +
			    ", expected VENDOR:FILE, of one of " +
			    lb::vendor_names());
	const std::string file = text.substr(colon + 1);
	return {file, vendor->read(read_file(file), file)};
}

} // namespace

int fleet_command(int argc, char *argv[])
{
	CLI::App app("Do the files of all servers and the load balancers' configurations mean the same?",
		     "dsrctl fleet");
	Options options;
	Fleet fleet;

	app.add_option("--servers", options.servers,
		       "A directory with one for each server, named by its address; or a file of lines DIRECTORY ADDRESS...")
		->type_name("DIR|FILE")->required();
	app.add_option("--lb", options.balancers,
		       "A load balancer's configuration, and whose syntax it has; may be repeated")
		->type_name("VENDOR:FILE")->allow_extra_args(false);
	app.add_flag("--json", options.json, "Print JSON");
	app.footer(EXAMPLES);
	if (!parse(app, argc, argv))
		return 0;
	fleet.hosts = fs::is_directory(options.servers) ?
			      read_tree(options.servers) :
			      read_list(options.servers);
	if (fleet.hosts.empty())
		throw Error(options.servers +
			    ": there is no server in it");
	for (const std::string &balancer : options.balancers)
		fleet.balancers.push_back(read_balancer(balancer));
	const Findings findings = check(fleet);
	if (options.json)
		std::cout << findings_json(findings, fleet);
	else
		std::cout << findings_text(findings)
			  << fleet.hosts.size() << " servers, "
			  << fleet.balancers.size() << " load balancers\n";
	std::cout << std::flush;
	return exit_status(findings);
}
