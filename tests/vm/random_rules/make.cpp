// SPDX-License-Identifier: BSD-3-Clause
#include "make.hpp"

#include <netinet/in.h>

namespace random_rules {

namespace {

const std::string NETWORK4 = "10.77.0.", NETWORK6 = "2001:db8:77::";
const std::string SERVERS4 = "192.0.2.", SERVERS6 = "2001:db8:9::";
constexpr std::uint16_t PORTS[] = {80, 443, 8080, 8443};
const std::string CLIENTS4 = "203.0.113.", CLIENTS6 = "2001:db8:113::";

std::vector<Ip> addresses(const std::string &network, std::initializer_list<const char *> last)
{
	std::vector<Ip> all;

	for (const char *one : last)
		all.push_back(dsr::parse_ip(network + one).value());
	return all;
}

std::string ip(Family family)
{
	return family == Family::ip4 ? "ip" : "ip6";
}

std::string rule_line(const std::string &chain, const std::string &words)
{
	return "-A " + chain + words + "\n";
}

} // namespace

std::vector<Ip> vips(Family family)
{
	return addresses(family == Family::ip4 ? NETWORK4 : NETWORK6, {"1", "2", "3"});
}

std::vector<Ip> servers(Family family)
{
	return addresses(family == Family::ip4 ? SERVERS4 : SERVERS6, {"31", "32", "33"});
}

std::vector<std::string> networks()
{
	return {NETWORK4 + "0/24", NETWORK6 + "/64", SERVERS4 + "0/24", SERVERS6 + "/64"};
}

Packet Maker::packet(Family family)
{
	Packet packet;

	packet.family = family;
	packet.in = below(2);
	packet.from = any(addresses(family == Family::ip4 ? CLIENTS4 : CLIENTS6, {"1", "200"}));
	packet.to = one_in(8) ? any(vips(family)) : any(servers(family));
	packet.dscp = one_in(16) ? 0 : dscp();
	packet.protocol = one_in(2) ? IPPROTO_UDP : IPPROTO_TCP;
	packet.port = any(PORTS);
	packet.id = next_;
	next_ = next_ == 65535 ? 1024 : static_cast<std::uint16_t>(next_ + 1);
	return packet;
}

// --- iptables

std::string Maker::xt_port(const std::string &protocol)
{
	const std::string match = " -m " + protocol;

	switch (below(4)) {
	case 0:
		return match + " --dport " + any_of({"80", "8080", "443"});
	case 1:
		return match + " --dport " + any_of({"80:443", ":8080", "8443:"});
	case 2:
		return match + " ! --dport " + any_of({"80", "8080"});
	default:
		return " -m multiport" + any_of({"", " !"}) + " --dports " +
		       any_of({"80,8080", "443,8080:8443", "1:79"});
	}
}

std::string Maker::xt_match(Family family)
{
	const bool ip4 = family == Family::ip4;

	switch (below(8)) {
	case 0:
		return any_of({" -i rules0", " ! -i rules0", " -i rules+", " -i rules1"});
	case 1:
		return any_of({"", " !"}) + " -s " +
		       (ip4 ? any_of({CLIENTS4 + "0/25", CLIENTS4 + "1/32"}) :
			      any_of({CLIENTS6 + "/121", CLIENTS6 + "1/128"}));
	case 2:
		return any_of({"", "", " !"}) + " -d " + server(family);
	case 3:
		return " -m tos" + any_of({"", " !"}) + " --tos " + std::to_string(dscp() * 4) +
		       "/0xfc";
	case 4:
		return " -m comment --comment \"-j DROP\"";
	case 5:
		return one_in(4) ? " -m length --length 0:65535" : "";
	default:
		return " -m dscp" + any_of({"", "", "", " !"}) + " --dscp " + number();
	}
}

std::string Maker::xt_target(Family family, const std::string &table, unsigned int level,
			     bool has_ports)
{
	switch (below(10)) {
	case 0:
		return any_of({" -j ACCEPT", " -j RETURN"});
	case 1:
		return one_in(3) ? " -j DROP" : " -j RETURN";
	case 2:
	case 3:
		if (level < 2)
			return any_of({" -j ", " -j ", " -g "}) +
			       (level ? "b" : any_of({"a", "b"}));
		[[fallthrough]];
	case 4:
		if (table == "mangle")
			return " -j DSCP --set-dscp " + number();
		[[fallthrough]];
	case 5:
		return " -j DADDR --dscp-map " + number() + "=" + vip(family) +
		       ",20=" + vip(family);
	default:
		return " -j DADDR --set-daddr " + vip(family) +
		       (has_ports && one_in(2) ? " --set-dport " + any_of({"80", "443"}) : "");
	}
}

std::string Maker::xt_rule(Family family, const std::string &table, const std::string &chain,
			   unsigned int level)
{
	std::string words;
	const bool has_ports = one_in(4);

	if (has_ports) {
		const std::string protocol = any_of({"tcp", "udp"});

		words += " -p " + protocol + (one_in(4) ? "" : xt_port(protocol));
	}
	// One of each kind: of two, iptables takes the last, or none.
	for (unsigned int i = below(3); i; i--) {
		const std::string match = xt_match(family);

		if (words.find(match.substr(0, 5)) == words.npos &&
		    (match.find(" -i") == match.npos || words.find(" -i") == words.npos) &&
		    (match.find(" -s") == match.npos || words.find(" -s") == words.npos) &&
		    (match.find(" -d") == match.npos || words.find(" -d") == words.npos))
			words += match;
	}
	return rule_line(chain, words + xt_target(family, table, level, has_ports));
}

std::string Maker::iptables(Family family)
{
	std::string text;

	for (const std::string table : {"raw", "mangle"}) {
		text += "*" + table + "\n:PREROUTING " + (one_in(16) ? "DROP" : "ACCEPT") +
			" [0:0]\n" + (table == "mangle" ? ":INPUT ACCEPT [0:0]\n" : "") +
			":a - [0:0]\n:b - [0:0]\n";
		for (const auto &[chain, level] :
		     {std::pair("PREROUTING", 0U), {"a", 1U}, {"b", 2U}})
			for (unsigned int i = below(4); i; i--)
				text += xt_rule(family, table, chain, level);
		if (table == "mangle" && one_in(3))
			text += xt_rule(family, table, "INPUT", 0);
		text += "COMMIT\n";
	}
	return text;
}

// --- nft

std::string Maker::nft_match(Family family)
{
	const std::string ip = random_rules::ip(family);
	const std::vector<Ip> all = servers(family);
	const std::string first = dsr::text(all[0]), second = dsr::text(all[1]);

	switch (below(11)) {
	case 0:
		return any_of({"iifname rules0 ", "iifname != rules0 ", "iif rules1 ",
			       "iifname \"rules*\" "});
	case 1:
		return ip + " saddr " +
		       (family == Family::ip4 ? CLIENTS4 + "0/25 " : CLIENTS6 + "/121 ");
	case 2:
		return ip + " daddr " + any_of({"", "!= "}) + server(family) + " ";
	case 3:
		return ip + " daddr " + any_of({"", "!= "}) + "{ " + first + ", " + second + " } ";
	case 4:
		return ip + " daddr " + first + "-" + second + " ";
	case 5:
		return ip + " dscp " + any_of({"!= ", "< ", ">= "}) + number() + " ";
	case 6:
		return ip + " dscp " + any_of({"{ 6, 8 } ", "!= { 6, 8 } ", "6-7 "});
	case 7:
		return any_of({"udp dport 80 ", "tcp dport { 80, 8080-8443 } ", "udp dport != 80 ",
			       "meta l4proto udp ", "th dport 8080 "});
	case 8:
		return ip + " daddr . " + ip + " dscp { " + first + " . 7, " + second + " . 8 } ";
	default:
		return ip + " dscp " + number() + " ";
	}
}

std::string Maker::nft_map(Family family)
{
	const std::string ip = random_rules::ip(family);
	const std::string set = ip + " daddr set ";

	switch (below(3)) {
	case 0:
		return set + ip + " dscp map { 6 : " + vip(family) + ", 7 : " + vip(family) + " }";
	case 1:
		return set + ip + " dscp map @m";
	default:
		return set + ip + " daddr . " + ip + " dscp map { " + server(family) +
		       " . 7 : " + vip(family) + ", " + server(family) + " . 8 : " + vip(family) +
		       " }";
	}
}

std::string Maker::nft_action(Family family, unsigned int level)
{
	const std::string ip = random_rules::ip(family);
	const std::string deeper = level ? "v" : any_of({"u", "v"});

	switch (below(12)) {
	case 0:
		return any_of({"accept", "return", "counter", "meta mark set 1"});
	case 1:
		return one_in(3) ? "drop" : "return";
	case 2:
		return ip + " dscp set " + number();
	case 3:
		return nft_map(family);
	case 4:
		if (level < 2)
			return any_of({"jump ", "jump ", "goto "}) + deeper;
		[[fallthrough]];
	case 5:
		if (level < 2)
			return ip + " dscp vmap { 6 : jump " + deeper + ", 7 : goto " + deeper +
			       any_of({"", ", 8 : drop", ", 9 : accept"}) + " }";
		[[fallthrough]];
	case 6:
		return "udp dport 8080 " + ip + " daddr set " + vip(family) + " udp dport set 80";
	case 7:
		return "meta length > 1 " + ip + " daddr set " + vip(family);
	default:
		return ip + " daddr set " + vip(family);
	}
}

std::string Maker::nft_rules(Family family, unsigned int level)
{
	std::string rules;

	for (unsigned int i = below(4); i; i--) {
		std::string rule;

		for (unsigned int matches = below(3); matches; matches--)
			rule += nft_match(family);
		rule += nft_action(family, level);
		// nft refuses what can be for no packet
		if (rule.find("udp") == rule.npos || rule.find("tcp") == rule.npos)
			rules += "\t\t" + rule + "\n";
	}
	return rules;
}

std::string Maker::nft_table(Family family, const std::string &kind, const std::string &name)
{
	const std::string type = family == Family::ip4 ? "ipv4_addr" : "ipv6_addr";
	const std::string priority = any_of(
		{"-350", "-310", "-300", "-290", "-160", "-150", "-1", "100"});
	const std::string hook = kind == "netdev" ? "ingress device rules0" :
				 one_in(5)	  ? "input" :
						    "prerouting";

	return "table " + kind + " " + name + " {\n\tmap m {\n\t\ttype dscp : " + type +
	       "\n\t\telements = { 8 : " + vip(family) + ", 9 : " + vip(family) + " }\n\t}\n" +
	       "\tchain v {\n" + nft_rules(family, 2) + "\t}\n" + "\tchain u {\n" +
	       nft_rules(family, 1) + "\t}\n" + "\tchain p {\n\t\ttype filter hook " + hook +
	       " priority " + priority + "; policy " + (one_in(16) ? "drop" : "accept") + ";\n" +
	       nft_rules(family, 0) + "\t}\n}\n";
}

std::string Maker::nft(Family family)
{
	std::string text;

	for (unsigned int i = below(3); i; i--)
		text += nft_table(family, any_of({ip(family), "inet", "netdev"}),
				  "t" + std::to_string(i));
	return text;
}

std::string Maker::value(Family family)
{
	if (!one_in(6))
		return "";
	return vip(family) + (one_in(2) ? "@" + server(family) : "");
}

} // namespace random_rules
