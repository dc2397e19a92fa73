// SPDX-License-Identifier: BSD-3-Clause
// What --json prints, whichever command it is of.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace dsr {

// Raised when a field goes, or gets another meaning; not for a new one. The man
// pages list the fields.
constexpr int JSON_FORMAT = 1;

// @fields: an object. @indent: -1 for a single line.
template <typename Json>
std::string json_text(const Json &fields, int indent = 2)
{
	Json all;

	all["format"] = JSON_FORMAT;
	all.update(fields);
	// names of files are what they are
	return all.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace dsr
