// SPDX-License-Identifier: BSD-3-Clause
// fault_packets ip4|ip6 linear|paged DEVICE FROM OLD NEW
//
// Sends a datagram for OLD into the host by a tun device, again and again, and
// makes another allocation of the kernel fail each time, until there are no
// more. A packet socket on the device has a clone of each, so that the target,
// whose rule makes it NEW, must copy the headers. A datagram is received at NEW,
// whole, or nowhere; the clone keeps OLD.
//
// What a tun device receives takes its whole way, up to the socket, in the
// context of its sender: there its allocations can be made to fail.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "fail_nth.hpp"

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t PORT = 7777;
constexpr std::uint8_t DSCP = 7;
constexpr unsigned int ROUNDS = 8;

[[noreturn]] void fail_errno(const std::string &what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

// struct virtio_net_hdr, whose own header is not C++
struct VnetHeader {
	std::uint8_t flags, gso_type;
	std::uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

struct Address {
	Address(int number, const char *text) : family(number)
	{
		if (inet_pton(family, text, bytes) != 1)
			throw std::runtime_error(std::string("found the address ") + text);
	}

	std::size_t size() const { return family == AF_INET ? 4 : 16; }

	int family;
	std::uint8_t bytes[16]{};
};

void put16(Bytes &packet, std::size_t offset, unsigned int value)
{
	packet[offset] = static_cast<std::uint8_t>(value >> 8);
	packet[offset + 1] = static_cast<std::uint8_t>(value);
}

// RFC 1071, over an even number of bytes
std::uint32_t add(const Bytes &packet, std::size_t begin, std::size_t end)
{
	std::uint32_t sum = 0;

	for (std::size_t i = begin; i < end; i += 2)
		sum += static_cast<std::uint32_t>(packet[i] << 8 | packet[i + 1]);
	return sum;
}

unsigned int checksum(std::uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

std::size_t ip_header(int family)
{
	return family == AF_INET ? 20 : 40;
}

// A datagram of @size bytes, which all are @fill.
Bytes make_packet(const Address &from, const Address &to, std::size_t size, std::uint8_t fill)
{
	std::size_t ip = ip_header(to.family), addresses = to.family == AF_INET ? 12 : 8;
	Bytes packet(ip + 8 + size, fill);

	std::fill_n(packet.begin(), ip + 8, std::uint8_t{0});
	std::copy_n(from.bytes, from.size(), &packet[addresses]);
	std::copy_n(to.bytes, to.size(), &packet[addresses + to.size()]);
	put16(packet, ip, PORT);
	put16(packet, ip + 2, PORT);
	put16(packet, ip + 4, static_cast<unsigned int>(8 + size));
	put16(packet, ip + 6,
	      checksum(add(packet, addresses, packet.size()) + IPPROTO_UDP +
		       static_cast<std::uint32_t>(8 + size)));
	if (to.family == AF_INET) {
		packet[0] = 0x45;
		packet[1] = DSCP << 2;
		put16(packet, 2, static_cast<unsigned int>(packet.size()));
		packet[8] = 64;
		packet[9] = IPPROTO_UDP;
		put16(packet, 10, checksum(add(packet, 0, ip)));
	} else {
		put16(packet, 0, 0x6000 | DSCP << 6);
		put16(packet, 4, static_cast<unsigned int>(8 + size));
		packet[6] = IPPROTO_UDP;
		packet[7] = 64;
	}
	return packet;
}

class Descriptor {
public:
	explicit Descriptor(int file) : file_(file)
	{
		if (file_ < 0)
			fail_errno("a socket or the tun device");
	}

	Descriptor(const Descriptor &) = delete;
	~Descriptor() { close(file_); }

	operator int() const { return file_; }

	// What is there already; nothing if there is nothing.
	Bytes receive() const
	{
		Bytes bytes(65536);
		ssize_t size = recv(file_, bytes.data(), bytes.size(), MSG_DONTWAIT);

		bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
		return bytes;
	}

private:
	int file_;
};

// Two sockets are bound to the same port, at OLD and at NEW.
void bind_to(int file, const Address &address)
{
	sockaddr_in ip4{};
	sockaddr_in6 ip6{};

	ip4.sin_family = AF_INET;
	ip6.sin6_family = AF_INET6;
	ip4.sin_port = ip6.sin6_port = htons(PORT);
	std::memcpy(&ip4.sin_addr, address.bytes, 4);
	std::memcpy(&ip6.sin6_addr, address.bytes, 16);
	if (address.family == AF_INET ?
		    bind(file, reinterpret_cast<sockaddr *>(&ip4), sizeof(ip4)) :
		    bind(file, reinterpret_cast<sockaddr *>(&ip6), sizeof(ip6)))
		fail_errno("bind");
}

class Test {
public:
	Test(const char *device, const Address &old, const Address &to)
		: tun_(open("/dev/net/tun", O_RDWR)),
		  tap_(socket(AF_PACKET, SOCK_RAW, 0)), // no other device's packets
		  old_(socket(old.family, SOCK_DGRAM, 0)), new_(socket(to.family, SOCK_DGRAM, 0))
	{
		ifreq request{};
		sockaddr_ll on{};
		int yes = 1;

		std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
		request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
		if (ioctl(tun_, TUNSETIFF, &request))
			fail_errno(device);
		on.sll_family = AF_PACKET;
		on.sll_protocol = htons(ETH_P_ALL);
		on.sll_ifindex = static_cast<int>(if_nametoindex(device));
		if (setsockopt(tap_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) ||
		    bind(tap_, reinterpret_cast<sockaddr *>(&on), sizeof(on)))
			fail_errno("the packet socket");
		bind_to(old_, old);
		bind_to(new_, to);
	}

	// @head: so many bytes in one piece, the others in pages; 0: all
	void run(const Address &from, const Address &old, std::size_t size, std::uint16_t head)
	{
		std::uint8_t fill = 0;
		unsigned int faults = 0;

		// the route is kept from the first one on
		attempt(make_packet(from, old, size, fill), size, head, 0);
		if (delivered_ != 1 || cloned_ != 1)
			throw std::runtime_error("without a fault, it is not delivered");
		// A packet may need an allocation more than the others, as when a
		// slab is full: the fault that was for the target's copy meets
		// that one then, and no fault of this round the copy.
		for (unsigned int round = 0; round < ROUNDS; round++)
			for (unsigned int number = 1;
			     attempt(make_packet(from, old, size, ++fill), size, head, number);
			     number++)
				faults++;
		std::cout << "| " << faults << " faults: " << delivered_ << " delivered, "
			  << dropped_ << " dropped after they were cloned\n";
		if (!dropped_)
			throw std::runtime_error("no fault had an effect");
	}

private:
	// Returns whether there was such a fault.
	bool attempt(const Bytes &packet, std::size_t size, std::uint16_t head, unsigned int number)
	{
		VnetHeader header{};
		iovec parts[] = {{&header, sizeof(header)},
				 {const_cast<std::uint8_t *>(packet.data()), packet.size()}};
		std::string fault = "fault " + std::to_string(number) + ": ";

		header.hdr_len = head;
		fail_.arm(number);
		ssize_t written = writev(tun_, parts, 2);
		int error = written < 0 ? errno : 0;
		bool hit = fail_.disarm() && number;
		Bytes clone = tap_.receive(), received = new_.receive();

		if (error && (!hit || (error != ENOMEM && error != ENOBUFS)))
			throw std::runtime_error(fault + std::strerror(error));
		if (!old_.receive().empty())
			throw std::runtime_error(fault + "received at the old address");
		if (!received.empty() && received != Bytes(size, packet.back()))
			throw std::runtime_error(fault + "received other bytes");
		if (!clone.empty() && clone != packet)
			throw std::runtime_error(fault + "the clone has changed");
		if (received.empty() && !hit)
			throw std::runtime_error(fault + "there is none, and it is lost");
		delivered_ += !received.empty();
		cloned_ += !clone.empty();
		dropped_ += received.empty() && !clone.empty();
		return hit;
	}

	FailNth fail_;
	Descriptor tun_, tap_, old_, new_;
	unsigned int delivered_ = 0, cloned_ = 0, dropped_ = 0;
};

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 7) {
		std::cerr << "Usage: fault_packets ip4|ip6 linear|paged DEVICE FROM OLD NEW\n";
		return 2;
	}
	int family = argv[1] == std::string("ip6") ? AF_INET6 : AF_INET;
	bool paged = argv[2] == std::string("paged");
	Address from(family, argv[4]), old(family, argv[5]), to(family, argv[6]);

	Test(argv[3], old, to)
		.run(from, old, paged ? 6000 : 100,
		     static_cast<std::uint16_t>(paged ? ip_header(family) : 0));
} catch (const std::exception &error) {
	std::cerr << "fault_packets: " << error.what() << '\n';
	return 1;
}
