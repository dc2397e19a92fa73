// SPDX-License-Identifier: BSD-3-Clause
// Reading nf_tables where there is nothing, and where it is not allowed.
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "common/error.hpp"
#include "dsrctl/nf_tables.hpp"
#include "namespace.hpp"

using namespace dsr_test;

namespace {

// What reading says to a thread that may not see rules.
std::string refusal()
{
	std::string why;

	std::thread([&] {
		__user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
		__user_cap_data_struct none[2]{};

		if (syscall(SYS_capset, &header, none)) {
			why = "it still may";
			return;
		}
		try {
			dsr::read_nf_tables();
		} catch (const dsr::Error &error) {
			why = error.what();
		}
	}).join();
	return why;
}

} // namespace

TEST_CASE("nf_tables: rules that may not be read are not missing")
{
	const Namespace own;

	if (!own) {
		WARN("skipped: only root may have a network namespace");
		return;
	}
	CHECK(dsr::read_nf_tables().empty());
	CHECK(refusal() == "reading the rules of nf_tables: Operation not permitted");
}
