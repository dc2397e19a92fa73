// SPDX-License-Identifier: BSD-3-Clause
// What NFLOG rules before and after the target see of each packet.
#pragma once

#include <functional>

#include "changes.hpp"
#include "common/descriptor.hpp"

namespace hostile {

using changes::Bytes;

// So many bytes of a packet are in the log at most.
constexpr std::size_t LOGGED = 0xffff - 4;

class Log {
public:
	using Handler = std::function<void(bool before, Bytes packet)>;

	explicit Log(unsigned int group);

	// All that they saw until now, in order; a rule before the target has
	// the prefix "before". Throws dsr::Error when something is lost.
	void read(const Handler &handler);

private:
	void configure(unsigned int group);
	void take(const Bytes &message, const Handler &handler);

	dsr::Descriptor socket_;
	std::vector<Bytes> buffers_;
	std::uint32_t sequence_ = 0;
};

} // namespace hostile
