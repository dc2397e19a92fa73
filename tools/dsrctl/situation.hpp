// SPDX-License-Identifier: BSD-3-Clause
// What an action goes by: the configuration, what is remembered of earlier
// ones, and the host as it is.
#pragma once

#include "dsrctl/host.hpp"
#include "dsrctl/options.hpp"
#include "dsrctl/state.hpp"

namespace dsr {

// What the configuration is, and where host names get their addresses from.
enum class Names : std::uint8_t {
	remembered, // what was started; DNS for what was not
	fresh,	    // DNS; what was started when it does not answer
	started	    // of what was started alone: no file is read
};

struct Situation {
	// Says what is wrong with the configuration or the state. Throws Error.
	Situation(const Options &options, StateFile::Access access, Names names);

	void read_actual();

	const Options &options;
	const StateFile file;
	const Table table; // of new rules
	const bool ip6;	   // has the host IPv6?
	const Host host;
	const std::string source; // what the state calls the configuration
	State state;
	Config config;
	Actual actual;

private:
	void read_configuration(Names names);
	void take_what_was_started();
	void find_served(const nf::Ruleset &others);
	std::optional<Ip> address_of(const std::string &name, Names names, std::string &why) const;
	bool concerns(Family family) const;
};

} // namespace dsr
