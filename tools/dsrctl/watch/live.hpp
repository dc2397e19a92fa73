// SPDX-License-Identifier: BSD-3-Clause
// Packets of an interface as they come, by libpcap.
#pragma once

#include <functional>
#include <string>

#include "common/packet.hpp"
#include "common/pcap_handle.hpp"

namespace dsr::watch {

class Live {
public:
	// How many seconds packets may wait in the kernel for others.
	static constexpr double DELAY = 0.2;

	// Throws Error.
	explicit Live(const std::string &interface);

	// Waits at most so long, and hands over what has come, @most frames.
	// Throws Error.
	void wait(int milliseconds, int most, const std::function<void(Frame &)> &take);

	std::uint64_t lost() const;

private:
	[[noreturn]] void fail(const std::string &why) const;

	std::string interface_;
	Pcap pcap_;
	Interface captured_by_;
};

} // namespace dsr::watch
