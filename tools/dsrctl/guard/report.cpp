// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/report.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "common/dscp.hpp"

namespace dsr {

namespace {

// "10.0.0.1, 10.0.0.2 and 7 more"
std::string list(const std::vector<std::string> &words)
{
	constexpr std::size_t MOST = 4;
	std::string text;

	for (std::size_t i = 0; i < std::min(words.size(), MOST); i++)
		text += (i ? ", " : "") + words[i];
	if (words.size() > MOST)
		text += " and " + std::to_string(words.size() - MOST) + " more";
	return text;
}

std::string counted(std::size_t number, const std::string &what)
{
	return std::to_string(number) + " " + what +
	       (number == 1	    ? "" :
		what.ends_with("s") ? "es" :
				      "s");
}

// Local time, to the millisecond.
std::string clock_text(Disturbance::Clock::time_point time)
{
	const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(
					  time.time_since_epoch())
					  .count();
	const std::time_t seconds = milliseconds / 1000;
	char text[32];
	tm local{};

	localtime_r(&seconds, &local);
	std::snprintf(text, sizeof(text), "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min,
		      local.tm_sec, static_cast<int>(milliseconds % 1000));
	return text;
}

} // namespace

std::string Disturbance::by() const
{
	return who.empty() ? "" : ", by " + list(who);
}

void Disturbance::add(const std::string &one)
{
	if (since == Clock::time_point{})
		since = Clock::now();
	if (!one.empty() && std::ranges::find(who, one) == who.end())
		who.push_back(one);
}

void Missing::add(Gone gone, std::string words)
{
	auto &all = gone_[static_cast<std::size_t>(gone)];

	if (std::ranges::find(all, words) == all.end())
		all.push_back(std::move(words));
}

Missing::Missing(const Plan &plan, const std::vector<Address> &routes, Gone rules)
{
	for (const AddressStep &step : plan.add)
		add(Gone::address, text(step.address.ip) + " on " + step.address.dev);
	for (const Address &address : routes)
		add(Gone::route, text(address.ip) + " on " + address.dev);
	for (const RuleStep &step : plan.rules)
		for (const Item &item : step.rule.items)
			if (step.kind == RuleStep::Kind::add || !step.old.has(item))
				add(rules, dscp_text(item.dscp) + " to " + destination(item));
}

std::string report(const Missing &missing, const Disturbance &disturbance,
		   Disturbance::Clock::time_point now)
{
	constexpr const char *WORDS[] = {"address", "local route", "rule", "sysctl value"};
	std::string text;

	for (Gone gone : GONE) {
		const auto &some = missing.of(gone);

		if (!some.empty())
			text += (text.empty() ? "found " : "; ") +
				counted(some.size(), WORDS[static_cast<std::size_t>(gone)]) +
				" gone (" + list(some) + ")";
	}
	// found by a look: nobody knows
	if (disturbance.since != Disturbance::Clock::time_point{})
		text += " since " + clock_text(disturbance.since) +
			(disturbance.by_look ? " or up to 1 s before" : "");
	text += disturbance.by() + ": put back";
	if (disturbance.since != Disturbance::Clock::time_point{})
		text += " after " +
			std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
					       now - disturbance.since)
					       .count()) +
			" ms";
	return text;
}

std::string contested(const BackOff &back_off, const Disturbance &disturbance)
{
	return "that was the " + std::to_string(back_off.count()) + "th time in a row" +
	       disturbance.by() +
	       ": somebody else manages the same; the next time it is put back after " +
	       std::to_string(back_off.wait().count()) +
	       " s. dsrctl doctor says who on this host does that, and how to keep it from it";
}

} // namespace dsr
