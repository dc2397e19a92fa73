// SPDX-License-Identifier: BSD-3-Clause
// same_rewrites IN OURS THEIRS: what did two programs make of the packets of a
// capture? Each difference is judged: only the destination and the checksums
// that cover it may have changed, and a full sum must agree. Exits 1 when OURS
// is wrong anywhere. Prints, separated by tabs: "differ", the kind of packet, how
// many, and how many of them are right in OURS and in THEIRS.
#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "common/checksum.hpp"
#include "common/link.hpp"
#include "replay/capture.hpp"

using namespace dsr;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Count {
	unsigned long packets = 0, ours_right = 0, theirs_right = 0;
};

std::string kind(const Packet &packet)
{
	const bool v4 = packet.family == Family::ip4;
	const std::uint8_t protocol = v4 ? packet.data[9] : packet.data[6];
	std::string text = name(packet.family);

	text += protocol == 6 ? " TCP" : protocol == 17 ? " UDP" : " ICMP";
	if (v4 && packet.data[0] != 0x45)
		text += " with options";
	if (v4 && (packet.data[6] & 0x1f || packet.data[7]))
		text += ", later fragment";
	else if (v4 && packet.data[6] & 0x20)
		text += ", first fragment";
	else if (protocol == 17 && !load16(packet.data + (v4 ? 20 : 40) + 6))
		text += " without checksum";
	return text;
}

bool same(const std::uint8_t *a, const std::uint8_t *a_end, const std::uint8_t *b,
	  const std::uint8_t *b_end)
{
	return std::equal(a, a_end, b, b_end);
}

bool same(const Packet &a, const Packet &b)
{
	return same(a.data, a.data + a.captured, b.data, b.data + b.captured);
}

// @packet, changed by somebody, was @before.
bool right(const Packet &packet, const Bytes &before, const Coverage &coverage)
{
	const bool v4 = packet.family == Family::ip4;
	Bytes after(packet.data, packet.data + packet.captured), allowed = before;
	const auto keep = [&](std::size_t at, std::size_t length) {
		std::copy_n(after.begin() + static_cast<std::ptrdiff_t>(at), length,
			    allowed.begin() + static_cast<std::ptrdiff_t>(at));
	};

	if (after.size() != before.size())
		return false;
	keep(v4 ? 16 : 24, v4 ? 4 : 16);
	if (v4)
		keep(10, 2);
	if (coverage.field())
		keep(coverage.field(), 2);
	return after == allowed && coverage.verify(packet) != Checksum::bad;
}

bool next(replay::CaptureReader &in, Frame &frame)
{
	if (in.next(frame))
		return true;
	if (in.damage())
		throw Error(in.name() + ": " + in.damage()->message);
	return false;
}

bool compare(const char *in_name, const char *ours_name, const char *theirs_name)
{
	replay::CaptureReader in(in_name), ours(ours_name), theirs(theirs_name);
	Frame a, b, c;
	std::map<std::string, Count> differ;
	unsigned long packets = 0, rewritten = 0, wrong = 0, frames = 0;

	while (next(in, a)) {
		Packet packet, of_ours, of_theirs;

		if (!next(ours, b) || !next(theirs, c))
			throw Error("not as many packets as in " + in.name());
		find_packet(a, packet);
		find_packet(b, of_ours);
		find_packet(c, of_theirs);
		packets++;
		if (!same(a.data, packet.data, c.data, of_theirs.data))
			frames++;
		if (!same(packet, of_ours))
			rewritten++;
		if (same(of_ours, of_theirs))
			continue;

		const Coverage coverage(packet);
		const Bytes before(packet.data, packet.data + packet.captured);
		Count &count = differ[kind(packet)];

		count.packets++;
		if (right(of_ours, before, coverage))
			count.ours_right++;
		else
			wrong++;
		if (destination_of(of_theirs) == destination_of(of_ours) &&
		    right(of_theirs, before, coverage))
			count.theirs_right++;
	}
	std::cout << "packets\t" << packets << "\nrewritten\t" << rewritten
		  << "\nframe headers changed by theirs\t" << frames << '\n';
	for (const auto &[name, count] : differ)
		std::cout << "differ\t" << name << '\t' << count.packets << '\t' << count.ours_right
			  << '\t' << count.theirs_right << '\n';
	return wrong == 0;
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 4) {
		std::cerr << "Usage: same_rewrites IN OURS THEIRS\n";
		return 2;
	}
	return compare(argv[1], argv[2], argv[3]) ? 0 : 1;
} catch (const std::exception &error) {
	std::cerr << "same_rewrites: " << error.what() << '\n';
	return 2;
}
