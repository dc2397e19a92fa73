// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/quiet.hpp"

#include <netinet/in.h> // before the kernel's headers, which then leave out the same

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <sstream>
#include <vector>

#include "common/descriptor.hpp"
#include "common/files.hpp"

namespace dsr {

namespace {

// What the families have in common but for the types of their headers.
template <class Info, class Entries, class Entry>
std::string rules(const Descriptor &socket, int level, Table table, int get_info, int get_entries)
{
	Info info{};
	socklen_t size = sizeof(info);

	std::string_view(name(table)).copy(info.name, sizeof(info.name));
	if (getsockopt(socket.get(), level, get_info, &info, &size))
		return "";
	std::vector<char> buffer(offsetof(Entries, entrytable) + info.size);
	auto *wanted = reinterpret_cast<Entries *>(buffer.data());
	std::string_view(name(table)).copy(wanted->name, sizeof(wanted->name));
	wanted->size = info.size;
	size = static_cast<socklen_t>(buffer.size());
	// EAGAIN: it has just changed, which the next look sees
	if (getsockopt(socket.get(), level, get_entries, buffer.data(), &size))
		return "";
	std::string text(buffer.begin() + offsetof(Entries, entrytable), buffer.end());
	for (std::size_t at = 0; at + sizeof(Entry) <= text.size();) {
		Entry entry;

		std::memset(&text[at + offsetof(Entry, counters)], 0, sizeof(entry.counters));
		std::memcpy(&entry, &text[at], sizeof(entry));
		if (entry.next_offset < sizeof(entry))
			break;
		at += entry.next_offset;
	}
	return text;
}

// The mappings, without what is counted.
std::string mappings()
{
	std::istringstream lines(read_file_if_any("/proc/net/dscp_rewrite"));
	std::string line, text;

	while (std::getline(lines, line)) {
		std::istringstream words(line);
		std::string family, dscp, rip, vip;

		words >> family >> dscp >> rip >> vip;
		text += family + " " + dscp + " " + rip + " " + vip + "\n";
	}
	for (Family family : FAMILIES)
		text += read_file_if_any(std::string("/proc/sys/net/") + key(family) +
					 "/dscp_rewrite/enabled");
	return text;
}

} // namespace

std::string legacy_rules(Family family, Table table)
{
	const bool ip4 = family == Family::ip4;
	const Descriptor socket(
		::socket(ip4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));

	if (!socket)
		return "";
	return ip4 ? rules<ipt_getinfo, ipt_get_entries, ipt_entry>(
			     socket, IPPROTO_IP, table, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES) :
		     rules<ip6t_getinfo, ip6t_get_entries, ip6t_entry>(
			     socket, IPPROTO_IPV6, table, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES);
}

std::string fingerprint(const Quiet &quiet)
{
	std::string all;

	for (const auto &[family, table] : quiet.legacy)
		all += legacy_rules(family, table) + "\n";
	return quiet.sysctls ? all + mappings() : all;
}

} // namespace dsr
