// SPDX-License-Identifier: BSD-3-Clause
// The configuration: dsr.conf(5). Every error of every file is collected; one
// of them is enough for nothing to be changed.
#pragma once

#include <functional>
#include <vector>

#include "ip.hpp"

namespace dsr {

struct Entry {
	std::string name;	// the VIP as it is written
	Ip ip;
	bool is_host = false;	// the name is one, and ip what it resolved to
	std::optional<std::uint8_t> dscp;	// none: l2dsr
	std::string dscp_text;	// as it is written
	std::string dev = "lo";
	std::string where;	// "FILE:LINE"

	// as status shows it
	std::string ip_text() const { return is_host ? text(ip) : name; }
};

struct Problem {
	enum class Kind : std::uint8_t {
		syntax,
		conflict,
		missing,	// a file that cannot be read
		name		// a host that does not resolve
	};

	Kind kind;
	std::string message;
};

struct Config {
	std::vector<Entry> entries;
	std::vector<Problem> errors;
	std::vector<std::string> warnings;
};

// The IPv4 address of a host; or none, and why.
using Resolver =
	std::function<std::optional<Ip>(const std::string &host,
					std::string &why)>;

// Asks the system's resolver.
std::optional<Ip> resolve(const std::string &host, std::string &why);

class ConfigReader {
public:
	explicit ConfigReader(Resolver resolver)
		: resolver_(std::move(resolver))
	{
	}

	// The text of one file.
	void add(std::string_view text, const std::string &file);
	void add_file(const std::string &path);
	// All *.conf below it, sorted, links followed.
	void add_directory(const std::string &path);

	Config config;

private:
	void line(std::string_view text, const std::string &where);
	void entry(Entry entry);

	Resolver resolver_;
};

} // namespace dsr
