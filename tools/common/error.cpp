// SPDX-License-Identifier: BSD-3-Clause
#include "common/error.hpp"

#include <cstdio>

namespace dsr {

std::string quote(std::string_view text)
{
	constexpr std::size_t LONGEST = 200;
	std::string quoted = "\"";
	char hex[5];

	for (unsigned char c : text.substr(0, LONGEST)) {
		if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f) {
			quoted += static_cast<char>(c);
			continue;
		}
		std::snprintf(hex, sizeof(hex), "\\x%02x", c);
		quoted += hex;
	}
	return quoted + (text.size() > LONGEST ? "…\"" : "\"");
}

} // namespace dsr
