// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/nf_tables.hpp"

#include <netinet/in.h>	// before the kernel's headers, which then leave out the same

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "common/process.hpp"
#include "common/saved_steps.hpp"
#include "dsrctl/netlink_socket.hpp"
#include "dsrctl/xt_words.hpp"

namespace dsr {

namespace {

using nf::Bytes;

// What older headers do not have.
constexpr unsigned int SET_ELEM_CATCHALL = 2, TABLE_F_DORMANT = 1;
constexpr std::uint32_t DATA_VERDICT = 0xffffff00;
// Of a set; nobody keeps so many VIPs, and a packet of which all is known is in
// none of the others.
constexpr std::size_t MOST_ELEMENTS = 65536;

// The attributes of a message or of another attribute, by type. Absent ones
// read as nothing or 0.
class Attributes {
public:
	explicit Attributes(const nlmsghdr *message)
		: begin_(static_cast<const char *>(
			  mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)))),
		  size_(message->nlmsg_len -
			std::min<std::size_t>(message->nlmsg_len,
					      NLMSG_ALIGN(sizeof(nlmsghdr)) +
					      NLMSG_ALIGN(sizeof(nfgenmsg))))
	{
	}
	explicit Attributes(const nlattr *nest)
		: begin_(nest ? static_cast<const char *>(
					mnl_attr_get_payload(nest)) : nullptr),
		  size_(nest ? mnl_attr_get_payload_len(nest) : 0)
	{
	}

	template <typename Handler>
	void each(Handler handler) const
	{
		auto *at = reinterpret_cast<const nlattr *>(begin_);
		int left = static_cast<int>(size_);

		while (mnl_attr_ok(at, left)) {
			handler(at);
			left -= MNL_ALIGN(at->nla_len);
			at = mnl_attr_next(at);
		}
	}
	const nlattr *find(std::uint16_t type) const
	{
		const nlattr *found = nullptr;

		each([&](const nlattr *one) {
			if (mnl_attr_get_type(one) == type)
				found = one;
		});
		return found;
	}
	Attributes in(std::uint16_t type) const
	{
		return Attributes(find(type));
	}
	bool has(std::uint16_t type) const { return find(type); }
	Bytes bytes(std::uint16_t type) const
	{
		const nlattr *found = find(type);

		if (!found)
			return {};
		auto *data = static_cast<const std::uint8_t *>(
			mnl_attr_get_payload(found));
		return Bytes(data, data + mnl_attr_get_payload_len(found));
	}
	std::string text(std::uint16_t type) const
	{
		const Bytes raw = bytes(type);

		return std::string(raw.begin(),
				   std::find(raw.begin(), raw.end(), 0));
	}
	// in network byte order, as nearly all of them are
	std::uint64_t number(std::uint16_t type) const
	{
		std::uint64_t sum = 0;

		for (const std::uint8_t byte : bytes(type))
			sum = sum << 8U | byte;
		return sum;
	}
	std::uint32_t number32(std::uint16_t type) const
	{
		return static_cast<std::uint32_t>(number(type));
	}

private:
	const char *begin_;
	std::size_t size_;
};

// NFT_REG_1 to 4 are of 16 bytes, and NFT_REG32_00 and those after it of 4.
nf::Register register_of(const Attributes &from, std::uint16_t type)
{
	const std::uint32_t number = from.number32(type);

	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return static_cast<nf::Register>((number - NFT_REG_1) * 16);
	if (number >= NFT_REG32_00 && number < NFT_REG32_00 + 16)
		return static_cast<nf::Register>((number - NFT_REG32_00) * 4);
	return 0;
}

nf::Verdict verdict_of(const Attributes &data)
{
	using Kind = nf::Verdict::Kind;
	const Attributes verdict = data.in(NFTA_DATA_VERDICT);
	const std::string chain = verdict.text(NFTA_VERDICT_CHAIN);

	switch (static_cast<std::int32_t>(verdict.number32(NFTA_VERDICT_CODE))) {
	case NFT_CONTINUE: return {Kind::next, ""};
	case NFT_RETURN: return {Kind::leave, ""};
	case NFT_JUMP: return {Kind::jump, chain};
	case NFT_GOTO: return {Kind::go, chain};
	case NF_ACCEPT: return {Kind::accept, ""};
	case NF_DROP: return {Kind::drop, ""};
	default: return {Kind::elsewhere, ""};
	}
}

Bytes value_of(const Attributes &from, std::uint16_t type)
{
	return from.in(type).bytes(NFTA_DATA_VALUE);
}

// --- expressions

class RuleReader {
public:
	RuleReader(nf::Rule &rule, Family family,
		   std::set<std::string> &sets)
		: rule_(rule), family_(family), sets_(sets)
	{
	}

	void read(const Attributes &expressions)
	{
		expressions.each([&](const nlattr *one) {
			const Attributes expression(one);

			take(expression.text(NFTA_EXPR_NAME),
			     expression.in(NFTA_EXPR_DATA));
		});
	}

private:
	using Function = void (RuleReader::*)(const Attributes &);

	void take(const std::string &name, const Attributes &data)
	{
		static const std::map<std::string, Function> KNOWN = {
			{"payload", &RuleReader::payload},
			{"meta", &RuleReader::meta},
			{"cmp", &RuleReader::cmp},
			{"immediate", &RuleReader::immediate},
			{"bitwise", &RuleReader::bitwise},
			{"byteorder", &RuleReader::byteorder},
			{"range", &RuleReader::range},
			{"lookup", &RuleReader::lookup},
			{"match", &RuleReader::match},
			{"target", &RuleReader::target},
			{"counter", &RuleReader::counter},
			{"ct", &RuleReader::ct},
			{"nat", &RuleReader::nat},
			{"redir", &RuleReader::redirect}};
		static const std::set<std::string> NOTHING = {
			"log", "notrack", "objref", "dynset", "last", "dup",
			"secmark", "flow_offload", "masq"};
		static const std::set<std::string> ENDS = {"reject", "synproxy"};
		static const std::set<std::string> ELSEWHERE = {
			"queue", "fwd", "tproxy"};
		const auto known = KNOWN.find(name);

		if (known != KNOWN.end())
			return (this->*known->second)(data);
		if (NOTHING.contains(name))
			return;
		if (ENDS.contains(name))
			return step(nf::Verdict{nf::Verdict::Kind::drop, ""});
		strange(name);
		if (ELSEWHERE.contains(name))
			step(nf::Verdict{nf::Verdict::Kind::elsewhere, ""});
		else
			step(nf::LoadUnknown{name});
	}

	void step(nf::Step one) { rule_.steps.push_back(std::move(one)); }

	// What only the kernel decides, or iptables does not print so.
	void strange(const std::string &name)
	{
		rule_.unknown += (rule_.unknown.empty() ? "" : " ") + name;
		rule_.words.push_back(UNKNOWN);
	}

	void word(const std::string &one) { rule_.words.push_back(one); }

	void payload(const Attributes &data)
	{
		const std::uint32_t base = data.number32(NFTA_PAYLOAD_BASE);
		const auto offset = data.number32(NFTA_PAYLOAD_OFFSET);
		const auto length = data.number32(NFTA_PAYLOAD_LEN);

		if (base > NFT_PAYLOAD_TRANSPORT_HEADER || length > nf::REGISTERS) {
			strange("payload");
			return step(nf::LoadUnknown{"payload"});
		}
		const auto header = static_cast<nf::Header>(base);
		if (!data.has(NFTA_PAYLOAD_SREG))
			return step(nf::Load{header, offset, length,
					     register_of(data, NFTA_PAYLOAD_DREG)});
		step(nf::Write{header, offset, length,
			       register_of(data, NFTA_PAYLOAD_SREG)});
		if (header == nf::Header::transport && offset < 4)
			rule_.sets_port = true;
		word(UNKNOWN);
	}

	void meta(const Attributes &data)
	{
		static const std::map<std::uint32_t, nf::Meta> KEYS = {
			{NFT_META_PROTOCOL, nf::Meta::protocol},
			{NFT_META_NFPROTO, nf::Meta::nfproto},
			{NFT_META_L4PROTO, nf::Meta::l4proto},
			{NFT_META_IIF, nf::Meta::iif},
			{NFT_META_IIFNAME, nf::Meta::iifname}};
		const auto key = KEYS.find(data.number32(NFTA_META_KEY));

		if (data.has(NFTA_META_SREG)) {
			word(UNKNOWN);
			return;
		}
		step(nf::LoadMeta{key == KEYS.end() ? nf::Meta::other : key->second,
				  register_of(data, NFTA_META_DREG)});
	}

	void cmp(const Attributes &data)
	{
		const std::uint32_t how = data.number32(NFTA_CMP_OP);

		step(nf::Test{register_of(data, NFTA_CMP_SREG),
			      static_cast<nf::Compare>(std::min<std::uint32_t>(
				      how, NFT_CMP_GTE)),
			      value_of(data, NFTA_CMP_DATA)});
		print_test();
	}

	void immediate(const Attributes &data)
	{
		const Attributes value = data.in(NFTA_IMMEDIATE_DATA);

		if (data.number32(NFTA_IMMEDIATE_DREG) != NFT_REG_VERDICT)
			return step(nf::Constant{
				register_of(data, NFTA_IMMEDIATE_DREG),
				value.bytes(NFTA_DATA_VALUE)});
		const nf::Verdict verdict = verdict_of(value);
		step(verdict);
		print_verdict(verdict);
	}

	void bitwise(const Attributes &data)
	{
		enum { MASK_XOR, LEFT, RIGHT };
		const auto from = register_of(data, NFTA_BITWISE_SREG);
		const auto to = register_of(data, NFTA_BITWISE_DREG);
		const std::uint32_t op = data.number32(NFTA_BITWISE_OP);
		Bytes mask = value_of(data, NFTA_BITWISE_MASK);
		Bytes flip = value_of(data, NFTA_BITWISE_XOR);

		if (op == MASK_XOR && mask.size() == flip.size())
			return step(nf::Mask{from, to, mask, flip});
		if (op != LEFT && op != RIGHT) {
			strange("bitwise");
			return step(nf::LoadUnknown{"bitwise"});
		}
		// the number of bits is in the byte order of the machine
		const Bytes bits = value_of(data, NFTA_BITWISE_DATA);
		std::uint32_t count = 0;
		std::memcpy(&count, bits.data(),
			    std::min(sizeof(count), bits.size()));
		step(nf::Shift{from, to, data.number32(NFTA_BITWISE_LEN), count,
			       op == LEFT});
	}

	void byteorder(const Attributes &data)
	{
		step(nf::SwapBytes{register_of(data, NFTA_BYTEORDER_SREG),
				   register_of(data, NFTA_BYTEORDER_DREG),
				   data.number32(NFTA_BYTEORDER_LEN),
				   data.number32(NFTA_BYTEORDER_SIZE)});
	}

	void range(const Attributes &data)
	{
		step(nf::Between{register_of(data, NFTA_RANGE_SREG),
				 data.number32(NFTA_RANGE_OP) == NFT_RANGE_NEQ,
				 value_of(data, NFTA_RANGE_FROM_DATA),
				 value_of(data, NFTA_RANGE_TO_DATA)});
		word(UNKNOWN);
	}

	void lookup(const Attributes &data)
	{
		nf::Lookup one{data.text(NFTA_LOOKUP_SET),
			       register_of(data, NFTA_LOOKUP_SREG),
			       std::nullopt, false,
			       (data.number32(NFTA_LOOKUP_FLAGS) &
				NFT_LOOKUP_F_INV) != 0};

		sets_.insert(one.set);
		if (data.has(NFTA_LOOKUP_DREG) &&
		    data.number32(NFTA_LOOKUP_DREG) == NFT_REG_VERDICT)
			one.verdict = true;
		else if (data.has(NFTA_LOOKUP_DREG))
			one.to = register_of(data, NFTA_LOOKUP_DREG);
		step(one);
		word(UNKNOWN);
	}

	static bool no_chain(const std::string &) { return false; }

	void xt(const XtInfo &info, const char *option,
		const std::vector<std::string> &words)
	{
		if (words.empty()) {
			word(option);
			word(info.name);
			strange(std::string(option) + " " + info.name);
			step(nf::Perhaps{info.name});
			return;
		}
		nf::add_steps(rule_, words, family_, no_chain);
		rule_.words.insert(rule_.words.end(), words.begin(), words.end());
	}

	void match(const Attributes &data)
	{
		const XtInfo info{data.text(NFTA_MATCH_NAME),
				  data.number32(NFTA_MATCH_REV),
				  data.bytes(NFTA_MATCH_INFO)};

		xt(info, "-m", match_words(info, family_));
	}

	void target(const Attributes &data)
	{
		const XtInfo info{data.text(NFTA_TARGET_NAME),
				  data.number32(NFTA_TARGET_REV),
				  data.bytes(NFTA_TARGET_INFO)};

		xt(info, "-j", target_words(info, family_));
	}

	void counter(const Attributes &data)
	{
		rule_.packets = data.number(NFTA_COUNTER_PACKETS);
		rule_.bytes = data.number(NFTA_COUNTER_BYTES);
	}

	// It loads what conntrack knows; or sets a mark.
	void ct(const Attributes &data)
	{
		word(UNKNOWN);
		if (!data.has(NFTA_CT_DREG))
			return;
		rule_.unknown += (rule_.unknown.empty() ? "" : " ") + std::string("ct");
		step(nf::LoadUnknown{"ct"});
	}

	void nat(const Attributes &data)
	{
		word(UNKNOWN);
		if (data.number32(NFTA_NAT_TYPE) == NFT_NAT_DNAT)
			redirect(data);
		else
			step(nf::Verdict{nf::Verdict::Kind::accept, ""});
	}

	// To where, only conntrack knows.
	void redirect(const Attributes &)
	{
		nf::add_steps(rule_, {"-j", "DNAT"}, family_, no_chain);
	}

	// --- as iptables-save prints what iptables-nft has no match for

	template <typename Kind>
	const Kind *back(std::size_t steps) const
	{
		if (rule_.steps.size() <= steps)
			return nullptr;
		return std::get_if<Kind>(&rule_.steps[rule_.steps.size() - 1 - steps]);
	}

	void print(const nf::Test &test, const std::string &option,
		   const std::string &value)
	{
		if (test.how == nf::Compare::neq)
			word("!");
		else if (test.how != nf::Compare::eq)
			word(UNKNOWN);
		word(option);
		word(value);
	}

	void print_test()
	{
		const auto *test = back<nf::Test>(0);
		const auto *mask = back<nf::Mask>(1);
		const auto *load = back<nf::Load>(mask ? 2 : 1);
		const auto *meta = back<nf::LoadMeta>(1);

		if (meta && meta->key == nf::Meta::iifname)
			return print(*test, "-i", interface(test->value));
		if (meta && meta->key == nf::Meta::l4proto &&
		    test->value.size() == 1)
			return print(*test, "-p", protocol(test->value[0]));
		if (!load || (!print_address(*load, mask, *test) &&
			      !print_port(*load, mask, *test)))
			word(UNKNOWN);
	}

	static std::string interface(const Bytes &value)
	{
		const auto end = std::find(value.begin(), value.end(), 0);
		std::string name(value.begin(), end);

		return end == value.end() && value.size() < 16 ? name + "+" : name;
	}

	static std::string protocol(std::uint8_t number)
	{
		static const std::map<std::uint8_t, std::string> NAMES = {
			{IPPROTO_ICMP, "icmp"}, {IPPROTO_TCP, "tcp"},
			{IPPROTO_UDP, "udp"}, {33, "dccp"},
			{IPPROTO_ICMPV6, "ipv6-icmp"}, {132, "sctp"},
			{136, "udplite"}};
		const auto known = NAMES.find(number);

		return known == NAMES.end() ? std::to_string(number) : known->second;
	}

	// A prefix of whole bytes is loaded without a mask.
	bool print_address(const nf::Load &load, const nf::Mask *mask,
			   const nf::Test &test)
	{
		const bool ip4 = family_ == Family::ip4;
		const std::uint32_t size = address_size(family_);
		const std::uint32_t source = ip4 ? 12 : 8;
		unsigned int length = 0;
		Ip ip;

		if (load.header != nf::Header::network || load.length > size ||
		    load.length != test.value.size() ||
		    (load.offset != source && load.offset != source + size))
			return false;
		ip.family = family_;
		for (std::size_t i = 0; i < load.length; i++) {
			const unsigned int bits = mask && i < mask->mask.size() ?
				mask->mask[i] : 0xffU;

			ip.bytes[i] = test.value[i];
			for (unsigned int bit = 0x80; bit; bit >>= 1U)
				length += (bits & bit) != 0;
		}
		print(test, load.offset == source ? "-s" : "-d",
		      text(ip) + "/" + std::to_string(length));
		return true;
	}

	bool print_port(const nf::Load &load, const nf::Mask *mask,
			const nf::Test &test)
	{
		if (load.header != nf::Header::transport || mask ||
		    load.length != 2 || load.offset > 2 || test.value.size() != 2)
			return false;
		print_protocol_match();
		print(test, load.offset ? "--dport" : "--sport",
		      std::to_string(test.value[0] << 8U | test.value[1]));
		return true;
	}

	// "-p tcp" is followed by "-m tcp", once, where there is a port.
	void print_protocol_match()
	{
		const std::vector<std::string> &words = rule_.words;
		const auto option = std::ranges::find(words, "-p");

		if (option == words.end() || option + 1 == words.end())
			return;
		const std::vector<std::string> match{"-m", option[1]};
		if (std::ranges::search(words, match).empty())
			rule_.words.insert(rule_.words.end(), match.begin(),
					   match.end());
	}

	void print_verdict(const nf::Verdict &verdict)
	{
		using Kind = nf::Verdict::Kind;
		static const std::map<Kind, std::string> NAMES = {
			{Kind::accept, "ACCEPT"}, {Kind::drop, "DROP"},
			{Kind::leave, "RETURN"}};
		const auto name = NAMES.find(verdict.kind);

		if (verdict.kind == Kind::next)
			return;
		word(verdict.kind == Kind::go ? "-g" : "-j");
		word(name != NAMES.end() ? name->second :
		     verdict.chain.empty() ? UNKNOWN : verdict.chain);
	}

	nf::Rule &rule_;
	const Family family_;
	std::set<std::string> &sets_;
};

// --- tables

class Reader {
public:
	std::vector<nf::Table> read()
	{
		// Somebody who changes something all the time does not keep us.
		constexpr int ATTEMPTS = 100;

		for (int i = 0; i < ATTEMPTS; i++) {
			const std::optional<std::uint32_t> before = generation();

			if (!before)
				return {};
			tables_.clear();
			read_all();
			if (generation() == before)
				return std::move(tables_);
		}
		throw Error("found rules of nf_tables that change all the time, expected them to stay while they are read: try again");
	}

private:
	using Handler = NetlinkSocket::Handler;

	nlmsghdr *request(char *buffer, std::uint16_t type, std::uint16_t flags,
			  std::uint8_t family = NFPROTO_UNSPEC)
	{
		nlmsghdr *message = mnl_nlmsg_put_header(buffer);
		auto *header = static_cast<nfgenmsg *>(
			mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));

		message->nlmsg_type = static_cast<std::uint16_t>(
			NFNL_SUBSYS_NFTABLES << 8 | type);
		message->nlmsg_flags = static_cast<std::uint16_t>(
			NLM_F_REQUEST | flags);
		message->nlmsg_seq = 1;
		header->nfgen_family = family;
		header->version = NFNETLINK_V0;
		return message;
	}

	std::optional<std::uint32_t> generation()
	{
		alignas(nlmsghdr) char buffer[256];
		nlmsghdr *message = request(buffer, NFT_MSG_GETGEN, 0);
		std::optional<std::uint32_t> found;
		NetlinkSocket socket(NETLINK_NETFILTER);

		socket.send(message, message->nlmsg_len);
		const int result = socket.receive(1, [&](const nlmsghdr *one) {
			found = Attributes(one).number32(NFTA_GEN_ID);
		});
		// so says a kernel that knows no such subsystem
		if (result < 0 && errno != EINVAL)
			fail("reading the rules of nf_tables", errno);
		return found;
	}

	void dump(std::uint16_t type, const Handler &handler)
	{
		alignas(nlmsghdr) char buffer[256];

		if (socket_.dump(request(buffer, type, NLM_F_DUMP), handler))
			throw Error(std::string("reading the rules of nf_tables: ") +
				    std::strerror(errno));
	}

	static std::string family_of(const nlmsghdr *message)
	{
		static const std::map<std::uint8_t, std::string> NAMES = {
			{NFPROTO_IPV4, "ip"}, {NFPROTO_IPV6, "ip6"},
			{NFPROTO_INET, "inet"}, {NFPROTO_NETDEV, "netdev"}};
		const auto *header = static_cast<const nfgenmsg *>(
			mnl_nlmsg_get_payload(message));
		const auto name = NAMES.find(header->nfgen_family);

		return name == NAMES.end() ? "" : name->second;
	}

	nf::Table *table(const std::string &family, const std::string &name)
	{
		for (nf::Table &one : tables_)
			if (one.family == family && one.name == name)
				return &one;
		return nullptr;
	}

	void read_all()
	{
		dump(NFT_MSG_GETTABLE, [&](const nlmsghdr *one) {
			const Attributes from(one);
			const std::string family = family_of(one);

			if (!family.empty() &&
			    !(from.number32(NFTA_TABLE_FLAGS) & TABLE_F_DORMANT))
				tables_.push_back({nf::Table::Owner::nf_tables,
						   family,
						   from.text(NFTA_TABLE_NAME),
						   {}, {}});
		});
		dump(NFT_MSG_GETCHAIN, [&](const nlmsghdr *one) {
			take_chain(Attributes(one), family_of(one));
		});
		wanted_.clear();
		dump(NFT_MSG_GETRULE, [&](const nlmsghdr *one) {
			take_rule(Attributes(one), family_of(one));
		});
		dump(NFT_MSG_GETSET, [&](const nlmsghdr *one) {
			take_set(Attributes(one), family_of(one));
		});
		for (const Wanted &one : wanted_)
			read_elements(one);
	}

	void take_chain(const Attributes &from, const std::string &family)
	{
		nf::Table *of = table(family, from.text(NFTA_CHAIN_TABLE));

		if (!of)
			return;
		nf::Chain &chain = of->chains[from.text(NFTA_CHAIN_NAME)];
		if (!from.has(NFTA_CHAIN_HOOK))
			return;
		const Attributes hook = from.in(NFTA_CHAIN_HOOK);
		nf::Base base;
		base.hook = hook_of(family, hook.number32(NFTA_HOOK_HOOKNUM));
		base.priority = static_cast<std::int32_t>(
			hook.number32(NFTA_HOOK_PRIORITY));
		base.drops = from.has(NFTA_CHAIN_POLICY) &&
			     from.number32(NFTA_CHAIN_POLICY) == NF_DROP;
		if (hook.has(NFTA_HOOK_DEV))
			base.devices.push_back(hook.text(NFTA_HOOK_DEV));
		hook.in(NFTA_HOOK_DEVS).each([&](const nlattr *one) {
			base.devices.emplace_back(mnl_attr_get_str(one));
		});
		chain.base = base;
	}

	static nf::Hook hook_of(const std::string &family, std::uint32_t number)
	{
		constexpr std::uint32_t INGRESS = 5;	// NF_INET_INGRESS

		if (family == "netdev")
			return number == NF_NETDEV_INGRESS ? nf::Hook::ingress :
							     nf::Hook::other;
		switch (number) {
		case NF_INET_PRE_ROUTING: return nf::Hook::prerouting;
		case NF_INET_LOCAL_IN: return nf::Hook::input;
		case INGRESS: return nf::Hook::ingress;
		default: return nf::Hook::other;
		}
	}

	void take_rule(const Attributes &from, const std::string &family)
	{
		nf::Table *of = table(family, from.text(NFTA_RULE_TABLE));
		std::set<std::string> sets;
		nf::Rule rule;

		if (!of)
			return;
		rule.handle = from.number(NFTA_RULE_HANDLE);
		RuleReader(rule, family == "ip6" ? Family::ip6 : Family::ip4, sets)
			.read(from.in(NFTA_RULE_EXPRESSIONS));
		for (const std::string &set : sets)
			want(family, of->name, set);
		of->chains[from.text(NFTA_RULE_CHAIN)].rules.push_back(
			std::move(rule));
	}

	struct Wanted {
		std::string family, table, set;
		bool interval = false, concatenated = false;

		bool operator==(const Wanted &other) const
		{
			return family == other.family && table == other.table &&
			       set == other.set;
		}
	};

	void want(const std::string &family, const std::string &table,
		  const std::string &set)
	{
		const Wanted one{family, table, set};

		if (std::find(wanted_.begin(), wanted_.end(), one) == wanted_.end())
			wanted_.push_back(one);
	}

	void take_set(const Attributes &from, const std::string &family)
	{
		const Wanted name{family, from.text(NFTA_SET_TABLE),
				  from.text(NFTA_SET_NAME)};
		const auto wanted = std::find(wanted_.begin(), wanted_.end(), name);
		nf::Table *of = table(family, name.table);

		if (wanted == wanted_.end() || !of)
			return;
		nf::Set &set = of->sets[name.set];
		wanted->interval = from.number32(NFTA_SET_FLAGS) & NFT_SET_INTERVAL;
		from.in(NFTA_SET_DESC).in(NFTA_SET_DESC_CONCAT)
			.each([&](const nlattr *one) {
			set.fields.push_back(
				Attributes(one).number32(NFTA_SET_FIELD_LEN));
		});
		wanted->concatenated = !set.fields.empty();
	}

	void read_elements(const Wanted &from)
	{
		alignas(nlmsghdr) char buffer[1024];
		static const std::map<std::string, std::uint8_t> FAMILIES_OF = {
			{"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6},
			{"inet", NFPROTO_INET}, {"netdev", NFPROTO_NETDEV}};
		nlmsghdr *message = request(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP,
					    FAMILIES_OF.at(from.family));
		nf::Set &set = table(from.family, from.table)->sets[from.set];
		std::vector<nf::Element> ends;

		mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE,
				  from.table.c_str());
		mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET,
				  from.set.c_str());
		const int failed = socket_.dump(message, [&](const nlmsghdr *one) {
			Attributes(one).in(NFTA_SET_ELEM_LIST_ELEMENTS)
				.each([&](const nlattr *element) {
				take_element(Attributes(element), set, ends);
			});
		});
		if (failed || set.elements.size() > MOST_ELEMENTS)
			set.complete = false;
		if (from.interval && !from.concatenated)
			close_intervals(set, std::move(ends));
	}

	static void take_element(const Attributes &from, nf::Set &set,
				 std::vector<nf::Element> &ends)
	{
		const std::uint32_t flags = from.number32(NFTA_SET_ELEM_FLAGS);
		const Attributes data = from.in(NFTA_SET_ELEM_DATA);
		nf::Element element;

		element.key = value_of(from, NFTA_SET_ELEM_KEY);
		element.last = from.has(NFTA_SET_ELEM_KEY_END) ?
			       value_of(from, NFTA_SET_ELEM_KEY_END) : element.key;
		element.data = data.bytes(NFTA_DATA_VALUE);
		if (data.has(NFTA_DATA_VERDICT))
			element.verdict = verdict_of(data);
		element.any = flags & SET_ELEM_CATCHALL;
		if (flags & NFT_SET_ELEM_INTERVAL_END)
			ends.push_back(std::move(element));
		else if (set.elements.size() <= MOST_ELEMENTS)
			set.elements.push_back(std::move(element));
	}

	// Each lasts up to, and without, the next key at which one ends.
	static void close_intervals(nf::Set &set, std::vector<nf::Element> ends)
	{
		std::vector<Bytes> keys;

		for (const nf::Element &end : ends)
			keys.push_back(end.key);
		std::sort(keys.begin(), keys.end());
		for (nf::Element &element : set.elements) {
			const auto end = std::upper_bound(keys.begin(), keys.end(),
							  element.key);

			if (element.any)
				continue;
			element.last = end == keys.end() ?
				Bytes(element.key.size(), 0xff) : before(*end);
		}
	}

	// The greatest number that is less.
	static Bytes before(Bytes number)
	{
		for (auto byte = number.rbegin(); byte != number.rend(); ++byte)
			if ((*byte)--)
				break;
		return number;
	}

	NetlinkSocket socket_{NETLINK_NETFILTER};
	std::vector<nf::Table> tables_;
	std::vector<Wanted> wanted_;
};

// --- removing

class Batch {
public:
	Batch() : buffer_(65536) {}

	void mark(std::uint16_t type)
	{
		nlmsghdr *message = put(type, 0, AF_UNSPEC);
		auto *header = static_cast<nfgenmsg *>(
			mnl_nlmsg_get_payload(message));

		header->res_id = htons(NFNL_SUBSYS_NFTABLES);
		done(message);
	}
	void remove(std::uint8_t family, const std::string &table,
		    const std::string &chain, std::uint64_t handle)
	{
		nlmsghdr *message = put(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE,
					NLM_F_ACK, family);

		mnl_attr_put_strz(message, NFTA_RULE_TABLE, table.c_str());
		mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain.c_str());
		mnl_attr_put_u64(message, NFTA_RULE_HANDLE, htobe64(handle));
		done(message);
	}
	const char *data() const { return buffer_.data(); }
	std::size_t size() const { return size_; }

private:
	nlmsghdr *put(int type, int flags, std::uint8_t family)
	{
		if (size_ + 1024 > buffer_.size())
			buffer_.resize(buffer_.size() * 2);
		nlmsghdr *message = mnl_nlmsg_put_header(buffer_.data() + size_);
		auto *header = static_cast<nfgenmsg *>(
			mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));

		message->nlmsg_type = static_cast<std::uint16_t>(type);
		message->nlmsg_flags = static_cast<std::uint16_t>(
			NLM_F_REQUEST | flags);
		message->nlmsg_seq = ++sequence_;
		header->nfgen_family = family;
		header->version = NFNETLINK_V0;
		return message;
	}
	void done(const nlmsghdr *message)
	{
		size_ += NLMSG_ALIGN(message->nlmsg_len);
	}

	std::vector<char> buffer_;
	std::size_t size_ = 0;
	std::uint32_t sequence_ = 0;
};

const nf::Chain *chain_of(const std::vector<nf::Table> &tables,
			  const std::string &family, const std::string &name,
			  const std::string &chain)
{
	for (const nf::Table &table : tables)
		if (table.family == family && table.name == name) {
			const auto found = table.chains.find(chain);

			return found == table.chains.end() ? nullptr :
							     &found->second;
		}
	return nullptr;
}

// The handles of the last rules with these texts.
std::vector<std::uint64_t> handles_of(const nf::Chain *chain,
				      const std::vector<std::string> &texts)
{
	std::vector<std::uint64_t> handles;

	for (const std::string &text : texts) {
		std::uint64_t handle = 0;

		for (const nf::Rule &rule : chain ? chain->rules :
						    std::vector<nf::Rule>())
			if (shell_line(rule.words) == text &&
			    std::find(handles.begin(), handles.end(),
				      rule.handle) == handles.end())
				handle = rule.handle;
		if (!handle)
			throw Error("found no rule \"" + text +
				    "\" in PREROUTING, expected one to remove: somebody else was faster");
		handles.push_back(handle);
	}
	return handles;
}

} // namespace

std::vector<nf::Table> read_nf_tables()
{
	return Reader().read();
}

std::string nf_where(const nf::Table &table, const std::string &chain,
		     const nf::Rule &rule)
{
	return "rule with handle " + std::to_string(rule.handle) +
	       " of the nftables chain " + table.family + " " + table.name +
	       " " + chain;
}

std::vector<SavedRule> saved_rules(const std::vector<nf::Table> &tables,
				   Family family)
{
	static const std::set<std::string> NAMES = {"raw", "mangle", "nat",
						    "filter", "security"};
	std::vector<SavedRule> rules;

	for (const nf::Table &table : tables) {
		if (table.family != (family == Family::ip4 ? "ip" : "ip6") ||
		    !NAMES.contains(table.name))
			continue;
		for (const auto &[chain, of] : table.chains)
			for (const nf::Rule &rule : of.rules)
				rules.push_back({table.name, chain, rule.words,
						 rule.packets, rule.bytes,
						 nf_where(table, chain, rule),
						 shell_line(rule.words)});
	}
	return rules;
}

void remove_nf_rules(Family family, const std::string &table,
		     const std::vector<std::string> &texts)
{
	const bool ip4 = family == Family::ip4;
	const std::vector<nf::Table> tables = read_nf_tables();
	NetlinkSocket socket(NETLINK_NETFILTER);
	Batch batch;
	std::size_t answers = 0;
	int failed = 0;

	batch.mark(NFNL_MSG_BATCH_BEGIN);
	const auto handles = handles_of(
		chain_of(tables, ip4 ? "ip" : "ip6", table, "PREROUTING"), texts);
	for (const std::uint64_t handle : handles)
		batch.remove(ip4 ? NFPROTO_IPV4 : NFPROTO_IPV6, table,
			     "PREROUTING", handle);
	batch.mark(NFNL_MSG_BATCH_END);
	socket.send(batch.data(), batch.size());
	while (answers < handles.size() && !failed) {
		const char *data;
		int left = static_cast<int>(socket.receive_raw(data));

		if (left < 0)
			fail("removing rules of nf_tables", errno);
		for (auto *one = reinterpret_cast<const nlmsghdr *>(data);
		     mnl_nlmsg_ok(one, left); one = mnl_nlmsg_next(one, &left)) {
			if (one->nlmsg_type != NLMSG_ERROR)
				continue;
			answers++;
			const int error = -static_cast<const nlmsgerr *>(
				mnl_nlmsg_get_payload(one))->error;
			failed = failed ? failed : error;
		}
	}
	if (failed)
		fail("removing rules of nf_tables", failed);
}

} // namespace dsr
