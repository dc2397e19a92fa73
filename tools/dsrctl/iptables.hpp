// SPDX-License-Identifier: BSD-3-Clause
// The datapath of the module: rules of the target DADDR, through iptables-save
// and iptables-restore of the variant that the system's iptables is; those in
// the other variant are seen, and can be removed.
#pragma once

#include "dsrctl/iptables_rules.hpp"

namespace dsr {

class Iptables {
public:
	// Finds out which variant is the system's, of each family. @wait: so
	// many seconds for the lock of the legacy one.
	explicit Iptables(unsigned int wait = 30);

	bool available() const { return available_; }
	// "nft" or "legacy"
	const char *variant(Store store, Family family) const;

	// All rules of a family; no program is started where no table could
	// hold some.
	std::vector<Rule> read(Family family) const;

	// What iptables-save prints of a store; empty where there is no such
	// program, or nothing of the other variant.
	std::string save(Family family, Store store) const;

	// Those of the steps that are in the transaction. Throws Error; nothing
	// has changed then.
	void apply(const std::vector<RuleStep> &steps,
		   const Transaction &transaction) const;

	// Throws Error when somebody has the lock that the transaction needs
	// for as long as we wait.
	void wait_for_lock(const Transaction &transaction) const;

	// How a transaction is given to a program, but for its input.
	std::vector<std::string> restore_options() const;

	// The name of a program of a variant: "iptables", "ip6tables-save"
	std::string program(Store store, Family family,
			    const std::string &suffix) const;

private:
	// @tables: those that matter of the other variant
	std::string save_store(Family family, Store store,
			       const std::vector<std::string> &tables) const;
	bool has_table(Family family, Store store,
		       const std::vector<std::string> &tables) const;

	bool is_nft(Family family) const
	{
		return family == Family::ip4 ? nft4_ : nft6_;
	}

	const unsigned int wait_;
	bool available_ = false, nft4_ = false, nft6_ = false;
};

} // namespace dsr
