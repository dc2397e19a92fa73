// SPDX-License-Identifier: BSD-3-Clause
// Other programs of the host that set rules or addresses.
#pragma once

#include <string>
#include <vector>

#include "dsrctl/doctor/root.hpp"

namespace dsr::doctor {

// A file that tells a network manager to configure the loopback interface, and
// whether it leaves alone what it did not set.
struct LoopbackFile {
	std::string path;
	bool keeps = false;

	bool operator==(const LoopbackFile &) const = default;
};

struct Managers {
	bool guard = false; // dsrctl guard runs in this network
	// They run, or are started at boot, or are enabled in their files.
	bool firewalld = false, nftables = false, persistent = false;
	bool iptables = false; // iptables.service of RHEL
	bool ufw = false, network_manager = false;
	bool docker = false, podman = false; // it has containers
	bool networkd = false, netplan = false;
	std::vector<LoopbackFile> networkd_files;
	std::vector<std::string> profiles; // of NetworkManager, of lo

	bool operator==(const Managers &) const = default;
};

// All but the guard, of the files below @root; of what runs, what is in the
// network namespace of the caller.
Managers gather_managers(const Root &root);

} // namespace dsr::doctor
