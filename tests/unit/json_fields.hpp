// SPDX-License-Identifier: BSD-3-Clause
// The fields that --json prints, against those that the man page lists in its
// section JSON: .BR findings[].vip " (string or null)"
#pragma once

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "directory.hpp"

namespace unit {

class JsonFields {
public:
	// @page: in the source; @part: a subsection, where there are some
	explicit JsonFields(const std::string &page, const std::string &part = "")
	{
		std::ifstream file(SOURCE_DIRECTORY "/tools/" + page);
		std::string line, section, subsection;

		REQUIRE(file);
		while (std::getline(file, line)) {
			if (line.starts_with(".SH ")) {
				section = line.substr(4);
				subsection.clear();
			} else if (line.starts_with(".SS ")) {
				subsection = line.substr(4);
			} else if (section == "JSON" && subsection == part &&
				   line.starts_with(".BR ") && line.ends_with(")\"")) {
				list(line.substr(4));
			}
		}
		REQUIRE(!listed_.empty());
	}

	// What a command has printed.
	void see(const std::string &printed)
	{
		INFO(printed);
		const auto all = nlohmann::json::parse(printed);

		REQUIRE(all.is_object());
		CHECK(all.value("format", 0) == 1);
		CHECK(printed.ends_with("}\n"));
		walk(all, "");
	}

	using Set = std::set<std::string>;

	// Printed, and not in the page; and the other way round.
	const Set &not_listed() const { return not_listed_; }
	Set never_printed() const
	{
		Set rest;

		std::set_difference(listed_.begin(), listed_.end(), printed_.begin(),
				    printed_.end(), std::inserter(rest, rest.end()));
		return rest;
	}

private:
	// path " (string or null)"
	void list(const std::string &tag)
	{
		const std::string path = tag.substr(0, tag.find(' '));
		std::string kinds = tag.substr(tag.find('(') + 1);
		std::istringstream words(kinds.substr(0, kinds.find(')')));

		for (std::string kind; words >> kind;)
			if (kind != "or")
				listed_.insert(path + " " + kind);
	}

	// An object or array is where its parts are.
	void walk(const nlohmann::json &value, const std::string &path)
	{
		if (value.is_object())
			for (const auto &[name, part] : value.items())
				walk(part, path + (path.empty() ? "" : ".") + name);
		else if (value.is_array() && value.empty())
			note(path + "[]");
		else if (value.is_array())
			for (const auto &part : value)
				walk(part, path + "[]");
		else
			note(path + " " + value.type_name());
	}

	void note(const std::string &field)
	{
		if (listed_.contains(field))
			printed_.insert(field);
		else if (!field.ends_with("[]") || !begins_some(field))
			not_listed_.insert(field);
	}

	bool begins_some(const std::string &path) const
	{
		const auto next = listed_.lower_bound(path);

		return next != listed_.end() && next->starts_with(path);
	}

	Set listed_, printed_, not_listed_;
};

// The page and what was printed agree.
inline void check(const JsonFields &fields)
{
	CHECK(fields.not_listed() == JsonFields::Set());
	CHECK(fields.never_printed() == JsonFields::Set());
}

} // namespace unit
