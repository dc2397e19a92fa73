// SPDX-License-Identifier: BSD-3-Clause
// The program as it is called, as far as nothing has to be changed for it.
#include <nlohmann/json.hpp>

#include "dsrctl.hpp"
#include "json_fields.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl: bad usage is exit status 1, and says what is expected")
{
	Dsrctl program;

	for (const char *arguments : {"",
				      "boomer",
				      "-z start",
				      "-b abc status",
				      "-s foo stop",
				      "-s0:foo stop",
				      "-s.:. stop",
				      "-sfoo:.4 stop",
				      "-s.4:bar stop",
				      "-s 1 stop",
				      "--backend x start",
				      "--table nat start",
				      "--rules some start",
				      "start now",
				      "-d",
				      "-f",
				      "dscp",
				      "dscp 300",
				      "--output f status",
				      "--no-guard start",
				      "-n guard"}) {
		INFO(arguments);
		CHECK(program.run(arguments) == 1);
		CHECK(program.text == "");
		CHECK(program.error.starts_with("dsrctl: "));
	}
	program.run("boomer");
	CHECK(program.error ==
	      "dsrctl: error: there is no action \"boomer\"; it is one of start, stop, restart, reload, status, check, metrics, guard, dscp, doctor, fleet, lb-config, probe, watch\nTry dsrctl --help.\n");
}

TEST_CASE("dsrctl: an action that is a program of its own comes first")
{
	Dsrctl program;

	for (const char *late : {"-d /etc/dsr.d doctor", "-d /etc/dsr.d doctor --port 80"}) {
		INFO(late);
		CHECK(program.run(late) == 1);
		CHECK(program.error ==
		      "dsrctl: error: \"doctor\" must come first; put its options after it\nTry dsrctl --help.\n");
	}
}

TEST_CASE("dsrctl: a monitoring system is told of bad usage in its own way")
{
	Dsrctl program;

	for (const char *wrong : {"--tcp 99999", "--count 0", "--timeout x"}) {
		INFO(wrong);
		CHECK(program.run(
			      std::string("probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 7 ") +
			      wrong + " --nagios") == 3);
		CHECK(program.text.starts_with("DSR UNKNOWN - "));
	}
}

TEST_CASE("dsrctl: bad usage of probe")
{
	const std::string target = "probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 7 ";
	Dsrctl program;

	for (const std::string &arguments :
	     {std::string("probe"),
	      std::string("probe --real 10.128.9.31 --vip 10.128.8.46"),
	      std::string("probe --real x --vip 10.128.8.46 --dscp 7"),
	      std::string("probe --real 10.128.9.31 --vip 224.0.0.1 --dscp 7"),
	      std::string("probe --real 10.128.9.31 --vip 2001:db8::46 --dscp 7"),
	      std::string("probe --real 10.128.8.46 --vip 10.128.8.46 --dscp 7"),
	      std::string("probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 0"),
	      std::string("probe --real 10.128.9.31 --vip 10.128.8.46 --dscp 777"),
	      std::string("probe --from-config"),
	      std::string("probe --from-config --servers 10.128.9.31 -f none"),
	      target + "--from-config --servers 10.128.9.31",
	      target + "--servers 10.128.9.31",
	      target + "--tcp 0",
	      target + "--tcp 65536",
	      target + "--icmp --tcp 80",
	      target + "--tcp 80 --http /",
	      target + "--http status.html",
	      target + "--http '/a b'",
	      target + "--http / --host 'a b'",
	      target + "--expect-status 200",
	      target + "--http / --expect-status 99",
	      target + "--http / --expect-status 300-200",
	      target + "--http / --expect-status 200-",
	      target + "--http / --expect-body '('",
	      target + "--count 0",
	      target + "--timeout 0",
	      target + "--interval -1",
	      target + "now"}) {
		INFO(arguments);
		CHECK(program.run(arguments) == 1);
		CHECK(program.text == "");
		CHECK(program.error.starts_with("dsrctl: "));
	}
	CHECK(program.run("probe --nagios --json") == 3);
	CHECK(program.text.starts_with("DSR UNKNOWN - "));
	CHECK(program.run("probe --help") == 0);
	CHECK(has(program.text, "--real 10.128.9.31 --vip 10.128.8.46 --dscp 7"));
}

TEST_CASE("dsrctl: help and version")
{
	Dsrctl program;

	CHECK(program.run("-h stop") == 0);
	CHECK(has(program.text, "Usage: dsrctl"));
	CHECK(program.run("--version") == 0);
	CHECK(program.text.starts_with("dsrctl "));
}

TEST_CASE("dsrctl: dscp on the command line")
{
	Dsrctl program;

	CHECK(program.run("dscp AF11") == 0);
	CHECK(has(program.text, "TOS       40\n"));
	CHECK(program.run("--json dscp tos:0xb8") == 0);
	CHECK(nlohmann::json::parse(program.text)["dscp"] == 46);
	CHECK(nlohmann::json::parse(program.text)["class"] == "EF");
	CHECK(nlohmann::json::parse(program.text)["others"] == "voice, ntpd and newer OpenSSH use");
	CHECK(program.run("--json dscp 7") == 0);
	CHECK(nlohmann::json::parse(program.text)["class"] == nullptr);
	CHECK(nlohmann::json::parse(program.text)["others"] == nullptr);
	CHECK(program.error == "");
}

TEST_CASE("dsrctl: dscp's JSON has the fields that the man page lists")
{
	Dsrctl program;
	unit::JsonFields fields("dsrctl/dsrctl-json.8", "dscp");

	for (const char *dscp : {"7", "EF"}) {
		CHECK(program.run(std::string("--json dscp ") + dscp) == 0);
		fields.see(program.text);
	}
	check(fields);
}
