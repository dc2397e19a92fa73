// SPDX-License-Identifier: BSD-3-Clause
// Addresses in a kernel: in a network namespace of the test's own.
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>

#include "dsrctl/netlink.hpp"
#include "dsrctl/netlink_socket.hpp"
#include "namespace.hpp"
#include "world.hpp"

using namespace dsr_test;

// What the kernel says, or what becomes of it on the way.
namespace netlink {

int interrupted, lost;

} // namespace netlink

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier): the names that the linker wraps
ssize_t __real_mnl_socket_recvfrom(const mnl_socket *socket, void *buffer, std::size_t size);

ssize_t __wrap_mnl_socket_recvfrom(const mnl_socket *socket, void *buffer, std::size_t size)
{
	ssize_t count = __real_mnl_socket_recvfrom(socket, buffer, size);
	auto *message = static_cast<nlmsghdr *>(buffer);
	int left = static_cast<int>(count);

	if (netlink::lost) {
		netlink::lost--;
		errno = ENOBUFS;
		return -1;
	}
	for (; netlink::interrupted && mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left)) {
		message->nlmsg_flags |= NLM_F_DUMP_INTR;
		if (message->nlmsg_type == NLMSG_DONE) {
			netlink::interrupted--;
			break;
		}
	}
	return count;
}
// NOLINTEND(bugprone-reserved-identifier)

} // extern "C"

namespace {

// Those that are added in the test.
std::vector<Address> addresses()
{
	std::vector<Address> all = read_addresses();

	std::erase_if(all, [](const Address &address) {
		return address.ip == ip("127.0.0.1") || address.ip == ip("::1");
	});
	return all;
}

std::vector<AddressStep> change(const std::vector<AddressStep> &steps)
{
	std::vector<AddressStep> done;

	change_addresses(steps, done);
	return done;
}

Address vip(const std::string &text, const std::string &label = "")
{
	Address address = vip_address(ip(text));

	address.label = label;
	return address;
}

// What the kernel says of one: its flags, and how long it is valid and preferred.
struct Details {
	std::uint32_t flags = 0;
	unsigned int scope = 0;
	ifa_cacheinfo lifetime{};
};

Details details(const std::string &text)
{
	alignas(nlmsghdr) char buffer[256];
	nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	std::vector<Details> found;

	message->nlmsg_type = RTM_GETADDR;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = 1;
	mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg));
	NetlinkSocket(NETLINK_ROUTE).dump(message, [&](const nlmsghdr *one) {
		const Ip wanted = ip(text);
		Details details;
		bool matches = false;

		details.scope =
			static_cast<const ifaddrmsg *>(mnl_nlmsg_get_payload(one))->ifa_scope;
		each_attribute(one, sizeof(ifaddrmsg), [&](const nlattr *attribute) {
			const void *value = mnl_attr_get_payload(attribute);

			switch (mnl_attr_get_type(attribute)) {
			case IFA_ADDRESS:
				matches = mnl_attr_get_payload_len(attribute) == wanted.size() &&
					  !std::memcmp(value, wanted.bytes.data(), wanted.size());
				break;
			case IFA_FLAGS:
				details.flags = mnl_attr_get_u32(attribute);
				break;
			case IFA_CACHEINFO:
				std::memcpy(&details.lifetime, value, sizeof(details.lifetime));
				break;
			}
		});
		if (matches)
			found.push_back(details);
	});
	REQUIRE(found.size() == 1);
	return found[0];
}

} // namespace

TEST_CASE("dsrctl: addresses are added and removed, and what is so already is no change")
{
	const Namespace own;
	const std::vector<AddressStep> add{{true, vip("10.128.8.46", "lo:1")},
					   {true, vip("2001:db8::46")},
					   {true, vip("10.128.8.47", "lo:2")}};
	std::vector<AddressStep> remove;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	for (const AddressStep &step : add)
		remove.push_back({false, step.address});
	CHECK(change(add) == add);
	CHECK(addresses() == std::vector<Address>{vip("10.128.8.46", "lo:1"),
						  vip("10.128.8.47", "lo:2"), vip("2001:db8::46")});
	CHECK(change(add).empty());
	CHECK(change({remove[0]}) == std::vector{remove[0]});
	CHECK(change(remove) == std::vector{remove[1], remove[2]});
	CHECK(addresses().empty());
	CHECK(change(remove).empty());
}

TEST_CASE("dsrctl: a VIP is no source of the host's own connections, and asks no neighbour")
{
	const Namespace own;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	change({{true, vip("10.128.8.46")}, {true, vip("2001:db8::46")}});
	CHECK(details("10.128.8.46").scope == RT_SCOPE_HOST);
	const Details ip6 = details("2001:db8::46");
	CHECK(ip6.flags == (IFA_F_DEPRECATED | IFA_F_NODAD | IFA_F_PERMANENT));
	CHECK(ip6.lifetime.ifa_prefered == 0);
	CHECK(ip6.lifetime.ifa_valid == UINT32_MAX);

	// as an address that is the host's own
	Address host4 = vip("10.128.9.31"), host6 = vip("2001:db8:9::31");
	host4.source = host6.source = true;
	host4.prefix = 24, host4.label = "lo";
	change({{true, host4}, {true, host6}});
	CHECK(details("10.128.9.31").scope == RT_SCOPE_UNIVERSE);
	CHECK(details("2001:db8:9::31").lifetime.ifa_prefered == UINT32_MAX);
	CHECK_FALSE(host4.single());
	std::erase_if(host6.label, [](char) { return true; });
	for (const Address &address : addresses())
		CHECK(address.source == (address == host4 || address == host6));
}

TEST_CASE("dsrctl: of addresses that cannot be added, the first is named, and the others are done")
{
	const Namespace own;
	std::vector<AddressStep> steps, done;
	std::string said;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	// more than one message's worth
	for (int i = 0; i < 100; i++)
		steps.push_back({true, vip("10.0.0." + std::to_string(i))});
	steps[10].address.dev = steps[20].address.dev = "none";
	try {
		change_addresses(steps, done);
	} catch (const Error &error) {
		said = error.what();
	}
	CHECK(said == "adding 10.0.0.10 to none: No such device");
	CHECK(done.size() == 62);
	CHECK(addresses().size() == 62);

	done.clear();
	for (AddressStep &step : steps)
		step.add = false;
	change_addresses(steps, done);
	CHECK(done.size() == 62);
	CHECK(addresses().empty());
}

TEST_CASE("dsrctl: a dump during which something changed is read again, whole")
{
	const Namespace own;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	change({{true, vip("10.128.8.46")}});
	for (int times : {1, 5, 99}) {
		netlink::interrupted = times;
		CHECK(addresses() == std::vector<Address>{vip("10.128.8.46", "lo")});
		CHECK(netlink::interrupted == 0);
	}
	// not for ever
	netlink::interrupted = 1000;
	CHECK_THROWS_AS(addresses(), Error);
	netlink::interrupted = 0;
}

TEST_CASE("dsrctl: a change whose answer is lost may have been made, and is undone")
{
	const Namespace own;
	std::vector<AddressStep> done;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	netlink::lost = 1;
	CHECK_THROWS_AS(change_addresses({{true, vip("10.128.8.46", "lo:1")}}, done), Error);
	CHECK(netlink::lost == 0);
	CHECK(done == std::vector<AddressStep>{{true, vip("10.128.8.46", "lo:1")}});
	CHECK(addresses().size() == 1);
	// of what is to go, the rest goes nevertheless
	done.clear();
	for (int i = 0; i < 100; i++)
		done.push_back({true, vip("10.0.0." + std::to_string(i))});
	change(done);
	for (AddressStep &step : done)
		step.add = false;
	netlink::lost = 1;
	CHECK_THROWS_AS(change(done), Error);
	CHECK(addresses().size() == 1);
}

TEST_CASE("dsrctl: addresses as commands")
{
	auto command = [](bool add, const Address &address) {
		std::string line;

		for (const std::string &word : ip_command(add, address))
			line += (line.empty() ? "" : " ") + word;
		return line;
	};
	const Address ip4 = vip("10.128.8.46", "lo:1"), ip6 = vip("2001:db8::46");

	CHECK(command(true, ip4) == "ip address add 10.128.8.46/32 dev lo label lo:1 scope host");
	CHECK(command(false, ip4) == "ip address del 10.128.8.46/32 dev lo label lo:1");
	CHECK(command(true, ip6) == "ip address add 2001:db8::46/128 dev lo nodad preferred_lft 0");
	CHECK(command(false, ip6) == "ip address del 2001:db8::46/128 dev lo");
	CHECK(command(true, on_lo("10.0.0.1")) == "ip address add 10.0.0.1/32 dev lo");
}
