// SPDX-License-Identifier: BSD-3-Clause
#include "raw_rules.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>

const Family IP4{AF_INET, 4, "ipv4"};
const Family IP6{AF_INET6, 16, "ipv6"};

const Family &family_called(const std::string &name)
{
	if (name != "ip4" && name != "ip6")
		throw std::runtime_error("found \"" + name + "\", expected ip4 or ip6");
	return name == "ip4" ? IP4 : IP6;
}

void fail_errno(const std::string &what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

xt_daddr_info_v1 info_of(const Rule &rule)
{
	xt_daddr_info_v1 info;

	std::memcpy(&info, rule.info.data(), sizeof(info));
	return info;
}

namespace {

using TableName = std::array<char, XT_TABLE_MAXNAMELEN>;

// iptables-legacy: the table as one block.
template <typename Names>
class Legacy : public Kernel {
	using Entry = typename Names::Entry;
	using Replace = typename Names::Replace;
	using GetEntries = typename Names::GetEntries;
	using GetInfo = typename Names::GetInfo;

public:
	explicit Legacy(const TableName &name)
		: name_(name), socket_(socket(Names::FAMILY, SOCK_RAW, IPPROTO_RAW))
	{
		if (socket_ < 0)
			fail_errno("socket");
	}

	~Legacy() override { close(socket_); }

	void prepare(const std::vector<Rule> &rules) override
	{
		Bytes table;
		unsigned int verdict, output;

		for (const Rule &rule : rules)
			append_target(table, rule);
		verdict = static_cast<unsigned int>(table.size());
		append_verdict(table, NF_ACCEPT);
		output = static_cast<unsigned int>(table.size());
		append_verdict(table, NF_ACCEPT);
		append_error(table);

		counters_.resize(info().num_entries);
		Replace head{};
		std::copy(name_.begin(), name_.end(), head.name);
		head.valid_hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT;
		head.num_entries = static_cast<unsigned int>(rules.size()) + 3;
		head.size = static_cast<unsigned int>(table.size());
		head.hook_entry[NF_INET_PRE_ROUTING] = 0;
		head.underflow[NF_INET_PRE_ROUTING] = verdict;
		head.hook_entry[NF_INET_LOCAL_OUT] = output;
		head.underflow[NF_INET_LOCAL_OUT] = output;
		head.num_counters = static_cast<unsigned int>(counters_.size());
		head.counters = counters_.data();

		block_.resize(sizeof(head) + table.size());
		std::memcpy(block_.data(), &head, sizeof(head));
		std::memcpy(block_.data() + sizeof(head), table.data(), table.size());
	}

	int commit() override
	{
		return setsockopt(socket_, Names::LEVEL, Names::SET_REPLACE, block_.data(),
				  static_cast<socklen_t>(block_.size())) ?
			       errno :
			       0;
	}

	Bytes read_back() override
	{
		GetInfo table = info();
		Bytes block(sizeof(GetEntries) + table.size);
		auto length = static_cast<socklen_t>(block.size());
		auto *get = reinterpret_cast<GetEntries *>(block.data());

		std::strcpy(get->name, "raw");
		get->size = table.size;
		if (getsockopt(socket_, Names::LEVEL, Names::GET_ENTRIES, get, &length))
			fail_errno("IPT_SO_GET_ENTRIES");
		if (table.num_entries == 3)
			return {};
		const auto *entry = reinterpret_cast<const Entry *>(block.data() +
								    sizeof(GetEntries));
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
		entry.next_offset = static_cast<__u16>(sizeof(Entry) + sizeof(xt_entry_target) +
						       data);
		return entry;
	}

	static xt_entry_target target_for(const char *name, std::size_t data)
	{
		xt_entry_target target{};

		target.u.user.target_size = static_cast<__u16>(sizeof(target) + data);
		std::strncpy(target.u.user.name, name, sizeof(target.u.user.name) - 1);
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
		xt_entry_target target = target_for("", rule.info.size());

		Names::set_protocol(entry, rule);
		std::copy(rule.target.begin(), rule.target.end(), target.u.user.name);
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

	TableName name_;
	int socket_;
	Bytes block_;
	std::vector<xt_counters> counters_;
};

struct Names4 {
	using Entry = ipt_entry;
	using Replace = ipt_replace;
	using GetEntries = ipt_get_entries;
	using GetInfo = ipt_getinfo;
	enum {
		FAMILY = AF_INET,
		LEVEL = IPPROTO_IP,
		SET_REPLACE = IPT_SO_SET_REPLACE,
		GET_ENTRIES = IPT_SO_GET_ENTRIES,
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
		FAMILY = AF_INET6,
		LEVEL = IPPROTO_IPV6,
		SET_REPLACE = IP6T_SO_SET_REPLACE,
		GET_ENTRIES = IP6T_SO_GET_ENTRIES,
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
	template <typename T, void (*FREE)(const T *)>
	struct Free {
		void operator()(T *object) const { FREE(object); }
	};
	using TablePointer = std::unique_ptr<nftnl_table, Free<nftnl_table, nftnl_table_free>>;
	using ChainPointer = std::unique_ptr<nftnl_chain, Free<nftnl_chain, nftnl_chain_free>>;
	using RulePointer = std::unique_ptr<nftnl_rule, Free<nftnl_rule, nftnl_rule_free>>;

public:
	explicit Nft(std::uint16_t family)
		: family_(family), socket_(mnl_socket_open(NETLINK_NETFILTER))
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
		// 0 is PREROUTING, or the first hook of the other families
		nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
		nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, -300);
		if (family_ == NFPROTO_NETDEV)
			nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_DEV, "lo");
		nftnl_chain_nlmsg_build_payload(message(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK),
						chain.get());
		next();
		end();
		if ((errno = Nft::commit()))
			fail_errno("the table");
	}

	~Nft() override { mnl_socket_close(socket_); }

	void prepare(const std::vector<Rule> &rules) override
	{
		begin();
		RulePointer all = new_rule();
		nftnl_rule_nlmsg_build_payload(
			message(NFT_MSG_DELRULE, rules.empty() ? NLM_F_ACK : 0), all.get());
		next();
		for (const Rule &rule : rules)
			add(rule, &rule == &rules.back() ? NLM_F_ACK : 0);
		end();
	}

	int commit() override
	{
		if (mnl_socket_sendto(socket_, buffer_.data(), size_) < 0)
			return errno;
		return receive(nullptr, nullptr);
	}

	Bytes read_back() override
	{
		RulePointer of_chain = new_rule();
		std::array<char, 4096> buffer;
		nlmsghdr *request = nftnl_nlmsg_build_hdr(buffer.data(), NFT_MSG_GETRULE, family_,
							  NLM_F_DUMP, ++sequence_);
		Bytes info;

		nftnl_rule_nlmsg_build_payload(request, of_chain.get());
		if (mnl_socket_sendto(socket_, request, request->nlmsg_len) < 0)
			fail_errno("netlink");
		if ((errno = receive(take_info, &info)))
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

	void add(const Rule &rule, int flags)
	{
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
		void *info = std::malloc(size + 1); // the expression frees it
		std::memcpy(info, rule.info.data(), size);
		nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, size);
		// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see above
		nftnl_rule_add_expr(added.get(), target);
		nftnl_rule_nlmsg_build_payload(
			message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | flags), added.get());
		next();
	}

	static int take_info(const nlmsghdr *header, void *data)
	{
		RulePointer rule(nftnl_rule_alloc());
		auto *info = static_cast<Bytes *>(data);

		if (!info->empty())
			return MNL_CB_OK;
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
		return nftnl_nlmsg_build_hdr(static_cast<char *>(mnl_nlmsg_batch_current(batch_)),
					     type, family_, static_cast<std::uint16_t>(flags),
					     ++sequence_);
	}

	void next() { mnl_nlmsg_batch_next(batch_); }

	void end()
	{
		nftnl_batch_end(static_cast<char *>(mnl_nlmsg_batch_current(batch_)), ++sequence_);
		next();
		size_ = mnl_nlmsg_batch_size(batch_);
		mnl_nlmsg_batch_stop(batch_);
	}

	// Returns 0 or the first errno: of the kernel's answers, which are all
	// there when it has taken the message, or of reading them.
	int receive(mnl_cb_t callback, void *data)
	{
		int error = 0;

		for (;;) {
			ssize_t size = recv(mnl_socket_get_fd(socket_), answer_.data(),
					    answer_.size(), MSG_DONTWAIT);

			if (size < 0 && errno == EAGAIN)
				return error;
			if ((size < 0 ||
			     mnl_cb_run(answer_.data(), static_cast<std::size_t>(size), 0,
					mnl_socket_get_portid(socket_), callback, data) < 0) &&
			    !error)
				error = errno;
		}
	}

	std::uint16_t family_;
	mnl_socket *socket_;
	mnl_nlmsg_batch *batch_ = nullptr;
	std::uint32_t sequence_ = 0;
	std::size_t size_ = 0;
	std::vector<char> buffer_ = std::vector<char>(262144);
	std::array<char, 65536> answer_;
};

std::string vip(const std::string &family, unsigned int dscp, const void *address,
		unsigned int size)
{
	return family + ' ' + std::to_string(dscp) + ' ' +
	       std::string(static_cast<const char *>(address), size);
}

} // namespace

std::unique_ptr<Kernel> open_legacy_table(const Family &family, const TableName &name)
{
	if (family.number == AF_INET)
		return std::make_unique<Legacy<Names4>>(name);
	return std::make_unique<Legacy<Names6>>(name);
}

std::unique_ptr<Kernel> open_nft_family(std::uint16_t family)
{
	return std::make_unique<Nft>(family);
}

std::unique_ptr<Kernel> open_kernel(const Family &family, const std::string &variant)
{
	if (variant == "nft")
		return open_nft_family(family.number == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	if (variant != "legacy")
		throw std::runtime_error("found \"" + variant + "\", expected legacy or nft");
	return open_legacy_table(family, TableName{"raw"});
}

Vips vips_of(const Family &family, const Rule &rule)
{
	Vips vips;

	if (rule.revision != 1 || rule.info.empty())
		return vips;
	xt_daddr_info_v1 info = info_of(rule);
	for (unsigned int dscp = 0; dscp < 64; dscp++) {
		if (info.mapped >> dscp & 1)
			vips.insert(vip(family.name, dscp, &info.daddr[dscp], family.address_size));
	}
	return vips;
}

Vips vips_of(const Family &family, const std::vector<Rule> &rules)
{
	Vips vips;

	// a VIP of two rules is shown once
	for (const Rule &rule : rules)
		for (const std::string &vip : vips_of(family, rule))
			if (!vips.count(vip))
				vips.insert(vip);
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

bool shown_soon(const Vips &expected)
{
	for (unsigned int tries = 0; tries < 1000; tries++) {
		if (vips_shown() == expected)
			return true;
		usleep(1000);
	}
	return false;
}

bool same_but_for_the_kernels(const Rule &rule, Bytes found)
{
	Bytes expected = rule.info;

	if (rule.revision == 1)
		std::fill(expected.begin() + USER_SIZE, expected.end(), 0);
	found.resize(expected.size(), 0xee);
	return found == expected;
}
