// SPDX-License-Identifier: BSD-3-Clause
// The configuration: dsr.conf(5). Every error of every file is collected; one
// of them is enough for nothing to be changed.
#pragma once

#include <functional>
#include <vector>

#include "dsrctl/item.hpp"
#include "dsrctl/trust.hpp"

namespace dsr {

struct Entry {
	std::string name; // the VIP as it is written, without a port
	Ip ip;
	bool is_host = false;		  // the name is one, and ip what it resolved to
	std::optional<std::uint8_t> dscp; // none: l2dsr
	std::string dscp_text;		  // as it is written
	std::optional<Ip> to;		  // of packets to this address alone
	std::optional<PortChange> ports;
	std::string dev = "lo";
	std::string where; // "FILE:LINE"

	// as status shows it
	std::string ip_text() const { return is_host ? text(ip) : name; }
	std::string title() const { return ports ? with_port(name, ports->vip) : name; }
	// of an l3dsr entry
	Item item() const { return {dscp.value_or(0), ip, to, ports}; }
};

struct Problem {
	enum class Kind : std::uint8_t {
		syntax,
		conflict,
		missing,    // the directory: nothing is configured
		unreadable, // a file, or a directory
		writers,    // a file that anybody may have written
		name	    // a host that does not resolve
	};

	Kind kind;
	std::string message;

	bool operator==(const Problem &) const = default;
};

struct Config {
	std::vector<Entry> entries;
	std::vector<Problem> errors;
	std::vector<std::string> warnings;
};

// The IPv4 address of a host; or none, and why.
using Resolver = std::function<std::optional<Ip>(const std::string &host, std::string &why)>;

// Asks the system's resolver.
std::optional<Ip> resolve(const std::string &host, std::string &why);

class ConfigReader {
public:
	// Whose word is taken for what is in files and directories. Of those
	// that set addresses and rules by it: nothing of what anybody may
	// write, and a warning of what some may.
	enum class Writers : std::uint8_t { any, root };

	explicit ConfigReader(Resolver resolver, Writers writers = Writers::any)
		: resolver_(std::move(resolver)), writers_(writers)
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
	static std::string conflict(const Entry &entry, const Entry &other);
	bool trusts(const OtherWriters &others, const std::string &path);
	Descriptor open(const std::string &path);
	bool trusted_directory(const std::string &path);

	Resolver resolver_;
	Writers writers_;
	bool refused_ = false; // what was opened last is not believed
};

} // namespace dsr
