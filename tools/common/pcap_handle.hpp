// SPDX-License-Identifier: BSD-3-Clause
// A handle of libpcap that is closed when it goes.
#pragma once

#include <pcap/pcap.h>

#include <memory>

namespace dsr {

struct ClosePcap {
	void operator()(pcap_t *pcap) const { pcap_close(pcap); }
};

using Pcap = std::unique_ptr<pcap_t, ClosePcap>;

} // namespace dsr
