// SPDX-License-Identifier: BSD-3-Clause
// dsrctl doctor: other programs that set rules or addresses.
#include <filesystem>

#include "doctor_world.hpp"

using namespace dsr_test;

namespace {

namespace fs = std::filesystem;

// A host's files, below a directory.
class Files {
public:
	Files &file(const std::string &path, const std::string &text)
	{
		directory_.save(path, text);
		return *this;
	}
	Files &link(const std::string &path)
	{
		fs::create_directories(fs::path(directory_ / path).parent_path());
		fs::create_symlink("/lib/x", directory_ / path);
		return *this;
	}
	Managers managers() const { return gather_managers(Root(directory_ / "")); }

private:
	Directory directory_;
};

// As healthy(), by another backend.
Facts by(Store store)
{
	Facts facts = healthy();

	for (Rewrite &rewrite : facts.rewrites)
		rewrite.store = store;
	return facts;
}

} // namespace

TEST_CASE("dsrctl doctor: which managers a host has")
{
	Files host;

	CHECK(host.managers() == Managers{});
	host.file("proc/1/comm", "systemd\n")
		.file("proc/7/comm", "firewalld\n")
		.file("proc/8/comm", "systemd-network\n")
		.file("proc/9/comm", "NetworkManager\n")
		.file("proc/10/comm", "dockerd\n")
		.file("proc/11/comm", "conmon\n")
		.file("proc/x/comm", "nothing\n")
		.link("etc/systemd/system/sysinit.target.wants/nftables.service")
		.link("etc/systemd/system/multi-user.target.wants/netfilter-persistent.service")
		.link("etc/systemd/system/basic.target.wants/ip6tables.service")
		.link("etc/systemd/system/other/ufw.service")
		.file("etc/ufw/ufw.conf", "# Set to yes\nENABLED=yes\n")
		.file("etc/netplan/a.yaml", "network: {}\n")
		.file("etc/systemd/network/a.network",
		      "[Match]\nName=eth* lo\n[Network]\nAddress=192.0.2.1/32\n")
		.file("run/systemd/network/10-netplan-lo.network",
		      "[Match]\nName=lo\n[Network]\nKeepConfiguration = static\n")
		.file("run/systemd/network/a.network", "[Match]\nName=lo\n")
		.file("usr/lib/systemd/network/b.network",
		      "[Match]\nName=eth0\n[Network]\nName=lo\n")
		.file("etc/NetworkManager/system-connections/lo.nmconnection",
		      "[connection]\nid=lo\ntype=loopback\n")
		.file("etc/NetworkManager/system-connections/eth0.nmconnection",
		      "[connection]\ntype=ethernet\ninterface-name=eth0\n");
	const Managers found = host.managers();
	CHECK(found.firewalld);
	CHECK(found.nftables);
	CHECK(found.persistent);
	CHECK(found.iptables);
	CHECK(found.ufw);
	CHECK(found.docker);
	CHECK(found.podman);
	CHECK(found.network_manager);
	CHECK(found.networkd);
	CHECK(found.netplan);
	CHECK(found.networkd_files ==
	      std::vector<LoopbackFile>{{"/etc/systemd/network/a.network", false},
					{"/run/systemd/network/10-netplan-lo.network", true}});
	CHECK(found.profiles ==
	      std::vector<std::string>{"/etc/NetworkManager/system-connections/lo.nmconnection"});
}

TEST_CASE("dsrctl doctor: ufw that is there is not ufw that is enabled")
{
	CHECK_FALSE(Files().file("etc/ufw/ufw.conf", "#\nENABLED=no\n").managers().ufw);
}

TEST_CASE("dsrctl doctor: a firewall that flushes the rules of VIPs is a warning without a guard")
{
	constexpr struct {
		bool Managers::*there;
		const char *id;
		bool daddr, nft;
	} cases[] = {
		{&Managers::firewalld, "firewalld", true, false},
		{&Managers::nftables, "nftables-service", true, true},
		{&Managers::persistent, "netfilter-persistent", true, false},
		{&Managers::iptables, "iptables-service", true, false},
	};

	for (const auto &one : cases)
		for (Store store : {Store::iptables, Store::nft, Store::dscp_rewrite})
			for (bool guard : {false, true}) {
				Facts facts = by(store);
				const bool hit = store == Store::iptables ? one.daddr :
						 store == Store::nft	  ? one.nft :
									    false;

				facts.managers.*one.there = true;
				facts.managers.guard = guard;
				INFO(one.id << " " << static_cast<int>(store) << guard);
				const Finding finding = only(check_flushers(facts));
				CHECK(finding.id == one.id);
				CHECK((finding.severity == Severity::warning) == (hit && !guard));
				CHECK(finding.fix.empty() != (hit && !guard));
			}
}

TEST_CASE("dsrctl doctor: nftables.service reaches no rules of the legacy iptables")
{
	Facts facts = by(Store::other);

	facts.managers.nftables = true;
	CHECK(only(check_flushers(facts)).severity == Severity::note);
	facts.variant[0] = facts.variant[1] = "legacy";
	facts.other[0] = facts.other[1] = "nft";
	CHECK(only(check_flushers(facts)).severity == Severity::warning);
}

TEST_CASE("dsrctl doctor: sysctls are no way out for a VIP with a port")
{
	Facts facts = by(Store::iptables);

	facts.managers.firewalld = true;
	CHECK(has(command_lines(only(check_flushers(facts)))[0], "--backend dscp_rewrite reload"));
	facts.config = parse("10.0.0.7:80=7 tcp 8080\n");
	CHECK(only(check_flushers(facts)).fix.empty());
}

TEST_CASE("dsrctl doctor: ufw, docker and podman are known, and leave VIPs alone")
{
	Facts facts = healthy();

	facts.managers.ufw = facts.managers.docker = facts.managers.podman = true;
	CHECK(ids(check_flushers(facts)) == "note: ufw, note: docker, note: podman");
	CHECK(found(facts) == "");
}

TEST_CASE("dsrctl doctor: NetworkManager with a profile of lo is a warning without a guard")
{
	Facts facts = healthy();

	facts.managers.network_manager = facts.managers.networkd = true;
	CHECK(check_owners_of_lo(facts).empty());
	facts.managers.networkd_files = {{"/etc/systemd/network/lo.network", true}};
	CHECK(check_owners_of_lo(facts).empty());
	facts.managers.networkd_files = {{"/run/systemd/network/10-netplan-lo.network", false}};
	const Finding finding = only(check_owners_of_lo(facts));
	CHECK(finding.id == "networkd-lo");
	CHECK(finding.severity == Severity::note);
	CHECK(has(finding.keep, "KeepConfiguration=yes"));

	facts.managers = {};
	facts.managers.profiles = {"/etc/NetworkManager/system-connections/lo.nmconnection"};
	CHECK(only(check_owners_of_lo(facts)).id == "networkmanager-lo");
	CHECK(found(facts) == "warning: networkmanager-lo");
	facts.managers.guard = true;
	CHECK(only(check_owners_of_lo(facts)).severity == Severity::note);
}
