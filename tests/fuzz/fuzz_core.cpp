// SPDX-License-Identifier: BSD-3-Clause
// The core on raw bytes of both families, by way of the port, and an oracle
// that shares no code with it: which bytes may change, and to what.
#include <algorithm>

#include "changes.hpp"
#include "common/checksum.hpp"
#include "fuzz.hpp"
#include "replay/port.hpp"

using namespace dsr;

namespace {

using changes::Bytes;

// The sum that a checksum makes 0xffff: of the bytes from its own @field on, of
// the destination address, and of the port, when there is one, that is @port.
unsigned int covered(const Bytes &bytes, std::size_t daddr, std::size_t size, std::size_t field,
		     std::size_t port)
{
	Bytes all(bytes.begin() + static_cast<long>(field), bytes.end());

	if (all.size() & 1)
		all.push_back(0);
	all.insert(all.end(), bytes.begin() + static_cast<long>(daddr),
		   bytes.begin() + static_cast<long>(daddr + size));
	if (port)
		all.insert(all.end(), bytes.begin() + static_cast<long>(port),
			   bytes.begin() + static_cast<long>(port + 2));
	return changes::sum(all.data(), all.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	if (size < 20 + 40)
		return 0;
	// which family, whether it has the address already, by a map
	const bool six = data[0] & 1, there = data[0] & 2, map = data[0] & 4;
	const std::size_t daddr = six ? 24 : 16, length = six ? 16 : 4;
	Ip to;
	to.family = six ? Family::ip6 : Family::ip4;
	std::copy_n(data + 2, length, to.bytes.begin());

	// an allocation of its own, so that ASan sees where it ends
	Bytes before(data + 20, data + size);
	before[0] = static_cast<std::uint8_t>((six ? 0x60 : 0x40) | (before[0] & 0x0f));
	if (!six && (before[0] & 0x0f) < 5)
		before[0] = 0x45;
	if (there)
		std::copy_n(to.bytes.begin(), length, before.begin() + static_cast<long>(daddr));

	// a map has an entry for half of the DSCP values, and no port
	const unsigned int dscp = six ? (before[0] << 8 | before[1]) >> 6 & 63 : before[1] >> 2;
	const bool mapped = !map || ((dscp & 1) == (data[18] & 1));
	replay::Action action;
	action.daddr = to;
	if (map) {
		action.daddr.bytes = {};
		action.map.resize(64);
		for (unsigned int i = data[18] & 1; i < 64; i += 2) {
			action.mapped |= std::uint64_t{1} << i;
			action.map[i] = to;
		}
	} else {
		action.dport = static_cast<std::uint16_t>(data[18] << 8 | data[19]);
	}

	Bytes after = before;
	Packet packet;
	packet.data = after.data();
	packet.captured = static_cast<std::uint32_t>(after.size());
	packet.length = packet.captured + data[1]; // cut by the capture
	packet.family = to.family;

	const Coverage coverage(packet);
	const Checksum good = coverage.verify(packet);
	const replay::Outcome outcome = replay::apply(action, packet, false, nullptr);
	const bool rewritten = outcome == replay::Outcome::rewritten ||
			       outcome == replay::Outcome::rewritten_cut;

	EXPECT((outcome == replay::Outcome::unmapped) == !mapped);
	EXPECT(!there || action.dport || !rewritten);
	if (!rewritten) {
		EXPECT(before == after);
		return 0;
	}
	EXPECT(before != after || outcome == replay::Outcome::rewritten_cut);
	EXPECT(std::equal(to.bytes.begin(), to.bytes.begin() + static_cast<long>(length),
			  after.begin() + static_cast<long>(daddr)));
	EXPECT(changes::sum(before.data(), six ? 0 : 20) ==
	       changes::sum(after.data(), six ? 0 : 20));
	Checksum now = coverage.verify(packet);
	EXPECT(good != Checksum::good || now == good);
	EXPECT(good != Checksum::bad || now == good);
	EXPECT(good != Checksum::none || now == good);

	const changes::Place place = changes::locate(before, six);
	std::size_t field = place.field, port = place.port;
	if (!action.dport || port + 2 > before.size())
		port = 0;
	if (port)
		EXPECT((after[port] << 8 | after[port + 1]) == action.dport);
	const bool here = field && field + 2 <= before.size();
	if (field && !here)
		EXPECT(outcome == replay::Outcome::rewritten_cut);
	if (here && outcome == replay::Outcome::rewritten) {
		const bool none = place.protocol == 17 && !before[field] && !before[field + 1];
		const bool zero = !after[field] && !after[field + 1];

		// fields and addresses stand at even bytes
		EXPECT(none || covered(before, daddr, length, field, port) ==
				       covered(after, daddr, length, field, port));
		if (place.protocol == 17 || place.protocol == 136)
			EXPECT(zero == none);
		if (none)
			field = 0;
	} else {
		field = 0;
	}
	EXPECT(changes::only_these(before, after, six, field, port));
	return 0;
}
