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

			while (reader.next(frame)) {
				writer.write(reader, frame);
				packets++;
			}
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
			Bytes in = pcap_head(magic, order) +
				   record(ONE, order) + record({}, order) +
				   record(TWO, order, 999999, 1500);
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
	for (const Bytes &in : {
		pcap_head(MICRO, {}, RAW_IP, 0) + record(ONE),
		pcap_head(MICRO, {}, RAW_IP, 0xffffffff) + record(ONE),
		// packets longer than the file says that they are
		pcap_head(MICRO, {}, RAW_IP, 10) + record(ONE),
		pcap_head(MICRO, {true}, RAW_IP, 10) + record(ONE, {true}),
		pcap_head() + late,
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

TEST_CASE("replay: pcapng comes out as pcap with nanoseconds")
{
	for (Order order : {Order{false}, Order{true}}) {
		Copy copy(pcapng_head(order) + pcapng_packet(ONE, order) +
			  pcapng_packet(TWO, order));
		Bytes head(copy.output.begin(), copy.output.begin() + 8);
		Bytes body(copy.output.begin() + 24, copy.output.end());

		CHECK(copy.error == "");
		CHECK(head == cut_to(pcap_head(NANO), 8));
		CHECK(body == record(ONE, {}, 123456000) +
			      record(TWO, {}, 123456000));
	}
}

TEST_CASE("replay: a damaged capture is read up to the damage")
{
	Bytes whole = pcap_head() + record(ONE);
	Bytes long_record = record(TWO);
	long_record[11] = 0x7f;		// captured length
	struct {
		const char *name;
		Bytes tail;
	} cases[] = {
		{"within a record's header", cut_to(record(TWO), 7)},
		{"behind a record's header", cut_to(record(TWO), 16)},
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
		{{}, "found nothing, expected a capture"},
		{Bytes(100, 'x'), "byte 0: found no capture that can be read"},
		{cut_to(pcap_head(), 23), "byte 0: found no capture"},
		{cut_to(pcap_head(), 3), "byte 0: found no capture"},
		{cut_to(pcapng_head(), 20), "byte 0: found no capture"},
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
		CHECK_THROWS_AS(replay::CaptureWriter(directory / name, reader),
				Error);
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
	REQUIRE(reader.next(frame));
	CHECK_THROWS_AS(([&] {
		writer.write(reader, frame);
		writer.close();
	}()), Error);
}
