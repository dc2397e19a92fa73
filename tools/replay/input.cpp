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
	struct Packed {
		const std::uint8_t *data;
		std::size_t size;
	};

	virtual ~Unpacker() = default;
	// Takes bytes from @from, and returns how many it put to @to. With
	// neither, it needs more. Throws Error.
	virtual std::size_t unpack(Packed &from, std::uint8_t *to,
				   std::size_t size) = 0;
	// May the file end here?
	virtual bool complete() const = 0;

	Packed from{};
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

	std::size_t unpack(Packed &from, std::uint8_t *to,
			   std::size_t size) override
	{
		if (complete_)
			begin_member(from);
		if (complete_)
			return 0;
		stream_.next_in = const_cast<Bytef *>(from.data);
		stream_.avail_in = static_cast<uInt>(from.size);
		stream_.next_out = to;
		stream_.avail_out = static_cast<uInt>(size);
		int result = inflate(&stream_, Z_NO_FLUSH);
		from = {stream_.next_in, stream_.avail_in};
		if (result == Z_STREAM_END)
			complete_ = true;
		else if (result != Z_OK && result != Z_BUF_ERROR)
			throw Error(std::string("gzip: ") +
				    (stream_.msg ? stream_.msg : "bad data"));
		return size - stream_.avail_out;
	}
	bool complete() const override { return complete_; }

private:
	// As gzip(1) has it, zeros may follow the last one.
	void begin_member(Packed &from)
	{
		while (from.size && !*from.data) {
			from.data++;
			from.size--;
		}
		if (!from.size)
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

	std::size_t unpack(Packed &from, std::uint8_t *to,
			   std::size_t size) override
	{
		if (complete_ && !from.size)
			return 0;
		ZSTD_inBuffer in{from.data, from.size, 0};
		ZSTD_outBuffer out{to, size, 0};
		std::size_t result = ZSTD_decompressStream(stream_, &out, &in);
		if (ZSTD_isError(result))
			throw Error(std::string("zstd: ") +
				    ZSTD_getErrorName(result));
		complete_ = !result;
		from = {from.data + in.pos, from.size - in.pos};
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

Input::Input(const std::string &path)
	: name_(path == "-" ? "standard input" : path)
{
	struct stat info;

	if (path == "-" && isatty(STDIN_FILENO))
		throw Error("standard input: found a terminal, expected a capture");
	descriptor_ = Descriptor(
		path == "-" ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
			      ::open(path.c_str(), O_RDONLY | O_CLOEXEC),
		name_.c_str());
	if (!fstat(descriptor_.get(), &info) && S_ISDIR(info.st_mode))
		throw Error(name_ + ": found a directory, expected a capture");
}

Input::Input(Descriptor descriptor, const std::string &name)
	: name_(name), descriptor_(std::move(descriptor))
{
}

Input::~Input() = default;

std::size_t Input::read_raw(std::uint8_t *to, std::size_t size)
{
	ssize_t count;

	do
		count = ::read(descriptor_.get(), to, size);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		error_ = std::strerror(errno);
	return count < 0 ? 0 : static_cast<std::size_t>(count);
}

// The first bytes say what the others are.
std::size_t Input::read_first(std::uint8_t *to, std::size_t size)
{
	constexpr std::size_t MAGIC = 4;
	std::size_t count = 0, more = 1;

	begun_ = true;
	while (count < MAGIC && more)
		count += more = read_raw(to + count, size - count);
	if (count < MAGIC || !(unpacker_ = unpacker_for(to)))
		return count;
	packed_.assign(to, to + count);
	unpacker_->from = {packed_.data(), packed_.size()};
	return read(to, size);
}

std::size_t Input::read(std::uint8_t *to, std::size_t size)
{
	if (!error_.empty())
		return 0;
	if (!begun_)
		return read_first(to, size);
	if (!unpacker_)
		return read_raw(to, size);
	try {
		for (;;) {
			Unpacker::Packed &from = unpacker_->from;
			const std::size_t before = from.size;

			if (std::size_t count = unpacker_->unpack(from, to, size))
				return count;
			if (from.size == before && before)
				throw Error("the packed data make no progress");
			if (from.size)
				continue;
			packed_.resize(PACKED);
			from = {packed_.data(),
				read_raw(packed_.data(), packed_.size())};
			if (!from.size)
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
