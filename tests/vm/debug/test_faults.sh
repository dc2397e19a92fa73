# SPDX-License-Identifier: BSD-3-Clause
# Memory that the kernel does not get, one allocation after the other: in adding
# rules, in the packet path, in loading the module. Needs a kernel with
# CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAULT_INJECTION_DEBUG_FS.

programs=build/tests/vm/debug

# faults KIND...: allocations of these kinds, slab and page, can be made to fail
# even where the kernel may wait for memory
faults()
{
	local debugfs=/sys/kernel/debug slab=Y page=Y

	[ -d $debugfs/failslab ] || fail "this kernel cannot: see tools/lab/debug-kernel"
	[[ " $* " != *" slab "* ]] || slab=N
	[[ " $* " != *" page "* ]] || page=N
	echo $slab >$debugfs/failslab/ignore-gfp-wait
	echo $page >$debugfs/fail_page_alloc/ignore-gfp-wait
	echo $page >$debugfs/fail_page_alloc/ignore-gfp-highmem
	echo 0 >$debugfs/fail_page_alloc/min-order
	# without a call trace for each
	echo 0 >$debugfs/failslab/verbose
	echo 0 >$debugfs/fail_page_alloc/verbose
}

# What the kernel says of memory that it does not get, it says at the level of
# warnings, with call trace and figures, or of an object of sysfs: that is no
# fault here. What finds faults writes at a higher level, or writes WARNING, BUG
# or INFO.
expect_no_memory()
{
	local log=$lab_files/kernel

	dmesg --read-clear --decode >"$log"
	grep -Ev '^[a-z]+ *:warn *:|kobject_add_internal failed for .* \(error: -12|kobject: can not set name properly!' \
		"$log" >>"$kernel_log" || true
	grep -E '^[a-z]+ *:warn *:.*(WARNING|BUG|INFO|suspected memory leak)' "$log" >>"$kernel_log" || true
}

# with_faults COMMAND...
with_faults()
{
	local status=0

	kernel_log_collect
	on "$server" "$@" || status=$?
	expect_no_memory
	[ $status -eq 0 ] || fail "$*"
}

test_faults_in_adding_rules()
{
	rule -t raw -S >/dev/null
	modprobe xt_DADDR
	faults slab page
	with_faults $programs/fault_rules "ip${family#ipv}" "$variant"
	on "$server" nft flush ruleset
	rule -t raw -F
}
scenario test_faults_in_adding_rules "ipv4 ipv6" "legacy nft" "-"

# How often a rule of the table raw was reached: the one with that comment
reached()
{
	rule -t raw -S PREROUTING -v | sed -n "s/.* $1 .*-c \([0-9]*\) .*/\1/p"
}

# assert_faults_drop TARGET: packets that cannot be changed are dropped by it
assert_faults_drop()
{
	local kind before after

	for kind in linear paged; do
		rule -t raw -F
		rule -t raw -A PREROUTING -i tun0 -m comment --comment before
		# shellcheck disable=SC2086 # the words of the target
		rule -t raw -A PREROUTING -i tun0 -j $1
		rule -t raw -A PREROUTING -i tun0 -m comment --comment after
		with_faults $programs/fault_packets "ip${family#ipv}" $kind tun0 \
			"$unused_ip" "$near_rip" "$near_vip"
		before=$(reached before) after=$(reached after)
		[ "$after" -lt "$before" ] || fail "no packet was dropped by $1, $kind"
		case $1 in *dscp-map*)
			assert_contains "counters of $1, $kind" \
				"$(on "$server" cat /proc/net/xt_DADDR)" \
				"^$family raw 7 $near_vip $after " ;;
		esac
	done
}

test_faults_in_changing_packets()
{
	on "$server" ip tuntap add dev tun0 mode tun vnet_hdr
	on "$server" ip link set tun0 up
	on "$server" ip route add "$unused_ip" dev tun0
	modprobe xt_DADDR
	faults slab page
	assert_faults_drop "DADDR --set-daddr $near_vip"
	assert_faults_drop "DADDR --dscp-map 7=$near_vip"
	rule -t raw -F
}
scenario test_faults_in_changing_packets "ipv4 ipv6" "legacy nft" "-"

test_faults_in_loading_the_module()
{
	local module=$lab_files/xt_DADDR.ko

	module_unload || fail "xt_DADDR is still in use"
	modprobe x_tables
	cp "$(modinfo -n xt_DADDR)" "$module"
	strip --strip-debug "$module"
	faults slab
	with_faults $programs/fault_module "$module"
	modprobe xt_DADDR
}
scenario test_faults_in_loading_the_module "-" "-" "-"
