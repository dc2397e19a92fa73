// SPDX-License-Identifier: BSD-3-Clause
// The arithmetic of daddr_rewrite.h, on all values that 16 bits have.
#include "catch.hpp"

#include <cstring>
#include <random>

#include "daddr_rewrite.h"
#include "oracle.hpp"
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

// The value whose bytes in memory are those of the big-endian @value.
std::uint16_t on_wire(std::uint32_t value)
{
	Bytes bytes = oracle::be16(value);
	std::uint16_t native;

	std::memcpy(&native, bytes.data(), 2);
	return native;
}

std::uint16_t from_wire(std::uint16_t native)
{
	Bytes bytes(2);

	std::memcpy(bytes.data(), &native, 2);
	return oracle::get16(bytes, 0);
}

// The word that beside @address makes the checksum of both @check.
Bytes beside(const Bytes &address, std::uint32_t check)
{
	std::uint32_t rest = oracle::sum(address);

	return oracle::be16((0xffff - check + 0xffff - rest) % 0xffff);
}

std::uint16_t delta_of(const Change &change)
{
	return daddr_delta(change.from.data(), change.to.data(),
			   static_cast<unsigned int>(change.from.size()));
}

// What a sender would write for the whole after the change.
std::uint16_t recomputed(const Change &change, std::uint32_t check)
{
	return oracle::checksum(oracle::join({beside(change.from, check),
					      change.to}));
}

std::string describe(const Change &change, std::uint32_t check,
		     std::uint32_t found, std::uint32_t expected)
{
	return std::string(change.name) + ": checksum " +
		oracle::hex(oracle::be16(check)) + " becomes " +
		oracle::hex(oracle::be16(found)) + ", expected " +
		oracle::hex(oracle::be16(expected)) + "; " +
		oracle::hex(change.from) + " to " + oracle::hex(change.to);
}

// What folding must give: the remainder modulo 2^n - 1, of which 0 is written
// as all ones unless nothing was summed.
std::uint64_t remainder(std::uint64_t sum, std::uint64_t ones)
{
	return !sum ? 0 : sum % ones ? sum % ones : ones;
}

} // namespace

TEST_CASE("a checksum follows a change of address, for all its values")
{
	for (const Change &change : changes) {
		std::uint16_t delta = delta_of(change);
		for (std::uint32_t check = 0; check <= 0xffff; check++) {
			std::uint16_t found = from_wire(daddr_csum_add(
				on_wire(check), delta));
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
		{packets::UDP, true, true}, {packets::UDPLITE, false, true},
		{packets::TCP, false, false}, {packets::DCCP, false, false},
		{packets::ICMPV6, false, false},
	};

	for (const Row &row : rows)
		for (const Change &change : changes) {
			std::uint16_t delta = delta_of(change);
			for (std::uint32_t check = 0; check <= 0xffff;
			     check++) {
				Bytes field = oracle::join({{0x5a},
					oracle::be16(check), {0xa5}});
				int kept = daddr_update_csum(
					&field[1], row.protocol, delta, 0,
					0);
				std::uint16_t expected =
					recomputed(change, check);
				if (!expected && row.zero_is_ffff)
					expected = 0xffff;
				bool none = !check && row.zero_is_none;
				if (none)
					expected = 0;
				if (kept != (none ? 0 : 1) ||
				    oracle::get16(field, 1) != expected ||
				    field[0] != 0x5a || field[3] != 0xa5)
					FAIL("protocol " << int(row.protocol)
					     << ", returned " << kept << ", "
					     << describe(change, check,
						oracle::get16(field, 1),
						expected));
			}
		}
	SUCCEED();
}

TEST_CASE("a seed for hardware follows as a sum, for all its values")
{
	const std::uint8_t protocols[] = {packets::TCP, packets::UDP,
					  packets::UDPLITE, packets::DCCP,
					  packets::ICMPV6};

	for (std::uint8_t protocol : protocols)
		for (const Change &change : changes) {
			std::uint16_t delta = delta_of(change);
			for (std::uint32_t seed = 0; seed <= 0xffff; seed++) {
				Bytes field = oracle::be16(seed);
				int kept = daddr_update_csum(
					field.data(), protocol, delta, 0,
					1);
				std::uint16_t found = oracle::get16(field, 0);
				std::uint16_t expected = oracle::sum(
					oracle::join({beside(change.from,
							     0xffff - seed),
						      change.to}));
				if (kept != 1 || found != expected)
					FAIL("protocol " << int(protocol)
					     << ", returned " << kept << ", "
					     << describe(change, seed, found,
							 expected));
			}
		}
	SUCCEED();
}

TEST_CASE("folding keeps the remainder")
{
	const std::uint64_t edges[] = {
		0, 1, 0x7fff, 0xfffe, 0xffff, 0x10000, 0x10001, 0x1fffe,
		0x1ffff, 0x20000, 0xfffe0001, 0xfffeffff, 0xffff0000,
		0xffff0001, 0xfffffffe, 0xffffffff, 0x100000000,
		0x100000001, 0x1fffffffe, 0x1ffffffff, 0x200000000,
		0x7fffffffffffffff, 0xfffffffe00000001, 0xfffffffe00000002,
		0xfffffffeffffffff, 0xffffffff00000000, 0xffffffff00000001,
		0xfffffffffffffffe, 0xffffffffffffffff,
	};
	std::mt19937_64 random(1071);

	for (std::uint64_t sum : edges) {
		INFO("sum " << sum);
		CHECK(daddr_fold32(sum) == remainder(sum, 0xffffffff));
		CHECK(daddr_fold16(static_cast<std::uint32_t>(sum)) ==
		      remainder(sum & 0xffffffff, 0xffffU));
	}
	for (int i = 0; i < 100000; i++) {
		// any length, and long runs of ones
		std::uint64_t sum = random() >> random() % 64;
		if (i & 1)
			sum |= random() | random() | random();
		std::uint32_t half = static_cast<std::uint32_t>(sum);
		if (daddr_fold32(sum) != remainder(sum, 0xffffffff) ||
		    daddr_fold16(half) !=
			    remainder(std::uint64_t(half), 0xffffU))
			FAIL("sum " << sum << " folds to " << daddr_fold32(sum)
			     << ", and " << half << " to "
			     << daddr_fold16(half));
	}
}

TEST_CASE("the delta of two addresses")
{
	std::mt19937 random(1624);
	Bytes from(17), to(17);

	for (int i = 0; i < 20000; i++) {
		for (std::size_t at = 0; at < from.size(); at++) {
			from[at] = static_cast<std::uint8_t>(random());
			to[at] = static_cast<std::uint8_t>(random());
		}
		// at an odd address, and what follows is not looked at
		for (unsigned int length : {4U, 16U}) {
			Bytes f(from.begin() + 1, from.begin() + 1 + length);
			Bytes t(to.begin() + 1, to.begin() + 1 + length);
			std::uint32_t expected = oracle::sum(t) + 0xffffU -
				oracle::sum(f);
			std::uint16_t found = from_wire(
				daddr_delta(&from[1], &to[1], length));
			if (found % 0xffff != expected % 0xffff)
				FAIL(oracle::hex(f) << " to " << oracle::hex(t)
				     << ": " << found);
		}
	}
}

TEST_CASE("the delta is 0 for equal addresses, not for those of the same sum")
{
	const std::vector<Change> same_sum = {
		{"halves exchanged", {10, 128, 9, 31}, {9, 31, 10, 128}},
		{"0xffff apart", {10, 0, 0, 1}, {10, 1, 0, 0}},
		{"words exchanged, IPv6",
		 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		 {8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}},
	};

	for (const Change &change : same_sum) {
		INFO(change.name);
		CHECK(delta_of(change) == 0xffff);
		CHECK(delta_of({"", change.to, change.from}) == 0xffff);
		CHECK(delta_of({"", change.from, change.from}) == 0);
		CHECK(delta_of({"", change.to, change.to}) == 0);
	}
}

TEST_CASE("setting an address writes no other byte")
{
	Bytes four = packets::ip4({10, 128, 9, 31}, packets::GRE,
				  packets::text(8), {Bytes(8, 1)});
	Bytes six_bytes = packets::ip6(six({9, 0, 0x31}), packets::GRE,
				       packets::text(8));
	Bytes to4 = {10, 128, 8, 46}, to6 = six({0, 0, 0x46});

	Bytes found = four;
	daddr_set4(found.data(), to4.data(),
		   daddr_delta(&found[16], to4.data(), 4));
	CHECK(found == packets::ip4(to4, packets::GRE, packets::text(8),
				    {Bytes(8, 1)}));
	found = six_bytes;
	daddr_set6(found.data(), to6.data());
	CHECK(found == packets::ip6(to6, packets::GRE, packets::text(8)));
}
