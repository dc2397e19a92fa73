// SPDX-License-Identifier: BSD-3-Clause
#include "log.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include <libmnl/libmnl.h>

namespace hostile {

namespace {

constexpr std::size_t MESSAGES = 8, MESSAGE_SIZE = 0x12000;

int take_attribute(const nlattr *attribute, void *table)
{
	if (mnl_attr_type_valid(attribute, NFULA_MAX) > 0)
		static_cast<const nlattr **>(table)[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

} // namespace

Log::Log(unsigned int group)
	: socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER),
		  "a netlink socket"),
	  buffers_(MESSAGES, Bytes(MESSAGE_SIZE))
{
	const int size = 1 << 26;

	if (setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		dsr::fail("SO_RCVBUFFORCE", errno);
	configure(group);
}

void Log::configure(unsigned int group)
{
	std::uint8_t buffer[512];
	nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	auto *head = static_cast<nfgenmsg *>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
	head->nfgen_family = AF_UNSPEC;
	head->version = NFNETLINK_V0;
	head->res_id = htons(static_cast<std::uint16_t>(group));

	const nfulnl_msg_config_cmd bind{NFULNL_CFG_CMD_BIND};
	nfulnl_msg_config_mode mode{};
	mode.copy_mode = NFULNL_COPY_PACKET;
	mode.copy_range = htonl(LOGGED);
	mnl_attr_put(message, NFULA_CFG_CMD, sizeof(bind), &bind);
	mnl_attr_put(message, NFULA_CFG_MODE, sizeof(mode), &mode);
	// each at once, and numbered
	mnl_attr_put_u32(message, NFULA_CFG_QTHRESH, htonl(1));
	mnl_attr_put_u16(message, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	if (send(socket_.get(), message, message->nlmsg_len, 0) < 0)
		dsr::fail("netlink", errno);

	const ssize_t size = recv(socket_.get(), buffer, sizeof(buffer), 0);
	if (size < 0 ||
	    mnl_cb_run(buffer, static_cast<std::size_t>(size), 0, 0, nullptr, nullptr) < 0)
		dsr::fail("an NFLOG group", errno);
}

void Log::take(const Bytes &bytes, const Handler &handler)
{
	const auto *message = reinterpret_cast<const nlmsghdr *>(bytes.data());
	const nlattr *table[NFULA_MAX + 1] = {};

	mnl_attr_parse(message, sizeof(nfgenmsg), take_attribute, table);
	if (message->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    !table[NFULA_PREFIX] || !table[NFULA_SEQ] || !table[NFULA_PAYLOAD])
		throw dsr::Error("the log of packets: found something else");
	if (ntohl(mnl_attr_get_u32(table[NFULA_SEQ])) != sequence_++)
		throw dsr::Error("the log of packets: one is missing");

	const auto *data = static_cast<const std::uint8_t *>(
		mnl_attr_get_payload(table[NFULA_PAYLOAD]));
	handler(!std::strcmp(mnl_attr_get_str(table[NFULA_PREFIX]), "before"),
		Bytes(data, data + mnl_attr_get_payload_len(table[NFULA_PAYLOAD])));
}

void Log::read(const Handler &handler)
{
	mmsghdr messages[MESSAGES];
	iovec parts[MESSAGES];
	int count;

	do {
		for (std::size_t i = 0; i < MESSAGES; i++) {
			parts[i] = {buffers_[i].data(), buffers_[i].size()};
			messages[i] = {};
			messages[i].msg_hdr.msg_iov = &parts[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		count = recvmmsg(socket_.get(), messages, MESSAGES, MSG_DONTWAIT, nullptr);
		if (count < 0 && errno != EAGAIN)
			dsr::fail("the log of packets", errno);
		for (int i = 0; i < count; i++)
			take(buffers_[static_cast<std::size_t>(i)], handler);
	} while (count == static_cast<int>(MESSAGES));
}

} // namespace hostile
