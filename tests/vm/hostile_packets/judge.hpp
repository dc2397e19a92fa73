// SPDX-License-Identifier: BSD-3-Clause
// What the target made of a packet, judged twice: by the userspace port, byte
// for byte, and by an oracle that shares no code with either.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "changes.hpp"
#include "replay/port.hpp"
#include "replay/rules.hpp"
#include "replay/steps.hpp"

namespace replay = dsr::replay;

namespace hostile {

using changes::Bytes;

// Is there the sum of the pseudo-header instead of a checksum, which somebody
// else completes? When that cannot be told from outside, both will do.
enum class Seed : std::uint8_t { no, yes, unknown };

enum class Fate : std::uint8_t { same, rewritten, dropped };

class Disagreement : public std::runtime_error {
public:
	using std::runtime_error::runtime_error;
};

class Judge {
public:
	// @nft: they are evaluated by nftables, not x_tables
	Judge(const std::vector<std::string> &rules, bool nft);

	// @after: none when no packet came out. @cut: the packet was longer.
	// Throws Disagreement.
	Fate judge(const Bytes &before, const std::optional<Bytes> &after, bool cut,
		   Seed seed) const;

private:
	// What -p makes of chains of extension headers. The port is like the
	// lab's kernel. Debian's before 6.1.0-56 do not see that the header
	// after the chain is past the end of the packet; 7.x drops a packet
	// with more than IP6_MAX_EXT_HDRS_CNT of them.
	enum class Kernel { lab, older, newer };

	struct Expected {
		Bytes bytes;
		replay::Outcome outcome = replay::Outcome::unmapped;
		bool dropped = false;
		const dsr::nf::Rule *rule = nullptr; // that applies
	};

	Fate judge(const Bytes &before, const std::optional<Bytes> &after, bool cut, Seed seed,
		   Kernel kernel) const;
	Expected by_port(const Bytes &before, bool cut, Kernel kernel) const;
	replay::Matched matches(const dsr::nf::Rule &rule, const Bytes &before,
				const dsr::Packet &packet, Kernel kernel) const;

	const bool nft_;
	std::vector<dsr::nf::Rule> rules_;
};

} // namespace hostile
