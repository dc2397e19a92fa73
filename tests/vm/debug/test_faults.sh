# SPDX-License-Identifier: BSD-3-Clause
# Memory that the kernel does not get, one allocation after the other: in adding
# rules, in writing sysctls, in the packet path, in loading the modules. Needs a kernel with
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

# expect_no_memory LINE: from that line of the kernel log on, what the kernel says
# of memory that it does not get is no fault: that is at the level of warnings, with
# call trace and figures, or of an object of sysfs, a sysctl, a socket or a directory
# of proc. What finds faults writes at a higher level, or writes WARNING, BUG or
# INFO.
expect_no_memory()
{
	local log=$lab_files/kernel

	kernel_log_collect
	awk -v first="$1" '
		NR < first || /(WARNING|BUG|INFO|suspected memory leak)/ {print; next}
		/^[a-z]+ *:warn *:/ {next}
		/kobject_add_internal failed for .* \(error: -12|kobject: can not set name properly!|sysctl could not get directory: .* -12|(unable to create|Failed to initialize) .*socket|cannot create netfilter proc entry/ {next}
		{print}' "$kernel_log" >"$log"
	# the same file, to whose end the next messages are added
	cat "$log" >"$kernel_log"
}

# with_faults COMMAND...
with_faults()
{
	local status=0 line

	kernel_log_collect
	line=$(wc -l <"$kernel_log")
	on "$server" "$@" || status=$?
	expect_no_memory "$line"
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

# How often a rule of the chain was reached: the one with that comment
reached()
{
	rule -t "$table" -S "$chain" -v | sed -n "s/.* $1 .*-c \([0-9]*\) .*/\1/p"
}

# assert_faults_drop TARGET KIND...: packets that cannot be changed are dropped by
# it
assert_faults_drop()
{
	local kind before after

	for kind in "${@:2}"; do
		rule -t "$table" -F
		rule -t "$table" -A "$chain" -i tun0 -m comment --comment before
		# shellcheck disable=SC2086 # the words of the target
		rule -t "$table" -A "$chain" -i tun0 -j $1
		rule -t "$table" -A "$chain" -i tun0 -m comment --comment after
		with_faults $programs/fault_packets "ip${family#ipv}" "$kind" tun0 \
			"$unused_ip" "$near_rip" "$near_vip"
		before=$(reached before) after=$(reached after)
		[ "$after" -lt "$before" ] || fail "no packet was dropped by $1, $kind"
		case $1 in *dscp-map*)
			assert_contains "counters of $1, $kind" \
				"$(on "$server" cat /proc/net/xt_DADDR)" \
				"^$family $table 7 $near_vip $after " ;;
		esac
	done
}

# faults_in_changing_packets CHAIN KIND...
faults_in_changing_packets()
{
	local chain=$1

	shift

	on "$server" ip tuntap add dev tun0 mode tun vnet_hdr
	on "$server" ip link set tun0 up
	on "$server" ip route add "$unused_ip" dev tun0
	modprobe xt_DADDR
	faults slab page
	assert_faults_drop "DADDR --set-daddr $near_vip" "$@"
	assert_faults_drop "DADDR --dscp-map 7=$near_vip" "$@"
	rule -t "$table" -F
}

test_faults_in_changing_packets()
{
	faults_in_changing_packets PREROUTING linear paged
}
scenario test_faults_in_changing_packets "ipv4 ipv6" "legacy nft" "raw"

test_faults_in_changing_packets_for_this_host()
{
	# of others, the way there has copied the headers, out of the pages
	faults_in_changing_packets INPUT linear
}
scenario test_faults_in_changing_packets_for_this_host "ipv4 ipv6" "legacy nft" "mangle"

# faults_in_loading MODULE: which is not loaded
faults_in_loading()
{
	local module=$lab_files/$1.ko

	cp "$(modinfo -n "$1")" "$module"
	strip --strip-debug "$module"
	faults slab page
	with_faults $programs/fault_module "$module" "$1"
	modprobe "$1"
}

test_faults_in_loading_the_module()
{
	module_unload || fail "xt_DADDR is still in use"
	modprobe x_tables
	faults_in_loading xt_DADDR
}
scenario test_faults_in_loading_the_module "-" "-" "-"

test_faults_in_making_a_namespace()
{
	modprobe xt_DADDR
	faults slab page
	with_faults $programs/fault_namespaces xt_DADDR
}
scenario test_faults_in_making_a_namespace "-" "-" "-"

test_faults_in_loading_dscp_rewrite()
{
	[ ! -e /sys/module/dscp_rewrite ] || rmmod dscp_rewrite
	faults_in_loading dscp_rewrite
}
scenario test_faults_in_loading_dscp_rewrite "-" "-" "-"

test_faults_in_a_namespace_of_dscp_rewrite()
{
	modprobe dscp_rewrite
	faults slab page
	with_faults $programs/fault_namespaces dscp_rewrite
}
scenario test_faults_in_a_namespace_of_dscp_rewrite "-" "-" "-"

test_faults_in_writing_sysctls()
{
	modprobe dscp_rewrite
	faults slab page
	with_faults $programs/fault_sysctl "ip${family#ipv}" "$near_vip" "$vip" "$near_rip"
}
scenario test_faults_in_writing_sysctls "ipv4 ipv6" "-" "-"
