// SPDX-License-Identifier: BSD-3-Clause
// Packets as dsrctl watch sees them: whatever comes from the network, nothing
// is read beyond it, and what is counted adds up.
#include <cstring>
#include <memory>

#include "common/diagnosis.hpp"
#include "dsrctl/config.hpp"
#include "fuzz.hpp"

using namespace dsr;

namespace {

const char CONFIG[] = "10.128.8.46 = 7\n"
		      "10.128.8.47 = AF11\n"
		      "2001:db8::46 = 7\n"
		      "10.9.9.9\n";

std::vector<Diagnosis::Mapping> mappings()
{
	ConfigReader reader(resolve);
	std::vector<Diagnosis::Mapping> mappings;

	reader.add(CONFIG, "fuzz");
	for (const Entry &entry : reader.config.entries)
		mappings.push_back({entry.ip, entry.dscp});
	return mappings;
}

// In memory of its own size, so that a sanitizer sees each byte beyond it.
void see(Diagnosis &diagnosis, const std::uint8_t *data, std::size_t size, std::uint32_t more)
{
	auto bytes = std::make_unique<std::uint8_t[]>(size);
	Packet packet;

	std::memcpy(bytes.get(), data, size);
	packet.data = bytes.get();
	packet.captured = static_cast<std::uint32_t>(size);
	packet.length = packet.captured + more;
	packet.family = size && data[0] >> 4 == 6 ? Family::ip6 : Family::ip4;
	const Diagnosis::Finding *news = diagnosis.see(packet);
	EXPECT(!news || news->text().find('\n') == std::string::npos);
}

} // namespace

// Packets one after the other: a byte says how long the next one is, and
// another how much of it was not captured.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	static const std::vector<Diagnosis::Mapping> config = mappings();
	std::uint64_t counted = 0, packets = 0;
	Diagnosis diagnosis(config, {}, 64);

	for (std::size_t at = 0; at + 2 < size;) {
		std::size_t length = std::min<std::size_t>(data[at], size - at - 2);

		see(diagnosis, data + at + 2, length, data[at + 1]);
		at += length + 2;
		packets++;
	}
	EXPECT(diagnosis.packets() == packets);
	for (const Diagnosis::Vip &vip : diagnosis.vips()) {
		counted += vip.requests.packets + vip.replies.packets;
		EXPECT(vip.marked_replies <= vip.replies.packets);
		EXPECT(vip.offloaded <= vip.requests.packets + vip.replies.packets);
	}
	EXPECT(counted <= packets);
	for (const Diagnosis::Finding &finding : diagnosis.findings()) {
		EXPECT(finding.count && finding.count <= packets);
		EXPECT(!finding.text().empty());
	}
	return 0;
}
