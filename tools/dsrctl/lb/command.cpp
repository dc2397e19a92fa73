// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/command.hpp"

#include <cerrno>
#include <cstring>
#include <iostream>

#include "common/files.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/lb/verify.hpp"
#include "dsrctl/say.hpp"

using namespace dsr;
using namespace dsr::lb;

namespace {

enum Status { FINE = 0, DIFFERENT = 1 };

const char EXAMPLES[] =
	"Examples:\n"
	"  dsrctl lb-config --vendor a10 --servers servers --service tcp/80\n"
	"  dsrctl lb-config --vendor nft --real 10.128.9.31 --real 10.128.9.32 | nft -f -\n"
	"  dsrctl lb-config --vendor ipvs --servers servers --service tcp/443 | sh -e\n"
	"  dsrctl lb-config --vendor netscaler --verify ns.conf\n"
	"\n"
	"Exit status: 0 fine, or the configuration agrees; 1 it differs, or an error.\n"
	"dsrctl-lb-config(8) has the details.\n";

struct Options {
	std::string directory = "/etc/dsr.d", file, vendor, servers, verify;
	std::vector<std::string> reals, services;
	bool ip4 = false, ip6 = false;
};

void say_all(const std::vector<std::string> &messages)
{
	for (const std::string &message : messages)
		say(message);
}

// Says what is wrong with anything; one of it is enough to end.
class Input {
public:
	Input(const Options &options, const Vendor &vendor)
		: options_(options), vendor_(vendor)
	{
		read_entries();
		for (const std::string &service : options.services)
			site.services.push_back(parse_service(service));
		if (!options.servers.empty())
			read_servers(read_file(options.servers),
				     options.servers, site.servers, errors_);
		for (const std::string &real : options.reals)
			read_server(real, site.servers, errors_);
		std::erase_if(site.servers, [this](const Server &server) {
			return !wanted(server.ip.family);
		});
		site.vips = virtuals(entries, warnings_);
	}

	// What has to be right only for a configuration that is written.
	void check_site()
	{
		check(site, errors_);
		if (!vendor_.ip6)
			for (const Virtual &vip : site.vips)
				if (vip.ip.family == Family::ip6)
					errors_.push_back(vip.where +
						": found an IPv6 VIP, expected IPv4, which is all that " +
						vendor_.name +
						" has L3DSR for; -4 leaves the others out");
		if (!vendor_.any_service && site.services.empty())
			errors_.push_back(std::string("found no --service, expected one for ") +
					  vendor_.name + ": tcp/80");
		if (vendor_.weights)
			return;
		for (const Server &server : site.servers)
			if (server.weight > 1)
				warnings_.push_back(server.where +
					": found a weight, expected none for " +
					vendor_.name + ": it is not written");
	}

	bool good() const
	{
		say_all(warnings_);
		say_all(errors_);
		return errors_.empty();
	}

	std::vector<Entry> entries;
	Site site;

private:
	void read_entries()
	{
		ConfigReader reader(resolve);

		if (options_.file.empty())
			reader.add_directory(options_.directory);
		else
			reader.add_file(options_.file);
		for (const Problem &problem : reader.config.errors)
			errors_.push_back(problem.message);
		warnings_ = reader.config.warnings;
		for (const Entry &entry : reader.config.entries)
			if (wanted(entry.ip.family))
				entries.push_back(entry);
	}

	bool wanted(Family family) const
	{
		if (options_.ip4 == options_.ip6)
			return true;
		return family == Family::ip4 ? options_.ip4 : options_.ip6;
	}

	const Options &options_;
	const Vendor &vendor_;
	std::vector<std::string> errors_, warnings_;
};

int write_config(const Vendor &vendor, Input &input)
{
	input.check_site();
	if (!input.good())
		return 1;
	std::cout << vendor.write(input.site) << std::flush;
	if (!std::cout)
		throw Error("standard output: cannot be written");
	return FINE;
}

int verify(const Options &options, const Vendor &vendor, Input &input)
{
	const std::string text = read_file(options.verify);
	std::vector<std::string> found;

	if (!input.good())
		return 1;
	Reading reading = vendor.read(text, options.verify);
	std::erase_if(reading.mappings, [&](const Mapping &mapping) {
		return options.ip4 != options.ip6 &&
		       (mapping.vip.family == Family::ip4) != options.ip4;
	});
	found = differences(input.entries, input.site, reading, options.verify);
	for (const std::string &difference : found)
		std::cout << difference << "\n";
	if (!found.empty())
		return DIFFERENT;
	if (input.site.vips.size() == 1)
		std::cout << "The VIP agrees.\n";
	else
		std::cout << "All " << input.site.vips.size()
			  << " VIPs agree.\n";
	return FINE;
}

void define(CLI::App &app, Options &options)
{
	add_configuration(app, options.directory, options.file);
	app.add_option("--vendor", options.vendor,
		       "Whose syntax: " + vendor_names())
		->type_name("NAME")->required()
		->check([](const std::string &text) {
			return find_vendor(text) ? "" :
				"found " + quote(text) + ", expected one of " +
					vendor_names();
		});
	app.add_option("--servers", options.servers,
		       "The real servers, one a line: ADDRESS [weight N]")
		->type_name("FILE");
	app.add_option("--real", options.reals,
		       "A real server as in a line of that file; may be repeated")
		->type_name("SERVER")->allow_extra_args(false);
	app.add_option("--service", options.services,
		       "What of a VIP is forwarded, such as tcp/80; may be repeated. By default everything, where the vendor can")
		->type_name("PROTOCOL/PORT")->allow_extra_args(false);
	app.add_flag("-4", options.ip4, "IPv4 VIPs only");
	app.add_flag("-6", options.ip6, "IPv6 VIPs only");
	app.add_option("--verify", options.verify,
		       "Write nothing; compare with this configuration of a load balancer; - is standard input")
		->type_name("FILE");
	app.footer(EXAMPLES);
}

} // namespace

int lb_config_command(int argc, char *argv[])
{
	CLI::App app("The load balancer's side of the servers' configuration.",
		     "dsrctl lb-config");
	Options options;

	define(app, options);
	if (!parse(app, argc, argv))
		return 0;

	const Vendor &vendor = *find_vendor(options.vendor);
	Input input(options, vendor);

	return options.verify.empty() ? write_config(vendor, input)
				      : verify(options, vendor, input);
}
