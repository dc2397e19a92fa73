// SPDX-License-Identifier: BSD-3-Clause
// hostile_packets HOOK legacy|nft SERVER VIP FAR COUNT SEED RULE...
//
// Sends COUNT packets that no honest host would send through the target, and
// judges what it made of each. HOOK is prerouting, input or output, where
// iptables-legacy or iptables-nft has put the rules. They stand in a chain,
// between two NFLOG rules of group 5 with the prefixes "before" and "after": each
// is given here as iptables-save prints it, without the name of its chain. SERVER and VIP are addresses of this host, FAR one that
// it forwards to; for INPUT, another of its own.
//
// For PREROUTING and INPUT, packets come from the tap device hostile0 and the
// VLANs on it; for OUTPUT, from sockets with the mark 0xdadd. What is for
// other hosts leaves by the tun device hostile1. Everything happens in this
// program's own system calls: after each, what it led to is there to be read.
//
// The same SEED makes the same packets.
#include <arpa/inet.h>
#include <linux/if_tun.h>

#include <charconv>
#include <iostream>
#include <memory>

#include "common/checksum.hpp"
#include "judge.hpp"
#include "log.hpp"
#include "oracle.hpp"
#include "wire.hpp"

using namespace dsr;

namespace {

using namespace hostile;

// What became of the packets.
struct Figures {
	unsigned long sent = 0, refused = 0, unseen = 0;
	unsigned long fates[3] = {};
	unsigned long seeds = 0, unknown_seeds = 0, cut = 0;
	unsigned long left = 0, watched = 0;
	unsigned long made[KINDS] = {}, seen[KINDS] = {};
};

Bytes parse_address(const std::string &text)
{
	const auto ip = dsr::parse_ip(text);

	if (!ip)
		throw dsr::Error("found \"" + text + "\", expected an address");
	return Bytes(ip->bytes.begin(), ip->bytes.begin() + static_cast<long>(ip->size()));
}

Hook parse_hook(const std::string &text)
{
	if (text == "prerouting")
		return Hook::prerouting;
	if (text == "input")
		return Hook::input;
	if (text == "output")
		return Hook::output;
	throw dsr::Error("found \"" + text + "\", expected a hook");
}

unsigned long parse_number(const std::string &text)
{
	unsigned long number = 0;
	const char *end = text.data() + text.size();
	const auto read = std::from_chars(text.data(), end, number);

	if (read.ec != std::errc() || read.ptr != end)
		throw dsr::Error("found \"" + text + "\", expected a number");
	return number;
}

class Fuzzer {
public:
	Fuzzer(Hook hook, const Addresses &addresses, std::uint64_t seed,
	       const std::vector<std::string> &rules, bool nft)
		: hook_(hook), six_(addresses.server.size() == 16),
		  generator_(hook, addresses, seed), judge_(rules, nft), log_(5),
		  far_("hostile1", IFF_TUN | IFF_NO_PI)
	{
		if (hook == Hook::output) {
			output_ = std::make_unique<Output>(addresses);
			return;
		}
		tap_ = std::make_unique<Tap>("hostile0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
		watcher_ = std::make_unique<Watcher>("hostile0");
	}

	void next();
	const Sent &last() const { return sent_; }
	const Figures &figures() const { return figures_; }

private:
	bool send();
	void settle(const Bytes &before, const std::optional<Bytes> &after);
	Seed seed_of(const Bytes &before) const;
	void check_far();
	void check_watched();

	const Hook hook_;
	const bool six_;
	Generator generator_;
	Judge judge_;
	Log log_;
	Tap far_;
	std::unique_ptr<Tap> tap_;
	std::unique_ptr<Output> output_;
	std::unique_ptr<Watcher> watcher_;
	Sent sent_;
	Figures figures_;
};

bool Fuzzer::send()
{
	return tap_ ? tap_->send(sent_) : output_->send(sent_);
}

// As daddr_skb_is_seed() in kmod/daddr_skb.h, from what the device was told.
Seed Fuzzer::seed_of(const Bytes &before) const
{
	if (hook_ == Hook::output)
		return sent_.kind == Kind::socket ? Seed::yes : Seed::no;
	if (!(sent_.offload.flags & NEEDS_CSUM) &&
	    !(hook_ == Hook::input && sent_.kind == Kind::fragment))
		return Seed::no;
	// reassembled: of more packets than this
	if (hook_ == Hook::input && before.size() != sent_.frame.size() - sent_.ip)
		return Seed::unknown;
	const changes::Place place = changes::locate(before, six_);
	if (static_cast<std::size_t>(sent_.offload.csum_start) + sent_.offload.csum_offset ==
	    sent_.ip + place.field)
		return Seed::yes;
	// has it become a super-packet?
	return sent_.offload.gso_type == GSO_NONE ? Seed::no : Seed::unknown;
}

void Fuzzer::settle(const Bytes &before, const std::optional<Bytes> &after)
{
	const bool cut = before.size() >= LOGGED;
	const Seed seed = seed_of(before);
	const Fate fate = judge_.judge(before, after, cut, seed);

	figures_.fates[static_cast<std::size_t>(fate)]++;
	figures_.cut += cut;
	if (fate == Fate::rewritten) {
		figures_.seeds += seed == Seed::yes;
		figures_.unknown_seeds += seed == Seed::unknown;
	}
}

// What was right leaves with a right checksum, whoever completed it.
void Fuzzer::check_far()
{
	while (std::optional<Bytes> packet = far_.receive()) {
		if (!sent_.sane)
			continue;
		Packet whole;
		whole.data = packet->data();
		whole.captured = whole.length = static_cast<std::uint32_t>(packet->size());
		whole.family = six_ ? Family::ip6 : Family::ip4;
		if (Coverage(whole).verify(whole) == Checksum::bad)
			throw Disagreement("it left with a wrong checksum\n" +
					   oracle::hex(*packet) + "\n");
		figures_.left++;
	}
}

// Whoever else holds the packet sees it as it was sent.
void Fuzzer::check_watched()
{
	while (std::optional<Bytes> frame = watcher_->receive()) {
		if (!sent_.watched)
			throw dsr::Error("a frame was seen that was not sent");
		// of a frame with tags, the kernel takes away the first
		if (sent_.kind != Kind::vlan && *frame != sent_.frame)
			throw Disagreement("it changed under another reader\n" +
					   oracle::show(sent_.frame, sent_.frame, *frame));
		figures_.watched++;
	}
}

void Fuzzer::next()
{
	const std::size_t kind = [this] {
		sent_ = generator_.next();
		return static_cast<std::size_t>(sent_.kind);
	}();
	std::optional<Bytes> before;
	bool seen = false;

	figures_.sent++;
	figures_.made[kind]++;
	if (!send()) {
		figures_.refused++;
		return;
	}
	log_.read([&](bool is_before, Bytes packet) {
		if (is_before) {
			if (before)
				settle(*before, std::nullopt);
			before = std::move(packet);
			seen = true;
			return;
		}
		if (!before)
			throw Disagreement("it came out of nothing\n" + oracle::hex(packet) + "\n");
		settle(*before, packet);
		before.reset();
	});
	if (before)
		settle(*before, std::nullopt);
	figures_.unseen += !seen;
	figures_.seen[kind] += seen;
	check_far();
	if (watcher_)
		check_watched();
}

void print(const Figures &figures)
{
	std::cout << "| " << figures.sent << " packets: " << figures.refused << " refused, "
		  << figures.unseen << " dropped in front, " << figures.fates[1] << " rewritten ("
		  << figures.seeds << " seeds, " << figures.unknown_seeds
		  << " of which one cannot tell), " << figures.fates[0] << " unchanged, "
		  << figures.fates[2] << " dropped\n"
		  << "| " << figures.left << " left right, " << figures.watched << " were watched, "
		  << figures.cut << " too long for the log\n";
	for (std::size_t i = 0; i < KINDS; i++)
		if (figures.made[i])
			std::cout << name(static_cast<Kind>(i)) << ": " << figures.made[i] << ", "
				  << figures.seen[i] << " seen\n";
}

// A run in which nothing happens must not pass.
bool plausible(const Figures &figures)
{
	bool all = figures.fates[0] && figures.fates[1] && figures.fates[2];

	for (std::size_t i = 0; i < KINDS; i++)
		all &= figures.made[i] < 20 || figures.seen[i];
	return all;
}

int run(const std::vector<std::string> &words)
{
	const Hook hook = parse_hook(words[0]);
	const Addresses addresses{parse_address(words[2]), parse_address(words[3]),
				  parse_address(words[4])};
	const unsigned long count = parse_number(words[5]);
	const unsigned long seed = parse_number(words[6]);
	Fuzzer fuzzer(hook, addresses, seed, {words.begin() + 7, words.end()}, words[1] == "nft");
	unsigned long number = 0;

	try {
		for (; number < count; number++)
			fuzzer.next();
	} catch (const Disagreement &wrong) {
		const Sent &sent = fuzzer.last();

		std::cout << "packet " << number << " of seed " << seed << ", " << name(sent.kind)
			  << ": " << wrong.what() << "offload: flags "
			  << unsigned{sent.offload.flags} << ", GSO type "
			  << unsigned{sent.offload.gso_type} << ", header " << sent.offload.header
			  << ", size " << sent.offload.gso_size << ", checksum from "
			  << sent.offload.csum_start << " at " << sent.offload.csum_offset
			  << "\nsent, IP at " << sent.ip << ": " << oracle::hex(sent.frame) << '\n';
		return 1;
	}
	print(fuzzer.figures());
	if (plausible(fuzzer.figures()))
		return 0;
	std::cout << "too little happened to tell\n";
	return 1;
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc < 9) {
		std::cerr
			<< "Usage: hostile_packets HOOK legacy|nft SERVER VIP FAR COUNT SEED RULE...\n";
		return 2;
	}
	return run({argv + 1, argv + argc});
} catch (const std::exception &error) {
	std::cerr << "hostile_packets: " << error.what() << '\n';
	return 2;
}
