// SPDX-License-Identifier: BSD-3-Clause
// How soon what is gone may be put back: at once, unless somebody removes it again
// and again.
#pragma once

#include <chrono>

namespace dsr {

class BackOff {
public:
	using Clock = std::chrono::steady_clock;
	using Time = Clock::time_point;

	// So many repairs in a row are made at once: firewall-cmd --reload makes up to
	// five, and who tries rules calls it often. The next wait a second, and each
	// twice as long as the one before, up to MOST.
	static constexpr unsigned int FREE = 20;
	static constexpr std::chrono::seconds FIRST{1}, MOST{10};
	// What comes so long after the last repair begins anew.
	static constexpr std::chrono::seconds QUIET{30};

	// A repair was made.
	void repaired(Time now);
	// It could not be made: the next is never at once.
	void failed(Time now);
	// When the next may be made: it may be past.
	Time next() const { return last_ + wait_; }
	// Is it not at once any more?
	bool waits() const { return wait_.count(); }
	// How many in a row.
	unsigned int count() const { return count_; }
	std::chrono::seconds wait() const { return wait_; }
	// When it is over, if nothing happens meanwhile.
	Time over() const { return last_ + wait_ + QUIET; }
	// True when it had to wait, and that is over now.
	bool calm_down(Time now);

private:
	Time last_{};
	unsigned int count_ = 0;
	std::chrono::seconds wait_{};
};

} // namespace dsr
