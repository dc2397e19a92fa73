// SPDX-License-Identifier: BSD-3-Clause
// A packet and the new address may lie at any byte. This file is compiled so that
// a load or a store which is not aligned ends the program: see CMakeLists.txt.
#include "catch.hpp"

#include "daddr_rewrite.h"
#include "oracle.hpp"
#include "packets.hpp"

using namespace packets;

namespace {

const Bytes from4 = {10, 128, 9, 31}, to4 = {10, 128, 8, 46};
const Bytes from6 = {0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x31};
const Bytes to6 = {0x20, 1, 0xd, 0xb8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46};

struct View {
	const std::uint8_t *bytes;
	std::size_t size;
};

const void *read(void *packet, unsigned int offset, unsigned int length)
{
	const View *view = static_cast<const View *>(packet);

	return offset + length <= view->size ? view->bytes + offset : nullptr;
}

// Bytes that begin so far after an address that is a multiple of 8.
class Placed {
public:
	Placed(const Bytes &bytes, std::size_t misalignment)
		: words_(bytes.size() / 8 + 3), size_(bytes.size()),
		  at_(reinterpret_cast<std::uint8_t *>(words_.data()) + misalignment)
	{
		std::copy(bytes.begin(), bytes.end(), at_);
	}
	std::uint8_t *at() const { return at_; }
	Bytes all() const { return Bytes(at_, at_ + size_); }

private:
	std::vector<std::uint64_t> words_;
	std::size_t size_;
	std::uint8_t *at_;
};

// The packet after the rewrite, when it and the address lie there.
Bytes rewrite(const Bytes &bytes, const Bytes &to, std::size_t packet_at, std::size_t to_at,
	      int seed)
{
	Placed packet(bytes, packet_at), address(to, to_at);
	View view = {packet.at(), bytes.size()};
	const std::uint16_t dport = daddr_load16("\x01\xbb");
	const bool ipv4 = to.size() == 4;
	daddr_change change;

	REQUIRE((ipv4 ? daddr_decide4(read, &view, address.at(), dport, &change) :
			daddr_decide6(read, &view, address.at(), dport, &change)) == DADDR_CHANGE);
	if (ipv4)
		daddr_apply4(packet.at(), address.at(), &change, seed);
	else
		daddr_apply6(packet.at(), address.at(), &change, seed);
	return packet.all();
}

std::vector<std::pair<Bytes, Bytes>> rows()
{
	std::vector<std::pair<Bytes, Bytes>> rows;

	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP, ICMPV6, SCTP}) {
		rows.push_back(
			{ip4(from4, protocol, transport(protocol, from4, text(12)), {}), to4});
		rows.push_back({ip6(from6, {options_header(HOP), fragment()}, protocol,
				    transport(protocol, from6, text(12))),
				to6});
	}
	return rows;
}

} // namespace

TEST_CASE("a packet and an address that lie at any byte")
{
	for (const auto &[packet, to] : rows()) {
		for (int seed : {0, 1}) {
			const Bytes expected = rewrite(packet, to, 0, 0, seed);

			CHECK(expected != packet);
			for (std::size_t at = 0; at < 64; at++) {
				INFO("packet at " << at % 8 << ", address at " << at / 8
						  << oracle::dump(packet));
				REQUIRE(rewrite(packet, to, at % 8, at / 8, seed) == expected);
			}
		}
	}
}

TEST_CASE("the DSCP of a header that lies at any byte")
{
	for (std::size_t at = 0; at < 8; at++) {
		CHECK(daddr_dscp4(Placed({0x45, 0x1d}, at).at()) == 7);
		CHECK(daddr_dscp6(Placed({0x61, 0xd0}, at).at()) == 7);
	}
}
