// SPDX-License-Identifier: BSD-3-Clause
// The blocks of pcapng. Sections and interfaces are looked into, packets handed
// out; every other block passes, whatever it holds.
#include <algorithm>

#include "replay/capture.hpp"
#include "common/link.hpp"

namespace dsr::replay {

namespace {

enum BlockType : std::uint32_t {
	INTERFACE = 1,
	OLD_PACKET = 2,
	SIMPLE_PACKET = 3,
	ENHANCED_PACKET = 6,
	SECTION = 0x0a0d0d0a, // in either byte order
};

constexpr std::uint32_t ORDER_MARK = 0x1a2b3c4d;

// Of blocks, with their type, length, and length again at their end.
constexpr std::uint32_t HEAD = 8, TAIL = 4, SMALLEST = HEAD + TAIL,
			SMALLEST_SECTION = SMALLEST + 16, SMALLEST_INTERFACE = SMALLEST + 8,
			SMALLEST_SIMPLE_PACKET = SMALLEST + 4, SMALLEST_PACKET = SMALLEST + 20;
// Of a block that has to be in the window as a whole; libpcap's limit.
constexpr std::uint32_t LARGEST = 16 << 20;

// So far is looked for the first packet before anything is written.
constexpr std::size_t LOOK_AHEAD = 1 << 20;

enum Option : std::uint16_t {
	END_OF_OPTIONS = 0,
	INTERFACE_NAME = 2,
	PACKET_FLAGS = 2,
	INTERFACE_FCS = 13,
};

bool is_packet(std::uint32_t type)
{
	return type == ENHANCED_PACKET || type == SIMPLE_PACKET || type == OLD_PACKET;
}

constexpr std::uint32_t padded(std::uint32_t length)
{
	return (length + 3) & ~3U;
}

// Some writers counted bits, as the draft had it once, others bytes.
std::uint8_t fcs_bytes(std::uint8_t value)
{
	return value < 16 ? value : value / 8;
}

} // namespace

void CaptureReader::open_pcapng()
{
	pcapng_ = true;
	find_packet_block();
}

// Is the length the same in front of the block and after it?
bool CaptureReader::same_length(std::uint32_t length)
{
	const std::uint32_t again = get32(window_.data() + at_ + length - TAIL);

	return again == length ||
	       damaged("found a block of " + std::to_string(length) + " bytes with the length " +
		       std::to_string(again) + " at its end");
}

bool CaptureReader::whole_block(std::uint32_t length)
{
	if (length > LARGEST)
		return damaged("found a block of " + std::to_string(length) +
			       " bytes, expected at most " + std::to_string(LARGEST));
	return have(length) ? same_length(length) : ends_within("a block");
}

// Past a block, of which the window need not hold more than a part at a time.
bool CaptureReader::skip(std::uint64_t length)
{
	const std::uint32_t whole = static_cast<std::uint32_t>(length);

	while (length > TAIL) {
		const std::size_t step = std::min<std::uint64_t>(length - TAIL, end_ - at_);

		at_ += step;
		length -= step;
		if (length > TAIL && !have(1))
			return ends_within("a block");
	}
	if (!have(TAIL))
		return ends_within("a block");
	const std::uint32_t again = get32(window_.data() + at_);
	if (again != whole)
		return damaged("found the end of a block of " + std::to_string(again) +
			       " bytes, expected one of " + std::to_string(whole));
	at_ += TAIL;
	return true;
}

// Past all blocks before the next packet.
CaptureReader::Found CaptureReader::find_packet_block()
{
	for (;;) {
		if (damage_)
			return Found::end;
		if (!have(HEAD)) {
			at_end("the head of a block");
			return Found::end;
		}
		const std::uint8_t *head = window_.data() + at_;
		const std::uint32_t type = get32(head);
		std::uint32_t length = get32(head + 4);

		if (type == SECTION) {
			if (!take_section())
				return Found::end;
			continue;
		}
		if (length < SMALLEST || length % 4) {
			damaged("found a block of " + std::to_string(length) +
				" bytes, expected at least 12, by the four");
			return Found::end;
		}
		if (is_packet(type))
			return whole_block(length) ? Found::packet : Found::end;
		if (type == INTERFACE) {
			if (!whole_block(length) || !take_interface(length))
				return Found::end;
			continue;
		}
		// what is read before there is a writer is kept for it
		if (!opened_ && at_ + length > LOOK_AHEAD)
			return Found::later;
		if (!skip(length))
			return Found::end;
	}
}

// A section begins: another byte order, and no interfaces yet.
bool CaptureReader::take_section()
{
	if (!have(SMALLEST_SECTION))
		return ends_within("the head of a section");
	const std::uint8_t *block = window_.data() + at_;
	swapped_ = daddr_load32(block + 8) != ORDER_MARK;
	if (get32(block + 8) != ORDER_MARK)
		return damaged("found a section without its byte order mark");
	const std::uint32_t length = get32(block + 4);
	if (length < SMALLEST_SECTION || length % 4)
		return damaged("found a section's head of " + std::to_string(length) +
			       " bytes, expected at least 28, by the four");
	const unsigned int major = get16(block + 12), minor = get16(block + 14);
	if (major != 1 || (minor && minor != 2))
		return damaged("found pcapng of version " + std::to_string(major) + "." +
			       std::to_string(minor) + ", expected 1.0");
	// as libpcap, without a look at the length at its end
	if (length > LARGEST || !have(length))
		return ends_within("the head of a section");
	section_.clear();
	at_ += length;
	return true;
}

// The options from @at to @end of the window, to @take(code, value, length).
template <class Take>
bool CaptureReader::each_option(std::size_t at, std::size_t end, Take take)
{
	while (at < end) {
		if (end - at < 4)
			return false;
		const std::uint8_t *option = window_.data() + at;
		const std::uint16_t code = get16(option), length = get16(option + 2);
		at += 4;
		if (padded(length) > end - at)
			return false;
		if (code == END_OF_OPTIONS)
			return true;
		take(code, option + 4, length);
		at += padded(length);
	}
	return true;
}

bool CaptureReader::take_interface(std::uint32_t length)
{
	const std::uint8_t *block = window_.data() + at_;
	Interface interface;

	if (length < SMALLEST_INTERFACE)
		return damaged("found an interface of " + std::to_string(length) +
			       " bytes, expected at least 20");
	interface.link_type = link_of(get16(block + 8));
	interface.snaplen = get32(block + 12);
	interface.swapped = swapped_;
	const bool good = each_option(
		at_ + SMALLEST_INTERFACE - TAIL, at_ + length - TAIL,
		[&interface](std::uint16_t code, const std::uint8_t *value, std::uint16_t size) {
			const char *text = reinterpret_cast<const char *>(value);

			if (code == INTERFACE_NAME)
				interface.name.assign(text, size);
			else if (code == INTERFACE_FCS && size == 1)
				interface.fcs = fcs_bytes(*value);
		});
	if (!good)
		return damaged(
			"found an option of an interface that does not end within its block");
	section_.push_back(intern(std::move(interface)));
	at_ += length;
	return true;
}

bool CaptureReader::next_block(Frame &frame)
{
	if (find_packet_block() != Found::packet)
		return false;
	const std::uint8_t *block = window_.data() + at_;
	const std::uint32_t type = get32(block), size = get32(block + 4);
	const bool simple = type == SIMPLE_PACKET;
	const std::uint32_t smallest = simple ? SMALLEST_SIMPLE_PACKET : SMALLEST_PACKET;
	std::uint32_t number = 0, captured, length;

	if (size < smallest)
		return damaged("found a packet's block of " + std::to_string(size) +
			       " bytes, expected at least " + std::to_string(smallest));
	if (type == ENHANCED_PACKET)
		number = get32(block + 8);
	else if (type == OLD_PACKET)
		number = get16(block + 8);
	if (number >= section_.size())
		return damaged("found a packet of interface " + std::to_string(number) + ", of " +
			       std::to_string(section_.size()) + " in its section");
	const Interface *interface = section_[number];
	if (simple) {
		captured = length = get32(block + 8);
		if (interface->snaplen)
			captured = std::min(captured, interface->snaplen);
	} else {
		captured = get32(block + 20);
		length = get32(block + 24);
	}
	if (captured > size - smallest)
		return damaged("found a packet of " + std::to_string(captured) +
			       " captured bytes in a block of " + std::to_string(size));
	record_ = at_;
	at_ += size;
	frame_is(frame, block + smallest - TAIL, captured, length);
	frame.interface = interface;
	frame.fcs = interface->fcs;
	if (!simple && padded(captured) + smallest < size)
		take_options(frame, record_ + smallest - TAIL + padded(captured));
	return true;
}

// A packet's own word on its frame check sequence counts.
void CaptureReader::take_options(Frame &frame, std::size_t at)
{
	each_option(
		at, at_ - TAIL,
		[this, &frame](std::uint16_t code, const std::uint8_t *value, std::uint16_t size) {
			if (code != PACKET_FLAGS || size != 4)
				return;
			const std::uint32_t fcs = get32(value) >> 5 & 0x0f;
			if (fcs)
				frame.fcs = static_cast<std::uint8_t>(fcs);
		});
}

} // namespace dsr::replay
