// SPDX-License-Identifier: BSD-3-Clause
// The checksums of a packet follow its destination, for all values that they
// can have.
#include "catch.hpp"

#include <random>

#include "host.hpp"
#include "packets.hpp"

using oracle::Bytes;

namespace {

struct Change {
	const char *name;
	Bytes from, to;
};

Bytes six(std::initializer_list<std::uint8_t> tail)
{
	Bytes address = {0x20, 1, 0xd, 0xb8};

	address.resize(16 - tail.size());
	return oracle::join({address, tail});
}

const Change changes[] = {
	{"usual", {10, 128, 9, 31}, {10, 128, 8, 46}},
	{"by one", {10, 0, 0, 1}, {10, 0, 0, 2}},
	{"back by one", {10, 0, 0, 2}, {10, 0, 0, 1}},
	{"a carry out of the low byte", {10, 0, 0, 255}, {10, 0, 1, 0}},
	{"lowest to highest", {0, 0, 0, 1}, {255, 255, 255, 255}},
	{"highest to lowest", {255, 255, 255, 255}, {0, 0, 0, 1}},
	{"halves swapped: no change", {1, 2, 3, 4}, {3, 4, 1, 2}},
	{"ffff to nothing: no change", {1, 2, 255, 255}, {1, 2, 0, 0}},
	{"nothing to ffff: no change", {1, 2, 0, 0}, {1, 2, 255, 255}},
	{"IPv6", six({9, 0, 0x31}), six({0, 0, 0x46})},
	{"IPv6, all ones", six({1}), Bytes(16, 0xff)},
	{"IPv6, from all ones", Bytes(16, 0xff), six({1})},
	{"IPv6, every word", Bytes(16, 0x12), Bytes(16, 0xed)},
};

// The word that beside @address makes the checksum of both @check.
Bytes beside(const Bytes &address, std::uint32_t check)
{
	std::uint32_t rest = oracle::sum(address);

	return oracle::be16((0xffff - check + 0xffff - rest) % 0xffff);
}

// What a sender would write for the whole after the change.
std::uint16_t recomputed(const Change &change, std::uint32_t check)
{
	return oracle::checksum(oracle::join({beside(change.from, check), change.to}));
}

std::string describe(const Change &change, std::uint32_t check, std::uint32_t found,
		     std::uint32_t expected)
{
	return std::string(change.name) + ": checksum " + oracle::hex(oracle::be16(check)) +
	       " becomes " + oracle::hex(oracle::be16(found)) + ", expected " +
	       oracle::hex(oracle::be16(expected)) + "; " + oracle::hex(change.from) + " to " +
	       oracle::hex(change.to);
}

} // namespace

TEST_CASE("the header checksum follows the address, for all its values")
{
	for (const Change &change : changes) {
		if (change.from.size() != 4)
			continue;
		Bytes before = packets::ip4(change.from, packets::GRE, {});
		for (std::uint32_t check = 0; check <= 0xffff; check++) {
			oracle::put16(before, DADDR_IP4_CHECK, check);
			std::uint16_t found = oracle::get16(
				host::rewrite(4, before, change.to).after, DADDR_IP4_CHECK);
			std::uint16_t expected = recomputed(change, check);
			if (found != expected)
				FAIL(describe(change, check, found, expected));
		}
	}
	SUCCEED();
}

TEST_CASE("the field of each protocol, for all its values")
{
	struct Row {
		std::uint8_t protocol;
		bool zero_is_none, zero_is_ffff;
	};
	const Row rows[] = {
		{packets::UDP, true, true},	 {packets::UDPLITE, false, true},
		{packets::TCP, false, false},	 {packets::DCCP, false, false},
		{packets::ICMPV6, false, false},
	};

	for (const Row &row : rows)
		for (const Change &change : changes) {
			if (packets::checksum_at(row.protocol, change.from.size()) < 0)
				continue;
			host::Field field(change.from, row.protocol, 80);
			for (std::uint32_t check = 0; check <= 0xffff; check++) {
				std::uint16_t found = field.rewrite(check, change.to);
				std::uint16_t expected = recomputed(change, check);
				if (!expected && row.zero_is_ffff)
					expected = 0xffff;
				if (!check && row.zero_is_none)
					expected = 0;
				if (found != expected)
					FAIL("protocol "
					     << int(row.protocol) << ", "
					     << describe(change, check, found, expected));
			}
		}
	SUCCEED();
}

TEST_CASE("a seed for hardware follows as a sum, for all its values")
{
	const std::uint8_t protocols[] = {packets::TCP, packets::UDP, packets::UDPLITE,
					  packets::DCCP, packets::ICMPV6};

	for (std::uint8_t protocol : protocols)
		for (const Change &change : changes) {
			if (packets::checksum_at(protocol, change.from.size()) < 0)
				continue;
			host::Field field(change.from, protocol, 80);
			for (std::uint32_t seed = 0; seed <= 0xffff; seed++) {
				std::uint16_t found = field.rewrite(seed, change.to, 1);
				std::uint16_t expected = oracle::sum(oracle::join(
					{beside(change.from, 0xffff - seed), change.to}));
				if (found != expected)
					FAIL("protocol "
					     << int(protocol) << ", "
					     << describe(change, seed, found, expected));
			}
		}
	SUCCEED();
}

TEST_CASE("a checksum follows any change of address")
{
	// also long runs of ones: they make the carries
	std::mt19937 random(1624);
	auto draw = [&random](std::size_t size) {
		Bytes address(size);
		const std::uint32_t kind = random() % 4;

		for (std::uint8_t &byte : address)
			byte = static_cast<std::uint8_t>(kind == 0 || (kind == 1 && random() % 4) ?
								 0xff :
							 kind == 2 && random() % 4 ? 0 :
										     random());
		return address;
	};

	for (int i = 0; i < 100000; i++) {
		const std::size_t size = i & 1 ? 4 : 16;
		Change change = {"drawn", draw(size), draw(size)};
		const std::uint32_t check = random() % 0x10000;
		if (change.from == change.to)
			continue;
		host::Field field(change.from, packets::TCP, 80);
		std::uint16_t found = field.rewrite(check, change.to);
		if (found != recomputed(change, check))
			FAIL(describe(change, check, found, recomputed(change, check)));
	}
}

TEST_CASE("a checksum stays by which bits it is written when the sum stays")
{
	// equal addresses: 0 and 0xffff stay what they are, whatever else changes
	for (std::uint32_t check : {0U, 0xffffU, 0x1234U}) {
		Bytes before = packets::ip4({10, 128, 8, 46}, packets::TCP,
					    packets::transport(packets::TCP, {10, 128, 8, 46}, {}));
		oracle::put16(before, DADDR_IP4_CHECK, check);
		Bytes after = host::rewrite(4, before, {10, 128, 8, 46}, host::Reading::direct, 0,
					    443)
				      .after;
		CHECK(oracle::get16(after, DADDR_IP4_CHECK) == check);
	}
}
