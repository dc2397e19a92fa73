// SPDX-License-Identifier: BSD-3-Clause
// The steps are those of nf_tables, net/netfilter/nft_*.c, done with bits of
// which some are not known: then both ways are followed.
#include "common/walk_table.hpp"

#include <algorithm>

#include "daddr_rewrite.h"

namespace dsr::nf {

namespace {

// Nothing that people write comes near: what does is given up, and said so.
constexpr std::size_t MOST_STATES = 64;
constexpr unsigned int DEEPEST = 16; // NFT_JUMP_STACK_SIZE

// One way through a rule.
struct Way {
	Flow flow;
	Registers registers;
	std::vector<Change> changes;
	Verdict verdict;
	bool ended = false; // a step did not hold
};

bool is_destination(const Flow &flow, const Write &write)
{
	const bool ip4 = flow.family == Family::ip4;
	const std::uint32_t at = ip4 ? DADDR_IP4_DADDR : DADDR_IP6_DADDR;

	return write.header == Header::network && write.offset < at + address_size(flow.family) &&
	       write.offset + write.length > at;
}

} // namespace

Truth holds(const Match &match, const Flow &flow)
{
	bool all_known = true;

	for (std::uint32_t i = 0; i < match.length; i++) {
		const std::uint32_t at = match.offset + i;
		std::uint8_t value = 0, known = 0;

		if (match.header == Header::network && at < flow.network.size()) {
			value = flow.network[at];
			known = flow.network_known[at];
		} else if (match.header == Header::transport && at < flow.ports.size()) {
			value = flow.ports[at];
			known = flow.ports_known[at];
		}
		if (((value ^ match.value[i]) & match.mask[i] & known) ||
		    (match.value[i] & ~match.mask[i]))
			return inverted(Truth::no, match.inverted);
		all_known &= !(match.mask[i] & ~known);
	}
	return inverted(all_known ? Truth::yes : Truth::maybe, match.inverted);
}

bool matches(const InInterface &wanted, std::string_view interface)
{
	std::string_view name = wanted.name;
	const bool many = name.ends_with('+');

	if (many)
		name.remove_suffix(1);
	return (many ? interface.starts_with(name) : interface == name) != wanted.inverted;
}

namespace {

class Walker {
public:
	Walker(const Table &table, const Base &base, bool &complete)
		: table_(table), base_(base), complete_(complete)
	{
	}

	void chain(const std::string &name, std::vector<Fate> states, unsigned int depth,
		   Ends &ends)
	{
		const auto found = table_.chains.find(name);

		if (found == table_.chains.end() || depth > DEEPEST) {
			complete_ = complete_ && depth <= DEEPEST;
			add(ends.through, std::move(states));
			return;
		}
		for (const Rule &rule : found->second.rules) {
			std::vector<Fate> next;

			if (!acts(rule, 0))
				continue;
			for (const Fate &state : states)
				one(found->first, rule, state, depth, next, ends);
			states = std::move(next);
		}
		add(ends.through, std::move(states));
	}

	using Ways = std::vector<Way>;

	// Through the steps of one rule.
	Ways through(const std::string &chain_name, const Rule &rule, Way way)
	{
		Ways ways;

		ways.push_back(std::move(way));
		for (const Step &step : rule.steps) {
			Ways after;

			for (Way &one : ways)
				if (one.ended || one.verdict.kind != Verdict::Kind::next)
					after.push_back(std::move(one));
				else
					std::visit(
						[&](const auto &what) {
							take(what, chain_name, rule, std::move(one),
							     after);
						},
						step);
			ways = std::move(after);
			if (ways.size() > MOST_STATES) {
				complete_ = false;
				ways.erase(ways.begin() + MOST_STATES, ways.end());
			}
		}
		return ways;
	}

private:
	static void add(std::vector<Fate> &to, std::vector<Fate> from)
	{
		for (Fate &fate : from)
			if (std::find(to.begin(), to.end(), fate) == to.end())
				to.push_back(std::move(fate));
	}

	// Can it do anything but count, mark and log? If not, it need not be
	// known whether it matches.
	bool acts(const Rule &rule, unsigned int depth) const
	{
		for (const Step &step : rule.steps) {
			if (std::holds_alternative<Write>(step) ||
			    std::holds_alternative<Rewrite>(step))
				return true;
			if (const auto *lookup = std::get_if<Lookup>(&step);
			    lookup && lookup->verdict)
				return true;
			const auto *verdict = std::get_if<Verdict>(&step);
			if (!verdict || verdict->kind == Verdict::Kind::next)
				continue;
			if (verdict->kind != Verdict::Kind::jump || depth > DEEPEST)
				return true;
			const auto chain = table_.chains.find(verdict->chain);
			if (chain != table_.chains.end() &&
			    std::any_of(chain->second.rules.begin(), chain->second.rules.end(),
					[&](const Rule &inner) { return acts(inner, depth + 1); }))
				return true;
		}
		return false;
	}

	void one(const std::string &chain_name, const Rule &rule, const Fate &state,
		 unsigned int depth, std::vector<Fate> &next, Ends &ends)
	{
		std::vector<Way> ways = through(chain_name, rule,
						{state.flow, {}, state.changes, {}, false});

		for (Way &way : ways)
			go(rule, {way.flow, std::move(way.changes), nullptr, false}, way.verdict,
			   depth, next, ends);
		if (next.size() > MOST_STATES) {
			complete_ = false;
			next.erase(next.begin() + MOST_STATES, next.end());
		}
	}

	void go(const Rule &rule, Fate fate, const Verdict &verdict, unsigned int depth,
		std::vector<Fate> &next, Ends &ends)
	{
		std::vector<Fate> states;
		Ends inner;

		switch (verdict.kind) {
		case Verdict::Kind::next:
			return add(next, {std::move(fate)});
		case Verdict::Kind::leave:
			return add(ends.through, {std::move(fate)});
		case Verdict::Kind::accept:
			return add(ends.accepted, {std::move(fate)});
		case Verdict::Kind::elsewhere:
			complete_ = false;
			return add(ends.accepted, {std::move(fate)});
		case Verdict::Kind::drop:
			fate.dropped = true;
			fate.dropped_by = &rule;
			return add(ends.dropped, {std::move(fate)});
		case Verdict::Kind::jump:
		case Verdict::Kind::go:
			break;
		}
		states.push_back(std::move(fate));
		chain(verdict.chain, std::move(states), depth + 1, inner);
		add(verdict.kind == Verdict::Kind::jump ? next : ends.through,
		    std::move(inner.through));
		add(ends.accepted, std::move(inner.accepted));
		add(ends.dropped, std::move(inner.dropped));
	}

	static void split(Truth truth, Way way, Ways &after)
	{
		if (truth == Truth::maybe) {
			Way other = way;

			other.ended = true;
			after.push_back(std::move(other));
		}
		way.ended = truth == Truth::no;
		after.push_back(std::move(way));
	}

	void take(const Load &load, const std::string &, const Rule &, Way way, Ways &after) const
	{
		Bytes value(load.length), known(load.length);
		const Flow &flow = way.flow;

		for (std::uint32_t i = 0; i < load.length; i++) {
			const std::uint32_t at = load.offset + i;

			if (load.header == Header::network && at < flow.network.size()) {
				value[i] = flow.network[at];
				known[i] = flow.network_known[at];
			} else if (load.header == Header::transport && at < flow.ports.size()) {
				value[i] = flow.ports[at];
				known[i] = flow.ports_known[at];
			}
		}
		way.registers.put(load.to, value.data(), known.data(), load.length);
		after.push_back(std::move(way));
	}

	void take(const LoadMeta &load, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		constexpr std::uint8_t IPV4 = 2, IPV6 = 10; // NFPROTO_
		const bool ip4 = way.flow.family == Family::ip4;
		Registers &registers = way.registers;

		registers.forget(load.to);
		if (load.key == Meta::nfproto)
			registers.constant(load.to, {ip4 ? IPV4 : IPV6});
		if (load.key == Meta::protocol)
			registers.constant(load.to, ip4 ? Bytes{0x08, 0x00} : Bytes{0x86, 0xdd});
		if (load.key == Meta::l4proto && way.flow.protocol)
			registers.constant(load.to, {*way.flow.protocol});
		if (load.key == Meta::iif && way.flow.in_index) {
			Bytes index(sizeof(way.flow.in_index));

			std::memcpy(index.data(), &way.flow.in_index, index.size());
			registers.constant(load.to, index);
		}
		if (load.key == Meta::iifname && way.flow.in) {
			Bytes name(way.flow.in->begin(), way.flow.in->end());

			name.resize(16); // IFNAMSIZ
			registers.constant(load.to, name);
		}
		after.push_back(std::move(way));
	}

	void take(const LoadUnknown &, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		way.registers.known = {};
		split(Truth::maybe, std::move(way), after);
	}

	void take(const Constant &constant, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		way.registers.constant(constant.to, constant.value);
		after.push_back(std::move(way));
	}

	void take(const Mask &mask, const std::string &, const Rule &, Way way, Ways &after) const
	{
		apply(mask, way.registers);
		after.push_back(std::move(way));
	}

	void take(const Shift &shift, const std::string &, const Rule &, Way way, Ways &after) const
	{
		apply(shift, way.registers);
		after.push_back(std::move(way));
	}

	void take(const SwapBytes &swap, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		apply(swap, way.registers);
		after.push_back(std::move(way));
	}

	void take(const Test &test, const std::string &, const Rule &, Way way, Ways &after) const
	{
		const Truth truth = compare(way.registers, test);

		split(truth, std::move(way), after);
	}

	void take(const Between &range, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		const Truth truth = between(way.registers, range);

		split(truth, std::move(way), after);
	}

	void take(const Lookup &lookup, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		const auto set = table_.sets.find(lookup.set);

		if (set == table_.sets.end() || !set->second.complete)
			return unknown(lookup, std::move(way), after);
		const Found found = look_up(set->second, way.registers, lookup.from);

		if (!lookup.to && !lookup.verdict) {
			const Truth truth = found.elements.empty() ? Truth::no :
					    !found.nothing && found.elements.size() == 1 ?
								     Truth::yes :
								     Truth::maybe;

			return split(inverted(truth, lookup.inverted), std::move(way), after);
		}
		if (found.nothing) {
			Way other = way;

			other.ended = true;
			after.push_back(std::move(other));
		}
		for (const Element *element : found.elements) {
			Way other = way;

			if (lookup.verdict)
				other.verdict = element->verdict;
			else
				other.registers.constant(*lookup.to, element->data);
			after.push_back(std::move(other));
			if (after.size() > MOST_STATES) {
				complete_ = false;
				break;
			}
		}
	}

	void unknown(const Lookup &lookup, Way way, Ways &after) const
	{
		if (lookup.verdict)
			complete_ = false;
		if (lookup.to)
			way.registers.forget(*lookup.to);
		split(Truth::maybe, std::move(way), after);
	}

	void take(const Write &write, const std::string &chain_name, const Rule &rule, Way way,
		  Ways &after) const
	{
		Flow &flow = way.flow;

		for (std::uint32_t i = 0; i < write.length; i++) {
			const std::uint32_t at = write.offset + i;
			const std::size_t from = std::min<std::size_t>(write.from + i,
								       REGISTERS - 1);
			const std::uint8_t value = way.registers.value[from];
			const std::uint8_t known = way.registers.known[from];

			if (write.header == Header::network && at < flow.network.size()) {
				flow.network[at] = value & known;
				flow.network_known[at] = known;
			} else if (write.header == Header::transport && at < flow.ports.size()) {
				flow.ports[at] = value & known;
				flow.ports_known[at] = known;
			}
		}
		if (is_destination(flow, write))
			way.changes.push_back(
				{&table_, &chain_name, &base_, &rule, flow.destination()});
		after.push_back(std::move(way));
	}

	void take(const Rewrite &rewrite, const std::string &chain_name, const Rule &rule, Way way,
		  Ways &after) const
	{
		Flow &flow = way.flow;
		const auto dscp = flow.dscp();
		auto go = [&](Way to, const Ip &ip) {
			to.flow.set_destination(ip);
			if (rewrite.dport)
				to.flow.set_destination_port(rewrite.dport);
			to.changes.push_back({&table_, &chain_name, &base_, &rule, ip});
			after.push_back(std::move(to));
		};

		if (!rewrite.is_map())
			return go(std::move(way), rewrite.daddr);
		if (dscp && !rewrite.destination(*dscp))
			return after.push_back(std::move(way));
		if (!dscp) // somebody wrote what nobody knows
			after.push_back(way);
		for (unsigned int number = 0; number < rewrite.map.size(); number++)
			if (const Ip *ip = rewrite.destination(number);
			    ip && (!dscp || number == *dscp))
				go(way, *ip);
	}

	void take(const Match &match, const std::string &, const Rule &, Way way, Ways &after) const
	{
		const Truth truth = holds(match, way.flow);

		split(truth, std::move(way), after);
	}

	void take(const InInterface &in, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		const Truth truth = !way.flow.in	      ? Truth::maybe :
				    matches(in, *way.flow.in) ? Truth::yes :
								Truth::no;

		split(truth, std::move(way), after);
	}

	void take(const L4Protocol &wanted, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		const auto &here = way.flow.protocol;
		const Truth truth = !here		   ? Truth::maybe :
				    *here == wanted.number ? Truth::yes :
							     Truth::no;

		split(inverted(truth, wanted.inverted), std::move(way), after);
	}

	// Where a packet ends up is asked of whole ones.
	void take(const L4Header &, const std::string &, const Rule &, Way way, Ways &after) const
	{
		after.push_back(std::move(way));
	}

	void take(const AnyPort &ports, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		const Flow &flow = way.flow;
		Truth any = Truth::no;

		for (const std::size_t at : {0U, 2U}) {
			if (at ? !ports.destination : !ports.source)
				continue;
			if ((flow.ports_known[at] & flow.ports_known[at + 1]) != 0xff) {
				any = std::max(any, Truth::maybe);
				continue;
			}
			const unsigned int port = flow.ports[at] << 8U | flow.ports[at + 1];
			for (const auto &[first, last] : ports.ranges)
				if (port >= first && port <= last)
					any = Truth::yes;
		}
		split(inverted(any, ports.inverted), std::move(way), after);
	}

	void take(const Perhaps &, const std::string &, const Rule &, Way way, Ways &after) const
	{
		split(Truth::maybe, std::move(way), after);
	}

	void take(const Verdict &verdict, const std::string &, const Rule &, Way way,
		  Ways &after) const
	{
		way.verdict = verdict;
		after.push_back(std::move(way));
	}

	const Table &table_;
	const Base &base_;
	bool &complete_; // nothing else may become of the packet
};

} // namespace

Ends walk_chain(const Table &table, const std::string &chain, const Base &base, Fate fate,
		bool &complete)
{
	std::vector<Fate> from;
	Ends ends;

	from.push_back(std::move(fate));
	Walker(table, base, complete).chain(chain, std::move(from), 0, ends);
	return ends;
}

May may_do(const Table &table, const Rule &rule, const Flow &flow)
{
	const std::string chain;
	const Base base;
	May may;
	bool all = true, any = false, complete = true;
	const auto ways =
		Walker(table, base, complete).through(chain, rule, {flow, {}, {}, {}, false});

	for (const auto &way : ways) {
		const bool does = !way.changes.empty() || way.flow != flow ||
				  way.verdict.kind != Verdict::Kind::next;

		may.changes |= !way.changes.empty();
		if (const auto dscp = way.flow.dscp())
			may.dscps.push_back(*dscp);
		if (!may.to && !way.changes.empty())
			may.to = way.changes[0].to;
		any |= does;
		all &= does && !way.ended;
	}
	may.truth = all && complete ? Truth::yes : any ? Truth::maybe : Truth::no;
	may.one = may.truth == Truth::yes && ways.size() == 1 && ways[0].changes.size() <= 1;
	if (may.one)
		may.verdict = ways[0].verdict;
	return may;
}

} // namespace dsr::nf
