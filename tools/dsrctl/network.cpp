// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/network.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "common/descriptor.hpp"
#include "common/files.hpp"
#include "dsrctl/netlink_socket.hpp"

namespace dsr {

namespace {

namespace fs = std::filesystem;

// SO_NETNS_COOKIE of asm-generic/socket.h, where that is new enough
constexpr int NETNS_COOKIE = 71;

// PROC_PID_INIT_INO: whoever is elsewhere does not see all processes.
constexpr ino_t FIRST_PIDS = 0xeffffffc;

std::string cookie()
{
	const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	std::uint64_t number;
	socklen_t size = sizeof(number);

	if (!socket || getsockopt(socket.get(), SOL_SOCKET, NETNS_COOKIE, &number, &size)) {
		// a kernel before 5.14, or without IPv4
		if (errno == ENOPROTOOPT || errno == EAFNOSUPPORT)
			return "";
		fail("which network namespace this is", errno);
	}
	return "cookie " + std::to_string(number);
}

// "net:[4026531840]" in a link, or in a mount's root
void add_number(std::string_view text, std::set<std::string> &numbers)
{
	constexpr std::string_view BEFORE = "net:[";
	const std::size_t begin = text.find(BEFORE), end = text.find(']');

	if (begin != text.npos && end != text.npos)
		numbers.emplace(text.substr(begin + BEFORE.size(), end - begin - BEFORE.size()));
}

bool is_number(const std::string &name)
{
	return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

// False: the process is there, and does not let itself be seen.
bool add_link(const fs::path &link, std::set<std::string> &numbers)
{
	std::error_code error;
	const fs::path target = fs::read_symlink(link, error);

	if (error)
		return error == std::errc::no_such_file_or_directory ||
		       error == std::errc::no_such_process;
	add_number(target.string(), numbers);
	return true;
}

bool add_process(const fs::path &process, std::set<std::string> &numbers)
{
	std::error_code error;
	std::istringstream mounts(read_file_if_any((process / "mountinfo").string()));
	bool seen = true;

	for (std::string line; std::getline(mounts, line);)
		if (line.find(" - nsfs ") != line.npos)
			add_number(line, numbers);
	for (const auto &task : fs::directory_iterator(process / "task", error))
		seen &= add_link(task.path() / "ns/net", numbers);
	for (const auto &file : fs::directory_iterator(process / "fd", error))
		seen &= add_link(file.path(), numbers);
	return seen && (!error || !fs::exists(process, error));
}

} // namespace

std::string network_number()
{
	struct stat status {};

	if (stat("/proc/thread-self/ns/net", &status))
		throw Error(std::string("/proc/thread-self/ns/net: ") + std::strerror(errno));
	return std::to_string(status.st_ino);
}

std::string network_age()
{
	alignas(nlmsghdr) char buffer[256];
	ifaddrmsg *request;
	nlmsghdr *message = put_dump(buffer, RTM_GETADDR, request);
	const std::uint32_t loopback = htonl(INADDR_LOOPBACK);
	std::string age;

	request->ifa_family = AF_INET;
	NetlinkSocket(NETLINK_ROUTE).dump(message, [&](const nlmsghdr *one) {
		bool wanted = false;
		ifa_cacheinfo times{};

		each_attribute(one, sizeof(ifaddrmsg), [&](const nlattr *attribute) {
			const void *value = mnl_attr_get_payload(attribute);

			if (mnl_attr_get_type(attribute) == IFA_LOCAL &&
			    mnl_attr_get_payload_len(attribute) == sizeof(loopback))
				wanted = !std::memcmp(value, &loopback, sizeof(loopback));
			if (mnl_attr_get_type(attribute) == IFA_CACHEINFO &&
			    mnl_attr_get_payload_len(attribute) >= sizeof(times))
				std::memcpy(&times, value, sizeof(times));
		});
		if (wanted)
			age = "lo " + std::to_string(times.cstamp);
	});
	return age;
}

std::string network_identity()
{
	const std::string number = cookie();

	return number.empty() ? network_age() : number;
}

std::optional<std::set<std::string>> live_networks()
{
	std::set<std::string> numbers;
	std::error_code error;
	struct stat pids {};

	if (stat("/proc/self/ns/pid", &pids) || pids.st_ino != FIRST_PIDS)
		return std::nullopt;
	for (const auto &process : fs::directory_iterator("/proc", error))
		if (is_number(process.path().filename()) && !add_process(process.path(), numbers))
			return std::nullopt;
	if (error || !fs::exists("/proc/1", error))
		return std::nullopt;
	return numbers;
}

} // namespace dsr
