# SPDX-License-Identifier: BSD-3-Clause
# Rules that no plugin sends, by the raw interfaces of the kernel.

test_hostile_rules()
{
	local seed=$RANDOM count=500

	if [ "$variant" = legacy ]; then
		count=3000
		# the table, and the module
		rule -t raw -A PREROUTING -j DADDR --set-daddr "$near_vip"
	fi
	modprobe xt_DADDR
	echo "seed $seed"
	on "$server" build/tests/vm/hostile_rules "ip${family#ipv}" "$variant" "$count" "$seed" ||
		fail "see the rule above"
	assert_kernel_said 'xt_DADDR: '
	on "$server" nft flush ruleset
}
scenario test_hostile_rules "ipv4 ipv6" "legacy nft" "-"
