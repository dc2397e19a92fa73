// SPDX-License-Identifier: BSD-3-Clause
// What status and check say.
#pragma once

#include <functional>

#include "dsrctl/plan.hpp"

namespace dsr {

enum class Standing : std::uint8_t { stopped, partial, started };

const char *name(Standing standing);

enum class RowType : std::uint8_t {
	l3dsr,
	l2dsr,
	loopb, // an address, without a rule
	iptbl  // a rule, without its address
};

const char *name(RowType type);

struct Row {
	RowType type = RowType::l3dsr;
	Standing standing = Standing::stopped;
	std::string name, ipaddr, dscp, loopback;
	bool rule = false;
	std::string table; // "--" when it is none of a rule
	std::optional<Ip> to;
	std::optional<PortChange> ports;
	bool configured = true;
	const Entry *entry = nullptr; // of one that is configured
};

std::vector<Row> configured_rows(const Config &config, const Actual &actual);
// What is active and not configured: pairs, addresses, rules.
std::vector<Row> discovered_rows(const Config &config, const Actual &actual,
				 const std::vector<Owned> &owned);

std::string status_text(const std::vector<Row> &rows, bool all, bool header);
std::string status_json(const std::vector<Row> &rows);

// Which a store of a family is: "nft" or "legacy".
using Variant = std::function<std::string(Store, Family)>;

// Rules that do the same, and a mix of variants: what an operator wants to
// know of.
std::vector<std::string> oddities(const Config &config, const Actual &actual, bool all,
				  const Variant &variant);

struct Check {
	std::string line;
	int status = 0;
	unsigned int configured = 0, started = 0;
};

// @ip6: has the host IPv6? What it cannot have does not count.
Check check(const std::vector<Row> &rows, bool ip6);
std::string check_json(const Check &check);

} // namespace dsr
