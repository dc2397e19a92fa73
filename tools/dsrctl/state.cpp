// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/state.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "dsrctl/lock.hpp"
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
		const auto protocol = parse_protocol(ports.at("protocol").get<std::string>());

		if (!protocol)
			throw Error("found no protocol");
		owned.ports = PortChange{*protocol, ports.at("rip"), ports.at("vip")};
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

// In a directory that only root may write, nothing is anybody else's.
void check_directory(const std::string &directory)
{
	struct stat status {};

	if (lstat(directory.c_str(), &status))
		return;
	if (!S_ISDIR(status.st_mode))
		throw Error(directory + ": is no directory");
	auto others = other_writers(status, directory);
	if (!others.found.empty())
		throw Error(directory + ": " + others.found + ", and only root may: " + others.fix);
}

// Or none.
std::optional<std::string> contents(const std::string &path)
{
	const Descriptor file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
	std::string text;

	if (!file && errno == ENOENT)
		return std::nullopt;
	if (int error = file ? read_all(file, text) : errno)
		fail(path, error);
	return text;
}

} // namespace

std::optional<Ip> State::remembered(const std::string &name, const std::string &source) const
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
				   {"dscp", owned.dscp ? json(*owned.dscp) : json()},
				   {"dev", owned.dev}});
		if (owned.to)
			entries.back()["to"] = text(*owned.to);
		if (owned.ports)
			entries.back()["ports"] = {{"protocol", name(owned.ports->protocol)},
						   {"rip", owned.ports->rip},
						   {"vip", owned.ports->vip}};
	}
	return json{{"version", VERSION},
		    {"network", state.network},
		    {"backend", state.backend ? name(*state.backend) : ""},
		    {"entries", entries}}
		       .dump(1, '\t', false, json::error_handler_t::replace) +
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
		state.network = all.value("network", "");
		for (const json &one : all.at("entries"))
			state.entries.push_back(parse_entry(one));
	} catch (const std::exception &error) {
		throw Error(file + ": is not what dsrctl wrote there: " + error.what());
	}
	return state;
}

StateFile::StateFile(Access access, unsigned int wait, const std::string &directory)
	: directory_(directory), path_(directory + "/" + network_number())
{
	if (access == Access::change)
		mkdir(directory.c_str(), 0700);
	check_directory(directory);
	if (access == Access::read)
		return;
	lock_ = take_lock(path_ + ".lock", wait);
	// Programs that are started hold it, too: when dsrctl is killed, the next to
	// come waits until they have changed what they change.
	fcntl(lock_.get(), F_SETFD, 0);
	sweep();
}

State StateFile::read(std::string &warning) const
{
	std::string file = path_ + ".json";
	std::optional<std::string> text;
	std::string here;
	struct stat status {};

	if (!lstat(file.c_str(), &status) && !S_ISREG(status.st_mode)) {
		warning = file + ": is no file, and not what dsrctl wrote there";
		return {};
	}
	try {
		text = contents(file);
		here = network_identity();
	} catch (const Error &error) {
		// nobody may change what was started, and forget it
		if (lock_)
			throw;
		warning = error.what();
		return {};
	}
	try {
		State state = text ? parse_state(*text, file) : State{};
		if (state.network.empty() || here.empty() || state.network == here)
			return state;
		return {};
	} catch (const Error &error) {
		warning = error.what();
		return {};
	}
}

void StateFile::write(const State &state) const
{
	std::string file = path_ + ".json";

	if (!state.entries.empty()) {
		State here = state;

		here.network = network_identity();
		write_file(file, state_text(here), 0600);
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

void StateFile::sweep(const std::function<Networks()> &live) const
{
	std::map<std::string, std::vector<std::filesystem::path>> left;
	std::error_code error;

	for (const auto &file : std::filesystem::directory_iterator(directory_, error)) {
		const std::string ending = file.path().extension();
		const std::string name = file.path().filename();

		// of a guard, too: N.guard.json
		if (ending == ".json" || ending == ".lock")
			left[name.substr(0, name.find('.'))].push_back(file.path());
	}
	left.erase(std::filesystem::path(path_).filename());
	const Networks there = left.empty() ? std::nullopt : live();
	for (const auto &[number, files] : left) {
		if (!there || there->contains(number))
			continue;
		// somebody may just be coming to one that has the number now
		const Descriptor lock = try_lock(directory_ + "/" + number + ".lock");
		if (!lock)
			continue;
		for (const auto &file : files)
			std::filesystem::remove(file, error);
		std::filesystem::remove(directory_ + "/" + number + ".lock", error);
	}
}

} // namespace dsr
