// SPDX-License-Identifier: BSD-3-Clause
// dsrctl guard, in parts: when it waits, what it hears, what it says and counts.
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "dsrctl/guard/back_off.hpp"
#include "dsrctl/guard/events.hpp"
#include "dsrctl/guard/lost_routes.hpp"
#include "dsrctl/guard/notify.hpp"
#include "dsrctl/guard/quiet.hpp"
#include "dsrctl/guard/record.hpp"
#include "dsrctl/guard/report.hpp"
#include "dsrctl/intent.hpp"
#include "dsrctl/netlink.hpp"
#include "namespace.hpp"
#include "world.hpp"

using namespace dsr_test;
using std::chrono::seconds;

TEST_CASE("dsrctl: guard: so many repairs are made at once, then later and later")
{
	const BackOff::Time begin{seconds(1000)};
	BackOff back_off;

	for (unsigned int i = 0; i < BackOff::FREE; i++) {
		back_off.repaired(begin);
		CHECK(back_off.next() == begin);
		CHECK_FALSE(back_off.waits());
	}
	for (int wait : {1, 2, 4, 8, 10, 10}) {
		back_off.repaired(begin);
		CHECK(back_off.next() == begin + seconds(wait));
		CHECK(back_off.waits());
	}
	CHECK(back_off.count() == BackOff::FREE + 6);
	CHECK_FALSE(back_off.calm_down(begin + seconds(39)));
	CHECK(back_off.calm_down(begin + seconds(40)));
	CHECK_FALSE(back_off.calm_down(begin + seconds(41)));
	CHECK_FALSE(back_off.waits());
}

TEST_CASE("dsrctl: guard: half a minute of peace begins anew")
{
	BackOff::Time now{seconds(1000)};
	BackOff back_off;

	for (int i = 0; i < 20; i++, now += seconds(30)) {
		back_off.repaired(now);
		CHECK_FALSE(back_off.waits());
	}
	CHECK(back_off.count() == 1);
	for (int i = 0; i < 30; i++, now += seconds(29))
		back_off.repaired(now);
	CHECK(back_off.wait() == BackOff::MOST);
}

TEST_CASE("dsrctl: guard: what could not be put back is never tried again at once")
{
	const BackOff::Time now{seconds(1000)};
	BackOff back_off;

	back_off.failed(now);
	CHECK(back_off.next() == now + seconds(1));
	back_off.failed(now);
	CHECK(back_off.next() > now);
}

TEST_CASE("dsrctl: guard: its counters survive being written, and are of one network")
{
	GuardRecord record;

	record.of(Gone::address) = 3;
	record.of(Gone::sysctl) = 18446744073709551615ULL;
	record.waiting = true;
	const std::string text = record_text(record, "cookie 7");
	const GuardRecord again = parse_record(text, "cookie 7");
	CHECK(again.there);
	CHECK(again.waiting);
	CHECK(again.repairs == record.repairs);
	CHECK_FALSE(parse_record(text, "cookie 8").there);
	for (const char *bad : {"", "{", "[]", "{\"network\": \"cookie 7\"}"})
		CHECK_FALSE(parse_record(bad, "cookie 7").there);
}

TEST_CASE("dsrctl: guard: there is one of it")
{
	Directory directory;
	const GuardFile file(directory / "");

	file.write({});
	CHECK_FALSE(file.read().running);
	GuardRecord record;
	record.waiting = true;
	file.write(record);
	{
		const Descriptor lock = file.hold(0);

		CHECK(file.read().running);
		CHECK(file.read().waiting);
		CHECK_THROWS_AS(file.hold(0), Error);
	}
	CHECK_FALSE(file.read().running);
	CHECK_FALSE(file.read().waiting);
}

TEST_CASE("dsrctl: guard: it says what was gone, since when, and who did it")
{
	Plan plan;
	Disturbance disturbance;

	plan.add.push_back({true, on_lo("10.0.0.7")});
	RuleStep step;
	step.rule.items = {{7, ip("10.0.0.7")}, {8, ip("10.0.0.8")}};
	step.kind = RuleStep::Kind::replace;
	step.old.items = {{8, ip("10.0.0.8")}};
	plan.rules.push_back(step);
	CHECK(report(Missing(plan, {}), {}) ==
	      "found 1 address gone (10.0.0.7 on lo); 1 rule gone (DSCP 7 (TOS 28, 0x1c, 000111b) to 10.0.0.7): put back");

	disturbance.by_look = true;
	disturbance.add("");
	CHECK(has(report(Missing(plan, {}), disturbance), " or up to 1 s before: put back after "));
	disturbance = {};
	disturbance.add("process 1 (ip)");
	disturbance.add("");
	disturbance.add("process 1 (ip)");
	plan = {};
	for (int i = 1; i < 7; i++)
		plan.add.push_back({true, on_lo("10.0.0." + std::to_string(i))});
	const std::string said = report(Missing(plan, {}), disturbance,
					disturbance.since + std::chrono::milliseconds(31));
	CHECK(said.starts_with(
		"found 6 addresses gone (10.0.0.1 on lo, 10.0.0.2 on lo, 10.0.0.3 on lo, 10.0.0.4 on lo and 2 more) since "));
	CHECK(said.ends_with(", by process 1 (ip): put back after 31 ms"));
	plan = {};
	for (const char *address : {"10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"})
		plan.add.push_back({true, on_lo(address)});
	CHECK(has(report(Missing(plan, {}), {}), "10.0.0.3 on lo, 10.0.0.4 on lo): put back"));
	plan = {};
	step.kind = RuleStep::Kind::add;
	plan.rules.push_back(step);
	CHECK(has(report(Missing(plan, {on_lo("10.0.0.9")}, Gone::sysctl), {}),
		  "found 1 local route gone (10.0.0.9 on lo); 2 sysctl values gone (DSCP 7"));
}

TEST_CASE("dsrctl: guard: what it is disturbed by has a beginning, and each name once")
{
	Disturbance disturbance;

	disturbance.add("");
	const auto since = disturbance.since;
	while (Disturbance::Clock::now() == since)
		;
	disturbance.add("process 1 (ip)");
	CHECK(disturbance.since == since);
	CHECK(disturbance.who == std::vector<std::string>{"process 1 (ip)"});
}

TEST_CASE("dsrctl: guard: it says how often somebody else has removed the same")
{
	const BackOff::Time now{seconds(1000)};
	BackOff back_off;

	for (unsigned int i = 0; i < BackOff::FREE + 2; i++)
		back_off.repaired(now);
	const std::string said = contested(back_off, {});
	CHECK(has(said,
		  "that was the " + std::to_string(BackOff::FREE + 2) + "th time in a row: "));
	CHECK(has(said, " put back after 2 s. "));
}

TEST_CASE("dsrctl: guard: what was started is all that is wanted")
{
	State state;

	state.add({"a", "h", ip("10.0.0.1"), 1, "lo"});
	state.add({"b", "h", ip("10.0.0.2"), 2, "lo"});
	const Intent intent = intent_to_keep(parse("10.0.0.1=1\n10.0.0.2=2\n"), state);
	CHECK(intent.goal.present.size() == 2);
	CHECK(intent.goal.absent.empty());
	CHECK_FALSE(intent.goal.everything);
	CHECK(intent.after.entries == state.entries);
}

namespace {

// Until something of this kind has come.
Event wait_for(Events &events, Event::Kind kind)
{
	for (;;) {
		pollfd file{events.route(), POLLIN, 0};

		for (const Event &event : events.read())
			if (event.kind == kind)
				return event;
		REQUIRE(poll(&file, 1, 10000) == 1);
	}
}

void change(bool add, const std::string &address)
{
	std::vector<AddressStep> done;

	change_addresses({{add, vip_address(ip(address))}}, done);
}

// The kernel adds the local route of an IPv6 address by itself, a moment after it
// has said that the address is there.
bool becomes_local(const std::string &address)
{
	for (int i = 0; i < 1000; i++) {
		if (is_local(ip(address)))
			return true;
		poll(nullptr, 0, 10);
	}
	return false;
}

// As the kernel tells of rules.
class RuleMessage {
public:
	RuleMessage(int type, std::uint8_t family) : message_(mnl_nlmsg_put_header(buffer_))
	{
		message_->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
		static_cast<nfgenmsg *>(mnl_nlmsg_put_extra_header(message_, sizeof(nfgenmsg)))
			->nfgen_family = family;
	}
	RuleMessage &table(const char *name)
	{
		mnl_attr_put_strz(message_, NFTA_TABLE_NAME, name);
		return *this;
	}
	RuleMessage &by(std::uint32_t process, const char *name)
	{
		mnl_attr_put_u32(message_, NFTA_GEN_ID, htonl(5));
		mnl_attr_put_u32(message_, NFTA_GEN_PROC_PID, htonl(process));
		mnl_attr_put_strz(message_, NFTA_GEN_PROC_NAME, name);
		return *this;
	}
	RuleMessage &subsystem(int number)
	{
		message_->nlmsg_type = static_cast<std::uint16_t>(number << 8 |
								  (message_->nlmsg_type & 0xff));
		return *this;
	}
	RuleMessage(const RuleMessage &) = delete;
	operator const nlmsghdr *() const { return message_; }

private:
	alignas(nlmsghdr) char buffer_[512] = {};
	nlmsghdr *message_;
};

} // namespace

namespace {

// As the kernel tells of addresses, routes and interfaces.
template <class Header>
class RouteMessage {
public:
	RouteMessage(int type, const Header &header) : message_(mnl_nlmsg_put_header(buffer_))
	{
		message_->nlmsg_type = static_cast<std::uint16_t>(type);
		*static_cast<Header *>(
			mnl_nlmsg_put_extra_header(message_, sizeof(header))) = header;
	}
	RouteMessage &address(std::uint16_t type, const std::string &address)
	{
		const Ip found = ip(address);

		mnl_attr_put(message_, type, found.size(), found.bytes.data());
		return *this;
	}
	RouteMessage &name(const char *name)
	{
		mnl_attr_put_strz(message_, IFLA_IFNAME, name);
		return *this;
	}
	RouteMessage(const RouteMessage &) = delete;
	std::optional<Event> event() const { return parse_event(message_, {{"eth0"}, {3}}); }

private:
	alignas(nlmsghdr) char buffer_[512] = {};
	nlmsghdr *message_;
};

} // namespace

TEST_CASE("dsrctl: guard: it hears of what concerns VIPs, and of no other message")
{
	const ifaddrmsg on_eth0{AF_INET, 32, 0, 0, 3};
	const ifaddrmsg on_eth0_6{AF_INET6, 128, 0, 0, 3};
	rtmsg route{};

	// that of a point-to-point link is the other end's
	RouteMessage address(RTM_DELADDR, on_eth0);
	address.address(IFA_ADDRESS, "10.0.0.1").address(IFA_LOCAL, "10.128.8.46");
	REQUIRE(address.event());
	CHECK(address.event()->ip == ip("10.128.8.46"));
	RouteMessage address6(RTM_DELADDR, on_eth0_6);
	REQUIRE(address6.address(IFA_ADDRESS, "2001:db8::46").event());
	CHECK(address6.event()->ip == ip("2001:db8::46"));

	route.rtm_family = AF_INET;
	route.rtm_table = RT_TABLE_LOCAL;
	route.rtm_type = RTN_LOCAL;
	CHECK(RouteMessage(RTM_DELROUTE, route).address(RTA_DST, "10.128.8.46").event());
	route.rtm_type = RTN_BROADCAST;
	CHECK_FALSE(RouteMessage(RTM_DELROUTE, route).address(RTA_DST, "10.128.8.46").event());
	route.rtm_type = RTN_LOCAL;
	route.rtm_table = RT_TABLE_MAIN;
	CHECK_FALSE(RouteMessage(RTM_DELROUTE, route).address(RTA_DST, "10.128.8.46").event());

	const ifinfomsg third{AF_UNSPEC, 0, 0, 3, 0, 0}, fourth{AF_UNSPEC, 0, 0, 4, 0, 0};
	CHECK(RouteMessage(RTM_NEWLINK, third).name("renamed").event());
	CHECK(RouteMessage(RTM_NEWLINK, fourth).name("eth0").event());
	CHECK_FALSE(RouteMessage(RTM_NEWLINK, fourth).name("eth1").event());
}

TEST_CASE("dsrctl: guard: it hears of addresses and local routes that go, and by whom")
{
	const Namespace own;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	Events events;
	events.watch({"lo"});
	CHECK(events.rules() < 0);
	for (const char *vip : {"10.128.8.46", "2001:db8::46"}) {
		INFO(vip);
		change(true, vip);
		CHECK(becomes_local(vip));
		CHECK(wait_for(events, Event::Kind::address_there).ip == ip(vip));
		change(false, vip);
		CHECK_FALSE(is_local(ip(vip)));
		for (auto kind : {Event::Kind::address_gone, Event::Kind::route_gone}) {
			change(true, vip);
			REQUIRE(becomes_local(vip));
			change(false, vip);
			const Event event = wait_for(events, kind);
			CHECK(event.ip == ip(vip));
			CHECK((event.who.empty() || event.who.starts_with("process ")));
		}
	}
	CHECK(is_up("lo"));
	CHECK_FALSE(is_up("none"));
}

TEST_CASE("dsrctl: guard: a route is lost when it goes and its address stays")
{
	using Kind = Event::Kind;
	const struct {
		const char *what;
		std::vector<Kind> events;
		bool lost;
	} cases[] = {
		{"the route alone", {Kind::route_gone}, true},
		{"with the address", {Kind::address_gone, Kind::route_gone}, false},
		{"the address is back, and its route is not yet there",
		 {Kind::address_gone, Kind::route_gone, Kind::address_there},
		 false},
		{"the route alone, later",
		 {Kind::address_gone, Kind::route_gone, Kind::address_there, Kind::route_gone},
		 true},
		{"the route alone, then the address", {Kind::route_gone, Kind::address_gone}, false},
		{"whether the address is back, was lost",
		 {Kind::address_gone, Kind::route_gone, Kind::lost, Kind::route_gone},
		 true},
		{"other changes", {Kind::changed, Kind::rules_changed}, false},
	};

	for (const auto &one : cases) {
		INFO(one.what);
		LostRoutes routes;

		for (const Kind kind : one.events)
			routes.heard({kind, ip("2001:db8::46"), ""});
		CHECK(routes.has(ip("2001:db8::46")) == one.lost);
		CHECK_FALSE(routes.has(ip("2001:db8::47")));
	}
	LostRoutes routes;
	routes.heard({Kind::route_gone, ip("127.0.0.1"), ""});
	routes.look();
	CHECK_FALSE(routes.has(ip("127.0.0.1")));
}

TEST_CASE("dsrctl: guard: it hears nothing of interfaces without VIPs")
{
	const Namespace own;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	Events events;
	events.watch({"eth9"});
	change(true, "10.128.8.46");
	change(false, "10.128.8.46");
	// its route is everybody's
	wait_for(events, Event::Kind::route_gone);
	CHECK(events.read().empty());
}

TEST_CASE("dsrctl: guard: of rules that go, it knows the process by what comes after")
{
	RuleMessage by(NFT_MSG_NEWGEN, 0);
	struct {
		const char *what;
		int type;
		std::uint8_t family;
		const char *table;
		bool ours;
	} const cases[] = {
		{"our table", NFT_MSG_DELTABLE, NFPROTO_INET, "dsrctl", true},
		{"a rule of it", NFT_MSG_DELRULE, NFPROTO_INET, "dsrctl", true},
		{"a rule of iptables", NFT_MSG_DELRULE, NFPROTO_IPV4, "raw", true},
		{"a chain of it", NFT_MSG_DELCHAIN, NFPROTO_IPV6, "mangle", true},
		{"another table", NFT_MSG_DELTABLE, NFPROTO_IPV4, "nat", false},
		{"of another family", NFT_MSG_DELTABLE, NFPROTO_BRIDGE, "other", false},
		{"what comes", NFT_MSG_NEWRULE, NFPROTO_INET, "dsrctl", false},
	};

	// a process that there cannot be
	by.by(4194305, "nft");
	for (const auto &one : cases) {
		INFO(one.what);
		RuleEvents events;
		CHECK_FALSE(events.take(RuleMessage(one.type, one.family).table(one.table)));
		const auto event = events.take(by);
		REQUIRE(event.has_value() == one.ours);
		if (event) {
			CHECK(event->kind == Event::Kind::rules_changed);
			CHECK(event->who == "process 4194305 (nft)");
		}
		CHECK_FALSE(events.take(by));
	}
}

TEST_CASE("dsrctl: guard: of rules, one of ours is enough, and who it was is said once")
{
	RuleMessage ours(NFT_MSG_DELTABLE, NFPROTO_INET), others(NFT_MSG_DELTABLE, NFPROTO_INET);
	RuleMessage by_nobody(NFT_MSG_NEWGEN, 0), by_us(NFT_MSG_NEWGEN, 0);
	RuleMessage of_others(NFT_MSG_DELTABLE, NFPROTO_INET);
	RuleEvents events;

	ours.table("dsrctl");
	others.table("other");
	by_nobody.by(0, "nft");
	by_us.by(static_cast<std::uint32_t>(getpid()), "nft");
	events.take(ours);
	events.take(others);
	auto event = events.take(by_nobody);
	REQUIRE(event);
	CHECK(event->who == "");
	events.take(others);
	CHECK_FALSE(events.take(by_nobody));
	events.take(ours);
	event = events.take(by_us);
	REQUIRE(event);
	CHECK(event->who == process_text(static_cast<std::uint32_t>(getpid())));
	// of another part of netfilter: conntrack
	of_others.table("dsrctl").subsystem(NFNL_SUBSYS_CTNETLINK);
	events.take(of_others);
	CHECK_FALSE(events.take(by_nobody));
}

TEST_CASE("dsrctl: guard: a process has its name, when it can be seen")
{
	CHECK(process_text(0) == "");
	CHECK(process_text(4194305) == "process 4194305");
	CHECK(process_text(static_cast<std::uint32_t>(getpid())) ==
	      "process " + std::to_string(getpid()) + " (unit_dsrctl)");
}

TEST_CASE("dsrctl: guard: without anything to look at, there is no look")
{
	CHECK(Quiet{}.empty());
	CHECK(fingerprint({}) == "");
	Quiet legacy;
	legacy.legacy.emplace(Family::ip4, Table::raw);
	CHECK_FALSE(legacy.empty());
	CHECK_FALSE(Quiet{{}, true}.empty());
}

TEST_CASE("dsrctl: guard: systemd is told by a datagram, by a path or an abstract name")
{
	Directory directory;

	for (const std::string &name :
	     {directory / "notify", "@dsrctl-test-" + std::to_string(getpid())}) {
		INFO(name);
		const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
		sockaddr_un address{};
		char said[64] = {};

		address.sun_family = AF_UNIX;
		name.copy(address.sun_path, sizeof(address.sun_path) - 1);
		if (name[0] == '@')
			address.sun_path[0] = '\0';
		REQUIRE(!bind(
			socket.get(), reinterpret_cast<sockaddr *>(&address),
			static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())));
		setenv("NOTIFY_SOCKET", name.c_str(), 1);
		notify("READY=1\nSTATUS=x");
		unsetenv("NOTIFY_SOCKET");
		CHECK(recv(socket.get(), said, sizeof(said), MSG_DONTWAIT) == 16);
		CHECK(std::string(said) == "READY=1\nSTATUS=x");
		notify("STOPPING=1");
		CHECK(recv(socket.get(), said, sizeof(said), MSG_DONTWAIT) < 0);
	}
	CHECK(reloading().starts_with("RELOADING=1\nMONOTONIC_USEC="));
}

TEST_CASE("dsrctl: guard: the watchdog hears of it twice as often as it must")
{
	CHECK_FALSE(watchdog());
	setenv("WATCHDOG_USEC", "3000000", 1);
	CHECK(watchdog() == std::chrono::microseconds(1500000));
	setenv("WATCHDOG_PID", std::to_string(getpid() + 1).c_str(), 1);
	CHECK_FALSE(watchdog());
	setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
	CHECK(watchdog());
	for (const char *bad : {"", "x", "1", "-5", "3000000us"}) {
		setenv("WATCHDOG_USEC", bad, 1);
		CHECK_FALSE(watchdog());
	}
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}
