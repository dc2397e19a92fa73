// SPDX-License-Identifier: BSD-3-Clause
// fault_sysctl ip4|ip6 VIP OTHER RIP: writes values to the sysctls of dscp_rewrite,
// and makes another allocation of the kernel fail each time, until there are no more.
// Each time, the new value is there, or the old one as it was.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

#include "fail_nth.hpp"

namespace {

struct Change {
	std::string what, before, after;
};

class Sysctl {
public:
	explicit Sysctl(const std::string &family)
		: path_("/proc/sys/net/" + family + "/dscp_rewrite/7")
	{
	}

	// Returns errno, or 0.
	int write(const std::string &value) const
	{
		const std::string line = value + "\n";
		int file = open(path_.c_str(), O_WRONLY | O_CLOEXEC), error = 0;

		if (file < 0 ||
		    ::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
			error = errno;
		close(file);
		return error;
	}

	std::string read() const
	{
		std::ifstream file(path_);
		std::string line;

		std::getline(file, line);
		return line;
	}

private:
	std::string path_;
};

// With that fault. Returns whether there was one, and counts.
bool attempt(FailNth &fail_nth, const Sysctl &sysctl, const Change &change, unsigned int number,
	     unsigned int &refused)
{
	const std::string fault = change.what + ", fault " + std::to_string(number) + ": ";

	for (const std::string &value : {std::string(), change.before})
		if (int error = sysctl.write(value))
			throw std::runtime_error(fault + std::strerror(error) + " without one");
	fail_nth.arm(number);
	const int error = sysctl.write(change.after);
	const bool hit = fail_nth.disarm();

	if (error && (!hit || error != ENOMEM))
		throw std::runtime_error(fault + std::strerror(error));
	const std::string value = sysctl.read();
	if (value != (error ? change.before : change.after))
		throw std::runtime_error(fault + "the value is \"" + value + "\"");
	refused += error != 0;
	return hit;
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 5) {
		std::cerr << "Usage: fault_sysctl ip4|ip6 VIP OTHER RIP\n";
		return 2;
	}
	const std::string vip = argv[2], other = argv[3], at_rip = vip + "@" + argv[4];
	const Change changes[] = {
		{"the first value", "", vip},
		{"another VIP", vip, other},
		{"a VIP besides one that stays", vip, vip + " " + other + "@" + argv[4]},
		{"one VIP of two", vip + " " + at_rip, at_rip},
		{"nothing any more", vip, ""},
	};
	const Sysctl sysctl(argv[1] == std::string("ip4") ? "ipv4" : "ipv6");

	for (const Change &change : changes)
		each_fault(
			change.what,
			[&](FailNth &fail_nth, unsigned int number, unsigned int &refused) {
				return attempt(fail_nth, sysctl, change, number, refused);
			},
			!change.after.empty());
} catch (const std::exception &error) {
	std::cerr << "fault_sysctl: " << error.what() << '\n';
	return 1;
}
