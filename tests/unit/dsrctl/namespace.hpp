// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces of a test's own.
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "catch.hpp"
#include "common/descriptor.hpp"

namespace dsr_test {

using dsr::Descriptor;

// A network namespace whose lo is up, while it lives.
class Namespace {
public:
	Namespace()
		: before_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)),
		  entered_(!unshare(CLONE_NEWNET))
	{
		const Descriptor socket(::socket(AF_INET, SOCK_DGRAM, 0));
		ifreq request{};

		if (!entered_)
			return;
		std::strcpy(request.ifr_name, "lo");
		request.ifr_flags = IFF_UP;
		REQUIRE(!ioctl(socket.get(), SIOCSIFFLAGS, &request));
	}
	~Namespace()
	{
		if (entered_)
			setns(before_.get(), CLONE_NEWNET);
	}
	Namespace(const Namespace &) = delete;

	// Only root may.
	explicit operator bool() const { return entered_; }

private:
	const Descriptor before_;
	const bool entered_;
};

} // namespace dsr_test
