// SPDX-License-Identifier: BSD-3-Clause
// Which servers there are: their own addresses, and where their files are.
#pragma once

#include <string>
#include <vector>

#include "common/ip.hpp"

namespace dsr::fleet {

struct HostFiles {
	std::string directory;
	std::vector<Ip> addresses;
};

// The text of a file of lines DIRECTORY ADDRESS... What is wrong with it is added
// to @errors.
std::vector<HostFiles> parse_hosts(std::string_view text, const std::string &file,
				   std::vector<std::string> &errors);

// The name of a directory: ADDRESS, or several with commas between them. @where:
// the directory that it is in
HostFiles parse_host_name(const std::string &name, const std::string &where,
			  std::vector<std::string> &errors);

} // namespace dsr::fleet
