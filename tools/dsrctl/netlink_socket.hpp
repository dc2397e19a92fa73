// SPDX-License-Identifier: BSD-3-Clause
// A netlink socket, and the attributes of what comes out of it.
#pragma once

#include <libmnl/libmnl.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

namespace dsr {

// libmnl's mnl_attr_for_each is C only.
void each_attribute(const nlmsghdr *message, unsigned int header,
		    std::function<void(const nlattr *)> handler);

// A request for NetlinkSocket::dump(), in @buffer; @header of it is all zeros.
template <typename Header>
nlmsghdr *put_dump(char *buffer, std::uint16_t type, Header *&header)
{
	nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = 1;
	header = static_cast<Header *>(mnl_nlmsg_put_extra_header(message, sizeof(Header)));
	return message;
}

// Hands over the messages that one read brought, up to one about an error, and
// returns the number of that error (errno), or 0. A dump that ended early says so
// at its end.
int each_message(const std::vector<char> &answer,
		 const std::function<void(const nlmsghdr *)> &handler);

class NetlinkSocket {
public:
	using Handler = std::function<void(const nlmsghdr *)>;

	// Throws Error.
	explicit NetlinkSocket(int bus);

	// From now on, what the kernel says to these groups of its own accord; a
	// read that finds nothing fails with EAGAIN. Throws Error.
	void subscribe(std::initializer_list<unsigned int> groups);
	int fd() const;

	// Throws Error.
	void send(const void *data, std::size_t size);

	// One read's worth of answers; 0 when it was the end, negative on an
	// error, whose number is in errno.
	int receive(unsigned int sequence, Handler handler);
	ssize_t receive_raw(const char *&data);

	// Sends a request for a dump, whose sequence number is 1, and reads
	// all of it; again, when something changed meanwhile, so that the
	// handler sees one state. Negative on an error, whose number is in
	// errno.
	int dump(const nlmsghdr *request, const Handler &handler);

private:
	using Answers = std::vector<std::vector<char>>;

	// All of a dump. The same, and EINTR when it is of no one state.
	int collect(Answers &answers);

	std::unique_ptr<mnl_socket, int (*)(mnl_socket *)> socket_;
	char buffer_[32768] = {};
};

} // namespace dsr
