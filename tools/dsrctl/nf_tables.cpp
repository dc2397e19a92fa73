// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/nf_tables.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "common/process.hpp"
#include "dsrctl/nf_expressions.hpp"

namespace dsr {

namespace {

using nf::Bytes;

// What older headers do not have.
constexpr unsigned int SET_ELEM_CATCHALL = 2, TABLE_F_DORMANT = 1;
// Of a set; nobody keeps so many VIPs, and a packet of which all is known is in
// none of the others.
constexpr std::size_t MOST_ELEMENTS = 65536;

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
		throw Error(
			"the rules of nf_tables changed each time that they were read: try again");
	}

private:
	using Handler = NetlinkSocket::Handler;

	nlmsghdr *request(char *buffer, std::uint16_t type, std::uint16_t flags,
			  std::uint8_t family = NFPROTO_UNSPEC)
	{
		nlmsghdr *message = mnl_nlmsg_put_header(buffer);
		auto *header = static_cast<nfgenmsg *>(
			mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));

		message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
		message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
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
			{NFPROTO_IPV4, "ip"},
			{NFPROTO_IPV6, "ip6"},
			{NFPROTO_INET, "inet"},
			{NFPROTO_NETDEV, "netdev"}};
		const auto *header = static_cast<const nfgenmsg *>(mnl_nlmsg_get_payload(message));
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

			const bool dormant = from.number32(NFTA_TABLE_FLAGS) & TABLE_F_DORMANT;

			if (!family.empty())
				tables_.push_back({nf::Table::Owner::nf_tables,
						   family,
						   from.text(NFTA_TABLE_NAME),
						   {},
						   {},
						   dormant});
		});
		dump(NFT_MSG_GETCHAIN,
		     [&](const nlmsghdr *one) { take_chain(Attributes(one), family_of(one)); });
		wanted_.clear();
		dump(NFT_MSG_GETRULE,
		     [&](const nlmsghdr *one) { take_rule(Attributes(one), family_of(one)); });
		dump(NFT_MSG_GETSET,
		     [&](const nlmsghdr *one) { take_set(Attributes(one), family_of(one)); });
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
		base.priority = static_cast<std::int32_t>(hook.number32(NFTA_HOOK_PRIORITY));
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
		constexpr std::uint32_t INGRESS = 5; // NF_INET_INGRESS

		if (family == "netdev")
			return number == NF_NETDEV_INGRESS ? nf::Hook::ingress : nf::Hook::other;
		switch (number) {
		case NF_INET_PRE_ROUTING:
			return nf::Hook::prerouting;
		case NF_INET_LOCAL_IN:
			return nf::Hook::input;
		case INGRESS:
			return nf::Hook::ingress;
		default:
			return nf::Hook::other;
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
		read_expressions(from.in(NFTA_RULE_EXPRESSIONS),
				 family == "ip6" ? Family::ip6 : Family::ip4, rule, sets);
		for (const std::string &set : sets)
			want(family, of->name, set);
		of->chains[from.text(NFTA_RULE_CHAIN)].rules.push_back(std::move(rule));
	}

	struct Wanted {
		std::string family, table, set;
		bool interval = false, concatenated = false;

		bool operator==(const Wanted &other) const
		{
			return family == other.family && table == other.table && set == other.set;
		}
	};

	void want(const std::string &family, const std::string &table, const std::string &set)
	{
		const Wanted one{family, table, set};

		if (std::find(wanted_.begin(), wanted_.end(), one) == wanted_.end())
			wanted_.push_back(one);
	}

	void take_set(const Attributes &from, const std::string &family)
	{
		const Wanted name{family, from.text(NFTA_SET_TABLE), from.text(NFTA_SET_NAME)};
		const auto wanted = std::find(wanted_.begin(), wanted_.end(), name);
		nf::Table *of = table(family, name.table);

		if (wanted == wanted_.end() || !of)
			return;
		nf::Set &set = of->sets[name.set];
		wanted->interval = from.number32(NFTA_SET_FLAGS) & NFT_SET_INTERVAL;
		from.in(NFTA_SET_DESC).in(NFTA_SET_DESC_CONCAT).each([&](const nlattr *one) {
			set.fields.push_back(Attributes(one).number32(NFTA_SET_FIELD_LEN));
		});
		wanted->concatenated = !set.fields.empty();
	}

	void read_elements(const Wanted &from)
	{
		alignas(nlmsghdr) char buffer[1024];
		static const std::map<std::string, std::uint8_t> FAMILIES_OF = {
			{"ip", NFPROTO_IPV4},
			{"ip6", NFPROTO_IPV6},
			{"inet", NFPROTO_INET},
			{"netdev", NFPROTO_NETDEV}};
		nlmsghdr *message = request(buffer, NFT_MSG_GETSETELEM, NLM_F_DUMP,
					    FAMILIES_OF.at(from.family));
		nf::Set &set = table(from.family, from.table)->sets[from.set];
		std::vector<nf::Element> ends;

		mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, from.table.c_str());
		mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, from.set.c_str());
		const int failed = socket_.dump(message, [&](const nlmsghdr *one) {
			Attributes(one)
				.in(NFTA_SET_ELEM_LIST_ELEMENTS)
				.each([&](const nlattr *element) {
					take_element(Attributes(element), set, ends);
				});
		});
		if (failed || set.elements.size() > MOST_ELEMENTS)
			set.complete = false;
		if (from.interval && !from.concatenated)
			close_intervals(set, ends);
	}

	static void take_element(const Attributes &from, nf::Set &set,
				 std::vector<nf::Element> &ends)
	{
		const std::uint32_t flags = from.number32(NFTA_SET_ELEM_FLAGS);
		const Attributes data = from.in(NFTA_SET_ELEM_DATA);
		nf::Element element;

		element.key = value_of(from, NFTA_SET_ELEM_KEY);
		element.last = from.has(NFTA_SET_ELEM_KEY_END) ?
				       value_of(from, NFTA_SET_ELEM_KEY_END) :
				       element.key;
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
	static void close_intervals(nf::Set &set, const std::vector<nf::Element> &ends)
	{
		std::vector<Bytes> keys;

		for (const nf::Element &end : ends)
			keys.push_back(end.key);
		std::sort(keys.begin(), keys.end());
		for (nf::Element &element : set.elements) {
			const auto end = std::upper_bound(keys.begin(), keys.end(), element.key);

			if (element.any)
				continue;
			element.last = end == keys.end() ? Bytes(element.key.size(), 0xff) :
							   before(*end);
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

} // namespace

std::vector<nf::Table> read_nf_tables()
{
	return Reader().read();
}

std::string nf_where(const nf::Table &table, const std::string &chain, const nf::Rule &rule)
{
	return "rule with handle " + std::to_string(rule.handle) + " of the nftables chain " +
	       table.family + " " + table.name + " " + chain;
}

std::vector<SavedRule> saved_rules(const std::vector<nf::Table> &tables, Family family)
{
	static const std::set<std::string> NAMES = {"raw", "mangle", "nat", "filter", "security"};
	std::vector<SavedRule> rules;

	for (const nf::Table &table : tables) {
		if (table.family != (family == Family::ip4 ? "ip" : "ip6") ||
		    !NAMES.contains(table.name))
			continue;
		for (const auto &[chain, of] : table.chains)
			for (const nf::Rule &rule : of.rules)
				rules.push_back({table.name, chain, rule.words, rule.packets,
						 rule.bytes, nf_where(table, chain, rule),
						 shell_line(rule.words), 0});
	}
	return rules;
}

} // namespace dsr
