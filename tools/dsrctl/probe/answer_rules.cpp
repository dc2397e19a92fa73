// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/answer_rules.hpp"

#include <netinet/in.h> // before the kernel's headers, which then leave out the same

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <functional>

#include "common/descriptor.hpp"

namespace dsr::probe {

namespace {

constexpr char CHAIN[] = "prerouting";

// NFT_TABLE_F_OWNER, of kernel headers since 5.12
constexpr std::uint32_t OWNER = 2;

// Where connection tracking has not been yet: iptables' raw.
constexpr std::int32_t PRIORITY_RAW = -300;

// How nft calls the types of a set's key and data, for those who list it.
constexpr std::uint32_t TYPE_IP4 = 7, TYPE_IP6 = 8, TYPE_PORT = 13;
constexpr unsigned int TYPE_BITS = 6;

// The parts of a key are in registers of 4 bytes each, one after the other.
constexpr std::uint32_t PORT_SLOT = 4;
constexpr std::uint32_t KEY_REGISTER = NFT_REG32_00, DATA_REGISTER = NFT_REG32_10;

// Offsets of the source, which the destination follows, and of IPv4's checksum.
constexpr std::uint32_t SOURCE4 = 12, SOURCE6 = 8, CHECKSUM4 = 10;

std::uint16_t number(Family family)
{
	return family == Family::ip4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

std::uint32_t address_type(Family family)
{
	return family == Family::ip4 ? TYPE_IP4 : TYPE_IP6;
}

std::uint32_t source(Family family)
{
	return family == Family::ip4 ? SOURCE4 : SOURCE6;
}

// Of the map of answers, or of the set of what is dropped.
const char *set_name(bool answers)
{
	return answers ? "answers" : "direct";
}

std::uint32_t set_id(bool answers)
{
	return answers ? 2 : 1;
}

template <typename T, void (*FREE)(const T *)>
struct Free {
	void operator()(T *object) const { FREE(object); }
};

template <typename T, void (*FREE)(const T *)>
using Object = std::unique_ptr<T, Free<T, FREE>>;

using Table = Object<nftnl_table, nftnl_table_free>;
using Chain = Object<nftnl_chain, nftnl_chain_free>;
using Rule = Object<nftnl_rule, nftnl_rule_free>;
using Set = Object<nftnl_set, nftnl_set_free>;

nftnl_expr *add_expression(const Rule &rule, const char *name)
{
	nftnl_expr *expression = nftnl_expr_alloc(name);

	if (!expression)
		throw std::bad_alloc();
	nftnl_rule_add_expr(rule.get(), expression);
	return expression;
}

void load(const Rule &rule, std::uint32_t base, std::uint32_t offset, std::uint32_t size,
	  std::uint32_t to)
{
	nftnl_expr *payload = add_expression(rule, "payload");

	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, size);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, to);
}

// Only TCP; then its addresses and ports in the registers of the key.
void load_key(const Rule &rule, Family family)
{
	const std::uint32_t size = address_size(family);
	const std::uint32_t us = KEY_REGISTER + size / 4, ports = us + size / 4;
	nftnl_expr *meta = add_expression(rule, "meta");
	nftnl_expr *cmp;

	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_L4PROTO);
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
	cmp = add_expression(rule, "cmp");
	nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(cmp, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set_u8(cmp, NFTNL_EXPR_CMP_DATA, IPPROTO_TCP);
	load(rule, NFT_PAYLOAD_NETWORK_HEADER, source(family), size, KEY_REGISTER);
	load(rule, NFT_PAYLOAD_NETWORK_HEADER, source(family) + size, size, us);
	load(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, ports);
	load(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, ports + 1);
}

void look_up(const Rule &rule, bool answers)
{
	nftnl_expr *lookup = add_expression(rule, "lookup");

	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, KEY_REGISTER);
	nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, set_name(answers));
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SET_ID, set_id(answers));
	if (answers)
		nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, DATA_REGISTER);
}

void drop(const Rule &rule)
{
	nftnl_expr *verdict = add_expression(rule, "immediate");

	nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT, NF_DROP);
}

void set_source(const Rule &rule, Family family)
{
	nftnl_expr *payload = add_expression(rule, "payload");

	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, source(family));
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, address_size(family));
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_SREG, DATA_REGISTER);
	if (family == Family::ip4) {
		nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_INET);
		nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_CSUM_OFFSET, CHECKSUM4);
	}
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
}

// As the registers have it: a port is at the beginning of its slot.
std::string key_bytes(const Ip &from, const Flow &flow)
{
	const Ip *ips[] = {&from, &flow.us};
	std::string key;

	for (const Ip *ip : ips)
		key.append(reinterpret_cast<const char *>(ip->bytes.data()), ip->size());
	for (std::uint16_t port : {flow.port, flow.local})
		key.append({static_cast<char>(port >> 8), static_cast<char>(port), '\0', '\0'});
	return key;
}

// What the names of all tables begin with that are made by processes that this
// one can see. Containers on the host's network have numbers of their own.
const std::string &prefix()
{
	static const std::string text = [] {
		struct stat status {};

		stat("/proc/self/ns/pid", &status);
		return "dsrctl-probe-" + std::to_string(status.st_ino) + "-";
	}();

	return text;
}

// What a table's name says, if it is one of a probe.
pid_t process_of(std::string_view table)
{
	pid_t pid = 0;

	if (!table.starts_with(prefix()))
		return 0;
	table.remove_prefix(prefix().size());
	auto [end, error] = std::from_chars(table.begin(), table.end(), pid);
	return error == std::errc() && end == table.end() ? pid : 0;
}

} // namespace

class Rewrite::Batch {
public:
	Batch() { nftnl_batch_begin(place(), sequence_++); }

	// A message whose content @write puts after its header.
	void add(std::uint16_t type, Family family, std::uint16_t flags,
		 const std::function<void(nlmsghdr *)> &write)
	{
		take();
		nlmsghdr *message = nftnl_nlmsg_build_hdr(place(), type, number(family), flags,
							  sequence_++);
		write(message);
	}

	const std::vector<char> &bytes()
	{
		take();
		nftnl_batch_end(place(), sequence_++);
		take();
		bytes_.resize(used_);
		return bytes_;
	}

private:
	// The attribute that holds all elements has a length of 16 bits.
	static constexpr std::size_t LARGEST = 1 << 17;

	char *place()
	{
		bytes_.resize(used_ + LARGEST);
		return &bytes_[used_];
	}

	// The message that was written last is complete.
	void take()
	{
		nlmsghdr message;

		std::memcpy(&message, &bytes_[used_], sizeof(message));
		used_ += NLMSG_ALIGN(message.nlmsg_len);
	}

	std::vector<char> bytes_;
	std::size_t used_ = 0;
	std::uint32_t sequence_ = 0;
};

Rewrite::Rewrite()
	: socket_(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC), mnl_socket_close),
	  name_(prefix() + std::to_string(getpid()))
{
	if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
		fail("a netlink socket", errno);
	remove_stale_tables();
}

Rewrite::~Rewrite()
{
	if (owned_)
		return;
	for (Family family : tables_)
		remove_table(family, name_);
}

// The kernel is done with a transaction when the call returns; what it has to
// say is waiting then.
int Rewrite::commit(Batch &batch)
{
	const std::vector<char> &bytes = batch.bytes();
	char buffer[32768];
	int first = 0;

	if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0)
		return errno;
	for (;;) {
		int left = static_cast<int>(recv(mnl_socket_get_fd(socket_.get()), buffer,
						 sizeof(buffer), MSG_DONTWAIT));

		if (left < 0)
			return errno == EAGAIN ? first : errno;
		for (auto *message = reinterpret_cast<const nlmsghdr *>(buffer);
		     mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
			if (message->nlmsg_type == NLMSG_ERROR && !first)
				first = -static_cast<const nlmsgerr *>(
						 mnl_nlmsg_get_payload(message))
						 ->error;
	}
}

void Rewrite::make_table(Family family)
{
	Batch batch;

	put_table(batch, family);
	put_chain(batch, family);
	put_set(batch, family, false);
	put_set(batch, family, true);
	put_rule(batch, family, false);
	put_rule(batch, family, true);
	int error = commit(batch);
	// A flag that it does not know is what a kernel before 5.12 refuses.
	if (owned_ && tables_.empty() && (error == EINVAL || error == EOPNOTSUPP)) {
		owned_ = false;
		make_table(family);
		return;
	}
	if (error == EPERM)
		fail("the probe's rules (it needs CAP_NET_ADMIN, as root has it)", error);
	if (error)
		fail("the probe's rules (they need nftables in the kernel)", error);
	tables_.insert(family);
}

void Rewrite::put_table(Batch &batch, Family family) const
{
	Table table(nftnl_table_alloc());

	nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name_.c_str());
	if (owned_)
		nftnl_table_set_u32(table.get(), NFTNL_TABLE_FLAGS, OWNER);
	batch.add(NFT_MSG_NEWTABLE, family, NLM_F_CREATE | NLM_F_EXCL, [&](nlmsghdr *message) {
		nftnl_table_nlmsg_build_payload(message, table.get());
	});
}

void Rewrite::put_chain(Batch &batch, Family family) const
{
	Chain chain(nftnl_chain_alloc());

	nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, name_.c_str());
	nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, CHAIN);
	nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, NF_INET_PRE_ROUTING);
	nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, PRIORITY_RAW);
	nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
	batch.add(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, [&](nlmsghdr *message) {
		nftnl_chain_nlmsg_build_payload(message, chain.get());
	});
}

// @answers: the map of answers; otherwise the set of what is dropped.
void Rewrite::put_set(Batch &batch, Family family, bool answers) const
{
	const std::uint32_t size = address_size(family);
	const std::uint32_t type = address_type(family);
	Set set(nftnl_set_alloc());

	nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, name_.c_str());
	nftnl_set_set_str(set.get(), NFTNL_SET_NAME, set_name(answers));
	nftnl_set_set_u32(set.get(), NFTNL_SET_ID, set_id(answers));
	nftnl_set_set_u32(set.get(), NFTNL_SET_FAMILY, number(family));
	nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE,
			  (type << TYPE_BITS | type) << 2 * TYPE_BITS | TYPE_PORT << TYPE_BITS |
				  TYPE_PORT);
	nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, 2 * size + 2 * PORT_SLOT);
	if (answers) {
		nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
		nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, type);
		nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, size);
	}
	batch.add(NFT_MSG_NEWSET, family, NLM_F_CREATE,
		  [&](nlmsghdr *message) { nftnl_set_nlmsg_build_payload(message, set.get()); });
}

void Rewrite::put_rule(Batch &batch, Family family, bool answers) const
{
	Rule rule(nftnl_rule_alloc());

	nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, name_.c_str());
	nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, CHAIN);
	nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, number(family));
	load_key(rule, family);
	look_up(rule, answers);
	if (answers)
		set_source(rule, family);
	else
		drop(rule);
	batch.add(NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND,
		  [&](nlmsghdr *message) { nftnl_rule_nlmsg_build_payload(message, rule.get()); });
}

void Rewrite::remove_table(Family family, const std::string &name)
{
	Table table(nftnl_table_alloc());
	Batch batch;

	nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name.c_str());
	batch.add(NFT_MSG_DELTABLE, family, 0, [&](nlmsghdr *message) {
		nftnl_table_nlmsg_build_payload(message, table.get());
	});
	// One that is gone, or somebody else's, is none of our business.
	commit(batch);
}

void Rewrite::remove_stale_tables()
{
	using Names = std::vector<std::pair<Family, std::string>>;
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	std::vector<char> answer(1 << 16);
	Names names;
	int result = MNL_CB_OK;
	auto collect = [](const nlmsghdr *message, void *data) {
		Table table(nftnl_table_alloc());

		if (nftnl_table_nlmsg_parse(message, table.get()) < 0)
			return MNL_CB_OK;
		const char *name = nftnl_table_get_str(table.get(), NFTNL_TABLE_NAME);
		std::uint32_t family = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FAMILY);
		pid_t pid = process_of(name);
		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			static_cast<Names *>(data)->emplace_back(
				family == NFPROTO_IPV4 ? Family::ip4 : Family::ip6, name);
		return MNL_CB_OK;
	};

	nlmsghdr *message = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETTABLE, NFPROTO_UNSPEC,
						  NLM_F_DUMP, 1);
	if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0)
		return;
	// An error means that the kernel has no nftables, and so no table.
	while (result > MNL_CB_STOP) {
		ssize_t size = mnl_socket_recvfrom(socket_.get(), answer.data(), answer.size());
		result = size < 0 ?
				 MNL_CB_ERROR :
				 mnl_cb_run(answer.data(), size, 1,
					    mnl_socket_get_portid(socket_.get()), collect, &names);
	}
	for (const auto &[family, name] : names)
		remove_table(family, name);
}

void Rewrite::put_elements(Batch &batch, Family family, const std::vector<Flow> &flows,
			   bool answers, bool add) const
{
	Set set(nftnl_set_alloc());

	nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, name_.c_str());
	nftnl_set_set_str(set.get(), NFTNL_SET_NAME, set_name(answers));
	for (const Flow &flow : flows) {
		const std::string key = key_bytes(answers ? flow.vip : flow.real, flow);

		if (flow.real.family != family)
			continue;
		nftnl_set_elem *element = nftnl_set_elem_alloc();
		if (!element)
			throw std::bad_alloc();
		nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(),
				   static_cast<std::uint32_t>(key.size()));
		if (answers && add)
			nftnl_set_elem_set(element, NFTNL_SET_ELEM_DATA, flow.real.bytes.data(),
					   address_size(family));
		nftnl_set_elem_add(set.get(), element);
	}
	batch.add(add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, family, add ? NLM_F_CREATE : 0,
		  [&](nlmsghdr *message) {
			  nftnl_set_elems_nlmsg_build_payload(message, set.get());
		  });
}

void Rewrite::change(const std::vector<Flow> &flows, bool add)
{
	Batch batch;

	for (Family family : FAMILIES) {
		if (std::none_of(flows.begin(), flows.end(),
				 [&](const Flow &flow) { return flow.real.family == family; }))
			continue;
		if (!tables_.contains(family))
			make_table(family);
		for (bool answers : {false, true})
			put_elements(batch, family, flows, answers, add);
	}
	if (int error = commit(batch))
		fail("the elements of the probe's rules", error);
}

void Rewrite::add(const std::vector<Flow> &flows)
{
	if (!flows.empty())
		change(flows, true);
}

void Rewrite::remove(const std::vector<Flow> &flows)
{
	if (!flows.empty())
		change(flows, false);
}

} // namespace dsr::probe
