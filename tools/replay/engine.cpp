// SPDX-License-Identifier: BSD-3-Clause
#include "replay/engine.hpp"

#include "common/link.hpp"
#include "replay/match.hpp"

namespace dsr::replay {

namespace {

// A line that has to be made is made only when there is a trace: nothing is
// allocated for a packet that nobody asked about.
void explain(Trace *trace, std::string_view line)
{
	if (trace)
		trace->emplace_back(line);
}

const char *why_not(Matched matched)
{
	switch (matched) {
	case Matched::no:
		return "no match";
	case Matched::drop:
		return "the packet ends before what a match looks at: x_tables drops it (hotdrop)";
	case Matched::cut:
		return "the capture ends before what a match looks at: taken for no match";
	case Matched::yes:
		break;
	}
	return "match";
}

// Which VIP each DSCP stands for: by the first rule that takes it, whatever else
// that wants of a packet.
std::vector<Diagnosis::Mapping> mappings(const Ruleset &rules)
{
	std::vector<Diagnosis::Mapping> mappings;

	for (Family family : FAMILIES)
		for (std::uint8_t dscp = 1; dscp < 64; dscp++)
			for (const Rule &rule : rules.of(family))
				if (rule.accepts_dscp(dscp)) {
					mappings.push_back({*rule.action.destination(dscp), dscp});
					break;
				}
	return mappings;
}

} // namespace

const char *checksum_text(Checksum checksum)
{
	switch (checksum) {
	case Checksum::none:
		return "none";
	case Checksum::good:
		return "good";
	case Checksum::bad:
		return "bad";
	default:
		return "unknown";
	}
}

Engine::Engine(const Ruleset &rules, const std::vector<Ip> &servers, const std::string &interface)
	: rules_(rules), interface_(interface), dscp_has_rule_(),
	  diagnosis_(mappings(rules), servers)
{
	index_rules(Family::ip4);
	index_rules(Family::ip6);
}

void Engine::index_rules(Family family)
{
	const std::size_t index = index_of(family);

	for (const Rule &rule : rules_.of(family))
		asks_interface_[index] |= rule.in.given;

	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		bool knows_protocol = false;

		for (const Rule &rule : rules_.of(family)) {
			if (rule.concerns_dscp(dscp, knows_protocol))
				by_dscp_[index][dscp].push_back({&rule, rule.is_certain()});
			knows_protocol |= rule.finds_protocol();
			dscp_has_rule_[index][dscp] |= rule.accepts_dscp(dscp);
		}
	}
}

inline bool Engine::pass(const Frame &frame, Passed why, bool cut)
{
	counters_.passed.add(frame);
	counters_.passed_why[index_of(why)].add(frame);
	if (cut)
		counters_.cut.add(frame);
	return true;
}

bool Engine::drop(const Frame &frame, Drop why, Trace *trace)
{
	if (trace)
		explain(trace, std::string("dropped: ") + drop_text(why));
	counters_.dropped.add(frame);
	counters_.dropped_why[index_of(why)].add(frame);
	return false;
}

inline void Engine::take(Matched matched, Result &result)
{
	if (matched == Matched::drop)
		result.drop = Drop::match;
	if (matched == Matched::cut)
		result.cut = true;
}

inline void Engine::take(Outcome outcome, Result &result)
{
	result.matched |= outcome != Outcome::unmapped;
	switch (outcome) {
	case Outcome::unmapped:
	case Outcome::unchanged:
		break;
	case Outcome::unchanged_cut:
		result.undecided = true;
		break;
	case Outcome::rewritten_cut:
		result.cut = true;
		[[fallthrough]];
	case Outcome::rewritten:
		result.rewritten = true;
		break;
	case Outcome::dropped:
		result.drop = Drop::short_transport;
		break;
	}
}

void Engine::run_rule(const Rule &rule, Packet &packet, bool zero_header_checksum,
		      std::string_view interface, Result &result, Trace &trace)
{
	const Matched matched = matches(rule, packet, interface);

	trace.push_back("rule " + rule.where + ": " + why_not(matched));
	take(matched, result);
	if (matched != Matched::yes)
		return;
	trace.push_back("  " + rule.text);
	take(apply(rule.action, packet, zero_header_checksum, &trace), result);
}

// Every rule gets the packet as the one before it left it (XT_CONTINUE). None
// changes its DSCP.
inline Engine::Result Engine::run_rules(Packet &packet, unsigned int dscp,
					bool zero_header_checksum, std::string_view interface) const
{
	Result result;

	for (const Candidate &candidate : by_dscp_[index_of(packet.family)][dscp]) {
		const Matched matched = candidate.certain ?
						Matched::yes :
						matches(*candidate.rule, packet, interface);

		take(matched, result);
		if (matched == Matched::yes)
			take(apply(candidate.rule->action, packet, zero_header_checksum), result);
		if (result.drop != Drop::none)
			break;
	}
	return result;
}

// A trace is of all rules, those that do nothing included.
Engine::Result Engine::run_rules(Packet &packet, bool zero_header_checksum,
				 std::string_view interface, Trace &trace) const
{
	Result result;

	for (const Rule &rule : rules_.of(packet.family)) {
		run_rule(rule, packet, zero_header_checksum, interface, result, trace);
		if (result.drop != Drop::none)
			break;
	}
	return result;
}

// What nobody changed is as good as it was.
[[gnu::always_inline]] inline void Engine::judge(const Coverage &coverage, const Packet &packet,
						 Checksum before, bool rewritten, Trace *trace)
{
	const Checksum after = rewritten ? coverage.verify(packet) : before;

	counters_.before[index_of(before)]++;
	counters_.after[index_of(after)]++;
	if (before == Checksum::good && after == Checksum::bad)
		counters_.good_to_bad++;
	if (trace)
		explain(trace, std::string("transport checksum, by a full sum: ") +
				       checksum_text(before) + " before, " + checksum_text(after) +
				       " after");
}

bool Engine::process(const Frame &frame, Trace *trace)
{
	Packet packet;

	counters_.all.add(frame);
	switch (find_packet(frame, packet)) {
	case Link::other:
		explain(trace, "not an IP packet: passed as it is");
		return pass(frame, Passed::not_ip);
	case Link::unknown:
		explain(trace, "of a link type that is not known here: passed as it is");
		return pass(frame, Passed::unknown_link);
	case Link::cut:
		explain(trace, "the capture ends within the link layer: passed as it is");
		return pass(frame, Passed::cut, true);
	case Link::ip:
		break;
	}

	Received received = receive(packet);
	if (received.drop != Drop::none) {
		if (received.drop == Drop::header_checksum)
			diagnosis_.see(packet);
		return drop(frame, received.drop, trace);
	}
	if (received.cut) {
		explain(trace, "the capture ends within the IP header: passed as it is");
		return pass(frame, Passed::cut, true);
	}
	counters_.header_checksum_zero += received.offloaded;

	const unsigned int dscp = dscp_of(packet);
	const Coverage coverage(packet);
	const Checksum before = coverage.verify(packet);
	const Decoded decoded = decode(packet, before);
	std::string_view interface;
	if (asks_interface_[index_of(packet.family)]) {
		interface = interface_.empty() ? frame.interface->name : interface_;
		counters_.interface_assumed += interface.empty();
	}
	diagnosis_.see(decoded);
	const Result result = trace ? run_rules(packet, received.offloaded, interface, *trace) :
				      run_rules(packet, dscp, received.offloaded, interface);

	if (result.drop != Drop::none)
		return drop(frame, result.drop, trace);
	judge(coverage, packet, before, result.rewritten, trace);
	counters_.offloaded += decoded.sum == Sum::offload;
	if (result.rewritten) {
		counters_.rewritten.add(frame);
		counters_.rewritten_by_dscp[dscp].add(frame);
		if (result.cut || result.undecided)
			counters_.cut.add(frame);
		return true;
	}
	if (!result.matched && !dscp_has_rule_[index_of(packet.family)][dscp])
		counters_.no_rule_for_dscp[dscp]++;
	if (result.undecided) {
		explain(trace, "passed as it is: the capture ends before the port");
		return pass(frame, Passed::cut, true);
	}
	if (result.matched) {
		explain(trace, "passed as it is: it has the new destination");
		return pass(frame, Passed::same, result.cut);
	}
	explain(trace, "passed as it is: no rule matches");
	return pass(frame, result.cut ? Passed::cut : Passed::no_rule, result.cut);
}

} // namespace dsr::replay
