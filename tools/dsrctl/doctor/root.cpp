// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/root.hpp"

#include <cstdlib>
#include <filesystem>

#include "common/files.hpp"

namespace dsr::doctor {

bool Root::exists(const std::string &name) const
{
	std::error_code ignored;

	return std::filesystem::exists(path(name), ignored);
}

std::string Root::read(const std::string &name) const
{
	return read_file_if_any(path(name));
}

unsigned long Root::number(const std::string &name) const
{
	return static_cast<unsigned long>(read_number(path(name)));
}

} // namespace dsr::doctor
