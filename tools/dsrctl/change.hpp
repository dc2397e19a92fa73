// SPDX-License-Identifier: BSD-3-Clause
// Brings the host where an action wants it, and remembers that.
#pragma once

#include "dsrctl/host.hpp"
#include "dsrctl/intent.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/options.hpp"

namespace dsr {

class Change {
public:
	// @how: the store and whether there are maps are chosen here, by what
	// the host has.
	Change(const Options &options, How how, const System &system,
	       const StateFile &file)
		: options_(options), how_(std::move(how)), system_(system),
		  file_(file)
	{
	}

	// @state: what is remembered; changes as the host does, and as little
	// with --show. Throws Error: nothing has changed.
	void execute(const Intent &intent, const Actual &actual, State &state);

	// What was changed in all, as JSON.
	std::string report() const;

private:
	void choose_store(const State &state);
	Target target(Family family) const;
	void without_module();
	Plan make_plan(const Goal &goal, const Actual &actual,
		       const State &state);
	void apply(const Goal &goal, const Actual &actual, Plan &plan);

	const Options &options_;
	How how_;
	const System &system_;
	const StateFile &file_;
	bool may_fall_back_ = false;
	std::size_t added_ = 0, removed_ = 0, rules_ = 0;
};

} // namespace dsr
