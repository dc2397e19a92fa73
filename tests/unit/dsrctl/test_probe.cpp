// SPDX-License-Identifier: BSD-3-Clause
// What a probe makes of packets, responses, lists and results.
#include <cstring>

#include <nlohmann/json.hpp>

#include "dsrctl/probe/heard.hpp"
#include "dsrctl/probe/http.hpp"
#include "dsrctl/probe/report.hpp"
#include "dsrctl/probe/targets.hpp"
#include "json_fields.hpp"
#include "oracle.hpp"
#include "world.hpp"

using namespace dsr_test;
using namespace dsr::probe;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes operator+(Bytes left, const Bytes &right)
{
	left.insert(left.end(), right.begin(), right.end());
	return left;
}

// As it is on the wire; the transport's checksum is none of a probe's business.
Bytes ip_packet(const std::string &from, const std::string &to, std::uint8_t dscp,
		std::uint8_t protocol, const Bytes &payload)
{
	Ip source = ip(from), destination = ip(to);
	const std::size_t size = payload.size();
	Bytes header;

	if (source.family == Family::ip4)
		header = {0x45,
			  static_cast<std::uint8_t>(dscp << 2),
			  static_cast<std::uint8_t>((size + 20) >> 8),
			  static_cast<std::uint8_t>(size + 20),
			  0,
			  0,
			  0,
			  0,
			  64,
			  protocol,
			  0,
			  0};
	else
		header = {static_cast<std::uint8_t>(0x60 | dscp >> 2),
			  static_cast<std::uint8_t>(dscp << 6),
			  0,
			  0,
			  static_cast<std::uint8_t>(size >> 8),
			  static_cast<std::uint8_t>(size),
			  protocol,
			  64};
	for (const Ip *one : {&source, &destination})
		header.insert(header.end(), one->bytes.begin(), one->bytes.begin() + one->size());
	if (source.family == Family::ip4)
		oracle::put16(header, 10, oracle::checksum(header));
	return header + payload;
}

constexpr std::uint8_t SYN = 2, RST = 4, ACK = 16;

Bytes tcp(std::uint16_t from, std::uint16_t to, std::uint8_t flags)
{
	Bytes header(20);

	header[0] = from >> 8, header[1] = from & 255;
	header[2] = to >> 8, header[3] = to & 255;
	header[12] = 5 << 4, header[13] = flags;
	return header;
}

Bytes icmp(std::uint8_t type, std::uint8_t code, std::uint16_t id = 0, std::uint16_t sequence = 0)
{
	return {type,
		code,
		0,
		0,
		static_cast<std::uint8_t>(id >> 8),
		static_cast<std::uint8_t>(id),
		static_cast<std::uint8_t>(sequence >> 8),
		static_cast<std::uint8_t>(sequence)};
}

// What an echo carries.
Bytes payload(std::uint64_t nonce)
{
	Bytes bytes(sizeof(nonce));

	std::memcpy(bytes.data(), &nonce, sizeof(nonce));
	return bytes;
}

// What of it is captured; @length was on the wire.
std::optional<Heard> hear_bytes(Bytes bytes, std::size_t length = 0)
{
	Packet packet;

	packet.data = bytes.data();
	packet.captured = static_cast<std::uint32_t>(bytes.size());
	packet.length = length ? static_cast<std::uint32_t>(length) : packet.captured;
	packet.family = !bytes.empty() && bytes[0] >> 4 == 6 ? Family::ip6 : Family::ip4;
	return hear(packet);
}

// The names of both families.
struct Names {
	std::string us, vip, router;
	std::uint8_t icmp, echo, reply, unreachable, port, too_big;
};

const Names NAMES[] = {
	{"10.128.9.1", "10.128.8.46", "10.0.0.254", 1, 8, 0, 3, 3, 3},
	{"2001:db8:9::1", "2001:db8::46", "2001:db8::fe", 58, 128, 129, 1, 4, 2},
};

Answer answer(Verdict verdict, double milliseconds = 1)
{
	Answer answer;

	answer.verdict = verdict;
	answer.text = name(verdict) + std::string("|text");
	answer.time = Seconds(milliseconds / 1000);
	return answer;
}

Report report(const std::vector<std::vector<Verdict>> &verdicts)
{
	Report report;

	for (const auto &one : verdicts) {
		Result result;

		result.target = {ip("10.128.9.31"), ip("10.128.8.46"), 7, "10.128.8.46"};
		for (Verdict verdict : one)
			result.answers.push_back(answer(verdict));
		report.results.push_back(result);
	}
	return report;
}

// What is said about servers that are not right.
std::string refusal(const std::string &servers)
{
	try {
		read_servers(servers);
	} catch (const Error &error) {
		return error.what();
	}
	return "";
}

std::string response(const std::string &status, const std::string &body,
		     const std::string &header = "")
{
	return "HTTP/1.1 " + status + "\r\n" + header + "\r\n" + body;
}

} // namespace

TEST_CASE("probe: what TCP answers")
{
	for (const Names &names : NAMES) {
		auto hear_tcp = [&](std::uint16_t to, std::uint8_t flags) {
			return hear_bytes(ip_packet(names.vip, names.us, 7, 6, tcp(80, to, flags)));
		};
		auto heard = hear_tcp(40000, SYN | ACK);

		REQUIRE(heard);
		CHECK(heard->kind == Heard::Kind::syn_ack);
		CHECK(heard->from == ip(names.vip));
		CHECK(heard->key == Key{ip(names.us), true, 40000, 80});
		CHECK(heard->dscp == 7);
		CHECK(hear_tcp(1, RST | ACK)->kind == Heard::Kind::reset);
		CHECK(hear_tcp(1, ACK)->kind == Heard::Kind::data);
	}
}

TEST_CASE("probe: what ICMP answers")
{
	for (const Names &names : NAMES) {
		auto hear_icmp = [&](std::uint8_t type) {
			return hear_bytes(ip_packet(names.vip, names.us, 63, names.icmp,
						    icmp(type, 0, 258, 3)));
		};
		auto heard = hear_icmp(names.reply);

		REQUIRE(heard);
		CHECK(heard->kind == Heard::Kind::echo_reply);
		CHECK(heard->key == Key{ip(names.us), false, 258, 3});
		CHECK(heard->dscp == 63);
		CHECK_FALSE(hear_icmp(names.echo));
	}
}

TEST_CASE("probe: an echo reply with another nonce, or without one, is another process's")
{
	for (const Names &names : NAMES) {
		Bytes whole = ip_packet(names.vip, names.us, 0, names.icmp,
					icmp(names.reply, 0, 258, 3) + payload(0x123456789) +
						Bytes(48));
		const std::size_t enough = whole.size() - 48;

		CHECK(is_about(*hear_bytes(whole), {258, 3, 0x123456789}));
		CHECK_FALSE(is_about(*hear_bytes(whole), {258, 3, 0x12345678a}));
		CHECK_FALSE(is_about(*hear_bytes(whole), {258, 3, 0}));
		for (std::size_t cut = 0; cut < enough; cut++) {
			auto heard = hear_bytes(Bytes(whole.begin(), whole.begin() + cut),
						whole.size());

			CHECK_FALSE((heard && is_about(*heard, {258, 3, 0})));
		}
	}
}

TEST_CASE("probe: an ICMP error belongs to the probe that it quotes")
{
	for (const Names &names : NAMES) {
		auto hear_error = [&](const Bytes &error, const Bytes &quoted) {
			return hear_bytes(
				ip_packet(names.router, names.us, 0, names.icmp, error + quoted));
		};
		Bytes error = icmp(names.unreachable, names.port);
		Bytes quoted = ip_packet(names.us, names.vip, 7, 6, tcp(40000, 80, SYN));
		auto heard = hear_error(error, quoted);

		REQUIRE(heard);
		CHECK(heard->kind == Heard::Kind::error);
		CHECK(heard->error == "port unreachable");
		CHECK(heard->from == ip(names.router));
		CHECK(heard->key == Key{ip(names.us), true, 40000, 80});

		// not with what a hop on the way makes of its checksum
		if (ip(names.us).family == Family::ip4) {
			Bytes other = quoted;

			other[8] = 1;
			CHECK(hear_error(error, other));
		}

		quoted = ip_packet(names.us, names.vip, 7, names.icmp,
				   icmp(names.echo, 0, 258, 3) + payload(2));
		heard = hear_error(error, Bytes(quoted.begin(), quoted.end() - 8));
		REQUIRE(heard);
		CHECK(heard->key == Key{ip(names.us), false, 258, 3});
		CHECK(is_about(*heard, {258, 3, 1}));
		heard = hear_error(error, quoted);
		REQUIRE(heard);
		CHECK(is_about(*heard, {258, 3, 2}));
		CHECK_FALSE(is_about(*heard, {258, 3, 1}));

		// "fragmentation needed" and "packet too big" are no end
		CHECK_FALSE(hear_error(icmp(names.too_big, 4), quoted));
		// UDP is none of a probe's, and neither is an answer
		CHECK_FALSE(hear_error(error, ip_packet(names.us, names.vip, 7, 17, Bytes(8))));
		CHECK_FALSE(hear_error(error, ip_packet(names.us, names.vip, 7, names.icmp,
							icmp(names.reply, 0, 258, 3))));
	}
}

TEST_CASE("probe: a packet that is cut off says nothing, and is not read past its end")
{
	for (const Names &names : NAMES) {
		Bytes whole = ip_packet(
			names.router, names.us, 0, names.icmp,
			icmp(names.unreachable, names.port) +
				ip_packet(names.us, names.vip, 7, 6, tcp(40000, 80, SYN)));
		std::size_t enough = whole.size() - 16;

		for (std::size_t size = 0; size <= whole.size(); size++) {
			// of its own, so that a sanitiser sees the end
			Bytes part(whole.begin(), whole.begin() + size);

			INFO(size);
			CHECK(hear_bytes(part, whole.size()).has_value() == (size >= enough));
			// on the wire, its header says more
			CHECK(hear_bytes(part).has_value() == (size == whole.size()));
		}
	}
	// header lengths that lie, no IP at all, and a later fragment
	CHECK_FALSE(hear_bytes(Bytes(40, 0x41)));
	CHECK_FALSE(hear_bytes(Bytes(40, 0x4f)));
	CHECK_FALSE(hear_bytes(Bytes(40, 0x55)));
	Bytes fragment = ip_packet("10.0.0.1", "10.0.0.2", 0, 6, tcp(80, 1, ACK));
	REQUIRE(hear_bytes(fragment));
	fragment[7] = 1;
	fragment[11]--;
	CHECK_FALSE(hear_bytes(fragment));
}

TEST_CASE("probe: the request of HTTP")
{
	Check check;

	check.path = "/status.html";
	CHECK(request(check, ip("2001:db8::46"))
		      .starts_with("GET /status.html HTTP/1.0\r\nHost: [2001:db8::46]\r\n"));
	check.host = "www.example.com";
	std::string text = request(check, ip("10.128.8.46"));
	CHECK(has(text, "\r\nHost: www.example.com\r\n"));
	CHECK(text.ends_with("\r\n\r\n"));
}

TEST_CASE("probe: what a response of HTTP is worth")
{
	Check check;

	auto verdict = [&](const std::string &text) { return judge(check, text).verdict; };
	CHECK(verdict(response("200 OK", "fine")) == Verdict::ok);
	CHECK(verdict("HTTP/1.0 200\n\nfine") == Verdict::ok);
	CHECK(judge(check, response("503 No", "")).status == 503U);
	CHECK(verdict(response("503 No", "")) == Verdict::wrong_status);
	for (const char *bad : {"", "HTTP/1.1 200 OK", "HTTP/1.1 20", "GET /",
				"HTTP/1.1 abc\r\n\r\n", "HTTP/2 200\r\n\r\n"})
		CHECK(verdict(bad) == Verdict::bad_response);
	check.status_to = 399;
	CHECK(verdict(response("302 Found", "")) == Verdict::ok);
	CHECK(verdict(response("400 Bad", "")) == Verdict::wrong_status);
	CHECK(judge(check, response("404 x", "")).text == "HTTP status 404, expected 200 to 399");

	check.body = "^(up|ready)$";
	CHECK(verdict(response("200 OK", "x\nready\ny")) == Verdict::ok);
	CHECK(verdict(response("200 OK", std::string("\0up\nup", 6))) == Verdict::ok);
	CHECK(verdict(response("200 OK", "upper")) == Verdict::body_mismatch);
	CHECK(has(judge(check, response("200 OK", std::string(100, 'a'))).text,
		  "aaa\" and more does not match \"^(up|ready)$\""));
	CHECK(verdict(response("200 OK", "up", "Content-Length: 3\r\n")) == Verdict::bad_response);
	CHECK(verdict(response("200 OK", "up", "content-length:2\r\n")) == Verdict::ok);
	CHECK(refuse_pattern("^OK$") == "");
	CHECK(refuse_pattern("(") != "");
}

TEST_CASE("probe: when a response is enough")
{
	CHECK_FALSE(is_enough("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"));
	CHECK_FALSE(is_enough(response("200 OK", "all")));
	CHECK_FALSE(is_enough(response("200 OK", "12", "Content-Length: 3\r\n")));
	CHECK_FALSE(is_enough("HTTP"));
	CHECK_FALSE(is_enough(""));
	CHECK(is_enough("SSH-2.0"));
	CHECK(is_enough("HTTPS/1.1"));
	CHECK(is_enough(response("200 OK", "123", "Content-Length: 3\r\n")));
	CHECK(is_enough(response("200 OK", "", "CONTENT-LENGTH:\t0 \r\n")));
	CHECK_FALSE(is_enough(response("200 OK", "", "Content-Length: -1\r\n")));
	CHECK_FALSE(is_enough(response("200 OK", "", "Content-Length:\r\n")));
}

TEST_CASE("probe: servers in a list or a file")
{
	Directory directory;
	const std::string file = directory / "servers";

	CHECK(read_servers("10.128.9.31, 2001:db8:9::31,10.128.9.31") ==
	      std::vector{ip("10.128.9.31"), ip("2001:db8:9::31")});
	CHECK(has(refusal("10.128.9.31,224.0.0.1"), "--servers: 224.0.0.1 is a multicast address"));
	CHECK(has(refusal("10.128.9.3x"), "\"10.128.9.3x\" is neither a list of addresses"));
	directory.save("servers", "# web\n10.128.9.31 weight 2 # one\n\n\t2001:db8:9::31\r\n");
	CHECK(read_servers(file) == std::vector{ip("10.128.9.31"), ip("2001:db8:9::31")});
	directory.save("servers", "10.128.9.31\nweb1\n127.0.0.1\n");
	CHECK(has(refusal(file), "servers:2: found \"web1\""));
	CHECK(has(refusal(file), "servers:3: found \"127.0.0.1\""));
	directory.save("servers", "# none\n");
	CHECK(has(refusal(file), "there is no server"));
}

TEST_CASE("probe: every entry against every server of its family")
{
	Config config = parse("10.1.1.1=7\n2001:db8::1=8\n10.1.1.2\n10.1.1.3=EF\n");
	Targets targets = combine(config, {ip("10.9.9.1"), ip("10.9.9.2")});

	CHECK(targets.targets ==
	      std::vector<Target>{{ip("10.9.9.1"), ip("10.1.1.1"), 7, "10.1.1.1"},
				  {ip("10.9.9.2"), ip("10.1.1.1"), 7, "10.1.1.1"},
				  {ip("10.9.9.1"), ip("10.1.1.3"), 46, "10.1.1.3"},
				  {ip("10.9.9.2"), ip("10.1.1.3"), 46, "10.1.1.3"}});
	REQUIRE(targets.skipped.size() == 2);
	CHECK(targets.skipped[0] == "f:2: 2001:db8::1 is IPv6, and none of the servers is");
	CHECK(has(targets.skipped[1], "f:3: 10.1.1.2 is l2dsr"));
	CHECK_THROWS_AS(combine(config, {ip("10.9.9.1"), ip("10.1.1.3")}), Error);
}

TEST_CASE("probe: the worst answer counts")
{
	const std::vector<std::vector<Verdict>> all[] = {
		{{Verdict::ok, Verdict::ok}},
		{{Verdict::ok, Verdict::dscp_visible}, {Verdict::ok}},
		{{Verdict::dscp_visible, Verdict::reset, Verdict::ok}, {Verdict::dscp_visible}}};
	const int status[] = {0, 3, 2}, nagios[] = {0, 1, 2};

	for (int i = 0; i < 3; i++) {
		INFO(i);
		CHECK(exit_status(report(all[i])) == status[i]);
		CHECK(nagios_status(report(all[i])) == nagios[i]);
		CHECK(keepalived_status(report(all[i])) == (status[i] == 2));
	}
	CHECK(report(all[2]).results[0].worst().verdict == Verdict::reset);
	CHECK(report(all[2]).results[0].succeeded() == 2);
}

TEST_CASE("probe: a line for monitoring")
{
	CHECK(nagios_text(report({{Verdict::ok}})) ==
	      "DSR OK - 10.128.8.46 at 10.128.9.31: ok/text | time=0.001000s;;;0;2.000000s loss=0%;;;0;100\n");
	CHECK(nagios_text(report({{Verdict::no_answer}})) ==
	      "DSR CRITICAL - 10.128.8.46 at 10.128.9.31: no-answer, no-answer/text | loss=100%;;;0;100\n");
	CHECK(nagios_text(report({{Verdict::ok}, {Verdict::dscp_visible}})) ==
	      "DSR WARNING - 1 of 2 ok; 10.128.8.46 at 10.128.9.31: dscp-visible | time=0.001000s;;;0;2.000000s loss=0%;;;0;100 ok=1;;;0;2 warning=1;;;0;2 failed=0;;;0;2\n");
}

TEST_CASE("probe: results as a table, lines and JSON")
{
	Report both = report({{Verdict::ok, Verdict::ok}, {Verdict::ok, Verdict::reset}});

	CHECK(table_text(both) ==
	      "server       vip          dscp  tos   ok   time     result\n"
	      "10.128.9.31  10.128.8.46  7     0x1c  2/2  1.00 ms  ok\n"
	      "10.128.9.31  10.128.8.46  7     0x1c  1/2  1.00 ms  reset   reset|text\n"
	      "1 ok, 0 with a warning, 1 failed\n");
	CHECK(head_text(both.results[0].target, both.check) ==
	      "10.128.8.46 at 10.128.9.31, DSCP 7 (TOS 28, 0x1c, 000111b), ICMP echo\n");
	CHECK(answer_text(answer(Verdict::ok), 1) == "1: ok: ok|text, 1.00 ms\n");
	CHECK(answer_text(answer(Verdict::reset), 2) == "2: FAILED, reset: reset|text\n");
	CHECK(answer_text(answer(Verdict::dscp_visible), 3) ==
	      "3: WARNING, dscp-visible: dscp-visible|text, 1.00 ms\n");
	CHECK(sum_text(both.results[1]) ==
	      "2 sent, 1 succeeded, 1.00 ms to 1.00 ms, mean 1.00 ms\n");

	auto json = nlohmann::json::parse(report_json(both));
	CHECK(json["ok"] == 1);
	CHECK(json["failed"] == 1);
	CHECK(json["probes"][1]["result"] == "reset");
	CHECK(json["probes"][1]["answers"].size() == 2);
	CHECK(json["probes"][1]["tos"] == 28);
}

TEST_CASE("probe: JSON has the fields that the man page lists")
{
	unit::JsonFields fields("dsrctl/probe/dsrctl-probe.8");
	Report one = report({{Verdict::ok}});

	fields.see(report_json(one));
	one.results[0].answers[0].from = ip("10.128.8.46");
	one.results[0].answers[0].dscp = 7;
	one.results[0].answers[0].status = 200;
	one.skipped = {"f:1: an entry"};
	fields.see(report_json(one));
	check(fields);
}
