// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/command.hpp"

#include <filesystem>
#include <iostream>
#include <map>

#include "common/dscp.hpp"
#include "common/files.hpp"
#include "common/json_text.hpp"
#include "dsrctl/command_line.hpp"
#include "dsrctl/exit_status.hpp"
#include "dsrctl/lb/lines.hpp"
#include "dsrctl/lb/verify.hpp"
#include "dsrctl/say.hpp"

using namespace dsr;
using namespace dsr::lb;

namespace {

const char EXAMPLES[] =
	"Examples:\n"
	"  dsrctl lb-config --vendor a10 --servers servers --service tcp/80\n"
	"  dsrctl lb-config --vendor nft --real 10.128.9.31 --real 10.128.9.32 | nft -f -\n"
	"  dsrctl lb-config --vendor ipvs --servers servers --service tcp/443 | sh -e\n"
	"  dsrctl lb-config --vendor keepalived --servers servers --service tcp/80 | sh -e\n"
	"  dsrctl lb-config --vendor netscaler --verify ns.conf\n"
	"  dsrctl lb-config --json --servers servers\n"
	"\n"
	"Exit status: 0 fine, or the configuration agrees; 1 an error; 2 it differs; 3 no\n"
	"difference was found, but lines that are not understood. dsrctl-lb-config(8) has\n"
	"the details.\n";

struct Options {
	std::string directory = "/etc/dsr.d", file, vendor, servers, verify;
	std::vector<std::string> reals, services;
	bool ip4 = false, ip6 = false, json = false;
};

// Says what is wrong with anything; one of it is enough to end.
class Input {
public:
	explicit Input(const Options &options) : options_(options)
	{
		for (const std::string &service : options.services)
			site.services.push_back(parse_service(service));
		std::vector<Section> sections = read_sections();
		for (Section &section : sections)
			add_pool(section);
	}

	// What has to be right only for a configuration that is written.
	void check_site(const Vendor *vendor)
	{
		check(site, errors_);
		if (!vendor)
			return;
		for (const Pool &pool : site.pools)
			check_pool(pool, *vendor);
		if (!vendor->any_service && forwards_all())
			errors_.push_back(std::string(vendor->name) +
					  " needs --service, such as tcp/80");
		if (!vendor->pool_weights)
			check_weights(*vendor);
	}

	bool good() const
	{
		for (const std::string &warning : warnings_)
			say_warning(warning);
		for (const std::string &error : errors_)
			say_error(error);
		return errors_.empty();
	}

	std::vector<Entry> entries; // of all pools
	Site site;

private:
	// Of the file, and of the command line. Named ones, or one without a
	// name.
	std::vector<Section> read_sections()
	{
		std::vector<Section> sections(1);

		if (!options_.servers.empty())
			sections = read_servers(read_file(options_.servers), options_.servers,
						errors_);
		for (const std::string &real : options_.reals)
			read_server(real, sections[0].servers, errors_);
		const Section &first = sections[0];
		if (sections.size() == 1)
			return sections;
		if (!first.servers.empty() || !first.vips.empty() || !first.configs.empty())
			errors_.push_back(
				(first.servers.empty() ? options_.servers :
							 first.servers[0].where) +
				": servers and VIPs must be below a [NAME], as there is one in " +
				sections[1].where);
		sections.erase(sections.begin());
		return sections;
	}

	// Paths in a file are from where the file is.
	std::string beside(const std::string &path) const
	{
		namespace fs = std::filesystem;

		return fs::path(options_.servers).parent_path() / path;
	}

	void add_pool(Section &section)
	{
		ConfigReader reader(resolve);
		std::vector<Entry> own;
		Pool pool;

		pool.name = section.name;
		reader.add(section.vips, options_.servers);
		for (const std::string &path : section.configs) {
			if (std::filesystem::is_directory(beside(path)))
				reader.add_directory(beside(path));
			else
				reader.add_file(beside(path));
		}
		if (!section.vips.empty() || !section.configs.empty())
			; // it has VIPs of its own
		else if (options_.file.empty())
			reader.add_directory(options_.directory);
		else
			reader.add_file(options_.file);
		for (const Problem &problem : reader.config.errors)
			errors_.push_back(problem.message);
		append(warnings_, reader.config.warnings);
		for (const Entry &entry : reader.config.entries)
			if (wanted(entry.ip.family))
				own.push_back(entry);
		pool.vips = virtuals(own, warnings_);
		for (const Virtual &vip : pool.vips)
			if (const char *use = others_use(vip.dscp))
				warnings_.push_back(
					vip.where + ": " + use + " " + dscp_text(vip.dscp) +
					": such packets to a server's own address get to the VIP; use another");
		append(entries, own);
		for (Server &server : section.servers)
			if (wanted(server.ip.family))
				pool.servers.push_back(std::move(server));
		for (Pool &one : by_servers(pool, errors_))
			site.pools.push_back(std::move(one));
	}

	template <typename Value>
	static void append(std::vector<Value> &to, const std::vector<Value> &from)
	{
		to.insert(to.end(), from.begin(), from.end());
	}

	// Is there a VIP of which no port is known?
	bool forwards_all() const
	{
		for (const Pool &pool : site.pools)
			for (const Virtual &vip : pool.vips)
				if (services_of(site, vip).empty())
					return true;
		return false;
	}

	void check_pool(const Pool &pool, const Vendor &vendor)
	{
		if (!vendor.ports)
			for (const Virtual &vip : pool.vips)
				for (const Service &one : vip.changes)
					errors_.push_back(
						one.where + ": " + vendor.name +
						" cannot change the port: it sends to the one that the client asked for");
		if (!vendor.ip6)
			for (const Virtual &vip : pool.vips)
				if (vip.ip.family == Family::ip6)
					errors_.push_back(
						vip.where + ": " + vendor.name +
						" has L3DSR for IPv4 only; -4 leaves the IPv6 VIPs out");
		if (vendor.weights)
			return;
		for (const Server &server : pool.servers)
			if (server.weight > 1)
				warnings_.push_back(server.where + ": " + vendor.name +
						    " has no weights: it is not written");
	}

	void check_weights(const Vendor &vendor)
	{
		std::map<Ip, const Server *> known;

		for (const Pool &pool : site.pools)
			for (const Server &server : pool.servers) {
				const Server &other =
					*known.emplace(server.ip, &server).first->second;

				if (other.weight != server.weight)
					errors_.push_back(server.where +
							  ": the weight differs from that in " +
							  other.where + ": to " + vendor.name +
							  " it is the server's, in all pools");
			}
	}

	bool wanted(Family family) const
	{
		if (options_.ip4 == options_.ip6)
			return true;
		return family == Family::ip4 ? options_.ip4 : options_.ip6;
	}

	const Options &options_;
	std::vector<std::string> errors_, warnings_;
};

int print(const std::string &text)
{
	std::cout << text << std::flush;
	if (!std::cout)
		fail_of_output();
	return EXIT_FINE;
}

int write_config(const Vendor *vendor, const Options &options, Input &input)
{
	input.check_site(vendor);
	if (!input.good())
		return 1;
	return print(options.json ? site_json(input.site) : vendor->write(input.site));
}

std::string verdict_json(const Verdict &verdict, const Site &site)
{
	return json_text(nlohmann::json{{"vips", site.vips()},
					{"agree", verdict.agree()},
					{"differences", verdict.differences},
					{"not_understood", verdict.not_understood}});
}

std::string verdict_text(const Verdict &verdict, const Site &site)
{
	const std::size_t count = site.vips();
	std::string lines;

	for (const std::string &difference : verdict.differences)
		lines += difference + "\n";
	for (const std::string &line : verdict.not_understood)
		lines += line + "\n";
	if (verdict.agree())
		return count == 1 ? "The VIP agrees.\n" :
				    "All " + std::to_string(count) + " VIPs agree.\n";
	if (verdict.differences.empty())
		lines +=
			"No difference was found; whether all agrees cannot be said, because of what is not understood.\n";
	return lines;
}

int verify_config(const Options &options, const Vendor &vendor, Input &input)
{
	const std::string text = read_file(options.verify);

	if (!input.site.vips())
		throw Error(
			"there is no VIP with a DSCP in the configuration: nothing was compared");
	if (!input.good())
		return 1;
	Reading reading = vendor.read(text, options.verify);
	std::erase_if(reading.mappings, [&](const Mapping &mapping) {
		return options.ip4 != options.ip6 &&
		       (mapping.vip.family == Family::ip4) != options.ip4;
	});
	Verdict verdict = verify(input.entries, input.site, reading, options.verify);
	print(options.json ? verdict_json(verdict, input.site) : verdict_text(verdict, input.site));
	if (!verdict.differences.empty())
		return EXIT_ERRORS;
	return verdict.agree() ? EXIT_FINE : EXIT_WARNINGS;
}

void define(CLI::App &app, Options &options)
{
	add_configuration(app, options.directory, options.file);
	app.add_option("--vendor", options.vendor, "Whose syntax: " + vendor_names())
		->type_name("NAME")
		->check([](const std::string &text) {
			return find_vendor(text) ? "" :
						   "found " + quote(text) + ", expected one of " +
							   vendor_names();
		});
	app.add_option(
		   "--servers", options.servers,
		   "The real servers, one a line: ADDRESS [weight N]; in pools, below [NAME] with their VIPs")
		->type_name("FILE");
	app.add_option("--real", options.reals,
		       "A real server as in a line of that file; may be repeated")
		->type_name("SERVER")
		->allow_extra_args(false);
	app.add_option(
		   "--service", options.services,
		   "What of a VIP is forwarded, such as tcp/80; may be repeated. By default everything, where the vendor can")
		->type_name("PROTOCOL/PORT")
		->allow_extra_args(false);
	app.add_flag("-4", options.ip4, "IPv4 VIPs only");
	app.add_flag("-6", options.ip6, "IPv6 VIPs only");
	app.add_option(
		   "--verify", options.verify,
		   "Write nothing; compare with this configuration of a load balancer; - is standard input")
		->type_name("FILE");
	app.add_flag(
		"--json", options.json,
		"Print JSON: without --verify, the pools with their VIPs, servers and services");
	app.footer(EXAMPLES);
}

} // namespace

int lb_config_command(int argc, char *argv[])
{
	CLI::App app("The load balancer's side of the servers' configuration.", "dsrctl lb-config");
	Options options;

	define(app, options);
	if (!parse(app, argc, argv))
		return 0;

	// the model alone is of no vendor
	if (options.vendor.empty() && (!options.json || !options.verify.empty()))
		throw CLI::RequiredError("--vendor");
	const Vendor *vendor = find_vendor(options.vendor);
	Input input(options);

	return options.verify.empty() ? write_config(vendor, options, input) :
					verify_config(options, *vendor, input);
}
