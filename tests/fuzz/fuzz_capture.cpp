// SPDX-License-Identifier: BSD-3-Clause
// The reader of captures, and all that happens to what it reads.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "fuzz.hpp"
#include "replay/capture.hpp"
#include "replay/engine.hpp"
#include "replay/explain.hpp"

using namespace dsr;

namespace {

// Rules that match much: marked or not, ports, both families; and all that the
// target can do.
const char RULES[] =
	"*raw\n"
	"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46\n"
	"-A PREROUTING -p udp --dport 1:40000 -m dscp ! --dscp 7 -j DADDR --set-daddr 10.128.8.47\n"
	"-A PREROUTING -p tcp --dport 80 -j DADDR --set-daddr 2001:db8::46\n"
	"-A PREROUTING ! -p tcp -j DADDR --set-daddr 2001:db8::47\n"
	"-A PREROUTING -p udp -j DADDR --set-daddr 10.128.8.48 --set-dport 53\n"
	"-A PREROUTING -p tcp -j DADDR --set-daddr 2001:db8::48 --set-dport 443\n"
	"-A PREROUTING -j DADDR --dscp-map 7=10.128.8.49,46=10.128.8.50\n"
	"-A PREROUTING -j DADDR --dscp-map 7=2001:db8::49,46=2001:db8::50\n"
	"COMMIT\n";

void run(const replay::Ruleset &rules, int file, bool explain)
{
	replay::CaptureReader reader(Descriptor(dup(file)), "fuzz");
	replay::CaptureWriter writer("/dev/null", reader);
	replay::Engine engine(rules, {});
	Frame frame;
	std::uint64_t packets = 0;

	while (reader.next(frame)) {
		packets++;
		EXPECT(frame.captured <= frame.length);
		if (explain)
			explain_frame(engine, frame, packets);
		else if (!engine.process(frame))
			reader.leave_out();
	}
	const replay::Counters &counters = engine.counters();
	EXPECT(counters.all().packets == packets);
	EXPECT(counters.good_to_bad() == 0);
	EXPECT(!reader.damage() || reader.damage()->packets == packets);
	writer.close();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	static const int file = memfd_create("capture", MFD_CLOEXEC);
	static replay::Ruleset rules;

	if (rules.empty())
		replay::parse_rules(RULES, "rules", rules);
	EXPECT(!ftruncate(file, 0));
	EXPECT(pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
	for (bool explain : {false, true}) {
		EXPECT(lseek(file, 0, SEEK_SET) == 0);
		try {
			run(rules, file, explain);
		} catch (const Error &) {
		}
	}
	return 0;
}
