// SPDX-License-Identifier: BSD-3-Clause
#include "netlink_socket.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "ip.hpp"

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

void each_attribute(const nlmsghdr *message, std::size_t header,
		    std::function<void(const nlattr *)> handler)
{
	mnl_attr_parse(message, header, run_attribute, &handler);
}

NetlinkSocket::NetlinkSocket(int bus)
	: socket_(mnl_socket_open2(bus, SOCK_CLOEXEC), mnl_socket_close)
{
	if (!socket_ ||
	    mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
		throw Error(std::string("a netlink socket: ") +
			    std::strerror(errno));
}

void NetlinkSocket::send(const void *data, std::size_t size)
{
	if (mnl_socket_sendto(socket_.get(), data, size) < 0)
		throw Error(std::string("netlink: ") + std::strerror(errno));
}

int NetlinkSocket::receive(unsigned int sequence, Handler handler)
{
	ssize_t count = mnl_socket_recvfrom(socket_.get(), buffer_,
					    sizeof(buffer_));

	if (count < 0)
		return -1;
	return mnl_cb_run(buffer_, count, sequence,
			  mnl_socket_get_portid(socket_.get()), run_handler,
			  &handler);
}

ssize_t NetlinkSocket::receive_raw(const char *&data)
{
	data = buffer_;
	return mnl_socket_recvfrom(socket_.get(), buffer_, sizeof(buffer_));
}

int NetlinkSocket::dump(const nlmsghdr *request, const Handler &handler)
{
	int result;

	send(request, request->nlmsg_len);
	do
		result = receive(1, handler);
	while (result > 0);
	return result;
}

} // namespace dsr
