// SPDX-License-Identifier: BSD-3-Clause
// random_rules VARIANT SETS PACKETS SEED: loads sets of rules that are made at
// random, of iptables (legacy or nft), of nftables and of dscp_rewrite, one after
// the other, into this network namespace, which has nothing else; sends packets,
// and compares what arrives with what the model says, that of doctor and start.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "common/process.hpp"
#include "common/saved_tables.hpp"
#include "dsrctl/dscp_rewrite.hpp"
#include "dsrctl/nf_tables.hpp"
#include "dsrctl/reach.hpp"
#include "make.hpp"

using namespace dsr;
using namespace random_rules;

namespace {

std::string run_or_throw(const std::string &name, const std::vector<std::string> &words,
			 const std::string &input = "")
{
	const Outcome outcome = run(find_program(name), words, input);

	if (outcome.status)
		throw Error(name + ": " + outcome.reason() + "\n" + input);
	return outcome.output;
}

struct Totals {
	unsigned long packets = 0, decided = 0, changed = 0, lost = 0, answers = 0;
};

class Set {
public:
	Set(Maker &make, Wire &wire, const std::string &variant)
		: make_(make), wire_(wire), family_(make.family()),
		  program_((family_ == Family::ip4 ? "iptables-" : "ip6tables-") + variant),
		  iptables_(make.iptables(family_)), nft_(make.nft(family_))
	{
		load();
		read(variant == "legacy");
	}

	void compare(unsigned int packets, Totals &totals)
	{
		for (unsigned int i = 0; i < packets; i++) {
			const Packet packet = make_.packet(family_);
			const std::optional<Arrival> arrival = wire_.send(packet);

			compare(packet, arrival, totals);
			seen_.emplace_back(packet, arrival);
		}
		for (const Ip &vip : vips(family_))
			for (std::uint8_t dscp = 6; dscp < 10; dscp++) {
				ask({dscp, vip}, totals);
				ask({dscp, vip, servers(family_)[0]}, totals);
				ask({dscp, vip, {}, PortChange{Protocol::udp, 8080, 80}}, totals);
			}
	}

	std::string text() const
	{
		return program_ + "-restore\n" + iptables_ + "nft -f -\n" + nft_ + values_;
	}

private:
	void load()
	{
		run_or_throw("nft", {"-f", "-"}, "flush ruleset\n" + nft_);
		run_or_throw(program_ + "-restore", {}, iptables_);
		for (int dscp = 6; dscp < 10; dscp++) {
			const std::string name = std::string("/proc/sys/net/") + key(family_) +
						 "/dscp_rewrite/" + std::to_string(dscp);
			const std::string value = make_.value(family_);
			std::ofstream file(name);

			if (!(file << value << "\n").flush())
				throw Error(name + ": cannot be written: " + value);
			values_ += name + " = " + value + "\n";
		}
	}

	void read(bool legacy)
	{
		rules_.tables = read_nf_tables();
		if (legacy)
			for (nf::Table &table : nf::saved_tables(
				     read_saved(run_or_throw(program_ + "-save", {}), program_),
				     family_))
				rules_.tables.push_back(std::move(table));
		rules_.tables.push_back(rewrite_table(family_, rewrite::read()));
		arrivals_.addresses = servers(family_);
		for (unsigned int in : {0U, 1U})
			arrivals_.interfaces.push_back({INTERFACES[in], wire_.index(in)});
	}

	[[noreturn]] void differ(const std::string &said, const Packet &packet,
				 const std::optional<Arrival> &arrival) const
	{
		throw Error(text() + "\nThe packet: " + packet.text() + "\nThe model: " + said +
			    "\nThe kernel: " + (arrival ? arrival->text() : "lost"));
	}

	// Which of the packet's fates came true, must be among those that the
	// model holds possible: one, when it understands every match.
	void compare(const Packet &packet, const std::optional<Arrival> &arrival, Totals &totals)
	{
		nf::Flow flow(family_, packet.dscp);
		std::set<std::optional<Arrival>> possible;
		std::string said;

		flow.set_source(packet.from);
		flow.set_destination(packet.to);
		flow.set_protocol(packet.protocol);
		flow.set_source_port(packet.id);
		flow.set_destination_port(packet.port);
		flow.in = INTERFACES[packet.in];
		flow.in_index = wire_.index(packet.in);
		const nf::Fates fates = nf::walk(rules_, flow);
		for (const nf::Fate &fate : fates.all) {
			std::optional<Arrival> one;

			if (!fate.dropped)
				one = Arrival{fate.flow.destination().value(),
					      fate.flow.dscp().value(),
					      fate.flow.destination_port().value()};
			if (possible.insert(one).second)
				said += (said.empty() ? "" : ", or ") +
					(one ? one->text() : "lost");
		}
		if (!fates.complete || !possible.contains(arrival))
			differ(said, packet, arrival);
		totals.packets++;
		totals.decided += possible.size() == 1;
		totals.changed += arrival && arrival->to != packet.to;
		totals.lost += !arrival;
	}

	static bool is_for(const Item &item, const Packet &packet)
	{
		if (packet.dscp != item.dscp || (item.to && packet.to != *item.to))
			return false;
		return !item.ports || (packet.protocol == number(item.ports->protocol) &&
				       packet.port == item.ports->rip);
	}

	static bool is_there(const Item &item, const Arrival &arrival)
	{
		return arrival.to == item.ip && (!item.ports || arrival.port == item.ports->vip);
	}

	// What doctor says of a VIP, against all the packets that there were.
	void ask(const Item &item, Totals &totals)
	{
		const Reach found = reach(rules_, arrivals_, item);

		for (const auto &[packet, arrival] : seen_) {
			const auto all = servers(family_);

			if (!is_for(item, packet) || !std::ranges::count(all, packet.to))
				continue;
			if (found.dropped && arrival)
				differ(destination(item) + ": all are dropped", packet, arrival);
			if (arrival && found.answer == Reach::Answer::all &&
			    !is_there(item, *arrival))
				differ(destination(item) + ": all get there", packet, arrival);
			if (arrival && found.answer == Reach::Answer::none &&
			    is_there(item, *arrival))
				differ(destination(item) + ": none get there", packet, arrival);
			totals.answers++;
		}
	}

	Maker &make_;
	Wire &wire_;
	const Family family_;
	const std::string program_, iptables_, nft_;
	std::string values_;
	nf::Ruleset rules_;
	Arrivals arrivals_;
	std::vector<std::pair<Packet, std::optional<Arrival>>> seen_;
};

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 5) {
		std::cerr << "Usage: random_rules legacy|nft SETS PACKETS SEED\n";
		return 2;
	}
	const unsigned long sets = std::strtoul(argv[2], nullptr, 10);
	const auto packets = static_cast<unsigned int>(std::strtoul(argv[3], nullptr, 10));
	Maker make(std::strtoull(argv[4], nullptr, 10));
	Wire wire(networks());
	Totals totals;

	for (unsigned long i = 0; i < sets; i++)
		Set(make, wire, argv[1]).compare(packets, totals);
	std::cout << "| " << totals.packets << " packets through " << sets
		  << " sets of rules: " << totals.decided << " foretold, " << totals.changed
		  << " with a new address, " << totals.lost << " dropped; " << totals.answers
		  << " answers about VIPs\n";
	// otherwise nothing is shown
	if (totals.decided < totals.packets / 2 || totals.changed < totals.packets / 10)
		throw Error("too few packets were foretold, or changed");
} catch (const std::exception &error) {
	std::cerr << "random_rules: " << error.what() << '\n';
	return 1;
}
