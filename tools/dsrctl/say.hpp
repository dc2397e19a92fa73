// SPDX-License-Identifier: BSD-3-Clause
// What dsrctl has to say, apart from its results.
#pragma once

#include <iostream>
#include <string>

namespace dsr {

inline void say(const std::string &message)
{
	std::cerr << "dsrctl: " << message << "\n";
}

} // namespace dsr
