// SPDX-License-Identifier: BSD-3-Clause
// IPv4 and IPv6 addresses as values that can be compared, and what is said
// about bad input.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dsr {

// Something that ends the action. The message says what was found, what was
// expected, and where.
class Error : public std::runtime_error {
public:
	using std::runtime_error::runtime_error;
};

enum class Family : std::uint8_t { ip4, ip6 };

inline constexpr Family FAMILIES[] = {Family::ip4, Family::ip6};

inline const char *name(Family family)
{
	return family == Family::ip4 ? "ipv4" : "ipv6";
}

struct Ip {
	Family family = Family::ip4;
	std::array<std::uint8_t, 16> bytes{};	// of an IPv4 address, the first 4

	auto operator<=>(const Ip &) const = default;

	std::size_t size() const { return family == Family::ip4 ? 4 : 16; }
	// the length of a prefix that holds this address only
	unsigned int prefix() const { return size() * 8; }
};

// Numeric only.
std::optional<Ip> parse_ip(const std::string &text);

// In canonical form.
std::string text(const Ip &ip);

// Why this cannot be a VIP, as words for an error message; or nullptr.
const char *refuse(const Ip &ip);

// In quotes, on one line whatever is in it.
std::string quote(std::string_view text);

} // namespace dsr
