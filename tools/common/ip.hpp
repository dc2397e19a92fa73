// SPDX-License-Identifier: BSD-3-Clause
// IPv4 and IPv6 addresses as values that can be compared.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "common/error.hpp"

namespace dsr {

enum class Family : std::uint8_t { ip4, ip6 };

inline constexpr Family FAMILIES[] = {Family::ip4, Family::ip6};

// For people.
inline const char *name(Family family)
{
	return family == Family::ip4 ? "IPv4" : "IPv6";
}

// For programs.
inline const char *key(Family family)
{
	return family == Family::ip4 ? "ipv4" : "ipv6";
}

// Of an array by family.
constexpr std::size_t index(Family family)
{
	return static_cast<std::size_t>(family);
}

constexpr std::uint32_t address_size(Family family)
{
	return family == Family::ip4 ? 4 : 16;
}

struct Ip {
	Family family = Family::ip4;
	std::array<std::uint8_t, 16> bytes{}; // of an IPv4 address, the first 4

	auto operator<=>(const Ip &) const = default;
	bool operator==(const Ip &other) const
	{
		std::uint64_t a[2], b[2];

		// without a call of memcmp(): it is asked for each packet
		std::memcpy(a, bytes.data(), sizeof(a));
		std::memcpy(b, other.bytes.data(), sizeof(b));
		return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0 && family == other.family;
	}

	std::size_t size() const { return address_size(family); }
	// the length of a prefix that holds this address only
	unsigned int prefix() const { return address_size(family) * 8; }
};

// Numeric only.
std::optional<Ip> parse_ip(const std::string &text);

// In canonical form.
std::string text(const Ip &ip);

// Why the target takes no such destination, as words for an error message; or
// nullptr.
const char *refuse_daddr(const Ip &ip);

// The same of a VIP, which the host itself must not need.
const char *refuse(const Ip &ip);

} // namespace dsr
