// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/state.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "dsrctl/trust.hpp"

namespace dsr {

namespace {

using nlohmann::json;

constexpr int VERSION = 1;

// What only some have, and no older file.
void parse_rest(const json &one, Owned &owned)
{
	if (one.contains("to")) {
		owned.to = parse_ip(one["to"]);
		if (!owned.to)
			throw Error("found no address");
	}
	if (one.contains("ports")) {
		const json &ports = one["ports"];
		const auto protocol =
			parse_protocol(ports.at("protocol").get<std::string>());

		if (!protocol)
			throw Error("found no protocol");
		owned.ports = PortChange{*protocol, ports.at("rip"),
					 ports.at("vip")};
	}
}

Owned parse_entry(const json &one)
{
	Owned owned;
	auto ip = parse_ip(one.at("ip"));

	if (!ip)
		throw Error("found no address");
	owned.ip = *ip;
	owned.source = one.at("source");
	owned.name = one.at("name");
	owned.dev = one.at("dev");
	if (!one.at("dscp").is_null())
		owned.dscp = one.at("dscp").get<std::uint8_t>();
	parse_rest(one, owned);
	return owned;
}

std::optional<Backend> parse_backend(const std::string &text)
{
	for (Backend backend : BACKENDS)
		if (text == name(backend))
			return backend;
	if (!text.empty())
		throw Error("found the backend " + quote(text));
	return std::nullopt;
}

// The number of the network namespace: what is started in one says nothing of
// another.
std::string namespace_number()
{
	struct stat status{};

	if (stat("/proc/self/ns/net", &status))
		throw Error(std::string("/proc/self/ns/net: ") +
			    std::strerror(errno));
	return std::to_string(status.st_ino);
}

// In a directory that only root may write, nothing is anybody else's.
void check_directory(const std::string &directory)
{
	struct stat status{};

	if (lstat(directory.c_str(), &status))
		return;
	if (!S_ISDIR(status.st_mode))
		throw Error(directory + ": found a link or a file, expected a directory");
	auto others = other_writers(status, directory);
	if (!others.found.empty())
		throw Error(directory + ": found " + others.found +
			    ", expected that only root may: " + others.mend);
}

// Or none.
std::optional<std::string> contents(const std::string &path)
{
	const Descriptor file(open(path.c_str(),
				   O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
	std::string text;

	if (!file && errno == ENOENT)
		return std::nullopt;
	if (int error = file ? read_all(file, text) : errno)
		fail(path, error);
	return text;
}

} // namespace

std::optional<Ip> State::remembered(const std::string &name,
				    const std::string &source) const
{
	std::optional<Ip> ip;

	for (const Owned &owned : entries) {
		if (owned.name != name)
			continue;
		if (owned.source == source)
			return owned.ip;
		ip = owned.ip;
	}
	return ip;
}

void State::add(const Owned &owned)
{
	if (std::find(entries.begin(), entries.end(), owned) == entries.end())
		entries.push_back(owned);
}

std::string state_text(const State &state)
{
	json entries = json::array();

	for (const Owned &owned : state.entries) {
		entries.push_back({{"source", owned.source},
				   {"name", owned.name},
				   {"ip", text(owned.ip)},
				   {"dscp", owned.dscp ? json(*owned.dscp)
						       : json()},
				   {"dev", owned.dev}});
		if (owned.to)
			entries.back()["to"] = text(*owned.to);
		if (owned.ports)
			entries.back()["ports"] = {
				{"protocol", name(owned.ports->protocol)},
				{"rip", owned.ports->rip},
				{"vip", owned.ports->vip}};
	}
	return json{{"version", VERSION},
		    {"backend", state.backend ? name(*state.backend) : ""},
		    {"entries", entries}}
		       .dump(1, '\t', false,
			     json::error_handler_t::replace) +
	       "\n";
}

State parse_state(const std::string &text, const std::string &file)
{
	State state;

	try {
		json all = json::parse(text);

		if (all.at("version") != VERSION)
			throw Error("found another version");
		state.backend = parse_backend(all.at("backend"));
		for (const json &one : all.at("entries"))
			state.entries.push_back(parse_entry(one));
	} catch (const std::exception &error) {
		throw Error(file + ": " + error.what() +
			    ", expected what dsrctl wrote there");
	}
	return state;
}

StateFile::StateFile(Access access, const std::string &directory)
	: path_(directory + "/" + namespace_number())
{
	std::string lock = path_ + ".lock";

	mkdir(directory.c_str(), 0700);
	check_directory(directory);
	lock_ = Descriptor(open(lock.c_str(),
				O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
				0600));
	if (!lock_ && access == Access::read && errno != ELOOP)
		return;
	if (!lock_)
		throw Error(lock + ": " + std::strerror(errno) +
			    ", expected a file that can be locked");
	while (flock(lock_.get(), access == Access::read ? LOCK_SH : LOCK_EX))
		if (errno != EINTR)
			throw Error(lock + ": " + std::strerror(errno));
}

State StateFile::read(std::string &warning) const
{
	std::string file = path_ + ".json";

	try {
		auto text = contents(file);

		return text ? parse_state(*text, file) : State{};
	} catch (const Error &error) {
		warning = error.what();
		return {};
	}
}

void StateFile::write(const State &state) const
{
	std::string file = path_ + ".json";

	if (!state.entries.empty()) {
		write_file(file, state_text(state), 0600);
		return;
	}
	if (unlink(file.c_str()) && errno != ENOENT)
		throw Error(file + ": " + std::strerror(errno));
}

std::optional<std::int64_t> StateFile::changed() const
{
	struct stat seen {};

	if (stat((path_ + ".json").c_str(), &seen))
		return std::nullopt;
	return seen.st_mtime;
}

} // namespace dsr
