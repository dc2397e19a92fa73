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
	assert_contains "start with --rules map" "$said" 'has revision 0 .*, and maps need revision 1'
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

# What modprobe will tell the module counts before it is loaded.
test_dsrctl_uses_the_table_that_the_module_is_told()
{
	dsrctl_up <<<"10.128.8.46 = 7"
	module_unload || fail "xt_DADDR is still in use"
	echo 'options xt_DADDR table=mangle' >/etc/modprobe.d/no-daddr.conf
	for action in "--backend daddr -n" "-k"; do
		# shellcheck disable=SC2086 # the words of the action
		assert_exit 0 dsrctl -v $action start
		assert_contains "$action start" "$said" '^\*mangle'
		assert_lacks "$action start" "$said" '^\*raw'
	done
	rm /etc/modprobe.d/no-daddr.conf
	echo '10.9.9.9 = 8' >"$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_equal "lines of status -a -x in mangle" \
		"$(dsrctl -a -x status | grep -c ' up .* mangle *conf$')" 2
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_uses_the_table_that_the_module_is_told "-" "legacy nft" "-"

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

# What iptables-translate prints, word for word: iptables-nft cannot read the
# chain from then on.
test_dsrctl_beside_a_native_rule()
{
	dsrctl_up <<<$'10.128.8.46=7\n10.9.9.9=8\n2001:db8::46=7'
	on "$server" nft -f - <<-TEXT
		add table ip raw
		add chain ip raw PREROUTING { type filter hook prerouting priority raw; }
		add rule ip raw PREROUTING ip dscp 0x19 counter ip daddr set 10.128.8.46
	TEXT
	if on "$server" iptables-nft-save >/dev/null; then
		fail "iptables-nft-save can read the rule: nothing is tried here"
	fi
	assert_exit 0 dsrctl start
	assert_equal "start" "$said" ""
	assert_started
	assert_exit 0 dsrctl status
	assert_equal "VIPs that are started" "$(grep -c ' started ' <<<"$said")" 3
	assert_ping "$neighbour" 10.128.9.31 10.9.9.9 -Q 32
	echo 10.9.9.10=9 >"$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_equal "reload" "$said" ""
	rm "$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_equal "rules" "$(on "$server" nft list table ip raw | grep -c 'daddr set')" 2
	assert_exit 0 dsrctl --backend nft reload
	assert_ping "$neighbour" 10.128.9.31 10.9.9.9 -Q 32
	assert_exit 0 dsrctl --backend daddr reload
	assert_ping "$neighbour" 10.128.9.31 10.9.9.9 -Q 32
	assert_exit 0 dsrctl stop
	assert_equal "stop" "$said" ""
	assert_lacks "the server after stop" "$(server_state)" 'lo:'
	assert_equal "rules after stop" \
		"$(on "$server" nft list ruleset | grep 'daddr set' | xargs)" \
		"ip dscp 0x19 counter packets 0 bytes 0 ip daddr set 10.128.8.46"
}
scenario test_dsrctl_beside_a_native_rule "-" "nft" "-"

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

# Routing on the host: its own addresses are on lo, as the VIPs are, and came later.
without_numbers()
{
	ip -n "$server" address flush dev eth0 scope global
	ip -n "$server" address flush dev eth1 scope global
	ip -n "$server" -batch - <<-TEXT
		address add 74.80.1.1/32 dev lo
		address add 2001:db8:5::1/128 dev lo nodad
		route replace default via 74.80.1.254 dev eth0 onlink
		route replace default via 2001:db8:5::fe dev eth0 onlink
	TEXT
	ip -n "$router" neigh replace 2001:db8:5::1 dev server \
		lladdr "$(on "$server" ip -br link show eth0 | awk '{print $3}')"
}

test_dsrctl_keeps_vips_from_being_a_source()
{
	dsrctl_up <<<$'198.18.0.250=4\n2001:db8:f::250=4'
	assert_exit 0 dsrctl start
	without_numbers
	assert_contains "the route" "$(ip -n "$server" route get 144.100.10.1)" ' src 74.80.1.1 '
	assert_contains "the route" "$(ip -n "$server" route get 2001:db8:c::1)" ' src 2001:db8:5::1 '
	assert_ping "$server" 144.100.10.1 144.100.10.1
	assert_ping "$server" 2001:db8:c::1 2001:db8:c::1
	assert_ping "$client" 198.18.0.250 198.18.0.250
	assert_ping "$client" 2001:db8:f::250 2001:db8:f::250
	doctor=(on "$server" env "XTABLES_LIBDIR=$XTABLES_LIBDIR" \
		/lab/tree/build/tools/dsrctl/dsrctl doctor -d "$conf" --sample 0 --port tcp/22)
	"${doctor[@]}" >"$lab_files/said" || true
	assert_lacks "doctor" "$(cat "$lab_files/said")" 'vip-source'

	# by an administrator's hand
	ip -n "$server" -batch - <<-TEXT
		address del 198.18.0.250/32 dev lo
		address del 74.80.1.1/32 dev lo
		address add 198.18.0.250/32 dev lo
		address add 74.80.1.1/32 dev lo
		address change 2001:db8:f::250/128 dev lo preferred_lft forever
	TEXT
	assert_contains "the route" "$(ip -n "$server" route get 144.100.10.1)" ' src 198.18.0.250 '
	"${doctor[@]}" >"$lab_files/said" || true
	assert_contains "doctor" "$(cat "$lab_files/said")" 'vip-source: the VIP 198.18.0.250 .* give the VIP scope host'
	assert_contains "doctor" "$(cat "$lab_files/said")" 'vip-source: the VIP 2001:db8:f::250 .* give the VIP preferred_lft 0'

	# nobody is asked for a duplicate: other servers have it
	on "$server" sysctl -qw net.ipv6.conf.eth1.accept_dad=1
	echo '2001:db8::46=7 dev eth1' >"$conf/20.conf"
	assert_exit 0 dsrctl start
	assert_contains "eth1" "$(ip -n "$server" -6 address show dev eth1)" '2001:db8::46/128 .* nodad'
}
scenario test_dsrctl_keeps_vips_from_being_a_source "-" "nft" "-"

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
