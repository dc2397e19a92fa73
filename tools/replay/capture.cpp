// SPDX-License-Identifier: BSD-3-Clause
#include "replay/capture.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/link.hpp"

namespace dsr::replay {

namespace {

constexpr std::size_t BUFFER = 1 << 16;
constexpr std::size_t PCAP_HEADER = 24, PCAP_SNAPLEN = 16, PCAP_RECORD = 16,
		      PCAP_RECORD_MODIFIED = 24;

// The first four bytes of a file, as its writer meant them.
enum Magic : std::uint32_t {
	MICRO = 0xa1b2c3d4,
	MICRO_MODIFIED = 0xa1b2cd34,
	NANO = 0xa1b23c4d,
	PCAPNG = 0x0a0d0d0a,
};

bool is_pcap(std::uint32_t magic)
{
	return magic == MICRO || magic == NANO || magic == MICRO_MODIFIED;
}

std::uint32_t swap_if(bool swapped, std::uint32_t value)
{
	return swapped ? __builtin_bswap32(value) : value;
}

// One thread reads and writes, and much at once. Without a buffer of its own,
// the GNU C library would not look at the size.
void prepare(std::FILE *file, std::unique_ptr<char[]> &buffer)
{
	buffer.reset(new char[BUFFER]);
	std::setvbuf(file, buffer.get(), _IOFBF, BUFFER);
	__fsetlocking(file, FSETLOCKING_BYCALLER);
}

// Link types of whose frames libpcap turns parts into the host's byte order:
// a file of the other order cannot stay as it is.
bool is_turned(int link_type)
{
	return link_type == DLT_NFLOG || link_type == DLT_LINUX_SLL ||
	       link_type == DLT_LINUX_SLL2;
}

} // namespace

// The bytes of a capture, counted, on their way to libpcap.
struct CaptureReader::Source {
	int descriptor = -1;
	bool close = false;
	std::uint64_t position = 0;
	std::uint8_t head[PCAP_HEADER];
	std::size_t head_size = 0;
	std::uint32_t snaplen = 0;	// of a pcap file, as its bytes are
	bool pcap = false, nanoseconds = false, swapped = false;
	std::size_t record = PCAP_RECORD;	// of a pcap file, its header
	int error = 0;

	~Source()
	{
		if (close)
			::close(descriptor);
	}

	ssize_t get(void *to, std::size_t size)
	{
		ssize_t count;

		do
			count = ::read(descriptor, to, size);
		while (count < 0 && errno == EINTR);
		if (count < 0)
			error = errno;
		return count;
	}

	// libpcap silently cuts packets that are longer than the file's
	// snapshot length, which some writers get wrong: it sees 0, for any.
	void read_head()
	{
		ssize_t count = 1;

		while (head_size < sizeof(head) && count > 0) {
			count = get(head + head_size, sizeof(head) - head_size);
			if (count > 0)
				head_size += static_cast<std::size_t>(count);
		}
		if (head_size < sizeof(head))
			return;

		std::uint32_t magic;

		std::memcpy(&magic, head, sizeof(magic));
		swapped = !is_pcap(magic) && is_pcap(__builtin_bswap32(magic));
		if (swapped)
			magic = __builtin_bswap32(magic);
		pcap = is_pcap(magic);
		nanoseconds = magic == NANO || magic == PCAPNG;
		if (magic == MICRO_MODIFIED)
			record = PCAP_RECORD_MODIFIED;
		if (!pcap)
			return;
		std::memcpy(&snaplen, head + PCAP_SNAPLEN, sizeof(snaplen));
		std::memset(head + PCAP_SNAPLEN, 0, sizeof(snaplen));
	}

	static ssize_t read(void *cookie, char *to, std::size_t size)
	{
		auto *source = static_cast<Source *>(cookie);
		ssize_t count;

		if (source->position < source->head_size) {
			size = std::min(size, static_cast<std::size_t>(
				source->head_size - source->position));
			std::memcpy(to, source->head + source->position, size);
			count = static_cast<ssize_t>(size);
		} else {
			count = source->get(to, size);
		}
		if (count > 0)
			source->position += static_cast<std::uint64_t>(count);
		return count;
	}

	// Only tells where we are: what ftello() asks for.
	static int seek(void *cookie, off64_t *offset, int whence)
	{
		if (whence != SEEK_CUR || *offset) {
			errno = ESPIPE;
			return -1;
		}
		*offset = static_cast<off64_t>(
			static_cast<Source *>(cookie)->position);
		return 0;
	}
};

CaptureReader::CaptureReader(const std::string &path)
	: name_(path == "-" ? "standard input" : path),
	  source_(std::make_unique<Source>())
{
	struct stat info;

	if (path == "-") {
		source_->descriptor = STDIN_FILENO;
		if (isatty(STDIN_FILENO))
			throw Error("standard input: found a terminal, expected a capture");
	} else {
		source_->descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
		source_->close = true;
		if (source_->descriptor < 0)
			throw Error(path + ": " + std::strerror(errno));
	}
	if (!fstat(source_->descriptor, &info) && S_ISDIR(info.st_mode))
		throw Error(name_ + ": found a directory, expected a capture");
	open();
}

CaptureReader::CaptureReader(int descriptor, const std::string &name)
	: name_(name), source_(std::make_unique<Source>())
{
	source_->descriptor = descriptor;
	open();
}

CaptureReader::~CaptureReader()
{
	if (pcap_)
		pcap_close(pcap_);	// closes file_
}

void CaptureReader::open()
{
	char message[PCAP_ERRBUF_SIZE];

	source_->read_head();
	if (source_->error)
		throw Error(name_ + ": " + std::strerror(source_->error));
	if (!source_->head_size)
		throw Error(name_ + ": found nothing, expected a capture");
	file_ = fopencookie(source_.get(), "r",
			    {Source::read, nullptr, Source::seek, nullptr});
	if (!file_)
		throw Error(name_ + ": " + std::strerror(errno));
	prepare(file_, buffer_);
	pcap_ = pcap_fopen_offline_with_tstamp_precision(
		file_, source_->nanoseconds ? PCAP_TSTAMP_PRECISION_NANO :
					      PCAP_TSTAMP_PRECISION_MICRO,
		message);
	if (!pcap_) {
		std::fclose(file_);
		throw Error(name_ + ": byte 0: found no capture that can be read, expected pcap or pcapng: " +
			    message);
	}
	if (!link_known(link_type())) {
		const char *type = pcap_datalink_val_to_name(link_type());
		std::string found = std::to_string(link_type());

		if (type)
			found += std::string(" (") + type + ")";
		pcap_close(pcap_);
		pcap_ = nullptr;
		throw Error(name_ + ": found link type " + found +
			    ", expected one of " + link_names());
	}
}

bool CaptureReader::next(Frame &frame)
{
	const std::uint8_t *data;
	int result;

	if (damage_)
		return false;
	if (!source_->pcap || !offset_)
		offset_ = static_cast<std::uint64_t>(ftello(file_));
	result = pcap_next_ex(pcap_, &header_, &data);
	if (result != 1) {
		if (result != PCAP_ERROR_BREAK)
			damage_ = Damage{offset_, packets_, source_->error ?
					 std::strerror(source_->error) :
					 pcap_geterr(pcap_)};
		return false;
	}
	packets_++;
	if (source_->pcap)
		offset_ += source_->record + header_->caplen;
	// libpcap's buffer is its reader's until the next packet
	frame.data = const_cast<std::uint8_t *>(data);
	frame.captured = header_->caplen;
	frame.length = std::max(header_->len, header_->caplen);
	return true;
}

CaptureWriter::CaptureWriter(const std::string &path, const CaptureReader &from)
	: name_(path == "-" ? "standard output" : path)
{
	const CaptureReader::Source &source = *from.source_;
	int descriptor = STDOUT_FILENO;
	struct stat in, out;

	if (path == "-" && isatty(descriptor))
		throw Error("standard output: found a terminal, expected a file or a pipe");
	if (!fstat(source.descriptor, &in) && S_ISREG(in.st_mode) &&
	    !(path == "-" ? fstat(descriptor, &out) :
			    stat(path.c_str(), &out)) &&
	    in.st_dev == out.st_dev && in.st_ino == out.st_ino)
		throw Error(name_ + ": found the input itself, expected another file");

	if (path == "-")
		file_ = fdopen(descriptor, "wb");
	else
		file_ = std::fopen(path.c_str(), "wbe");
	if (!file_)
		throw Error(name_ + ": " + std::strerror(errno));
	prepare(file_, buffer_);
	swapped_ = source.swapped && !is_turned(from.link_type());
	if (swapped_)
		write_swapped_head(source);
	else
		write_head(from);
}

void CaptureWriter::write_head(const CaptureReader &from)
{
	const CaptureReader::Source &source = *from.source_;
	std::uint32_t snaplen = swap_if(source.swapped, source.snaplen);

	if (!source.pcap)
		snaplen = static_cast<std::uint32_t>(pcap_snapshot(from.pcap_));
	pcap_ = pcap_open_dead_with_tstamp_precision(
		from.link_type(), static_cast<int>(snaplen),
		source.nanoseconds ? PCAP_TSTAMP_PRECISION_NANO :
				     PCAP_TSTAMP_PRECISION_MICRO);
	if (pcap_)
		dumper_ = pcap_dump_fopen(pcap_, file_);
	if (!dumper_) {
		std::string why = pcap_ ? pcap_geterr(pcap_) : "out of memory";

		std::fclose(file_);
		if (pcap_)
			pcap_close(pcap_);
		throw Error(name_ + ": " + why);
	}
}

// libpcap writes the host's byte order only.
void CaptureWriter::write_swapped_head(const CaptureReader::Source &source)
{
	std::uint8_t head[PCAP_HEADER];
	std::uint32_t magic = __builtin_bswap32(source.nanoseconds ? NANO :
								     MICRO);

	std::memcpy(head, source.head, sizeof(head));
	std::memcpy(head, &magic, sizeof(magic));
	std::memcpy(head + PCAP_SNAPLEN, &source.snaplen, 4);
	std::fwrite(head, sizeof(head), 1, file_);
}

CaptureWriter::~CaptureWriter()
{
	if (dumper_)
		pcap_dump_close(dumper_);	// closes file_
	else if (file_)
		std::fclose(file_);
	if (pcap_)
		pcap_close(pcap_);
}

void CaptureWriter::failed() const
{
	throw Error(name_ + ": cannot write: " + std::strerror(errno));
}

void CaptureWriter::write(const CaptureReader &from, const Frame &frame)
{
	const pcap_pkthdr &header = *from.header_;

	const std::uint32_t record[] = {
		swap_if(swapped_, static_cast<std::uint32_t>(header.ts.tv_sec)),
		swap_if(swapped_, static_cast<std::uint32_t>(header.ts.tv_usec)),
		swap_if(swapped_, header.caplen),
		swap_if(swapped_, header.len),
	};

	static_assert(sizeof(record) == PCAP_RECORD);
	fwrite_unlocked(record, sizeof(record), 1, file_);
	fwrite_unlocked(frame.data, header.caplen, 1, file_);
	if (ferror_unlocked(file_))
		failed();
}

void CaptureWriter::close()
{
	if (std::fflush(file_))
		failed();
}

} // namespace dsr::replay
