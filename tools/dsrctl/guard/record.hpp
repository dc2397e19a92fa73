// SPDX-License-Identifier: BSD-3-Clause
// What a guard counts, in a file beside the state: it outlives the guard, and
// metrics reads it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/descriptor.hpp"

namespace dsr {

// What was gone.
enum class Gone : std::uint8_t { address, route, rule, sysctl };

inline constexpr Gone GONE[] = {Gone::address, Gone::route, Gone::rule, Gone::sysctl};

inline const char *name(Gone gone)
{
	static const char *const names[] = {"address", "route", "rule", "sysctl"};

	return names[static_cast<int>(gone)];
}

struct GuardRecord {
	bool there = false; // was there ever a guard?
	bool running = false;
	bool waiting = false; // before it puts something back
	// repairs in which some were put back
	std::array<std::uint64_t, std::size(GONE)> repairs{};

	std::uint64_t &of(Gone gone) { return repairs[static_cast<std::size_t>(gone)]; }
	std::uint64_t of(Gone gone) const { return repairs[static_cast<std::size_t>(gone)]; }
};

std::string record_text(const GuardRecord &record, const std::string &network);
// None of another network, or of what is damaged.
GuardRecord parse_record(const std::string &text, const std::string &network);

// The file of this network namespace. Throws Error.
class GuardFile {
public:
	explicit GuardFile(const std::string &directory = "/run/dsrctl");

	// While it is held, this is the guard. Throws Error when there is another,
	// after @seconds.
	Descriptor hold(unsigned int seconds) const;
	GuardRecord read() const;
	void write(const GuardRecord &record) const;

private:
	const std::string path_; // without an ending
};

} // namespace dsr
