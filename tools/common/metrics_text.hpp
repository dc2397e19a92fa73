// SPDX-License-Identifier: BSD-3-Clause
// Text of metrics, as Prometheus and its like read it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dsr {

enum class MetricsFormat : std::uint8_t {
	prometheus, // text format 0.0.4: node_exporter's textfile collector
	openmetrics // OpenMetrics 1.0
};

// Families of metrics, one after the other.
class MetricsText {
public:
	using Labels = std::vector<std::pair<std::string, std::string>>;

	explicit MetricsText(MetricsFormat format = MetricsFormat::prometheus);

	// Those that add() adds are of it. What ends in _total is a counter,
	// anything else a gauge.
	void family(const std::string &name, const std::string &help);
	void add(const Labels &labels, const std::string &value);
	void add(const Labels &labels, std::uint64_t value) { add(labels, std::to_string(value)); }

	// All of it.
	std::string text() const;

private:
	const MetricsFormat format_;
	std::string name_, text_;
};

} // namespace dsr
