// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/fleet/hosts.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "dsrctl/lb/lines.hpp"

namespace dsr::fleet {

namespace {

// None for what no server can have, such as 127.0.0.1.
std::optional<Ip> parse_address(const std::string &word)
{
	auto ip = parse_ip(word);

	return ip && !refuse(*ip) ? ip : std::nullopt;
}

} // namespace

std::vector<HostFiles> parse_hosts(std::string_view text, const std::string &file,
				   std::vector<std::string> &errors)
{
	std::vector<HostFiles> hosts;

	for (lb::Lines lines(text, file, "#"); lines.next();) {
		HostFiles &host = hosts.emplace_back();

		host.directory = lines.word(0);
		for (std::size_t i = 1; i < lines.words().size(); i++)
			if (auto ip = parse_address(lines.word(i)))
				host.addresses.push_back(*ip);
			else
				errors.push_back(lines.where() + ": found " + quote(lines.word(i)) +
						 ", expected an address of the server");
		if (lines.words().size() == 1)
			errors.push_back(
				lines.where() +
				": the addresses of the server are missing after its directory");
	}
	return hosts;
}

HostFiles parse_host_name(const std::string &name, const std::string &where,
			  std::vector<std::string> &errors)
{
	HostFiles host{name, {}};

	for (std::size_t at = 0; at <= name.size();) {
		const std::size_t end = std::min(name.find(',', at), name.size());

		if (auto ip = parse_address(name.substr(at, end - at)))
			host.addresses.push_back(*ip);
		else
			errors.push_back(
				where + ": the directory " + quote(name) +
				" must be named by the server's own address, or a file must have the addresses");
		at = end + 1;
	}
	return host;
}

} // namespace dsr::fleet
