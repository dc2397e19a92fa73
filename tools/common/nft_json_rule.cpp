// SPDX-License-Identifier: BSD-3-Clause
#include "common/nft_json_rule.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <set>

#include "common/dscp.hpp"
#include "common/rule_steps.hpp"
#include "daddr_rewrite.h"

namespace dsr::nf {

namespace {

using nlohmann::json;

constexpr Register DATA = 48;	 // what a map gives
constexpr std::size_t NAME = 16; // IFNAMSIZ

// What a value is of: bytes of the packet, or what is known of it.
struct Field {
	enum class Of : std::uint8_t { packet, l4proto, iifname };
	enum class Names : std::uint8_t { none, address, dscp, protocol, port, interface };

	Of of = Of::packet;
	Names names = Names::none;
	Header header = Header::network;
	std::uint32_t offset = 0, length = 0; // bytes
	std::uint64_t mask = 0;		      // 0: all of it
	unsigned int shift = 0;		      // to the right, after the mask
};

// From one to the other.
struct Range {
	Bytes first, last;
};

Bytes big_endian(std::uint64_t number, std::size_t length)
{
	Bytes bytes(length);

	for (std::size_t i = 0; i < length && i < sizeof(number); i++)
		bytes[length - 1 - i] = static_cast<std::uint8_t>(number >> 8 * i);
	return bytes;
}

// One rule, for one family.
class RuleReader {
public:
	RuleReader(Family family, Table &table, const std::map<std::string, json> &sets)
		: family_(family), table_(table), sets_(sets)
	{
	}

	// None of a rule that is for the other family.
	std::optional<Rule> read(const json &expressions)
	{
		for (const json &one : expressions)
			take(one);
		if (other_family_)
			return std::nullopt;
		return std::move(rule_);
	}

private:
	void strange(std::string what)
	{
		constexpr std::size_t MOST = 200;

		if (what.size() > MOST)
			what.resize(MOST);
		rule_.unknown += (rule_.unknown.empty() ? "" : " ") + what;
		if (rule_.problem.empty())
			rule_.problem =
				"found " + quote(what) +
				", expected matches on interfaces, protocols, addresses, ports and DSCP, and new addresses and ports";
	}

	void step(Step one) { rule_.steps.push_back(std::move(one)); }

	void take(const json &expression)
	{
		static const std::set<std::string> NOTHING = {"counter", "log",	  "notrack",
							      "set",	 "last",  "dup",
							      "flow",	 "meter", "secmark"};

		if (!expression.is_object() || expression.empty())
			return strange("an expression");
		const std::string name = expression.begin().key();
		const json &value = expression.begin().value();
		if (name == "match")
			return match(value);
		if (name == "mangle")
			return mangle(value);
		if (name == "vmap")
			return verdict_map(value);
		if (name == "xt" && value.is_object() && value.value("name", "") == "DADDR") {
			strange("xt target DADDR");
			rule_.problem =
				"found a rule of iptables with the target DADDR, expected it as iptables-save prints it";
			return step(Verdict{Verdict::Kind::elsewhere, ""});
		}
		if (NOTHING.contains(name))
			return;
		if (const auto verdict = read_verdict(expression))
			return step(*verdict);
		strange(name);
	}

	static std::optional<Verdict> read_verdict(const json &from)
	{
		using Kind = Verdict::Kind;
		static const std::map<std::string, Kind> NAMES = {
			{"accept", Kind::accept}, {"drop", Kind::drop},	    {"reject", Kind::drop},
			{"return", Kind::leave},  {"continue", Kind::next}, {"jump", Kind::jump},
			{"goto", Kind::go}};

		if (!from.is_object() || from.size() != 1)
			return std::nullopt;
		const auto kind = NAMES.find(from.begin().key());
		if (kind == NAMES.end())
			return std::nullopt;
		if (kind->second != Kind::jump && kind->second != Kind::go)
			return Verdict{kind->second, ""};
		return Verdict{kind->second, from.begin().value().at("target").get<std::string>()};
	}

	// --- what is asked of

	void needs(const std::string &protocol)
	{
		static const std::map<std::string, std::uint8_t> NUMBERS = {
			{"tcp", IPPROTO_TCP},
			{"udp", IPPROTO_UDP},
			{"dccp", 33},
			{"sctp", IPPROTO_SCTP},
			{"udplite", IPPROTO_UDPLITE},
			{"icmp", IPPROTO_ICMP},
			{"icmpv6", IPPROTO_ICMPV6}};
		const auto number = NUMBERS.find(protocol);

		if (number == NUMBERS.end() || !needed_.insert(protocol).second)
			return;
		step(L4Protocol{number->second, false});
	}

	std::optional<Field> payload(const json &from)
	{
		using Names = Field::Names;
		struct Known {
			std::uint32_t offset, length;
			Names names = Names::none;
			std::uint64_t mask = 0;
			unsigned int shift = 0;
		};
		static const std::map<std::string, Known> IP4 = {
			{"dscp", {1, 1, Names::dscp, 0xfc, 2}},
			{"length", {2, 2}},
			{"id", {4, 2}},
			{"ttl", {8, 1}},
			{"protocol", {9, 1, Names::protocol}},
			{"saddr", {DADDR_IP4_DADDR - 4, 4, Names::address}},
			{"daddr", {DADDR_IP4_DADDR, 4, Names::address}}};
		static const std::map<std::string, Known> IP6 = {
			{"dscp", {0, 2, Names::dscp, 0x0fc0, 6}},
			{"length", {4, 2}},
			{"nexthdr", {6, 1, Names::protocol}},
			{"hoplimit", {7, 1}},
			{"saddr", {DADDR_IP6_DADDR - 16, 16, Names::address}},
			{"daddr", {DADDR_IP6_DADDR, 16, Names::address}}};
		static const std::map<std::string, Known> PORTS = {{"sport", {0, 2, Names::port}},
								   {"dport", {2, 2, Names::port}}};
		static const std::set<std::string> WITH_PORTS = {"tcp",	 "udp",	 "udplite",
								 "dccp", "sctp", "th"};

		if (from.contains("base"))
			return raw(from);
		const std::string protocol = from.at("protocol"), name = from.at("field");
		const bool is_ip = protocol == "ip" || protocol == "ip6";
		if (is_ip && (protocol == "ip") != (family_ == Family::ip4)) {
			other_family_ = true;
			return std::nullopt;
		}
		if (!is_ip && !WITH_PORTS.contains(protocol)) {
			strange(protocol + " " + name);
			return std::nullopt;
		}
		const auto &all = !is_ip ? PORTS : family_ == Family::ip4 ? IP4 : IP6;
		const auto known = all.find(name);
		if (known == all.end()) {
			strange(protocol + " " + name);
			return std::nullopt;
		}
		if (!is_ip)
			needs(protocol);
		const Known &found = known->second;
		return Field{Field::Of::packet,
			     found.names,
			     is_ip ? Header::network : Header::transport,
			     found.offset,
			     found.length,
			     found.mask,
			     found.shift};
	}

	// Offset and length are bits.
	std::optional<Field> raw(const json &from)
	{
		const std::string base = from.at("base");
		const std::uint32_t offset = from.at("offset"), length = from.at("len");
		constexpr std::uint32_t MOST = 128;

		if ((base != "nh" && base != "th") || offset % 8 || length % 8 || !length ||
		    length > MOST) {
			strange("@" + base + "," + std::to_string(offset) + "," +
				std::to_string(length));
			return std::nullopt;
		}
		return Field{Field::Of::packet,
			     Field::Names::none,
			     base == "nh" ? Header::network : Header::transport,
			     offset / 8,
			     length / 8,
			     0,
			     0};
	}

	// That of a table for both families.
	std::optional<Field> meta(const json &from)
	{
		using Of = Field::Of;
		using Names = Field::Names;
		const std::string key = from.at("key");

		if (key == "l4proto")
			return Field{Of::l4proto, Names::protocol, {}, 0, 1, 0, 0};
		if (key == "iifname" || key == "iif")
			return Field{Of::iifname, Names::interface, {}, 0, NAME, 0, 0};
		strange("meta " + key);
		return std::nullopt;
	}

	std::optional<Field> field(const json &from, unsigned int depth = 0)
	{
		constexpr unsigned int DEEPEST = 4; // >> of & of a field is 2

		if (depth > DEEPEST || !from.is_object() || from.size() != 1) {
			strange("an expression");
			return std::nullopt;
		}
		const std::string name = from.begin().key();
		const json &value = from.begin().value();
		if (name == "payload")
			return payload(value);
		if (name == "meta")
			return meta(value);
		if (name == "&" || name == ">>")
			return masked(name, value, depth);
		strange(name);
		return std::nullopt;
	}

	// In a key of several fields, nft prints the shift of a DSCP, which is there in
	// any case, and the mask may be. Another one is the rule's own.
	std::optional<Field> masked(const std::string &operation, const json &from,
				    unsigned int depth)
	{
		auto found = field(from.at(0), depth + 1);

		if (!found)
			return found;
		if (found->names == Field::Names::dscp &&
		    from.at(1) == (operation == ">>" ? found->shift : found->mask))
			return found;
		if (found->names == Field::Names::dscp || !from.at(1).is_number_unsigned() ||
		    found->of != Field::Of::packet || found->length > sizeof(std::uint64_t)) {
			strange(operation);
			return std::nullopt;
		}
		if (operation == ">>") {
			found->shift += from.at(1).get<unsigned int>();
			if (found->shift >= found->length * 8) {
				strange(operation);
				return std::nullopt;
			}
			return found;
		}
		const std::uint64_t mask = from.at(1).get<std::uint64_t>() << found->shift;
		found->mask = found->mask ? found->mask & mask : mask;
		return found;
	}

	// --- values

	static std::optional<Bytes> number(const Field &field, std::uint64_t number)
	{
		const std::size_t bits = field.length * 8 - field.shift;

		if (bits < 64 && number >> bits)
			return std::nullopt;
		return big_endian(number << field.shift, field.length);
	}

	std::optional<Bytes> value(const Field &field, const json &from)
	{
		if (from.is_number_unsigned())
			return number(field, from.get<std::uint64_t>());
		if (!from.is_string())
			return std::nullopt;
		const std::string text = from;
		switch (field.names) {
		case Field::Names::address:
			if (const auto ip = parse_ip(text); ip && ip->family == family_)
				return Bytes(ip->bytes.begin(),
					     ip->bytes.begin() +
						     static_cast<std::ptrdiff_t>(ip->size()));
			break;
		case Field::Names::interface:
			if (text.size() < NAME && !text.ends_with('*')) {
				Bytes name(text.begin(), text.end());

				name.resize(NAME);
				return name;
			}
			break;
		case Field::Names::protocol:
			if (const protoent *entry = getprotobyname(text.c_str()))
				return big_endian(static_cast<unsigned int>(entry->p_proto),
						  field.length);
			break;
		case Field::Names::port:
			if (const servent *entry = getservbyname(text.c_str(), nullptr))
				return big_endian(ntohs(static_cast<std::uint16_t>(entry->s_port)),
						  field.length);
			break;
		case Field::Names::dscp:
		case Field::Names::none: // a named map's, of which it is printed so
			// nft calls it lephb, RFC 8622 LE
			if (const auto dscp = parse_dscp(text == "lephb" ? "LE" : text))
				return big_endian(std::uint64_t{*dscp} << field.shift,
						  field.length);
			break;
		}
		return std::nullopt;
	}

	// A value, a prefix or a range.
	std::optional<Range> range(const Field &field, const json &from)
	{
		if (from.is_object() && from.contains("prefix")) {
			const json &prefix = from["prefix"];
			const auto first = value(field, prefix.at("addr"));
			const std::size_t length = prefix.at("len");

			if (!first)
				return std::nullopt;
			Range found{*first, *first};
			for (std::size_t bit = length; bit < first->size() * 8; bit++) {
				found.first[bit / 8] &= static_cast<std::uint8_t>(
					~(0x80U >> bit % 8));
				found.last[bit / 8] |= static_cast<std::uint8_t>(0x80U >> bit % 8);
			}
			return found;
		}
		if (from.is_object() && from.contains("range")) {
			const auto first = value(field, from["range"].at(0));
			const auto last = value(field, from["range"].at(1));

			if (!first || !last)
				return std::nullopt;
			return Range{*first, *last};
		}
		const auto one = value(field, from);
		if (!one)
			return std::nullopt;
		return Range{*one, *one};
	}

	// --- matches

	void match(const json &from)
	{
		const json &left = from.at("left"), &right = from.at("right");
		const std::string how = from.at("op");
		static const std::map<std::string, Compare> TESTS = {{"<", Compare::lt},
								     {"<=", Compare::lte},
								     {">", Compare::gt},
								     {">=", Compare::gte}};
		const auto test = TESTS.find(how);
		const bool inverted = how == "!=";

		if (of_family(left, right, how))
			return;
		if (how != "==" && how != "!=" && test == TESTS.end())
			return strange(how + " of " + left.dump());
		if (is_set(right) || left.contains("concat"))
			return match_set(left, right, inverted);
		const auto found = field(left);
		if (!found)
			return;
		if (test == TESTS.end() && is_simple(*found, right, inverted))
			return;
		const auto wanted = range(*found, right);
		if (!wanted)
			return strange(right.dump());
		load(*found, 0);
		if (test != TESTS.end())
			step(Test{0, test->second, wanted->first});
		else
			step(Between{0, inverted, wanted->first, wanted->last});
	}

	// Of a table for both: meta nfproto and meta protocol.
	bool of_family(const json &left, const json &right, const std::string &how)
	{
		const std::string key = left.contains("meta") ? left["meta"].value("key", "") : "";

		if ((key != "nfproto" && key != "protocol") || !right.is_string() ||
		    (how != "==" && how != "!="))
			return false;
		const bool ip4 = right == "ip" || right == "ipv4";
		const bool ip6 = right == "ip6" || right == "ipv6"; // if neither, ARP, say
		const bool ours = family_ == Family::ip4 ? ip4 : ip6;

		other_family_ |= ours != (how == "==");
		return true;
	}

	// What is one step.
	bool is_simple(const Field &field, const json &right, bool inverted)
	{
		if (field.of == Field::Of::iifname && right.is_string()) {
			std::string name = right;

			if (name.ends_with('*'))
				name.back() = '+';
			step(InInterface{name, inverted});
			return true;
		}
		const auto wanted = range(field, right);
		const bool prefix = right.is_object() && right.contains("prefix");
		if (!wanted || (!prefix && wanted->first != wanted->last))
			return false;
		if (field.of == Field::Of::l4proto) {
			step(L4Protocol{wanted->first[0], inverted});
			return true;
		}
		Match match{field.header, field.offset, field.length, {}, {}, inverted};
		const Bytes bits = field.mask ? big_endian(field.mask, field.length) :
						Bytes(field.length, 0xff);
		for (std::size_t i = 0; i < field.length; i++) {
			match.mask[i] = static_cast<std::uint8_t>(
				bits[i] & ~(wanted->first[i] ^ wanted->last[i]));
			match.value[i] = wanted->first[i];
		}
		step(match);
		return true;
	}

	static bool is_set(const json &right)
	{
		return (right.is_object() && right.contains("set")) ||
		       (right.is_string() && right.get<std::string>().starts_with('@'));
	}

	void load(const Field &field, Register to)
	{
		if (field.of == Field::Of::l4proto)
			return step(LoadMeta{Meta::l4proto, to});
		if (field.of == Field::Of::iifname)
			return step(LoadMeta{Meta::iifname, to});
		step(Load{field.header, field.offset, field.length, to});
		if (field.mask)
			step(Mask{to, to, big_endian(field.mask, field.length),
				  Bytes(field.length)});
	}

	// The fields of a key, which are in the registers from the first.
	std::optional<std::vector<Field>> load_key(const json &from)
	{
		const json one = json::array({from});
		const json &parts = from.contains("concat") ? from["concat"] : one;
		std::vector<Field> fields;
		std::size_t at = 0;

		for (const json &part : parts) {
			const auto found = field(part);

			if (!found)
				return std::nullopt;
			if (at + found->length > DATA) {
				strange("concat");
				return std::nullopt;
			}
			load(*found, static_cast<Register>(at));
			at += (found->length + 3U) / 4 * 4;
			fields.push_back(*found);
		}
		return fields;
	}

	void match_set(const json &left, const json &right, bool inverted)
	{
		const auto fields = load_key(left);

		if (!fields)
			return;
		const auto name = add_set(*fields, right, false, false);
		if (name)
			step(Lookup{*name, 0, std::nullopt, false, inverted});
	}

	// --- sets

	// The elements, in the set or in one that has a name.
	const json *elements(const json &from)
	{
		static const json NONE = json::array();

		if (from.is_object() && from.contains("set"))
			return &from["set"];
		const std::string name = from.is_string() ? from.get<std::string>() : "";
		const auto known = sets_.find(name.substr(std::min<std::size_t>(1, name.size())));
		if (!name.starts_with('@') || known == sets_.end()) {
			strange(from.dump());
			return nullptr;
		}
		return known->second.contains("elem") ? &known->second["elem"] : &NONE;
	}

	// Its name in the table.
	std::optional<std::string> add_set(const std::vector<Field> &fields, const json &from,
					   bool is_map, bool verdicts)
	{
		const json *all = elements(from);
		Set set;

		if (!all)
			return std::nullopt;
		if (fields.size() > 1)
			for (const Field &field : fields)
				set.fields.push_back(field.length);
		for (const json &one : *all) {
			auto element = read_element(fields, is_map ? one.at(0) : one);

			if (!element || (is_map && !add_data(*element, one.at(1), verdicts))) {
				strange(one.dump());
				return std::nullopt;
			}
			set.elements.push_back(std::move(*element));
		}
		const std::string name = "__" + std::to_string(table_.sets.size());
		table_.sets.emplace(name, std::move(set));
		return name;
	}

	// With a time or a counter, it is {"elem": {"val": ...}}.
	std::optional<Element> read_element(const std::vector<Field> &fields, const json &whole)
	{
		const bool more = whole.is_object() && whole.contains("elem");
		const json &from = more ? whole["elem"].at("val") : whole;
		Element element;

		if (from == "*") {
			element.any = true;
			return element;
		}
		const json one = json::array({from});
		const bool together = from.is_object() && from.contains("concat");
		const json &parts = together ? from["concat"] : one;
		if (parts.size() != fields.size())
			return std::nullopt;
		for (std::size_t i = 0; i < fields.size(); i++) {
			const auto found = range(fields[i], parts[i]);

			if (!found)
				return std::nullopt;
			for (auto [to, bytes] : {std::pair(&element.key, &found->first),
						 std::pair(&element.last, &found->last)}) {
				to->insert(to->end(), bytes->begin(), bytes->end());
				if (fields.size() > 1)
					to->resize((to->size() + 3) / 4 * 4);
			}
		}
		return element;
	}

	bool add_data(Element &element, const json &from, bool verdicts) const
	{
		if (verdicts) {
			const auto verdict = read_verdict(from);

			element.verdict = verdict.value_or(Verdict{});
			return verdict.has_value();
		}
		const auto ip = parse_ip(from.is_string() ? from.get<std::string>() : "");
		if (!ip || ip->family != family_)
			return false;
		element.data.assign(ip->bytes.begin(),
				    ip->bytes.begin() + static_cast<std::ptrdiff_t>(ip->size()));
		return true;
	}

	void verdict_map(const json &from)
	{
		const auto fields = load_key(from.at("key"));

		if (!fields)
			return;
		const auto name = add_set(*fields, from.at("data"), true, true);
		if (name)
			step(Lookup{*name, 0, std::nullopt, true, false});
	}

	// --- what changes

	void mangle(const json &from)
	{
		const json &key = from.at("key"), &value = from.at("value");

		if (!key.contains("payload")) { // a mark
			if (key.contains("meta") || key.contains("ct"))
				return;
			return strange("set " + key.dump());
		}
		const std::size_t before = rule_.steps.size();
		const auto found = field(key);
		if (!found)
			return;
		if (found->names == Field::Names::port && found->offset == 2)
			return set_port(key["payload"].at("protocol"), *found, value);
		if (found->names == Field::Names::dscp)
			return set_dscp(*found, value);
		if (found->names != Field::Names::address ||
		    found->offset != (family_ == Family::ip4 ? DADDR_IP4_DADDR : DADDR_IP6_DADDR)) {
			rule_.steps.resize(before);
			if (key["payload"].contains("base"))
				maybe_dscp(*found);
			return strange(key["payload"].value("protocol", "") + " " +
				       key["payload"].value("field", "") + " set");
		}
		set_address(*found, value);
	}

	// nft names a checksum of some protocols only, and of SCTP one that is no sum.
	void set_port(const std::string &protocol, const Field &field, const json &from)
	{
		const auto port = value(field, from);
		const std::uint32_t checksum = protocol == "tcp" ? 16 : protocol == "udp" ? 6 : 0;

		if (!port || *port == Bytes(2) || protocol == "sctp")
			return strange(protocol + " dport set " + from.dump());
		step(Constant{DATA, *port});
		step(Write{Header::transport, 2, 2, DATA, checksum});
		rule_.sets_port = true;
	}

	// So that whoever reads it knows that the DSCP may change.
	void maybe_dscp(const Field &field)
	{
		step(Write{field.header, field.offset, field.length, DATA});
	}

	void set_dscp(const Field &field, const json &from)
	{
		const auto bytes = value(field, from);
		unsigned int number = 0;

		for (const std::uint8_t byte : bytes.value_or(Bytes()))
			number = number << 8 | byte;
		number >>= field.shift;
		if (!bytes || number > 63) {
			maybe_dscp(field);
			return strange("dscp set " + from.dump());
		}
		add_tos_write(rule_, family_, number << 2, 0xfc);
	}

	void set_address(const Field &field, const json &from)
	{
		const std::uint32_t checksum = family_ == Family::ip4 ? DADDR_IP4_CHECK : 0;
		const Write write{Header::network, field.offset, field.length, DATA, checksum};

		if (from.is_object() && from.contains("map")) {
			const auto fields = load_key(from["map"].at("key"));

			if (!fields)
				return;
			const auto name = add_set(*fields, from["map"].at("data"), true, false);
			if (!name)
				return;
			step(Lookup{*name, 0, DATA, false, false});
			return step(write);
		}
		const auto address = value(field, from);
		if (!address)
			return strange("daddr set " + from.dump());
		step(Constant{DATA, *address});
		step(write);
	}

	const Family family_;
	Table &table_;
	const std::map<std::string, json> &sets_;
	Rule rule_;
	std::set<std::string> needed_; // protocols that were asked for
	bool other_family_ = false;
};

} // namespace

std::optional<Rule> read_nft_rule(const json &expressions, Family family, Table &table,
				  const std::map<std::string, json> &sets)
{
	return RuleReader(family, table, sets).read(expressions);
}

} // namespace dsr::nf
