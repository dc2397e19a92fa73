/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main DATA: the module for FreeBSD, compiled as it is, in a kernel that is just
 * as large as that wants (kernel.c). CMakeLists.txt says by which compilers, and
 * for which versions of pfil(9). Exit status 1: something was wrong.
 */
#include <stdio.h>

#include "test.h"

static void report(const char *name)
{
	static unsigned int failures;

	kernel_expect_nothing_left();
	printf("%s - %s\n", kernel_failures == failures ? "ok" : "not ok", name);
	failures = kernel_failures;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	test_corpus(argv[1]);
	report("the corpus, in every form and state of checksum offload");
	test_mutated_packets(argv[1]);
	report("mutated packets, as the core in one piece");
	test_long_header_chains();
	report("long header chains");
	test_no_memory();
	report("no memory for a copy");
	test_links_padding();
	report("a link's padding");
	test_values();
	report("sysctls, hooks, VNETs, unloading");
	return kernel_failures != 0;
}
