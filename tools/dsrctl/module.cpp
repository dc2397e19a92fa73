// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/module.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "common/files.hpp"
#include "common/process.hpp"

namespace dsr {

namespace {

// What modprobe would do, in its last line.
std::string loading(const std::string &module)
{
	const std::string program = find_program("modprobe");

	if (program.empty())
		return "";
	const std::string lines = run(program, {"-q", "--show-depends", module}).output;
	const std::size_t end = lines.find_last_not_of('\n');
	if (end == lines.npos)
		return "";
	const std::size_t begin = lines.rfind('\n', end) + 1;
	return lines.substr(begin, end + 1 - begin);
}

bool in_use(const std::string &module)
{
	return read_number("/sys/module/" + module + "/refcnt") > 0;
}

// Is there no more to wait for?
bool unloaded(const std::string &module)
{
	if (!syscall(SYS_delete_module, module.c_str(), O_NONBLOCK))
		return true;
	if (errno == EPERM)
		return !in_use(module);
	return errno != EAGAIN && errno != EWOULDBLOCK;
}

void unload(const std::string &module)
{
	constexpr int TRIES = 20;

	// nftables lets go of it a moment after its rules are gone.
	for (int i = 0; i < TRIES && !unloaded(module); i++)
		std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

} // namespace

Table default_table()
{
	return read_file_if_any("/sys/module/xt_DADDR/parameters/table").starts_with("mangle") ?
		       Table::mangle :
		       Table::raw;
}

Table table_to_be()
{
	if (!access("/sys/module/xt_DADDR", F_OK))
		return default_table();
	// its last line: "insmod PATH OPTION..."
	return loading("xt_DADDR").find(" table=mangle") != std::string::npos ? Table::mangle :
										Table::raw;
}

bool would_load(const std::string &module)
{
	return loading(module).find("insmod ") != std::string::npos;
}

bool load(const std::string &module)
{
	const std::string program = find_program("modprobe");

	return !program.empty() && !run(program, {"-q", module}).status;
}

void unload_modules()
{
	for (const char *module : {"xt_DADDR", "dscp_rewrite"})
		unload(module);
}

} // namespace dsr
