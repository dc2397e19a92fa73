// SPDX-License-Identifier: BSD-3-Clause
// What dsrctl remembers under /run: what it started and from where, and what
// host names were resolved to. Of each network namespace separately.
#pragma once

#include <functional>

#include "common/descriptor.hpp"
#include "dsrctl/network.hpp"
#include "dsrctl/options.hpp"
#include "dsrctl/plan.hpp"

namespace dsr {

struct State {
	std::string network;		// what identifies it; empty: not known
	std::optional<Backend> backend; // of the last start; none when nothing is
	std::vector<Owned> entries;

	// What a host name was resolved to; this configuration's comes first.
	std::optional<Ip> remembered(const std::string &name, const std::string &source) const;
	void add(const Owned &owned);
};

std::string state_text(const State &state);
// Throws Error.
State parse_state(const std::string &text, const std::string &file);

// Whoever changes something keeps others out that do until it is gone; whoever only
// looks waits for nobody. Nobody believes or locks what another user may have put
// there. Throws Error.
class StateFile {
public:
	enum class Access : std::uint8_t { read, change };

	// @wait: so many seconds for others that change something
	StateFile(Access access, unsigned int wait, const std::string &directory = "/run/dsrctl");

	// A file that is damaged is reported, and counts as empty; so does that
	// of a network namespace that is gone, and had the same number.
	State read(std::string &warning) const;
	// Either the old or the new is there, whatever happens. Throws Error.
	void write(const State &state) const;
	// When something was written, in seconds since 1970; none when nothing
	// is started.
	std::optional<std::int64_t> changed() const;

	// Removes what is left of network namespaces that are gone; not when
	// nobody knows.
	using Networks = std::optional<std::set<std::string>>;
	void sweep(const std::function<Networks()> &live = live_networks) const;

private:
	const std::string directory_, path_;
	Descriptor lock_;
};

} // namespace dsr
