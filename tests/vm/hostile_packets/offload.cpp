// SPDX-License-Identifier: BSD-3-Clause
// The frame around a packet, and what a device says it left to be done: the
// header of a tap device (VIRTIO 1.2, 5.1.6), true or not.
#include "generate.hpp"
#include "packets.hpp"

namespace hostile {

using namespace packets;

namespace {

// To the device, from a neighbour; or another one, who lies. The last bit of
// either says whether the frame is watched.
const Bytes MACS = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 4};
constexpr std::size_t WATCHED = 11, LIAR = 10;

} // namespace

void Generator::put_in_frame(Sent &sent, const Bytes &packet)
{
	static const std::uint16_t tags[] = {0x8100, 0x8100, 0x8100, 0x88a8, 0x88a8, 0x9100};
	static const std::uint16_t networks[] = {0, 0, 0, 5, 5, 7};

	if (hook_ == Hook::output) {
		sent.frame = packet;
		return;
	}
	Bytes head = MACS;
	if (random_.one_in(4)) {
		sent.watched = true;
		head[WATCHED] |= 1;
	}
	if (sent.kind == Kind::vlan) {
		for (std::uint32_t left = 1 + random_.below(4); left; left--)
			head = join({head, oracle::be16(random_.of(tags)),
				     oracle::be16(random_.of(networks) | random_.below(8) << 13)});
	}
	head = join({head, oracle::be16(six_ ? 0x86dd : 0x0800)});
	sent.ip = head.size();
	sent.frame = join({head, packet});
}

// Put the sum of the pseudo-header in the place of the checksum, as a host does
// that leaves the rest to the device.
bool Generator::leave_checksum(Sent &sent)
{
	Bytes packet(sent.frame.begin() + static_cast<long>(sent.ip), sent.frame.end());
	const changes::Place place = changes::locate(packet, six_);

	if (!place.field || place.field + 2 > packet.size())
		return false;
	const Bytes from(packet.begin() + (six_ ? 8 : 12), packet.begin() + (six_ ? 24 : 16));
	const Bytes to(packet.begin() + (six_ ? 24 : 16), packet.begin() + (six_ ? 40 : 20));
	oracle::put16(sent.frame, sent.ip + place.field,
		      oracle::sum(oracle::pseudo_header(from, to,
							static_cast<std::uint8_t>(place.protocol),
							packet.size() - place.transport)));
	sent.offload.flags = NEEDS_CSUM;
	sent.offload.csum_start = static_cast<std::uint16_t>(sent.ip + place.transport);
	sent.offload.csum_offset = static_cast<std::uint16_t>(place.field - place.transport);
	return true;
}

void Generator::lie(Sent &sent)
{
	static const std::uint8_t types[] = {GSO_NONE, GSO_TCP4, GSO_UDP, GSO_TCP6, GSO_UDP_L4};
	static const std::uint16_t sizes[] = {0, 1, 8, 16, 100, 536, 1448, 0x7fff, 0xfffe, 0xffff};
	static const std::uint16_t offsets[] = {0, 2, 6, 10, 16, 24};
	const auto length = static_cast<std::uint32_t>(sent.frame.size());
	Offload &offload = sent.offload;

	sent.frame[LIAR] = 1;
	if (random_.one_in(2))
		offload.flags |= NEEDS_CSUM;
	if (random_.one_in(16))
		offload.flags = random_.byte();
	if (random_.one_in(2))
		offload.gso_type = random_.of(types);
	if (random_.one_in(4))
		offload.gso_type |= GSO_ECN;
	if (random_.one_in(16))
		offload.gso_type = random_.byte();
	offload.gso_size = random_.of(sizes);
	// often a little off from what is right
	if (!offload.csum_start || random_.one_in(3))
		offload.csum_start = static_cast<std::uint16_t>(random_.below(length + 8));
	if (random_.one_in(2))
		offload.csum_offset = random_.one_in(4) ?
					      static_cast<std::uint16_t>(random_.below(0x10000)) :
					      random_.of(offsets);
}

void Generator::offload(Sent &sent)
{
	const auto length = static_cast<std::uint32_t>(sent.frame.size());

	if (sent.kind == Kind::segmented) {
		if (!leave_checksum(sent))
			return;
		const bool tcp = sent.offload.csum_offset == 16;
		// UDP: whole datagrams, or fragments of one
		sent.offload.gso_type = !tcp ? GSO_UDP : six_ ? GSO_TCP6 : GSO_TCP4;
		sent.offload.gso_size = static_cast<std::uint16_t>(8 * (30 + random_.below(150)));
		sent.offload.header = static_cast<std::uint16_t>(sent.offload.csum_start +
								 (tcp ? 20 : 8));
		return;
	}
	// else, few datagrams would be whole again
	if (sent.kind == Kind::fragment && !random_.one_in(4))
		return;
	// A device whose packets lie in pieces says where the first one ends.
	if (random_.one_in(3))
		sent.offload.header = static_cast<std::uint16_t>(
			random_.below(std::min(length, 200U) + 8));
	if (random_.one_in(3) && sent.frame.size() >= sent.ip + (six_ ? 40 : 20) &&
	    leave_checksum(sent)) {
		// whoever completes it knows nothing of a coverage
		const std::uint8_t protocol = sent.frame[sent.ip + (six_ ? 6 : 9)];
		sent.sane &= protocol != UDPLITE && protocol != DCCP;
	}
	if (random_.one_in(4)) {
		lie(sent);
		sent.sane = false;
	}
}

} // namespace hostile
