// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/change.hpp"

#include <unistd.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/process.hpp"
#include "dsrctl/netlink.hpp"
#include "dsrctl/say.hpp"

namespace dsr {

namespace {

// The first rule that is added, or none.
const Rule *first_added(const Plan &plan)
{
	auto step = std::find_if(plan.rules.begin(), plan.rules.end(),
				 [](const RuleStep &step) {
					 return step.kind == RuleStep::Kind::add;
				 });

	return step == plan.rules.end() ? nullptr : &step->any();
}

} // namespace

void Change::choose_store(const State &state)
{
	const std::string &backend =
		options_.backend.empty() ? state.backend : options_.backend;

	how_.store = backend == "nft" ? Store::nft : Store::iptables;
	if (how_.store == Store::iptables && !system_.has_iptables() &&
	    nft::available() && options_.backend.empty()) {
		say("found no iptables on this host: using rules of nftables instead (--backend nft)");
		how_.store = Store::nft;
	}
}

Target Change::target(Family family) const
{
	// Nothing is loaded only to be able to show what would be done.
	if (options_.show && access("/sys/module/xt_DADDR", F_OK))
		return Target::revision1;
	return probe_target(family);
}

// Where new rules go when the module is not there.
void Change::without_module()
{
	const char HINT[] = "see README.md for how to build and install the module xt_DADDR";

	if (!options_.backend.empty() || !nft::available())
		throw Error(std::string("found no target DADDR in this kernel, expected the module xt_DADDR to load: ") +
			    HINT + ", or use --backend nft");
	say("found no target DADDR in this kernel: using rules of nftables instead (--backend nft), which do the same without the module");
	how_.store = Store::nft;
}

// One rule for all VIPs where the target can do that and nobody wants others.
Plan Change::make_plan(const Goal &goal, const Actual &actual,
		       const State &state)
{
	choose_store(state);
	how_.map = may_fall_back_ = false;
	Plan plan = dsr::make_plan(goal, actual, how_);
	const Rule *added = first_added(plan);
	if (how_.store != Store::iptables || !added)
		return plan;
	Target target = this->target(added->family);
	if (target == Target::absent) {
		without_module();
		return dsr::make_plan(goal, actual, how_);
	}
	if (options_.rules == "each")
		return plan;
	if (target == Target::revision0) {
		if (options_.rules == "map")
			throw Error("--rules map: found revision 0 of the target DADDR in this kernel, expected revision 1: --rules each does without");
		return plan;
	}
	how_.map = true;
	may_fall_back_ = options_.rules.empty();
	return dsr::make_plan(goal, actual, how_);
}

void Change::apply(const Goal &goal, const Actual &actual, Plan &plan)
{
	try {
		system_.apply(plan, actual.rules);
	} catch (const RuleError &error) {
		if (!may_fall_back_)
			throw;
		// An old plugin with a new module.
		say("one rule for all VIPs was refused (" +
		    std::string(error.what()) +
		    "): using one a VIP, as with --rules each");
		how_.map = false;
		plan = dsr::make_plan(goal, actual, how_);
		system_.apply(plan, actual.rules);
	}
}

// The state file knows of everything before it is there, and until after it is
// gone: whoever finds us dead can put it right.
void Change::execute(const Intent &intent, const Actual &actual, State &state)
{
	Plan plan = make_plan(intent.goal, actual, state);
	State during = state, after = intent.after;

	for (const std::string &warning : plan.warnings)
		say(warning);
	if (options_.verbose || options_.show)
		std::cout << system_.describe(plan) << std::flush;
	if (options_.show)
		return;
	for (const Owned &owned : after.entries)
		during.add(owned);
	during.backend = after.backend =
		how_.store == Store::nft ? "nft" : "daddr";
	HoldSignals hold;
	file_.write(during);
	try {
		apply(intent.goal, actual, plan);
	} catch (const Error &) {
		file_.write(state);
		throw;
	}
	file_.write(after);
	state = after;
	added_ += plan.add.size();
	removed_ += plan.remove.size();
	rules_ += plan.rules.size();
}

std::string Change::report() const
{
	return nlohmann::json{{"addresses_added", added_},
			      {"addresses_removed", removed_},
			      {"rules_changed", rules_},
			      {"processes", processes_started()}}.dump(2) +
	       "\n";
}

} // namespace dsr
