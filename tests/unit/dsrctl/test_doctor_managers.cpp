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
		.file("etc/systemd/network/a.network",
		      "[Match]\nName=eth* lo\n[Network]\nAddress=192.0.2.1/32\n")
		.file("run/systemd/network/10-netplan-lo.network",
		      "[Match]\nName=lo\n[Network]\nKeepConfiguration = static\n")
		.file("run/systemd/network/a.network", "[Match]\nName=lo\n")
		.file("run/systemd/network/c.network", "[Match]\nName=!lo\nName=dummy*\n")
		.file("etc/systemd/network/c.network.d/keep.conf",
		      "[Network]\nKeepConfiguration=yes\n")
		.file("usr/lib/systemd/network/c.network.d/keep.conf",
		      "[Network]\nKeepConfiguration=no\n")
		.file("etc/systemd/network/mac.network", "[Match]\nMACAddress=02::1\n")
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
	CHECK(found.networkd_files ==
	      std::vector<InterfaceFile>{
		      {"/run/systemd/network/10-netplan-lo.network", {"lo"}, true},
		      {"/etc/systemd/network/a.network", {"eth*", "lo"}, false},
		      {"/usr/lib/systemd/network/b.network", {"eth0"}, false},
		      {"/run/systemd/network/c.network", {"!lo", "dummy*"}, true}});
	CHECK(found.profiles ==
	      std::vector<InterfaceFile>{
		      {"/etc/NetworkManager/system-connections/eth0.nmconnection", {"eth0"}, false},
		      {"/etc/NetworkManager/system-connections/lo.nmconnection", {"lo"}, false}});
	CHECK_FALSE(found.keepalived);
}

TEST_CASE("dsrctl doctor: which interfaces a file of networkd is of")
{
	const struct {
		std::vector<std::string> names;
		const char *interface;
		bool matches;
	} cases[] = {
		{{"eth*", "lo"}, "lo", true},
		{{"eth*", "lo"}, "eth7", true},
		{{"eth*", "lo"}, "dummy0", false},
		{{"!eth*", "lo"}, "dummy0", true},
		{{"!eth*", "lo"}, "lo", false},
		{{"!eth*", "lo"}, "eth0", false},
		{{}, "lo", false},
	};

	for (const auto &one : cases) {
		INFO(one.interface);
		CHECK(InterfaceFile{"", one.names, false}.matches(one.interface) == one.matches);
	}
}

TEST_CASE("dsrctl doctor: the addresses that keepalived adds and removes")
{
	Files host;

	host.file("proc/7/comm", "keepalived\n")
		.file("etc/keepalived/keepalived.conf",
		      "! 192.0.2.1\n"
		      "vrrp_instance one {\n"
		      "    interface eth0 # not 192.0.2.2\n"
		      "    virtual_ipaddress\n"
		      "    {\n"
		      "        10.0.0.7/32 dev lo\n"
		      "        10.0.0.8/24 brd +\n"
		      "        $VIP\n"
		      "    }\n"
		      "    virtual_routes {\n"
		      "        192.0.2.0/24 dev eth0\n"
		      "    }\n"
		      "    virtual_ipaddress_excluded { 2001:db8::7 }\n"
		      "}\n"
		      "virtual_server 192.0.2.3 80 {\n"
		      "    real_server 192.0.2.4 80 {\n"
		      "    }\n"
		      "}\n"
		      "include conf.d/*.conf\n"
		      "include keepalived.conf\n")
		.file("etc/keepalived/conf.d/a.conf",
		      "static_ipaddress {\n    10.0.0.9/32 dev dummy0\n}\n");
	const Managers found = host.managers();
	CHECK(found.keepalived);
	const std::string file = "/etc/keepalived/keepalived.conf:";
	CHECK(found.moved == std::vector<MovedAddress>{{ip("10.0.0.7"), "lo", file + "6"},
						       {ip("10.0.0.8"), "eth0", file + "7"},
						       {ip("2001:db8::7"), "eth0", file + "13"},
						       {ip("10.0.0.9"), "dummy0",
							"/etc/keepalived/conf.d/a.conf:2"}});
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
	CHECK(ids(check_owners_of_addresses(facts)) == "note: networkmanager, note: networkd");
	facts.managers = {};
	facts.managers.networkd_files = {{"/etc/systemd/network/lo.network", {"lo"}, true}};
	CHECK(check_owners_of_addresses(facts).empty());
	facts.managers.networkd_files = {
		{"/etc/systemd/network/eth.network", {"eth*"}, false},
		{"/run/systemd/network/10-netplan-lo.network", {"lo"}, false}};
	const Finding finding = only(check_owners_of_addresses(facts));
	CHECK(finding.id == "networkd-lo");
	CHECK(finding.severity == Severity::note);
	CHECK(has(finding.keep, "KeepConfiguration=yes"));
	CHECK(has(finding.keep, "/etc/systemd/network/10-netplan-lo.network.d"));

	facts.managers = {};
	facts.managers.profiles = {
		{"/etc/NetworkManager/system-connections/lo.nmconnection", {"lo"}, false}};
	CHECK(only(check_owners_of_addresses(facts)).id == "networkmanager-lo");
	CHECK(found(facts) == "warning: networkmanager-lo");
	facts.managers.guard = true;
	CHECK(only(check_owners_of_addresses(facts)).severity == Severity::note);
}

TEST_CASE("dsrctl doctor: who manages another interface that VIPs are on")
{
	Facts facts = healthy();

	facts.config = parse("10.0.0.7 = 7 dev dummy0\n");
	facts.managers.networkd_files = {{"/etc/systemd/network/a.network", {"dummy*"}, false},
					 {"/etc/systemd/network/b.network", {"lo"}, false},
					 {"/etc/systemd/network/c.network", {"dummy0"}, false}};
	facts.managers.profiles = {
		{"/etc/NetworkManager/system-connections/lo.nmconnection", {"lo"}, false},
		{"/etc/NetworkManager/system-connections/d.nmconnection", {"dummy0"}, false}};
	CHECK(ids(check_owners_of_addresses(facts)) ==
	      "warning: networkd-interface, warning: networkmanager-interface");
	// the first file that matches is the one that counts
	facts.managers.networkd_files[0].keeps = true;
	facts.managers.guard = true;
	CHECK(ids(check_owners_of_addresses(facts)) == "note: networkmanager-interface");
}

TEST_CASE("dsrctl doctor: a VIP that keepalived has, too, is a warning without a guard")
{
	Facts facts = healthy();

	facts.config = parse("10.0.0.7 = 7\n10.0.0.8 = 8\n");
	facts.managers.keepalived = true;
	facts.managers.moved = {{ip("10.0.0.9"), "lo", "k:1"}, {ip("10.0.0.8"), "eth0", "k:2"}};
	CHECK(ids(check_owners_of_addresses(facts)) == "note: keepalived");
	facts.managers.moved.push_back({ip("10.0.0.8"), "lo", "k:3"});
	const Finding finding = only(check_owners_of_addresses(facts));
	CHECK(finding.id == "keepalived-vip");
	CHECK(finding.severity == Severity::warning);
	CHECK(has(finding.found, "10.0.0.8 on lo, too (k:3)"));
	facts.managers.guard = true;
	CHECK(only(check_owners_of_addresses(facts)).severity == Severity::note);
}
