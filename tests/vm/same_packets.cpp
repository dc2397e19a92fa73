// SPDX-License-Identifier: BSD-3-Clause
// same_packets CAPTURE CAPTURE: are the IP packets in both the same, whatever
// the frames around them? Prints the first that differ, and exits 1.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "common/link.hpp"
#include "replay/capture.hpp"

using namespace dsr;

namespace {

// The next frame that holds an IP packet.
bool next_packet(replay::CaptureReader &in, Packet &packet)
{
	Frame frame;

	while (in.next(frame)) {
		if (find_packet(frame, packet) == Link::ip)
			return true;
	}
	if (in.damage())
		throw Error(in.name() + ": " + in.damage()->message);
	return false;
}

std::string hex(const Packet &packet)
{
	std::ostringstream out;

	out << std::hex << std::setfill('0');
	for (std::uint32_t i = 0; i < packet.captured; i++)
		out << std::setw(2) << unsigned{packet.data[i]};
	return out.str();
}

bool same(const char *one, const char *other)
{
	replay::CaptureReader a(one), b(other);
	Packet p, q;

	for (unsigned number = 1;; number++) {
		const bool has_p = next_packet(a, p), has_q = next_packet(b, q);

		if (!has_p && !has_q) {
			std::cout << number - 1 << " packets are the same\n";
			return number > 1;
		}
		if (has_p && has_q && p.captured == q.captured &&
		    std::equal(p.data, p.data + p.captured, q.data))
			continue;
		std::cout << "packet " << number << " differs\n"
			  << one << ": " << (has_p ? hex(p) : "none") << '\n'
			  << other << ": " << (has_q ? hex(q) : "none") << '\n';
		return false;
	}
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 3) {
		std::cerr << "Usage: same_packets CAPTURE CAPTURE\n";
		return 2;
	}
	return same(argv[1], argv[2]) ? 0 : 1;
} catch (const std::exception &error) {
	std::cerr << "same_packets: " << error.what() << '\n';
	return 2;
}
