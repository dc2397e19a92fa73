// SPDX-License-Identifier: BSD-3-Clause
// What dsrctl watch makes of packets, one by one, and as a program of captures.
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "dsrctl.hpp"
#include "dsrctl/config.hpp"
#include "dsrctl/watch/report.hpp"
#include "json_fields.hpp"
#include "replay_files.hpp"

using namespace replay_test;
using dsr::Diagnosis;
using dsr::watch::report_table;

namespace {

const char CONFIG[] = "10.128.8.46 = 7\n"
		      "2001:db8::46 = 7\n"
		      "198.18.0.250 = AF11\n"
		      "198.18.0.250 = 11\n"
		      "10.9.9.9\n";

const char CLIENT[] = "144.100.10.1", RIP[] = "10.128.9.31", VIP[] = "10.128.8.46";

std::vector<Diagnosis::Mapping> mappings()
{
	dsr::ConfigReader reader(dsr::resolve);
	std::vector<Diagnosis::Mapping> mappings;

	reader.add(CONFIG, "f");
	REQUIRE(reader.config.errors.empty());
	for (const dsr::Entry &entry : reader.config.entries)
		mappings.push_back({entry.ip, entry.dscp});
	return mappings;
}

Header ip(const std::string &from, const std::string &to, std::uint8_t dscp,
	  std::uint8_t protocol = TCP)
{
	Header packet = from.find(':') == from.npos ? ip4(protocol) : ip6(protocol);

	packet.source = from;
	packet.destination = to;
	packet.dscp = dscp;
	return packet;
}

constexpr std::uint8_t SYN = 0x02, RST = 0x04, SYN_ACK = 0x12, ACK = 0x10;

// TCP with these ports and flags, and a right checksum.
Bytes tcp(const Header &packet, unsigned int source, unsigned int port, std::uint8_t flags)
{
	Bytes data = be16(source) + be16(port) + Bytes(8) + Bytes{0x50, flags, 0, 0, 0, 0, 0, 0};

	set16(data, 16,
	      checksum(address(packet.source) + address(packet.destination) +
		       be32(static_cast<std::uint32_t>(data.size())) + be32(TCP) + data));
	return replay_test::packet(packet, data);
}

Bytes request(std::uint8_t dscp, unsigned int port = 80, std::uint8_t flags = SYN)
{
	return tcp(ip(CLIENT, RIP, dscp), 40000, port, flags);
}

Bytes answer(const std::string &from, unsigned int port = 80)
{
	return tcp(ip(from, CLIENT, 0), port, 40000, SYN_ACK);
}

// Where the transport checksum of a TCP packet is.
std::size_t field(const Bytes &bytes)
{
	return bytes[0] >> 4 == 4 ? 36 : 56;
}

// As it leaves the host when hardware is to make the checksum.
Bytes offloaded(const Header &ip, Bytes bytes)
{
	set16(bytes, field(bytes),
	      0xffff & ~checksum(address(ip.source) + address(ip.destination) + be32(20) +
				 be32(TCP)));
	return bytes;
}

Bytes damaged(Bytes bytes)
{
	set16(bytes, field(bytes), get16(bytes, field(bytes)) ^ 0x1234);
	return bytes;
}

class Seen {
public:
	explicit Seen(const std::vector<std::string> &servers = {RIP, "2001:db8:9::31"})
		: diagnosis(mappings(), parse(servers))
	{
	}

	std::string see(Bytes bytes)
	{
		const Diagnosis::Finding *news = diagnosis.see(view(bytes));

		return news ? news->text() : "";
	}

	// All findings, as "kind count; ".
	std::string found() const
	{
		std::string list;

		for (const Diagnosis::Finding &finding : diagnosis.findings())
			list += kind_key(finding.kind) + std::string(" ") +
				std::to_string(finding.count) + "; ";
		return list;
	}

	const Diagnosis::Vip &vip(const std::string &address) const
	{
		for (const auto &vip : diagnosis.vips())
			if (dsr::text(vip.ip) == address)
				return vip;
		throw std::logic_error("no VIP " + address);
	}

	Diagnosis diagnosis;

private:
	static std::vector<dsr::Ip> parse(const std::vector<std::string> &texts)
	{
		std::vector<dsr::Ip> ips;

		for (const std::string &text : texts)
			ips.push_back(dsr::parse_ip(text).value());
		return ips;
	}
};

} // namespace

TEST_CASE("dsrctl watch: requests and replies of each VIP, and nothing to find")
{
	Seen seen;

	CHECK(seen.see(request(7)) == "");
	CHECK(seen.see(answer(VIP)) == "");
	CHECK(seen.see(request(7, 80, ACK)) == "");
	CHECK(seen.see(tcp(ip(CLIENT, RIP, 10), 5, 443, SYN)) == "");
	CHECK(seen.see(tcp(ip(CLIENT, RIP, 11), 6, 443, SYN)) == "");
	CHECK(seen.see(tcp(ip("2001:db8:c::1", "2001:db8:9::31", 7), 5, 80, SYN)) == "");
	CHECK(seen.see(tcp(ip("2001:db8::46", "2001:db8:c::1", 7), 80, 5, SYN_ACK)) == "");
	CHECK(seen.see(tcp(ip(CLIENT, "10.9.9.9", 0), 5, 80, SYN)) == "");
	CHECK(seen.see(tcp(ip(CLIENT, "192.0.2.1", 9), 5, 80, SYN)) == "");
	CHECK(seen.found() == "");
	CHECK(seen.diagnosis.packets() == 9);
	CHECK(seen.vip(VIP).requests.packets == 2);
	CHECK(seen.vip(VIP).requests.bytes == 80);
	CHECK(seen.vip(VIP).replies.packets == 1);
	CHECK(seen.vip(VIP).marked_replies == 0);
	CHECK(seen.vip("198.18.0.250").requests.packets == 2);
	CHECK(seen.vip("2001:db8::46").requests.bytes == 60);
	CHECK(seen.vip("2001:db8::46").marked_replies == 1);
	CHECK(seen.vip("10.9.9.9").requests.packets == 1);
}

TEST_CASE("dsrctl watch: a cleared DSCP")
{
	Seen seen;

	seen.see(request(7));
	CHECK(seen.see(request(0, 80, ACK)) ==
	      "DSCP 0: 1 packet to 10.128.9.31 tcp/80, of which others are marked for 10.128.8.46: the DSCP is cleared on the path");
	CHECK(seen.see(request(0, 80, ACK)) == "");
	CHECK(seen.found() == "cleared 2; ");
}

TEST_CASE("dsrctl watch: a reset has no DSCP to clear")
{
	Seen seen;

	seen.see(request(7));
	CHECK(seen.see(request(0, 80, RST)) == "");
	CHECK(seen.see(request(0, 80, RST | ACK)) == "");
	CHECK(seen.found() == "");
	CHECK(seen.see(request(7, 80, RST)) == "");
	CHECK(seen.vip(VIP).requests.packets == 2);
}

TEST_CASE("dsrctl watch: connections that are never marked")
{
	Seen seen;

	CHECK(seen.see(request(0, 22, ACK)) == "");
	CHECK(seen.found() == "");
	CHECK(seen.see(request(0, 22)) ==
	      "DSCP 0: 1 connection to 10.128.9.31 tcp/22, which is never marked: the DSCP is cleared on the path, or they are not from the load balancer");
	CHECK(seen.see(request(0, 22)) == "");
	CHECK(seen.found() == "unmarked 2; ");
	// the first that is marked tells what the others were
	seen.see(request(7, 22));
	CHECK(seen.found() == "cleared 3; ");
}

TEST_CASE("dsrctl watch: pings and answers to the server itself are no requests")
{
	Seen seen;

	seen.see(replay_test::packet(ip(CLIENT, RIP, 0, 1), Bytes{8, 0, 0xf7, 0xfe, 0, 1, 0, 0}));
	seen.see(tcp(ip(CLIENT, RIP, 0), 80, 50000, SYN_ACK));
	CHECK(seen.found() == "");
}

TEST_CASE("dsrctl watch: a DSCP that is not mapped")
{
	Seen seen;

	CHECK(seen.see(request(9)) ==
	      "DSCP 9 (TOS 36, 0x24, 001001b): 1 packet to 10.128.9.31, and it stands for no VIP");
	CHECK(seen.see(request(9)) == "");
	CHECK(seen.see(tcp(ip("2001:db8:c::1", "2001:db8:9::31", 10), 5, 80, SYN)) != "");
	CHECK(seen.found() == "unmapped 2; unmapped 1; ");
}

TEST_CASE("dsrctl watch: a DSCP that stands for a VIP on each address of the server")
{
	const dsr::Ip first = dsr::parse_ip(RIP).value();
	const dsr::Ip second = dsr::parse_ip("10.128.9.32").value();
	const dsr::Ip vips[] = {dsr::parse_ip(VIP).value(), dsr::parse_ip("10.9.9.9").value()};
	Diagnosis diagnosis({{vips[0], 7, first}, {vips[1], 7, second}}, {});
	Bytes packets[] = {tcp(ip(CLIENT, "10.128.9.32", 7), 40000, 80, SYN),
			   tcp(ip(CLIENT, RIP, 7), 40000, 80, SYN),
			   tcp(ip(CLIENT, RIP, 7), 40001, 80, SYN)};

	for (Bytes &packet : packets)
		CHECK(diagnosis.see(view(packet)) == nullptr);
	CHECK(diagnosis.vips()[0].requests.packets == 2);
	CHECK(diagnosis.vips()[1].requests.packets == 1);
}

TEST_CASE("dsrctl watch: what has a DSCP of its own opens nothing, or is ssh")
{
	Seen seen;

	seen.see(tcp(ip(CLIENT, RIP, 48), 40000, 179, ACK));
	seen.see(tcp(ip(CLIENT, RIP, 48), 40000, 179, SYN));
	seen.see(tcp(ip(CLIENT, RIP, 18), 40000, 22, SYN));
	seen.see(replay_test::packet(ip(CLIENT, RIP, 48, 1), Bytes{3, 1, 0, 0, 0, 0, 0, 0}));
	CHECK(seen.found() == "");
}

TEST_CASE("dsrctl watch: while no server is known, a DSCP to anywhere counts")
{
	Seen seen(std::vector<std::string>{});

	CHECK(seen.see(request(9)) == "");
	CHECK(seen.found() == "unmapped 1; ");
	seen.see(tcp(ip(CLIENT, "192.0.2.9", 7), 40000, 80, SYN));
	CHECK(seen.found() == "");
}

TEST_CASE("dsrctl watch: answers from the server's own address")
{
	Seen seen;

	CHECK(seen.see(answer(RIP)) == "");
	seen.see(request(7));
	CHECK(seen.see(answer(RIP, 81)) == "");
	CHECK(seen.see(tcp(ip(RIP, "144.100.10.2", 0), 80, 40000, SYN_ACK)) == "");
	CHECK(seen.see(answer(RIP)) ==
	      "1 packet from 10.128.9.31 tcp/80 that answer requests for 10.128.8.46: they are not rewritten");
	CHECK(seen.see(answer(RIP)) == "");
	CHECK(seen.found() == "from_server 2; ");
}

TEST_CASE("dsrctl watch: a ping that the server answers itself")
{
	for (bool six : {false, true}) {
		const std::string client = six ? "2001:db8:c::1" : CLIENT;
		const std::string server = six ? "2001:db8:9::31" : RIP;
		const std::uint8_t protocol = six ? ICMP6 : 1;
		Seen seen;

		auto ping = [&](bool reply) {
			const std::uint8_t type = six ? 128 : 8, back = six ? 129 : 0;
			Header packet = reply ? ip(server, client, 0, protocol) :
						ip(client, server, 7, protocol);
			Bytes data = {reply ? back : type, 0, 0, 0, 0x12, 0x34, 0, 1};

			if (six)
				set16(data, 2,
				      checksum(address(packet.source) +
					       address(packet.destination) + be32(8) + be32(ICMP6) +
					       data));
			return replay_test::packet(packet, data);
		};
		seen.see(ping(true));
		CHECK(seen.found() == "");
		seen.see(ping(false));
		CHECK(seen.see(ping(true)) != "");
		CHECK(seen.found().starts_with("from_server 1; "));
	}
}

TEST_CASE("dsrctl watch: wrong checksums, and those that are left to hardware")
{
	Seen seen;
	const Header six = ip("2001:db8::46", "2001:db8:c::1", 0);
	const Header four = ip(VIP, CLIENT, 0);

	CHECK(seen.see(offloaded(four, answer(VIP))) == "");
	CHECK(seen.see(offloaded(six, tcp(six, 80, 5, ACK))) == "");
	CHECK(seen.found() == "");
	CHECK(seen.vip(VIP).offloaded == 1);
	CHECK(seen.vip("2001:db8::46").offloaded == 1);

	CHECK(seen.see(damaged(answer(VIP))) ==
	      "1 packet from 10.128.8.46 with a wrong checksum, which is not offload");
	CHECK(seen.see(damaged(request(7))) ==
	      "1 packet for 10.128.8.46 with a wrong checksum, which is not offload");
	CHECK(seen.see(damaged(tcp(six, 80, 5, ACK))) ==
	      "1 packet from 2001:db8::46 with a wrong checksum, which is not offload");
	seen.see(damaged(request(7)));
	CHECK(seen.found() == "checksum 1; checksum 1; checksum 2; ");
	CHECK(seen.vip(VIP).offloaded == 1);
}

TEST_CASE("dsrctl watch: a wrong checksum of the IPv4 header")
{
	Bytes bytes = request(7);
	Seen seen;

	set16(bytes, 10, get16(bytes, 10) ^ 0x1234);
	seen.see(bytes);
	CHECK(seen.found() == "checksum 1; ");
	set16(bytes, 10, 0); // left to hardware
	seen.see(bytes);
	CHECK(seen.found() == "checksum 1; ");
}

TEST_CASE("dsrctl watch: what is cut short is not judged")
{
	Seen seen;
	Bytes bytes = damaged(request(7)) + Bytes(100);

	set16(bytes, 2, 140);
	set16(bytes, 10, 0);
	for (std::size_t size = 0; size < 140; size++) {
		Bytes cut = cut_to(bytes, size);

		CHECK(!seen.diagnosis.see(view(cut, 140)));
	}
	CHECK(seen.found() == "");
}

TEST_CASE("dsrctl watch: the server's address is learnt from what is mapped")
{
	Seen seen(std::vector<std::string>{});

	CHECK(seen.see(request(0)) == "");
	seen.see(request(7));
	CHECK(seen.see(request(0)) != "");
	CHECK(seen.see(answer(RIP)) != "");
	CHECK(seen.found() == "cleared 2; from_server 1; ");
}

TEST_CASE("dsrctl watch: tables are of limited size")
{
	Seen seen;

	for (unsigned int port = 1; port <= 5000; port++)
		seen.see(request(0, port));
	CHECK(seen.diagnosis.overflowed());
	CHECK(seen.diagnosis.findings().size() == 4096);
	seen.see(request(7));
	CHECK(seen.vip(VIP).requests.packets == 1);
}

TEST_CASE("dsrctl watch: the table")
{
	Seen seen;

	seen.see(request(7));
	seen.see(request(9));
	CHECK(report_table(seen.diagnosis, {2.5, 3, false}) ==
	      "2 packets in 2.5 s, and 3 that came too fast to be seen\n"
	      "vip           dscp  tos  hex   binary   requests  bytes  replies  bytes  marked  offload\n"
	      "10.128.8.46   7     28   0x1c  000111b         1     40        0      0       0        0\n"
	      "2001:db8::46  7     28   0x1c  000111b         0      0        0      0       0        0\n"
	      "198.18.0.250  10    40   0x28  001010b         0      0        0      0       0        0\n"
	      "198.18.0.250  11    44   0x2c  001011b\n"
	      "10.9.9.9      --    --   --    --              0      0        0      0       0        0\n"
	      "! DSCP 9 (TOS 36, 0x24, 001001b): 1 packet to 10.128.9.31, and it stands for no VIP\n");
}

namespace {

// dsrctl watch, of a configuration that it finds
class Watch : public dsr_test::Dsrctl {
public:
	Watch() { directory.save("conf", CONFIG); }

	int run(const std::string &arguments) { return Dsrctl::run("watch " + arguments); }
};

} // namespace

TEST_CASE("dsrctl watch: a capture")
{
	Watch program;
	const std::string capture = program.directory / "pcap";
	const std::string options = "-f " + program.directory / "conf" + " --read " + capture;

	save(capture, pcap_head() + record(request(7)) + record(answer(VIP)));
	CHECK(program.run(options) == 0);
	CHECK(program.text.starts_with("2 packets\nvip "));
	CHECK(program.error == "");

	save(capture, pcap_head() + record(request(7)) + record(request(0)) + record(request(9)));
	CHECK(program.run(options) == 2);
	CHECK(program.text.starts_with("packet 2: DSCP 0: 1 packet to "));
	CHECK(program.run(options + " --count 1") == 0);
	CHECK(program.run(options + " --json --server 10.128.9.31") == 2);
	auto json = nlohmann::json::parse(program.text);
	CHECK(json["end"] == true);
	CHECK(json["packets"] == 3);
	CHECK(json["vips"][0]["vip"] == VIP);
	CHECK(json["vips"][0]["requests"]["packets"] == 1);
	CHECK(json["vips"][0]["dscps"][0]["tos_hex"] == "0x1c");
	CHECK(json["findings"][0]["kind"] == "cleared");
	CHECK(json["findings"][1]["kind"] == "unmapped");

	save(capture, pcap_head() + cut_to(record(request(7)), 30));
	CHECK(program.run(options) == 1);
	CHECK(program.error.starts_with("dsrctl: error: " + capture + ": byte 24: "));
}

TEST_CASE("dsrctl watch: bad usage is exit status 1, and says what is expected")
{
	Watch program;

	for (const char *arguments : {"x", "--count 0", "--seconds 0", "--interval -1", "-i",
				      "--read x -i lo", "--server host", "-i nosuchdevice0",
				      "--read /nowhere", "-d /nowhere", "-f /dev/null"}) {
		std::string all = arguments;

		if (all.find("/dev/null") == all.npos && all.find("-d ") == all.npos)
			all += " -f " + program.directory / "conf";
		INFO(all);
		CHECK(program.run(all) == 1);
		CHECK(program.text == "");
		CHECK(program.error.starts_with("dsrctl: "));
	}
}

TEST_CASE("dsrctl watch: JSON has the fields that the man page lists")
{
	Watch program;
	const std::string capture = program.directory / "pcap";
	unit::JsonFields fields("dsrctl/watch/dsrctl-watch.8");

	save(capture, pcap_head() + record(request(7)) + record(request(9)));
	CHECK(program.run("-f " + program.directory / "conf" + " --read " + capture + " --json") ==
	      2);
	fields.see(program.text);
	check(fields);
}
