// SPDX-License-Identifier: BSD-3-Clause
#include "replay/engine.hpp"

#include <algorithm>

#include "common/link.hpp"
#include "common/rule_steps.hpp"
#include "replay/write.hpp"

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

bool asks_interface(const nf::Rule &rule)
{
	return std::any_of(rule.steps.begin(), rule.steps.end(), [](const nf::Step &step) {
		const auto *load = std::get_if<nf::LoadMeta>(&step);

		return std::holds_alternative<nf::InInterface>(step) ||
		       (load && load->key == nf::Meta::iifname);
	});
}

bool asks_interface(const nf::Ruleset &rules, Family family)
{
	for (const nf::Table &table : rules.tables)
		for (const auto &[name, chain] : table.chains)
			if (table.sees(family) &&
			    std::any_of(chain.rules.begin(), chain.rules.end(),
					[](const nf::Rule &rule) { return asks_interface(rule); }))
				return true;
	return false;
}

// @interface: that all packets come in by; or empty
Programs compile_all(const nf::Ruleset &rules, const std::string &interface, Scope scope)
{
	Programs programs;

	for (Family family : FAMILIES)
		for (std::uint8_t dscp = 0; dscp < 64; dscp++) {
			nf::Flow flow(family, dscp);

			if (!interface.empty())
				flow.in = interface;
			programs[index_of(family)][dscp] = compile(rules, flow, scope);
		}
	return programs;
}

// Which VIP each DSCP stands for: by the first rule that takes it, whatever else
// that wants of a packet.
std::vector<Diagnosis::Mapping> mappings(const Programs &programs)
{
	std::vector<Diagnosis::Mapping> mappings;

	for (const auto &by_dscp : programs)
		for (std::uint8_t dscp = 1; dscp < 64; dscp++)
			if (by_dscp[dscp].first)
				mappings.push_back({*by_dscp[dscp].first, dscp});
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
	: rules_(rules), interface_(interface),
	  by_dscp_(compile_all(rules.tables(), interface, Scope::effective)),
	  diagnosis_(mappings(by_dscp_), servers)
{
	for (Family family : FAMILIES)
		asks_interface_[index_of(family)] = asks_interface(rules.tables(), family);
	if (interface.empty() && (asks_interface_[0] || asks_interface_[1]))
		unnamed_ = compile_all(rules.tables(), interface, Scope::unnamed);
}

// A trace is of all rules, those that do nothing included.
const Program &Engine::of_all(Family family)
{
	std::optional<Program> &program = of_all_[index_of(family)];
	nf::Flow flow(family, 0);

	flow.network_known = {};
	if (!program)
		program = compile(rules_.tables(), flow, Scope::all);
	return *program;
}

inline bool Engine::pass(const Frame &frame, Passed why, bool cut)
{
	counters_.passed_why[index_of(why)].add(frame);
	if (cut)
		counters_.cut.add(frame);
	return true;
}

bool Engine::drop(const Frame &frame, Drop why, Trace *trace)
{
	if (trace)
		explain(trace, std::string("dropped: ") + drop_text(why));
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

Matched Engine::take_write(const nf::Write &write, Steps &steps, Packet &packet,
			   const Arrival &arrival, Result &result, Trace *trace)
{
	const Written written = replay::write(write, steps, packet, arrival.zero_header_checksum,
					      trace);

	take(written.on, result);
	result.matched |= written.on == Matched::yes && !nf::is_tos(write);
	result.rewritten |= written.changed;
	result.cut |= written.cut;
	return written.on;
}

// Returns where the packet goes next.
std::uint32_t Engine::run_rule(const Program::Node &node, Packet &packet, const Arrival &arrival,
			       Result &result, Trace *trace)
{
	Steps steps(*node.table, node.steps, packet, arrival.interface, node.leads);
	bool said = false;

	for (;;) {
		const Matched matched = steps.next();

		if (trace && !said) {
			trace->push_back("rule " + node.rule->where + ": " + why_not(matched));
			if (matched == Matched::yes)
				trace->push_back("  " + node.rule->text);
		}
		said = true;
		take(matched, result);
		if (matched != Matched::yes)
			return node.next;
		if (steps.looked_up())
			return node.target(*steps.looked_up());
		if (!steps.effect())
			return node.next;
		if (const auto *verdict = std::get_if<nf::Verdict>(steps.effect()))
			return node.target(*verdict);
		if (const auto *write = std::get_if<nf::Write>(steps.effect())) {
			if (take_write(*write, steps, packet, arrival, result, trace) !=
			    Matched::yes)
				return node.next;
		} else if (const auto &rewrite = std::get<nf::Rewrite>(*steps.effect()); trace) {
			take(apply(rewrite, packet, arrival.zero_header_checksum, trace), result);
		} else {
			take(apply(rewrite, packet, arrival.zero_header_checksum), result);
		}
		if (result.drop != Drop::none)
			return Program::DROPPED;
	}
}

// Every rule gets the packet as the one before it left it (XT_CONTINUE).
[[gnu::noinline]] Engine::Result Engine::run_rules(const Program &program, Packet packet,
						   const Arrival &arrival, Trace *trace)
{
	Result result;
	std::uint32_t at = program.entry;

	while (at < Program::DROPPED && result.drop == Drop::none) {
		const Program::Node &node = program.nodes[at];

		if (node.rewrite) {
			take(apply(*node.rewrite, packet, arrival.zero_header_checksum), result);
			at = node.next;
		} else {
			at = run_rule(node, packet, arrival, result, trace);
		}
	}
	if (at == Program::DROPPED && result.drop == Drop::none)
		result.drop = Drop::rule;
	return result;
}

// After the rules.
[[gnu::always_inline]] inline bool Engine::finish(const Frame &frame, const Arrival &arrival,
						  const Program &program, const Result &result,
						  Checksum after, Trace *trace)
{
	if (result.drop != Drop::none)
		return drop(frame, result.drop, trace);
	counters_.checksums[index_of(arrival.before)][index_of(after)]++;
	if (trace)
		explain(trace, std::string("transport checksum, by a full sum: ") +
				       checksum_text(arrival.before) + " before, " +
				       checksum_text(after) + " after");
	counters_.offloaded += arrival.offloaded;
	if (!result.matched && !program.changes)
		counters_.no_rule_for_dscp[arrival.dscp]++;
	if (result.rewritten) {
		counters_.rewritten_by_dscp[arrival.dscp].add(frame);
		if (result.cut || result.undecided)
			counters_.cut.add(frame);
		return true;
	}
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

// The programs for packets that came in as this one did.
inline const Programs &Engine::programs_for(const Frame &frame, Family family, Arrival &arrival)
{
	if (!asks_interface_[index_of(family)])
		return by_dscp_;
	arrival.interface = interface_.empty() ? frame.interface->name : interface_;
	if (!arrival.interface.empty())
		return by_dscp_;
	counters_.interface_assumed++;
	return unnamed_;
}

// Functions get copies, so that the rest can stay in registers.
template <Family FAMILY, std::uint8_t PROTOCOL>
[[gnu::always_inline]] inline bool Engine::process_plain(const Frame &frame, const Packet &packet)
{
	const PlainCoverage<FAMILY, PROTOCOL> coverage(packet);
	Arrival arrival;
	Result result;

	arrival.dscp = dscp_of(packet);
	arrival.before = coverage.before();
	if (arrival.before == Checksum::bad ||
	    !diagnosis_.see_plain<FAMILY>(packet.data, packet.length, PROTOCOL)) {
		const Packet copy = packet;
		const Decoded decoded = decode(copy, arrival.before);

		diagnosis_.see(decoded);
		arrival.offloaded = decoded.sum == Sum::offload;
	}
	const Program &program = programs_for(frame, FAMILY,
					      arrival)[index_of(FAMILY)][arrival.dscp];
	if (program.only) {
		result.matched = true;
		result.rewritten = program.only->nft ?
					   write_plain<FAMILY, PROTOCOL>(program.only->to,
									 packet.data) :
					   apply_plain<FAMILY, PROTOCOL>(program.only->to,
									 packet.data);
	} else if (program.entry != Program::THROUGH) {
		const Arrival copy = arrival;

		result = run_rules(program, packet, copy, nullptr);
	}
	return finish(frame, arrival, program, result,
		      result.rewritten ? coverage.verify() : arrival.before, nullptr);
}

// Any packet; and why, for who asks.
bool Engine::process_any(const Frame &frame, Trace *trace)
{
	Packet packet;

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
	Arrival arrival;

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

	const Coverage coverage(packet);

	arrival.zero_header_checksum = received.offloaded;
	arrival.dscp = dscp_of(packet);
	arrival.before = coverage.verify(packet);
	const Decoded decoded = decode(packet, arrival.before);
	arrival.offloaded = decoded.sum == Sum::offload;
	diagnosis_.see(decoded);
	const Program &program = programs_for(frame, packet.family,
					      arrival)[index_of(packet.family)][arrival.dscp];
	const Result result = run_rules(trace ? of_all(packet.family) : program, packet, arrival,
					trace);

	return finish(frame, arrival, program, result,
		      result.rewritten ? coverage.verify(packet) : arrival.before, trace);
}

template <Family FAMILY>
[[gnu::always_inline]] inline bool Engine::process_ip(const Frame &frame, Packet &packet)
{
	packet.family = FAMILY; // for the compiler
	switch (receive_plain<FAMILY>(packet)) {
	case DADDR_PROTO_TCP:
		return process_plain<FAMILY, DADDR_PROTO_TCP>(frame, packet);
	case DADDR_PROTO_UDP:
		return process_plain<FAMILY, DADDR_PROTO_UDP>(frame, packet);
	}
	return process_any(frame, nullptr);
}

bool Engine::process(const Frame &frame)
{
	Packet packet;

	if (find_packet(frame, packet) != Link::ip)
		return process_any(frame, nullptr);
	return packet.family == Family::ip4 ? process_ip<Family::ip4>(frame, packet) :
					      process_ip<Family::ip6>(frame, packet);
}

} // namespace dsr::replay
