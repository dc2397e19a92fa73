// SPDX-License-Identifier: BSD-3-Clause
// dsrctl doctor as it is called, as far as no host has to be looked at.
#include <nlohmann/json.hpp>

#include "dsrctl.hpp"
#include "dsrctl/doctor/report.hpp"
#include "json_fields.hpp"

using namespace dsr_test;

TEST_CASE("doctor: bad usage is exit status 1, and says what is expected")
{
	Dsrctl program;

	for (const char *arguments :
	     {"doctor now", "doctor -z", "doctor -d", "doctor --port x", "doctor --port sctp/80",
	      "doctor --port 0", "doctor --port 65536", "doctor --port tcp/", "doctor --sample x",
	      "doctor --sample -1", "doctor --sample 1s", "doctor --sample nan", "doctor --yes"}) {
		INFO(arguments);
		CHECK(program.run(arguments) == 1);
		CHECK(program.text == "");
		CHECK(program.error.starts_with("dsrctl: "));
	}
	program.run("doctor --port sctp/80");
	CHECK(has(program.error,
		  "found \"sctp/80\", expected a port such as 80, tcp/80 or udp/53"));
	CHECK(has(program.error, "Try dsrctl doctor --help."));
	CHECK(program.run("doctor --help") == 0);
	CHECK(has(program.text, "--compare"));
}

TEST_CASE("doctor: --compare needs nothing but the files")
{
	Dsrctl program;

	program.directory.save("here/a.conf", "10.0.0.7 = 7\n10.0.0.8 = 8\n");
	program.directory.save("there/b.conf", "10.0.0.7 = 9\n");
	program.directory.save("same/b.conf", "10.0.0.8 = 0x8\n10.0.0.7 = 07\n");
	CHECK(program.run("doctor -d here --compare same") == 0);
	CHECK(program.text == "2 entries compared with 2: 0 errors, 0 warnings\n");

	// those of another pool
	program.directory.save("pool/b.conf", "10.0.0.9 = 7\n");
	CHECK(program.run("doctor -d here --compare same --compare pool") == 0);
	CHECK(program.run("doctor -d here --compare same --compare there") == 2);
	CHECK(has(
		program.text,
		"error: files-disagree: here/a.conf:1 has 10.0.0.7 = 7 and there/b.conf:1 has 10.0.0.7 = 9"));
	CHECK(has(program.text, "2 entries compared with 3: 1 error, 0 warnings"));

	CHECK(program.run("doctor --json -f here/a.conf --compare there") == 2);
	nlohmann::json all = nlohmann::json::parse(program.text);
	CHECK(all["errors"] == 1);
	CHECK(all["findings"][0]["id"] == "files-disagree");
	CHECK(all["findings"][0]["fix"].empty());
	CHECK(all["findings"][0]["safe"] == false);

	CHECK(program.run("doctor -d here --compare nowhere") == 1);
	CHECK(program.text == "");
	CHECK(has(program.error,
		  "dsrctl: error: nowhere: the directory of the configuration cannot be read"));
	CHECK(program.run("doctor -f none.conf --compare same") == 2);
	CHECK(has(program.text, "error: configuration: none.conf: cannot be read"));
}

TEST_CASE("doctor: JSON has the fields that the man page lists")
{
	unit::JsonFields fields("dsrctl/doctor/dsrctl-doctor.8");

	fields.see(doctor::findings_json({}));
	fields.see(doctor::findings_json(
		{{doctor::Severity::error, "a", "found", "why", {{"one"}}, "keep", true}}));
	check(fields);
}
