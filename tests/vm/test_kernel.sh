# SPDX-License-Identifier: BSD-3-Clause
# The target on packets that no sender makes: tests/kmod, in the kernel.

test_packets_in_every_state()
{
	local said

	modprobe daddr_test
	rmmod daddr_test
	kernel_log_collect
	said=$(tail -n "+$scenario_log" "$kernel_log")
	grep -oE '(not ok|# ).*' <<<"$said" || true
	assert_contains "the in-kernel test" "$said" \
		'# daddr_test: [1-9][0-9]* passed, 0 failed'
	assert_lacks "the in-kernel test" "$said" '\] not ok '
}
scenario test_packets_in_every_state "-" "-" "-"
