// SPDX-License-Identifier: BSD-3-Clause
// Other programs of the host that set rules or addresses.
#pragma once

#include <string>
#include <vector>

#include "common/ip.hpp"
#include "dsrctl/doctor/root.hpp"

namespace dsr::doctor {

// A file that tells a network manager to configure interfaces, and whether it leaves
// alone what it did not set.
struct InterfaceFile {
	std::string path;
	std::vector<std::string> names; // patterns, as of fnmatch(3); "!" in front: all others
	bool keeps = false;

	bool matches(const std::string &interface) const;
	bool operator==(const InterfaceFile &) const = default;
};

// An address that keepalived adds and removes by itself.
struct MovedAddress {
	Ip ip;
	std::string dev;
	std::string where; // "FILE:LINE"

	bool operator==(const MovedAddress &) const = default;
};

struct Managers {
	bool guard = false; // dsrctl guard runs in this network
	// They run, or are started at boot, or are enabled in their files.
	bool firewalld = false, nftables = false, persistent = false;
	bool iptables = false; // iptables.service of RHEL
	bool ufw = false, network_manager = false;
	bool docker = false, podman = false; // it has containers
	bool networkd = false, keepalived = false;
	std::vector<InterfaceFile> networkd_files; // in the order in which they count
	std::vector<InterfaceFile> profiles;	   // of NetworkManager
	std::vector<MovedAddress> moved;	   // by keepalived

	bool operator==(const Managers &) const = default;
};

// All but the guard, of the files below @root; of what runs, what is in the
// network namespace of the caller.
Managers gather_managers(const Root &root);

// gather_keepalived.cpp: of keepalived.conf below @root, and the files it includes
std::vector<MovedAddress> read_keepalived(const Root &root);

} // namespace dsr::doctor
