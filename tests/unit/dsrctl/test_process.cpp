// SPDX-License-Identifier: BSD-3-Clause
// Starting programs.
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "common/process.hpp"
#include "dsrctl/host.hpp"
#include "world.hpp"

using namespace dsr_test;

TEST_CASE("dsrctl: a program gets its input, and its output comes back")
{
	std::string much(1 << 20, 'x');
	unsigned int before = processes_started();
	Outcome outcome = run("/bin/cat", {}, much);

	CHECK(outcome.status == 0);
	CHECK(outcome.output == much);
	CHECK(outcome.error == "");
	CHECK(processes_started() == before + 1);
}

TEST_CASE("dsrctl: exit status, signals and errors of a program")
{
	Outcome outcome = run("/bin/sh", {"-c", "echo a >&2; echo b >&2; exit 7"});

	CHECK(outcome.status == 7);
	CHECK(outcome.reason() == "a b");
	CHECK(run("/bin/sh", {"-c", "kill -9 $$"}).status == 128 + 9);
	CHECK(run("/bin/false", {}).reason() == "exit status 1");
}

TEST_CASE("dsrctl: what is typed on the terminal does not end a program, and it holds no signals")
{
	const HoldSignals hold;
	const std::string stat = run("/bin/cat", {"/proc/self/stat"}).output;
	std::istringstream words(stat.substr(stat.rfind(')') + 1));
	std::string state, parent;
	pid_t group;

	words >> state >> parent >> group;
	CHECK(group != getpgrp());
	CHECK(stat.starts_with(std::to_string(group) + " "));
	CHECK(has(run("/bin/cat", {"/proc/self/status"}).output, "SigBlk:\t0000000000000000\n"));
}

volatile std::sig_atomic_t signals_seen;

TEST_CASE("dsrctl: while signals are held, none ends the program")
{
	for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
		struct sigaction action {
		}, before{};

		action.sa_handler = [](int) { signals_seen = signals_seen + 1; };
		REQUIRE(!sigaction(signal, &action, &before));
		signals_seen = 0;
		{
			const HoldSignals hold;

			raise(signal);
			CHECK(signals_seen == 0);
		}
		CHECK(signals_seen == 1);
		sigaction(signal, &before, nullptr);
	}
}

// valgrind makes a fork of what posix_spawn() does, whose child can only exit.
TEST_CASE("dsrctl: a program that is not there", "[not-in-valgrind]")
{
	CHECK_THROWS_AS(run("/no/such/program", {}), Error);
}

TEST_CASE("dsrctl: a program has a clean environment")
{
	setenv("LD_PRELOAD", "", 1);
	setenv("IFS", "x", 1);
	setenv("LC_ALL", "de_DE", 1);
	setenv("XTABLES_LIBDIR", "/here", 1);
	CHECK(run(find_program("env"), {}).output ==
	      "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\nXTABLES_LIBDIR=/here\n");
	unsetenv("XTABLES_LIBDIR");
	CHECK(run(find_program("env"), {}).output ==
	      "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
	unsetenv("LD_PRELOAD");
	unsetenv("IFS");
	unsetenv("LC_ALL");
}

TEST_CASE("dsrctl: programs are found whatever the PATH is")
{
	const char *path = getenv("PATH");
	std::string before = path ? path : "";

	setenv("PATH", "/nowhere", 1);
	CHECK(find_program("env").ends_with("/env"));
	unsetenv("PATH");
	CHECK(find_program("env").ends_with("/env"));
	CHECK(find_program("no-such-program") == "");
	setenv("PATH", before.c_str(), 1);
}
