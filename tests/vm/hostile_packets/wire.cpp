// SPDX-License-Identifier: BSD-3-Clause
#include "wire.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace hostile {

namespace {

constexpr std::size_t LARGEST = 0x20000;

void set(const dsr::Descriptor &socket, int level, int option, int value, const char *what)
{
	if (setsockopt(socket.get(), level, option, &value, sizeof(value)))
		dsr::fail(what, errno);
}

// False: refused, because of what the packet is. Throws for other reasons.
bool refused(const char *what)
{
	switch (errno) {
	case EINVAL:
	case EMSGSIZE:
	case EFAULT:
	case ENOBUFS:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EACCES:
	case ENOPROTOOPT:
	case EIO:
		return false;
	}
	dsr::fail(what, errno);
}

struct SocketAddress {
	sockaddr_storage storage{};
	socklen_t size = 0;

	SocketAddress(const Bytes &address, std::uint16_t port)
	{
		if (address.size() == 4) {
			auto *in = reinterpret_cast<sockaddr_in *>(&storage);

			in->sin_family = AF_INET;
			in->sin_port = htons(port);
			std::memcpy(&in->sin_addr, address.data(), 4);
			size = sizeof(*in);
		} else {
			auto *in = reinterpret_cast<sockaddr_in6 *>(&storage);

			in->sin6_family = AF_INET6;
			in->sin6_port = htons(port);
			std::memcpy(&in->sin6_addr, address.data(), 16);
			size = sizeof(*in);
		}
	}
	const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&storage); }
};

std::optional<Bytes> received(ssize_t size, const Bytes &buffer, const char *what)
{
	if (size >= 0)
		return Bytes(buffer.begin(),
			     buffer.begin() +
				     std::min<ssize_t>(size, static_cast<ssize_t>(buffer.size())));
	if (errno != EAGAIN)
		dsr::fail(what, errno);
	return std::nullopt;
}

} // namespace

Tap::Tap(const std::string &name, int flags)
	: socket_(open("/dev/net/tun", O_RDWR | O_CLOEXEC), "/dev/net/tun"), buffer_(LARGEST)
{
	ifreq request{};

	name.copy(request.ifr_name, IFNAMSIZ - 1);
	request.ifr_flags = static_cast<short>(flags);
	if (ioctl(socket_.get(), TUNSETIFF, &request))
		dsr::fail("the device " + name, errno);
}

// Writing to it never waits, and reading must not: but the kernel makes one
// piece of what a descriptor that is set not to wait writes.
bool Tap::send(const Sent &sent)
{
	iovec parts[2] = {
		{const_cast<Offload *>(&sent.offload), sizeof(sent.offload)},
		{const_cast<std::uint8_t *>(sent.frame.data()), sent.frame.size()},
	};

	if (writev(socket_.get(), parts, 2) >= 0)
		return true;
	return refused("the device");
}

std::optional<Bytes> Tap::receive()
{
	pollfd wait{socket_.get(), POLLIN, 0};

	if (poll(&wait, 1, 0) <= 0)
		return std::nullopt;
	return received(read(socket_.get(), buffer_.data(), buffer_.size()), buffer_, "the device");
}

Output::Output(const Addresses &addresses) : addresses_(addresses)
{
	const bool six = addresses.server.size() == 16;
	const int family = six ? AF_INET6 : AF_INET;

	raw_ = {socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), "a raw socket"};
	datagram_ = {socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), "a UDP socket"};
	if (six)
		set(raw_, IPPROTO_IPV6, IPV6_HDRINCL, 1, "IPV6_HDRINCL");
	else
		set(raw_, IPPROTO_IP, IP_HDRINCL, 1, "IP_HDRINCL");
	for (const dsr::Descriptor *each : {&raw_, &datagram_}) {
		set(*each, SOL_SOCKET, SO_MARK, MARK, "SO_MARK");
		set(*each, SOL_SOCKET, SO_SNDBUFFORCE, 1 << 20, "SO_SNDBUFFORCE");
	}
}

bool Output::send(const Sent &sent)
{
	return sent.kind == Kind::socket ? send_segments(sent.frame) : send_raw(sent.frame);
}

// By the way of another address now and then: the header's is the rules'.
bool Output::send_raw(const Bytes &packet)
{
	const SocketAddress to(turn_++ & 1 ? addresses_.far : addresses_.server, 0);

	if (sendto(raw_.get(), packet.data(), packet.size(), 0, to.get(), to.size) >= 0)
		return true;
	// the target dropped it
	return errno == EPERM || refused("the raw socket");
}

bool Output::send_segments(const Bytes &data)
{
	const bool six = addresses_.server.size() == 16;
	const SocketAddress to(addresses_.server, 80);
	const auto pieces = static_cast<std::size_t>(turn_++ % 60 + 1);
	const auto size = static_cast<std::uint16_t>(
		std::min<std::size_t>(data.size() / pieces + 1, 1400));
	alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(size))] = {};
	iovec part = {const_cast<std::uint8_t *>(data.data()), data.size()};
	msghdr message{};

	message.msg_name = const_cast<sockaddr *>(to.get());
	message.msg_namelen = to.size;
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	if (turn_ & 1) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		cmsghdr *segment = CMSG_FIRSTHDR(&message);
		segment->cmsg_level = SOL_UDP;
		segment->cmsg_type = UDP_SEGMENT;
		segment->cmsg_len = CMSG_LEN(sizeof(size));
		std::memcpy(CMSG_DATA(segment), &size, sizeof(size));
	}
	const int tos = static_cast<int>(turn_ % 64 << 2);
	if (six)
		set(datagram_, IPPROTO_IPV6, IPV6_TCLASS, tos, "IPV6_TCLASS");
	else
		set(datagram_, IPPROTO_IP, IP_TOS, tos, "IP_TOS");
	return sendmsg(datagram_.get(), &message, 0) >= 0 || errno == EPERM ||
	       refused("the UDP socket");
}

Watcher::Watcher(const std::string &device)
	: socket_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "a packet socket"),
	  buffer_(LARGEST)
{
	sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 11),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, LARGEST),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
	sockaddr_ll from{};

	if (setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		dsr::fail("a filter", errno);
	set(socket_, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22, "SO_RCVBUFFORCE");
	set(socket_, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
	from.sll_family = AF_PACKET;
	from.sll_protocol = htons(ETH_P_ALL);
	from.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
	if (bind(socket_.get(), reinterpret_cast<sockaddr *>(&from), sizeof(from)))
		dsr::fail("to watch " + device, errno);
}

std::optional<Bytes> Watcher::receive()
{
	return received(recv(socket_.get(), buffer_.data(), buffer_.size(), 0), buffer_,
			"a packet socket");
}

} // namespace hostile
