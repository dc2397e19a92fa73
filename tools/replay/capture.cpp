// SPDX-License-Identifier: BSD-3-Clause
#include "replay/capture.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/link.hpp"

namespace dsr::replay {

namespace {

// Small enough to stay in a processor's cache until it is written.
constexpr std::size_t WINDOW = 1 << 18;

constexpr std::size_t PCAP_HEADER = 24, PCAP_RECORD = 16, PCAP_RECORD_MODIFIED = 24;

// The first four bytes of a file, as its writer meant them.
enum Magic : std::uint32_t {
	MICRO = 0xa1b2c3d4,
	MICRO_MODIFIED = 0xa1b2cd34,
	NANO = 0xa1b23c4d,
	PCAPNG = 0x0a0d0d0a, // in either byte order
};

bool is_pcap(std::uint32_t magic)
{
	return magic == MICRO || magic == NANO || magic == MICRO_MODIFIED;
}

} // namespace

CaptureReader::CaptureReader(const std::string &path) : input_(path)
{
	open();
}

CaptureReader::CaptureReader(Descriptor descriptor, const std::string &name)
	: input_(std::move(descriptor), name)
{
	open();
}

void CaptureReader::open()
{
	std::uint32_t magic = 0;

	window_.resize(WINDOW);
	if (have(sizeof(magic)))
		magic = daddr_load32(window_.data());
	if (!end_ && input_.error().empty())
		throw Error(name() + ": is empty: no capture");
	if (!end_)
		throw Error(name() + ": " + input_.error());
	if (magic == PCAPNG)
		open_pcapng();
	else if (is_pcap(magic) || is_pcap(__builtin_bswap32(magic)))
		open_pcap();
	else
		damaged("it begins like neither");
	if (damage_)
		throw Error(name() + ": byte " + std::to_string(damage_->offset) +
			    ": no capture that can be read (pcap or pcapng): " + damage_->message);
	if (!link_types_.empty() &&
	    std::none_of(link_types_.begin(), link_types_.end(), link_known))
		throw Error(name() + ": found link type " + link_text(link_types_[0]) +
			    ", expected one of " + known_links());
	opened_ = true;
}

// The same for the whole file: version, byte order, one interface.
void CaptureReader::open_pcap()
{
	// Bit 26 of the link type says that its upper four count the FCS, in
	// units of 16 bits.
	constexpr std::uint32_t FCS_GIVEN = 1U << 26;
	constexpr unsigned int FCS_SHIFT = 28;

	if (!have(PCAP_HEADER)) {
		ends_within("its header");
		return;
	}
	const std::uint8_t *head = window_.data();
	swapped_ = !is_pcap(daddr_load32(head));
	header_ = get32(head) == MICRO_MODIFIED ? PCAP_RECORD_MODIFIED : PCAP_RECORD;

	// 543.0 is of DG/UX; files before 2.3 have the other order of lengths
	const unsigned int major = get16(head + 4), minor = get16(head + 6);
	if (!(major == 2 && minor <= 4) && !(major == 543 && !minor)) {
		damaged("pcap of version " + std::to_string(major) + "." + std::to_string(minor) +
			", expected 2.4");
		return;
	}
	if (major != 2 || minor < 3)
		lengths_ = Lengths::swapped;
	else if (minor == 3)
		lengths_ = Lengths::maybe_swapped;

	const std::uint32_t type = get32(head + 20);
	Interface interface;
	interface.link_type = link_of(type & 0xffff);
	interface.swapped = swapped_;
	if (type & FCS_GIVEN)
		interface.fcs = static_cast<std::uint8_t>((type >> FCS_SHIFT) * 2);
	section_.push_back(intern(interface));
	if (!swapped_ && header_ == PCAP_RECORD && lengths_ == Lengths::straight)
		plain_ = section_[0];
	at_ = PCAP_HEADER;
}

bool CaptureReader::next_record(Frame &frame)
{
	if (damage_)
		return false;
	if (!have(header_))
		return at_end("the header of a packet");
	const std::uint8_t *header = window_.data() + at_;
	std::uint32_t captured = get32(header + 8), length = get32(header + 12);
	if (lengths_ != Lengths::straight && (lengths_ == Lengths::swapped || captured > length))
		std::swap(captured, length);
	if (captured > MOST_CAPTURED)
		return damaged("found a packet of " + std::to_string(captured) +
			       " captured bytes, expected at most " +
			       std::to_string(MOST_CAPTURED));
	if (!have(header_ + captured))
		return ends_within("a packet");
	record_ = at_;
	at_ += header_ + captured;
	frame_is(frame, window_.data() + record_ + header_, captured, length);
	frame.interface = section_[0];
	frame.fcs = frame.interface->fcs;
	return true;
}

void CaptureReader::frame_is(Frame &frame, const std::uint8_t *data, std::uint32_t captured,
			     std::uint32_t length)
{
	packets_++;
	frame.data = const_cast<std::uint8_t *>(data); // of the window
	frame.captured = captured;
	frame.length = std::max(length, captured);
}

// Interfaces stay where they are: frames point to them.
const Interface *CaptureReader::intern(Interface interface)
{
	if (std::find(link_types_.begin(), link_types_.end(), interface.link_type) ==
	    link_types_.end())
		link_types_.push_back(interface.link_type);
	return &*interfaces_.insert(std::move(interface)).first;
}

std::string CaptureReader::link_names() const
{
	std::string names;

	for (int type : link_types_) {
		if (!names.empty())
			names += ", ";
		names += link_name(type);
	}
	return names;
}

// Have @size bytes in the window from at_ on, if there are so many. What is
// done with goes out first: its reader need not wait for more than we do.
bool CaptureReader::fetch(std::size_t size)
{
	std::size_t done = 0;

	if (ended_)
		return false;
	// until there is a writer, all is kept for it
	if (opened_) {
		hand_over();
		done = at_;
	}
	std::memmove(window_.data(), window_.data() + done, end_ - done);
	base_ += done;
	at_ -= done;
	end_ -= done;
	kept_ -= done;
	if (window_.size() < at_ + size)
		window_.resize(at_ + size);
	while (end_ - at_ < size) {
		const std::size_t count = input_.read(std::span(window_).subspan(end_));

		if (!count) {
			ended_ = true;
			return false;
		}
		end_ += count;
	}
	return true;
}

// All that has been passed, to the writer.
void CaptureReader::hand_over()
{
	if (!opened_)
		return;
	if (kept_ < at_)
		spans_.push_back({window_.data() + kept_, at_ - kept_});
	kept_ = at_;
	if (writer_)
		writer_->write(spans_);
	spans_.clear();
}

void CaptureReader::leave_out()
{
	if (kept_ < record_)
		spans_.push_back({window_.data() + kept_, record_ - kept_});
	kept_ = at_;
	if (spans_.size() == IOV_MAX)
		hand_over();
}

bool CaptureReader::damaged(const std::string &message)
{
	hand_over();
	if (!damage_)
		damage_ = Damage{base_ + at_, packets_, message};
	return false;
}

bool CaptureReader::ends_within(const char *what)
{
	if (!input_.error().empty())
		return damaged(input_.error());
	return damaged(std::string("the file ends within ") + what);
}

// There is no more of @what: fine, when nothing of it is there.
bool CaptureReader::at_end(const char *what)
{
	if (at_ < end_ || !input_.error().empty())
		return ends_within(what);
	hand_over();
	return false;
}

CaptureWriter::CaptureWriter(const std::string &path, CaptureReader &from)
	: name_(path == "-" ? "standard output" : path), from_(from)
{
	const int input = from.input_.descriptor();
	struct stat in, out;

	if (path == "-" && isatty(STDOUT_FILENO))
		throw Error("standard output is a terminal: name a file, or redirect it");
	if (!fstat(input, &in) && S_ISREG(in.st_mode) &&
	    !(path == "-" ? fstat(STDOUT_FILENO, &out) : stat(path.c_str(), &out)) &&
	    in.st_dev == out.st_dev && in.st_ino == out.st_ino)
		throw Error(name_ + ": is the input itself: name another file");

	descriptor_ = Descriptor(
		path == "-" ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0) :
			      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
		name_.c_str());
	from.writer_ = this;
}

CaptureWriter::~CaptureWriter()
{
	from_.writer_ = nullptr;
}

void CaptureWriter::failed() const
{
	throw Error(name_ + ": cannot write: " + std::strerror(errno));
}

void CaptureWriter::write(std::vector<iovec> &spans)
{
	for (std::size_t first = 0; first < spans.size();) {
		const int count = static_cast<int>(
			std::min<std::size_t>(spans.size() - first, IOV_MAX));
		ssize_t written = writev(descriptor_.get(), &spans[first], count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			failed();
		auto left = static_cast<std::size_t>(written);
		while (first < spans.size() && left >= spans[first].iov_len)
			left -= spans[first++].iov_len;
		if (left) {
			auto *base = static_cast<std::uint8_t *>(spans[first].iov_base);

			spans[first].iov_base = base + left;
			spans[first].iov_len -= left;
		}
	}
}

// Some file systems tell only now that there is no room.
void CaptureWriter::close()
{
	if (!descriptor_.close())
		failed();
}

} // namespace dsr::replay
