// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/nf_expressions.hpp"

#include <linux/netfilter/nf_tables_compat.h>

#include <cstring>

#include "common/saved_steps.hpp"
#include "dsrctl/nf_tables.hpp"
#include "dsrctl/xt_words.hpp"

namespace dsr {

namespace {

using nf::Bytes;

constexpr std::uint32_t DATA_VERDICT = 0xffffff00;

class RuleReader {
public:
	RuleReader(nf::Rule &rule, Family family, std::set<std::string> &sets)
		: rule_(rule), family_(family), sets_(sets)
	{
	}

	void read(const Attributes &expressions)
	{
		expressions.each([&](const nlattr *one) {
			const Attributes expression(one);

			take(expression.text(NFTA_EXPR_NAME), expression.in(NFTA_EXPR_DATA));
		});
	}

private:
	using Function = void (RuleReader::*)(const Attributes &);

	void take(const std::string &name, const Attributes &data)
	{
		static const std::map<std::string, Function> KNOWN = {
			{"payload", &RuleReader::payload}, {"meta", &RuleReader::meta},
			{"cmp", &RuleReader::cmp},	   {"immediate", &RuleReader::immediate},
			{"bitwise", &RuleReader::bitwise}, {"byteorder", &RuleReader::byteorder},
			{"range", &RuleReader::range},	   {"lookup", &RuleReader::lookup},
			{"match", &RuleReader::match},	   {"target", &RuleReader::target},
			{"counter", &RuleReader::counter}, {"ct", &RuleReader::ct},
			{"nat", &RuleReader::nat},	   {"redir", &RuleReader::redirect}};
		static const std::set<std::string> NOTHING = {"log",	 "notrack",	 "objref",
							      "dynset",	 "last",	 "dup",
							      "secmark", "flow_offload", "masq"};
		static const std::set<std::string> ENDS = {"reject", "synproxy"};
		static const std::set<std::string> ELSEWHERE = {"queue", "fwd", "tproxy"};
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
		step(nf::Write{header, offset, length, register_of(data, NFTA_PAYLOAD_SREG)});
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
			      static_cast<nf::Compare>(std::min<std::uint32_t>(how, NFT_CMP_GTE)),
			      value_of(data, NFTA_CMP_DATA)});
		print_test();
	}

	void immediate(const Attributes &data)
	{
		const Attributes value = data.in(NFTA_IMMEDIATE_DATA);

		if (data.number32(NFTA_IMMEDIATE_DREG) != NFT_REG_VERDICT)
			return step(nf::Constant{register_of(data, NFTA_IMMEDIATE_DREG),
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
		std::memcpy(&count, bits.data(), std::min(sizeof(count), bits.size()));
		step(nf::Shift{from, to, data.number32(NFTA_BITWISE_LEN), count, op == LEFT});
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
		nf::Lookup one{data.text(NFTA_LOOKUP_SET), register_of(data, NFTA_LOOKUP_SREG),
			       std::nullopt, false,
			       (data.number32(NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0};

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

	void xt(const XtInfo &info, const char *option, const std::vector<std::string> &words)
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
		const XtInfo info{data.text(NFTA_MATCH_NAME), data.number32(NFTA_MATCH_REV),
				  data.bytes(NFTA_MATCH_INFO)};

		xt(info, "-m", match_words(info, family_));
	}

	void target(const Attributes &data)
	{
		const XtInfo info{data.text(NFTA_TARGET_NAME), data.number32(NFTA_TARGET_REV),
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

	void print(const nf::Test &test, const std::string &option, const std::string &value)
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
		if (meta && meta->key == nf::Meta::l4proto && test->value.size() == 1)
			return print(*test, "-p", protocol(test->value[0]));
		if (!load ||
		    (!print_address(*load, mask, *test) && !print_port(*load, mask, *test)))
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
			{IPPROTO_ICMP, "icmp"}, {IPPROTO_TCP, "tcp"},	       {IPPROTO_UDP, "udp"},
			{33, "dccp"},		{IPPROTO_ICMPV6, "ipv6-icmp"}, {132, "sctp"},
			{136, "udplite"}};
		const auto known = NAMES.find(number);

		return known == NAMES.end() ? std::to_string(number) : known->second;
	}

	// A prefix of whole bytes is loaded without a mask.
	bool print_address(const nf::Load &load, const nf::Mask *mask, const nf::Test &test)
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
			const unsigned int bits = mask && i < mask->mask.size() ? mask->mask[i] :
										  0xffU;

			ip.bytes[i] = test.value[i];
			for (unsigned int bit = 0x80; bit; bit >>= 1U)
				length += (bits & bit) != 0;
		}
		print(test, load.offset == source ? "-s" : "-d",
		      text(ip) + "/" + std::to_string(length));
		return true;
	}

	bool print_port(const nf::Load &load, const nf::Mask *mask, const nf::Test &test)
	{
		if (load.header != nf::Header::transport || mask || load.length != 2 ||
		    load.offset > 2 || test.value.size() != 2)
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
			rule_.words.insert(rule_.words.end(), match.begin(), match.end());
	}

	void print_verdict(const nf::Verdict &verdict)
	{
		using Kind = nf::Verdict::Kind;
		static const std::map<Kind, std::string> NAMES = {
			{Kind::accept, "ACCEPT"}, {Kind::drop, "DROP"}, {Kind::leave, "RETURN"}};
		const auto name = NAMES.find(verdict.kind);

		if (verdict.kind == Kind::next)
			return;
		word(verdict.kind == Kind::go ? "-g" : "-j");
		word(name != NAMES.end()   ? name->second :
		     verdict.chain.empty() ? UNKNOWN :
					     verdict.chain);
	}

	nf::Rule &rule_;
	const Family family_;
	std::set<std::string> &sets_;
};

} // namespace

void read_expressions(const Attributes &expressions, Family family, nf::Rule &rule,
		      std::set<std::string> &sets)
{
	RuleReader(rule, family, sets).read(expressions);
}

} // namespace dsr
