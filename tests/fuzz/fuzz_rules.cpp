// SPDX-License-Identifier: BSD-3-Clause
// The parser of rulesets, and the rules it made on a few packets.
#include <pcap/dlt.h>

#include <cstring>
#include <string>

#include "fuzz.hpp"
#include "replay/engine.hpp"

using namespace dsr;

namespace {

// What is left out of a program could not have mattered: a trace is made of all.
void run_all(const replay::Ruleset &rules)
{
	static const std::uint8_t packets[2][60] = {
		{0x45, 0x1c, 0, 60, 0, 0, 0, 0, 61, 6, 0x7d, 0x97},
		{0x61, 0xc0, 0, 0, 0, 20, 60, 61},
	};
	static const Interface interface {
		DLT_RAW, 0, 0, false, ""
	};
	replay::Engine one(rules, {}), other(rules, {});

	for (const std::uint8_t *bytes : packets)
		for (std::uint32_t size = 40; size <= 60; size++) {
			std::vector<std::uint8_t> all(bytes, bytes + size), some = all;
			const std::uint32_t length = size & 1 ? 60 : size;
			replay::Trace trace;
			const bool kept = one.process_any({all.data(), size, length, 0, &interface},
							  &trace);

			EXPECT(other.process({some.data(), size, length, 0, &interface}) == kept);
			EXPECT(!kept || all == some);
		}
	EXPECT(!std::memcmp(&one.counters(), &other.counters(), sizeof(replay::Counters)));
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
	replay::Ruleset rules;

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
	try {
		run_all(rules);
	} catch (const Error &error) { // chains without an end
		const std::string what = error.what();

		EXPECT(what.find("found ") != what.npos);
		EXPECT(what.find(", expected ") != what.npos);
	}

	// each rule alone, as it is printed in an explanation, is itself
	for (const nf::Table &table : rules.tables().tables)
		for (const auto &[name, chain] : table.chains)
			for (const nf::Rule &rule : chain.rules) {
				const auto *action = std::get_if<nf::Rewrite>(&rule.steps.back());

				EXPECT(rule.where.rfind("fuzz:", 0) == 0);
				if (!action || rule.words.empty())
					continue;
				check_action(*action);
				const nf::Rule again = replay::parse_rule(rule.words);
				EXPECT(again.steps.size() == rule.steps.size());
				EXPECT(same(std::get<nf::Rewrite>(again.steps.back()), *action));
			}
	return 0;
}
