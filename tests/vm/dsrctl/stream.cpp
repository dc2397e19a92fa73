// SPDX-License-Identifier: BSD-3-Clause
// Numbered datagrams at an even rate, each of which has to come back.
//
//	stream echo ADDRESS PORT		answers, until it is ended
//	stream send ADDRESS PORT RATE		until SIGINT; then prints how
//						many were sent, and how many of
//						them came back
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t ended;

[[noreturn]] void fail(const char *what)
{
	std::perror(what);
	std::exit(1);
}

int open_socket(const char *address, const char *port, bool server)
{
	sockaddr_in ip4{};
	sockaddr_in6 ip6{};
	sockaddr *name = reinterpret_cast<sockaddr *>(&ip4);
	socklen_t size = sizeof(ip4);

	ip4.sin_family = AF_INET;
	ip4.sin_port = ip6.sin6_port = htons(std::atoi(port));
	ip6.sin6_family = AF_INET6;
	if (inet_pton(AF_INET, address, &ip4.sin_addr) != 1) {
		if (inet_pton(AF_INET6, address, &ip6.sin6_addr) != 1)
			fail(address);
		name = reinterpret_cast<sockaddr *>(&ip6);
		size = sizeof(ip6);
	}
	int file = socket(name->sa_family, SOCK_DGRAM, 0);
	int room = 4 << 20; // that a slow machine loses nothing by itself
	setsockopt(file, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (file < 0 || (server ? bind(file, name, size) : connect(file, name, size)))
		fail(address);
	return file;
}

int echo(int file)
{
	char data[2048];

	for (;;) {
		sockaddr_storage from;
		socklen_t size = sizeof(from);
		ssize_t count = recvfrom(file, data, sizeof(data), 0,
					 reinterpret_cast<sockaddr *>(&from), &size);

		if (count >= 0)
			sendto(file, data, count, 0, reinterpret_cast<sockaddr *>(&from), size);
	}
}

class Sender {
public:
	Sender(int file, unsigned int rate)
		: file_(file), gap_(std::chrono::nanoseconds(1000000000 / rate))
	{
	}

	int run()
	{
		auto next = Clock::now();

		while (!ended) {
			std::uint32_t number = back_.size();

			back_.push_back(false);
			send(file_, &number, sizeof(number), 0);
			// what the machine held up is not caught up with: in a
			// burst, queues overflow
			next = std::max(next + gap_, Clock::now());
			collect(next);
		}
		// what is still on its way
		for (auto end = Clock::now() + std::chrono::seconds(10);
		     received_ < back_.size() && Clock::now() < end;)
			collect(Clock::now() + std::chrono::milliseconds(100));
		std::printf("%zu %zu\n", back_.size(), received_);
		return 0;
	}

private:
	void collect(Clock::time_point until)
	{
		for (;;) {
			pollfd event{file_, POLLIN, 0};
			auto left = std::chrono::ceil<std::chrono::milliseconds>(until -
										 Clock::now())
					    .count();
			std::uint32_t number;

			if (poll(&event, 1, left > 0 ? left : 0) <= 0)
				return;
			if (recv(file_, &number, sizeof(number), 0) != sizeof(number) ||
			    number >= back_.size() || back_[number])
				continue;
			back_[number] = true;
			received_++;
		}
	}

	int file_;
	Clock::duration gap_;
	std::vector<bool> back_;
	std::size_t received_ = 0;
};

} // namespace

int main(int argc, char *argv[])
{
	std::string mode = argc > 1 ? argv[1] : "";

	std::signal(SIGINT, [](int) { ended = 1; });
	if (mode == "echo" && argc == 4) {
		std::signal(SIGINT, SIG_DFL);
		return echo(open_socket(argv[2], argv[3], true));
	}
	if (mode == "send" && argc == 5)
		return Sender(open_socket(argv[2], argv[3], false), std::atoi(argv[4])).run();
	std::fputs("usage: stream echo ADDRESS PORT | stream send ADDRESS PORT RATE\n", stderr);
	return 1;
}
