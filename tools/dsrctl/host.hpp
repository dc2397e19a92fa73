// SPDX-License-Identifier: BSD-3-Clause
// The host: reading what it is, and carrying a plan out.
#pragma once

#include <csignal>
#include <set>

#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/iptables.hpp"
#include "dsrctl/nftables.hpp"
#include "dsrctl/plan.hpp"

namespace dsr {

// A transaction of rules was refused. Nothing is changed: what had been done
// before it is undone.
class RuleError : public Error {
public:
	using Error::Error;
};

// Something is changed, and could not be undone.
class HalfDone : public Error {
public:
	using Error::Error;
};

// While it lives, a signal that ends programs waits.
class HoldSignals {
public:
	HoldSignals();
	~HoldSignals();
	HoldSignals(const HoldSignals &) = delete;

private:
	sigset_t before_;
};

class Host {
public:
	// @wait: so many seconds for what others have locked
	explicit Host(unsigned int wait) : iptables_(wait) {}

	bool has_iptables() const { return iptables_.available(); }
	const char *variant(Store store, Family family) const
	{
		return iptables_.variant(store, family);
	}

	struct Found {
		std::vector<Rule> rules; // of the form that dsrctl makes
		nf::Ruleset others;	 // all but those for known items
		// those of nf_tables that are dormant: "ip raw"
		std::set<std::string> dormant;
	};
	// @known: what is configured, or was started
	Found read(bool ip4, bool ip6, const std::set<Item> &known = {}) const;

	// Is it in one of these tables of nf_tables?
	bool is_in(const std::set<std::string> &tables, const Rule &rule) const;

	// Until nobody has locked what the plan needs. Throws Error.
	void wait_for_locks(const Plan &plan) const;

	// Addresses before rules when adding, after them when removing. When
	// that fails, what was done is undone, but for what is only to be
	// removed at the end. @before: the rules that there were. Throws
	// HalfDone, or another Error: then nothing has changed.
	void apply(const Plan &plan, const std::vector<Rule> &before) const;

	// As commands.
	std::string describe(const Plan &plan) const;

private:
	void apply_rules(const Plan &plan, const std::vector<Rule> &before) const;
	std::string undo_rules(const std::vector<RuleStep> &steps,
			       const std::vector<Rule> &before) const;
	static std::string undo_addresses(const std::vector<AddressStep> &done);

	Iptables iptables_;
};

} // namespace dsr
