// SPDX-License-Identifier: BSD-3-Clause
#include "common/registers.hpp"

#include <algorithm>

namespace dsr::nf {

Truth inverted(Truth truth, bool invert)
{
	if (!invert || truth == Truth::maybe)
		return truth;
	return truth == Truth::yes ? Truth::no : Truth::yes;
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
