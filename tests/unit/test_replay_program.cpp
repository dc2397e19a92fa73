// SPDX-License-Identifier: BSD-3-Clause
// The program as a user runs it: what it writes, prints and returns.
#include "catch.hpp"

#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "program.hpp"
#include "replay_files.hpp"

using namespace replay_test;

namespace {

const char RULE[] = "--dscp 7 --set-daddr 10.128.8.46 ";

// Runs in a directory that holds in.pcap: one packet for the VIP, one not.
class Replay : public unit::Program {
public:
	Replay() : Program(DADDR_REPLAY)
	{
		Header vip = ip4(), other = ip4(TCP);

		other.dscp = 0;
		vip.destination = "10.128.8.46";
		in = pcap_head() + record(good(ip4())) + record(good(other));
		out = pcap_head() + record(good(vip)) + record(good(other));
		save(directory / "in.pcap", in);
	}

	bool exists(const std::string &name) const
	{
		return std::filesystem::exists(directory / name);
	}

	Bytes in, out;
};

bool has(const std::string &text, const std::string &part)
{
	return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("replay: one rule on the command line")
{
	Replay program;

	for (const char *dscp : {"7", "0x7", "0x07"}) {
		CHECK(program.run(std::string("--dscp ") + dscp +
				  " --set-daddr 10.128.8.46 in.pcap out.pcap") == 0);
		CHECK(load(program.directory / "out.pcap") == program.out);
		CHECK(program.error == "");
		CHECK(has(program.text, "DSCP 7 (TOS 28, 0x1c, 000111b)"));
	}
	CHECK(program.run("--dscp EF --set-daddr 10.128.8.46 in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.in);
	CHECK(program.run("--dscp=7 --set-daddr=2001:db8::46 in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.in);
}

TEST_CASE("replay: a map, and a port, on the command line")
{
	Replay program;
	Bytes port = program.out;
	// the port of the packet to the VIP, 80, and its checksum
	std::size_t udp = 24 + 16 + 20;
	unsigned int check = get16(port, udp + 6) + 80 + 0xffff - 8080;
	set16(port, udp + 2, 8080);
	set16(port, udp + 6, (check & 0xffff) + (check >> 16));

	CHECK(program.run("--dscp-map 6=10.9.9.9,7=10.128.8.46 in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK(program.run("--dscp-map cs1=10.9.9.9 --dscp-map 0x7=10.128.8.46 in.pcap out.pcap") ==
	      0);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK(program.run("--dscp-map 8=10.9.9.9 in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.in);
	CHECK(has(program.text, "with DSCP 7 (TOS 28, 0x1c, 000111b), which no rule maps"));
	CHECK(program.run("--dscp-map 7=10.128.8.46 --protocol tcp in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.in);
	CHECK(program.run(std::string(RULE) + "--protocol udp --set-dport 8080 in.pcap out.pcap") ==
	      0);
	CHECK(load(program.directory / "out.pcap") == port);
	CHECK(program.run(std::string(RULE) + "--protocol tcp --set-dport 8080 in.pcap out.pcap") ==
	      0);
	CHECK(load(program.directory / "out.pcap") == program.in);
}

TEST_CASE("replay: --explain tells of map and port")
{
	Replay program;

	CHECK(program.run("--dscp-map 7=10.128.8.46 --explain 1 in.pcap") == 0);
	CHECK(has(program.text, "map: DSCP 7 (TOS 28, 0x1c, 000111b) is 10.128.8.46"));
	CHECK(has(program.text, "-j DADDR --dscp-map 7=10.128.8.46"));
	CHECK(program.run("--dscp-map 8=10.128.8.46 --explain 1 in.pcap") == 0);
	CHECK(has(program.text, "map: no entry for this DSCP"));
	CHECK(has(program.text, "changed bytes\n  none"));
	CHECK(program.run(std::string(RULE) +
			  "--protocol udp --set-dport 8080 --explain 1 in.pcap") == 0);
	CHECK(has(program.text, "destination port: 80 becomes 8080"));
	CHECK(has(program.text, "destination port       80  ->  8080"));
	CHECK(has(program.text, "good before, good after"));
	CHECK(program.run(std::string(RULE) +
			  "--protocol udp --set-dport 80 --explain 1 in.pcap") == 0);
	CHECK(has(program.text, "destination port: 80 already"));
}

TEST_CASE("replay: rules from files, more than one")
{
	Replay program;

	save(program.directory / "a",
	     std::string(
		     "*raw\n-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.9.9.9\nCOMMIT\n"));
	save(program.directory / "b",
	     std::string(
		     "*raw\n-A PREROUTING -d 10.9.9.9 -j DADDR --set-daddr 10.128.8.46\n-A PREROUTING -j CT --notrack\nCOMMIT\n"));
	CHECK(program.run("--rules a --rules b in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK(has(program.text, "1 other rule in PREROUTING of raw and mangle not applied"));
}

TEST_CASE("replay: standard input and output")
{
	Replay program;

	CHECK(program.run(std::string(RULE) + "- - <in.pcap") == 0);
	CHECK(program.text == std::string(program.out.begin(), program.out.end()));
	CHECK(has(program.error, "rewritten"));
}

TEST_CASE("replay: --check writes nothing and needs no rule")
{
	Replay program;

	CHECK(program.run("--check in.pcap") == 0);
	CHECK(has(program.text, "with DSCP 7 (TOS 28, 0x1c, 000111b), which no rule maps"));
	CHECK(has(program.text, "no DADDR rule to apply"));
	CHECK(program.run("--check in.pcap out.pcap") == 2);
	CHECK(has(program.error, "leave out \"out.pcap\""));
	CHECK_FALSE(program.exists("out.pcap"));
}

TEST_CASE("replay: bad usage is status 2, says why and creates nothing")
{
	Replay program;
	struct {
		const char *arguments, *error;
	} cases[] = {
		{"", "IN"},
		{"in.pcap out.pcap", "a rule is missing"},
		{"--dscp 7 in.pcap out.pcap", "--set-daddr"},
		{"--set-daddr 10.1.1.1 in.pcap out.pcap", "--dscp"},
		{"--dscp 0 --set-daddr 10.1.1.1 in.pcap out.pcap", "found \"0\", expected 1-63"},
		{"--dscp 64 --set-daddr 10.1.1.1 in.pcap out.pcap", "found \"64\""},
		{"--dscp BE --set-daddr 10.1.1.1 in.pcap out.pcap", "found \"BE\""},
		{"--dscp '' --set-daddr 10.1.1.1 in.pcap out.pcap", "found \"\""},
		{"--dscp 7 --set-daddr vip in.pcap out.pcap", "found \"vip\""},
		{"--dscp 7 --set-daddr 0.0.0.0 in.pcap out.pcap", "the unspecified address"},
		{"--dscp 7 --set-daddr 224.1.1.1 in.pcap out.pcap", "a multicast address"},
		{"--rules r --dscp 7 --set-daddr 10.1.1.1 in.pcap out.pcap", "excludes"},
		{"--rules missing in.pcap out.pcap", "missing: No such file"},
		{"--rules . in.pcap out.pcap", ".: "},
		{"--dscp 7 --set-daddr 10.1.1.1 in.pcap", "OUT is missing"},
		{"--dscp 7 --set-daddr 10.1.1.1 missing out.pcap", "missing: No such file"},
		{"--dscp 7 --set-daddr 10.1.1.1 in.pcap in.pcap", "in.pcap: is the input itself"},
		{"--dscp 7 --set-daddr 10.1.1.1 - - <in.pcap 1<>in.pcap 2>stderr; exit $?; :", ""},
		{"--dscp 7 --set-daddr 10.1.1.1 in.pcap no/out.pcap", "no/out.pcap: No such file"},
		{"--check --server host in.pcap", "--server: found \"host\""},
		{"--check --explain 1 in.pcap", "excludes"},
		{"--explain 0 in.pcap", "packets are numbered from 1"},
		{"--explain x in.pcap", "explain"},
		{"--explain -1 in.pcap", "expected a packet's number"},
		{"--explain 3 in.pcap", "there is no packet 3 to explain"},
		{"--explain 1 in.pcap out.pcap", "leave out \"out.pcap\""},
		{"--nonsense in.pcap out.pcap", "nonsense"},
		{"--dscp-map 7:10.1.1.1 in.pcap out.pcap",
		 "command line: found \"7:10.1.1.1\", expected an entry"},
		{"--dscp-map 7=10.1.1.1 --dscp-map 7=10.1.1.2 in.pcap out.pcap", "each DSCP once"},
		{"--dscp-map 7=10.1.1.1 --dscp 8 --set-daddr 10.1.1.1 in.pcap out.pcap",
		 "excludes"},
		{"--dscp-map 7=10.1.1.1 --rules r in.pcap out.pcap", "excludes"},
		{"--dscp-map 7=10.1.1.1 --set-dport 80 in.pcap out.pcap", "--set-dport"},
		{"--set-dport 80 in.pcap out.pcap", "--set-dport"},
		{"--dscp 7 --set-daddr 10.1.1.1 --set-dport 80 in.pcap out.pcap", "--protocol"},
		{"--dscp 7 --set-daddr 10.1.1.1 --protocol icmp --set-dport 80 in.pcap out.pcap",
		 "command line: found --set-dport, expected -p tcp"},
		{"--dscp 7 --set-daddr 10.1.1.1 --protocol tcp --set-dport 0 in.pcap out.pcap",
		 "found \"0\", expected a port"},
		{"--protocol tcp --check in.pcap", "--protocol: is of a rule"},
		{"--protocol tcp --rules r in.pcap out.pcap", "excludes"},
		{"--check in.pcap out.pcap third", "third"},
	};

	for (auto &test : cases) {
		INFO(test.arguments);
		CHECK(program.run(test.arguments) == 2);
		INFO(program.error);
		CHECK(has(program.error, test.error));
		CHECK_FALSE(program.exists("out.pcap"));
		CHECK(load(program.directory / "in.pcap") == program.in);
	}
}

TEST_CASE("replay: a bad rules file stops before anything is written")
{
	Replay program;

	save(program.directory / "r",
	     std::string("*raw\n-A PREROUTING -o eth0 -j DADDR --set-daddr 10.1.1.1\nCOMMIT\n"));
	CHECK(program.run("--rules r in.pcap out.pcap") == 2);
	CHECK(has(program.error, "r:2: found \"-o\", expected one of"));
	CHECK_FALSE(program.exists("out.pcap"));
}

TEST_CASE("replay: a rule's interface is given, named by the capture, or assumed")
{
	Replay program;

	save(program.directory / "r",
	     std::string(
		     "*raw\n-A PREROUTING -i eth0 -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46\nCOMMIT\n"));
	CHECK(program.run("--rules r in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK(has(program.text, "does not name of 2 packets: taken for the right one"));
	CHECK(program.run("--rules r --in eth0 in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK_FALSE(has(program.text, "taken for the right one"));
	CHECK(program.run("--rules r --in eth1 in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.in);

	// two interfaces of one pcapng, of different snapshot lengths and types
	const Bytes packet = good(ip4());
	auto interface = [](char number, std::uint32_t link, std::uint32_t snaplen) {
		return pcapng_block(
			1, Order{}.half(static_cast<std::uint16_t>(link)) + Order{}.half(0) +
				   Order{}.number(snaplen) + Order{}.half(2) + Order{}.half(4) +
				   Bytes{'e', 't', 'h', static_cast<std::uint8_t>(number)});
	};
	auto from = [](std::uint32_t number, const Bytes &frame) {
		const auto size = static_cast<std::uint32_t>(frame.size());

		return pcapng_block(6, Order{}.number(number) + Bytes(8) + Order{}.number(size) +
					       Order{}.number(size) + frame);
	};
	const Bytes head = cut_to(pcapng_head(), 28);
	save(program.directory / "two",
	     head + interface('0', RAW_IP, 65535) + interface('1', ETHERNET, 96) +
		     interface('2', WIFI, 0) + from(0, packet) +
		     from(1, Bytes(12, 2) + be16(0x800) + packet) + from(2, packet));
	CHECK(program.run("--rules r --json two out.pcapng") == 0);
	auto json = nlohmann::json::parse(program.text);
	CHECK(json["rewritten"]["packets"] == 1);
	CHECK(json["link_type"] == "RAW, EN10MB, IEEE802_11");
	CHECK(json["passed"]["why"]["no_rule"] == 1);
	CHECK(json["passed"]["why"]["unknown_link_type"] == 1);
	CHECK(program.run(std::string(RULE) + "--json two out.pcapng") == 0);
	json = nlohmann::json::parse(program.text);
	CHECK(json["rewritten"]["packets"] == 2);
}

TEST_CASE("replay: rules of INPUT come last, and what they assume is said")
{
	Replay program;

	save(program.directory / "r",
	     std::string(
		     "*mangle\n-A INPUT -d 10.9.9.9 -j DADDR --set-daddr 10.128.8.46\n-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 10.9.9.9\nCOMMIT\n"));
	CHECK(program.run("--rules r in.pcap out.pcap") == 0);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK(has(program.text, "taken for one to this host"));
}

TEST_CASE("replay: a damaged capture is written up to the damage")
{
	Replay program;
	std::string at = "byte " + std::to_string(program.in.size());

	save(program.directory / "in.pcap", program.in + Bytes(7));
	CHECK(program.run(std::string(RULE) + "--json in.pcap out.pcap") == 2);
	CHECK(load(program.directory / "out.pcap") == program.out);
	CHECK(has(program.error, at));
	auto json = nlohmann::json::parse(program.text);
	CHECK(json["damage"]["offset"] == program.in.size());
	CHECK(json["status"] == 2);
	CHECK(program.run(std::string(RULE) + "--explain 3 in.pcap") == 2);
	CHECK(has(program.error, at));
}

TEST_CASE("replay: what cannot be written is status 2")
{
	Replay program;

	CHECK(program.run(std::string(RULE) + "in.pcap /dev/full") == 2);
	CHECK(has(program.error, "/dev/full: cannot write: No space left"));
	CHECK(program.run("--check in.pcap >/dev/full 2>/dev/null; exit $?; :") == 2);
}

TEST_CASE("replay: the report as JSON")
{
	Replay program;

	CHECK(program.run(std::string(RULE) + "--json in.pcap out.pcap") == 0);
	auto json = nlohmann::json::parse(program.text);
	CHECK(json["input"] == "in.pcap");
	CHECK(json["output"] == "out.pcap");
	CHECK(json["link_type"] == "RAW");
	CHECK(json["read"]["packets"] == 2);
	CHECK(json["rewritten"]["packets"] == 1);
	CHECK(json["rewritten"]["by_dscp"][0]["dscp"] == 7);
	CHECK(json["rewritten"]["by_dscp"][0]["tos"] == 28);
	CHECK(json["rewritten"]["by_dscp"][0]["tos_hex"] == "0x1c");
	CHECK(json["passed"]["why"]["no_rule"] == 1);
	CHECK(json["dropped"]["packets"] == 0);
	CHECK(json["transport_checksums"]["before"]["good"] == 2);
	CHECK(json["transport_checksums"]["after"]["good"] == 2);
	CHECK(json["transport_checksums"]["good_became_bad"] == 0);
	CHECK(json["diagnoses"]["servers"][0] == "10.128.9.31");
	CHECK(json["diagnoses"]["unmarked_to_server"] == 0);
	CHECK(json["diagnoses"]["findings"].empty());
	CHECK(json["damage"].is_null());
	CHECK(json["status"] == 0);
}

TEST_CASE("replay: JSON has the fields that the man page lists")
{
	Replay program;
	unit::JsonFields fields("replay/daddr-replay.1");

	CHECK(program.run(std::string(RULE) + "--json in.pcap out.pcap") == 0);
	fields.see(program.text);
	save(program.directory / "in.pcap", program.in + Bytes(7));
	CHECK(program.run(
		      "--dscp 9 --set-daddr 10.128.8.46 --server 10.128.9.31 --json --check in.pcap") ==
	      2);
	fields.see(program.text);
	CHECK(program.run("--json --check in.pcap") == 2);
	fields.see(program.text);
	check(fields);
}

// As tcpdump -i eth1 sees three marked pings on a server that is in order.
TEST_CASE("replay: the capture of a healthy server has nothing to find")
{
	Replay program;
	Bytes pings = pcap_head();

	for (std::uint8_t number = 1; number <= 3; number++) {
		pings = pings + record(packet({"144.100.10.1", "10.128.9.31", 1, 7},
					      {8, 0, 0, 0, 0, 1, 0, number}));
		pings = pings + record(packet({"10.128.8.46", "144.100.10.1", 1, 7},
					      {0, 0, 0, 0, 0, 1, 0, number}));
	}
	save(program.directory / "pings.pcap", pings);
	CHECK(program.run("--dscp-map 7=10.128.8.46 --server 10.128.9.31 --check pings.pcap") == 0);
	CHECK_FALSE(has(program.text, "diagnosis"));
}

TEST_CASE("replay: --explain prints one packet and stops")
{
	Replay program;

	CHECK(program.run(std::string(RULE) + "--explain 1 in.pcap") == 0);
	CHECK(has(program.text, "10.128.9.31  ->  10.128.8.46"));
	CHECK(has(program.text, "7 (TOS 28, 0x1c, 000111b)"));
	CHECK(has(program.text, "rule command line: match"));
	CHECK(has(program.text, "contract: row 3: TCP, UDP"));
	CHECK(has(program.text, "byte 18 (18 of the packet): 09 1f  ->  08 2e"));
	CHECK(program.run(std::string(RULE) + "--explain 2 in.pcap") == 0);
	CHECK(has(program.text, "no rule matches"));
	CHECK(has(program.text, "changed bytes\n  none"));
	CHECK_FALSE(program.exists("out.pcap"));
}

TEST_CASE("replay: --help and --version")
{
	Replay program;

	CHECK(program.run("--help") == 0);
	CHECK(has(program.text, "Examples:"));
	CHECK(has(program.text, "--explain"));
	CHECK(program.run("--version") == 0);
	CHECK(has(program.text, "daddr-replay "));
}
