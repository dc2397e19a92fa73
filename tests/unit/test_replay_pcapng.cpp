// SPDX-License-Identifier: BSD-3-Clause
// pcapng as programs write it and as it may be, and packed captures. libpcap is
// the oracle: what it reads, the replayer reads, too.
#include "catch.hpp"

#include <pcap/pcap.h>
#include <zlib.h>
#include <zstd.h>

#include <unistd.h>

#include <random>

#include "common/link.hpp"
#include "replay/capture.hpp"
#include "replay_files.hpp"

using namespace replay_test;

namespace {

// One packet, as both read it.
struct Seen {
	Bytes bytes;
	std::uint32_t length;
	int link_type;

	bool operator==(const Seen &) const = default;
};

struct Read {
	std::vector<Seen> packets;
	std::optional<dsr::replay::Damage> damage;
	std::string error;
	Bytes output;
};

Read read(const Bytes &input)
{
	Directory directory;
	dsr::Frame frame;
	Read result;

	save(directory / "in", input);
	try {
		dsr::replay::CaptureReader reader(directory / "in");
		dsr::replay::CaptureWriter writer(directory / "out", reader);

		while (reader.next(frame))
			result.packets.push_back({Bytes(frame.data, frame.data + frame.captured),
						  frame.length, frame.interface->link_type});
		writer.close();
		result.damage = reader.damage();
	} catch (const dsr::Error &thrown) {
		result.error = thrown.what();
	}
	result.output = load(directory / "out");
	return result;
}

// By libpcap. Of a pcap file, without its snapshot length: libpcap cuts longer
// packets, which some writers make.
std::vector<Seen> read_by_libpcap(Bytes input)
{
	char message[PCAP_ERRBUF_SIZE];
	std::vector<Seen> packets;
	pcap_pkthdr *header;
	const u_char *data;

	if (input.size() >= 24 && input[0] != 0x0a)
		std::fill_n(input.begin() + 16, 4, 0);
	std::FILE *file = fmemopen(input.data(), input.size(), "rb");
	pcap_t *pcap = file ? pcap_fopen_offline(file, message) : nullptr;
	if (!pcap) {
		if (file)
			std::fclose(file);
		return packets;
	}
	// bits that readers are to ignore, libpcap takes for a part of the type
	int link = pcap_datalink(pcap);
	if (link > 0xffff)
		link = dsr::link_of(link & 0xffffU);
	while (pcap_next_ex(pcap, &header, &data) == 1)
		packets.push_back({Bytes(data, data + header->caplen),
				   std::max(header->len, header->caplen), link});
	pcap_close(pcap);
	return packets;
}

constexpr std::uint32_t SECTION = 0x0a0d0d0a, INTERFACE = 1, OLD_PACKET = 2, SIMPLE_PACKET = 3,
			NAMES = 4, STATISTICS = 5, PACKET = 6, SECRETS = 10, UNKNOWN = 0x40000bad;

Bytes option(std::uint16_t code, Bytes value, Order order = {})
{
	const auto size = static_cast<std::uint16_t>(value.size());

	value.resize((value.size() + 3) & ~std::size_t{3});
	return order.half(code) + order.half(size) + value;
}

Bytes section(Order order = {}, const Bytes &options = {})
{
	return pcapng_block(SECTION,
			    order.number(0x1a2b3c4d) + order.half(1) + order.half(0) +
				    Bytes(8, 0xff) + options,
			    order);
}

Bytes interface(std::uint32_t link, std::uint32_t snaplen, Order order = {},
		const Bytes &options = {})
{
	return pcapng_block(INTERFACE,
			    order.half(static_cast<std::uint16_t>(link)) + order.half(0) +
				    order.number(snaplen) + options,
			    order);
}

Bytes packet_of(std::uint32_t number, const Bytes &packet, Order order = {},
		const Bytes &options = {}, std::uint32_t wire = 0)
{
	const auto size = static_cast<std::uint32_t>(packet.size());
	Bytes padded = packet;

	padded.resize((size + 3) & ~3U);
	return pcapng_block(PACKET,
			    order.number(number) + order.number(1) + order.number(2) +
				    order.number(size) + order.number(wire ? wire : size) + padded +
				    options,
			    order);
}

Bytes simple_packet(const Bytes &packet, std::uint32_t wire, Order order = {})
{
	return pcapng_block(SIMPLE_PACKET, order.number(wire) + packet, order);
}

Bytes old_packet(std::uint16_t number, const Bytes &packet, Order order = {})
{
	const auto size = static_cast<std::uint32_t>(packet.size());

	return pcapng_block(OLD_PACKET,
			    order.half(number) + order.half(7) + order.number(1) + order.number(2) +
				    order.number(size) + order.number(size) + packet,
			    order);
}

const Bytes ONE = good(ip4()), TWO = good(ip6(TCP)), FRAMED = Bytes(12, 2) + be16(0x800) + ONE;

} // namespace

TEST_CASE("replay: pcapng comes out as it went in, every block of it")
{
	for (Order order : {Order{false}, Order{true}}) {
		const Bytes in = section(order,
					 option(1, Bytes(5, 'c'), order) + option(0, {}, order)) +
				 pcapng_block(SECRETS, Bytes(40, 's'), order) +
				 interface(RAW_IP, 65535, order,
					   option(2, {'e', 't', 'h', '0'}, order) +
						   option(9, {9}, order) + option(0, {}, order)) +
				 pcapng_block(NAMES, order.half(0) + order.half(0), order) +
				 packet_of(0, ONE, order, option(1, Bytes(9, 'p'), order)) +
				 simple_packet(TWO, static_cast<std::uint32_t>(TWO.size()), order) +
				 old_packet(0, ONE, order) +
				 pcapng_block(STATISTICS, Bytes(12), order) +
				 pcapng_block(UNKNOWN, Bytes(300000, 'u'), order) +
				 packet_of(0, TWO, order, {}, 1500) +
				 pcapng_block(UNKNOWN, {}, order);
		const Read found = read(in);

		CHECK(found.error == "");
		CHECK_FALSE(found.damage);
		REQUIRE(found.packets.size() == 4);
		CHECK(found.packets[0].bytes == ONE);
		CHECK(found.packets[1].bytes == TWO);
		CHECK(found.packets[3].length == 1500);
		CHECK((found.output == in));
		CHECK((found.packets == read_by_libpcap(in)));
	}
}

// dumpcap -i a -i b, mergecap, cat: libpcap reads none of these
TEST_CASE("replay: interfaces of one file need not be alike")
{
	const Order other{true};
	struct {
		const char *name;
		Bytes bytes;
		std::vector<Seen> packets;
	} cases[] = {
		{"two snapshot lengths",
		 section() + interface(RAW_IP, 65535) + interface(RAW_IP, 96) + packet_of(0, ONE) +
			 packet_of(1, TWO),
		 {{ONE, 38, DLT_RAW}, {TWO, 70, DLT_RAW}}},
		{"an interface that comes later",
		 section() + interface(RAW_IP, 65535) + packet_of(0, ONE) + interface(RAW_IP, 0) +
			 packet_of(1, TWO),
		 {{ONE, 38, DLT_RAW}, {TWO, 70, DLT_RAW}}},
		{"two link types",
		 section() + interface(ETHERNET, 0) + interface(RAW_IP, 0) + packet_of(1, ONE) +
			 packet_of(0, FRAMED),
		 {{ONE, 38, DLT_RAW}, {FRAMED, 52, DLT_EN10MB}}},
		{"one whose type is not known here",
		 section() + interface(WIFI, 0) + interface(RAW_IP, 0) + packet_of(0, FRAMED) +
			 packet_of(1, ONE),
		 {{FRAMED, 52, DLT_IEEE802_11}, {ONE, 38, DLT_RAW}}},
		{"two sections, each with its own interfaces",
		 section() + interface(ETHERNET, 0) + packet_of(0, FRAMED) + section() +
			 interface(RAW_IP, 0) + packet_of(0, ONE),
		 {{FRAMED, 52, DLT_EN10MB}, {ONE, 38, DLT_RAW}}},
		{"two sections of different byte orders",
		 section() + interface(RAW_IP, 0) + packet_of(0, ONE) + section(other) +
			 interface(RAW_IP, 0, other) + packet_of(0, TWO, other),
		 {{ONE, 38, DLT_RAW}, {TWO, 70, DLT_RAW}}},
		{"a snapshot length for a packet without one of its own",
		 section() + interface(RAW_IP, 20) + simple_packet(cut_to(ONE, 20), 38),
		 {{cut_to(ONE, 20), 38, DLT_RAW}}},
		{"longer than the snapshot length says",
		 section() + interface(RAW_IP, 20) + packet_of(0, ONE),
		 {{ONE, 38, DLT_RAW}}},
	};

	for (const auto &test : cases) {
		const Read found = read(test.bytes);

		INFO(test.name);
		CHECK(found.error == "");
		CHECK_FALSE(found.damage);
		CHECK((found.packets == test.packets));
		CHECK((found.output == test.bytes));
	}
}

TEST_CASE("replay: frames say how long their check sequence is")
{
	struct {
		const char *name;
		Bytes bytes;
		unsigned int fcs;
	} cases[] = {
		{"none", section() + interface(ETHERNET, 0) + packet_of(0, FRAMED), 0},
		{"in bytes",
		 section() + interface(ETHERNET, 0, {}, option(13, {4})) + packet_of(0, FRAMED), 4},
		{"in bits",
		 section() + interface(ETHERNET, 0, {}, option(13, {32})) + packet_of(0, FRAMED),
		 4},
		{"by the packet",
		 section() + interface(ETHERNET, 0) +
			 packet_of(0, FRAMED, {}, option(2, Order{}.number(2 << 5))),
		 2},
		{"pcap", pcap_head(MICRO, {}, 0x24000000 | ETHERNET) + record(FRAMED), 4},
		{"pcap, length not valid",
		 pcap_head(MICRO, {}, 0x20000000 | ETHERNET) + record(FRAMED), 0},
	};

	for (const auto &test : cases) {
		Directory directory;
		dsr::Frame frame;

		INFO(test.name);
		save(directory / "in", test.bytes);
		dsr::replay::CaptureReader reader(directory / "in");
		REQUIRE(reader.next(frame));
		CHECK(frame.fcs == test.fcs);
		CHECK(frame.length == FRAMED.size());
	}
}

TEST_CASE("replay: damaged pcapng is read up to the damage")
{
	const Bytes before = section() + interface(RAW_IP, 0) + packet_of(0, ONE);
	Bytes other_end = packet_of(0, TWO), other_mark = section();
	other_end[other_end.size() - 4] ^= 4;
	other_mark[8] ^= 1;
	struct {
		const char *name, *message;
		Bytes tail;
	} cases[] = {
		{"within a head", "within the head of a block", Bytes(7, 6)},
		{"within a packet", "within a block", cut_to(packet_of(0, TWO), 50)},
		{"within another block", "within a block",
		 cut_to(pcapng_block(UNKNOWN, Bytes(99)), 60)},
		{"a block that is too short", "a block of 8 bytes",
		 Order{}.number(UNKNOWN) + Order{}.number(8)},
		{"a block by the byte", "a block of 13 bytes",
		 Order{}.number(UNKNOWN) + Order{}.number(13) + Bytes(99)},
		{"a packet's block that is too large", "expected at most 16777216",
		 Order{}.number(PACKET) + Order{}.number(0x7ffffffc)},
		{"a packet's block that is too short", "expected at least 32",
		 pcapng_block(PACKET, Bytes(12))},
		{"another length at the end", "at its end", other_end},
		{"an interface that nobody described", "of interface 1, of 1", packet_of(1, TWO)},
		{"a packet longer than its block", "a packet of 1000 captured bytes",
		 pcapng_block(PACKET,
			      Bytes(12) + Order{}.number(1000) + Order{}.number(1000) + TWO)},
		{"a section without a mark", "without its byte order mark", other_mark},
		{"an interface's option", "does not end within its block",
		 interface(RAW_IP, 0, {}, Order{}.half(2) + Order{}.half(9))},
		{"a packet before its section's interfaces", "of interface 0, of 0",
		 section() + packet_of(0, TWO)},
	};

	for (const auto &test : cases) {
		const Read found = read(before + test.tail);

		INFO(test.name);
		CHECK(found.error == "");
		REQUIRE(found.damage);
		INFO(found.damage->message);
		CHECK(found.damage->message.find(test.message) != std::string::npos);
		CHECK(found.damage->packets == 1);
		CHECK(found.packets.size() == 1);
		CHECK(found.damage->offset >= before.size());
		CHECK(found.output ==
		      Bytes(before + cut_to(test.tail, found.damage->offset - before.size())));
	}
}

// Random files of both kinds, with errors in some.
TEST_CASE("replay: what libpcap reads of a file is what is read")
{
	std::mt19937 random(26);
	unsigned int packets = 0, damaged = 0;

	for (int i = 0; i < 3000; i++) {
		const Order order{random() % 4 == 0};
		const bool pcapng = random() % 3 != 0;
		Bytes in;

		if (pcapng)
			in = section(order) + interface(RAW_IP, random() % 2 ? 0 : 2000, order);
		else
			in = pcap_head(random() % 2 ? MICRO : NANO, order);
		for (std::uint32_t j = random() % 8; j; j--) {
			Bytes packet(random() % 90);

			for (std::uint8_t &byte : packet)
				byte = static_cast<std::uint8_t>(random());
			if (!pcapng)
				in = in + record(packet, order, random() % 1000000,
						 packet.size() + random() % 9);
			else if (random() % 4 == 0)
				in = in + pcapng_block(4 + random() % 2 * 6, packet, order);
			else if (random() % 4 == 0)
				in = in + old_packet(0, packet, order);
			else
				in = in + packet_of(0, packet, order);
		}
		for (std::uint32_t j = random() % 3 ? 0 : random() % 4; j; j--)
			in[random() % in.size()] ^= static_cast<std::uint8_t>(1 << random() % 8);
		if (random() % 4 == 0)
			in.resize(random() % (in.size() + 1));

		const Read found = read(in);
		const std::vector<Seen> expected = read_by_libpcap(in);
		if (found.error.find("found link type") != std::string::npos) {
			for (const Seen &seen : expected)
				REQUIRE_FALSE(dsr::link_known(seen.link_type));
			continue;
		}
		packets += static_cast<unsigned int>(expected.size());
		damaged += found.damage.has_value();
		INFO("file " << i << ": " << found.error);
		REQUIRE(found.packets.size() >= expected.size());
		REQUIRE(std::equal(expected.begin(), expected.end(), found.packets.begin()));
		if (!found.error.empty())
			continue;
		REQUIRE((found.output ==
			 cut_to(in, found.damage ? static_cast<std::size_t>(found.damage->offset) :
						   in.size())));
	}
	CHECK(packets > 5000);
	CHECK(damaged > 200);
}

namespace {

Bytes gzip(const Bytes &bytes)
{
	Bytes packed(compressBound(bytes.size()) + 64);
	z_stream stream{};

	REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_in = const_cast<Bytef *>(bytes.data());
	stream.avail_in = static_cast<uInt>(bytes.size());
	stream.next_out = packed.data();
	stream.avail_out = static_cast<uInt>(packed.size());
	REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	packed.resize(stream.total_out);
	deflateEnd(&stream);
	return packed;
}

Bytes zstd(const Bytes &bytes)
{
	Bytes packed(ZSTD_compressBound(bytes.size()));
	const std::size_t size = ZSTD_compress(packed.data(), packed.size(), bytes.data(),
					       bytes.size(), 3);

	REQUIRE_FALSE(ZSTD_isError(size));
	packed.resize(size);
	return packed;
}

} // namespace

TEST_CASE("replay: packed captures are unpacked")
{
	Bytes in = pcap_head(), half;
	std::mt19937 random(1);

	for (int i = 0; i < 3000; i++) {
		Bytes packet = ONE;

		packet[25] = static_cast<std::uint8_t>(random());
		in = in + record(packet);
		if (i == 1000)
			half = in;
	}
	const Bytes rest(in.begin() + static_cast<std::ptrdiff_t>(half.size()), in.end());
	// so does pzstd
	const Bytes skippable = Bytes{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};

	for (const Bytes &packed : {gzip(in), gzip(half) + gzip(rest), gzip(in) + Bytes(100),
				    zstd(in), zstd(half) + zstd(rest), skippable + zstd(in)}) {
		const Read found = read(packed);

		CHECK(found.error == "");
		CHECK_FALSE(found.damage);
		CHECK(found.packets.size() == 3000);
		CHECK((found.output == in));
	}
	const struct {
		Bytes bytes;
		const char *message;
	} broken[] = {
		{cut_to(gzip(in), gzip(in).size() - 20), "too early"},
		{gzip(in) + Bytes(3, 'x'), "gzip: "},
		{cut_to(zstd(in), zstd(in).size() - 20), "too early"},
		{zstd(in) + Bytes(9, 'x'), "zstd: "},
	};
	for (const auto &test : broken) {
		const Read found = read(test.bytes);

		CHECK(found.error == "");
		REQUIRE(found.damage);
		CHECK(found.damage->message.find(test.message) != std::string::npos);
		CHECK((found.output == cut_to(in, static_cast<std::size_t>(found.damage->offset))));
	}
	CHECK(read(gzip({})).error.find("is empty") != std::string::npos);
	CHECK(read(gzip(Bytes(50, 'x'))).error.find("byte 0") != std::string::npos);
}

// A program at the other end of a pipe need not wait for a full block.
TEST_CASE("replay: a packet that has come through a pipe has been written")
{
	int in[2], out[2];
	dsr::Frame frame;
	std::uint8_t buffer[200];
	const Bytes head = pcap_head(), one = record(ONE);

	REQUIRE(pipe(in) == 0);
	REQUIRE(pipe(out) == 0);
	auto send = [&](const Bytes &bytes) {
		REQUIRE(write(in[1], bytes.data(), bytes.size()) ==
			static_cast<ssize_t>(bytes.size()));
	};
	send(head + one + cut_to(one, 20));
	{
		dsr::replay::CaptureReader reader(dsr::Descriptor(in[0]), "pipe");
		dsr::replay::CaptureWriter writer("/dev/fd/" + std::to_string(out[1]), reader);

		REQUIRE(reader.next(frame));
		send(Bytes(one.begin() + 20, one.end()));
		REQUIRE(reader.next(frame));
		const Bytes expected = head + one;
		REQUIRE(::read(out[0], buffer, sizeof(buffer)) ==
			static_cast<ssize_t>(expected.size()));
		CHECK(Bytes(buffer, buffer + expected.size()) == expected);
	}
	for (int descriptor : {in[1], out[0], out[1]})
		close(descriptor);
}
