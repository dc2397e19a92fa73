// SPDX-License-Identifier: BSD-3-Clause
// What happens to each packet of a capture, counted.
#pragma once

#include <numeric>
#include <optional>

#include "common/diagnosis.hpp"
#include "common/receive.hpp"
#include "replay/port.hpp"
#include "replay/program.hpp"
#include "replay/rules.hpp"
#include "replay/steps.hpp"

namespace dsr::replay {

struct Count {
	std::uint64_t packets = 0, bytes = 0; // bytes: on the wire

	void add(const Frame &frame)
	{
		packets++;
		bytes += frame.length;
	}
	Count &operator+=(const Count &other)
	{
		packets += other.packets;
		bytes += other.bytes;
		return *this;
	}
};

template <std::size_t COUNT>
Count total(const Count (&counts)[COUNT])
{
	return std::accumulate(std::begin(counts), std::end(counts), Count(),
			       [](Count sum, const Count &one) { return sum += one; });
}

template <class Enum>
constexpr std::size_t count_of = static_cast<std::size_t>(Enum::count);

template <class Enum>
constexpr std::size_t index_of(Enum value)
{
	return static_cast<std::size_t>(value);
}

// Why a packet is as it was.
enum class Passed : std::uint8_t {
	not_ip,
	unknown_link, // and nobody looked whether it is
	no_rule,      // none matched, or only maps without its DSCP
	same,	      // it has the new destination already
	cut,	      // the capture ends before what decides
	count
};

// Each packet is counted once in the first three, and once in checksums if it came
// to the rules and was not dropped.
struct Counters {
	Count rewritten_by_dscp[64];
	Count passed_why[count_of<Passed>];
	Count dropped_why[count_of<Drop>];
	// by what they were before and after
	std::uint64_t checksums[count_of<Checksum>][count_of<Checksum>] = {};
	Count cut; // something that was on the wire was missing
	// left to hardware: the header's, the transport's
	std::uint64_t header_checksum_zero = 0, offloaded = 0;
	std::uint64_t interface_assumed = 0; // of rules that ask for it
	std::uint64_t no_rule_for_dscp[64] = {};

	Count all() const { return rewritten() += passed() += dropped(); }
	Count rewritten() const { return total(rewritten_by_dscp); }
	Count passed() const { return total(passed_why); }
	Count dropped() const { return total(dropped_why); }
	std::uint64_t before(Checksum checksum) const
	{
		const auto &row = checksums[index_of(checksum)];

		return std::accumulate(std::begin(row), std::end(row), std::uint64_t{0});
	}
	std::uint64_t after(Checksum checksum) const
	{
		std::uint64_t sum = 0;

		for (const auto &row : checksums)
			sum += row[index_of(checksum)];
		return sum;
	}
	std::uint64_t good_to_bad() const
	{
		return checksums[index_of(Checksum::good)][index_of(Checksum::bad)];
	}
};

// By family and DSCP.
using Programs = std::array<std::array<Program, 64>, 2>;

class Engine {
public:
	// @interface: that every packet came in by; if empty, what the capture
	// says.
	Engine(const Ruleset &rules, const std::vector<Ip> &servers,
	       const std::string &interface = {});

	// Do to the frame what the rules say. False when the kernel would
	// drop it: it is as it was then, or not, and not to be written.
	bool process(const Frame &frame);
	// The same in more steps, whatever the packet is; and say why, unless
	// @trace is null.
	bool process_any(const Frame &frame, Trace *trace);

	const Counters &counters() const { return counters_; }
	const Diagnosis &diagnosis() const { return diagnosis_; }

private:
	// What the rules made of one packet.
	struct Result {
		Drop drop = Drop::none;
		bool matched = false, rewritten = false, cut = false;
		bool undecided = false; // cut before what would decide
	};

	// What is known of a packet when it comes to the rules.
	struct Arrival {
		bool zero_header_checksum = false;
		unsigned int dscp = 0;
		std::string_view interface; // empty: nobody knows
		Checksum before = Checksum::unknown;
		bool offloaded = false; // its transport checksum
	};

	template <Family FAMILY>
	bool process_ip(const Frame &frame, Packet &packet);
	template <Family FAMILY, std::uint8_t PROTOCOL>
	bool process_plain(const Frame &frame, const Packet &packet);
	bool pass(const Frame &frame, Passed why, bool cut = false);
	bool drop(const Frame &frame, Drop why, Trace *trace);
	const Programs &programs_for(const Frame &frame, Family family, Arrival &arrival);
	static Result run_rules(const Program &program, Packet packet, const Arrival &arrival,
				Trace *trace);
	static std::uint32_t run_rule(const Program::Node &node, Packet &packet,
				      const Arrival &arrival, Result &result, Trace *trace);
	static Matched take_write(const nf::Write &write, Steps &steps, Packet &packet,
				  const Arrival &arrival, Result &result, Trace *trace);
	static void take(Matched matched, Result &result);
	static void take(Outcome outcome, Result &result);
	bool finish(const Frame &frame, const Arrival &arrival, const Program &program,
		    const Result &result, Checksum after, Trace *trace);
	const Program &of_all(Family family);

	const Ruleset &rules_;
	std::string interface_;
	bool asks_interface_[2] = {}; // do rules of this family?
	const Programs by_dscp_;
	Programs unnamed_;		   // for packets of whose interface nobody knows
	std::optional<Program> of_all_[2]; // of all rules, for a trace
	Counters counters_;
	Diagnosis diagnosis_;
};

const char *checksum_text(Checksum checksum);

} // namespace dsr::replay
