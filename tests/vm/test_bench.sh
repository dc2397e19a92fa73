# SPDX-License-Identifier: BSD-3-Clause
# The scripts of the benchmark work; what they measure is of no account here.

test_benchmark_sends_and_counts()
{
	[ -e /proc/sys/net/core/bpf_jit_enable ] ||
		skip "this kernel does not compile BPF, which the benchmark wants"
	echo ipv6 tcp 78 complete vip map nft raw 40 >"$lab_files/list"
	# one run, as the clock of this machine does not count
	PACKETS=100 RUNS=1 /lab/tree/tests/bench/kernel "$lab_files" "$lab_files/list"
	assert_equal "lines of results" "$(wc -l </lab/run/kernel.tsv)" 1
}
scenario test_benchmark_sends_and_counts - - -
