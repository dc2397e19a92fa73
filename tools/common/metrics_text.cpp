// SPDX-License-Identifier: BSD-3-Clause
#include "common/metrics_text.hpp"

#include <string_view>

namespace dsr {

namespace {

std::string escape(const std::string &value)
{
	std::string escaped;

	for (char c : value) {
		if (c == '"' || c == '\\')
			escaped += '\\';
		escaped += c == '\n' ? "\\n" : std::string(1, c);
	}
	return escaped;
}

} // namespace

MetricsText::MetricsText(MetricsFormat format) : format_(format) {}

// To OpenMetrics, _total is no part of the family's name.
void MetricsText::family(const std::string &name, const std::string &help)
{
	constexpr std::string_view TOTAL = "_total";
	const bool counter = name.ends_with(TOTAL);
	std::string family = name;

	if (counter && format_ == MetricsFormat::openmetrics)
		family.resize(name.size() - TOTAL.size());
	name_ = name;
	text_ += "# HELP " + family + " " + help + "\n# TYPE " + family +
		 (counter ? " counter\n" : " gauge\n");
}

void MetricsText::add(const Labels &labels, const std::string &value)
{
	const char *before = "{";

	text_ += name_;
	for (const auto &[label, of] : labels) {
		text_ += before + label + "=\"" + escape(of) + "\"";
		before = ",";
	}
	text_ += (labels.empty() ? " " : "} ") + value + "\n";
}

std::string MetricsText::text() const
{
	return format_ == MetricsFormat::openmetrics ? text_ + "# EOF\n" : text_;
}

} // namespace dsr
