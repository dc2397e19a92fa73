// SPDX-License-Identifier: BSD-3-Clause
// The parser of rulesets, and the rules it made on a few packets.
#include <string>

#include "fuzz.hpp"
#include "replay/match.hpp"

using namespace dsr;

namespace {

void match_all(const replay::Ruleset &rules)
{
	static const std::uint8_t packets[2][60] = {
		{0x45, 0x1c, 0, 60, 0, 0, 0, 0, 61, 6},
		{0x61, 0xc0, 0, 0, 0, 20, 60, 61},
	};

	for (const std::uint8_t *bytes : packets)
		for (std::uint32_t size = 40; size <= 60; size++) {
			Packet packet;

			packet.data = const_cast<std::uint8_t *>(bytes);
			packet.captured = size;
			packet.length = size & 1 ? 60 : size;
			packet.family = bytes[0] >> 4 == 4 ? Family::ip4 : Family::ip6;
			for (const auto &rule : rules.of(packet.family)) {
				// what is left out could not have mattered
				if (!rule.concerns_dscp(dscp_of(packet), false))
					EXPECT(matches(rule, packet) == replay::Matched::no ||
					       !rule.action.destination(dscp_of(packet)));
				matches(rule, packet);
			}
		}
}

// What the kernel would take of the target's side of a rule.
void check_action(const replay::Action &action)
{
	EXPECT(!(action.mapped & 1));
	EXPECT(action.is_map() == !!action.mapped);
	EXPECT(!action.is_map() || !action.dport);
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		const Ip *to = action.destination(dscp);

		EXPECT(!to == !(action.mapped >> dscp & 1 || !action.is_map()));
		EXPECT(!to || to->family == action.daddr.family);
		EXPECT(!to || to->bytes != Ip{}.bytes);
	}
}

bool same(const replay::Action &one, const replay::Action &other)
{
	return one.daddr == other.daddr && one.dport == other.dport && one.map == other.map &&
	       one.mapped == other.mapped;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const std::string text(data, data + size);
	replay::Ruleset rules, again;

	try {
		replay::parse_rules(text, "fuzz", rules);
	} catch (const Error &error) {
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
	for (auto family : {Family::ip4, Family::ip6})
		for (const replay::Rule &rule : rules.of(family)) {
			EXPECT(rule.where.rfind("fuzz:", 0) == 0);
			again = {};
			replay::parse_rules("*raw\n" + rule.text + "\nCOMMIT\n", "again", again);
			EXPECT(again.of(family).size() == 1);
			check_action(rule.action);
			EXPECT(same(again.of(family)[0].action, rule.action));
			EXPECT(again.of(family)[0].matches.size() == rule.matches.size());
		}
	return 0;
}
