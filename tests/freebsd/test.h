/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include "kernel.h"

/* test_packets.c, test_made.c: what becomes of packets; @data: the corpus */
void test_corpus(const char *data);
void test_mutated_packets(const char *data);
void test_long_header_chains(void);
void test_no_memory(void);
void test_links_padding(void);

/* test_values.c: sysctls, hooks, VNETs */
void test_values(void);

#endif /* TESTS_TEST_H */
