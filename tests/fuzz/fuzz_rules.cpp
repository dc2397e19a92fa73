// SPDX-License-Identifier: BSD-3-Clause
// The parser of rulesets, and the rules it made on a few packets.
#include <string>

#include "fuzz.hpp"
#include "rules.hpp"

namespace {

void match_all(const replay::Ruleset &rules)
{
	static const std::uint8_t packets[2][60] = {
		{0x45, 0x1c, 0, 60, 0, 0, 0, 0, 61, 6},
		{0x61, 0xc0, 0, 0, 0, 20, 60, 61},
	};

	for (const std::uint8_t *bytes : packets)
		for (std::uint32_t size = 40; size <= 60; size++) {
			replay::Packet packet;

			packet.data = const_cast<std::uint8_t *>(bytes);
			packet.captured = size;
			packet.length = size & 1 ? 60 : size;
			packet.family = bytes[0] >> 4 == 4 ?
					replay::Family::ip4 :
					replay::Family::ip6;
			for (const auto &rule : rules.of(packet.family))
				matches(rule, packet);
		}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data,
				      std::size_t size)
{
	const std::string text(data, data + size);
	replay::Ruleset rules, again;

	try {
		replay::parse_rules(text, "fuzz", rules);
	} catch (const replay::Error &error) {
		const std::string what = error.what();

		// where it is, and on one line
		EXPECT(what.rfind("fuzz:", 0) == 0);
		EXPECT(what.find("found ") != what.npos);
		EXPECT(what.find(", expected ") != what.npos);
		EXPECT(what.find('\n') == what.npos);
		return 0;
	}
	match_all(rules);

	// each rule alone, as it is printed in an explanation, is itself
	for (auto family : {replay::Family::ip4, replay::Family::ip6})
		for (const replay::Rule &rule : rules.of(family)) {
			EXPECT(rule.where.rfind("fuzz:", 0) == 0);
			again = {};
			replay::parse_rules("*raw\n" + rule.text + "\nCOMMIT\n",
					    "again", again);
			EXPECT(again.of(family).size() == 1);
			EXPECT(again.of(family)[0].action.daddr ==
			       rule.action.daddr);
			EXPECT(again.of(family)[0].matches.size() ==
			       rule.matches.size());
		}
	return 0;
}
