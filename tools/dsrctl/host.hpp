// SPDX-License-Identifier: BSD-3-Clause
// The host: reading what it is, and carrying a plan out.
#pragma once

#include <csignal>

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
	bool has_iptables() const { return iptables_.available(); }
	const char *variant(Store store, Family family) const
	{
		return iptables_.variant(store, family);
	}

	// Of all stores.
	std::vector<Rule> read(bool ip4, bool ip6) const;

	// Addresses before rules when adding, after them when removing. What
	// fails is undone. @before: the rules that there were. Throws Error.
	void apply(const Plan &plan, const std::vector<Rule> &before) const;

	// As commands.
	std::string describe(const Plan &plan) const;

private:
	void apply_rules(const std::vector<RuleStep> &steps, bool last) const;
	void undo(const std::vector<AddressStep> &done) const;

	Iptables iptables_;
};

} // namespace dsr
