// SPDX-License-Identifier: BSD-3-Clause
// connections serve PORT: answers with what it is sent, until it is ended.
//
// connections ADDRESS PORT: TCP connections with that, which are held.
// Commands on standard input, one a line, each answered by a line:
//	open COUNT	opens so many more; answers how many were established
//	ask		sends something new on each; answers with the own ports of
//			those on which it came back
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// One that is broken is waited for so long, once for all.
constexpr std::chrono::seconds PATIENCE(3);

struct Connection {
	int file = -1;
	unsigned int port = 0;
	std::string expected; // of what has to come back; empty: all came
	bool broken = false;
};

struct Address {
	sockaddr_storage storage{};
	socklen_t size = 0;
};

[[noreturn]] void fail(const std::string &what)
{
	std::perror(what.c_str());
	std::exit(1);
}

Address parse(const char *text, const char *port)
{
	Address address;
	auto *ip4 = reinterpret_cast<sockaddr_in *>(&address.storage);
	auto *ip6 = reinterpret_cast<sockaddr_in6 *>(&address.storage);

	if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		address.size = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		address.size = sizeof(*ip6);
	} else {
		fail(text);
	}
	// at the same place in both
	ip4->sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
	return address;
}

[[noreturn]] void serve(const char *port)
{
	const Address any = parse("::", port);
	int on = 1, listener = socket(AF_INET6, SOCK_STREAM, 0);
	std::vector<pollfd> files{{listener, POLLIN, 0}};

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, reinterpret_cast<const sockaddr *>(&any.storage), any.size) ||
	    listen(listener, SOMAXCONN))
		fail("listen");
	for (;;) {
		if (poll(files.data(), files.size(), -1) < 0)
			fail("poll");
		for (std::size_t i = files.size(); --i;) {
			char buffer[4096];

			if (!files[i].revents)
				continue;
			ssize_t size = recv(files[i].fd, buffer, sizeof(buffer), 0);
			if (size > 0 && send(files[i].fd, buffer, size, MSG_NOSIGNAL) == size)
				continue;
			close(files[i].fd);
			files.erase(files.begin() + i);
		}
		if (files[0].revents)
			files.push_back({accept(listener, nullptr, nullptr), POLLIN, 0});
	}
}

bool wait_for(std::vector<Connection *> waiting, short event, bool (*done)(Connection &))
{
	const auto end = Clock::now() + PATIENCE;

	while (!waiting.empty()) {
		std::vector<pollfd> files;
		std::vector<Connection *> left;
		auto time = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();

		for (Connection *one : waiting)
			files.push_back({one->file, event, 0});
		if (time <= 0 || poll(files.data(), files.size(), static_cast<int>(time)) <= 0)
			return false;
		for (std::size_t i = 0; i < waiting.size(); i++)
			if (!files[i].revents || !done(*waiting[i]))
				left.push_back(waiting[i]);
		waiting = std::move(left);
	}
	return true;
}

bool established(Connection &connection)
{
	int error = 0;
	socklen_t size = sizeof(error);
	Address own;

	getsockopt(connection.file, SOL_SOCKET, SO_ERROR, &error, &size);
	own.size = sizeof(own.storage);
	getsockname(connection.file, reinterpret_cast<sockaddr *>(&own.storage), &own.size);
	connection.port = ntohs(reinterpret_cast<sockaddr_in *>(&own.storage)->sin_port);
	connection.broken = error;
	return true;
}

// Reads what has come; true when nothing more is waited for.
bool echoed(Connection &connection)
{
	char buffer[256];
	ssize_t size = recv(connection.file, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (size <= 0 || connection.expected.compare(0, size, buffer, size)) {
		connection.broken = true;
		return true;
	}
	connection.expected.erase(0, size);
	return connection.expected.empty();
}

std::size_t open_some(std::vector<Connection> &connections, const Address &to, std::size_t count)
{
	const std::size_t first = connections.size();
	std::vector<Connection *> waiting;
	std::size_t good = 0;

	connections.resize(first + count);
	for (std::size_t i = first; i < connections.size(); i++) {
		connections[i].file = socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connections[i].broken = true; // until it is established
		if (connections[i].file < 0)
			fail("socket");
		if (connect(connections[i].file, reinterpret_cast<const sockaddr *>(&to.storage),
			    to.size) &&
		    errno != EINPROGRESS)
			fail("connect");
		waiting.push_back(&connections[i]);
	}
	wait_for(waiting, POLLOUT, established);
	for (const Connection *one : waiting)
		good += !one->broken;
	return good;
}

void ask(std::vector<Connection> &connections)
{
	static unsigned int number;
	std::vector<Connection *> waiting;

	for (Connection &one : connections) {
		if (one.broken)
			continue;
		one.expected = std::to_string(++number) + "\n";
		if (send(one.file, one.expected.data(), one.expected.size(), MSG_NOSIGNAL) < 0)
			one.broken = true;
		else
			waiting.push_back(&one);
	}
	wait_for(waiting, POLLIN, echoed);
	for (Connection *one : waiting)
		one->broken |= !one->expected.empty();
}

} // namespace

int main(int argc, char *argv[])
{
	std::vector<Connection> connections;
	std::string line;

	if (argc != 3) {
		std::cerr << "Usage: connections serve PORT\n"
			     "       connections ADDRESS PORT\n";
		return 1;
	}
	if (!std::strcmp(argv[1], "serve"))
		serve(argv[2]);
	const Address to = parse(argv[1], argv[2]);
	while (std::getline(std::cin, line)) {
		std::istringstream words(line);
		std::string command;
		std::size_t count = 0;

		words >> command >> count;
		if (command == "open") {
			std::cout << open_some(connections, to, count);
		} else {
			ask(connections);
			for (const Connection &one : connections)
				if (!one.broken)
					std::cout << one.port << " ";
		}
		std::cout << std::endl;
	}
}
