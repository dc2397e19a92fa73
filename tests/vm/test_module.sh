# SPDX-License-Identifier: BSD-3-Clause
# The module as such: its parameter, the kernels it makes up for, and a new one
# in the place of an old one.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# load_module [PARAMETER]...: instead of the one that is loaded
load_module()
{
	module_unload || fail "xt_DADDR is still in use"
	modprobe xt_DADDR "$@"
}

table_parameter()
{
	cat /sys/module/xt_DADDR/parameters/table
}

# assert_both_tables: the target is accepted, and works, in both
assert_both_tables()
{
	local family table

	for family in ipv4 ipv6; do
		use_family $family
		for table in raw mangle; do
			rule -t $table -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
			assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
			rule -t $table -F
		done
	done
}

test_module_parameter_table()
{
	local bad

	load_module
	assert_equal "table by default" "$(table_parameter)" raw
	assert_equal "its mode" \
		"$(stat -c %a /sys/module/xt_DADDR/parameters/table)" 444
	assert_both_tables
	load_module table=mangle
	assert_equal "table" "$(table_parameter)" mangle
	assert_both_tables

	module_unload
	for bad in nat Raw 'raw,' ''; do
		assert_refused 'Invalid argument' modprobe xt_DADDR "table=$bad"
		assert_kernel_said "xt_DADDR: parameter table: \"$bad\" is neither raw nor mangle"
		assert_lacks "modules" "$(lsmod)" '^xt_DADDR '
	done
	load_module table=raw
	assert_equal "table" "$(table_parameter)" raw
}
scenario test_module_parameter_table "-" "legacy nft" "-"

# load_other_module NAME: one that is never installed
load_other_module()
{
	module_unload || fail "xt_DADDR is still in use"
	modprobe x_tables
	insmod "build/lab/module-$(uname -r)/tests/$1/xt_DADDR.ko"
}

# The module that old_kernel/ builds: with all that compat.h makes up for.
test_module_as_on_the_oldest_kernel()
{
	local words="PREROUTING -j DADDR --dscp-map 7=$near_vip,8=$vip" saved counters

	load_other_module old_kernel
	# shellcheck disable=SC2086 # the words of the rule
	{
		rule -t "$table" -A $words
		# the target's own data comes back with the rule, and is ignored
		rule -t "$table" -A PREROUTING -s "$unused_ip" -j DROP
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
		counters=$(on "$server" cat /proc/net/xt_DADDR)
		assert_equal "counted packets" \
			"$(awk '$3 == 7 {print $1, $2, $4, $5}' <<<"$counters")" \
			"$family $table $near_vip 3"
		assert_equal "VIPs, read one by one" \
			"$(awk 'NR > 1 {print $3}' <<<"$counters" | xargs)" "7 8"
		assert_equal "counters of the client" \
			"$(on "$client" cat /proc/net/xt_DADDR)" \
			"family table dscp daddr packets bytes"
		rule -t "$table" -C $words
		saved=$(rules_save -t "$table")
		rule -t "$table" -D $words
		assert_lacks "rules after -D" "$(rules_save -t "$table")" DADDR
		rules_restore <<<"$saved"
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
		rule -t "$table" -F
	}
	load_module
}
scenario test_module_as_on_the_oldest_kernel "ipv4 ipv6" "legacy nft" "raw"

test_packets_as_on_the_oldest_kernel()
{
	load_other_module old_kernel
	modprobe daddr_test
	rmmod daddr_test
	assert_kernel_said '# daddr_test: [1-9][0-9]* passed, 0 failed'
	load_module
}
scenario test_packets_as_on_the_oldest_kernel "-" "-" "-"

# stream_end: every one came back, and from the VIP
stream_end()
{
	local sent received

	stream_stop
	[ "$sent" -gt 100 ] || fail "only $sent datagrams were sent"
	assert_equal "datagrams that came back" "$received" "$sent"
}

# The procedures of kmod/README.md, from an older module to this one.
test_module_upgrade_by_dsrctl_loses_nothing()
{
	dsrctl_up <<<"$vip = $lab_dscp"$'\n'"10.128.8.46 = 7"$'\n'"2001:db8::46 = 7"
	load_other_module revision0
	assert_exit 0 dsrctl start
	assert_equal "rules of the old module" \
		"$(server_state | grep -c -e '--set-daddr')" 3
	stream_start
	assert_exit 0 dsrctl --backend nft reload
	assert_lacks "rules while there is no module" "$(server_state)" DADDR
	module_unload || fail "xt_DADDR is still in use"
	modprobe xt_DADDR
	assert_exit 0 dsrctl --backend daddr reload
	stream_end
	assert_started
	assert_equal "rules of the new module" \
		"$(server_state | grep -c -e '--dscp-map')" 2
	assert_lacks "rules of nftables" "$(on "$server" nft list ruleset)" dsrctl
	assert_exit 0 dsrctl stop
}
scenario test_module_upgrade_by_dsrctl_loses_nothing "ipv4" "legacy" "-"
scenario test_module_upgrade_by_dsrctl_loses_nothing "ipv6" "nft" "-"

test_module_upgrade_by_hand_loses_nothing()
{
	local ip=ip saved

	[ "$family" = ipv4 ] || ip=ip6
	load_other_module revision0
	rule -t "$table" -A PREROUTING -m dscp --dscp "$lab_dscp" -j DADDR --set-daddr "$vip"
	rule -t "$table" -A PREROUTING -d "$unused_ip" -j DROP
	stream_start
	saved=$(rules_save -t "$table")
	on "$server" nft -f - <<TEXT
add table inet stopgap
add chain inet stopgap prerouting { type filter hook prerouting priority -300; }
add rule inet stopgap prerouting $ip dscp $lab_dscp $ip daddr set $vip
TEXT
	rule -t "$table" -F
	module_unload || fail "xt_DADDR is still in use"
	modprobe xt_DADDR
	rules_restore <<<"$saved"
	on "$server" nft delete table inet stopgap
	stream_end
	assert_equal "the rules" "$(rule -t "$table" -S PREROUTING | grep ^-A)" \
		"$(grep ^-A <<<"$saved")"
}
scenario test_module_upgrade_by_hand_loses_nothing "ipv4 ipv6" "legacy nft" "raw"
