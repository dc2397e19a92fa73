// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/lb/marks.hpp"

#include <algorithm>

#include "common/dscp.hpp"

namespace dsr::lb {

namespace {

const char CHAIN[] = "dsrctl-lb";

// Before IPVS, which stands in INPUT, after mangle.
const char *const BEFORE[] = {"PREROUTING", "INPUT"};
const std::set<std::string> BUILT_IN = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

bool one_of(const std::string &word, const std::set<std::string> &names)
{
	return names.contains(word);
}

bool is_before(const std::string &chain)
{
	return std::find(std::begin(BEFORE), std::end(BEFORE), chain) != std::end(BEFORE);
}

const std::set<std::string> ADD = {"-A", "--append", "-I", "--insert"};
const std::set<std::string> ENDS = {"ACCEPT", "DROP", "RETURN", "QUEUE", "NFQUEUE"};
const std::set<std::string> DESTINATION = {"-d", "--destination", "--dst"};
const std::set<std::string> PROTOCOL = {"-p", "--protocol"};
const std::set<std::string> PORTS = {"--dport", "--destination-port", "--dports",
				     "--destination-ports"};
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

// After "-A CHAIN", or "-I CHAIN NUMBER".
std::size_t first_match(const Lines &lines)
{
	std::size_t at = 0;

	while (at < lines.words().size() && !one_of(lines.word(at), ADD))
		at++;
	at += 2;
	return at + parse_unsigned(lines.word(at), 100000).has_value();
}

// Are these all the matches that there are?
bool only_known_matches(const Lines &lines, std::size_t first)
{
	static const std::set<std::string> MODULES = {"tcp", "udp", "sctp", "multiport", "comment"};
	static const std::set<std::string> WITH_VALUE = {"-d",
							 "--destination",
							 "--dst",
							 "-p",
							 "--protocol",
							 "--dport",
							 "--destination-port",
							 "--dports",
							 "--destination-ports",
							 "-j",
							 "--jump",
							 "-g",
							 "--goto",
							 "-t",
							 "--table",
							 "--comment",
							 "--set-dscp",
							 "--set-dscp-class",
							 "--set-tos",
							 "--set-mark",
							 "--set-xmark",
							 "-i",
							 "--in-interface"};

	for (std::size_t i = first; i < lines.words().size(); i++) {
		const std::string &word = lines.word(i);

		if (word == "-m" || word == "--match") {
			if (!one_of(lines.word(++i), MODULES))
				return false;
		} else if (word == "-c" || word == "--set-counters") {
			i += 2;
		} else if (one_of(word, WITH_VALUE)) {
			i++;
		} else if (word != "-w" && word != "--wait" && word != "2>/dev/null" &&
			   word != "||") {
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
		auto to = colon == part.npos ? from : parse_unsigned(part.substr(colon + 1), 65535);

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
bool covers(const Marking &marking, const std::string &protocol, const std::vector<Ports> &ports)
{
	auto has = [&](const Ports &wanted) {
		return std::any_of(marking.ports.begin(), marking.ports.end(),
				   [&](const Ports &one) {
					   return one.from <= wanted.from && wanted.to <= one.to;
				   });
	};

	if (!marking.protocol.empty() && marking.protocol != "all" && marking.protocol != protocol)
		return false;
	return marking.ports.empty() ||
	       (!ports.empty() && std::all_of(ports.begin(), ports.end(), has));
}

// Is something for both?
bool overlap(const Marking &one, const Marking &other)
{
	if (!one.protocol.empty() && !other.protocol.empty() && one.protocol != "all" &&
	    one.protocol != other.protocol)
		return false;
	return overlap(one.ports, other.ports);
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
	const std::string chain = option(lines, ADD);
	const std::string target = option(lines, JUMP);

	if (first.starts_with('*'))
		mangle_ = first == "*mangle";
	if (first.find("tables") != first.npos && first.find("-restore") == first.npos)
		mangle_ = option(lines, TABLE) == "mangle";
	if (!mangle_)
		return;
	if (chain.empty())
		remove(lines);
	else if (target == "DSCP" || target == "TOS" || target == "MARK")
		marking(lines, chain, target);
	else if (one_of(target, ENDS))
		end(lines, chain, target);
	else if (!target.empty())
		jump(lines, chain, target);
}

// -F CHAIN, and what takes single rules away
void Marks::remove(const Lines &lines)
{
	static const std::set<std::string> FLUSH = {"-F", "--flush"};
	static const std::set<std::string> CHANGE = {"-D", "--delete", "-R", "--replace"};
	auto has = [&](const std::set<std::string> &names) {
		return std::any_of(lines.words().begin(), lines.words().end(),
				   [&](const std::string &word) { return names.contains(word); });
	};

	if (has(FLUSH)) {
		const std::string chain = option(lines, FLUSH);

		if (chain.empty() || chain.starts_with('-'))
			chains_.clear();
		else
			chains_.erase(chain);
	} else if (has(CHANGE) && !option(lines, JUMP).empty()) {
		reading_.not_understood(lines.where(), std::string(lines.line()));
	}
}

// -I CHAIN [NUMBER]: before those that there are.
void Marks::add(const Lines &lines, Step step)
{
	std::vector<Step> &steps = chains_[option(lines, ADD)];
	std::size_t at = steps.size();

	for (std::size_t i = 0; i < lines.words().size(); i++)
		if (lines.word(i) == "-I" || lines.word(i) == "--insert")
			at = std::min<std::size_t>(
				at, std::max(parse_unsigned(lines.word(i + 2), 100000).value_or(1),
					     1U) -
					    1);
	steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(at), std::move(step));
}

void Marks::jump(const Lines &lines, const std::string &chain, const std::string &to)
{
	Step step;

	step.kind = Step::Kind::jump;
	step.to = to;
	step.all = option(lines, DESTINATION).empty() && option(lines, PROTOCOL).empty() &&
		   only_known_matches(lines, first_match(lines));
	step.marking.chain = chain;
	add(lines, std::move(step));
}

// What ends for packets, so that rules after it do not mark them.
void Marks::end(const Lines &lines, const std::string &chain, const std::string &target)
{
	const std::string to = option(lines, DESTINATION);
	const std::size_t slash = to.find('/');
	const std::string in = option(lines, {"-i", "--in-interface"});
	Step step;

	step.kind = Step::Kind::end;
	step.returns = target == "RETURN";
	step.marking.chain = chain;
	step.marking.where = lines.where();
	step.marking.text = lines.line();
	step.marking.protocol = option(lines, PROTOCOL);
	step.all = only_known_matches(lines, first_match(lines)) && in.empty() &&
		   parse_ports(option(lines, PORTS), step.marking.ports) &&
		   lines.find("!") == lines.words().size();
	if (!to.empty()) {
		step.marking.vip = parse_ip(to.substr(0, slash));
		step.all = step.all && step.marking.vip &&
			   (slash == to.npos ||
			    to.substr(slash + 1) == std::to_string(step.marking.vip->prefix()));
		if (!step.all)
			step.marking.vip.reset();
	}
	// what is dropped gets to no server; some of it is a firewall's
	const bool whole = step.all && step.marking.protocol.empty() && step.marking.ports.empty();
	if (in == "lo" || (target == "DROP" && !whole))
		return;
	add(lines, std::move(step));
}

void Marks::marking(const Lines &lines, const std::string &chain, const std::string &target)
{
	std::string to = option(lines, DESTINATION);
	const std::size_t slash = to.find('/');
	std::optional<unsigned int> prefix;
	Marking marking;

	marking.chain = chain;
	marking.where = lines.where();
	marking.text = lines.line();
	bool known = only_known_matches(lines, first_match(lines)) &&
		     parse_ports(option(lines, PORTS), marking.ports);
	bool negated = lines.find("!") < lines.words().size();
	if (!to.empty()) {
		marking.vip = reading_.take_ip(marking.where, to.substr(0, slash));
		if (!marking.vip)
			return;
		prefix = slash == to.npos ?
				 marking.vip->prefix() :
				 parse_unsigned(to.substr(slash + 1), marking.vip->prefix());
	}
	marking.protocol = option(lines, PROTOCOL);
	if (target == "DSCP") {
		marking.dscp = reading_.take_dscp(
			marking.where, option(lines, {"--set-dscp", "--set-dscp-class"}));
		if (!marking.dscp)
			return;
	} else if (target == "TOS") {
		marking.dscp = parse_tos(option(lines, {"--set-tos"}));
		known = known && marking.dscp;
	} else {
		marking.mark = parse_mark(option(lines, {"--set-mark", "--set-xmark"}));
		known = known && marking.mark;
	}
	if (known && !negated && marking.vip && prefix == marking.vip->prefix() &&
	    (is_before(chain) || !one_of(chain, BUILT_IN))) {
		Step step;

		step.marking = std::move(marking);
		add(lines, std::move(step));
		return;
	}
	if (marking.vip && prefix && !negated)
		reading_.not_understood(marking.where, marking.text, marking.vip, prefix);
	else
		reading_.not_understood(marking.where, marking.text);
}

// Where something cannot be said, it is not understood.
bool Marks::is_over(const Marking &marking, const std::vector<const Step *> &ends)
{
	for (const Step *end : ends) {
		const Marking &one = end->marking;

		if (one.vip && one.vip != marking.vip)
			continue;
		if (end->all && covers(one, marking.protocol, marking.ports))
			return true;
		if (!end->all || overlap(one, marking))
			reading_.not_understood(one.where, one.text, marking.vip);
	}
	return false;
}

// Rules in the order that packets come to them.
void Marks::walk(const std::string &chain, std::vector<const Step *> &ends)
{
	const auto steps = chains_.find(chain);

	if (steps == chains_.end() || !walked_.insert(chain).second)
		return;
	for (const Step &step : steps->second) {
		if (step.kind == Step::Kind::end)
			ends.push_back(&step);
		else if (step.kind == Step::Kind::jump && step.all)
			walk(step.to, ends);
		else if (step.kind == Step::Kind::mark && !is_over(step.marking, ends))
			markings_.push_back(step.marking);
	}
	std::erase_if(ends,
		      [&](const Step *end) { return end->returns && end->marking.chain == chain; });
}

// Of chains that only some packets come to.
void Marks::look_at_others()
{
	for (const auto &[chain, steps] : chains_)
		for (const Step &step : steps) {
			const auto to = chains_.find(step.to);

			if (step.kind != Step::Kind::jump || step.all || to == chains_.end() ||
			    walked_.contains(step.to))
				continue;
			for (const Step &one : to->second)
				if (one.kind == Step::Kind::mark)
					reading_.not_understood(one.marking.where, one.marking.text,
								one.marking.vip);
		}
}

void Marks::add(const VirtualService &service, const Ip &vip, const std::string &protocol,
		const std::vector<Ports> &ports)
{
	Mapping mapping{vip,   service.where, std::nullopt, "", service.servers,
			false, protocol,      ports};

	for (std::size_t i = 0; i < markings_.size(); i++) {
		const Marking &marking = markings_[i];

		if (!marking.dscp || marking.vip != vip || !covers(marking, protocol, ports))
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
		if (marking.mark != service.mark || marking.vip->family != service.family)
			continue;
		found = true;
		add(service, *marking.vip, marking.protocol, marking.ports);
	}
	if (!found && reading_.unclear.empty())
		reading_.problem(service.where, "a service of mark " + std::to_string(service.mark),
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
	reading_.mappings.push_back(
		{*marking.vip, marking.where, marking.dscp, marking.where, {}, false});
}

void Marks::resolve(const std::vector<VirtualService> &services)
{
	for (const char *chain : BEFORE) {
		std::vector<const Step *> ends;

		walk(chain, ends);
	}
	look_at_others();
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
	const std::string program = family == Family::ip4 ? "iptables" : "ip6tables";
	std::string lines = program + "-restore --noflush <<'TEXT'\n*mangle\n:" + CHAIN + " -\n";

	for (const Pool &pool : site.pools) {
		for (const Virtual &vip : pool.vips) {
			if (vip.ip.family != family)
				continue;
			const std::string to = std::string("-A ") + CHAIN + " -d " + text(vip.ip) +
					       "/" + std::to_string(vip.ip.prefix());
			const std::string mark = " -j DSCP --set-dscp " + hex(vip.dscp);

			const auto services = services_of(site, vip);

			for (const Service &service : services)
				lines += to + " -p " + service.protocol + " --dport " +
					 std::to_string(service.port) + mark + "\n";
			if (services.empty())
				lines += to + " -j MARK --set-mark " +
					 std::to_string(mark_of(site, vip)) + "\n" + to + mark +
					 "\n";
		}
	}
	return lines + "COMMIT\nTEXT\n" + program + " -w -t mangle -C PREROUTING -j " + CHAIN +
	       " 2>/dev/null ||\n\t" + program + " -w -t mangle -A PREROUTING -j " + CHAIN + "\n";
}

} // namespace dsr::lb
