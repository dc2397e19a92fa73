// SPDX-License-Identifier: BSD-3-Clause
// Which other programs set rules or addresses, as their files and processes tell.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include <fnmatch.h>

#include "common/files.hpp"
#include "dsrctl/doctor/managers.hpp"

namespace dsr::doctor {

namespace {

namespace fs = std::filesystem;

// By name; a kernel cuts them after 15 characters.
std::set<std::string> running(const Root &root)
{
	std::error_code error;
	const fs::path here = fs::read_symlink(root.path("/proc/self/ns/net"), error);
	std::set<std::string> names;

	for (const auto &process : fs::directory_iterator(root.path("/proc"), error)) {
		std::error_code ignored;
		const std::string number = process.path().filename();

		if (number.find_first_not_of("0123456789") != number.npos)
			continue;
		const fs::path there = fs::read_symlink(process.path() / "ns/net", ignored);
		if (!there.empty() && !here.empty() && there != here)
			continue;
		std::string name = read_file_if_any((process.path() / "comm").string());
		if (name.ends_with('\n'))
			name.pop_back();
		names.insert(std::move(name));
	}
	return names;
}

// Does systemd start it at boot? By the links that systemctl enable makes.
bool enabled(const Root &root, const std::string &service)
{
	std::error_code error;

	for (const auto &directory :
	     fs::directory_iterator(root.path("/etc/systemd/system"), error)) {
		std::error_code ignored;

		if (directory.path().extension() == ".wants" &&
		    fs::is_symlink(directory.path() / (service + ".service"), ignored))
			return true;
	}
	return false;
}

std::vector<fs::path> files(const Root &root, const std::string &directory,
			    const std::string &ending)
{
	std::vector<fs::path> found;
	std::error_code error;

	for (const auto &file : fs::directory_iterator(root.path(directory), error))
		if (file.path().extension() == ending)
			found.push_back(file.path());
	std::sort(found.begin(), found.end());
	return found;
}

// The values of a key in a section of a file such as systemd's and
// NetworkManager's.
std::vector<std::string> values(const std::string &text, const std::string &section,
				const std::string &key)
{
	std::vector<std::string> found;
	std::istringstream lines(text);
	bool inside = false;

	for (std::string line; std::getline(lines, line);) {
		const std::size_t equals = line.find('=');

		if (line.starts_with('['))
			inside = line.starts_with("[" + section + "]");
		else if (inside && equals != line.npos &&
			 line.substr(0, line.find_last_not_of(" \t", equals - 1) + 1) == key)
			found.push_back(line.substr(
				std::min(line.size(), line.find_first_not_of(" \t", equals + 1))));
	}
	return found;
}

// By name alone: a file that matches by anything else says nothing of which
// interfaces these are.
std::vector<std::string> match_names(const std::string &text)
{
	std::vector<std::string> found;

	for (const std::string &names : values(text, "Match", "Name")) {
		std::istringstream words(names);

		for (std::string word; words >> word;)
			found.push_back(word);
	}
	return found;
}

constexpr const char *NETWORKD[] = {"/etc/systemd/network", "/run/systemd/network",
				    "/usr/local/lib/systemd/network", "/usr/lib/systemd/network"};

// What is added to a file of networkd.
std::string drop_ins(const Root &root, const std::string &name)
{
	std::map<std::string, std::string> found;
	std::string text;

	for (const char *directory : NETWORKD)
		for (const fs::path &file :
		     files(root, std::string(directory) + "/" + name + ".d", ".conf"))
			found.try_emplace(file.filename().string(),
					  read_file_if_any(file.string()));
	for (const auto &[file, one] : found)
		text += "\n" + one;
	return text;
}

std::vector<InterfaceFile> networkd_files(const Root &root)
{
	std::map<std::string, InterfaceFile> found; // by its name, which decides the order

	// the first directory that has a name decides
	for (const char *directory : NETWORKD)
		for (const fs::path &file : files(root, directory, ".network")) {
			const std::string name = file.filename().string();
			const std::string text = read_file_if_any(file.string()) +
						 drop_ins(root, name);
			InterfaceFile one{std::string(directory) + "/" + name, match_names(text),
					  false};

			for (const std::string &value :
			     values(text, "Network", "KeepConfiguration"))
				one.keeps = value == "yes" || value == "true" || value == "1" ||
					    value == "on" || value == "static";
			found.try_emplace(name, std::move(one));
		}
	std::vector<InterfaceFile> files;
	for (auto &[name, file] : found)
		if (!file.names.empty())
			files.push_back(std::move(file));
	return files;
}

std::vector<InterfaceFile> profiles(const Root &root)
{
	std::vector<InterfaceFile> found;

	for (const char *directory :
	     {"/etc/NetworkManager/system-connections", "/run/NetworkManager/system-connections"})
		for (const fs::path &file : files(root, directory, ".nmconnection")) {
			const std::string text = read_file_if_any(file.string());
			const auto types = values(text, "connection", "type");
			InterfaceFile one{std::string(directory) + "/" + file.filename().string(),
					  values(text, "connection", "interface-name"), false};

			if (std::ranges::find(types, "loopback") != types.end())
				one.names.emplace_back("lo");
			if (!one.names.empty())
				found.push_back(std::move(one));
		}
	return found;
}

} // namespace

bool InterfaceFile::matches(const std::string &interface) const
{
	// it stands before the first, and is of all of them
	const bool others = !names.empty() && names[0].starts_with('!');

	return others != std::ranges::any_of(names, [&](const std::string &name) {
		       return !fnmatch(name.c_str() + name.starts_with('!'), interface.c_str(), 0);
	       });
}

Managers gather_managers(const Root &root)
{
	const std::set<std::string> processes = running(root);
	auto runs = [&](const char *name) { return processes.contains(name); };
	Managers found;

	found.firewalld = runs("firewalld") || enabled(root, "firewalld");
	found.nftables = enabled(root, "nftables");
	found.persistent = enabled(root, "netfilter-persistent");
	found.iptables = enabled(root, "iptables") || enabled(root, "ip6tables");
	found.ufw = root.read("/etc/ufw/ufw.conf").find("\nENABLED=yes") != std::string::npos;
	found.docker = runs("dockerd");
	found.podman = runs("conmon");
	found.network_manager = runs("NetworkManager");
	found.networkd = runs("systemd-network");
	found.keepalived = runs("keepalived") || enabled(root, "keepalived");
	if (found.networkd)
		found.networkd_files = networkd_files(root);
	if (found.network_manager)
		found.profiles = profiles(root);
	if (found.keepalived)
		found.moved = read_keepalived(root);
	return found;
}

} // namespace dsr::doctor
