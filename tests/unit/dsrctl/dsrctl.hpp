// SPDX-License-Identifier: BSD-3-Clause
// dsrctl as it is called, in a directory of its own.
#pragma once

#include "program.hpp"
#include "world.hpp"

namespace dsr_test {

class Dsrctl : public unit::Program {
public:
	Dsrctl() : Program(DSRCTL) {}
};

} // namespace dsr_test
