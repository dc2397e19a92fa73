// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/config.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/dscp.hpp"
#include "common/files.hpp"
#include "common/text_lines.hpp"

namespace dsr {

namespace {

constexpr std::string_view BLANKS = " \t\r\v\f";

// Thrown within a line; what was wrong with it.
struct Bad {
	std::string found, expected;
	Problem::Kind kind = Problem::Kind::syntax;
};

// Words, and "=" by itself.
std::vector<std::string> split(std::string_view line)
{
	std::vector<std::string> words;

	for (std::size_t at = 0; at < line.size();) {
		std::size_t end;

		if (BLANKS.find(line[at]) != BLANKS.npos) {
			at++;
			continue;
		}
		end = line[at] == '=' ? at + 1 :
					std::min(line.find_first_of("= \t\r\v\f", at), line.size());
		words.emplace_back(line.substr(at, end - at));
		at = end;
	}
	return words;
}

bool only(const std::string &text, std::string_view allowed)
{
	return text.find_first_not_of(allowed) == text.npos;
}

bool is_host_name(const std::string &text)
{
	return only(text, "abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
}

// The VIP and its port of a word; without one, the VIP is the whole word.
struct Place {
	std::string vip;
	std::optional<std::string> port;
};

// Of IPv6, the address is in brackets where there is a port.
Place split_port(const std::string &word)
{
	const std::size_t bracket = word.find("]:");
	const std::size_t colon = word.find(':');

	Place place{word, std::nullopt};

	if (word.starts_with('[') && bracket != word.npos)
		place = {word.substr(1, bracket - 1), word.substr(bracket + 2)};
	else if (colon != word.npos && word.find(':', colon + 1) == word.npos)
		place = {word.substr(0, colon), word.substr(colon + 1)};
	if (!place.port || place.port->empty() || !only(*place.port, "0123456789"))
		return {word, std::nullopt};
	return place;
}

std::uint16_t port_of(const std::string &word, const std::string &expected)
{
	const auto port = parse_port(word);

	if (!port)
		throw Bad{quote(word), expected + ": 1 to 65535"};
	return *port;
}

void set_vip(Entry &entry, const std::string &word, const Resolver &resolver)
{
	std::string why;
	std::optional<Ip> ip;

	entry.name = word;
	if (word.find('/') != word.npos)
		throw Bad{quote(word), "one address, without a prefix length"};
	if (word.find(':') != word.npos) {
		if (!(ip = parse_ip(word)))
			throw Bad{quote(word), "an IPv6 address such as 2001:db8::46"};
	} else if (only(word, "0123456789.")) {
		if (!(ip = parse_ip(word)))
			throw Bad{quote(word), "an IPv4 address such as 10.128.8.46"};
	} else if (!is_host_name(word)) {
		throw Bad{quote(word), "a VIP: an IPv4 or IPv6 address, or a host name"};
	} else {
		entry.is_host = true;
		if (!(ip = resolver(word, why)))
			throw Bad{"the host name " + quote(word) + ", which does not resolve (" +
					  why + ")",
				  "one that has an IPv4 address", Problem::Kind::name};
	}
	entry.ip = *ip;
	if (const char *refused = refuse(*ip))
		throw Bad{quote(word) + ", " + refused, "the address of a host"};
}

void set_dscp(Entry &entry, const std::string &word)
{
	entry.dscp = parse_dscp(word);
	entry.dscp_text = word;
	if (!entry.dscp)
		throw Bad{
			quote(word),
			"a DSCP: 0 to 63, decimal, 0octal or 0xhex, or a class name (EF, AF11, CS1)"};
}

void set_dev(Entry &entry, const std::string &word)
{
	if (word == "=" || word == "." || word == ".." || word.size() >= IFNAMSIZ ||
	    word.find_first_of("/:") != word.npos)
		throw Bad{quote(word),
			  "the name of an interface, of 15 characters at most, after dev"};
	entry.dev = word;
}

void set_to(Entry &entry, const std::string &word)
{
	entry.to = parse_ip(word);
	if (!entry.to)
		throw Bad{quote(word), "an address of this server after \"to\", numeric"};
	if (const char *refused = refuse(*entry.to))
		throw Bad{quote(word) + " after \"to\", " + refused, "an address of this server"};
}

// What only both addresses tell.
void check_to(const Entry &entry)
{
	if (!entry.to)
		return;
	if (entry.to->family != entry.ip.family)
		throw Bad{quote(text(*entry.to)) + " after \"to\"",
			  std::string("an ") + name(entry.ip.family) +
				  " address, as the VIP is one"};
	if (*entry.to == entry.ip)
		throw Bad{"the VIP itself after \"to\"",
			  "the server's own address, which the load balancer sends to"};
}

// The words of a line, one after the other.
class Words {
public:
	explicit Words(const std::vector<std::string> &words) : words_(words) {}

	bool at(const std::string &word) const
	{
		return next_ < words_.size() && words_[next_] == word;
	}
	bool done() const { return next_ == words_.size(); }
	const std::string &peek() const { return words_[next_]; }
	const std::string &next(const std::string &expected)
	{
		if (done())
			throw Bad{"the end of the line", expected};
		return words_[next_++];
	}

private:
	const std::vector<std::string> &words_;
	std::size_t next_ = 0;
};

// After the DSCP, of a VIP with a port.
void set_ports(Entry &entry, const std::string &vip_port, Words &words)
{
	static const char EXPECTED[] =
		"tcp, udp, udplite or dccp and the port that the load balancer sends to";
	const std::string word = words.next(EXPECTED);
	const auto protocol = parse_protocol(word);

	if (!protocol)
		throw Bad{quote(word), EXPECTED};
	entry.ports = PortChange{
		*protocol, port_of(words.next("a port after " + word), "a port after " + word),
		port_of(vip_port, "a port after the VIP")};
}

// "to RIP" and "dev IFACE", each once.
void set_rest(Entry &entry, Words &words)
{
	bool may_to = entry.dscp.has_value(), may_dev = true;

	while (!words.done()) {
		if (may_to && words.at("to")) {
			words.next("");
			set_to(entry, words.next("an address of this server after \"to\""));
			may_to = false;
		} else if (may_dev && words.at("dev")) {
			words.next("");
			set_dev(entry, words.next("the name of an interface after dev"));
			may_dev = false;
		} else {
			throw Bad{quote(words.peek()),
				  std::string(may_to ? "to and an address, " : "") +
					  (may_dev ? "dev and an interface, " : "") +
					  (may_to || may_dev ? "or " : "") + "the end of the line"};
		}
	}
}

Entry parse(const std::vector<std::string> &all, const Resolver &resolver)
{
	Words words(all);
	Entry entry;

	if (words.at("="))
		throw Bad{quote("="), "a VIP before it"};
	const Place place = split_port(words.next(""));
	// The host name is asked for last: not when the line is wrong anyway.
	if (words.at("=")) {
		words.next("");
		if (words.at("="))
			throw Bad{"a second =", "a DSCP after the first"};
		set_dscp(entry, words.next("a DSCP after ="));
		if (place.port)
			set_ports(entry, *place.port, words);
		else if (!words.done() && parse_protocol(words.peek()))
			throw Bad{quote(words.peek()) + " and no port after the VIP",
				  "VIP:PORT before ="};
	} else if (place.port) {
		throw Bad{words.done() ? "the end of the line" : quote(words.peek()),
			  "= and a DSCP, as the VIP has a port"};
	} else if (!words.done() && !words.at("dev")) {
		throw Bad{quote(words.peek()),
			  "= and a DSCP, dev and an interface, or the end of the line"};
	}
	set_rest(entry, words);
	set_vip(entry, place.vip, resolver);
	check_to(entry);
	return entry;
}

bool is_configuration(const std::string &name)
{
	return name.ends_with(".conf");
}

// Is the directory a link to one that it is in?
bool leads_back(const std::filesystem::path &path)
{
	std::error_code ignored;
	std::string to = std::filesystem::canonical(path, ignored) / "";
	std::string in = std::filesystem::canonical(path.parent_path(), ignored) / "";

	return in.starts_with(to);
}

} // namespace

void ConfigReader::line(std::string_view text, const std::string &where)
{
	std::vector<std::string> words = split(text.substr(0, text.find('#')));

	if (words.empty())
		return;
	// What files of some installations begin with; it says nothing here.
	if (words[0] == "Version")
		return;
	try {
		Entry parsed = parse(words, resolver_);

		parsed.where = where;
		entry(std::move(parsed));
	} catch (const Bad &bad) {
		config.errors.push_back(
			{bad.kind, where + ": found " + bad.found + ", expected " + bad.expected});
	}
}

// Why two l3dsr entries cannot both be; nothing when they can.
std::string ConfigReader::conflict(const Entry &entry, const Entry &other)
{
	if (!entry.dscp || !other.dscp)
		return "";
	const Item one = entry.item(), two = other.item();

	if (overlap(one, two) && !agree(one, two))
		return "another one: in " + other.where + " it stands for " + other.title();
	if (chained(one, two) || chained(two, one))
		return "\"to\" and an address for both, as what one makes of a packet is for the other: " +
		       other.where;
	return "";
}

void ConfigReader::entry(Entry entry)
{
	for (const Entry &other : config.entries) {
		if (entry.ip == other.ip && entry.dscp == other.dscp && entry.dev == other.dev &&
		    entry.to == other.to && entry.ports == other.ports) {
			config.warnings.push_back(entry.where + ": " + entry.title() + " is in " +
						  other.where + " already, and used once");
			return;
		}
		if (entry.ip == other.ip && entry.dev != other.dev)
			throw Bad{entry.name + " on " + entry.dev,
				  "it on one interface: " + other.where + " has it on " + other.dev,
				  Problem::Kind::conflict};
		const std::string expected = conflict(entry, other);
		if (!expected.empty())
			throw Bad{"DSCP " + entry.dscp_text + " for " + entry.title(), expected,
				  Problem::Kind::conflict};
	}
	if (entry.dscp == 0)
		config.warnings.push_back(entry.where +
					  ": DSCP 0 is what unmarked packets have: use 1 to 63");
	config.entries.push_back(std::move(entry));
}

void ConfigReader::add(std::string_view text, const std::string &file)
{
	std::size_t number = 1;

	for_each_line(text, [&](std::string_view one) {
		line(one, file + ":" + std::to_string(number++));
	});
}

// Says each once.
bool ConfigReader::trusts(const OtherWriters &others, const std::string &path)
{
	const std::string message = path + ": " + others.found +
				    ", and only root may: " + others.fix;
	const Problem problem{Problem::Kind::writers, message};

	if (others.anybody) {
		refused_ = true;
		if (std::find(config.errors.begin(), config.errors.end(), problem) ==
		    config.errors.end())
			config.errors.push_back(problem);
	} else if (std::find(config.warnings.begin(), config.warnings.end(), message) ==
		   config.warnings.end()) {
		config.warnings.push_back(message);
	}
	return !others.anybody;
}

Descriptor ConfigReader::open(const std::string &path)
{
	refused_ = false;
	if (writers_ == Writers::any)
		return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	return open_trusted(path, [this](const OtherWriters &others, const std::string &place) {
		return trusts(others, place);
	});
}

bool ConfigReader::trusted_directory(const std::string &path)
{
	open(path);
	return !refused_;
}

void ConfigReader::add_file(const std::string &path)
{
	const Descriptor file = open(path);
	std::string text;
	const int error = file ? read_all(file, text) : errno;

	if (refused_)
		return;
	if (error) {
		config.errors.push_back({Problem::Kind::unreadable,
					 path + ": cannot be read: " + std::strerror(error)});
		return;
	}
	add(text, path);
}

void ConfigReader::add_directory(const std::string &path)
{
	namespace fs = std::filesystem;
	std::vector<std::string> files;
	std::error_code error;
	auto options = fs::directory_options::follow_directory_symlink;

	if (!trusted_directory(path))
		return;
	for (fs::recursive_directory_iterator it(path, options, error), end; !error && it != end;
	     it.increment(error)) {
		std::error_code why;
		fs::file_status status = it->status(why);

		// a link that leads nowhere is no file; where others lead,
		// there may be VIPs
		if (status.type() == fs::file_type::none &&
		    why != std::errc::too_many_symbolic_link_levels) {
			config.errors.push_back(
				{Problem::Kind::unreadable,
				 it->path().string() + ": cannot be looked at: " + why.message()});
		} else if (fs::is_directory(status)) {
			if (leads_back(it->path()) || !trusted_directory(it->path()))
				it.disable_recursion_pending();
		} else if (is_configuration(it->path().filename())) {
			if (fs::is_regular_file(status))
				files.push_back(it->path());
			else
				config.warnings.push_back(
					it->path().string() +
					": is neither a file nor a link to one: skipped");
		}
	}
	if (error) {
		std::error_code ignored;
		bool missing = fs::status(path, ignored).type() == fs::file_type::not_found;

		config.errors.push_back(
			{missing ? Problem::Kind::missing : Problem::Kind::unreadable,
			 path + ": the directory of the configuration cannot be read: " +
				 error.message()});
		return;
	}
	std::sort(files.begin(), files.end());
	for (const std::string &file : files)
		add_file(file);
}

std::optional<Ip> resolve(const std::string &host, std::string &why)
{
	addrinfo hints{}, *found;
	Ip ip;

	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	if (int error = getaddrinfo(host.c_str(), nullptr, &hints, &found)) {
		why = gai_strerror(error);
		return std::nullopt;
	}
	const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> answer(found, freeaddrinfo);
	auto *address = reinterpret_cast<sockaddr_in *>(answer->ai_addr);
	std::memcpy(ip.bytes.data(), &address->sin_addr, ip.size());
	return ip;
}

} // namespace dsr
