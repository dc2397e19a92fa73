# SPDX-License-Identifier: BSD-3-Clause
# dsrctl on hosts in the middle of a change: plugin and module of different age,
# rules in both variants of iptables; and on a terminal.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

rules_of_vips()
{
	server_state | grep -o -e '--set-daddr.*' -e '--dscp-map.*'
}

# The kernel takes a map, the plugin has no word for it.
test_dsrctl_with_an_old_plugin()
{
	dsrctl_up <<<$'10.128.8.46=7\n10.9.9.9=8\n2001:db8::46=7'
	XTABLES_LIBDIR=/lab/tree/build/tests/plugin/revision0:$XTABLES_LIBDIR

	assert_exit 0 dsrctl start
	assert_contains "start" "$said" 'one rule for all VIPs was refused .* using one a VIP'
	assert_equal "rules" "$(rules_of_vips | sort | xargs)" \
		"--set-daddr 10.128.8.46 --set-daddr 10.9.9.9 --set-daddr 2001:db8::46"
	assert_started
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_exit 0 dsrctl -v start
	assert_equal "what a second start changes" "$said" ""

	assert_exit 1 dsrctl --rules map -a restart
	assert_contains "restart with --rules map" "$said" 'DADDR'
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_with_an_old_plugin "-" "legacy nft" "-"

test_dsrctl_with_an_old_module()
{
	dsrctl_up <<<$'10.128.8.46=7\n2001:db8::46=7'
	module_unload
	modprobe x_tables
	insmod "build/lab/module-$(uname -r)/tests/revision0/xt_DADDR.ko"

	assert_exit 1 dsrctl --rules map start
	assert_contains "start with --rules map" "$said" 'found revision 0 .*, expected revision 1'
	assert_lacks "the server after it" "$(server_state)" 'DADDR|lo:'
	assert_exit 0 dsrctl -k start
	assert_equal "what start says" "$said" ""
	assert_equal "rules" "$(rules_of_vips | sort | xargs)" \
		"--set-daddr 10.128.8.46 --set-daddr 2001:db8::46"
	assert_started
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_with_an_old_module "-" "legacy nft" "-"

# Rules of the other variant work too: they count, are reported, and stopped.
test_dsrctl_with_both_variants()
{
	local other=legacy

	[ "$variant" != legacy ] || other=nft
	dsrctl_up <<<$'10.128.8.46=7\n10.9.9.9=8'
	on "$server" iptables-"$other" -t "$table" -A PREROUTING \
		-m dscp --dscp 7 -j DADDR --set-daddr=10.128.8.46

	assert_exit 0 dsrctl start
	assert_started
	assert_equal "rules in each variant" "$(rules_of_vips | sort | xargs)" \
		"--dscp-map 8=10.9.9.9 --set-daddr 10.128.8.46"
	assert_exit 0 dsrctl status
	assert_contains "status" "$said" "$other"
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28

	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_with_both_variants "-" "legacy" "raw"
scenario test_dsrctl_with_both_variants "-" "nft" "mangle"

# iptables and ip6tables are alternatives of their own: somebody chose for one.
test_dsrctl_with_a_variant_for_each_family()
{
	local suffix other=legacy

	[ "$variant" != legacy ] || other=nft
	dsrctl_up <<<$'10.128.8.46=7\n2001:db8::46=7'
	for suffix in '' -save -restore; do
		ln -sf "/usr/sbin/iptables-$other$suffix" \
			"/etc/alternatives/iptables$suffix"
	done

	assert_exit 0 dsrctl start
	assert_started
	assert_exit 0 dsrctl status
	assert_lacks "status" "$said" 'expected'
	assert_equal "rules" "$(rules_of_vips | sort | xargs)" \
		"--dscp-map 7=10.128.8.46 --dscp-map 7=2001:db8::46"
	echo 2001:db8::47=8 >"$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_equal "what reload says" "$said" ""
	rm "$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_equal "what reload says" "$said" ""
	assert_started
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_with_a_variant_for_each_family "-" "legacy nft" "-"

# Addresses and tables come and go while they are read: then it reads again.
test_dsrctl_on_a_host_that_changes()
{
	local changing net number round

	dsrctl_up <<<$'10.128.8.46=7\n2001:db8::46=7'
	assert_exit 0 dsrctl start
	# so many that reading them takes longer than a turn of the processor
	for net in 0 1 2 3 4 5; do
		for ((number = 1; number < 255; number++)); do
			echo "address add 10.88.$net.$number/32 dev eth1"
		done
	done | ip -n "$server" -batch -
	for ((number = 1; number < 100; number++)); do
		echo "address add 10.87.0.$number/32 dev eth0"
		echo "address del 10.87.0.$number/32 dev eth0"
	done >"$lab_files/batch"
	while ip -n "$server" -batch "$lab_files/batch"; do :; done &
	changing=$!
	lab_pids+=("$changing")
	for ((round = 0; round < 20; round++)); do
		assert_exit 0 dsrctl check
	done
	kill $changing
	wait $changing 2>/dev/null || true
	assert_exit 0 dsrctl stop
}
scenario test_dsrctl_on_a_host_that_changes "-" "nft" "-"

# at_terminal ANSWER ACTION...: what is seen there is in $said
at_terminal()
{
	local answer=$1

	shift
	said=$(printf '%s\n' "$answer" |
		script -qec "XTABLES_LIBDIR=$XTABLES_LIBDIR ip netns exec $server \
			/lab/tree/build/tools/dsrctl/dsrctl -d $conf $*" /dev/null)
}

test_dsrctl_asks_before_it_stops_all()
{
	local before

	dsrctl_up <<<$'10.128.8.46=7'
	use_family ipv4
	assert_exit 0 dsrctl start
	rule -t mangle -A PREROUTING -m dscp --dscp 20 -j DADDR --set-daddr=188.125.66.2
	before=$(server_state)

	for answer in no '' yeah; do
		at_terminal "$answer" -a stop || true
		assert_contains "-a stop" "$said" '--set-daddr 188.125.66.2'
		assert_contains "-a stop" "$said" 'Remove all of these\? \[y/N\]'
		assert_contains "-a stop" "$said" 'nothing was changed'
		assert_equal "the server after \"$answer\"" "$(server_state)" "$before"
	done
	at_terminal y -a stop
	assert_lacks "the server after y" "$(server_state)" 'DADDR|lo:'
	at_terminal y -a stop
	assert_lacks "asked for nothing" "$said" 'Remove'
}
scenario test_dsrctl_asks_before_it_stops_all "-" "nft" "-"
