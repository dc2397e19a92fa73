// SPDX-License-Identifier: BSD-3-Clause
#include "judge.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

#include "oracle.hpp"

using namespace dsr;

namespace hostile {

namespace {

bool is_six(const Bytes &packet)
{
	return packet[0] >> 4 == 6;
}

Bytes part(const Bytes &from, std::size_t at, std::size_t size)
{
	return Bytes(from.begin() + static_cast<long>(at),
		     from.begin() + static_cast<long>(at + size));
}

Bytes destination(const Bytes &packet)
{
	return is_six(packet) ? part(packet, 24, 16) : part(packet, 16, 4);
}

std::uint16_t sum(const Bytes &bytes)
{
	return static_cast<std::uint16_t>(changes::sum(bytes.data(), bytes.size()));
}

// The ones' complement sum of everything a checksum makes up for. That is
// enough: the rest is the same before and after. All stand at even bytes.
std::uint16_t covered(const Bytes &packet, const changes::Place &place, bool port)
{
	return sum(oracle::join({destination(packet), part(packet, place.field, 2),
				 port ? part(packet, place.port, 2) : Bytes{}}));
}

bool checksum_follows(const Bytes &before, const Bytes &after, const changes::Place &place,
		      bool port)
{
	const std::uint16_t was = oracle::get16(before, place.field);
	const std::uint16_t is = oracle::get16(after, place.field);

	if (place.protocol == 17 && !was)
		return !is;
	if ((place.protocol == 17 || place.protocol == 136) && !is)
		return false;
	return covered(before, place, port) == covered(after, place, port);
}

// A seed is a part of the sum, and not what makes up for it.
bool seed_follows(const Bytes &before, const Bytes &after, const changes::Place &place)
{
	return sum(oracle::join({part(after, place.field, 2), destination(before)})) ==
	       sum(oracle::join({part(before, place.field, 2), destination(after)}));
}

// What is wrong with what came out, when it should have a new address; or null.
const char *complaint(const Bytes &before, const Bytes &after, const Bytes &to, std::uint16_t dport,
		      Seed seed)
{
	const bool six = is_six(before);
	changes::Place place = changes::locate(before, six);
	const bool port = dport && place.port;

	if (!changes::only_these(before, after, six, place.field, port ? place.port : 0))
		return "something changed that may not";
	if (destination(after) != to)
		return "it has not the new address";
	if (!six && sum(part(before, 0, 20)) != sum(part(after, 0, 20)))
		return "the header checksum is wrong";
	if (port && oracle::get16(after, place.port) != dport)
		return "it has not the new port";
	if (!place.field)
		return nullptr;
	const bool as_checksum = checksum_follows(before, after, place, port);
	const bool as_seed = seed_follows(before, after, place);
	if (seed == Seed::no ? as_checksum : seed == Seed::yes ? as_seed : as_checksum || as_seed)
		return nullptr;
	return "the transport checksum is wrong";
}

// Is there room for the checksum, which the packet must have to be changed?
bool too_short(const Bytes &before, const changes::Place &place)
{
	return place.truncated || (place.field && place.field + 2 > before.size());
}

bool port_changes(const Bytes &before, const changes::Place &place, std::uint16_t dport)
{
	if (!dport)
		return false;
	if (place.truncated)
		return true;
	return place.port &&
	       (place.port + 2 > before.size() || oracle::get16(before, place.port) != dport);
}

// The same for all fates, by the contract in include/README.md: rows 2 and 11.
const char *complaint(const Bytes &before, const std::optional<Bytes> &after, const Bytes &to,
		      std::uint16_t dport, Seed seed)
{
	const changes::Place place = changes::locate(before, is_six(before));

	if (destination(before) == to && !port_changes(before, place, dport))
		return after && *after == before ? nullptr : "it should stay as it is";
	if (too_short(before, place))
		return after ? "it is too short, and should be dropped" : nullptr;
	if (!after)
		return "it should not be dropped";
	return complaint(before, *after, to, dport, seed);
}

constexpr int IP6_MAX_EXT_HDRS_CNT = 12;

// In front of the transport header, or of what is in a fragment.
int extension_headers(const Bytes &packet)
{
	std::size_t at = 40;
	std::uint8_t header = packet[6];
	int count = 0;

	while ((header == 0 || header == 43 || header == 44 || header == 51 || header == 60) &&
	       at + 4 <= packet.size()) {
		const std::size_t length = packet[at + 1];

		count++;
		if (header == 44 && oracle::get16(packet, at + 2) >> 3)
			break;
		const std::size_t size = header == 44 ? 8 :
					 header == 51 ? 8 + length * 4 :
							8 + length * 8;
		header = packet[at];
		at += size;
	}
	return count;
}

// What a packet has that is cut off; nobody knows how much it is.
constexpr std::uint32_t LONGER = 0xfffffff;

// Is the first header that nftables takes for the transport an AH?
bool ends_in_ah(const Bytes &packet)
{
	std::size_t at = 40;
	std::uint8_t header = packet[6];

	while (header == 0 || header == 43 || header == 44 || header == 60) {
		if (at + 4 > packet.size() || (header == 44 && oracle::get16(packet, at + 2) >> 3))
			return false;
		const std::size_t size = header == 44 ? 8 : 8 + packet[at + 1] * 8U;
		header = packet[at];
		at += size;
	}
	return header == 51;
}

bool asks_protocol(const nf::Rule &rule)
{
	return std::any_of(rule.steps.begin(), rule.steps.end(), [](const nf::Step &step) {
		return std::holds_alternative<nf::L4Protocol>(step);
	});
}

const replay::Action &action_of(const nf::Rule &rule)
{
	return std::get<nf::Rewrite>(rule.steps.back());
}

} // namespace

Judge::Judge(const std::vector<std::string> &rules, bool nft) : nft_(nft)
{
	for (const std::string &text : rules) {
		std::istringstream in(text);
		std::vector<std::string> words(std::istream_iterator<std::string>(in), {});
		nf::Rule rule = replay::parse_rule(words);

		rule.text = text;
		rules_.push_back(rule);
	}
}

// The port is of x_tables, whose -p looks past an AH header, and drops the
// packet whose chain it cannot follow. What iptables-nft makes of -p does
// neither.
replay::Matched Judge::matches(const nf::Rule &rule, const Bytes &before, const Packet &packet,
			       Kernel kernel) const
{
	replay::Matched matched = replay::matches(rule, packet);

	if (matched == replay::Matched::drop && kernel == Kernel::older) {
		Packet longer = packet;

		longer.length = LONGER;
		const replay::Matched followed = replay::matches(rule, longer);
		if (followed != replay::Matched::cut)
			matched = followed;
	}
	if (kernel == Kernel::newer && is_six(before) && asks_protocol(rule) &&
	    extension_headers(before) > IP6_MAX_EXT_HDRS_CNT)
		matched = replay::Matched::drop;
	if (!nft_ || !is_six(before) || !asks_protocol(rule))
		return matched;
	return matched == replay::Matched::drop || ends_in_ah(before) ? replay::Matched::no :
									matched;
}

// As Engine::run_rules(), of packets that have been received already.
Judge::Expected Judge::by_port(const Bytes &before, bool cut, Kernel kernel) const
{
	Expected expected;
	Packet packet;

	expected.bytes = before;
	packet.data = expected.bytes.data();
	packet.captured = static_cast<std::uint32_t>(before.size());
	packet.length = cut ? LONGER : packet.captured;
	packet.family = is_six(before) ? Family::ip6 : Family::ip4;
	for (const nf::Rule &rule : rules_) {
		const replay::Matched matched = matches(rule, before, packet, kernel);

		if (matched == replay::Matched::drop) {
			expected.dropped = true;
			return expected;
		}
		if (matched != replay::Matched::yes)
			continue;
		const replay::Outcome outcome = replay::apply(action_of(rule), packet, false,
							      nullptr);
		if (outcome == replay::Outcome::unmapped)
			continue;
		expected.outcome = outcome;
		expected.rule = &rule;
		expected.dropped = outcome == replay::Outcome::dropped;
		return expected;
	}
	return expected;
}

Fate Judge::judge(const Bytes &before, const std::optional<Bytes> &after, bool cut, Seed seed) const
{
	try {
		return judge(before, after, cut, seed, Kernel::lab);
	} catch (const Disagreement &) {
		for (Kernel other : {Kernel::older, Kernel::newer}) {
			try {
				return judge(before, after, cut, seed, other);
			} catch (const Disagreement &) {
				continue;
			}
		}
		throw;
	}
}

Fate Judge::judge(const Bytes &before, const std::optional<Bytes> &after, bool cut, Seed seed,
		  Kernel kernel) const
{
	Expected expected = by_port(before, cut, kernel);
	const nf::Rule *rule = expected.rule;
	const bool undecided = expected.outcome == replay::Outcome::rewritten_cut ||
			       expected.outcome == replay::Outcome::unchanged_cut;
	const char *wrong = nullptr;
	auto disagree = [&](const std::string &who, const std::string &what) {
		throw Disagreement(who + ": " + what + "\n" +
				   (rule ? "rule: " + rule->text + "\n" : "no rule\n") +
				   oracle::show(before, expected.dropped ? Bytes{} : expected.bytes,
						after ? *after : Bytes{}));
	};

	if (undecided && !after)
		return Fate::dropped; // for something past the end
	if (rule && !undecided) {
		const unsigned int dscp = is_six(before) ? (before[0] << 8 | before[1]) >> 6 & 63 :
							   before[1] >> 2;
		const Ip &to = action_of(*rule).is_map() ? action_of(*rule).map[dscp] :
							   action_of(*rule).daddr;

		wrong = complaint(
			before, after,
			Bytes(to.bytes.begin(), to.bytes.begin() + (is_six(before) ? 16 : 4)),
			action_of(*rule).dport, seed);
	}
	if (wrong)
		disagree("the oracle", wrong);

	if (expected.dropped != !after)
		disagree("the port",
			 expected.dropped ? "it should be dropped" : "it should not be dropped");
	if (!after)
		return Fate::dropped;
	// of a seed the port knows nothing, and the oracle was content
	const changes::Place place = changes::locate(before, is_six(before));
	if (rule && seed != Seed::no && place.field &&
	    place.field + 2 <= std::min(after->size(), expected.bytes.size()))
		std::copy_n(after->begin() + static_cast<long>(place.field), 2,
			    expected.bytes.begin() + static_cast<long>(place.field));
	if (*after != expected.bytes)
		disagree("the port", "other bytes are expected");
	return *after == before ? Fate::same : Fate::rewritten;
}

} // namespace hostile
