// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/fleet/command.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "common/files.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/fleet/fleet.hpp"
#include "dsrctl/fleet/hosts.hpp"
#include "dsrctl/say.hpp"

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

Host read_host(const HostFiles &files, const fs::path &beside)
{
	ConfigReader reader(resolve);

	reader.add_directory(beside / files.directory);
	return {files.directory, files.addresses, std::move(reader.config)};
}

// A directory in which there is one for each server, or a file.
std::vector<Host> read_hosts(const std::string &path)
{
	std::vector<HostFiles> all;
	std::vector<std::string> errors;
	std::vector<Host> hosts;
	fs::path beside = path;

	if (fs::is_directory(path)) {
		std::vector<std::string> names;

		for (const fs::directory_entry &entry : fs::directory_iterator(path))
			if (entry.is_directory())
				names.push_back(entry.path().filename());
		std::sort(names.begin(), names.end());
		for (const std::string &name : names)
			all.push_back(parse_host_name(name, path, errors));
	} else {
		all = parse_hosts(read_file(path), path, errors);
		beside = beside.parent_path();
	}
	if (!errors.empty()) {
		for (const std::string &error : errors)
			say_error(error);
		throw Error(path + ": found errors, nothing was compared");
	}
	for (const HostFiles &files : all)
		hosts.push_back(read_host(files, beside));
	return hosts;
}

// "VENDOR:FILE"
Balancer read_balancer(const std::string &text)
{
	const std::size_t colon = text.find(':');
	const lb::Vendor *vendor = lb::find_vendor(text.substr(0, colon));

	if (colon == text.npos || !vendor)
		throw Error("--lb: found " + quote(text) + ", expected VENDOR:FILE, of one of " +
			    lb::vendor_names());
	const std::string file = text.substr(colon + 1);
	return {file, vendor->read(read_file(file), file)};
}

} // namespace

int fleet_command(int argc, char *argv[])
{
	CLI::App app(
		"Do the files of all servers and the load balancers' configurations mean the same?",
		"dsrctl fleet");
	Options options;
	Fleet fleet;

	app.add_option(
		   "--servers", options.servers,
		   "A directory with one for each server, named by its address; or a file of lines DIRECTORY ADDRESS...")
		->type_name("DIR|FILE")
		->required();
	app.add_option("--lb", options.balancers,
		       "A load balancer's configuration, and whose syntax it has; may be repeated")
		->type_name("VENDOR:FILE")
		->allow_extra_args(false);
	app.add_flag("--json", options.json, "Print JSON");
	app.footer(EXAMPLES);
	if (!parse(app, argc, argv))
		return 0;
	fleet.hosts = read_hosts(options.servers);
	if (fleet.hosts.empty())
		throw Error(options.servers + ": there is no server in it");
	for (const std::string &balancer : options.balancers)
		fleet.balancers.push_back(read_balancer(balancer));
	const Findings findings = check(fleet);
	if (options.json)
		std::cout << findings_json(findings, fleet);
	else
		std::cout << findings_text(findings) << fleet.hosts.size() << " servers, "
			  << fleet.balancers.size() << " load balancers\n";
	std::cout << std::flush;
	return exit_status(findings);
}
