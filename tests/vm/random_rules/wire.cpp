// SPDX-License-Identifier: BSD-3-Clause
#include "wire.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>

#include "common/process.hpp"

namespace random_rules {

namespace {

using dsr::Descriptor;
using dsr::Error;
using Bytes = std::vector<std::uint8_t>;

Descriptor make_interface(const char *name)
{
	Descriptor device(open("/dev/net/tun", O_RDWR | O_CLOEXEC), "/dev/net/tun");
	ifreq request{};

	std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	request.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (ioctl(device.get(), TUNSETIFF, &request))
		dsr::fail(name, errno);
	return device;
}

void command(const std::string &program, const std::vector<std::string> &words,
	     const std::string &input)
{
	const dsr::Outcome outcome = dsr::run(dsr::find_program(program), words, input);

	if (outcome.status)
		throw Error(program + ": " + outcome.reason());
}

void write_file(const std::string &path, const std::string &text)
{
	std::ofstream file(path);

	if (!(file << text).flush())
		throw Error(path + ": cannot be written");
}

Descriptor receiver(Family family, int protocol)
{
	const bool ip4 = family == Family::ip4;
	Descriptor socket(::socket(ip4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, protocol),
			  "socket");
	const int on = 1;

	if (!ip4 && (setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) ||
		     setsockopt(socket.get(), IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on))))
		dsr::fail("setsockopt", errno);
	return socket;
}

void put16(Bytes &bytes, std::size_t at, unsigned int number)
{
	bytes[at] = static_cast<std::uint8_t>(number >> 8U);
	bytes[at + 1] = static_cast<std::uint8_t>(number);
}

std::uint16_t get16(const std::uint8_t *at)
{
	return static_cast<std::uint16_t>(at[0] << 8U | at[1]);
}

// The checksums of transport stay 0: nobody looks at them here.
Bytes frame(const Packet &packet)
{
	constexpr std::size_t UDP = 8, TCP = 20;
	const bool ip4 = packet.family == Family::ip4;
	const std::size_t begin = ip4 ? 20 : 40;
	const std::size_t length = packet.protocol == IPPROTO_UDP ? UDP : TCP;
	const std::size_t size = packet.to.size();
	Bytes bytes(begin + length);

	if (ip4) {
		bytes[0] = 0x45;
		bytes[1] = static_cast<std::uint8_t>(packet.dscp << 2U);
		put16(bytes, 2, static_cast<unsigned int>(bytes.size()));
		bytes[8] = 64;
		bytes[9] = packet.protocol;
	} else {
		bytes[0] = static_cast<std::uint8_t>(0x60 | packet.dscp >> 2U);
		bytes[1] = static_cast<std::uint8_t>(packet.dscp << 6U);
		put16(bytes, 4, static_cast<unsigned int>(length));
		bytes[6] = packet.protocol;
		bytes[7] = 64;
	}
	std::memcpy(&bytes[begin - 2 * size], packet.from.bytes.data(), size);
	std::memcpy(&bytes[begin - size], packet.to.bytes.data(), size);
	if (ip4) {
		unsigned long sum = 0;

		for (std::size_t at = 0; at < begin; at += 2)
			sum += get16(&bytes[at]);
		while (sum >> 16U)
			sum = (sum & 0xffff) + (sum >> 16U);
		put16(bytes, 10, static_cast<unsigned int>(~sum & 0xffff));
	}
	put16(bytes, begin, packet.id);
	put16(bytes, begin + 2, packet.port);
	if (packet.protocol == IPPROTO_UDP) {
		put16(bytes, begin + 4, static_cast<unsigned int>(length));
	} else {
		bytes[begin + 12] = 5U << 4U;
		bytes[begin + 13] = 0x02; // SYN
	}
	return bytes;
}

struct Received {
	std::uint16_t id = 0;
	Arrival arrival;
};

std::optional<Received> receive(int socket, Family family)
{
	alignas(cmsghdr) char control[256];
	std::uint8_t data[256];
	iovec part{data, sizeof(data)};
	msghdr message{};
	Received received;
	std::size_t begin = 0;

	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	const ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT);
	if (length < 0 && errno == EAGAIN)
		return std::nullopt;
	if (length < 8)
		dsr::fail("recvmsg", errno);
	received.arrival.to.family = family;
	if (family == Family::ip4) {
		begin = (data[0] & 0xfU) * 4U;
		received.arrival.dscp = data[1] >> 2U;
		std::memcpy(received.arrival.to.bytes.data(), data + 16, 4);
	}
	for (cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
		if (one->cmsg_level != IPPROTO_IPV6)
			continue;
		if (one->cmsg_type == IPV6_PKTINFO)
			std::memcpy(received.arrival.to.bytes.data(), CMSG_DATA(one), 16);
		if (one->cmsg_type == IPV6_TCLASS) {
			int traffic_class;

			std::memcpy(&traffic_class, CMSG_DATA(one), sizeof(int));
			received.arrival.dscp = static_cast<std::uint8_t>(traffic_class >> 2);
		}
	}
	received.id = get16(data + begin);
	received.arrival.port = get16(data + begin + 2);
	return received;
}

} // namespace

std::string Packet::text() const
{
	return std::string(INTERFACES[in]) + " " + (protocol == IPPROTO_UDP ? "udp" : "tcp") +
	       " from " + dsr::text(from) + " to " + dsr::text(to) + " port " +
	       std::to_string(port) + " DSCP " + std::to_string(dscp);
}

std::string Arrival::text() const
{
	return dsr::text(to) + " port " + std::to_string(port) + " DSCP " + std::to_string(dscp);
}

Wire::Wire(const std::vector<std::string> &networks)
{
	std::string lines = "link set lo up\n";

	for (unsigned int in : {0U, 1U}) {
		const std::string name = INTERFACES[in];

		in_[in] = make_interface(INTERFACES[in]);
		indexes_[in] = if_nametoindex(INTERFACES[in]);
		lines += "link set " + name + " up\n";
		write_file("/proc/sys/net/ipv4/conf/" + name + "/rp_filter", "0");
	}
	write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	for (const std::string &network : networks)
		lines += "route add local " + network + " dev lo\n";
	command("ip", {"-batch", "-"}, lines);
	for (Family family : dsr::FAMILIES) {
		out_[dsr::index(family)][0] = receiver(family, IPPROTO_UDP);
		out_[dsr::index(family)][1] = receiver(family, IPPROTO_TCP);
	}
}

std::optional<Arrival> Wire::send(const Packet &packet)
{
	const Bytes bytes = frame(packet);
	const Descriptor &out = out_[dsr::index(packet.family)][packet.protocol == IPPROTO_TCP];

	if (write(in_[packet.in].get(), bytes.data(), bytes.size()) !=
	    static_cast<ssize_t>(bytes.size()))
		dsr::fail(INTERFACES[packet.in], errno);
	while (auto received = receive(out.get(), packet.family))
		if (received->id == packet.id)
			return received->arrival;
	return std::nullopt;
}

} // namespace random_rules
