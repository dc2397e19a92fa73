// SPDX-License-Identifier: BSD-3-Clause
// The program as it is called, as far as nothing has to be changed for it.
#include <sys/wait.h>

#include <nlohmann/json.hpp>

#include "world.hpp"

using namespace dsr_test;

namespace {

class Program {
public:
	int run(const std::string &arguments)
	{
		std::string command = "cd " + (directory / "") + " && " DSRCTL " " +
				      arguments + " >stdout 2>stderr </dev/null";
		int status = std::system(command.c_str());

		text = load(directory / "stdout");
		error = load(directory / "stderr");
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}

	Directory directory;
	std::string text, error;
};

} // namespace

TEST_CASE("dsrctl: bad usage is exit status 1, and says what is expected")
{
	Program program;

	for (const char *arguments :
	     {"", "boomer", "-z start", "-b abc status", "-s foo stop",
	      "-s0:foo stop", "-s.:. stop", "-sfoo:.4 stop", "-s.4:bar stop",
	      "-s 1 stop", "--backend x start", "--table nat start",
	      "--rules some start", "start now", "-d", "-f", "dscp",
	      "dscp 300", "--output f status"}) {
		INFO(arguments);
		CHECK(program.run(arguments) == 1);
		CHECK(program.text == "");
		CHECK(program.error.starts_with("dsrctl: "));
	}
	program.run("boomer");
	CHECK(program.error == "dsrctl: found the action \"boomer\", expected one of start, stop, restart, reload, status, check, metrics, dscp\n");
}

TEST_CASE("dsrctl: help and version")
{
	Program program;

	CHECK(program.run("-h stop") == 0);
	CHECK(has(program.text, "Usage: dsrctl"));
	CHECK(program.run("--version") == 0);
	CHECK(program.text.starts_with("dsrctl "));
}

TEST_CASE("dsrctl: dscp on the command line")
{
	Program program;

	CHECK(program.run("dscp AF11") == 0);
	CHECK(has(program.text, "TOS       40\n"));
	CHECK(program.run("--json dscp tos:0xb8") == 0);
	CHECK(nlohmann::json::parse(program.text)["dscp"] == 46);
	CHECK(program.error == "");
}
