// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/module.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

namespace dsr {

namespace {

bool in_use()
{
	std::ifstream file("/sys/module/xt_DADDR/refcnt");
	int count = 0;

	file >> count;
	return count > 0;
}

// Is there no more to wait for?
bool unloaded()
{
	if (!syscall(SYS_delete_module, "xt_DADDR", O_NONBLOCK))
		return true;
	if (errno == EPERM)
		return !in_use();
	return errno != EAGAIN && errno != EWOULDBLOCK;
}

} // namespace

std::string default_table()
{
	std::ifstream file("/sys/module/xt_DADDR/parameters/table");
	std::string table;

	file >> table;
	return table == "mangle" ? table : "raw";
}

void unload_module()
{
	constexpr int TRIES = 20;

	// nftables lets go of it a moment after its rules are gone.
	for (int i = 0; i < TRIES && !unloaded(); i++)
		std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

} // namespace dsr
