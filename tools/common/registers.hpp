// SPDX-License-Identifier: BSD-3-Clause
// The registers of nf_tables, of whose bits some are not known, and what is asked
// of them.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "common/ruleset.hpp"

namespace dsr::nf {

enum class Truth : std::uint8_t { no, maybe, yes };

// The opposite, if @invert.
Truth inverted(Truth truth, bool invert);

struct Registers {
	std::array<std::uint8_t, REGISTERS> value{}, known{};

	// What is loaded is followed by zeros, up to whole words.
	void put(Register at, const std::uint8_t *bytes, const std::uint8_t *mask,
		 std::size_t length)
	{
		for (std::size_t i = 0; i < (length + 3) / 4 * 4 && at + i < REGISTERS; i++) {
			value[at + i] = i < length ? bytes[i] : 0;
			known[at + i] = i < length ? mask[i] : 0xff;
		}
	}
	void forget(Register at)
	{
		for (std::size_t i = at; i < std::min<std::size_t>(at + 16U, REGISTERS); i++)
			known[i] = 0;
	}
	void constant(Register at, const Bytes &bytes)
	{
		const Bytes all(bytes.size(), 0xff);

		put(at, bytes.data(), all.data(), bytes.size());
	}
	bool knows(Register at, std::size_t length) const
	{
		for (std::size_t i = at; i < at + length; i++)
			if (i >= REGISTERS || known[i] != 0xff)
				return false;
		return true;
	}
	Bytes bytes(Register at, std::size_t length) const
	{
		const std::size_t end = std::min(at + length, REGISTERS);

		return Bytes(value.begin() + std::min<std::size_t>(at, end),
			     value.begin() + static_cast<std::ptrdiff_t>(end));
	}
	// Could these bytes be in it?
	bool could_be(Register at, const Bytes &other) const
	{
		for (std::size_t i = 0; i < other.size() && at + i < REGISTERS; i++)
			if ((value[at + i] ^ other[i]) & known[at + i])
				return false;
		return true;
	}
};

void apply(const Mask &mask, Registers &registers);
void apply(const Shift &shift, Registers &registers);
void apply(const SwapBytes &swap, Registers &registers);

Truth compare(const Registers &registers, const Test &test);
Truth between(const Registers &registers, const Between &range);

// What a look-up may find.
struct Found {
	std::vector<const Element *> elements;
	bool nothing = false;
};

Found look_up(const Set &set, const Registers &registers, Register from);

} // namespace dsr::nf
