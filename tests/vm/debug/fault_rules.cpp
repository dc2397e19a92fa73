// SPDX-License-Identifier: BSD-3-Clause
// fault_rules ip4|ip6 legacy|nft
//
// Adds rules of the DADDR target again and again, and makes another allocation
// of the kernel fail each time: the first, the second, and so on until there are
// no more. Each time, either the rules are there or those before them still are,
// /proc/net/xt_DADDR agrees, and the next attempt works. The same for reading
// that file.
#include <arpa/inet.h>

#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "fail_nth.hpp"
#include "raw_rules.hpp"

namespace {

class Faults {
public:
	Faults(const Family &family, Kernel &kernel) : family_(family), kernel_(kernel)
	{
		base_ = {map(1, 200)};
		restore();
		per_cpu_ = per_cpu_allocations();
	}

	// A map of @count VIPs that are in no map of another @number.
	Rule map(unsigned int count, unsigned int number) const
	{
		xt_daddr_info_v1 info{};

		for (unsigned int dscp = 1; dscp <= count; dscp++) {
			info.mapped |= 1ULL << dscp;
			info.daddr[dscp] = address(number, dscp);
		}
		return make_rule(1, info);
	}

	Rule single() const
	{
		xt_daddr_info_v1 info{};

		info.daddr[0] = address(201, 1);
		info.dport = htons(80);
		Rule rule = make_rule(1, info);
		rule.protocol = IPPROTO_UDP;
		return rule;
	}

	Rule revision0() const { return make_rule(0, xt_daddr_info{address(202, 1)}); }

	void add(const char *what, const std::vector<Rule> &rules)
	{
		unsigned int refused = 0, tolerated = 0, number;

		for (number = 1; attempt(rules, number); number++) {
			if (is_there(rules)) {
				tolerated++;
				restore();
			} else {
				refused++;
			}
		}
		restore();
		expect_no_leak();
		std::cout << "| " << what << ": " << number - 1 << " faults, " << refused
			  << " refused, " << tolerated << " tolerated\n";
		if (!refused)
			throw std::runtime_error("no fault had an effect");
	}

	// The file of counters, of these rules.
	void read(const std::vector<Rule> &rules)
	{
		const Vips expected = vips_of(family_, rules);
		unsigned int refused = 0, number = 0;
		bool hit;

		if (kernel_.replace(rules) || !shown_soon(expected))
			throw std::runtime_error("a good rule is refused");
		do {
			std::string text;

			fail_.arm(++number);
			int error = read_file(text);
			hit = fail_.disarm();
			if (error == ENOMEM && hit)
				refused++;
			else if (error)
				throw std::runtime_error("reading: " + describe(number, error));
			else if (text.empty() || text.back() != '\n' ||
				 lines(text) != expected.size() + 1)
				throw std::runtime_error("the file: " + text);
		} while (hit);
		std::cout << "| reading: " << number - 1 << " faults, " << refused << " refused\n";
		if (!refused)
			throw std::runtime_error("no fault had an effect");
	}

private:
	nf_inet_addr address(unsigned int number, unsigned int dscp) const
	{
		nf_inet_addr address{};
		auto *byte = reinterpret_cast<std::uint8_t *>(&address);

		byte[0] = 10;
		byte[1] = static_cast<std::uint8_t>(number);
		byte[family_.address_size - 1] = static_cast<std::uint8_t>(dscp);
		return address;
	}

	static std::string describe(unsigned int number, int error)
	{
		return "fault " + std::to_string(number) + ": " + std::strerror(error);
	}

	static std::size_t lines(const std::string &text)
	{
		std::size_t count = 0;

		for (char c : text)
			count += c == '\n';
		return count;
	}

	static int read_file(std::string &text)
	{
		char buffer[1024];
		ssize_t size;
		int file = open("/proc/net/xt_DADDR", O_RDONLY);

		if (file < 0)
			return errno;
		while ((size = ::read(file, buffer, sizeof(buffer))) > 0)
			text.append(buffer, static_cast<std::size_t>(size));
		int error = size < 0 ? errno : 0;
		close(file);
		return error;
	}

	// Of the whole kernel. It is memory that kmemleak does not watch.
	static unsigned long per_cpu_allocations()
	{
		std::ifstream file("/sys/kernel/debug/percpu_stats");

		for (std::string word; file >> word;)
			if (word == "nr_cur_alloc") {
				unsigned long count;

				if (file >> word >> count)
					return count;
			}
		throw std::runtime_error("found no nr_cur_alloc in percpu_stats");
	}

	// nftables frees rules a moment after they are gone.
	void expect_no_leak() const
	{
		unsigned long now = 0;

		for (int i = 0; i < 500; i++) {
			now = per_cpu_allocations();
			if (now <= per_cpu_)
				return;
			usleep(10000);
		}
		throw std::runtime_error("per-CPU memory: " + std::to_string(per_cpu_) +
					 " pieces before, now " + std::to_string(now));
	}

	bool is_there(const std::vector<Rule> &rules)
	{
		return same_but_for_the_kernels(rules[0], kernel_.read_back());
	}

	// Makes the rules, with that fault. Returns whether there was one.
	bool attempt(const std::vector<Rule> &rules, unsigned int number)
	{
		kernel_.prepare(rules);
		fail_.arm(number);
		int error = kernel_.commit();
		bool hit = fail_.disarm(), there = is_there(rules);

		if (error && !hit)
			throw std::runtime_error("without a " + describe(number, error));
		// netlink: the answer is what there was no memory for
		if (error && error != ENOMEM && error != ENOBUFS)
			throw std::runtime_error("the kernel says: " + describe(number, error));
		if (error != ENOBUFS && there == (error != 0))
			throw std::runtime_error("other rules than it says: " +
						 describe(number, error));
		if (!there && !is_there(base_))
			throw std::runtime_error("the rules before are gone: " +
						 describe(number, error));
		if (!shown_soon(vips_of(family_, there ? rules : base_)))
			throw std::runtime_error("other counters: " + describe(number, error));
		return hit;
	}

	void restore()
	{
		int error = kernel_.replace(base_);

		if (error || !is_there(base_) || !shown_soon(vips_of(family_, base_)))
			throw std::runtime_error("a good rule is refused: " + describe(0, error));
	}

	const Family &family_;
	Kernel &kernel_;
	std::vector<Rule> base_;
	unsigned long per_cpu_;
	FailNth fail_;
};

} // namespace

int main(int argc, char *argv[])
try {
	if (argc != 3) {
		std::cerr << "Usage: fault_rules ip4|ip6 legacy|nft\n";
		return 2;
	}
	const Family &family = family_called(argv[1]);
	std::unique_ptr<Kernel> kernel = open_kernel(family, argv[2]);
	Faults faults(family, *kernel);
	faults.add("revision 0", {faults.revision0()});
	faults.add("address and port", {faults.single()});
	faults.add("map of 63 VIPs", {faults.map(63, 1)});
	faults.add("two maps with the same VIPs", {faults.map(5, 1), faults.map(9, 1)});
	faults.read({faults.map(63, 1)});
} catch (const std::exception &error) {
	std::cerr << "fault_rules: " << error.what() << '\n';
	return 1;
}
