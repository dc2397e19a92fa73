// SPDX-License-Identifier: BSD-3-Clause
#include "replay/input.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>

#include "common/packet.hpp"

namespace dsr::replay {

// Turns packed bytes into those that were packed.
class Unpacker {
public:
	using Packed = std::span<const std::uint8_t>;

	virtual ~Unpacker() = default;
	// Takes bytes from @from, and returns how many it put to @to. With
	// neither, it needs more. Throws Error.
	virtual std::size_t unpack(Packed &from, std::span<std::uint8_t> to) = 0;
	// May the file end here?
	virtual bool complete() const = 0;

	Packed from;
};

namespace {

constexpr std::size_t PACKED = 1 << 16;

// RFC 1952: one member after the other.
class Gzip : public Unpacker {
public:
	Gzip()
	{
		constexpr int GZIP_ONLY = 16;

		if (inflateInit2(&stream_, GZIP_ONLY + MAX_WBITS) != Z_OK)
			throw Error("gzip: out of memory");
	}
	~Gzip() override { inflateEnd(&stream_); }

	std::size_t unpack(Packed &from, std::span<std::uint8_t> to) override
	{
		if (complete_)
			begin_member(from);
		if (complete_)
			return 0;
		stream_.next_in = const_cast<Bytef *>(from.data());
		stream_.avail_in = static_cast<uInt>(from.size());
		stream_.next_out = to.data();
		stream_.avail_out = static_cast<uInt>(to.size());
		int result = inflate(&stream_, Z_NO_FLUSH);
		from = from.last(stream_.avail_in);
		if (result == Z_STREAM_END)
			complete_ = true;
		else if (result != Z_OK && result != Z_BUF_ERROR)
			throw Error(std::string("gzip: ") +
				    (stream_.msg ? stream_.msg : "bad data"));
		return to.size() - stream_.avail_out;
	}
	bool complete() const override { return complete_; }

private:
	// As gzip(1) has it, zeros may follow the last one.
	void begin_member(Packed &from)
	{
		while (!from.empty() && !from[0])
			from = from.subspan(1);
		if (from.empty())
			return;
		inflateReset(&stream_);
		complete_ = false;
	}

	z_stream stream_{};
	bool complete_ = false;
};

// RFC 8878: one frame after the other.
class Zstd : public Unpacker {
public:
	Zstd() : stream_(ZSTD_createDStream())
	{
		if (!stream_)
			throw Error("zstd: out of memory");
	}
	~Zstd() override { ZSTD_freeDStream(stream_); }

	std::size_t unpack(Packed &from, std::span<std::uint8_t> to) override
	{
		if (complete_ && from.empty())
			return 0;
		ZSTD_inBuffer in{from.data(), from.size(), 0};
		ZSTD_outBuffer out{to.data(), to.size(), 0};
		std::size_t result = ZSTD_decompressStream(stream_, &out, &in);
		if (ZSTD_isError(result))
			throw Error(std::string("zstd: ") + ZSTD_getErrorName(result));
		complete_ = !result;
		from = from.subspan(in.pos);
		return out.pos;
	}
	bool complete() const override { return complete_; }

private:
	ZSTD_DStream *stream_;
	bool complete_ = false;
};

std::unique_ptr<Unpacker> unpacker_for(const std::uint8_t *head)
{
	if (head[0] == 0x1f && head[1] == 0x8b)
		return std::make_unique<Gzip>();
	const std::uint32_t magic = load32(head);
	// a frame, or one that is to be skipped
	if (magic == 0x28b52ffd || (magic & 0xf0ffffff) == 0x502a4d18)
		return std::make_unique<Zstd>();
	return nullptr;
}

} // namespace

Input::Input(const std::string &path) : name_(path == "-" ? "standard input" : path)
{
	struct stat info;

	if (path == "-" && isatty(STDIN_FILENO))
		throw Error("standard input is a terminal: name a capture, or redirect one");
	descriptor_ = Descriptor(path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
					       ::open(path.c_str(), O_RDONLY | O_CLOEXEC),
				 name_.c_str());
	if (!fstat(descriptor_.get(), &info) && S_ISDIR(info.st_mode))
		throw Error(name_ + ": is a directory, not a capture");
}

Input::Input(Descriptor descriptor, const std::string &name)
	: name_(name), descriptor_(std::move(descriptor))
{
}

Input::~Input() = default;

std::size_t Input::read_raw(std::span<std::uint8_t> to)
{
	ssize_t count;

	do
		count = ::read(descriptor_.get(), to.data(), to.size());
	while (count < 0 && errno == EINTR);
	if (count < 0)
		error_ = std::strerror(errno);
	return count < 0 ? 0 : static_cast<std::size_t>(count);
}

// The first bytes say what the others are.
std::size_t Input::read_first(std::span<std::uint8_t> to)
{
	constexpr std::size_t MAGIC = 4;
	std::size_t count = 0, more = 1;

	begun_ = true;
	while (count < MAGIC && more)
		count += more = read_raw(to.subspan(count));
	if (count < MAGIC || !(unpacker_ = unpacker_for(to.data())))
		return count;
	packed_.assign(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(count));
	unpacker_->from = packed_;
	return read(to);
}

std::size_t Input::read(std::span<std::uint8_t> to)
{
	if (!error_.empty())
		return 0;
	if (!begun_)
		return read_first(to);
	if (!unpacker_)
		return read_raw(to);
	try {
		for (;;) {
			Unpacker::Packed &from = unpacker_->from;
			const std::size_t before = from.size();

			if (std::size_t count = unpacker_->unpack(from, to))
				return count;
			if (from.size() == before && before)
				throw Error("the packed data make no progress");
			if (!from.empty())
				continue;
			packed_.resize(PACKED);
			from = Unpacker::Packed(packed_).first(read_raw(packed_));
			if (from.empty())
				break;
		}
		if (error_.empty() && !unpacker_->complete())
			error_ = "the packed data end too early";
	} catch (const Error &error) {
		error_ = error.what();
	}
	return 0;
}

} // namespace dsr::replay
