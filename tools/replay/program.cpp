// SPDX-License-Identifier: BSD-3-Clause
#include "replay/program.hpp"

#include <algorithm>
#include <cassert>
#include <set>

#include "common/rule_steps.hpp"
#include "common/walk_host.hpp"
#include "daddr_rewrite.h"
#include "replay/rules.hpp"

namespace dsr::replay {

namespace {

using nf::Truth;
using Index = std::uint32_t;

constexpr unsigned int DEEPEST = 16; // the kernel's XT_JUMPSTACK and NFT_JUMP_STACK_SIZE
constexpr std::size_t MOST_NODES = 20000;

// Who has to find the transport of an IPv6 packet, drops it where there is none.
bool finds_protocol(const nf::Rule &rule)
{
	return !rule.steps.empty() && std::holds_alternative<nf::L4Protocol>(rule.steps[0]);
}

// From the last rule to the first, so that where a packet goes next is there.
class Compiler {
public:
	Compiler(const nf::Ruleset &rules, const nf::Flow &flow, Scope scope)
		: rules_(rules), first_(flow), flow_(flow), marks_(marks(rules)), scope_(scope)
	{
		if (marks_) // then nobody knows which DSCP a rule sees
			flow_.network_known = {};
		here_ = flow_;
		flow_.in.reset();
	}

	Program compile()
	{
		const std::vector<nf::Place> places = nf::places(rules_, flow_.family);
		Index at = Program::THROUGH;

		for (auto place = places.rbegin(); place != places.rend(); ++place) {
			table_ = place->table;
			end_ = at;
			done_.clear();
			at = chain(*place->name, place->base->drops ? Program::DROPPED : at, 0,
				   false);
		}
		program_.entry = at;
		find_first();
		find_only();
		return std::move(program_);
	}

private:
	// Where packets go that come to a chain, and to @after from its end.
	// @knows_protocol: a rule before had to find the IPv6 transport.
	Index chain(const std::string &name, Index after, unsigned int depth, bool knows_protocol)
	{
		const auto found = table_->chains.find(name);
		Index at = after;

		if (found == table_->chains.end())
			return after;
		if (depth > DEEPEST)
			throw Error("found the chain " + quote(name) + " of the table " +
				    quote(table_->name) +
				    " more than 16 jumps away, expected no loop");
		const auto key = std::make_tuple(name, after, knows_protocol);
		if (const auto known = done_.find(key); known != done_.end())
			return known->second;
		const std::vector<nf::Rule> &rules = found->second.rules;
		const auto finder = std::find_if(rules.begin(), rules.end(), finds_protocol);
		for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
			const bool knows = knows_protocol || (!depth && rule.base() - 1 > finder);

			at = one(*rule, at, after, depth, knows);
		}
		done_.emplace(key, at);
		return at;
	}

	static bool marks(const nf::Ruleset &rules)
	{
		for (const nf::Table &table : rules.tables)
			for (const auto &[name, chain] : table.chains)
				if (std::any_of(chain.rules.begin(), chain.rules.end(),
						nf::sets_tos))
					return true;
		return false;
	}

	// @leave: where RETURN leads to
	Index one(const nf::Rule &rule, Index next, Index leave, unsigned int depth,
		  bool knows_protocol)
	{
		const bool whole = scope_ == Scope::all || looks_inside(rule, knows_protocol);

		if (!is_understood(rule)) {
			if (leads_)
				throw Error(
					rule.where + ": " + rule.problem +
					": it sets a DSCP before rules that give a new destination");
			return next;
		}
		if (!whole && is_ruled_out(rule))
			return next;
		const nf::May may = nf::may_do(*table_, rule, flow_);
		if (!whole && may.truth == Truth::no)
			return next;
		Program::Node node;

		node.table = table_;
		node.rule = &rule;
		node.leads = leads(*table_, rule);
		const nf::Flow here = flow_at(rule, node.leads);
		node.steps = steps_of(rule, here);
		leads_ |= node.leads;
		node.next = next;
		add_targets(node, leave, depth, knows_protocol);
		if (!whole && may.one)
			if (const auto only = shorten(node, may))
				return *only;
		// what comes after it is to be found in any case
		if (const nf::May by = here.in ? nf::may_do(*table_, rule, here) : nf::May();
		    !whole && by.one && by.changes)
			shorten(node, by);
		if (program_.nodes.size() >= MOST_NODES)
			throw Error(
				rule.where +
				": found chains that lead to each other in too many ways, expected fewer");
		program_.nodes.push_back(std::move(node));
		return static_cast<Index>(program_.nodes.size() - 1);
	}

	// As that rule sees packets here. Steps takes what nobody knows to hold, in rules
	// that lead to a destination.
	nf::Flow flow_at(const nf::Rule &rule, bool leads) const
	{
		nf::Flow flow = here_;

		if (scope_ != Scope::unnamed || !leads)
			return flow;
		for (const nf::Step &step : rule.steps)
			if (const auto *in = std::get_if<nf::InInterface>(&step); in && !flow.in)
				flow.in = in->inverted ? "" : in->name;
		return flow;
	}

	static std::vector<const nf::Step *> steps_of(const nf::Rule &rule, const nf::Flow &flow)
	{
		std::vector<const nf::Step *> steps;

		for (const nf::Step &step : rule.steps) {
			const auto *match = std::get_if<nf::Match>(&step);
			const auto *in = std::get_if<nf::InInterface>(&step);

			if (!(match && nf::holds(*match, flow) == Truth::yes) &&
			    !(in && flow.in && nf::matches(*in, *flow.in)))
				steps.push_back(&step);
		}
		return steps;
	}

	bool is_ruled_out(const nf::Rule &rule) const
	{
		return std::any_of(rule.steps.begin(), rule.steps.end(), [&](const nf::Step &step) {
			const auto *match = std::get_if<nf::Match>(&step);

			return match && nf::holds(*match, flow_) == Truth::no;
		});
	}

	// Who looks into the packet may have to drop it, or may find it cut. What
	// comes before that, and says no, leaves the packet alone.
	bool looks_inside(const nf::Rule &rule, bool knows_protocol) const
	{
		for (const nf::Step &step : rule.steps) {
			const auto *match = std::get_if<nf::Match>(&step);

			if (match && nf::holds(*match, flow_) == Truth::no)
				return false;
			if (std::holds_alternative<nf::L4Header>(step))
				return true;
			if (std::holds_alternative<nf::L4Protocol>(step) &&
			    flow_.family == Family::ip6 && !knows_protocol)
				return true;
		}
		return false;
	}

	void add_targets(Program::Node &node, Index leave, unsigned int depth, bool knows_protocol)
	{
		auto add = [&](const nf::Verdict &verdict) {
			if (verdict.kind != nf::Verdict::Kind::next)
				node.targets.emplace_back(verdict, target(verdict, node.next, leave,
									  depth, knows_protocol));
		};

		for (const nf::Step &step : node.rule->steps) {
			if (const auto *verdict = std::get_if<nf::Verdict>(&step))
				add(*verdict);
			const auto *lookup = std::get_if<nf::Lookup>(&step);
			if (!lookup || !lookup->verdict || !table_->sets.contains(lookup->set))
				continue;
			for (const nf::Element &element : table_->sets.at(lookup->set).elements)
				add(element.verdict);
		}
	}

	Index target(const nf::Verdict &verdict, Index next, Index leave, unsigned int depth,
		     bool knows_protocol)
	{
		using Kind = nf::Verdict::Kind;

		switch (verdict.kind) {
		case Kind::accept:
			return end_;
		case Kind::drop:
			return Program::DROPPED;
		case Kind::leave:
			return leave;
		case Kind::jump:
			return chain(verdict.chain, next, depth + 1, knows_protocol);
		case Kind::go:
			return chain(verdict.chain, leave, depth + 1, knows_protocol);
		case Kind::next:
		case Kind::elsewhere:
			break;
		}
		return next;
	}

	// Of a rule that holds for every packet, only what it does is left; and
	// where it does nothing but lead elsewhere, nothing.
	static std::optional<Index> shorten(Program::Node &node, const nf::May &may)
	{
		if (!may.changes && !nf::sets_tos(*node.rule))
			return node.target(may.verdict);
		for (const nf::Step &step : node.rule->steps)
			if (const auto *rewrite = std::get_if<nf::Rewrite>(&step)) {
				node.rewrite = rewrite;
				node.next = node.target(may.verdict);
			}
		return std::nullopt;
	}

	// In the order that packets come to them, with the DSCP that they have then.
	void find_first()
	{
		using State = std::pair<Index, std::uint8_t>;
		std::set<State> seen;
		std::vector<State> stack{{program_.entry, first_.dscp().value_or(0)}};

		while (!stack.empty()) {
			const auto [at, dscp] = stack.back();

			stack.pop_back();
			if (at >= program_.nodes.size() || !seen.emplace(at, dscp).second)
				continue;
			const Program::Node &node = program_.nodes[at];
			const nf::May may = nf::may_do(*node.table, *node.rule,
						       nf::Flow(first_.family, dscp));
			program_.changes |= may.changes;
			if (!program_.first)
				program_.first = may.to;
			for (const std::uint8_t left : may.dscps) {
				stack.emplace_back(node.next, left);
				for (auto one = node.targets.rbegin(); one != node.targets.rend();
				     ++one)
					stack.emplace_back(one->second, left);
			}
		}
	}

	// Is that all that it writes, with the checksums that nft has follow?
	bool writes_destination(const Program::Node &node) const
	{
		const bool ip4 = flow_.family == Family::ip4;
		const nf::Write *only = nullptr;

		for (const nf::Step &step : node.rule->steps)
			if (const auto *write = std::get_if<nf::Write>(&step)) {
				if (only)
					return false;
				only = write;
			}
		return only && node.table->owner == nf::Table::Owner::nf_tables &&
		       only->header == nf::Header::network &&
		       only->offset == nf::destination_at(flow_.family) &&
		       only->length == address_size(flow_.family) &&
		       only->checksum == (ip4 ? DADDR_IP4_CHECK : 0);
	}

	// Of one rule, for packets as they arrive.
	void find_only()
	{
		if (program_.entry >= program_.nodes.size() || !first_.dscp())
			return;
		const Program::Node &node = program_.nodes[program_.entry];

		if (node.rewrite) {
			// a port comes with a protocol, which not every packet has
			assert(!node.rewrite->dport);
			const Ip *to = node.rewrite->destination(*first_.dscp());
			if (to && node.next == Program::THROUGH)
				program_.only = {*to, false};
			return;
		}
		const nf::May may = nf::may_do(*node.table, *node.rule, first_);
		if (may.one && may.to && writes_destination(node) &&
		    node.target(may.verdict) == Program::THROUGH)
			program_.only = {*may.to, true};
	}

	const nf::Ruleset &rules_;
	const nf::Flow first_;	// as packets arrive
	nf::Flow flow_;		// as a rule sees them, by whatever interface
	nf::Flow here_ = flow_; // the same, by the one that all come in by, if any
	const bool marks_;	// does one of them set a DSCP?
	const Scope scope_;
	bool leads_ = false; // does one of those so far lead to a destination?
	const nf::Table *table_ = nullptr;
	Index end_ = Program::THROUGH; // where ACCEPT leads to
	std::map<std::tuple<std::string, Index, bool>, Index> done_;
	Program program_;
};

} // namespace

Program compile(const nf::Ruleset &rules, const nf::Flow &flow, Scope scope)
{
	return Compiler(rules, flow, scope).compile();
}

} // namespace dsr::replay
