// SPDX-License-Identifier: BSD-3-Clause
// The rewrite core alone, per protocol and family; beside it what it replaces,
// a checksum that is summed up anew.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "common/sum.hpp"
#include "daddr_rewrite.h"

using namespace dsr;

namespace {

using Bytes = std::vector<std::uint8_t>;

// A packet has two destinations in turn, so that every pass changes it.
constexpr std::uint8_t addresses[2][16] = {
	{0x20, 1, 0xd, 0xb8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46},
	{0x20, 1, 0xd, 0xb8, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x47},
};

void put16(std::uint8_t *to, std::size_t value)
{
	to[0] = static_cast<std::uint8_t>(value >> 8);
	to[1] = static_cast<std::uint8_t>(value);
}

Bytes ipv4(std::uint8_t protocol, std::size_t length)
{
	Bytes packet(length, 0x5a);
	std::uint8_t *ip = packet.data();

	ip[0] = 0x45;
	ip[1] = 7 << 2;
	put16(ip + 2, length);
	put16(ip + 6, 0);
	ip[9] = protocol;
	return packet;
}

Bytes ipv6(std::uint8_t protocol, std::size_t length)
{
	Bytes packet(length, 0x5a);
	std::uint8_t *ip = packet.data();

	ip[0] = 0x60 | 7 >> 2;
	ip[1] = (7 & 3) << 6;
	put16(ip + 4, length - 40);
	ip[6] = protocol;
	return packet;
}

// @packet with a destination options and a routing header before its transport.
Bytes with_chain(Bytes packet)
{
	const std::uint8_t last = packet[6];
	const std::uint8_t chain[16] = {43, 0, 1, 4, 0, 0, 0, 0, last, 0, 4, 0, 0, 0, 0, 0};

	packet[6] = 60;
	packet.insert(packet.begin() + 40, chain, chain + sizeof(chain));
	put16(packet.data() + 4, packet.size() - 40);
	return packet;
}

Bytes later_fragment(Bytes packet)
{
	put16(packet.data() + 6, 185);
	return packet;
}

const void *read(void *packet, unsigned int offset, unsigned int length)
{
	const Bytes &bytes = *static_cast<const Bytes *>(packet);

	return bytes.size() - offset < length || offset > bytes.size() ? nullptr :
									 bytes.data() + offset;
}

bool is_ipv4(const Bytes &packet)
{
	return packet[0] >> 4 == 4;
}

bool rewrite(Bytes &packet, const std::uint8_t *to)
{
	std::uint8_t *ip = packet.data();
	daddr_change change;

	if (is_ipv4(packet)) {
		if (daddr_decide4(read, &packet, to, 0, &change) != DADDR_CHANGE)
			return false;
		daddr_apply4(ip, to, &change, 0);
	} else {
		if (daddr_decide6(read, &packet, to, 0, &change) != DADDR_CHANGE)
			return false;
		daddr_apply6(ip, to, &change, 0);
	}
	return true;
}

// The same with full sums, by the fastest way of C++: 32 bytes a step.
bool recompute(Bytes &packet, const std::uint8_t *to)
{
	std::uint8_t *ip = packet.data();
	const bool v4 = is_ipv4(packet);
	const std::uint32_t header = v4 ? 20 : 40;
	const std::uint32_t length = static_cast<std::uint32_t>(packet.size()) - header;
	const std::uint8_t protocol = v4 ? ip[9] : ip[6];
	std::uint8_t *field = ip + header + (protocol == DADDR_PROTO_TCP ? 16 : 6);
	std::uint16_t check;

	if (v4) {
		std::memcpy(ip + DADDR_IP4_DADDR, to, 4);
		std::memset(ip + DADDR_IP4_CHECK, 0, 2);
		check = static_cast<std::uint16_t>(~fold(sum(ip, header)));
		std::memcpy(ip + DADDR_IP4_CHECK, &check, 2);
	} else {
		std::memcpy(ip + DADDR_IP6_DADDR, to, 16);
	}
	std::memset(field, 0, 2);
	std::uint64_t total = sum(v4 ? ip + 12 : ip + 8, v4 ? 8 : 32);
	total = add(total, in_network_order(length));
	total = add(total, in_network_order(protocol));
	total = add(total, sum(ip + header, length));
	check = static_cast<std::uint16_t>(~fold(total));
	std::memcpy(field, &check, 2);
	return true;
}

template <bool (*change)(Bytes &, const std::uint8_t *)>
void run(benchmark::State &state, Bytes packet)
{
	// An IPv4 address is the last four bytes of these.
	const std::size_t skip = is_ipv4(packet) ? 12 : 0;
	unsigned int turn = 0;

	for (auto _ : state) {
		if (!change(packet, addresses[turn++ & 1] + skip))
			state.SkipWithError("dropped");
		benchmark::ClobberMemory();
	}
}

void add(const std::string &name, const Bytes &packet)
{
	benchmark::RegisterBenchmark(("rewrite/" + name).c_str(), run<rewrite>, packet);
}

void add_recompute(const std::string &name, const Bytes &packet)
{
	benchmark::RegisterBenchmark(("recompute/" + name).c_str(), run<recompute>, packet);
}

} // namespace

int main(int argc, char *argv[])
{
	const struct {
		const char *name;
		std::uint8_t number;
	} protocols[] = {
		{"tcp", DADDR_PROTO_TCP},	  {"udp", DADDR_PROTO_UDP},
		{"udplite", DADDR_PROTO_UDPLITE}, {"dccp", DADDR_PROTO_DCCP},
		{"icmpv6", DADDR_PROTO_ICMPV6},	  {"sctp", 132},
	};

	for (const auto &protocol : protocols) {
		const std::string name = protocol.name;

		if (protocol.number != DADDR_PROTO_ICMPV6)
			add("ipv4/" + name, ipv4(protocol.number, 1500));
		add("ipv6/" + name, ipv6(protocol.number, 1500));
	}
	add("ipv4/fragment", later_fragment(ipv4(DADDR_PROTO_UDP, 1500)));
	add("ipv6/tcp-chain", with_chain(ipv6(DADDR_PROTO_TCP, 1500)));
	for (std::size_t size : {64, 576, 1500, 65535}) {
		const std::string suffix = "/" + std::to_string(size);

		add("ipv4/tcp" + suffix, ipv4(DADDR_PROTO_TCP, size));
		add_recompute("ipv4/tcp" + suffix, ipv4(DADDR_PROTO_TCP, size));
		add_recompute("ipv6/tcp" + suffix, ipv6(DADDR_PROTO_TCP, size));
	}

	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 1;
	benchmark::RunSpecifiedBenchmarks();
	benchmark::Shutdown();
}
