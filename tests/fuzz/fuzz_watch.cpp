// SPDX-License-Identifier: BSD-3-Clause
// Packets as dsrctl watch sees them: whatever comes from the network, nothing
// is read beyond it, and what is counted adds up.
#include <cstring>
#include <memory>

#include "dsrctl/watch/observer.hpp"
#include "fuzz.hpp"

using namespace dsr;

namespace {

using namespace dsr::watch;

const char CONFIG[] =
	"10.128.8.46 = 7\n"
	"10.128.8.47 = AF11\n"
	"2001:db8::46 = 7\n"
	"10.9.9.9\n";

std::vector<dsr::Entry> entries()
{
	dsr::ConfigReader reader(dsr::resolve);

	reader.add(CONFIG, "fuzz");
	return reader.config.entries;
}

// In memory of its own size, so that a sanitizer sees each byte beyond it.
void see(Observer &observer, const std::uint8_t *data, std::size_t size,
	 std::uint32_t more)
{
	auto bytes = std::make_unique<std::uint8_t[]>(size);
	Packet packet;

	std::memcpy(bytes.get(), data, size);
	packet.data = bytes.get();
	packet.captured = static_cast<std::uint32_t>(size);
	packet.length = packet.captured + more;
	packet.family = size && data[0] >> 4 == 6 ? Family::ip6 :
						    Family::ip4;
	EXPECT(observer.see(packet).find('\n') == std::string::npos);
}

} // namespace

// Packets one behind the other: a byte says how long the next one is, and
// another how much of it was not captured.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data,
				      std::size_t size)
{
	static const std::vector<dsr::Entry> config = entries();
	std::uint64_t counted = 0, packets = 0;
	Observer observer(config, {}, 64);

	for (std::size_t at = 0; at + 2 < size;) {
		std::size_t length = std::min<std::size_t>(data[at],
							   size - at - 2);

		see(observer, data + at + 2, length, data[at + 1]);
		at += length + 2;
		packets++;
	}
	EXPECT(observer.packets() == packets);
	for (const Vip &vip : observer.vips()) {
		counted += vip.requests.packets + vip.replies.packets;
		EXPECT(vip.marked_replies <= vip.replies.packets);
		EXPECT(vip.offloaded <=
		       vip.requests.packets + vip.replies.packets);
	}
	EXPECT(counted <= packets);
	for (const Finding &finding : observer.findings()) {
		EXPECT(finding.count && finding.count <= packets);
		EXPECT(!finding.text.empty());
	}
	return 0;
}
