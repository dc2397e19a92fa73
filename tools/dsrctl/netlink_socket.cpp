// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/netlink_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "common/ip.hpp"

namespace dsr {

namespace {

int run_handler(const nlmsghdr *message, void *handler)
{
	(*static_cast<NetlinkSocket::Handler *>(handler))(message);
	return MNL_CB_OK;
}

int run_attribute(const nlattr *attribute, void *handler)
{
	(*static_cast<std::function<void(const nlattr *)> *>(handler))(attribute);
	return MNL_CB_OK;
}

} // namespace

int each_message(const std::vector<char> &answer,
		 const std::function<void(const nlmsghdr *)> &handler)
{
	auto *message = reinterpret_cast<const nlmsghdr *>(answer.data());
	int left = static_cast<int>(answer.size());

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (message->nlmsg_type == NLMSG_ERROR)
			return -static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(message))->error;
		// how a dump ended, in an int
		if (message->nlmsg_type == NLMSG_DONE &&
		    mnl_nlmsg_get_payload_len(message) >= sizeof(int)) {
			int error = *static_cast<const int *>(mnl_nlmsg_get_payload(message));

			if (error < 0)
				return -error;
		}
		handler(message);
	}
	return 0;
}

void each_attribute(const nlmsghdr *message, unsigned int header,
		    std::function<void(const nlattr *)> handler)
{
	mnl_attr_parse(message, header, run_attribute, &handler);
}

NetlinkSocket::NetlinkSocket(int bus)
	: socket_(mnl_socket_open2(bus, SOCK_CLOEXEC), mnl_socket_close)
{
	if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
		throw Error(std::string("a netlink socket: ") + std::strerror(errno));
}

void NetlinkSocket::subscribe(std::initializer_list<unsigned int> groups)
{
	constexpr int ROOM = 1 << 20; // for a burst, as when a firewall reloads

	setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &ROOM, sizeof(ROOM));
	for (unsigned int group : groups)
		if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)))
			fail("listening to netlink", errno);
	if (fcntl(fd(), F_SETFL, O_NONBLOCK))
		fail("a netlink socket", errno);
}

int NetlinkSocket::fd() const
{
	return mnl_socket_get_fd(socket_.get());
}

void NetlinkSocket::send(const void *data, std::size_t size)
{
	if (mnl_socket_sendto(socket_.get(), data, size) < 0)
		throw Error(std::string("netlink: ") + std::strerror(errno));
}

int NetlinkSocket::receive(unsigned int sequence, Handler handler)
{
	ssize_t count = mnl_socket_recvfrom(socket_.get(), buffer_, sizeof(buffer_));

	if (count < 0)
		return -1;
	return mnl_cb_run(buffer_, count, sequence, mnl_socket_get_portid(socket_.get()),
			  run_handler, &handler);
}

ssize_t NetlinkSocket::receive_raw(const char *&data)
{
	data = buffer_;
	return mnl_socket_recvfrom(socket_.get(), buffer_, sizeof(buffer_));
}

int NetlinkSocket::collect(Answers &answers)
{
	bool interrupted = false, done = false;

	while (!done) {
		const char *data;
		ssize_t size = receive_raw(data);

		if (size < 0)
			return -1;
		answers.emplace_back(data, data + size);
		int error = each_message(answers.back(), [&](const nlmsghdr *one) {
			done |= one->nlmsg_type == NLMSG_DONE;
			interrupted |= one->nlmsg_flags & NLM_F_DUMP_INTR;
		});
		if (error) {
			errno = error;
			return -1;
		}
	}
	if (interrupted)
		errno = EINTR;
	return interrupted ? -1 : 0;
}

int NetlinkSocket::dump(const nlmsghdr *request, const Handler &handler)
{
	// Somebody who changes something all the time does not keep us for ever.
	constexpr int ATTEMPTS = 100;
	int result = -1;

	errno = EINTR;
	for (int i = 0; i < ATTEMPTS && result && errno == EINTR; i++) {
		Answers answers;

		send(request, request->nlmsg_len);
		result = collect(answers);
		if (result)
			continue;
		for (const std::vector<char> &answer : answers)
			each_message(answer, [&](const nlmsghdr *one) {
				if (one->nlmsg_type >= NLMSG_MIN_TYPE)
					handler(one);
			});
	}
	return result;
}

} // namespace dsr
