// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/metrics.hpp"
#include "dsrctl/iptables_rules.hpp"
#include "world.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl: the module's counters")
{
	Counts counts = parse_counters("family table dscp daddr packets bytes\n"
				       "ipv4 raw 7 10.0.0.7 12 3456\n"
				       "ipv6 mangle 63 2001:db8::7 18446744073709551615 1\n"
				       "something else\n");

	REQUIRE(counts.size() == 2);
	CHECK(counts[{"raw", {7, ip("10.0.0.7")}}].packets == 12);
	CHECK(counts[{"raw", {7, ip("10.0.0.7")}}].bytes == 3456);
	CHECK(counts[{"mangle", {63, ip("2001:db8::7")}}].packets == 18446744073709551615ULL);
}

TEST_CASE("dsrctl: metrics of VIPs for an address and a port")
{
	Config config = parse("10.0.0.7=7 to 192.0.2.1\n10.0.0.7=7 to 192.0.2.2\n"
			      "10.0.0.8:80=8 tcp 8080\n10.0.0.9=9 to 192.0.2.1\n");
	Counts maps{{{"raw", {7, ip("10.0.0.7")}}, {50, 500}},
		    {{"raw", {9, ip("10.0.0.9")}}, {9, 900}}};
	Actual actual;

	actual.rules = parse_save(
		"*raw\n"
		"[3:300] -A PREROUTING -d 192.0.2.1/32 -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n"
		"[4:400] -A PREROUTING -p tcp -m tcp --dport 8080 -m dscp --dscp 0x08 -j DADDR --set-daddr 10.0.0.8 --set-dport 80\n"
		"[9:9] -A PREROUTING -d 192.0.2.1/32 -j DADDR --dscp-map 9=10.0.0.9\n"
		"COMMIT\n",
		Store::iptables, Family::ip4);
	std::string text = metrics_text(config, configured_rows(config, actual), actual, maps, {},
					MetricsFormat::prometheus);
	CHECK(has(text, "dscp=\"7\",to=\"192.0.2.1\"} 3\n"));
	CHECK(has(text, "dscp=\"7\",to=\"192.0.2.2\"} 0\n"));
	CHECK(has(text, "dscp=\"8\",port=\"80\",protocol=\"tcp\"} 4\n"));
	CHECK(has(text, "dscp=\"9\",to=\"192.0.2.1\"} 9\n"));
}

TEST_CASE("dsrctl: metrics of rules and of maps")
{
	Config config = parse("10.0.0.7=7\n10.0.0.8=8\n10.0.0.9\nx/y\n10.0.0.7=0x7\n");
	Counts maps{{{"raw", {8, ip("10.0.0.8")}}, {5, 500}},
		    {{"mangle", {8, ip("10.0.0.8")}}, {1, 60}}};
	Actual actual;

	actual.rules = parse_save(
		"*raw\n"
		"[3:300] -A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr 10.0.0.7\n"
		"[99:9999] -A PREROUTING -j DADDR --dscp-map 8=10.0.0.8\n"
		"COMMIT\n",
		Store::iptables, Family::ip4);
	actual.addresses = {on_lo("10.0.0.7", "lo:1")};
	const Server server{"1.2", "daddr", "0.1.0", "", 1700000000};
	auto text_as = [&](MetricsFormat format) {
		return metrics_text(config, configured_rows(config, actual), actual, maps, server,
				    format);
	};
	const std::string text = text_as(MetricsFormat::prometheus);

	CHECK(has(text, "# TYPE dsrctl_vip_packets_total counter\n"));
	CHECK(has(text, "# HELP dsrctl_vip_bytes_total "));
	CHECK(has(text, "# TYPE dsrctl_vip_state gauge\n"));
	CHECK(has(
		text,
		"\ndsrctl_vip_packets_total{name=\"10.0.0.7\",vip=\"10.0.0.7\",family=\"ipv4\",dscp=\"7\"} 3\n"));
	CHECK(has(
		text,
		"\ndsrctl_vip_packets_total{name=\"10.0.0.8\",vip=\"10.0.0.8\",family=\"ipv4\",dscp=\"8\"} 6\n"));
	CHECK(has(
		text,
		"\ndsrctl_vip_bytes_total{name=\"10.0.0.8\",vip=\"10.0.0.8\",family=\"ipv4\",dscp=\"8\"} 560\n"));
	CHECK(has(text, "dscp=\"7\",type=\"l3dsr\",state=\"started\"} 1\n"));
	CHECK(has(text, "dscp=\"7\",type=\"l3dsr\",state=\"partial\"} 0\n"));
	CHECK(has(text, "family=\"ipv4\",type=\"l2dsr\",state=\"stopped\"} 1\n"));
	CHECK_FALSE(has(text, "packets_total{name=\"10.0.0.9\""));
	CHECK(has(text, "\ndsrctl_configuration_errors 1\n"));
	CHECK(has(text, "\ndsrctl_configuration_warnings 1\n"));
	CHECK(has(
		text,
		"\ndsrctl_info{version=\"1.2\",backend=\"daddr\",xt_daddr=\"0.1.0\",dscp_rewrite=\"\"} 1\n"));
	CHECK(has(text, "\ndsrctl_last_change_timestamp_seconds 1700000000\n"));
	CHECK(has(text, "\ndsrctl_guard_running 0\n"));
	CHECK_FALSE(has(text, "dsrctl_guard_repairs_total"));
	CHECK_FALSE(has(text, "# EOF"));

	const std::string open = text_as(MetricsFormat::openmetrics);
	CHECK(has(open, "# TYPE dsrctl_vip_packets counter\n"));
	CHECK(has(open, "\ndsrctl_vip_packets_total{name=\"10.0.0.7\""));
	CHECK(open.ends_with("# EOF\n"));
}

TEST_CASE("dsrctl: metrics of a guard")
{
	Server server;

	server.guard.there = server.guard.running = server.guard.waiting = true;
	server.guard.of(Gone::address) = 3;
	const std::string text = metrics_text({}, {}, {}, {}, server, MetricsFormat::prometheus);
	CHECK(has(text, "\ndsrctl_guard_running 1\n"));
	CHECK(has(text, "# TYPE dsrctl_guard_repairs_total counter\n"));
	CHECK(has(text, "\ndsrctl_guard_repairs_total{reason=\"address\"} 3\n"));
	CHECK(has(text, "\ndsrctl_guard_repairs_total{reason=\"sysctl\"} 0\n"));
	CHECK(has(text, "\ndsrctl_guard_waiting 1\n"));
}

// Of what an operator writes: a name of /etc/hosts may hold anything.
TEST_CASE("dsrctl: a label's value is escaped")
{
	MetricsText text;

	text.family("some", "Some.");
	text.add({{"name", "a\"b\\c\nd"}}, 1);
	CHECK(text.text() == "# HELP some Some.\n# TYPE some gauge\n"
			     "some{name=\"a\\\"b\\\\c\\nd\"} 1\n");
}
