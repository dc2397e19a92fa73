// SPDX-License-Identifier: BSD-3-Clause
// The datapath of the module: rules of the target DADDR, of the variant that the
// system's iptables is; those in the other variant are seen, and can be removed.
// Those of nft are read from the kernel, those of legacy from iptables-save;
// iptables-restore changes both.
#pragma once

#include "common/ruleset.hpp"
#include "dsrctl/iptables_rules.hpp"

namespace dsr {

// Those that matter to who asks.
enum class Tables : std::uint8_t {
	all,
	rewriting // raw and mangle
};

class Iptables {
public:
	// Finds out which variant is the system's, of each family. @wait: so
	// many seconds for the lock of the legacy one.
	explicit Iptables(unsigned int wait = 30);

	bool available() const { return available_; }
	// "nft" or "legacy"
	const char *variant(Store store, Family family) const;

	// The rules of a store as iptables-save prints them; none where there
	// is no such program, or nothing of the other variant.
	// @tables: read_nf_tables()
	Saved save(Family family, Store store, const std::vector<nf::Table> &tables,
		   Tables wanted) const;

	// Those of the steps that are in the transaction. Throws Error; nothing
	// has changed then.
	void apply(const std::vector<RuleStep> &steps, const Transaction &transaction) const;

	// Throws Error when somebody has the lock that the transaction needs
	// for as long as we wait.
	void wait_for_lock(const Transaction &transaction) const;

	// How a transaction is given to a program, but for its input.
	std::vector<std::string> restore_options() const;

	// The name of a program of a variant: "iptables", "ip6tables-save"
	std::string program(Store store, Family family, const std::string &suffix) const;

private:
	bool is_nft(Family family) const { return family == Family::ip4 ? nft4_ : nft6_; }

	const unsigned int wait_;
	bool available_ = false, nft4_ = false, nft6_ = false;
};

} // namespace dsr
