// SPDX-License-Identifier: BSD-3-Clause
// Plain packets, as nearly all are, take a shorter way, which leads to the same.
#include "catch.hpp"

#include <random>

#include "common/receive.hpp"
#include "replay/report.hpp"
#include "replay_engine.hpp"

using namespace dsr;

using namespace replay_test;

namespace {

constexpr std::uint8_t SYN = 0x02, RST = 0x04, ACK = 0x10;

// The same packets by both ways.
class Both {
public:
	Both(const replay::Ruleset &rules, const std::vector<Ip> &servers,
	     const std::string &interface = {})
		: rules_(rules), shorter_(rules, servers, interface),
		  longer_(rules, servers, interface)
	{
	}

	void see(const Bytes &bytes, std::size_t wire)
	{
		Bytes one = bytes, other = bytes;
		const bool kept = shorter_.process(frame(one, wire));

		if (longer_.process_any(frame(other, wire), nullptr) != kept || one != other)
			differs_++;
	}

	void compare() const
	{
		CHECK(differs_ == 0);
		CHECK(report(shorter_) == report(longer_));
		CHECK(shorter_.counters().good_to_bad() == 0);
	}

private:
	// All that is counted, printed by daddr-replay or not.
	std::string report(const Engine &engine) const
	{
		const Diagnosis &seen = engine.diagnosis();
		std::string text = replay::report_json(
			{"in", "", "RAW", engine.counters(), seen, rules_, true, std::nullopt, 0});
		auto add = [&](std::uint64_t number) { text += " " + std::to_string(number); };

		add(seen.packets());
		for (const auto &vip : seen.vips())
			for (std::uint64_t number :
			     {vip.requests.packets, vip.requests.bytes, vip.replies.packets,
			      vip.replies.bytes, vip.marked_replies, vip.offloaded})
				add(number);
		for (const auto &finding : seen.findings())
			text += " " + finding.text();
		for (Family family : FAMILIES)
			add(seen.marked(family));
		for (const auto &[asked, count] : seen.asked()) {
			text += " " + dsr::text(asked.vip);
			for (std::uint64_t number :
			     {std::uint64_t{asked.dscp}, std::uint64_t{asked.port}, count})
				add(number);
		}
		for (const Ip &server : seen.servers())
			text += " " + dsr::text(server);
		add(seen.overflowed());
		return text;
	}

	const replay::Ruleset &rules_;
	Engine shorter_, longer_;
	unsigned int differs_ = 0;
};

// Of nft -j: what rules of a chain of prerouting do.
std::string nft(const std::string &family, std::initializer_list<std::string> rules)
{
	const std::string at = R"("family": ")" + family + R"(", "table": "t")";
	std::string text =
		R"({"nftables": [{"metainfo": {"json_schema_version": 1}},
{"table": {"family": ")" +
		family + R"(", "name": "t", "handle": 1}},
{"chain": {)" + at +
		R"(, "name": "p", "handle": 2, "type": "filter", "hook": "prerouting", "prio": -300, "policy": "accept"}})";
	int handle = 3;

	for (const std::string &rule : rules)
		text += R"(, {"rule": {)" + at + R"(, "chain": "p", "handle": )" +
			std::to_string(handle++) + R"(, "expr": [)" + rule + "]}}";
	return text + "]}";
}

std::string payload(const std::string &family, const std::string &field)
{
	return R"({"payload": {"protocol": ")" + family + R"(", "field": ")" + field + "\"}}";
}

std::string set(const std::string &key, const std::string &value)
{
	return R"({"mangle": {"key": )" + key + R"(, "value": )" + value + "}}";
}

// The destination of each DSCP, by a map.
std::string map(const std::string &family)
{
	const std::string vip = family == "ip" ? VIP4 : VIP6;

	return set(payload(family, "daddr"), R"({"map": {"key": )" + payload(family, "dscp") +
						     R"(, "data": {"set": [[7, ")" + vip +
						     R"("], [9, ")" + vip + R"("]]}}})");
}

std::vector<replay::Ruleset> rulesets()
{
	const char *const texts[] = {
		"*raw\nCOMMIT\n",
		"*raw\n"
		"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46\n"
		"-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 2001:db8::46\n"
		"COMMIT\n",
		"*raw\n"
		"-A PREROUTING -j DADDR --dscp-map 7=10.128.8.46,8=10.128.9.31\n"
		"-A PREROUTING -j DADDR --dscp-map 7=2001:db8::46,8=2001:db8:9::31\n"
		"COMMIT\n",
		"*raw\n"
		"-A PREROUTING -p tcp -m dscp --dscp 7 -m tcp --dport 80 -j DADDR "
		"--set-daddr 10.128.8.46\n"
		"-A PREROUTING -i eth1 -m dscp --dscp 9 -j DADDR --set-daddr 2001:db8::46\n"
		"-A PREROUTING -p udp -m dscp --dscp 9 -j DADDR --set-daddr 10.128.8.46 "
		"--set-dport 443\n"
		"COMMIT\n",
		// by VIP and RIP
		"*raw\n"
		"-A PREROUTING -d 10.128.9.31/32 -m dscp --dscp 7 -j DADDR "
		"--set-daddr 10.128.8.46\n"
		"COMMIT\n",
	};
	std::vector<replay::Ruleset> all;
	auto add = [&](const std::string &text) {
		replay::parse_rules(text, "rules", all.emplace_back());
	};

	for (const char *text : texts)
		add(text);
	const std::string clear = set(payload("ip", "dscp"), "0") + ", " +
				  set(payload("ip", "daddr"), "\"10.128.8.46\""),
			  drop = R"({"match": {"op": "==", "left": )" + payload("ip", "daddr") +
				 R"(, "right": ")" + VIP4 + R"("}}, {"drop": null})";
	for (const std::string &text : {nft("ip", {map("ip")}), nft("ip6", {map("ip6")}),
					nft("ip", {map("ip"), drop}), nft("ip", {clear})})
		add(text);
	add("net.ipv4.dscp_rewrite = 7=10.128.8.46@10.128.9.31\n"
	    "net.ipv6.dscp_rewrite = 7=2001:db8::46\n");
	return all;
}

class Packets {
public:
	// Between client, server, VIP and somebody else, to any kind of port.
	Bytes next(std::size_t &wire)
	{
		const bool six = of(2);
		Header ip = six ? ip6() : ip4();
		const std::string ends[] = {six ? "2001:db8:c::" + number() :
						  "144.100.10." + number(),
					    six ? "2001:db8:9::31" : "10.128.9.31",
					    six ? VIP6 : VIP4, six ? "2001:db8:5::5" : "10.5.5.5"};
		const std::uint8_t protocols[] = {TCP, TCP, TCP, UDP, UDP, UDPLITE, ICMP6},
				   dscps[] = {0, 0, 7, 7, 7, 8, 9};
		const std::uint16_t ports[] = {80, 80, 443, 0, 22, 40000};

		ip.source = ends[of(4)];
		ip.destination = ends[of(4)];
		ip.protocol = protocols[of(7)];
		ip.dscp = dscps[of(7)];
		ip.port = ports[of(6)];
		if (!six && of(20) == 0)
			ip.fragment = of(2) ? 0x2000 : 1;
		if (!six && of(20) == 0)
			ip.options = {1, 1, 1, 0};
		Bytes bytes = packet(ip, segment(ip));
		wire = bytes.size();
		if (of(8) == 0)
			spoil(bytes);
		if (of(8) == 0)
			bytes.resize(bytes.size() -
				     of(static_cast<unsigned int>(bytes.size()) - 18));
		if (of(8) == 0 && wire == bytes.size()) {
			bytes = bytes + Bytes(of(4), 0); // padding
			wire = bytes.size();
		}
		return bytes;
	}

private:
	unsigned int of(unsigned int count) { return static_cast<unsigned int>(random_() % count); }
	std::string number() { return std::to_string(1 + of(9)); }

	Bytes segment(const Header &ip)
	{
		const std::uint8_t flags[] = {ACK, ACK, SYN, SYN | ACK, RST, SYN | RST};
		Bytes bytes = transport(ip, ip.protocol, Bytes(of(40), 'x'));

		if (ip.protocol == TCP) {
			const std::uint8_t flag = flags[of(6)];

			// the checksum follows
			const unsigned int sum = 0xffffU + get16(bytes, 16) + bytes[13] - flag;
			bytes[13] = flag;
			set16(bytes, 16, (sum & 0xffff) + (sum >> 16));
		}
		if (ip.protocol == UDP && of(4) == 0)
			set16(bytes, 6, 0);
		if ((ip.protocol == TCP || ip.protocol == UDP) && of(8) == 0)
			set16(bytes, ip.protocol == TCP ? 16 : 6, seed(ip, bytes.size()));
		return bytes;
	}

	// What is left to hardware: the sum of the pseudo-header.
	static unsigned int seed(const Header &ip, std::size_t length)
	{
		return 0xffffU &
		       ~checksum(address(ip.source) + address(ip.destination) + be16(ip.protocol) +
				 be16(static_cast<std::uint16_t>(length)));
	}

	// One byte is any; the header checksum mostly follows.
	void spoil(Bytes &bytes)
	{
		bytes[of(static_cast<unsigned int>(bytes.size()))] = static_cast<std::uint8_t>(
			random_());
		if (bytes[0] >> 4 == 4 && of(4)) {
			set16(bytes, 10, 0);
			set16(bytes, 10, checksum(cut_to(bytes, 20)));
		}
	}

	std::mt19937 random_{26};
};

} // namespace

TEST_CASE("replay: a plain packet fares like any other")
{
	const auto all = rulesets();

	for (const std::vector<Ip> &servers :
	     {std::vector<Ip>(),
	      std::vector<Ip>{*parse_ip("10.128.9.31"), *parse_ip("2001:db8:9::31")}})
		for (const auto &rules : all)
			for (const char *interface : {"", "eth1"}) {
				Both both(rules, servers, interface);
				Packets packets;

				for (int i = 0; i < 5000; i++) {
					std::size_t wire = 0;
					const Bytes bytes = packets.next(wire);

					both.see(bytes, wire);
				}
				both.compare();
			}
}

// More than the tables hold; where a server is named, they are of no interest.
TEST_CASE("replay: plain packets to thousands of others")
{
	const auto rules = vip_rules();

	for (const std::vector<Ip> &servers :
	     {std::vector<Ip>(), std::vector<Ip>{*parse_ip("10.128.9.31")}})
		for (std::uint8_t dscp : {0, 7, 9}) {
			Both both(rules, servers);
			Header ip = ip4();

			ip.dscp = dscp;
			for (unsigned int i = 0; i < 5000; i++) {
				ip.destination = "10.7." + std::to_string(i / 250) + "." +
						 std::to_string(i % 250);
				both.see(good(ip), 0);
			}
			ip.destination = "10.128.9.31";
			for (std::uint8_t last : {7, 0, 9}) {
				ip.dscp = last;
				both.see(good(ip), 0);
			}
			both.compare();
		}
}

TEST_CASE("replay: port 0 is a port, too")
{
	const auto rules = vip_rules();
	Both both(rules, {*parse_ip("10.128.9.31")});
	Header ip = ip4();

	ip.port = 0;
	both.see(good(ip), 0);
	ip.dscp = 0; // which is cleared: others are marked
	both.see(good(ip), 0);
	both.compare();
}

TEST_CASE("replay: of a VIP at one address of a server, plain packets are decoded")
{
	const Ip vip = *parse_ip("10.128.8.46"), other = *parse_ip("10.128.8.47"),
		 server = *parse_ip("10.128.9.31");
	Diagnosis diagnosis({{vip, 7}, {other, 7, server}}, {server});
	const Bytes bytes = good(ip4());
	const auto size = static_cast<std::uint32_t>(bytes.size());

	CHECK_FALSE(diagnosis.see_plain<Family::ip4>(bytes.data(), size, UDP));
	CHECK(diagnosis.packets() == 0);
}

TEST_CASE("replay: a plain packet fares like any other, whatever its bytes are")
{
	const auto all = rulesets();

	for (const auto &rules : all) {
		Both both(rules, {});

		for (std::uint8_t protocol : {TCP, UDP, UDPLITE})
			for (const Header &ip : {ip4(protocol), ip6(protocol)}) {
				const Bytes bytes = good(ip);

				for (std::size_t size = 1; size <= bytes.size(); size++)
					both.see(cut_to(bytes, size), bytes.size());
				for (std::size_t at = 0; at < bytes.size(); at++)
					for (unsigned int value = 0; value < 256; value += 5) {
						Bytes other = bytes;

						other[at] = static_cast<std::uint8_t>(value);
						if (ip.source[0] == '1') {
							set16(other, 10, 0);
							set16(other, 10,
							      checksum(cut_to(other, 20)));
						}
						both.see(other, 0);
					}
			}
		both.compare();
	}
}

TEST_CASE("replay: a packet is plain when nothing about it is unusual")
{
	auto is_plain = [](Bytes bytes, std::size_t wire = 0) {
		Packet packet = view(bytes, wire);

		return packet.family == Family::ip4 ? receive_plain<Family::ip4>(packet) :
						      receive_plain<Family::ip6>(packet);
	};
	Header options = ip4(TCP), fragment = ip4(UDP), later = ip4(UDP);

	options.options = {1, 1, 1, 0};
	fragment.fragment = 0x2000;
	later.fragment = 1;
	CHECK(is_plain(good(ip4(TCP))) == TCP);
	CHECK(is_plain(good(ip6(TCP))) == TCP);
	CHECK(is_plain(good(ip4(UDP))) == UDP);
	CHECK(is_plain(good(ip6(UDP))) == UDP);
	CHECK(is_plain(cut_to(good(ip4(TCP)), 40), 50) == TCP);
	CHECK(is_plain(cut_to(good(ip4(TCP)), 39), 50) == 0);
	CHECK(is_plain(cut_to(good(ip6(UDP)), 47), 58) == 0);
	CHECK(is_plain(good(options)) == 0);
	CHECK(is_plain(good(fragment)) == 0);
	CHECK(is_plain(good(later)) == 0);
	CHECK(is_plain(good(ip4(UDPLITE))) == 0);
	CHECK(is_plain(packet(ip6(HOP), Bytes{TCP, 0, 1, 4, 0, 0, 0, 0} + transport(ip6(), TCP))) ==
	      0);
}
