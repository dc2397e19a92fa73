// SPDX-License-Identifier: BSD-3-Clause
// The judge of transport checksums, on packets whose checksum is known.
#include "catch.hpp"

#include "common/checksum.hpp"
#include "common/sum.hpp"
#include "replay_packets.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

std::string verify(Bytes bytes, std::size_t wire = 0)
{
	Packet packet = view(bytes, wire);

	return replay::checksum_text(Coverage(packet).verify(packet));
}

} // namespace

TEST_CASE("replay: the sum of any bytes is that of RFC 1071")
{
	Bytes bytes;

	for (unsigned int i = 0; i < 150; i++) {
		CHECK((~fold(sum(bytes.data(), static_cast<std::uint32_t>(bytes.size()))) &
		       0xffff) == (checksum(bytes) >> 8 | (checksum(bytes) & 0xff) << 8));
		bytes.push_back(static_cast<std::uint8_t>(i * 151 + 200));
	}
	Bytes ones(100001, 0xff);
	CHECK(fold(sum(ones.data(), 100000)) == 0xffff);
}

TEST_CASE("replay: good, and bad when any byte changes")
{
	for (std::uint8_t protocol : {TCP, UDP, UDPLITE, DCCP, ICMP6})
		for (const Header &ip : {ip4(protocol), ip6(protocol)}) {
			if (protocol == ICMP6 && ip.source[0] == '1')
				continue;
			Bytes bytes = good(ip);
			std::size_t header = ip.source[0] == '1' ? 20 : 40;

			INFO(ip.source << " " << int(protocol));
			CHECK(verify(bytes) == "good");
			for (std::size_t i = header - 8; i < bytes.size(); i++) {
				Bytes wrong = bytes;

				wrong[i] ^= 0x10;
				INFO("byte " << i);
				// a length that is wrong is bad as well
				CHECK(verify(wrong) == "bad");
			}
		}
}

TEST_CASE("replay: none, or not known")
{
	Bytes no_udp = good(ip4());
	Bytes no_udp6 = good(ip6());
	Bytes no_lite = good(ip4(UDPLITE));
	Header first = ip4(), later = ip4();

	set16(no_udp, 26, 0);
	set16(no_udp6, 46, 0);
	set16(no_lite, 26, 0);
	first.fragment = 0x2000;
	later.fragment = 5;
	CHECK(verify(no_udp) == "none");
	CHECK(verify(no_udp6) == "none");
	CHECK(verify(no_lite) == "bad");
	CHECK(verify(good(ip4(SCTP))) == "none");
	CHECK(verify(good(ip6(SCTP))) == "none");
	CHECK(verify(good(ip4(1))) == "none");
	CHECK(verify(good(ip4(ICMP6))) == "none");
	CHECK(verify(good(first)) == "unknown");
	CHECK(verify(good(later)) == "unknown");

	Bytes whole = good(ip4(TCP));
	for (std::size_t size = 20; size < whole.size(); size++) {
		Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
		CHECK(verify(cut, whole.size()) == "unknown");
	}
}

TEST_CASE("replay: coverage of UDP-Lite and DCCP")
{
	Header ip = ip4(UDPLITE);
	Bytes data = be16(1) + be16(2) + be16(12) + be16(0) + Bytes(20, 'x');
	Bytes pseudo = address(ip.source) + address(ip.destination) + be32(28);
	Bytes covered(data.begin(), data.begin() + 12);

	set16(data, 6, checksum(pseudo + be32(UDPLITE) + covered));
	CHECK(verify(packet(ip, data)) == "good");
	data[20] ^= 1; // not covered
	CHECK(verify(packet(ip, data)) == "good");
	data[11] ^= 1;
	CHECK(verify(packet(ip, data)) == "bad");
	set16(data, 4, 29); // more than there is
	CHECK(verify(packet(ip, data)) == "bad");
	set16(data, 4, 7);
	CHECK(verify(packet(ip, data)) == "bad");

	ip = ip4(DCCP);
	// header of 16 bytes; coverage 1: that and nothing more
	data = be16(1) + be16(2) + Bytes{4, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0} + Bytes(20, 'x');
	pseudo = address(ip.source) + address(ip.destination) + be32(36);
	covered = Bytes(data.begin(), data.begin() + 16);
	set16(data, 6, checksum(pseudo + be32(DCCP) + covered));
	CHECK(verify(packet(ip, data)) == "good");
	data[16] ^= 1;
	CHECK(verify(packet(ip, data)) == "good");
	data[15] ^= 1;
	CHECK(verify(packet(ip, data)) == "bad");
}

TEST_CASE("replay: after IPv6 extension headers")
{
	Header ip = ip6();
	Bytes udp = transport(ip, UDP);
	Bytes options = {UDP, 0, 1, 4, 0, 0, 0, 0};
	Bytes auth = {UDP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	Bytes atomic = {UDP, 0, 0, 0, 0, 0, 0, 7};
	Bytes first = {UDP, 0, 0, 1, 0, 0, 0, 7};

	CHECK(verify(packet(ip6(HOP), options + udp)) == "good");
	CHECK(verify(packet(ip6(DESTINATION), options + udp)) == "good");
	CHECK(verify(packet(ip6(AH), auth + udp)) == "good");
	CHECK(verify(packet(ip6(FRAGMENT), atomic + udp)) == "good");
	CHECK(verify(packet(ip6(FRAGMENT), first + udp)) == "unknown");
	CHECK(verify(packet(ip6(HOP), {UDP, 0})) == "unknown");
}

TEST_CASE("replay: a routing header keeps the final destination")
{
	Header to_final = ip6();
	to_final.destination = "2001:db8::99";
	Bytes udp = transport(to_final, UDP), last = address("2001:db8::99");
	Bytes other = address("2001:db8::1");

	// type 0: the last of the list; 2: the only one; 4: the first
	CHECK(verify(packet(ip6(ROUTING), Bytes{UDP, 4, 0, 1, 0, 0, 0, 0} + other + last + udp)) ==
	      "good");
	CHECK(verify(packet(ip6(ROUTING), Bytes{UDP, 2, 2, 1, 0, 0, 0, 0} + last + udp)) == "good");
	CHECK(verify(packet(ip6(ROUTING), Bytes{UDP, 4, 4, 1, 1, 0, 0, 0} + last + other + udp)) ==
	      "good");
	CHECK(verify(packet(ip6(ROUTING), Bytes{UDP, 4, 4, 1, 1, 0, 0, 0} + other + last + udp)) ==
	      "bad");
	CHECK(verify(packet(ip6(ROUTING), Bytes{UDP, 2, 3, 1, 0, 0, 0, 0} + last + udp)) ==
	      "unknown");
	// no segments left: it has arrived
	CHECK(verify(packet(ip6(ROUTING), Bytes{UDP, 2, 4, 0, 0, 0, 0, 0} + other +
						  transport(ip6(), UDP))) == "good");
}
