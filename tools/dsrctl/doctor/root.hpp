// SPDX-License-Identifier: BSD-3-Clause
// Files of the host, below its root directory or below another.
#pragma once

#include <string>

namespace dsr::doctor {

class Root {
public:
	explicit Root(std::string directory = "") : directory_(std::move(directory)) {}

	std::string path(const std::string &name) const { return directory_ + name; }
	bool exists(const std::string &name) const;
	// Empty when it cannot be read.
	std::string read(const std::string &name) const;
	// The number that it begins with; 0 when there is none.
	unsigned long number(const std::string &name) const;

private:
	std::string directory_;
};

} // namespace dsr::doctor
