// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/root.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dsr::doctor {

bool Root::exists(const std::string &name) const
{
	std::error_code ignored;

	return std::filesystem::exists(path(name), ignored);
}

std::string Root::read(const std::string &name) const
{
	std::ifstream file(path(name), std::ios::binary);
	std::ostringstream text;

	if (!file)
		return "";
	text << file.rdbuf();
	return text.str();
}

unsigned long Root::number(const std::string &name) const
{
	return std::strtoul(read(name).c_str(), nullptr, 10);
}

} // namespace dsr::doctor
