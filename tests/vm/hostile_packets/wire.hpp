// SPDX-License-Identifier: BSD-3-Clause
// The doors packets go in by, and those by which they are seen again.
#pragma once

#include <optional>
#include <string>

#include "common/descriptor.hpp"
#include "generate.hpp"

namespace hostile {

// A device of this program: what it writes has arrived.
class Tap {
public:
	// @flags: of TUNSETIFF
	Tap(const std::string &name, int flags);

	// False when the device does not take it.
	bool send(const Sent &sent);
	// The next packet that was sent out of it, if there is one.
	std::optional<Bytes> receive();

private:
	dsr::Descriptor socket_;
	Bytes buffer_;
};

// Packets of this host, in what order of bytes ever; marked, for the rules.
class Output {
public:
	explicit Output(const Addresses &addresses);

	// False when the kernel does not take it.
	bool send(const Sent &sent);

private:
	bool send_raw(const Bytes &packet);
	// A datagram that the kernel is to take apart, and sum up, late.
	bool send_segments(const Bytes &data);

	const Addresses &addresses_;
	dsr::Descriptor raw_, datagram_;
	unsigned int turn_ = 0;
};

// Another reader of the device, so that its packets are not the target's alone;
// of those whose source, a MAC address, ends in a set bit.
class Watcher {
public:
	explicit Watcher(const std::string &device);

	std::optional<Bytes> receive();

private:
	dsr::Descriptor socket_;
	Bytes buffer_;
};

constexpr int MARK = 0xdadd;

} // namespace hostile
