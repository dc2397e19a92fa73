// SPDX-License-Identifier: BSD-3-Clause
// Reading nf_tables where there is nothing, where it is not allowed, and what is
// dormant there.
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "common/error.hpp"
#include "common/process.hpp"
#include "dsrctl/nf_tables.hpp"
#include "dsrctl/nftables.hpp"
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

TEST_CASE("nf_tables: a table that is dormant is read, and known to be")
{
	const std::string nft = dsr::find_program("nft");
	const Namespace own;

	if (!own || nft.empty()) {
		WARN("skipped: only root may have a network namespace, or there is no nft");
		return;
	}
	const std::string chain =
		"{ chain raw { type filter hook prerouting priority -300; ip dscp 7 counter ip daddr set 10.0.0.7; }; ";
	REQUIRE(!dsr::run(nft, {"-f", "-"},
			  "table ip awake " + chain + "}\ntable inet dsrctl " + chain +
				  "flags dormant; }\n")
			 .status);
	const std::vector<dsr::nf::Table> tables = dsr::read_nf_tables();
	REQUIRE(tables.size() == 2);
	CHECK_FALSE(tables[0].dormant);
	CHECK(tables[1].dormant);
	CHECK(tables[1].chains.at("raw").rules.size() == 1);
	CHECK(dsr::nft::read(tables).size() == 1);
}
