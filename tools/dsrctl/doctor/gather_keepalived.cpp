// SPDX-License-Identifier: BSD-3-Clause
// Which addresses keepalived adds and removes by itself: those of VRRP, when one host
// takes over from another, and those that it sets while it runs.
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "dsrctl/doctor/managers.hpp"
#include "dsrctl/lb/lines.hpp"

namespace dsr::doctor {

namespace {

namespace fs = std::filesystem;

class Keepalived {
public:
	explicit Keepalived(const Root &root) : root_(root) {}

	void read(const std::string &file);
	std::vector<MovedAddress> take() { return std::move(found_); }

private:
	void statement(const std::vector<std::string> &words, const std::string &where);
	void address(const std::vector<std::string> &words, const std::string &where);
	void include(const fs::path &pattern);
	void end_block();

	const Root &root_;
	std::set<std::string> read_;
	std::vector<MovedAddress> found_;
	std::vector<std::string> blocks_; // that are open, by their first words
	std::vector<std::string> last_;	  // a block's "{" may be on the next line
	std::string interface_;		  // of the instance
	std::size_t instance_ = 0;	  // the first address of it
};

// "192.0.2.1/24 brd + dev eth0"
void Keepalived::address(const std::vector<std::string> &words, const std::string &where)
{
	const auto ip = parse_ip(words[0].substr(0, words[0].find('/')));
	const auto dev = std::ranges::find(words, "dev");

	if (ip)
		found_.push_back({*ip, words.end() - dev > 1 ? dev[1] : "", where});
}

void Keepalived::statement(const std::vector<std::string> &words, const std::string &where)
{
	const std::string block = blocks_.empty() ? "" : blocks_.back();

	if (block == "virtual_ipaddress" || block == "virtual_ipaddress_excluded" ||
	    block == "static_ipaddress")
		address(words, where);
	else if (block == "vrrp_instance" && words[0] == "interface" && words.size() > 1)
		interface_ = words[1];
}

// The instance's interface is that of its addresses that name none.
void Keepalived::end_block()
{
	if (blocks_.empty())
		return;
	if (blocks_.back() == "vrrp_instance") {
		for (std::size_t i = instance_; i < found_.size(); i++)
			if (found_[i].dev.empty())
				found_[i].dev = interface_;
		interface_.clear();
	}
	blocks_.pop_back();
	if (blocks_.empty())
		instance_ = found_.size();
}

void Keepalived::include(const fs::path &pattern)
{
	glob_t files{};

	if (!glob(root_.path(pattern.string()).c_str(), 0, nullptr, &files))
		for (std::size_t i = 0; i < files.gl_pathc; i++)
			read(std::string(files.gl_pathv[i]).substr(root_.path("").size()));
	globfree(&files);
}

void Keepalived::read(const std::string &file)
{
	// one may include itself
	if (!read_.insert(file).second)
		return;
	const std::string text = root_.read(file);
	lb::Lines lines(text, file, "#!");

	while (lines.next()) {
		std::vector<std::string> words;
		auto end = [&] {
			if (words.empty())
				return;
			statement(words, lines.where());
			last_ = std::exchange(words, {});
		};

		if (lines.word(0).starts_with("include")) {
			include(fs::path(file).parent_path() / lines.word(1));
			continue;
		}
		for (const std::string &word : lines.words())
			if (word == "{") {
				end();
				blocks_.push_back(last_.empty() ? "" : last_[0]);
			} else if (word == "}") {
				end();
				end_block();
			} else {
				words.push_back(word);
			}
		end();
	}
}

} // namespace

std::vector<MovedAddress> read_keepalived(const Root &root)
{
	Keepalived keepalived(root);

	keepalived.read("/etc/keepalived/keepalived.conf");
	return keepalived.take();
}

} // namespace dsr::doctor
