// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "common/descriptor.hpp"

namespace dsr {

namespace {

std::optional<unsigned long long> number(const char *variable)
{
	const char *text = std::getenv(variable);
	unsigned long long value = 0;

	if (!text)
		return std::nullopt;
	const char *end = text + std::strlen(text);
	auto [last, error] = std::from_chars(text, end, value);
	if (error != std::errc() || last != end)
		return std::nullopt;
	return value;
}

} // namespace

void notify(const std::string &state)
{
	const char *path = std::getenv("NOTIFY_SOCKET");
	sockaddr_un name{};

	if (!path || (*path != '/' && *path != '@') || std::strlen(path) >= sizeof(name.sun_path))
		return;
	const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	name.sun_family = AF_UNIX;
	std::string_view(path).copy(name.sun_path, sizeof(name.sun_path));
	if (*path == '@') // an abstract one
		name.sun_path[0] = '\0';
	sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
	       reinterpret_cast<const sockaddr *>(&name),
	       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path)));
}

std::string reloading()
{
	timespec now{};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return "RELOADING=1\nMONOTONIC_USEC=" +
	       std::to_string(now.tv_sec * 1000000LL + now.tv_nsec / 1000);
}

std::optional<std::chrono::microseconds> watchdog()
{
	const auto interval = number("WATCHDOG_USEC");
	const auto process = number("WATCHDOG_PID");

	if (!interval || *interval < 2 ||
	    (process && *process != static_cast<unsigned long long>(getpid())))
		return std::nullopt;
	return std::chrono::microseconds(*interval / 2);
}

} // namespace dsr
