// SPDX-License-Identifier: BSD-3-Clause
// counters KEY...: reads /proc/net/xt_DADDR again and again, until SIGTERM. A KEY
// is the start of a line, "ipv4 raw 4 198.18.0.250": it must be there in each
// reading, once, and its counters never go down. Prints how many readings.
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

namespace {

// Packets and bytes.
using Count = std::pair<unsigned long long, unsigned long long>;
using Counts = std::map<std::string, Count>;

volatile std::sig_atomic_t ended;

// A counter that is there twice, or is none, is left out; false if there is one.
bool read_counters(Counts &counts)
{
	std::ifstream file("/proc/net/xt_DADDR");
	std::string line;
	bool good = static_cast<bool>(std::getline(file, line));

	while (std::getline(file, line)) {
		std::istringstream words(line);
		std::string family, table, dscp, address;
		Count count;

		good &= static_cast<bool>(words >> family >> table >> dscp >> address >>
					  count.first >> count.second);
		good &= counts.emplace(family + " " + table + " " + dscp + " " + address, count)
				.second;
	}
	return good;
}

// What is wrong with it.
std::string look_at(const Counts &counts, Counts &before)
{
	for (auto &[key, last] : before) {
		auto found = counts.find(key);

		if (found == counts.end())
			return key + " is missing";
		if (found->second.first < last.first || found->second.second < last.second)
			return key + " went down from " + std::to_string(last.first) + " to " +
			       std::to_string(found->second.first) + " packets";
		last = found->second;
	}
	return "";
}

} // namespace

int main(int argc, char *argv[])
{
	unsigned long readings = 0;
	Counts before;

	for (int i = 1; i < argc; i++)
		before[argv[i]];
	std::signal(SIGTERM, [](int) { ended = 1; });
	while (!ended) {
		Counts counts;
		std::string wrong;

		if (!read_counters(counts))
			wrong = "a line twice, or not in order";
		else
			wrong = look_at(counts, before);
		if (!wrong.empty()) {
			std::cerr << "reading " << readings << ": " << wrong << '\n';
			return 1;
		}
		readings++;
		// the processor is for the traffic
		std::this_thread::sleep_for(std::chrono::milliseconds(50));
	}
	std::cout << readings << '\n';
}
