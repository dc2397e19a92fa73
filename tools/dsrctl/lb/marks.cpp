// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/marks.hpp"

#include <algorithm>

#include "common/dscp.hpp"

namespace dsr::lb {

namespace {

const char CHAIN[] = "dsrctl-lb";

// Before IPVS, which stands in INPUT, after mangle.
const std::set<std::string> BEFORE = {"PREROUTING", "INPUT"};
const std::set<std::string> BUILT_IN = {"PREROUTING", "INPUT", "FORWARD",
					"OUTPUT", "POSTROUTING"};

bool one_of(const std::string &word, const std::set<std::string> &names)
{
	return names.contains(word);
}

const std::set<std::string> DESTINATION = {"-d", "--destination", "--dst"};
const std::set<std::string> PROTOCOL = {"-p", "--protocol"};
const std::set<std::string> PORTS = {"--dport", "--destination-port",
				     "--dports", "--destination-ports"};
const std::set<std::string> JUMP = {"-j", "--jump", "-g", "--goto"};
const std::set<std::string> TABLE = {"-t", "--table"};

// The word after an option that has several spellings.
std::string option(const Lines &lines, const std::set<std::string> &names)
{
	for (std::size_t i = 0; i < lines.words().size(); i++)
		if (one_of(lines.word(i), names))
			return lines.word(i + 1);
	return "";
}

// Are these all the matches that there are?
bool only_known_matches(const Lines &lines, std::size_t first)
{
	static const std::set<std::string> MODULES = {"tcp", "udp", "sctp",
						      "multiport", "comment"};
	static const std::set<std::string> WITH_VALUE = {
		"-d", "--destination", "--dst", "-p", "--protocol", "--dport",
		"--destination-port", "--dports", "--destination-ports", "-j",
		"--jump", "-g", "--goto", "-t", "--table", "--comment",
		"--set-dscp", "--set-dscp-class", "--set-tos", "--set-mark",
		"--set-xmark", "-i", "--in-interface"};

	for (std::size_t i = first; i < lines.words().size(); i++) {
		const std::string &word = lines.word(i);

		if (word == "-m" || word == "--match") {
			if (!one_of(lines.word(++i), MODULES))
				return false;
		} else if (word == "-c" || word == "--set-counters") {
			i += 2;
		} else if (one_of(word, WITH_VALUE)) {
			i++;
		} else if (word != "-w" && word != "--wait" &&
			   word != "2>/dev/null" && word != "||") {
			return false;
		}
	}
	return true;
}

bool parse_ports(const std::string &text, std::vector<Ports> &ports)
{
	for (std::size_t at = 0; at < text.size();) {
		std::size_t end = std::min(text.find(',', at), text.size());
		std::string part = text.substr(at, end - at);
		std::size_t colon = part.find(':');
		auto from = parse_unsigned(part.substr(0, colon), 65535);
		auto to = colon == part.npos ? from :
			  parse_unsigned(part.substr(colon + 1), 65535);

		if (!from || !to)
			return false;
		ports.push_back({*from, *to});
		at = end + 1;
	}
	return true;
}

// The DSCP of -j TOS --set-tos VALUE[/MASK]; none when it keeps some of what
// the packet had.
std::optional<std::uint8_t> parse_tos(const std::string &text)
{
	constexpr unsigned long DSCP_BITS = 0xfc;
	char *end;
	unsigned long value = std::strtoul(text.c_str(), &end, 0), mask = 0xff;

	if (end == text.c_str())
		return std::nullopt;
	if (*end == '/')
		mask = std::strtoul(end + 1, &end, 0);
	if (*end || value > 0xff || (mask & DSCP_BITS) != DSCP_BITS)
		return std::nullopt;
	return static_cast<std::uint8_t>(value >> 2);
}

// Is everything of these ports marked by this rule?
bool covers(const Marking &marking, const std::string &protocol,
	    const std::vector<Ports> &ports)
{
	auto has = [&](const Ports &wanted) {
		return std::any_of(marking.ports.begin(), marking.ports.end(),
				   [&](const Ports &one) {
					   return one.from <= wanted.from &&
						  wanted.to <= one.to;
				   });
	};

	if (!marking.protocol.empty() && marking.protocol != "all" &&
	    marking.protocol != protocol)
		return false;
	return marking.ports.empty() ||
	       (!ports.empty() && std::all_of(ports.begin(), ports.end(), has));
}

} // namespace

std::optional<unsigned int> parse_mark(const std::string &text)
{
	char *end;
	unsigned long mark = std::strtoul(text.c_str(), &end, 0);

	if (end == text.c_str() || (*end && *end != '/') || mark > 0xffffffff)
		return std::nullopt;
	return static_cast<unsigned int>(mark);
}

void Marks::line(const Lines &lines)
{
	const std::string &first = lines.word(0);
	std::size_t add = std::min(lines.find("-A"), lines.find("-I"));
	const std::string target = option(lines, JUMP);

	if (first.starts_with('*'))
		mangle_ = first == "*mangle";
	if (first.find("tables") != first.npos &&
	    first.find("-restore") == first.npos)
		mangle_ = option(lines, TABLE) == "mangle";
	if (!mangle_ || add >= lines.words().size() || target.empty())
		return;
	const std::string &chain = lines.word(add + 1);
	if (target == "DSCP" || target == "TOS" || target == "MARK")
		marking(lines, chain, target);
	else
		jump(lines, chain, target);
}

void Marks::jump(const Lines &lines, const std::string &chain,
		 const std::string &to)
{
	std::size_t add = std::min(lines.find("-A"), lines.find("-I"));
	bool all = option(lines, DESTINATION).empty() &&
		   option(lines, PROTOCOL).empty() &&
		   only_known_matches(lines, add + 2);

	if (all && one_of(chain, BEFORE))
		jumped_.insert(to);
	else
		jumped_if_[to] = lines.where();
}

void Marks::marking(const Lines &lines, const std::string &chain,
		    const std::string &target)
{
	std::string to = option(lines, DESTINATION);
	const std::size_t slash = to.find('/');
	std::size_t at = std::min(lines.find("-A"), lines.find("-I")) + 2;
	std::optional<unsigned int> prefix;
	Marking marking;

	marking.chain = chain;
	marking.where = lines.where();
	marking.text = lines.line();
	if (lines.word(at).find_first_not_of("0123456789") == std::string::npos &&
	    !lines.word(at).empty())
		at++;	// -I CHAIN NUMBER
	bool known = only_known_matches(lines, at) &&
		     parse_ports(option(lines, PORTS), marking.ports);
	bool negated = lines.find("!") < lines.words().size();
	if (!to.empty()) {
		marking.vip = reading_.take_ip(marking.where,
					       to.substr(0, slash));
		if (!marking.vip)
			return;
		prefix = slash == to.npos ? marking.vip->prefix() :
			 parse_unsigned(to.substr(slash + 1),
					marking.vip->prefix());
	}
	marking.protocol = option(lines, PROTOCOL);
	if (target == "DSCP") {
		marking.dscp = reading_.take_dscp(marking.where,
			option(lines, {"--set-dscp", "--set-dscp-class"}));
		if (!marking.dscp)
			return;
	} else if (target == "TOS") {
		marking.dscp = parse_tos(option(lines, {"--set-tos"}));
		known = known && marking.dscp;
	} else {
		marking.mark = parse_mark(option(lines, {"--set-mark",
							 "--set-xmark"}));
		known = known && marking.mark;
	}
	if (known && !negated && marking.vip &&
	    prefix == marking.vip->prefix() &&
	    (one_of(chain, BEFORE) || !one_of(chain, BUILT_IN))) {
		markings_.push_back(std::move(marking));
		return;
	}
	if (marking.vip && prefix && !negated)
		reading_.not_understood(marking.where, marking.text, marking.vip,
					prefix);
	else
		reading_.not_understood(marking.where, marking.text);
}

bool Marks::is_used(const Marking &marking)
{
	if (one_of(marking.chain, BEFORE) || jumped_.contains(marking.chain))
		return true;
	if (jumped_if_.contains(marking.chain))
		reading_.not_understood(marking.where, marking.text,
					marking.vip);
	return false;
}

void Marks::add(const VirtualService &service, const Ip &vip,
		const std::string &protocol, const std::vector<Ports> &ports)
{
	Mapping mapping{vip, service.where, std::nullopt, "", service.servers,
			false};

	for (std::size_t i = 0; i < markings_.size(); i++) {
		const Marking &marking = markings_[i];

		if (!marking.dscp || marking.vip != vip ||
		    !covers(marking, protocol, ports))
			continue;
		used_.insert(i);
		// the last of them wins
		mapping.dscp = marking.dscp;
		mapping.dscp_where = marking.where;
	}
	reading_.mappings.push_back(std::move(mapping));
}

// What rules with this mark let in is the service's.
void Marks::resolve_mark(const VirtualService &service)
{
	bool found = false;

	for (const Marking &marking : markings_) {
		if (marking.mark != service.mark ||
		    marking.vip->family != service.family)
			continue;
		found = true;
		add(service, *marking.vip, marking.protocol, marking.ports);
	}
	if (!found && reading_.unclear.empty())
		reading_.problem(service.where,
				 "a service of mark " +
					 std::to_string(service.mark),
				 "a rule with -d that sets this mark");
}

// Marks what no service forwards.
void Marks::alone(const Marking &marking)
{
	// its service may be what is not understood
	for (const Unclear &one : reading_.unclear)
		if (one.about(*marking.vip))
			return;
	reading_.problem(marking.where, "a DSCP for " + text(*marking.vip),
			 "a service of IPVS for the same");
	reading_.mappings.push_back({*marking.vip, marking.where, marking.dscp,
				     marking.where, {}, false});
}

void Marks::resolve(const std::vector<VirtualService> &services)
{
	std::erase_if(markings_, [this](const Marking &marking) {
		return !is_used(marking);
	});
	for (const VirtualService &service : services) {
		if (service.vip)
			add(service, *service.vip, service.protocol,
			    {{service.port, service.port}});
		else
			resolve_mark(service);
	}
	for (std::size_t i = 0; i < markings_.size(); i++)
		if (markings_[i].dscp && !used_.contains(i) &&
		    markings_[i].protocol.find("icmp") == std::string::npos)
			alone(markings_[i]);
}

unsigned int mark_of(const Site &site, const Virtual &vip)
{
	constexpr unsigned int DSCPS = 64;
	unsigned int base = 0;

	for (const Pool &pool : site.pools) {
		for (const Virtual &one : pool.vips)
			if (one.ip == vip.ip)
				return base + vip.dscp;
		base += DSCPS;
	}
	return vip.dscp;
}

std::string write_marks(const Site &site, Family family)
{
	const std::string program = family == Family::ip4 ? "iptables" :
							    "ip6tables";
	std::string lines = program + "-restore --noflush <<'TEXT'\n*mangle\n:" +
			    CHAIN + " -\n";

	for (const Pool &pool : site.pools) {
		for (const Virtual &vip : pool.vips) {
			if (vip.ip.family != family)
				continue;
			const std::string to = std::string("-A ") + CHAIN +
					       " -d " + text(vip.ip) + "/" +
					       std::to_string(vip.ip.prefix());
			const std::string mark = " -j DSCP --set-dscp " +
						 hex(vip.dscp);

			for (const Service &service : site.services)
				lines += to + " -p " + service.protocol +
					 " --dport " +
					 std::to_string(service.port) + mark +
					 "\n";
			if (site.services.empty())
				lines += to + " -j MARK --set-mark " +
					 std::to_string(mark_of(site, vip)) +
					 "\n" + to + mark + "\n";
		}
	}
	return lines + "COMMIT\nTEXT\n" + program +
	       " -w -t mangle -C PREROUTING -j " + CHAIN +
	       " 2>/dev/null ||\n\t" + program +
	       " -w -t mangle -A PREROUTING -j " + CHAIN + "\n";
}

} // namespace dsr::lb
