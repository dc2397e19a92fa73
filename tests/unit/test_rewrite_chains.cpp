// SPDX-License-Identifier: BSD-3-Clause
// IPv6 extension headers: every subset in every order, and what they decide.
#include "catch.hpp"

#include <string>

#include "host.hpp"
#include "packets.hpp"

using namespace packets;

namespace {

const Bytes server = {0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x31};
const Bytes vip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46};
const Bytes elsewhere = {0x20, 1, 0xd, 0xb8, 0, 0xf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
const std::uint8_t covered[] = {TCP, UDP, UDPLITE, DCCP, ICMPV6};

std::string name_of(const Chain &chain)
{
	std::string names;

	for (const Extension &header : chain)
		names += std::to_string(header.number) + " ";
	return names;
}

std::size_t size_of(const Chain &chain)
{
	return chained(chain, 0, {}).size();
}

// One packet with @chain; @final is what the transport's checksum covers.
void check(const Chain &chain, std::uint8_t protocol, daddr_l4csum l4csum, bool routed = false)
{
	auto make = [&](const Bytes &dst) {
		return ip6(dst, chain, protocol,
			   transport(protocol, routed ? elsewhere : dst, text(11)));
	};
	Bytes before = make(server), after = make(vip);
	host::Outcome found = host::rewrite(6, before, vip, host::Reading::ones);

	INFO("chain " << name_of(chain) << "then " << int(protocol) << "\n"
		      << oracle::show(before, after, found.after));
	REQUIRE(found.change.l4csum == l4csum);
	REQUIRE(found.after == after);
	if (l4csum != DADDR_L4CSUM_HERE && l4csum != DADDR_L4CSUM_NONE) {
		REQUIRE(found.change.writable == 40);
		return;
	}
	unsigned int end = 40 + static_cast<unsigned int>(size_of(chain));
	REQUIRE(found.change.thoff == end);
	REQUIRE(found.change.l4proto == protocol);
	if (l4csum == DADDR_L4CSUM_NONE) {
		REQUIRE(found.change.writable == 40);
		return;
	}
	REQUIRE(found.change.l4csum_offset ==
		end + static_cast<unsigned int>(checksum_at(protocol, 16)));
	REQUIRE(found.change.writable == found.change.l4csum_offset + 2);
}

// All orders of all subsets of @left after @chain.
template <typename Visit>
void arrange(const Chain &chain, const Chain &left, const Visit &visit)
{
	visit(chain);
	for (std::size_t i = 0; i < left.size(); i++) {
		Chain longer = chain, rest = left;
		longer.push_back(left[i]);
		rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
		arrange(longer, rest, visit);
	}
}

} // namespace

TEST_CASE("extension headers: each subset in each order")
{
	int count = 0;

	arrange({},
		{options_header(HOP), options_header(DESTINATION, 2), routing(0),
		 fragment(0, false, 0xff), ah()},
		[&](const Chain &chain) {
			for (std::uint8_t protocol : covered)
				check(chain, protocol, DADDR_L4CSUM_HERE);
			for (std::uint8_t protocol :
			     {ESP, GRE, SCTP, NONE, MOBILITY, ICMP, UNKNOWN})
				check(chain, protocol, DADDR_L4CSUM_NONE);
			count++;
		});
	CHECK(count == 326); // 1 + 5 + 20 + 60 + 120 + 120
}

TEST_CASE("extension headers with a routing header that has segments left")
{
	arrange({},
		{options_header(HOP), options_header(DESTINATION), routing(1), fragment(), ah()},
		[&](const Chain &chain) {
			bool routed = false;
			for (const Extension &header : chain)
				routed |= header.number == ROUTING;
			for (std::uint8_t protocol : covered)
				check(chain, protocol,
				      routed ? DADDR_L4CSUM_ROUTED : DADDR_L4CSUM_HERE, routed);
		});
	for (unsigned int left : {1, 2, 127, 128, 255})
		for (std::uint8_t kind : {0, 2, 3, 4, 253})
			check({routing(static_cast<std::uint8_t>(left), 3, kind)}, TCP,
			      DADDR_L4CSUM_ROUTED, true);
	for (std::uint8_t kind : {0, 2, 3, 4, 253})
		check({routing(0, 3, kind)}, TCP, DADDR_L4CSUM_HERE);
	check({routing(0), routing(1)}, UDP, DADDR_L4CSUM_ROUTED, true);
	// nothing after the header is needed then
	Bytes before = ip6(server, {routing(1)}, TCP, {1, 2});
	CHECK(host::rewrite(6, before, vip).after == ip6(vip, {routing(1)}, TCP, {1, 2}));
}

TEST_CASE("extension headers of every length")
{
	for (std::size_t words = 1; words <= 256; words++) {
		check({options_header(HOP, words)}, TCP, DADDR_L4CSUM_HERE);
		check({options_header(DESTINATION, words)}, UDP, DADDR_L4CSUM_HERE);
		check({routing(0, words)}, ICMPV6, DADDR_L4CSUM_HERE);
	}
	// RFC 4302: in words of 4 bytes, less 2
	for (std::size_t icv = 0; icv <= 1016; icv += 4)
		check({ah(icv)}, UDPLITE, DADDR_L4CSUM_HERE);
	// The fragment header has no length: there is a reserved byte.
	for (unsigned int reserved = 0; reserved < 256; reserved++)
		check({fragment(0, false, static_cast<std::uint8_t>(reserved))}, DCCP,
		      DADDR_L4CSUM_HERE);
}

TEST_CASE("extension headers many times over")
{
	for (std::size_t count : {2, 10, 100, 150}) {
		check(Chain(count, options_header(DESTINATION)), TCP, DADDR_L4CSUM_HERE);
		check(Chain(count, options_header(HOP)), UDP, DADDR_L4CSUM_HERE);
		check(Chain(count, routing(0)), UDP, DADDR_L4CSUM_HERE);
		check(Chain(count, fragment()), UDP, DADDR_L4CSUM_HERE);
		check(Chain(count, ah()), UDP, DADDR_L4CSUM_HERE);
	}
}

TEST_CASE("an extension header that ends past the packet")
{
	for (std::uint8_t number : {HOP, ROUTING, AH, DESTINATION}) {
		Bytes header(8);
		header[1] = 255;
		for (std::uint8_t protocol : covered) {
			Bytes packet = ip6(server, {{number, header}}, protocol,
					   transport(protocol, server, text(20)));
			INFO(oracle::dump(packet));
			CHECK(host::decide(6, packet).dropped());
		}
		CHECK(host::decide(6, ip6(server, {{number, header}}, DESTINATION, text(40)))
			      .change.l4csum == DADDR_L4CSUM_UNKNOWN);
	}
}
