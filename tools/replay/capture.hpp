// SPDX-License-Identifier: BSD-3-Clause
// Captures in and out: pcap (draft-ietf-opsawg-pcap) and pcapng
// (draft-ietf-opsawg-pcapng), which may be packed with gzip or zstd. They are
// read by the block, packets are changed where they lie, and the block is
// written: what nobody changes comes out as it was, whatever it is.
#pragma once

#include <sys/uio.h>

#include <optional>
#include <set>

#include "common/packet.hpp"
#include "replay/input.hpp"

namespace dsr::replay {

struct Damage {
	std::uint64_t offset;  // everything before was read
	std::uint64_t packets; // so many
	std::string message;
};

class CaptureWriter;

// Takes "-" for standard input, and throws Error.
class CaptureReader {
public:
	explicit CaptureReader(const std::string &path);
	CaptureReader(Descriptor descriptor, const std::string &name);
	CaptureReader(const CaptureReader &) = delete;
	CaptureReader &operator=(const CaptureReader &) = delete;

	// False at the end, or where the capture is damaged. The frame is
	// valid, and may be changed, until the next call.
	bool next(Frame &frame) { return plain_ && next_plain(frame) ? true : next_any(frame); }
	// The frame that was read last is not to be written.
	void leave_out();
	const std::optional<Damage> &damage() const { return damage_; }

	const std::string &name() const { return input_.name(); }
	// Of all interfaces so far, each once, as people and programs know it.
	std::string link_names() const;

private:
	friend class CaptureWriter;

	// libpcap's limit. A length beyond it is damage, not a packet.
	static constexpr std::uint32_t MOST_CAPTURED = 262144;

	// What a block of pcapng turns out to be.
	enum class Found : std::uint8_t {
		packet, // all of it is in the window
		end,	// of the file, or of what can be read
		later	// more than is looked ahead for
	};

	void open();
	void open_pcap();
	void open_pcapng();
	// A record of a pcap file as most are, that is in the window.
	bool next_plain(Frame &frame)
	{
		constexpr std::size_t HEADER = 16;
		const std::size_t left = end_ - at_;
		const std::uint8_t *record = window_.data() + at_;

		if (left < HEADER)
			return false;
		const std::uint32_t captured = daddr_load32(record + 8);
		if (captured > MOST_CAPTURED || left - HEADER < captured)
			return false;
		const std::uint32_t length = daddr_load32(record + 12);
		record_ = at_;
		at_ += HEADER + captured;
		packets_++;
		frame.data = window_.data() + record_ + HEADER;
		frame.captured = captured;
		frame.length = length > captured ? length : captured;
		frame.interface = plain_;
		frame.fcs = plain_->fcs;
		return true;
	}
	bool next_any(Frame &frame) { return pcapng_ ? next_block(frame) : next_record(frame); }
	bool next_record(Frame &frame);
	bool next_block(Frame &frame);
	Found find_packet_block();
	bool take_section();
	bool take_interface(std::uint32_t length);
	void take_options(Frame &frame, std::size_t at);
	template <class Take>
	bool each_option(std::size_t at, std::size_t end, Take take);
	bool skip(std::uint64_t length);
	bool whole_block(std::uint32_t length);
	bool same_length(std::uint32_t length);

	const Interface *intern(Interface interface);
	void frame_is(Frame &frame, const std::uint8_t *data, std::uint32_t captured,
		      std::uint32_t length);

	bool have(std::size_t size) { return end_ - at_ >= size || fetch(size); }
	bool fetch(std::size_t size);
	bool damaged(const std::string &message);
	bool ends_within(const char *what);
	bool at_end(const char *what);
	void hand_over();

	std::uint16_t get16(const std::uint8_t *from) const
	{
		const std::uint16_t value = daddr_load16(from);

		return swapped_ ? __builtin_bswap16(value) : value;
	}
	std::uint32_t get32(const std::uint8_t *from) const
	{
		const std::uint32_t value = daddr_load32(from);

		return swapped_ ? __builtin_bswap32(value) : value;
	}

	Input input_;
	bool pcapng_ = false;
	bool swapped_ = false; // of the other byte order
	bool opened_ = false;
	bool ended_ = false; // there is no more to read

	// The window: bytes [0, end_) of it are those of the file from base_.
	std::vector<std::uint8_t> window_;
	std::size_t at_ = 0; // where the next record begins
	std::size_t end_ = 0;
	std::uint64_t base_ = 0;
	std::size_t record_ = 0;   // where the last one began
	std::size_t kept_ = 0;	   // before it, all is in spans_ or out
	std::vector<iovec> spans_; // to be written, but not yet
	CaptureWriter *writer_ = nullptr;

	// pcap
	enum class Lengths : std::uint8_t { straight, maybe_swapped, swapped };
	std::size_t header_ = 0; // of a record
	Lengths lengths_ = Lengths::straight;
	// of a file in this machine's order, without anything unusual
	const Interface *plain_ = nullptr;

	// Interfaces of this section, by number; a pcap file has one.
	std::vector<const Interface *> section_;
	std::set<Interface> interfaces_; // of all sections
	std::vector<int> link_types_;	 // in the order they were met

	std::uint64_t packets_ = 0;
	std::optional<Damage> damage_;
};

// Takes "-" for standard output, and throws Error. As long as it exists, what
// @from reads is written: with its frames changed, and without those left out.
class CaptureWriter {
public:
	CaptureWriter(const std::string &path, CaptureReader &from);
	~CaptureWriter();
	CaptureWriter(const CaptureWriter &) = delete;
	CaptureWriter &operator=(const CaptureWriter &) = delete;

	// When the reader is at its end: see whether all could be written.
	void close();

private:
	friend class CaptureReader;

	void write(std::vector<iovec> &spans);
	[[noreturn]] void failed() const;

	std::string name_;
	CaptureReader &from_;
	Descriptor descriptor_;
};

} // namespace dsr::replay
