// SPDX-License-Identifier: BSD-3-Clause
// hostile_rules ip4|ip6 legacy|nft COUNT SEED
//
// Hands rules of the DADDR target to the kernel past iptables and its plugin:
// good ones, and ones with bits, fields or sizes spoilt at random. What the
// kernel accepts must be what include/xt_DADDR.h allows, it must come back as
// it was sent, with nothing of the kernel's in it, and /proc/net/xt_DADDR must
// show just the VIPs of the rule. Runs as root in a network namespace of its
// own, whose table raw it overwrites.
#include <netinet/in.h>
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>

#include "xt_DADDR.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t USER_SIZE = offsetof(xt_daddr_info_v1, map);

// What is handed to the kernel.
struct Rule {
	unsigned int revision = 1;
	Bytes info;
	std::uint8_t protocol = 0;
	bool not_protocol = false;
};

struct Family {
	int number;
	unsigned int address_size;
	const char *name;	// in /proc/net/xt_DADDR
};

constexpr Family IP4{AF_INET, 4, "ipv4"};
constexpr Family IP6{AF_INET6, 16, "ipv6"};

[[noreturn]] void fail_errno(const std::string &what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

// ---- what is allowed: the comment in xt_DADDR.h and the table in README.md

bool all_zero(const void *from, std::size_t size)
{
	const auto *byte = static_cast<const std::uint8_t *>(from);

	return std::all_of(byte, byte + size, [](std::uint8_t b) { return !b; });
}

bool usable(const Family &family, const nf_inet_addr &address)
{
	const auto *byte = reinterpret_cast<const std::uint8_t *>(&address);

	if (!all_zero(byte + family.address_size,
		      sizeof(address) - family.address_size) ||
	    all_zero(byte, sizeof(address)))
		return false;
	if (family.number == AF_INET6)
		return byte[0] != 0xff;
	return (byte[0] < 224 || byte[0] > 239) &&
	       !std::all_of(byte, byte + 4, [](std::uint8_t b) { return b == 0xff; });
}

bool has_ports(const Rule &rule)
{
	return !rule.not_protocol &&
	       (rule.protocol == IPPROTO_TCP || rule.protocol == IPPROTO_UDP ||
		rule.protocol == IPPROTO_UDPLITE || rule.protocol == IPPROTO_DCCP);
}

xt_daddr_info_v1 info_of(const Rule &rule)
{
	xt_daddr_info_v1 info;

	std::memcpy(&info, rule.info.data(), sizeof(info));
	return info;
}

bool allowed(const Family &family, const Rule &rule)
{
	if (rule.revision == 0) {
		nf_inet_addr address{};

		if (rule.info.size() != sizeof(xt_daddr_info))
			return false;
		std::memcpy(&address, rule.info.data(), family.address_size);
		return usable(family, address);
	}
	if (rule.revision > 1 || rule.info.size() != sizeof(xt_daddr_info_v1))
		return false;

	xt_daddr_info_v1 info = info_of(rule);
	if (info.reserved[0] || info.reserved[1] || info.reserved[2])
		return false;
	if (!info.mapped)
		return usable(family, info.daddr[0]) &&
		       all_zero(&info.daddr[1], 63 * sizeof(nf_inet_addr)) &&
		       (!info.dport || has_ports(rule));
	if (info.mapped & 1 || info.dport)
		return false;
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		bool mapped = info.mapped >> dscp & 1;

		if (mapped ? !usable(family, info.daddr[dscp]) :
			     !all_zero(&info.daddr[dscp], sizeof(nf_inet_addr)))
			return false;
	}
	return true;
}

// ---- rules at random

class Random {
public:
	explicit Random(unsigned long seed) : engine_(seed) {}

	unsigned int below(unsigned int limit)
	{
		return std::uniform_int_distribution<unsigned int>(0, limit - 1)(engine_);
	}

	nf_inet_addr address(const Family &family)
	{
		nf_inet_addr address{};
		auto *byte = reinterpret_cast<std::uint8_t *>(&address);

		for (unsigned int i = 0; i < family.address_size; i++)
			byte[i] = static_cast<std::uint8_t>(below(256));
		byte[0] = static_cast<std::uint8_t>(1 + below(200));
		return address;
	}

	// One that is allowed.
	Rule good(const Family &family)
	{
		static const std::uint8_t protocols[] = {
			IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_DCCP};
		xt_daddr_info_v1 info{};
		Rule rule;

		if (below(8) == 0) {
			xt_daddr_info single{address(family)};

			rule.revision = 0;
			rule.info.resize(sizeof(single));
			std::memcpy(rule.info.data(), &single, sizeof(single));
			return rule;
		}
		if (below(3) == 0) {
			info.daddr[0] = address(family);
			if (below(2)) {
				info.dport = static_cast<__be16>(1 + below(65535));
				rule.protocol = protocols[below(4)];
			}
		} else {
			unsigned int density = 1 + below(20);

			for (unsigned int dscp = 1; dscp < 64; dscp++) {
				if (below(20) >= density && dscp != 63)
					continue;
				info.mapped |= 1ULL << dscp;
				info.daddr[dscp] = address(family);
			}
		}
		// Not the kernel's business: it is to overwrite it.
		std::memset(&info.map, static_cast<int>(below(256)), sizeof(info.map));
		rule.info.resize(sizeof(info));
		std::memcpy(rule.info.data(), &info, sizeof(info));
		return rule;
	}

	void spoil(Rule &rule)
	{
		auto any_byte = [&]() -> std::uint8_t & {
			return rule.info[below(static_cast<unsigned int>(rule.info.size()))];
		};

		if (rule.info.empty())
			return;
		switch (below(9)) {
		case 0:
			any_byte() ^= static_cast<std::uint8_t>(1 << below(8));
			break;
		case 1:
			any_byte() = static_cast<std::uint8_t>(below(256));
			break;
		case 2:	// in the fields before the addresses
			rule.info[below(16)] ^= static_cast<std::uint8_t>(1 << below(8));
			break;
		case 3: {	// an address that may not be
			static const std::uint8_t bad[][4] = {
				{0, 0, 0, 0}, {224, 0, 0, 1}, {239, 255, 255, 255},
				{255, 255, 255, 255}, {255, 2, 0, 0}};
			std::size_t slot = below(static_cast<unsigned int>(
				rule.info.size() / 16));

			std::memcpy(&rule.info[rule.revision ? slot * 16 : 0],
				    bad[below(5)], 4);
			break;
		}
		case 4:
			rule.protocol = static_cast<std::uint8_t>(below(256));
			break;
		case 5:
			rule.not_protocol = rule.protocol != 0;
			break;
		case 6: {
			std::size_t begin = below(static_cast<unsigned int>(rule.info.size()));

			std::generate(rule.info.begin() + static_cast<std::ptrdiff_t>(begin),
				      rule.info.end(), [&] {
					      return static_cast<std::uint8_t>(below(256)); });
			break;
		}
		case 7:	// x_tables looks at sizes before the target is asked
			if (below(4) == 0)
				rule.info.resize(8 * below(160));
			break;
		case 8:	// each asks modprobe for a newer module: not often
			if (below(40) == 0)
				rule.revision = 2 + below(254);
			break;
		}
	}

private:
	std::mt19937_64 engine_;
};

// ---- the ways into the kernel

class Kernel {
public:
	virtual ~Kernel() = default;
	// Replaces all rules by this one. Returns whether it was accepted.
	virtual bool replace(const Rule &rule) = 0;
	// The target's bytes, as the kernel shows them.
	virtual Bytes read_back() = 0;
};

// iptables-legacy: the table as one block.
template <typename Names> class Legacy : public Kernel {
	using Entry = typename Names::Entry;
	using Replace = typename Names::Replace;
	using GetEntries = typename Names::GetEntries;
	using GetInfo = typename Names::GetInfo;

public:
	Legacy() : socket_(socket(Names::FAMILY, SOCK_RAW, IPPROTO_RAW))
	{
		if (socket_ < 0)
			fail_errno("socket");
	}

	~Legacy() override { close(socket_); }

	bool replace(const Rule &rule) override
	{
		Bytes table;
		unsigned int second, third, entries = 4;

		append_target(table, rule);
		second = static_cast<unsigned int>(table.size());
		append_verdict(table, NF_ACCEPT);
		third = static_cast<unsigned int>(table.size());
		append_verdict(table, NF_ACCEPT);
		append_error(table);

		std::vector<xt_counters> counters(info().num_entries);
		Replace head{};
		std::strcpy(head.name, "raw");
		head.valid_hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT;
		head.num_entries = entries;
		head.size = static_cast<unsigned int>(table.size());
		head.hook_entry[NF_INET_PRE_ROUTING] = 0;
		head.underflow[NF_INET_PRE_ROUTING] = second;
		head.hook_entry[NF_INET_LOCAL_OUT] = third;
		head.underflow[NF_INET_LOCAL_OUT] = third;
		head.num_counters = static_cast<unsigned int>(counters.size());
		head.counters = counters.data();

		Bytes block(sizeof(head) + table.size());
		std::memcpy(block.data(), &head, sizeof(head));
		std::memcpy(block.data() + sizeof(head), table.data(), table.size());
		return setsockopt(socket_, Names::LEVEL, Names::SET_REPLACE, block.data(),
				  static_cast<socklen_t>(block.size())) == 0;
	}

	Bytes read_back() override
	{
		unsigned int size = info().size;
		Bytes block(sizeof(GetEntries) + size);
		auto length = static_cast<socklen_t>(block.size());
		auto *get = reinterpret_cast<GetEntries *>(block.data());

		std::strcpy(get->name, "raw");
		get->size = size;
		if (getsockopt(socket_, Names::LEVEL, Names::GET_ENTRIES, get, &length))
			fail_errno("IPT_SO_GET_ENTRIES");
		const auto *entry = reinterpret_cast<const Entry *>(block.data() + sizeof(GetEntries));
		const auto *begin = reinterpret_cast<const std::uint8_t *>(entry);
		return Bytes(begin + entry->target_offset + sizeof(xt_entry_target),
			     begin + entry->next_offset);
	}

private:
	GetInfo info()
	{
		GetInfo info{};
		socklen_t length = sizeof(info);

		std::strcpy(info.name, "raw");
		if (getsockopt(socket_, Names::LEVEL, Names::GET_INFO, &info, &length))
			fail_errno("IPT_SO_GET_INFO");
		return info;
	}

	// An entry without matches, and its target's head: @data follows.
	static Entry entry_for(std::size_t data)
	{
		Entry entry{};

		entry.target_offset = sizeof(Entry);
		entry.next_offset = static_cast<__u16>(
			sizeof(Entry) + sizeof(xt_entry_target) + data);
		return entry;
	}

	static xt_entry_target target_for(const char *name, std::size_t data)
	{
		xt_entry_target target{};

		target.u.user.target_size =
			static_cast<__u16>(sizeof(target) + data);
		std::strcpy(target.u.user.name, name);
		return target;
	}

	static void append(Bytes &table, const void *from, std::size_t size)
	{
		const auto *byte = static_cast<const std::uint8_t *>(from);

		table.insert(table.end(), byte, byte + size);
	}

	static void append_target(Bytes &table, const Rule &rule)
	{
		Entry entry = entry_for(rule.info.size());
		xt_entry_target target = target_for("DADDR", rule.info.size());

		Names::set_protocol(entry, rule);
		target.u.user.revision = static_cast<__u8>(rule.revision);
		append(table, &entry, sizeof(entry));
		append(table, &target, sizeof(target));
		append(table, rule.info.data(), rule.info.size());
	}

	static void append_verdict(Bytes &table, int verdict)
	{
		std::array<std::int32_t, 2> data{-verdict - 1, 0};
		Entry entry = entry_for(sizeof(data));
		xt_entry_target target = target_for("", sizeof(data));

		append(table, &entry, sizeof(entry));
		append(table, &target, sizeof(target));
		append(table, data.data(), sizeof(data));
	}

	static void append_error(Bytes &table)
	{
		std::array<char, XT_ALIGN(XT_FUNCTION_MAXNAMELEN)> data{"ERROR"};
		Entry entry = entry_for(data.size());
		xt_entry_target target = target_for("ERROR", data.size());

		append(table, &entry, sizeof(entry));
		append(table, &target, sizeof(target));
		append(table, data.data(), data.size());
	}

	int socket_;
};

struct Names4 {
	using Entry = ipt_entry;
	using Replace = ipt_replace;
	using GetEntries = ipt_get_entries;
	using GetInfo = ipt_getinfo;
	enum {
		FAMILY = AF_INET, LEVEL = IPPROTO_IP,
		SET_REPLACE = IPT_SO_SET_REPLACE, GET_ENTRIES = IPT_SO_GET_ENTRIES,
		GET_INFO = IPT_SO_GET_INFO
	};

	static void set_protocol(Entry &entry, const Rule &rule)
	{
		entry.ip.proto = rule.protocol;
		entry.ip.invflags = rule.not_protocol ? IPT_INV_PROTO : 0;
	}
};

struct Names6 {
	using Entry = ip6t_entry;
	using Replace = ip6t_replace;
	using GetEntries = ip6t_get_entries;
	using GetInfo = ip6t_getinfo;
	enum {
		FAMILY = AF_INET6, LEVEL = IPPROTO_IPV6,
		SET_REPLACE = IP6T_SO_SET_REPLACE, GET_ENTRIES = IP6T_SO_GET_ENTRIES,
		GET_INFO = IP6T_SO_GET_INFO
	};

	static void set_protocol(Entry &entry, const Rule &rule)
	{
		entry.ipv6.proto = rule.protocol;
		entry.ipv6.flags = rule.protocol ? IP6T_F_PROTO : 0;
		entry.ipv6.invflags = rule.not_protocol ? IP6T_INV_PROTO : 0;
	}
};

// iptables-nft: netlink, by way of the kernel's nft_compat.
class Nft : public Kernel {
	template <typename T, void (*FREE)(const T *)> struct Free {
		void operator()(T *object) const { FREE(object); }
	};
	using TablePointer = std::unique_ptr<nftnl_table, Free<nftnl_table, nftnl_table_free>>;
	using ChainPointer = std::unique_ptr<nftnl_chain, Free<nftnl_chain, nftnl_chain_free>>;
	using RulePointer = std::unique_ptr<nftnl_rule, Free<nftnl_rule, nftnl_rule_free>>;

public:
	explicit Nft(const Family &family) :
		family_(static_cast<std::uint16_t>(family.number == AF_INET ?
						   NFPROTO_IPV4 : NFPROTO_IPV6)),
		socket_(mnl_socket_open(NETLINK_NETFILTER))
	{
		if (!socket_ || mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) < 0)
			fail_errno("netlink");
		begin();
		TablePointer table(nftnl_table_alloc());
		nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, "raw");
		nftnl_table_nlmsg_build_payload(message(NFT_MSG_NEWTABLE, NLM_F_CREATE),
						table.get());
		next();
		ChainPointer chain(nftnl_chain_alloc());
		nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, "raw");
		nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, "PREROUTING");
		nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
		nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, -300);
		nftnl_chain_nlmsg_build_payload(message(NFT_MSG_NEWCHAIN,
							NLM_F_CREATE | NLM_F_ACK),
						chain.get());
		next();
		if (!commit())
			fail_errno("the table");
	}

	~Nft() override { mnl_socket_close(socket_); }

	bool replace(const Rule &rule) override
	{
		begin();
		RulePointer all = new_rule();
		nftnl_rule_nlmsg_build_payload(message(NFT_MSG_DELRULE, 0), all.get());
		next();

		RulePointer added = new_rule();
		if (rule.protocol) {
			nftnl_rule_set_u32(added.get(), NFTNL_RULE_COMPAT_PROTO, rule.protocol);
			nftnl_rule_set_u32(added.get(), NFTNL_RULE_COMPAT_FLAGS,
					   rule.not_protocol ? 2U : 0U); // NFT_RULE_COMPAT_F_INV
		}
		nftnl_expr *target = nftnl_expr_alloc("target");
		nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "DADDR");
		nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, rule.revision);
		auto size = static_cast<std::uint32_t>(rule.info.size());
		void *info = std::malloc(size + 1);	// the expression frees it
		std::memcpy(info, rule.info.data(), size);
		nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, size);
		nftnl_rule_add_expr(added.get(), target);
		nftnl_rule_nlmsg_build_payload(
			message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK),
			added.get());
		next();
		return commit();
	}

	Bytes read_back() override
	{
		RulePointer of_chain = new_rule();
		nlmsghdr *request = nftnl_nlmsg_build_hdr(
			buffer_.data(), NFT_MSG_GETRULE, family_, NLM_F_DUMP, ++sequence_);
		Bytes info;

		nftnl_rule_nlmsg_build_payload(request, of_chain.get());
		if (mnl_socket_sendto(socket_, request, request->nlmsg_len) < 0)
			fail_errno("netlink");
		if (!receive(take_info, &info))
			fail_errno("reading the rule");
		return info;
	}

private:
	static RulePointer new_rule()
	{
		RulePointer rule(nftnl_rule_alloc());

		nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, "raw");
		nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, "PREROUTING");
		return rule;
	}

	static int take_info(const nlmsghdr *header, void *data)
	{
		RulePointer rule(nftnl_rule_alloc());
		auto *info = static_cast<Bytes *>(data);

		if (nftnl_rule_nlmsg_parse(header, rule.get()) < 0)
			return MNL_CB_ERROR;
		auto copy = [](nftnl_expr *target, void *to) {
			std::uint32_t size;
			const auto *byte = static_cast<const std::uint8_t *>(
				nftnl_expr_get(target, NFTNL_EXPR_TG_INFO, &size));
			static_cast<Bytes *>(to)->assign(byte, byte + size);
			return 0;
		};
		nftnl_expr_foreach(rule.get(), copy, info);
		return MNL_CB_OK;
	}

	void begin()
	{
		batch_ = mnl_nlmsg_batch_start(buffer_.data(), buffer_.size() / 2);
		nftnl_batch_begin(static_cast<char *>(mnl_nlmsg_batch_current(batch_)),
				  ++sequence_);
		next();
	}

	nlmsghdr *message(std::uint16_t type, int flags)
	{
		return nftnl_nlmsg_build_hdr(
			static_cast<char *>(mnl_nlmsg_batch_current(batch_)), type,
			family_, static_cast<std::uint16_t>(flags), ++sequence_);
	}

	void next()
	{
		mnl_nlmsg_batch_next(batch_);
	}

	// Returns whether the kernel took all messages.
	bool commit()
	{
		nftnl_batch_end(static_cast<char *>(mnl_nlmsg_batch_current(batch_)),
				++sequence_);
		next();
		ssize_t sent = mnl_socket_sendto(socket_, mnl_nlmsg_batch_head(batch_),
						 mnl_nlmsg_batch_size(batch_));
		mnl_nlmsg_batch_stop(batch_);
		if (sent < 0)
			fail_errno("netlink");
		return receive(nullptr, nullptr);
	}

	bool receive(mnl_cb_t callback, void *data)
	{
		std::array<char, 65536> answer;

		for (;;) {
			ssize_t size = mnl_socket_recvfrom(socket_, answer.data(), answer.size());

			if (size < 0)
				fail_errno("netlink");
			int more = mnl_cb_run(answer.data(), static_cast<std::size_t>(size), 0,
					      mnl_socket_get_portid(socket_), callback, data);
			if (more < 0)
				return false;
			if (more == MNL_CB_STOP)
				return true;
		}
	}

	std::uint16_t family_;
	mnl_socket *socket_;
	mnl_nlmsg_batch *batch_ = nullptr;
	std::uint32_t sequence_ = 0;
	std::vector<char> buffer_ = std::vector<char>(262144);
};

// ---- the test

using Vips = std::multiset<std::string>;

std::string vip(const std::string &family, unsigned int dscp, const void *address,
		unsigned int size)
{
	return family + ' ' + std::to_string(dscp) + ' ' +
	       std::string(static_cast<const char *>(address), size);
}

Vips vips_of(const Family &family, const Rule &rule)
{
	Vips vips;

	if (rule.revision != 1 || rule.info.empty())
		return vips;
	xt_daddr_info_v1 info = info_of(rule);
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		if (info.mapped >> dscp & 1)
			vips.insert(vip(family.name, dscp, &info.daddr[dscp],
					family.address_size));
	}
	return vips;
}

Vips vips_shown()
{
	std::ifstream file("/proc/net/xt_DADDR");
	std::string line, family, table, daddr;
	unsigned int dscp;
	Vips vips;

	if (!std::getline(file, line) || line != "family table dscp daddr packets bytes")
		throw std::runtime_error("/proc/net/xt_DADDR: found \"" + line + "\"");
	while (std::getline(file, line)) {
		std::array<char, 16> address;
		bool ip6 = line.rfind("ipv6 ", 0) == 0;

		if (!(std::istringstream(line) >> family >> table >> dscp >> daddr) ||
		    table != "raw" ||
		    inet_pton(ip6 ? AF_INET6 : AF_INET, daddr.c_str(), address.data()) != 1)
			throw std::runtime_error("/proc/net/xt_DADDR: found \"" + line + "\"");
		vips.insert(vip(family, dscp, address.data(), ip6 ? 16 : 4));
	}
	return vips;
}

// nf_tables destroys the rule before this one a moment later.
bool shown_soon(const Vips &expected)
{
	for (unsigned int tries = 0; tries < 1000; tries++) {
		if (vips_shown() == expected)
			return true;
		usleep(1000);
	}
	return false;
}

// What the kernel shows of a rule: all but what is its own.
void expect_read_back(const Rule &rule, Bytes found)
{
	Bytes expected = rule.info;

	if (rule.revision == 1)
		std::fill(expected.begin() + USER_SIZE, expected.end(), 0);
	found.resize(expected.size(), 0xee);
	if (found != expected)
		throw std::runtime_error("what came back is not what was sent");
}

void print(const Rule &rule)
{
	std::cout << "revision " << rule.revision << ", protocol "
		  << (rule.not_protocol ? "not " : "") << int{rule.protocol} << ", "
		  << rule.info.size() << " bytes:" << std::hex << std::setfill('0');
	for (std::size_t i = 0; i < rule.info.size(); i++)
		std::cout << (i % 16 ? " " : "\n  ") << std::setw(2) << int{rule.info[i]};
	std::cout << std::dec << '\n';
}

void test(const Family &family, Kernel &kernel, unsigned int count, unsigned long seed)
{
	unsigned int accepted = 0;
	Random random(seed);
	Rule last;	// that was accepted

	for (unsigned int i = 0; i < count; i++) {
		Rule rule = random.good(family);

		for (unsigned int spoilt = random.below(3); spoilt; spoilt--)
			random.spoil(rule);
		try {
			bool taken = kernel.replace(rule);

			if (taken != allowed(family, rule))
				throw std::runtime_error(taken ? "accepted" : "refused");
			if (taken) {
				last = rule;
				accepted++;
				expect_read_back(rule, kernel.read_back());
			}
			// A rule that is refused changes nothing.
			if (!shown_soon(vips_of(family, last)))
				throw std::runtime_error("/proc/net/xt_DADDR shows other VIPs");
		} catch (...) {
			std::cout << "rule " << i << " of seed " << seed << ": ";
			print(rule);
			throw;
		}
	}
	std::cout << count << " rules: " << accepted << " accepted, " << count - accepted
		  << " refused\n";
	if (!accepted || accepted == count)
		throw std::runtime_error("expected some of each");
}

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 5) {
		std::cerr << "Usage: hostile_rules ip4|ip6 legacy|nft COUNT SEED\n";
		return 2;
	}
	const Family &family = argv[1] == std::string("ip6") ? IP6 : IP4;
	std::unique_ptr<Kernel> kernel;
	if (argv[2] == std::string("nft"))
		kernel = std::make_unique<Nft>(family);
	else if (family.number == AF_INET)
		kernel = std::make_unique<Legacy<Names4>>();
	else
		kernel = std::make_unique<Legacy<Names6>>();
	test(family, *kernel, static_cast<unsigned int>(std::stoul(argv[3])),
	     std::stoul(argv[4]));
} catch (const std::exception &error) {
	std::cerr << "hostile_rules: " << error.what() << '\n';
	return 1;
}
