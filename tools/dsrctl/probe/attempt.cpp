// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/attempt.hpp"

#include <net/if.h> // before the kernel's header, which then leaves out the same

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/dscp.hpp"
#include "common/files.hpp"
#include "dsrctl/probe/http.hpp"

namespace dsr::probe {

namespace {

// What a server may say before it is enough.
constexpr std::size_t LARGEST_RESPONSE = 1 << 20;

struct Address {
	sockaddr_storage storage{};
	socklen_t size = 0;

	const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&storage); }
};

Address address_of(const Ip &ip, std::uint16_t port)
{
	Address address;

	if (ip.family == Family::ip4) {
		sockaddr_in in{};

		in.sin_family = AF_INET;
		in.sin_port = htons(port);
		std::memcpy(&in.sin_addr, ip.bytes.data(), ip.size());
		address.size = sizeof(in);
		std::memcpy(&address.storage, &in, sizeof(in));
	} else {
		sockaddr_in6 in{};

		in.sin6_family = AF_INET6;
		in.sin6_port = htons(port);
		std::memcpy(&in.sin6_addr, ip.bytes.data(), ip.size());
		address.size = sizeof(in);
		std::memcpy(&address.storage, &in, sizeof(in));
	}
	return address;
}

// The address and port that a socket is bound to.
std::pair<Ip, std::uint16_t> name_of(const Descriptor &socket, Family family)
{
	sockaddr_storage storage{};
	socklen_t size = sizeof(storage);
	Ip ip{family, {}};

	if (getsockname(socket.get(), reinterpret_cast<sockaddr *>(&storage), &size))
		fail("getsockname", errno);
	if (family == Family::ip4) {
		sockaddr_in in;

		std::memcpy(&in, &storage, sizeof(in));
		std::memcpy(ip.bytes.data(), &in.sin_addr, ip.size());
		return {ip, ntohs(in.sin_port)};
	}
	sockaddr_in6 in;
	std::memcpy(&in, &storage, sizeof(in));
	std::memcpy(ip.bytes.data(), &in.sin6_addr, ip.size());
	return {ip, ntohs(in.sin6_port)};
}

void set_option(const Descriptor &socket, int level, int option, const void *value, socklen_t size,
		const char *what)
{
	if (setsockopt(socket.get(), level, option, value, size))
		fail(what, errno);
}

// The kernel marks all packets of the socket so.
Descriptor open_socket(const Target &target, int type, int protocol)
{
	bool ip4 = target.real.family == Family::ip4;
	int tos = target.dscp << 2;
	Descriptor socket(
		::socket(ip4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol),
		"a socket");

	set_option(socket, ip4 ? IPPROTO_IP : IPPROTO_IPV6, ip4 ? IP_TOS : IPV6_TCLASS, &tos,
		   sizeof(tos), "setting the DSCP of a socket");
	return socket;
}

// What comes in is captured elsewhere, and not read from this socket.
Descriptor open_icmp(const Target &target)
{
	if (target.real.family == Family::ip4) {
		Descriptor socket = open_socket(target, SOCK_RAW, IPPROTO_ICMP);
		icmp_filter none{~0U};

		set_option(socket, SOL_RAW, ICMP_FILTER, &none, sizeof(none),
			   "the filter of a raw socket");
		return socket;
	}
	Descriptor socket = open_socket(target, SOCK_RAW, IPPROTO_ICMPV6);
	icmp6_filter none;
	ICMP6_FILTER_SETBLOCKALL(&none);
	set_option(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &none, sizeof(none),
		   "the filter of a raw socket");
	return socket;
}

// When it is closed, by whatever ends this process too, the kernel sends a RST
// at once: the server keeps no half of a connection.
Descriptor open_tcp(const Target &target)
{
	Descriptor socket = open_socket(target, SOCK_STREAM, IPPROTO_TCP);
	linger reset{1, 0};

	set_option(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset), "SO_LINGER");
	return socket;
}

std::uint16_t checksum(const std::string &message)
{
	std::uint32_t sum = 0;

	for (std::size_t at = 0; at < message.size(); at++)
		sum += static_cast<std::uint8_t>(message[at]) << (at % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return static_cast<std::uint16_t>(~sum);
}

void put16(std::string &message, std::size_t at, std::uint16_t value)
{
	message[at] = static_cast<char>(value >> 8);
	message[at + 1] = static_cast<char>(value);
}

// As long as those of ping. The kernel sums up IPv6's.
std::string echo_request(bool ip4, const Echo &echo)
{
	constexpr std::size_t SIZE = 64, CHECKSUM = 2, IDENTIFIER = 4, SEQUENCE = 6, PAYLOAD = 8;
	std::string message(SIZE, '\0');

	message[0] = static_cast<char>(ip4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
	put16(message, IDENTIFIER, echo.id);
	put16(message, SEQUENCE, echo.sequence);
	std::memcpy(&message[PAYLOAD], &echo.nonce, sizeof(echo.nonce));
	if (ip4)
		put16(message, CHECKSUM, checksum(message));
	return message;
}

std::string interface_name(unsigned int index)
{
	char name[IF_NAMESIZE];

	return if_indextoname(index, name) ? name : "an interface";
}

// Does this host drop what comes in where no answer would leave?
bool is_strict(const std::string &interface)
{
	const std::string conf = "/proc/sys/net/ipv4/conf/";

	return std::max(read_number(conf + interface + "/rp_filter"),
			read_number(conf + "all/rp_filter")) == 1;
}

// Does this host take a packet for spoofed that has its own address as the
// source, and lost its route because its destination was rewritten?
bool distrusts_itself()
{
	for (const char *name : {"lo", "all"})
		if (read_number("/proc/sys/net/ipv4/conf/" + std::string(name) + "/accept_local"))
			return false;
	return true;
}

std::string in_seconds(Clock::duration time)
{
	std::string text = std::to_string(Seconds(time).count());

	text.erase(text.find_last_not_of('0') + 1);
	if (text.ends_with('.'))
		text.pop_back();
	return text + " s";
}

} // namespace

std::optional<Ip> source_for(const Target &target, std::string &why)
{
	Descriptor socket = open_socket(target, SOCK_DGRAM, IPPROTO_UDP);
	Address to = address_of(target.real, 9);

	// Sends nothing: it only finds the route.
	if (connect(socket.get(), to.get(), to.size)) {
		why = std::strerror(errno);
		return std::nullopt;
	}
	return name_of(socket, target.real.family).first;
}

Attempt::Attempt(const Target &target, const Check &check, const Timing &timing, const Ip &us,
		 const Echo &echo)
	: target_(target), check_(check),
	  timeout_(std::chrono::duration_cast<Clock::duration>(timing.timeout)), echo_(echo)
{
	key_.us = us;
	if (check.kind == Check::Kind::icmp) {
		socket_ = open_icmp(target);
		key_.local = echo.id;
		key_.remote = echo.sequence;
		return;
	}
	socket_ = open_tcp(target);
	bind_to_us();
	key_.tcp = true;
	key_.local = name_of(socket_, us.family).second;
	key_.remote = check.port;
}

// Now, not by connect(): the rules need the port before the first packet.
void Attempt::bind_to_us()
{
	Address us = address_of(key_.us, 0);

	if (bind(socket_.get(), us.get(), us.size))
		fail("a port for the probe", errno);
}

std::optional<Flow> Attempt::flow() const
{
	if (!key_.tcp)
		return std::nullopt;
	return Flow{target_.real, target_.vip, key_.us, key_.remote, key_.local};
}

void Attempt::send()
{
	begin_ = Clock::now();
	if (key_.tcp) {
		Address to = address_of(target_.real, check_.port);

		if (connect(socket_.get(), to.get(), to.size) && errno != EINPROGRESS)
			failed(errno);
		return;
	}
	const std::string message = echo_request(key_.us.family == Family::ip4, echo_);
	Address to = address_of(target_.real, 0);
	if (sendto(socket_.get(), message.data(), message.size(), 0, to.get(), to.size) < 0)
		failed(errno);
}

short Attempt::events() const
{
	if (!key_.tcp)
		return 0;
	return connected_ ? POLLIN : POLLOUT;
}

void Attempt::ready()
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (done() || !key_.tcp)
		return;
	if (connected_) {
		read_response();
		return;
	}
	if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	if (error)
		failed(error);
	else
		connected();
}

void Attempt::connected()
{
	connected_ = true;
	if (check_.kind == Check::Kind::tcp) {
		Answer answer;

		answer.text = "SYN/ACK";
		succeed(answer);
		return;
	}
	// A request is short: it fits the empty buffer of a new connection.
	const std::string text = request(check_, target_.vip);
	if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
		failed(errno);
}

void Attempt::read_response()
{
	char buffer[65536];
	ssize_t size = recv(socket_.get(), buffer, sizeof(buffer), 0);

	if (size < 0 && errno == EAGAIN)
		return;
	if (size < 0) {
		failed(errno);
		return;
	}
	response_.append(buffer, size);
	if (size && !is_enough(response_) && response_.size() < LARGEST_RESPONSE)
		return;
	Answer answer = judge(check_, response_);
	if (answer.verdict == Verdict::ok)
		succeed(answer);
	else {
		answer_ = answer;
		finish(answer.verdict, answer.text);
	}
}

std::string Attempt::heard_text(const Heard &heard) const
{
	switch (heard.kind) {
	case Heard::Kind::syn_ack:
		return "SYN/ACK";
	case Heard::Kind::reset:
		return "RST";
	case Heard::Kind::echo_reply:
		return "echo reply";
	case Heard::Kind::error:
		return "ICMP " + heard.error;
	default:
		return "TCP";
	}
}

void Attempt::hear(const Heard &heard, unsigned int interface)
{
	const std::string what = heard_text(heard);
	const std::string from = text(heard.from);

	if (done() || (!key_.tcp && !is_about(heard, echo_)))
		return;
	if (heard.kind == Heard::Kind::error) {
		heard_ = heard;
		finish(Verdict::icmp_error,
		       what + ", from " + (heard.from == key_.us ? "this host itself" : from));
		return;
	}
	if (heard.from == target_.vip) {
		heard_ = heard;
		interface_ = interface;
		dscp_ = std::max(dscp_, heard.dscp);
		if (heard.kind == Heard::Kind::echo_reply) {
			Answer answer;

			answer.text = what;
			succeed(answer);
		}
		return;
	}
	heard_ = heard;
	if (heard.from == target_.real)
		finish(Verdict::answer_from_rip,
		       what + " from " + from + " itself instead of " + text(target_.vip) +
			       ": the server does not rewrite " + dscp_text(target_.dscp) +
			       ", or the DSCP is cleared on the path");
	else
		finish(Verdict::answer_from_other,
		       what + " from " + from + " instead of " + text(target_.vip) + ": " +
			       dscp_text(target_.dscp) +
			       " stands for something else on the server");
}

// The kernel's TCP gave up; it has its reasons from packets that were heard.
void Attempt::failed(int error)
{
	const std::string port = std::to_string(check_.port);

	if (error == ECONNREFUSED || (error == ECONNRESET && !connected_))
		finish(Verdict::reset, "RST from " + text(target_.vip) +
					       ": the rewrite works, but nothing listens on port " +
					       port + " of the VIP");
	else if (error == ECONNRESET || error == EPIPE)
		finish(Verdict::reset, "RST from " + text(target_.vip) + " after the request");
	else
		finish(Verdict::not_sent, "nothing could be sent to " + text(target_.real) + ": " +
						  std::strerror(error));
}

void Attempt::expire()
{
	const std::string within = " within " + in_seconds(timeout_);

	if (connected_) {
		finish(Verdict::no_response, "a connection with " + text(target_.vip) +
						     ", but no complete response" + within);
	} else if (heard_) {
		std::string in = interface_name(interface_);

		finish(Verdict::dropped_here,
		       heard_text(*heard_) + " from " + text(target_.vip) + " came in on " + in +
			       ", and this host dropped it: " +
			       (target_.real.family == Family::ip4 && is_strict(in) ?
					"rp_filter is 1 there, and the way to " +
						text(target_.real) + " is another" :
					"see its firewall"));
	} else if (key_.us == target_.real && target_.real.family == Family::ip4 &&
		   distrusts_itself()) {
		finish(Verdict::no_answer,
		       "nothing came back" + within +
			       ": this host probes itself, and its kernel drops a packet of its own, as spoofed, once its destination was rewritten: probe from another host, or set net.ipv4.conf.lo.accept_local to 1");
	} else {
		finish(Verdict::no_answer,
		       "nothing came back" + within +
			       ": the server is down, does not have the address that " +
			       dscp_text(target_.dscp) +
			       " stands for there, or packets are lost on the path");
	}
}

void Attempt::succeed(const Answer &answer)
{
	answer_ = answer;
	// Every host gives an echo the DSCP of the request.
	if (check_.kind != Check::Kind::icmp && dscp_ == target_.dscp && dscp_)
		finish(Verdict::dscp_visible,
		       answer.text + " from " + text(target_.vip) + ", with " + dscp_text(dscp_) +
			       " still in it: clients see the mark (net.ipv4.tcp_reflect_tos of the server?)");
	else
		finish(Verdict::ok, answer.text + " from " + text(target_.vip));
}

void Attempt::finish(Verdict verdict, const std::string &text)
{
	if (!answer_)
		answer_.emplace();
	answer_->verdict = verdict;
	answer_->text = text;
	answer_->time = Clock::now() - begin_;
	if (heard_) {
		answer_->from = heard_->from;
		answer_->dscp = heard_->from == target_.vip ? dscp_ : heard_->dscp;
	}
}

} // namespace dsr::probe
