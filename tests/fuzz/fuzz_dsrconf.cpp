// SPDX-License-Identifier: BSD-3-Clause
// The grammar of dsr.conf: whatever is in a file, errors say where, and what is
// accepted means the same when it is written again.
#include <string>

#include "common/dscp.hpp"
#include "dsrctl/config.hpp"
#include "fuzz.hpp"

namespace {

using namespace dsr;

// Half of all names resolve, and some to addresses that no VIP may have.
std::optional<Ip> resolver(const std::string &host, std::string &why)
{
	Ip ip;

	why = "no such host";
	if (host.size() % 2)
		return std::nullopt;
	ip.bytes = {static_cast<std::uint8_t>(host[0]), 0, 0,
		    static_cast<std::uint8_t>(host.size())};
	return ip;
}

Config parse(const std::string &text)
{
	ConfigReader reader(resolver);

	reader.add(text, "fuzz");
	return reader.config;
}

void check_message(const std::string &message)
{
	// where it is, and on one line
	const std::size_t end = message.find(": ");

	EXPECT(message.rfind("fuzz:", 0) == 0);
	EXPECT(end != message.npos && end + 2 < message.size());
	EXPECT(message.find('\n') == message.npos);
}

// An entry as it could have been written.
std::string write(const Entry &entry)
{
	std::string line = entry.title();

	if (entry.dscp)
		line += " = " + entry.dscp_text;
	if (entry.ports)
		line += std::string(" ") + name(entry.ports->protocol) + " " +
			std::to_string(entry.ports->rip);
	if (entry.to)
		line += " to " + text(*entry.to);
	if (entry.dev != "lo")
		line += " dev " + entry.dev;
	return line + "\n";
}

void check_entry(const Entry &entry)
{
	EXPECT(entry.where.rfind("fuzz:", 0) == 0);
	EXPECT(!refuse(entry.ip));
	EXPECT(!entry.dscp || *entry.dscp < 64);
	EXPECT(entry.dscp || (!entry.to && !entry.ports));
	EXPECT(!entry.to || (entry.to->family == entry.ip.family && *entry.to != entry.ip &&
			     !refuse(*entry.to)));
	EXPECT(!entry.ports || (entry.ports->rip && entry.ports->vip));
	EXPECT(!entry.dev.empty() && entry.dev.size() < 16);
	EXPECT(entry.is_host || parse_ip(entry.name) == entry.ip);
	EXPECT(parse_ip(text(entry.ip)) == entry.ip);
	if (entry.dscp)
		EXPECT(parse_any_dscp(entry.dscp_text) == entry.dscp);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	Config config = parse(std::string(data, data + size));
	std::string again;

	for (const Problem &problem : config.errors)
		check_message(problem.message);
	for (const std::string &warning : config.warnings)
		check_message(warning);
	for (const Entry &entry : config.entries) {
		check_entry(entry);
		again += write(entry);
	}

	// what was right is right by itself, and means the same
	Config same = parse(again);
	EXPECT(same.errors.empty());
	EXPECT(same.entries.size() == config.entries.size());
	for (std::size_t i = 0; i < same.entries.size(); i++) {
		const Entry &one = config.entries[i], &other = same.entries[i];

		EXPECT(one.ip == other.ip && one.dscp == other.dscp && one.dev == other.dev &&
		       one.name == other.name && one.to == other.to && one.ports == other.ports);
		for (std::size_t j = 0; j < i; j++) {
			const Entry &before = config.entries[j];

			EXPECT(!one.dscp || !before.dscp || !overlap(one.item(), before.item()) ||
			       agree(one.item(), before.item()));
		}
	}
	return 0;
}
