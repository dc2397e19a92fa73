// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/watch/live.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/ip.hpp"
#include "common/link.hpp"

namespace dsr::watch {

namespace {

// Checksums cover whole packets, offloaded ones are large, and they come in
// bursts.
constexpr int SNAPLEN = 262144, BUFFER = 16 << 20, TIMEOUT_MS = 100;
static_assert(TIMEOUT_MS < Live::DELAY * 1000);

struct Taker {
	const std::function<void(Frame &)> &take;
	const Interface &interface;
};

void hand_over(u_char *user, const pcap_pkthdr *header, const u_char *data)
{
	Frame frame;

	const Taker &taker = *reinterpret_cast<Taker *>(user);

	frame.interface = &taker.interface;
	frame.data = const_cast<u_char *>(data);
	frame.captured = header->caplen;
	frame.length = std::max(header->len, header->caplen);
	taker.take(frame);
}

} // namespace

Live::Live(const std::string &interface) : interface_(interface)
{
	char message[PCAP_ERRBUF_SIZE];

	pcap_.reset(pcap_create(interface.c_str(), message));
	if (!pcap_)
		fail(message);
	pcap_set_snaplen(pcap_.get(), SNAPLEN);
	pcap_set_buffer_size(pcap_.get(), BUFFER);
	pcap_set_timeout(pcap_.get(), TIMEOUT_MS);
	// a warning is above 0
	if (int error = pcap_activate(pcap_.get()); error < 0) {
		if (error == PCAP_ERROR_PERM_DENIED)
			fail("capturing needs root or CAP_NET_RAW");
		if (error == PCAP_ERROR_NO_SUCH_DEVICE)
			fail("no such interface on this host; any is all of them");
		fail(pcap_geterr(pcap_.get()));
	}
	captured_by_.link_type = pcap_datalink(pcap_.get());
	if (!link_known(captured_by_.link_type))
		fail("found link type " + link_text(captured_by_.link_type) + ", expected one of " +
		     known_links());
	if (pcap_setnonblock(pcap_.get(), 1, message) < 0)
		fail(message);
}

void Live::fail(const std::string &why) const
{
	throw Error(interface_ + ": " + why);
}

void Live::wait(int milliseconds, int most, const std::function<void(Frame &)> &take)
{
	pollfd ready{pcap_get_selectable_fd(pcap_.get()), POLLIN, 0};
	Taker taker{take, captured_by_};

	// an interrupt is for the caller to see
	if (poll(&ready, 1, milliseconds) < 0 && errno != EINTR)
		fail(std::strerror(errno));
	if (pcap_dispatch(pcap_.get(), most, hand_over, reinterpret_cast<u_char *>(&taker)) < 0)
		fail(pcap_geterr(pcap_.get()));
}

std::uint64_t Live::lost() const
{
	pcap_stat stat{};

	return pcap_stats(pcap_.get(), &stat) ? 0 : stat.ps_drop;
}

} // namespace dsr::watch
