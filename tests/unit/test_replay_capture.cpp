// SPDX-License-Identifier: BSD-3-Clause
// Captures read and written again, and what is said of damaged ones.
#include "catch.hpp"

#include "replay/capture.hpp"
#include "replay_files.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

// What comes out of a capture that is read and written as it is.
struct Copy {
	explicit Copy(const Bytes &input)
	{
		Directory directory;
		Frame frame;

		save(directory / "in", input);
		try {
			replay::CaptureReader reader(directory / "in");
			replay::CaptureWriter writer(directory / "out", reader);

			while (reader.next(frame))
				packets++;
			// it stays at its end
			CHECK_FALSE(reader.next(frame));
			writer.close();
			damage = reader.damage();
		} catch (const Error &thrown) {
			error = thrown.what();
			error.erase(0, error.find(": ") + 2);
		}
		output = load(directory / "out");
	}

	Bytes output;
	unsigned int packets = 0;
	std::optional<replay::Damage> damage;
	std::string error;
};

const Bytes ONE = good(ip4()), TWO = good(ip6(TCP));

} // namespace

TEST_CASE("replay: captures come out as they went in")
{
	for (std::uint32_t magic : {MICRO, NANO})
		for (Order order : {Order{false}, Order{true}}) {
			Bytes in = pcap_head(magic, order) + record(ONE, order) +
				   record({}, order) + record(TWO, order, 999999, 1500);
			Copy copy(in);

			INFO(std::hex << magic << " " << order.swapped);
			CHECK(copy.error == "");
			CHECK(copy.packets == 3);
			CHECK_FALSE(copy.damage);
			CHECK(copy.output == in);
		}
}

TEST_CASE("replay: odd fields of a pcap file stay")
{
	// time stamps past 2038, and a fraction that is none
	Bytes late = record(ONE, {}, 4000000000);
	late[3] = 0xff;
	for (const Bytes &in :
	     {pcap_head(MICRO, {}, RAW_IP, 0) + record(ONE),
	      pcap_head(MICRO, {}, RAW_IP, 0xffffffff) + record(ONE),
	      // the FCS of Ethernet, four bytes, in the link type
	      pcap_head(MICRO, {}, 0x24000000 | ETHERNET) + record(Bytes(64)),
	      // records with three fields more
	      pcap_head(0xa1b2cd34) + cut_to(record(Bytes()), 8) + Order{}.number(20) +
		      Order{}.number(20) + Bytes(8) + Bytes(20),
	      // packets longer than the file says that they are
	      pcap_head(MICRO, {}, RAW_IP, 10) + record(ONE),
	      pcap_head(MICRO, {true}, RAW_IP, 10) + record(ONE, {true}), pcap_head() + late,
	      pcap_head(MICRO, {}, ETHERNET) + record(Bytes(14)),
	      pcap_head() + record(Bytes(200000, 0x45)),
	      // captured more than there was, as some writers have it
	      pcap_head() + record(ONE, {}, 0, 3)}) {
		Copy copy(in);

		CHECK(copy.error == "");
		CHECK(copy.packets == 1);
		CHECK(copy.output == in);
	}
	Bytes empty = pcap_head();
	CHECK(Copy(empty).output == empty);
}

TEST_CASE("replay: a damaged capture is read up to the damage")
{
	Bytes whole = pcap_head() + record(ONE);
	Bytes long_record = record(TWO);
	long_record[11] = 0x7f; // captured length
	struct {
		const char *name;
		Bytes tail;
	} cases[] = {
		{"within a record's header", cut_to(record(TWO), 7)},
		{"after a record's header", cut_to(record(TWO), 16)},
		{"within a packet", cut_to(record(TWO), 40)},
		{"a length that cannot be", long_record},
	};

	for (auto &test : cases) {
		Copy copy(whole + test.tail);

		INFO(test.name);
		CHECK(copy.packets == 1);
		REQUIRE(copy.damage);
		CHECK(copy.damage->offset == whole.size());
		CHECK(copy.damage->packets == 1);
		CHECK(copy.damage->message != "");
		CHECK(copy.output == whole);
	}

	Bytes ng = pcapng_head() + pcapng_packet(ONE);
	Copy copy(ng + cut_to(pcapng_packet(TWO), 30));
	REQUIRE(copy.damage);
	CHECK(copy.damage->offset == ng.size());
	CHECK(copy.packets == 1);
}

TEST_CASE("replay: what is no capture that can be read")
{
	struct {
		Bytes bytes;
		const char *error;
	} cases[] = {
		{{}, "is empty: no capture"},
		{Bytes(100, 'x'), "byte 0: no capture that can be read"},
		{cut_to(pcap_head(), 23), "byte 0: no capture"},
		{cut_to(pcap_head(), 3), "byte 0: no capture"},
		{cut_to(pcapng_head(), 20), "byte 0: no capture"},
		{pcap_head(MICRO, {}, WIFI),
		 "found link type 105 (IEEE802_11), expected one of EN10MB, "},
	};

	for (auto &test : cases) {
		Copy copy(test.bytes);

		INFO(copy.error);
		CHECK(copy.error.starts_with(test.error));
		CHECK(copy.output.empty());
	}
	CHECK_THROWS_AS(replay::CaptureReader("/nonexistent"), Error);
	CHECK_THROWS_AS(replay::CaptureReader("/"), Error);
}

TEST_CASE("replay: the lengths of old pcap files are in the other order")
{
	struct {
		std::uint16_t major, minor;
		std::uint32_t first, second, captured;
	} cases[] = {
		{2, 4, 20, 60, 20}, {2, 3, 20, 60, 20},	  {2, 3, 60, 20, 20},
		{2, 2, 60, 20, 20}, {543, 0, 60, 20, 20},
	};

	for (const auto &test : cases) {
		const Order order;
		const Bytes head = pcap_head();
		Bytes in = cut_to(head, 4) + order.half(test.major) + order.half(test.minor) +
			   Bytes(head.begin() + 8, head.end()) + Bytes(8) +
			   order.number(test.first) + order.number(test.second) + Bytes(20, 0x45);
		Directory directory;
		dsr::Frame frame;

		INFO(test.major << "." << test.minor);
		save(directory / "in", in);
		dsr::replay::CaptureReader reader(directory / "in");
		REQUIRE(reader.next(frame));
		CHECK(frame.captured == test.captured);
		CHECK(frame.length == 60);
		CHECK_FALSE(reader.next(frame));
		CHECK_FALSE(reader.damage());
	}
}

TEST_CASE("replay: a packet that is left out is all that is missing")
{
	const Bytes packets[] = {ONE, TWO, Bytes(70, 0x45)};

	// of three packets, those whose bits are set
	for (unsigned int kept = 0; kept < 8; kept++) {
		Bytes in = pcap_head(), out = in;
		Directory directory;
		dsr::Frame frame;

		for (unsigned int i = 0; i < 3; i++) {
			in = in + record(packets[i]);
			if (kept >> i & 1)
				out = out + record(packets[i]);
		}
		save(directory / "in", in);
		dsr::replay::CaptureReader reader(directory / "in");
		dsr::replay::CaptureWriter writer(directory / "out", reader);
		for (unsigned int i = 0; reader.next(frame); i++)
			if (!(kept >> i & 1))
				reader.leave_out();
		writer.close();
		INFO(kept);
		CHECK(load(directory / "out") == out);
	}
}

TEST_CASE("replay: a capture of many blocks, of which every other packet stays")
{
	Bytes in = pcap_head(), out = in;
	Directory directory;
	dsr::Frame frame;
	unsigned int number = 0;

	for (unsigned int i = 0; i < 8000; i++) {
		const Bytes one = record(Bytes(20 + i % 211, 0x45), {}, i);

		in.insert(in.end(), one.begin(), one.end());
		if (i % 2)
			out.insert(out.end(), one.begin(), one.end());
	}
	save(directory / "in", in);
	dsr::replay::CaptureReader reader(directory / "in");
	dsr::replay::CaptureWriter writer(directory / "out", reader);
	while (reader.next(frame))
		if (number++ % 2 == 0)
			reader.leave_out();
	writer.close();
	CHECK(number == 8000);
	CHECK((load(directory / "out") == out));
}

TEST_CASE("replay: the output may not be the input")
{
	Directory directory;
	Bytes in = pcap_head() + record(ONE);

	save(directory / "in", in);
	std::filesystem::create_hard_link(directory / "in", directory / "hard");
	std::filesystem::create_symlink(directory / "in", directory / "soft");
	replay::CaptureReader reader(directory / "in");
	for (const char *name : {"in", "hard", "soft"}) {
		INFO(name);
		CHECK_THROWS_AS(replay::CaptureWriter(directory / name, reader), Error);
	}
	CHECK(load(directory / "in") == in);
}

TEST_CASE("replay: a full disk is noticed")
{
	Directory directory;
	Frame frame;

	save(directory / "in", pcap_head() + record(ONE));
	replay::CaptureReader reader(directory / "in");
	replay::CaptureWriter writer("/dev/full", reader);
	CHECK_THROWS_AS(([&] {
				while (reader.next(frame))
					;
				writer.close();
			}()),
			Error);
}
