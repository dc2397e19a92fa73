# SPDX-License-Identifier: BSD-3-Clause
# The target on packets that no sender makes: tests/kmod, in the kernel.

test_packets_in_every_state()
{
	local said

	# in the namespace that the lab itself is in; packet.c has the addresses
	modprobe dscp_rewrite
	echo 10.128.8.46 >/proc/sys/net/ipv4/dscp_rewrite/7
	echo 2001:db8::46 >/proc/sys/net/ipv6/dscp_rewrite/7
	modprobe daddr_test dscp_rewrite=1
	rmmod daddr_test
	kernel_log_collect
	said=$(tail -n "+$scenario_log" "$kernel_log")
	grep -oE '(not ok|# ).*' <<<"$said" || true
	assert_contains "the in-kernel test" "$said" \
		'# daddr_test: [1-9][0-9]* passed, 0 failed'
	assert_lacks "the in-kernel test" "$said" '\] not ok '
	assert_lacks "counters of dscp_rewrite" "$(cat /proc/net/dscp_rewrite)" ' 0 0$'
	echo >/proc/sys/net/ipv4/dscp_rewrite/7
	echo >/proc/sys/net/ipv6/dscp_rewrite/7
}
scenario test_packets_in_every_state "-" "-" "-"
