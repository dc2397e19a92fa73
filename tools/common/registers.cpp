// SPDX-License-Identifier: BSD-3-Clause
#include "common/registers.hpp"

#include <algorithm>
#include <cstring>

namespace dsr::nf {

Truth inverted(Truth truth, bool invert)
{
	if (!invert || truth == Truth::maybe)
		return truth;
	return truth == Truth::yes ? Truth::no : Truth::yes;
}

void apply(const Mask &mask, Registers &registers)
{
	const std::size_t length = mask.mask.size();
	Bytes value = registers.bytes(mask.from, length), known(length);

	value.resize(length);
	for (std::size_t i = 0; i < length; i++) {
		const std::uint8_t here = mask.from + i < REGISTERS ?
						  registers.known[mask.from + i] :
						  0;

		known[i] = static_cast<std::uint8_t>(here | ~mask.mask[i]);
		value[i] = static_cast<std::uint8_t>((value[i] & mask.mask[i]) ^ mask.flip[i]);
	}
	registers.put(mask.to, value.data(), known.data(), length);
}

// As the kernel: by words of 32 bits, as the machine has them.
void apply(const Shift &shift, Registers &registers)
{
	const std::size_t words = (shift.length + 3U) / 4;
	auto shifted = [&](const std::array<std::uint8_t, REGISTERS> &from, bool ones) {
		Bytes bytes(words * 4);
		std::vector<std::uint32_t> numbers(words);

		for (std::size_t i = 0; i < bytes.size(); i++)
			bytes[i] = shift.from + i < REGISTERS ? from[shift.from + i] : 0;
		std::memcpy(numbers.data(), bytes.data(), bytes.size());
		const unsigned int bits = shift.bits % 32;
		std::uint32_t carry = ones && bits ? (shift.left ? ~0U >> (32 - bits) :
								   ~0U << (32 - bits)) :
						     0;
		for (std::size_t i = 0; bits && i < words; i++) {
			std::uint32_t &word = numbers[shift.left ? words - 1 - i : i];
			const std::uint32_t before = word;

			word = (shift.left ? word << bits : word >> bits) | carry;
			carry = shift.left ? before >> (32 - bits) : before << (32 - bits);
		}
		std::memcpy(bytes.data(), numbers.data(), bytes.size());
		return bytes;
	};
	const Bytes value = shifted(registers.value, false);
	const Bytes known = shifted(registers.known, true);

	registers.put(shift.to, value.data(), known.data(), value.size());
}

void apply(const SwapBytes &swap, Registers &registers)
{
	Bytes value = registers.bytes(swap.from, swap.length);
	Bytes known(value.size());
	const std::uint16_t one = 1;
	std::uint8_t little;

	std::memcpy(&little, &one, 1);
	for (std::size_t i = 0; i < known.size(); i++)
		known[i] = registers.known[swap.from + i];
	for (std::size_t at = 0; little && swap.size && at + swap.size <= value.size();
	     at += swap.size) {
		const auto from = static_cast<std::ptrdiff_t>(at);
		const auto to = static_cast<std::ptrdiff_t>(at + swap.size);

		std::reverse(value.begin() + from, value.begin() + to);
		std::reverse(known.begin() + from, known.begin() + to);
	}
	registers.put(swap.to, value.data(), known.data(), value.size());
}

Truth compare(const Registers &registers, const Test &test)
{
	const std::size_t length = test.value.size();
	const bool equality = test.how == Compare::eq || test.how == Compare::neq;

	if (equality && !registers.could_be(test.from, test.value))
		return test.how == Compare::eq ? Truth::no : Truth::yes;
	if (!registers.knows(test.from, length))
		return Truth::maybe;
	const Bytes here = registers.bytes(test.from, length);
	bool holds = false;
	switch (test.how) {
	case Compare::eq:
		holds = here == test.value;
		break;
	case Compare::neq:
		holds = here != test.value;
		break;
	case Compare::lt:
		holds = here < test.value;
		break;
	case Compare::lte:
		holds = here <= test.value;
		break;
	case Compare::gt:
		holds = here > test.value;
		break;
	case Compare::gte:
		holds = here >= test.value;
		break;
	}
	return holds ? Truth::yes : Truth::no;
}

Truth between(const Registers &registers, const Between &range)
{
	if (!registers.knows(range.from, range.first.size()))
		return Truth::maybe;
	const Bytes here = registers.bytes(range.from, range.first.size());

	return inverted(here >= range.first && here <= range.last ? Truth::yes : Truth::no,
			range.inverted);
}

namespace {

// Of a concatenation, each field has its own range.
Truth holds(const Set &set, const Element &element, const Registers &registers, Register from)
{
	const std::size_t length = element.key.size();

	if (element.key == element.last) {
		if (!registers.could_be(from, element.key))
			return Truth::no;
		return registers.knows(from, length) ? Truth::yes : Truth::maybe;
	}
	std::vector<std::uint32_t> fields = set.fields;
	if (fields.empty())
		fields = {static_cast<std::uint32_t>(length)};
	Truth all = Truth::yes;
	std::size_t at = 0;
	for (const std::uint32_t field : fields) {
		if (at + field > length)
			break;
		auto part = [&](const Bytes &bytes) {
			const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);

			return Bytes(begin, begin + field);
		};
		const Truth one = between(registers, {static_cast<Register>(from + at), false,
						      part(element.key), part(element.last)});
		all = std::min(all, one);
		at += (field + 3U) / 4 * 4;
	}
	return all;
}

} // namespace

Found look_up(const Set &set, const Registers &registers, Register from)
{
	const Element *any = nullptr;
	Found found;

	for (const Element &element : set.elements) {
		if (element.any) {
			any = &element;
			continue;
		}
		const Truth truth = holds(set, element, registers, from);

		if (truth != Truth::no)
			found.elements.push_back(&element);
		if (truth == Truth::yes)
			return found;
	}
	if (any)
		found.elements.push_back(any);
	else
		found.nothing = true;
	return found;
}

} // namespace dsr::nf
