// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/doctor/fix.hpp"

#include <unistd.h>

#include <iostream>
#include <set>

#include "common/process.hpp"

namespace dsr::doctor {

namespace {

void say(const std::string &text)
{
	std::cerr << text << std::endl;
}

// The path of what a command starts with; dsrctl is this program, wherever it
// is.
std::string program_of(const std::string &name)
{
	char path[4096];
	ssize_t length;

	if (name != "dsrctl")
		return find_program(name);
	length = readlink("/proc/self/exe", path, sizeof(path));
	return length > 0 ? std::string(path, length) : "";
}

// False, and why, when it failed.
bool run_command(Command words)
{
	std::string program = program_of(words[0]);

	words.erase(words.begin());
	if (program.empty()) {
		say("  failed: found no such program");
		return false;
	}
	Outcome outcome = run(program, words);
	if (outcome.status)
		say("  failed: " + outcome.reason());
	return !outcome.status;
}

bool confirmed(const Finding &finding)
{
	std::string answer;

	for (const std::string &command : command_lines(finding))
		say(command);
	std::cerr << "Do this, against " << finding.id << "? [y/N] ";
	std::getline(std::cin, answer);
	return answer == "y" || answer == "yes";
}

// The findings to do something about; what fixes two of them is done once.
Findings safe(const Findings &findings)
{
	std::set<std::vector<Command>> seen;
	Findings safe;

	for (const Finding &finding : findings)
		if (finding.safe && seen.insert(finding.fix).second)
			safe.push_back(finding);
	return safe;
}

bool apply(const Finding &finding)
{
	for (const Command &command : finding.fix) {
		say(shell_line(command));
		if (!run_command(command))
			return false;
	}
	return true;
}

} // namespace

bool fix(const Findings &findings, bool yes)
{
	const Findings all = safe(findings);
	bool done = false;

	if (!all.empty() && !yes && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))) {
		say("dsrctl: --fix has no terminal to ask on: nothing was changed; --yes answers all questions with yes");
		return false;
	}
	for (const Finding &finding : all) {
		if (!yes && !confirmed(finding))
			continue;
		if (apply(finding))
			say("  to keep it: " + finding.keep);
		done = true;
	}
	return done;
}

} // namespace dsr::doctor
