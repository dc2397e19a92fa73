// SPDX-License-Identifier: BSD-3-Clause
// What rules do to packets of one DSCP, one after the other: chains are put where
// they are called, and rules left out that would do nothing.
#pragma once

#include "common/flow.hpp"
#include "common/ruleset.hpp"

namespace dsr::replay {

struct Program {
	// Where packets end up.
	static constexpr std::uint32_t DROPPED = ~0U - 1, THROUGH = ~0U;

	struct Node {
		const nf::Table *table = nullptr;
		const nf::Rule *rule = nullptr;
		// Without those that hold for every packet.
		std::vector<const nf::Step *> steps;
		// All that it does, and to every packet; or null.
		const nf::Rewrite *rewrite = nullptr;
		bool leads = false; // to a new destination
		// Where a packet goes next, by itself or by what a rule says.
		std::uint32_t next = THROUGH;
		std::vector<std::pair<nf::Verdict, std::uint32_t>> targets;

		std::uint32_t target(const nf::Verdict &verdict) const
		{
			for (const auto &[one, to] : targets)
				if (one == verdict)
					return to;
			return next;
		}
	};

	std::vector<Node> nodes;
	std::uint32_t entry = THROUGH;
	// May a rule give a destination, and which does the first that may?
	bool changes = false;
	std::optional<Ip> first;
	// All that is done to packets, and to every one: they get this address.
	struct Only {
		Ip to;
		bool nft = false; // by nf_tables, not by the target
	};
	std::optional<Only> only;
};

// Which rules are in it, and what is known of the interface that packets come in by.
enum class Scope : std::uint8_t {
	all,	   // rules that would do nothing, too
	effective, // packets know it, or flow.in does
	unnamed	   // nobody does: it is the one that a rule asks for
};

// @flow: what is known of the packets; with an interface, all come in by that.
// Throws Error for chains that lead to each other without an end.
Program compile(const nf::Ruleset &rules, const nf::Flow &flow, Scope scope);

} // namespace dsr::replay
