// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/command_line.hpp"

namespace dsr {

void add_configuration(CLI::App &app, std::string &directory, std::string &file)
{
	app.add_option("-d", directory, "Where the configuration is: all *.conf below it")
		->type_name("DIR")
		->capture_default_str();
	app.add_option("-f", file, "The only file of the configuration; -d is ignored")
		->type_name("FILE");
}

bool parse(CLI::App &app, int argc, char *argv[])
{
	try {
		app.parse(argc, argv);
	} catch (const CLI::ParseError &error) {
		if (error.get_exit_code())
			throw;
		app.exit(error);
		return false;
	}
	return true;
}

} // namespace dsr
