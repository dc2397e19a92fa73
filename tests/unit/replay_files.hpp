// SPDX-License-Identifier: BSD-3-Clause
// Captures as files, made without libpcap, and a directory for them.
#pragma once

#include <fstream>
#include <iterator>

#include "directory.hpp"
#include "replay_packets.hpp"

namespace replay_test {

using unit::Directory;
using unit::load_text;

inline void save(const std::string &path, const Bytes &bytes)
{
	std::ofstream file(path, std::ios::binary);

	file.write(reinterpret_cast<const char *>(bytes.data()),
		   static_cast<std::streamsize>(bytes.size()));
}

inline void save(const std::string &path, const std::string &text)
{
	save(path, Bytes(text.begin(), text.end()));
}

inline Bytes load(const std::string &path)
{
	std::ifstream file(path, std::ios::binary);

	return Bytes(std::istreambuf_iterator<char>(file), {});
}

// Numbers in the byte order of a file: this machine's, or the other one.
struct Order {
	bool swapped = false;

	Bytes number(std::uint32_t value) const
	{
		Bytes bytes(4);

		if (swapped)
			value = __builtin_bswap32(value);
		std::memcpy(bytes.data(), &value, 4);
		return bytes;
	}
	Bytes half(std::uint16_t value) const
	{
		Bytes bytes(2);

		if (swapped)
			value = __builtin_bswap16(value);
		std::memcpy(bytes.data(), &value, 2);
		return bytes;
	}
};

constexpr std::uint32_t MICRO = 0xa1b2c3d4, NANO = 0xa1b23c4d;
constexpr std::uint32_t ETHERNET = 1, RAW_IP = 101, WIFI = 105;

inline Bytes pcap_head(std::uint32_t magic = MICRO, Order order = {}, std::uint32_t link = RAW_IP,
		       std::uint32_t snaplen = 65535)
{
	return order.number(magic) + order.half(2) + order.half(4) + Bytes(8) +
	       order.number(snaplen) + order.number(link);
}

inline Bytes record(const Bytes &packet, Order order = {}, std::uint32_t fraction = 123456,
		    std::size_t wire = 0)
{
	return order.number(1700000000) + order.number(fraction) +
	       order.number(static_cast<std::uint32_t>(packet.size())) +
	       order.number(static_cast<std::uint32_t>(wire ? wire : packet.size())) + packet;
}

// pcapng: section, one interface, packets with time stamps in microseconds
inline Bytes pcapng_block(std::uint32_t type, Bytes body, Order order = {})
{
	body.resize((body.size() + 3) & ~std::size_t{3});
	Bytes length = order.number(static_cast<std::uint32_t>(body.size() + 12));
	return order.number(type) + length + body + length;
}

inline Bytes pcapng_head(Order order = {})
{
	return pcapng_block(0x0a0d0d0a,
			    order.number(0x1a2b3c4d) + order.half(1) + order.half(0) +
				    Bytes(8, 0xff),
			    order) +
	       pcapng_block(1, order.half(RAW_IP) + order.half(0) + order.number(0), order);
}

inline Bytes pcapng_packet(const Bytes &packet, Order order = {})
{
	const std::uint64_t micros = 1700000000123456;
	auto size = static_cast<std::uint32_t>(packet.size());

	return pcapng_block(6,
			    order.number(0) +
				    order.number(static_cast<std::uint32_t>(micros >> 32)) +
				    order.number(static_cast<std::uint32_t>(micros)) +
				    order.number(size) + order.number(size) + packet,
			    order);
}

} // namespace replay_test
