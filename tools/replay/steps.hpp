// SPDX-License-Identifier: BSD-3-Clause
// The steps of a rule, done to a packet of a capture as the kernel does them to
// one of its own.
#pragma once

#include <string_view>

#include "common/packet.hpp"
#include "common/registers.hpp"
#include "common/ruleset.hpp"

namespace dsr::replay {

enum class Matched : std::uint8_t {
	no,
	yes,
	drop, // the packet ends before what decides: not even dropped by a rule
	cut   // the capture does
};

// Of a packet: x_tables' xt_action_param, nf_tables' nft_pktinfo.
struct Transport {
	std::uint8_t protocol = 0;
	std::uint32_t offset = 0, fragment_offset = 0;
};

class Steps {
public:
	// @interface: that the packet came in by; empty when nobody knows: then
	// each step that asks for it holds, or none does, by @assumed.
	Steps(const nf::Table &table, const std::vector<const nf::Step *> &steps,
	      const Packet &packet, std::string_view interface, bool assumed)
		: table_(table), steps_(steps), packet_(packet), interface_(interface),
		  assumed_(assumed)
	{
	}

	// Up to the next step that does something to the packet, which effect() is
	// then; null after the last.
	Matched next();
	const nf::Step *effect() const { return effect_; }
	// Where the packet goes, where a look-up was to say it.
	const nf::Verdict *looked_up() const { return verdict_; }
	const nf::Registers &registers() const { return registers_; }
	bool is_xtables() const { return table_.owner != nf::Table::Owner::nf_tables; }
	// Matched::yes, and transport() says where it is; or why there is none.
	Matched find_transport();
	const Transport &transport() const { return transport_; }

private:
	Matched take(const nf::Match &match);
	Matched take(const nf::InInterface &in) const;
	Matched take(const nf::L4Protocol &wanted);
	Matched take(const nf::L4Header &header);
	Matched take(const nf::AnyPort &ports);
	Matched take(const nf::Load &load);
	Matched take(const nf::LoadMeta &load);
	Matched take(const nf::Constant &constant);
	Matched take(const nf::Mask &mask);
	Matched take(const nf::Shift &shift);
	Matched take(const nf::SwapBytes &swap);
	Matched take(const nf::Test &test) const;
	Matched take(const nf::Between &range) const;
	Matched take(const nf::Lookup &lookup);
	// Of what nobody here can tell, no rule consists that is applied.
	static Matched take(const nf::LoadUnknown &) { return Matched::no; }
	static Matched take(const nf::Perhaps &) { return Matched::no; }
	// and these are effects
	static Matched take(const nf::Write &) { return Matched::yes; }
	static Matched take(const nf::Rewrite &) { return Matched::yes; }
	static Matched take(const nf::Verdict &) { return Matched::yes; }

	Matched holds(nf::Truth truth) const;
	Matched find_transport6();
	Matched place(nf::Header header, std::uint32_t offset, std::uint32_t length,
		      const std::uint8_t *&at);

	const nf::Table &table_;
	const std::vector<const nf::Step *> &steps_;
	const Packet &packet_;
	const std::string_view interface_;
	const bool assumed_;
	std::size_t at_ = 0;
	const nf::Step *effect_ = nullptr;
	const nf::Verdict *verdict_ = nullptr;
	bool found_ = false;
	Transport transport_;
	nf::Registers registers_;
};

// Are these bytes of a packet there? If not, who has cut them off?
Matched look(const Packet &packet, std::uint64_t end);

// Does a rule of xtables match?
Matched matches(const nf::Rule &rule, const Packet &packet, std::string_view interface = {});

} // namespace dsr::replay
