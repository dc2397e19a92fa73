// SPDX-License-Identifier: BSD-3-Clause
// Traffic at the rate that the machine has, whose sender knows to the packet
// what it sent, and looks at every byte and at the source of what comes back.
//
//	traffic serve ADDRESS PORT	answers UDP and TCP with what it is sent,
//					until it is ended
//	traffic udp ADDRESS PORT PATIENCE
//	traffic tcp ADDRESS PORT PATIENCE
//
// The last two send until SIGTERM, wait for what is still on its way, and then
// print, for UDP:	datagrams, their bytes with IP header, answered, lost, late,
//			wrong source, wrong data
// for TCP:		connections, bytes of payload both ways, broken, unreachable
//
// A datagram is lost when nothing came back for PATIENCE ms, and late when it
// comes back after that. A connection is broken when it stands still for so long,
// or ends before it should: the standard error says how. It is unreachable when
// it did not begin.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

volatile std::sig_atomic_t ended;

[[noreturn]] void fail(const char *what)
{
	std::perror(what);
	std::exit(1);
}

struct Address {
	sockaddr_storage storage{};
	socklen_t size = 0;

	Address(const char *text, const char *port)
	{
		auto *ip4 = reinterpret_cast<sockaddr_in *>(&storage);
		auto *ip6 = reinterpret_cast<sockaddr_in6 *>(&storage);

		if (inet_pton(AF_INET, text, &ip4->sin_addr) == 1) {
			ip4->sin_family = AF_INET;
			size = sizeof(*ip4);
		} else if (inet_pton(AF_INET6, text, &ip6->sin6_addr) == 1) {
			ip6->sin6_family = AF_INET6;
			size = sizeof(*ip6);
		} else {
			fail(text);
		}
		// at the same place in both
		ip4->sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
	}

	sockaddr *name() { return reinterpret_cast<sockaddr *>(&storage); }
	bool is_ipv4() const { return storage.ss_family == AF_INET; }
};

int open_socket(const Address &to, int type)
{
	const int room = 4 << 20;
	int file = socket(to.storage.ss_family, type | SOCK_CLOEXEC, 0);

	if (file < 0)
		fail("socket");
	// that a slow machine loses nothing by itself
	if (type == SOCK_DGRAM && setsockopt(file, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		fail("SO_RCVBUFFORCE");
	return file;
}

// Some datagrams, for recvmmsg() and sendmmsg().
class Batch {
public:
	static constexpr std::size_t SIZE = 32;
	static constexpr std::size_t ROOM = 2048;

	Batch()
	{
		for (std::size_t i = 0; i < SIZE; i++) {
			pieces_[i] = {data_[i].data(), ROOM};
			messages_[i].msg_hdr.msg_iov = &pieces_[i];
			messages_[i].msg_hdr.msg_iovlen = 1;
			messages_[i].msg_hdr.msg_name = &peers_[i];
		}
	}

	int receive(int file, int flags)
	{
		for (std::size_t i = 0; i < SIZE; i++) {
			pieces_[i].iov_len = ROOM;
			messages_[i].msg_hdr.msg_namelen = sizeof(peers_[i]);
		}
		return recvmmsg(file, messages_.data(), SIZE, flags, nullptr);
	}

	int send(int file, std::size_t first, std::size_t count, int flags)
	{
		return sendmmsg(file, &messages_[first], count, flags);
	}

	char *data(std::size_t i) { return data_[i].data(); }
	std::size_t received(std::size_t i) { return messages_[i].msg_len; }
	void set_size(std::size_t i, std::size_t size) { pieces_[i].iov_len = size; }

	void set_peer(std::size_t i, const Address &to)
	{
		peers_[i] = to.storage;
		messages_[i].msg_hdr.msg_namelen = to.size;
	}

	bool is_from(std::size_t i, const Address &peer)
	{
		return messages_[i].msg_hdr.msg_namelen == peer.size &&
		       !std::memcmp(&peers_[i], &peer.storage, peer.size);
	}

private:
	std::array<std::array<char, ROOM>, SIZE> data_;
	std::array<iovec, SIZE> pieces_;
	std::array<sockaddr_storage, SIZE> peers_{};
	std::array<mmsghdr, SIZE> messages_{};
};

[[noreturn]] void serve_udp(Address own)
{
	int file = open_socket(own, SOCK_DGRAM);
	Batch batch;

	if (bind(file, own.name(), own.size))
		fail("bind");
	for (;;) {
		int count = batch.receive(file, MSG_WAITFORONE);

		for (int i = 0; i < count; i++)
			batch.set_size(i, batch.received(i));
		for (int i = 0; i < count;) {
			int sent = batch.send(file, i, count - i, 0);

			// what cannot be sent is missed by its sender
			i += sent > 0 ? sent : 1;
		}
	}
}

void echo(int file)
{
	std::vector<char> buffer(65536);
	ssize_t count;

	while ((count = recv(file, buffer.data(), buffer.size(), 0)) > 0) {
		for (ssize_t sent = 0; sent < count;) {
			ssize_t more = send(file, buffer.data() + sent, count - sent, MSG_NOSIGNAL);
			if (more < 0)
				count = sent;
			else
				sent += more;
		}
	}
	close(file);
}

// What a client ended while the link was down does not stay for ever.
void ask_whether_alive(int file)
{
	const int on = 1, seconds = 5;

	setsockopt(file, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(file, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
	setsockopt(file, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}

[[noreturn]] void serve_tcp(Address own)
{
	int file = open_socket(own, SOCK_STREAM), on = 1;

	setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(file, own.name(), own.size) || listen(file, SOMAXCONN))
		fail("listen");
	for (;;) {
		int peer = accept(file, nullptr, nullptr);

		if (peer < 0)
			continue;
		ask_whether_alive(peer);
		std::thread(echo, peer).detach();
	}
}

class UdpSender {
public:
	UdpSender(const Address &to, Milliseconds patience)
		: to_(to), file_(open_socket(to, SOCK_DGRAM)), patience_(patience)
	{
	}

	void run()
	{
		while (!ended || waiting_) {
			pollfd event{file_, POLLIN, 0};

			if (!ended)
				send();
			if (poll(&event, 1, 50) > 0)
				receive();
			give_up();
		}
		std::printf("%llu %llu %llu %llu %llu %llu %llu\n", sent_, bytes_, answered_, lost_,
			    late_, wrong_source_, wrong_data_);
	}

private:
	// So many are on their way: fewer than any queue on it has places.
	static constexpr std::size_t WINDOW = 64;

	struct Slot {
		std::uint64_t number;
		Clock::time_point sent;
		bool waiting = false;
	};

	struct Head {
		std::uint64_t slot, number;
	};

	// All sizes, odd ones too, of packets that need no fragments.
	static std::size_t size(std::uint64_t number) { return sizeof(Head) + number * 31 % 1200; }

	static void make(char *data, const Head &head)
	{
		std::memcpy(data, &head, sizeof(head));
		std::memset(data + sizeof(head), static_cast<int>(head.number),
			    size(head.number) - sizeof(head));
	}

	void send()
	{
		std::array<std::size_t, Batch::SIZE> chosen;
		std::size_t count = 0;
		std::uint64_t number = next_;

		for (std::size_t i = 0; i < WINDOW && count < Batch::SIZE; i++) {
			if (slots_[i].waiting)
				continue;
			chosen[count] = i;
			make(batch_.data(count), {i, number});
			batch_.set_size(count, size(number++));
			batch_.set_peer(count++, to_);
		}
		if (!count)
			return;
		int done = batch_.send(file_, 0, count, MSG_DONTWAIT);
		for (int i = 0; i < done; i++) {
			slots_[chosen[i]] = {next_, Clock::now(), true};
			bytes_ += size(next_++) + 8 + (to_.is_ipv4() ? 20 : 40);
			sent_++;
			waiting_++;
		}
	}

	void receive()
	{
		int count = batch_.receive(file_, MSG_DONTWAIT);

		for (int i = 0; i < count; i++) {
			if (!batch_.is_from(i, to_))
				wrong_source_++;
			else
				look_at(batch_.data(i), batch_.received(i));
		}
	}

	void look_at(const char *data, std::size_t received)
	{
		std::array<char, Batch::ROOM> expected;
		Head head;

		std::memcpy(&head, data, sizeof(head));
		if (received < sizeof(head) || head.slot >= WINDOW || head.number >= next_ ||
		    received != size(head.number)) {
			wrong_data_++;
			return;
		}
		make(expected.data(), head);
		if (std::memcmp(data, expected.data(), received) != 0) {
			wrong_data_++;
			return;
		}
		Slot &slot = slots_[head.slot];
		if (!slot.waiting || slot.number != head.number) {
			late_++;
			return;
		}
		slot.waiting = false;
		waiting_--;
		answered_++;
	}

	void give_up()
	{
		const auto now = Clock::now();

		for (Slot &slot : slots_) {
			if (!slot.waiting || now - slot.sent < patience_)
				continue;
			slot.waiting = false;
			waiting_--;
			lost_++;
		}
	}

	Address to_;
	int file_;
	Milliseconds patience_;
	Batch batch_;
	std::array<Slot, WINDOW> slots_;
	std::uint64_t next_ = 0;
	std::size_t waiting_ = 0;
	unsigned long long sent_ = 0, bytes_ = 0, answered_ = 0, lost_ = 0, late_ = 0,
			   wrong_source_ = 0, wrong_data_ = 0;
};

// One connection after the other, each with as much as this, echoed.
constexpr std::size_t CONNECTION_BYTES = 300000;

class Connection {
public:
	Connection(Address &to, int patience)
		: file_(open_socket(to, SOCK_STREAM | SOCK_NONBLOCK)), patience_(patience)
	{
		(void)connect(file_, to.name(), to.size); // poll() tells
	}

	// RST instead of FIN: nothing of it stays behind, and waits.
	~Connection()
	{
		linger at_once{1, 0};

		setsockopt(file_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(file_);
	}

	// Is all of it back, as it was?
	bool echoes(const std::string &data)
	{
		while (received_ < data.size()) {
			const bool more = sent_ < data.size();
			pollfd event{file_, static_cast<short>(more ? POLLIN | POLLOUT : POLLIN),
				     0};

			int ready = poll(&event, 1, patience_);

			if (ready < 0 && errno == EINTR)
				continue;
			if (ready == 0)
				errno = ETIMEDOUT;
			if (ready <= 0)
				return false;
			if ((event.revents & POLLOUT && !write(data)) ||
			    (event.revents & ~POLLOUT && !read(data)))
				return false;
		}
		return true;
	}

	// After it has failed, with errno as it was then: has it not begun, as
	// nobody answers for the server's address while a link is down?
	bool unreachable() const { return errno == EHOSTUNREACH && !sent_; }

	void say_why() const
	{
		std::fprintf(stderr, "a connection broke after %zu bytes sent, %zu received: %s\n",
			     sent_, received_, std::strerror(errno));
	}

private:
	bool write(const std::string &data)
	{
		ssize_t count = send(file_, data.data() + sent_, data.size() - sent_, MSG_NOSIGNAL);
		sent_ += count > 0 ? count : 0;
		return count >= 0 || errno == EAGAIN;
	}

	bool read(const std::string &data)
	{
		char buffer[65536];
		ssize_t count = recv(file_, buffer, sizeof(buffer), 0);

		if (count < 0)
			return false;
		if (count == 0 || data.compare(received_, count, buffer, count) != 0) {
			errno = EBADMSG; // its end, or other bytes
			return false;
		}
		received_ += count;
		return true;
	}

	int file_;
	int patience_;
	std::size_t sent_ = 0, received_ = 0;
};

void send_tcp(Address to, int patience)
{
	unsigned long long connections = 0, bytes = 0, broken = 0, unreachable = 0;
	std::string data;

	for (std::size_t i = 0; i < CONNECTION_BYTES; i++)
		data += static_cast<char>(i * 7 + i / 251);
	while (!ended) {
		Connection connection(to, patience);

		if (connection.echoes(data)) {
			connections++;
			bytes += 2 * data.size();
		} else if (connection.unreachable()) {
			unreachable++;
		} else {
			connection.say_why();
			broken++;
		}
	}
	std::printf("%llu %llu %llu %llu\n", connections, bytes, broken, unreachable);
}

} // namespace

int main(int argc, char *argv[])
{
	const std::string mode = argc > 1 ? argv[1] : "";

	if (mode == "serve" && argc == 4) {
		const Address own(argv[2], argv[3]);

		std::thread(serve_tcp, own).detach();
		serve_udp(own);
	}
	if ((mode != "udp" && mode != "tcp") || argc != 5) {
		std::fputs(
			"usage: traffic serve ADDRESS PORT | traffic udp|tcp ADDRESS PORT PATIENCE\n",
			stderr);
		return 1;
	}
	const Address to(argv[2], argv[3]);
	const int patience = std::atoi(argv[4]);

	std::signal(SIGTERM, [](int) { ended = 1; });
	if (mode == "udp")
		UdpSender(to, Milliseconds(patience)).run();
	else
		send_tcp(to, patience);
}
