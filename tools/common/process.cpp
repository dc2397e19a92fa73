// SPDX-License-Identifier: BSD-3-Clause
#include "common/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "common/descriptor.hpp"

namespace dsr {

namespace {

const char *const DIRECTORIES[] = {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/"};

unsigned int started;

struct Pipe {
	Pipe()
	{
		int ends[2];

		if (pipe2(ends, O_CLOEXEC))
			fail("a pipe", errno);
		read = Descriptor(ends[0]);
		write = Descriptor(ends[1]);
	}

	Descriptor read, write;
};

struct CloseFile {
	void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// A file, not a pipe: should dsrctl be killed, the program has read either
// nothing of its input yet or can read all of it; never a half.
File input_file(const std::string &input)
{
	File file(std::tmpfile());

	if (!file)
		fail("a temporary file", errno);
	if (std::fwrite(input.data(), 1, input.size(), file.get()) != input.size() ||
	    std::fflush(file.get()) || lseek(fileno(file.get()), 0, SEEK_SET))
		fail("a temporary file", errno);
	return file;
}

// Nothing of the caller's, but where iptables finds plugins that are not
// installed.
std::vector<std::string> environment()
{
	std::vector<std::string> variables{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};

	if (const char *plugins = std::getenv("XTABLES_LIBDIR"))
		variables.push_back(std::string("XTABLES_LIBDIR=") + plugins);
	return variables;
}

std::vector<char *> pointers(const std::vector<std::string> &strings)
{
	std::vector<char *> list;

	for (const std::string &string : strings)
		list.push_back(const_cast<char *>(string.c_str()));
	list.push_back(nullptr);
	return list;
}

void collect(Pipe &output, Pipe &error, Outcome &outcome)
{
	std::array<pollfd, 2> ends{{{output.read.get(), POLLIN, 0}, {error.read.get(), POLLIN, 0}}};
	std::array<std::string *, 2> texts{&outcome.output, &outcome.error};
	char buffer[65536];

	while (ends[0].fd >= 0 || ends[1].fd >= 0) {
		if (poll(ends.data(), ends.size(), -1) < 0) {
			if (errno == EINTR)
				continue;
			fail("poll", errno);
		}
		for (std::size_t i = 0; i < ends.size(); i++) {
			if (!ends[i].revents)
				continue;
			ssize_t count = read(ends[i].fd, buffer, sizeof(buffer));
			// half of what it said would be taken for all
			if (count < 0 && errno != EINTR)
				fail("reading what a program says", errno);
			if (count > 0)
				texts[i]->append(buffer, static_cast<std::size_t>(count));
			if (count == 0)
				ends[i].fd = -1;
		}
	}
}

int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("waitpid", errno);
	return status;
}

} // namespace

std::string Outcome::reason() const
{
	constexpr std::size_t ENOUGH = 500;
	std::string words;

	for (char c : error.substr(0, ENOUGH)) {
		if (c != '\n')
			words += c;
		else if (!words.empty() && words.back() != ' ')
			words += ' ';
	}
	while (words.ends_with(' '))
		words.pop_back();
	return words.empty() ? "exit status " + std::to_string(status) : words;
}

std::string find_program(const std::string &name)
{
	for (const char *directory : DIRECTORIES) {
		std::string path = directory + name;

		if (!access(path.c_str(), X_OK))
			return path;
	}
	return "";
}

Outcome run(const std::string &program, const std::vector<std::string> &arguments,
	    const std::string &input)
{
	std::vector<std::string> words{program}, variables = environment();
	File file = input_file(input);
	Pipe output, error;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	Outcome outcome;
	pid_t pid;
	int status;

	words.insert(words.end(), arguments.begin(), arguments.end());
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fileno(file.get()), 0);
	posix_spawn_file_actions_adddup2(&files, output.write.get(), 1);
	posix_spawn_file_actions_adddup2(&files, error.write.get(), 2);

	// In a process group of its own: what is typed on the terminal to end
	// dsrctl does not end a transaction in the middle.
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);

	int failed = posix_spawn(&pid, program.c_str(), &files, &attributes, pointers(words).data(),
				 pointers(variables).data());
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	if (failed)
		fail(program, failed);
	started++;
	output.write.close();
	error.write.close();
	try {
		collect(output, error, outcome);
	} catch (const Error &) {
		// What it does is done, or not, when the caller learns of it.
		output.read.close();
		error.read.close();
		wait_for(pid);
		throw;
	}
	status = wait_for(pid);
	outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return outcome;
}

std::string shell_line(const std::vector<std::string> &words)
{
	constexpr char PLAIN[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-_=.,:/@%+";
	constexpr std::string_view QUOTED = "\"\\$`";
	std::string line;

	for (const std::string &word : words) {
		line += line.empty() ? "" : " ";
		if (word == "!" || (!word.empty() && word.find_first_not_of(PLAIN) == word.npos)) {
			line += word;
			continue;
		}
		line += '"';
		for (char c : word) {
			if (QUOTED.find(c) != QUOTED.npos)
				line += '\\';
			line += c;
		}
		line += '"';
	}
	return line;
}

unsigned int processes_started()
{
	return started;
}

} // namespace dsr
