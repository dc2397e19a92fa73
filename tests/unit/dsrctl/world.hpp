// SPDX-License-Identifier: BSD-3-Clause
// Configurations, hosts and plans in few words.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "catch.hpp"
#include "config.hpp"
#include "plan.hpp"

namespace dsr_test {

using namespace dsr;

inline Ip ip(const std::string &text)
{
	return parse_ip(text).value();
}

// Names of the domain .example resolve; to what comes before it, if that can
// be read as an address with dashes.
inline std::optional<Ip> resolver(const std::string &host, std::string &why)
{
	std::string address = host.substr(0, host.find('.'));

	for (char &c : address)
		c = c == '-' ? '.' : c;
	auto ip = parse_ip(address);
	if (!ip)
		why = "no such host";
	return ip;
}

inline Config parse(const std::string &text, const std::string &file = "f")
{
	ConfigReader reader(resolver);

	reader.add(text, file);
	return reader.config;
}

// The entries of a configuration that is right.
inline std::vector<Entry> entries(const std::string &text)
{
	Config config = parse(text);

	for (const Problem &problem : config.errors)
		FAIL(problem.message);
	return config.entries;
}

inline Address on_lo(const std::string &address, const std::string &label = "lo")
{
	Ip one = ip(address);

	return {one, one.prefix(), "lo",
		one.family == Family::ip4 ? label : ""};
}

// A directory that goes with everything in it.
class Directory {
public:
	Directory()
	{
		std::string name =
			std::filesystem::temp_directory_path() / "dsrctl-XXXXXX";

		path_ = mkdtemp(name.data());
	}
	~Directory() { std::filesystem::remove_all(path_); }
	Directory(const Directory &) = delete;

	std::string operator/(const std::string &name) const
	{
		return (path_ / name).string();
	}
	void save(const std::string &name, const std::string &text) const
	{
		std::filesystem::create_directories(
			(path_ / name).parent_path());
		std::ofstream(path_ / name, std::ios::binary) << text;
	}

private:
	std::filesystem::path path_;
};

inline std::string load(const std::string &path)
{
	std::ifstream file(path, std::ios::binary);
	std::ostringstream text;

	text << file.rdbuf();
	return text.str();
}

inline mode_t mode(const std::string &path)
{
	struct stat status{};

	REQUIRE(!stat(path.c_str(), &status));
	return status.st_mode & 07777;
}

inline bool has(const std::string &text, const std::string &part)
{
	return text.find(part) != std::string::npos;
}

} // namespace dsr_test
