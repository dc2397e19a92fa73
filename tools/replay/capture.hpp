// SPDX-License-Identifier: BSD-3-Clause
// Captures in and out, by libpcap: pcap and pcapng in, pcap out.
#pragma once

#include <pcap/pcap.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "common/packet.hpp"

namespace dsr::replay {

struct Damage {
	std::uint64_t offset;	// everything before was read
	std::uint64_t packets;	// so many
	std::string message;
};

// Both take "-" for standard input or output, and throw Error.
class CaptureReader {
public:
	explicit CaptureReader(const std::string &path);
	CaptureReader(int descriptor, const std::string &name);
	~CaptureReader();
	CaptureReader(const CaptureReader &) = delete;
	CaptureReader &operator=(const CaptureReader &) = delete;

	// False at the end, or where the capture is damaged. The frame is
	// valid until the next call.
	bool next(Frame &frame);
	const std::optional<Damage> &damage() const { return damage_; }

	int link_type() const { return pcap_datalink(pcap_); }
	const std::string &name() const { return name_; }

private:
	friend class CaptureWriter;
	struct Source;

	void open();

	std::string name_;
	std::unique_ptr<Source> source_;
	std::unique_ptr<char[]> buffer_;
	std::FILE *file_ = nullptr;
	pcap_t *pcap_ = nullptr;
	pcap_pkthdr *header_ = nullptr;
	std::uint64_t packets_ = 0, offset_ = 0;	// read so far
	std::optional<Damage> damage_;
};

// Writes what a reader reads: same byte order, link type, snapshot length and
// resolution of the time stamps (for pcapng: the host's, and nanoseconds).
class CaptureWriter {
public:
	CaptureWriter(const std::string &path, const CaptureReader &from);
	~CaptureWriter();
	CaptureWriter(const CaptureWriter &) = delete;
	CaptureWriter &operator=(const CaptureWriter &) = delete;

	// The frame that @from has read last.
	void write(const CaptureReader &from, const Frame &frame);
	// Flush, and see whether all of it could be written.
	void close();

private:
	void write_head(const CaptureReader &from);
	void write_swapped_head(const CaptureReader::Source &source);
	[[noreturn]] void failed() const;

	std::string name_;
	bool swapped_ = false;
	std::unique_ptr<char[]> buffer_;
	std::FILE *file_ = nullptr;
	pcap_t *pcap_ = nullptr;
	pcap_dumper_t *dumper_ = nullptr;
};

} // namespace dsr::replay
