# SPDX-License-Identifier: BSD-3-Clause
# dscp_rewrite: the sysctls, what is refused, and what becomes of packets.

# rewrite_file DSCP|enabled: the sysctl of the family, as a file
rewrite_file()
{
	echo "/proc/sys/net/$family/dscp_rewrite/$1"
}

# rewrite DSCP|enabled VALUE [NAMESPACE]: by default on the server
rewrite()
{
	# shellcheck disable=SC2016 # expanded there
	on "${3:-$server}" bash -c 'printf "%s\n" "$1" >"$2"' - "$2" "$(rewrite_file "$1")"
}

rewrite_of()
{
	on "$server" cat "$(rewrite_file "$1")"
}

# counters [NAMESPACE]: without the heading
counters()
{
	on "${1:-$server}" tail -n +2 /proc/net/dscp_rewrite
}

# rewrite_up: the two VIPs of the server
rewrite_up()
{
	modprobe dscp_rewrite
	rewrite "$lab_dscp" "$vip"
	rewrite 7 "$near_vip"
}

# module_users: how many namespaces have entries
module_users()
{
	awk '$1 == "dscp_rewrite" {print $3}' /proc/modules
}

rewrite_is_unused()
{
	[ "$(module_users)" = 0 ]
}

test_rewrite_reads_back_what_is_written()
{
	local value canonical
	local -a values

	modprobe dscp_rewrite
	case $family in
	ipv4) values=(
		"10.1.1.1=10.1.1.1"
		"  10.1.1.1	10.1.1.2@10.9.9.2  =10.1.1.1 10.1.1.2@10.9.9.2"
		"10.1.1.2@10.9.9.2 10.1.1.1=10.1.1.1 10.1.1.2@10.9.9.2"
		"10.1.1.2@10.9.9.2 10.1.1.2@10.9.9.1=10.1.1.2@10.9.9.2 10.1.1.2@10.9.9.1"
		"0.0.0.0=" " =" "=") ;;
	ipv6) values=(
		"2001:DB8:0:0::46=2001:db8::46"
		"2001:db8::46  2001:db8::47@2001:db8::1=2001:db8::46 2001:db8::47@2001:db8::1"
		"::ffff:10.1.1.1=::ffff:10.1.1.1"
		"::=" "0:0:0:0:0:0:0:0=" "=") ;;
	esac
	for value in "${values[@]}"; do
		canonical=${value#*=}
		rewrite 63 "${value%%=*}"
		assert_equal "net.$family.dscp_rewrite.63 after \"${value%%=*}\"" \
			"$(rewrite_of 63)" "$canonical"
		# and what is read can be written
		rewrite 63 "$canonical"
		assert_equal "the same, written again" "$(rewrite_of 63)" "$canonical"
	done
	assert_equal "the files" \
		"$(on "$server" ls "$(rewrite_file '')" | sort -n | xargs)" \
		"enabled $(seq -s ' ' 63)"
	assert_equal "counters" "$(counters)" ""
	assert_equal "users of the module" "$(module_users)" 0
}
scenario test_rewrite_reads_back_what_is_written "ipv4 ipv6" "-" "-"

# assert_rewrite_refused REASON VALUE: and what was there stays
assert_rewrite_refused()
{
	# so that each reason is said, however many were before
	read -rt 0.01 <> <(:) || true
	assert_refused 'Invalid argument|write error' rewrite 9 "$2"
	assert_kernel_said "dscp_rewrite: net.$family.dscp_rewrite.9: .*$1"
	assert_equal "the value after \"${2:0:60}\"" "$(rewrite_of 9)" "$near_vip $vip@$near_rip"
}

test_rewrite_refuses_what_makes_no_sense()
{
	local many='' i prefix=10.77.1.

	[ "$family" = ipv4 ] || prefix=2001:db8:77::
	modprobe dscp_rewrite
	rewrite 9 "$near_vip $vip@$near_rip"
	case $family in
	ipv4)
		assert_rewrite_refused 'found .010.1.1.1., expected an IPv4 address' 010.1.1.1
		assert_rewrite_refused 'expected an IPv4 address' 10.1.1
		assert_rewrite_refused 'expected an IPv4 address' 10.1.1.256
		assert_rewrite_refused 'expected an IPv4 address' 10.1.1.1/32
		assert_rewrite_refused 'expected an IPv4 address' 2001:db8::46
		assert_rewrite_refused 'the limited broadcast address' 255.255.255.255
		assert_rewrite_refused 'may not be a multicast address' 224.0.0.1
		assert_rewrite_refused 'the RIP after @ may not be a multicast' "$vip@239.1.1.1"
		assert_rewrite_refused 'the unspecified address' "$vip 0.0.0.0@10.1.1.1" ;;
	ipv6)
		assert_rewrite_refused 'expected an IPv6 address' 2001:db8
		assert_rewrite_refused 'expected an IPv6 address' 2001::db8::1
		assert_rewrite_refused 'expected an IPv6 address' 1:2:3:4:5:6:7:8:9
		assert_rewrite_refused 'expected an IPv6 address' 12345::1
		assert_rewrite_refused 'expected an IPv6 address' fe80::1%lo
		assert_rewrite_refused 'expected an IPv6 address' 10.1.1.1
		assert_rewrite_refused 'may not be a multicast address' ff02::1
		assert_rewrite_refused 'the RIP after @ may not be a multicast' "$vip@ff02::1"
		assert_rewrite_refused 'the unspecified address' "$vip ::@2001:db8::1" ;;
	esac
	assert_rewrite_refused 'expected an IPv. address' "localhost"
	assert_rewrite_refused 'expected an IPv. address' "$vip,$near_vip"
	assert_rewrite_refused 'expected an IPv. address' "$vip@"
	assert_rewrite_refused 'expected an IPv. address' "@$near_rip"
	assert_rewrite_refused 'expected an IPv. address' "$vip@$near_rip@$near_rip"
	assert_rewrite_refused 'two VIPs without @RIP' "$vip $near_vip"
	assert_rewrite_refused 'two VIPs for the same RIP' "$vip@$near_rip $near_vip@$near_rip"
	assert_rewrite_refused 'are the same address' "$vip@$vip"
	for i in {1..17}; do
		many+="$vip@$prefix$i "
	done
	assert_rewrite_refused 'found more than 16 VIPs' "$many"
	assert_rewrite_refused 'more than one write of 1023 bytes' "$(printf '%2000s' "$vip")"
	# a zero byte; and a second write that adds to the first
	# shellcheck disable=SC2016
	assert_refused 'rror' on "$server" bash -c "printf '10.1.1.1\0' >$(rewrite_file 9)"
	assert_kernel_said 'dscp_rewrite.9: found a zero byte'
	# shellcheck disable=SC2016
	assert_refused 'rror' on "$server" bash -c "{ printf '%s\n' '$near_vip $vip@$near_rip'; printf %s '$vip'; } >$(rewrite_file 9)"
	assert_equal "the value after two writes" "$(rewrite_of 9)" "$near_vip $vip@$near_rip"
	# the most that fits
	rewrite 9 "${many% * }"
	assert_equal "16 VIPs" "$(rewrite_of 9 | wc -w)" 16
	assert_refused 'rror' on "$server" bash -c "echo 2 >$(rewrite_file enabled)"
	assert_refused 'rror' on "$server" bash -c "echo -1 >$(rewrite_file enabled)"
	assert_equal "enabled" "$(rewrite_of enabled)" 1
}
scenario test_rewrite_refuses_what_makes_no_sense "ipv4 ipv6" "-" "-"

test_rewrite_serves_ping_tcp_and_udp()
{
	mkdir "$lab_files/www"
	seq 60000 >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	serve_udp_echo "$server" "$vip" 7777
	rewrite_up
	capture_start "$lb" lb -i eth0 host "$vip" or host "$rip"
	assert_ping "$client" "$vip" "$vip"
	assert_http "$client" "$vip" "$lab_files/www/file"
	for size in 1 2 1472 9000; do
		head -c $size /dev/urandom >"$lab_files/datagram"
		assert_udp_echo "$client" "$vip" 7777 "$lab_files/datagram"
	done
	assert_ping "$client" "$vip" "$vip" -s 4000
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 31 # any ECN
	assert_ping "$neighbour" "$near_rip" "$near_rip"
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 32
	capture_stop lb 3 "$client_ip.*> $vip.*echo request"
	assert_captured lb 0 " ($vip|$rip)[^ ]* > "
	assert_no_checksum_errors "$server" "$client" "$lb"
}
scenario test_rewrite_serves_ping_tcp_and_udp "ipv4 ipv6" "-" "-"

# send_marked UDP|TCP ADDRESS: a packet of that protocol, with DSCP 7
send_marked()
{
	local host=$2 option=ip-tos

	[ "$family" = ipv4 ] || { host=[$2] option=ipv6-tclass; }
	on "$neighbour" socat -u - "${1%%,*}:$host:9,$option=28${1#"${1%%,*}"}" <<<x || true
}

# packets_of VIP: how many were counted
packets_of()
{
	counters | awk -v "vip=$1" '$4 == vip {print $5}'
}

# counted_more VIP NUMBER
counted_more()
{
	[ "$(packets_of "$1")" -gt "$2" ]
}

# What has the VIP already is neither changed nor counted; a VIP that stays
# keeps its counters, another begins at 0.
test_rewrite_counts_what_it_changes()
{
	modprobe dscp_rewrite
	rewrite 7 "$near_vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$near_vip" "$near_vip" -Q 28
	assert_contains "counters" "$(counters)" "^$family 7 [*] $near_vip 3 [1-9][0-9]+$"
	rewrite 7 "$vip@$unused_ip $near_vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_contains "counters" "$(counters)" "^$family 7 [*] $near_vip 6 "
	assert_contains "counters" "$(counters)" "^$family 7 $unused_ip $vip 0 0$"
	rewrite 7 "$vip"
	assert_equal "counters of another VIP" "$(counters)" "$family 7 * $vip 0 0"
	rewrite 7 "$near_vip"
	rewrite 7 "$near_vip@$near_rip"
	assert_equal "counters of another mapping" "$(counters)" \
		"$family 7 $near_rip $near_vip 0 0"
	rewrite 7 ''
	assert_equal "counters of nothing" "$(counters)" ""
	rewrite 7 "$near_vip"
	assert_equal "counters, begun again" "$(counters)" "$family 7 * $near_vip 0 0"
	rewrite enabled 0
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 28
	assert_equal "the value while it is off" "$(rewrite_of 7)" "$near_vip"
	rewrite enabled 1
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_contains "counters" "$(counters)" "^$family 7 [*] $near_vip 3 "
	send_marked UDP "$near_vip"
	send_marked UDP "$near_rip"
	wait_until counted_more "$near_vip" 3
	assert_equal "packets after one of UDP that has the VIP, and one that gets it" \
		"$(packets_of "$near_vip")" 4
	# whose answer is from an address that was not asked: it may send another
	send_marked TCP,connect-timeout=0.2 "$near_rip"
	wait_until counted_more "$near_vip" 4
}
scenario test_rewrite_counts_what_it_changes "ipv4 ipv6" "-" "-"

# With @RIP, packets to that address alone, and each to its own VIP.
test_rewrite_for_one_address()
{
	modprobe dscp_rewrite
	on "$server" bash -c '
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$router" -batch - <<TEXT
route add 10.128.9.0/24 via 74.80.1.1
route add 2001:db8:9::/64 via 2001:db8:5::1
TEXT
	rewrite 7 "$near_vip@$near_rip $vip@$rip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$rip" "$vip" -Q 28
	assert_ping "$neighbour" "$near_vip" "$near_vip" -Q 28
	# what is forwarded, marked, passes
	assert_ping "$neighbour" "$client_ip" "$client_ip" -Q 28
	# a plain VIP is for all other addresses, whoever has them
	rewrite 7 "$vip@$rip $near_vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$rip" "$vip" -Q 28
	assert_ping "$neighbour" "$unused_ip" "$near_vip" -Q 28
}
scenario test_rewrite_for_one_address "ipv4 ipv6" "-" "-"

# Each of 16 addresses finds its VIP, and an address that only looks alike none.
test_rewrite_finds_each_of_16_addresses()
{
	local i value='' prefix=10.128.9.2 like=10.128.9.99

	# the words of both IPv6 addresses have the same sum without carry
	[ "$family" = ipv4 ] || { prefix=2001:db8:9::2 like=2001:db8:9:210::; }
	modprobe dscp_rewrite
	for i in {10..25}; do
		ip -n "$server" addr add "$prefix$i/$([ "$family" = ipv4 ] && echo 32 || echo 128)" dev eth1 nodad
		value+="$near_vip@$prefix$i "
	done
	rewrite 7 "$value"
	for i in {10..25}; do
		assert_ping "$neighbour" "$prefix$i" "$near_vip" -Q 28
	done
	assert_equal "VIPs with 3 packets" "$(counters | grep -c " $near_vip 3 ")" 16
	ip -n "$server" addr add "$like/$([ "$family" = ipv4 ] && echo 32 || echo 128)" dev eth1 nodad
	assert_ping "$neighbour" "$like" "$like" -Q 28
	rewrite 7 "$vip@$like $near_vip@${prefix}10"
	assert_ping "$neighbour" "$like" "$vip" -Q 28
	assert_ping "$neighbour" "${prefix}10" "$near_vip" -Q 28
}
scenario test_rewrite_finds_each_of_16_addresses "ipv4 ipv6" "-" "-"

# To a group, or to all, comes what the routing protocols mark.
test_rewrite_leaves_groups_alone()
{
	modprobe dscp_rewrite
	rewrite 7 "$near_vip"
	case $family in
	ipv4)
		on "$server" sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
		assert_ping "$neighbour" 224.0.0.1 "$near_rip" -Q 28 -I eth0
		on "$neighbour" ping -n -b -c 3 -i 0.01 -W 5 -Q 28 10.128.9.255 2>&1 |
			grep "from $near_rip" | head -n 3
		on "$neighbour" ping -n -b -c 1 -W 1 -Q 28 -I eth0 255.255.255.255 || true ;;
	ipv6)
		on "$neighbour" ping -n -c 3 -i 0.01 -W 5 -Q 28 -I eth0 ff02::1 |
			grep -qE "from (fe80:|$near_rip)" ;; # kernels differ
	esac
	assert_contains "counters" "$(counters)" "^$family 7 [*] $near_vip 0 0$"
}
scenario test_rewrite_leaves_groups_alone "ipv4 ipv6" "-" "-"

# Before raw and conntrack: rules see the VIP, and conntrack the connection
# that the client has, in both directions.
test_rewrite_comes_before_conntrack()
{
	local ip=ip

	[ "$family" = ipv4 ] || ip=ip6
	on "$server" nft -f - <<TEXT
table inet watch {
	chain prerouting {
		type filter hook prerouting priority raw
		$ip daddr $near_rip $ip dscp 7 counter name unchanged
		$ip daddr $near_vip $ip dscp 7 counter name changed
	}
	chain input {
		type filter hook input priority 0
		ct direction original $ip daddr $near_vip ct state new counter name new
		ct state invalid counter name invalid
	}
	counter unchanged { }
	counter changed { }
	counter new { }
	counter invalid { }
}
TEXT
	rewrite_up
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	on "$server" nft list counters >"$lab_files/seen"
	assert_equal "packets that rules have seen" \
		"$(awk '$1 == "counter" {name = $2} $1 == "packets" {print name, $2}' \
			"$lab_files/seen" | xargs)" \
		"unchanged 0 changed 3 new 1 invalid 0"
}
scenario test_rewrite_comes_before_conntrack "ipv4 ipv6" "-" "-"

# The first that acts wins; nothing is counted twice.
test_rewrite_and_a_rule_of_daddr()
{
	rule -t raw -A PREROUTING -i eth1 -j DADDR --dscp-map "7=$near_vip,8=$near_vip"
	modprobe dscp_rewrite
	rewrite 7 "$near_vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 32
	assert_contains "counters" "$(counters)" "^$family 7 [*] $near_vip 3 "
	assert_no_checksum_errors "$server" "$neighbour"
}
scenario test_rewrite_and_a_rule_of_daddr "ipv4 ipv6" "legacy nft" "-"

# A firewall that is flushed takes no VIP along.
test_rewrite_survives_a_flushed_firewall()
{
	rewrite_up
	rule -t raw -A PREROUTING -d "$unused_ip" -j DROP
	on "$server" nft flush ruleset
	on "$server" "$ipt-legacy" -t raw -F
	assert_ping "$client" "$vip" "$vip"
}
scenario test_rewrite_survives_a_flushed_firewall "ipv4 ipv6" "legacy nft" "-"

# A packet of lo brings the route that it was sent with.
test_rewrite_routes_loopback_packets_again()
{
	rewrite_up
	on "$server" sysctl -qw net.ipv4.conf.lo.accept_local=1
	assert_ping "$server" "$near_rip" "$near_vip" -Q 28
}
scenario test_rewrite_routes_loopback_packets_again "ipv4 ipv6" "-" "-"

# The kernel counts how often the hook of the family is called: for pings of the
# neighbour to the server, it is or it is not.
trace=/sys/kernel/debug/tracing
hook_is_called()
{
	local before after

	before=$(awk '$1 == "rewrite" {print $2}' $trace/kprobe_profile)
	on "$neighbour" ping -n -q -c 3 -i 0.01 -W 5 "$near_rip" >/dev/null
	after=$(awk '$1 == "rewrite" {print $2}' $trace/kprobe_profile)
	[ $((after - before)) -ge 3 ] && echo yes || echo "$((after - before))"
}

# A namespace and a family without entries have no hook: packets do not pay.
test_rewrite_hooks_only_where_it_has_work()
{
	local quiet=quiet-$server # no link, and so no packet of its own

	[ -e $trace/kprobe_events ] || skip "this kernel has no probes"
	modprobe dscp_rewrite
	ip netns add "$quiet"
	lab_namespaces+=("$quiet")
	echo "p:rewrite dscp_rewrite_hook${family#ipv}" >$trace/kprobe_events
	echo 1 >$trace/events/kprobes/rewrite/enable
	assert_equal "calls without an entry" "$(hook_is_called)" 0
	rewrite 7 "$near_vip" "$quiet"
	assert_equal "calls with an entry of another namespace" "$(hook_is_called)" 0
	rewrite 7 "$near_vip"
	rewrite 8 "$vip"
	assert_equal "calls with entries" "$(hook_is_called)" yes
	rewrite enabled 0
	assert_equal "calls while it is off" "$(hook_is_called)" 0
	rewrite 7 ''
	rewrite 9 "$near_vip"
	assert_equal "calls after writes while it is off" "$(hook_is_called)" 0
	rewrite enabled 1
	assert_equal "calls with entries again" "$(hook_is_called)" yes
	rewrite 8 ''
	assert_equal "calls with one entry" "$(hook_is_called)" yes
	rewrite 9 ''
	assert_equal "calls when the last entry is gone" "$(hook_is_called)" 0
	echo 0 >$trace/events/kprobes/rewrite/enable
	echo >$trace/kprobe_events
}
scenario test_rewrite_hooks_only_where_it_has_work "ipv4 ipv6" "-" "-"

# Who has entries holds the module, and nobody else does.
test_rewrite_is_held_by_entries_alone()
{
	local other=ipv6 both=$family

	[ "$family" = ipv4 ] || other=ipv4
	modprobe dscp_rewrite
	assert_equal "users at first" "$(module_users)" 0
	rewrite 7 "$near_vip"
	rewrite 8 "$near_vip"
	assert_equal "users with two entries" "$(module_users)" 1
	rewrite 1 "$vip" "$client"
	assert_equal "users with two namespaces" "$(module_users)" 2
	use_family $other
	rewrite 7 "$near_vip"
	assert_equal "users with both families" "$(module_users)" 2
	assert_refused 'in use' rmmod dscp_rewrite
	use_family "$both"
	rewrite 7 ''
	rewrite 8 ''
	rewrite 1 '' "$client"
	rewrite enabled 0
	assert_equal "users with the other family" "$(module_users)" 1
	use_family $other
	rewrite 7 ''
	assert_equal "users at last" "$(module_users)" 0
	rmmod dscp_rewrite
	assert_refused 'No such file|nonexistent' on "$server" cat "$(rewrite_file 7)"
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 28
	modprobe dscp_rewrite
	assert_equal "a value of the module before" "$(rewrite_of 7)" ""
}
scenario test_rewrite_is_held_by_entries_alone "ipv4 ipv6" "-" "-"

# Namespaces with all entries die under traffic, and take all of it along.
test_rewrite_namespaces_die_under_traffic()
{
	local round name number peer=10.99.0 pids

	modprobe dscp_rewrite
	for round in 1 2 3 4 5; do
		pids=()
		for number in 1 2 3; do
			name=short-$number-$server
			ip netns add "$name"
			ip -n "$name" link set lo up
			on "$name" bash -c '
				for d in {1..63}; do
					echo 10.77.0.$d >/proc/sys/net/ipv4/dscp_rewrite/$d
					echo 2001:db8:77::$d >/proc/sys/net/ipv6/dscp_rewrite/$d
				done'
			on_background "$name" ping -n -q -f -Q 28 127.0.0.1 >/dev/null
			pids+=($!)
			on_background "$name" busybox sh -c \
				'while cat /proc/net/dscp_rewrite; do :; done' >/dev/null 2>&1
			pids+=($!)
			on_background "$name" busybox sh -c \
				'while echo 10.77.1.1 >/proc/sys/net/ipv4/dscp_rewrite/7; do :; done' 2>/dev/null
			pids+=($!)
		done
		assert_equal "users" "$(module_users)" 3
		assert_refused 'in use' rmmod dscp_rewrite
		for number in 1 2 3; do
			ip netns delete "short-$number-$server"
		done
		kill -9 "${pids[@]}"
		until rmmod dscp_rewrite 2>"$lab_files/said"; do
			grep -q 'in use' "$lab_files/said" || fail "$(cat "$lab_files/said")"
		done
		modprobe dscp_rewrite
	done
}
scenario test_rewrite_namespaces_die_under_traffic "-" "-" "-"

# By default as many as take a few seconds; REWRITES=10000 for more.
test_rewrite_writing_loses_nothing()
{
	local sender sent received counted rewrites=${REWRITES:-1000}

	modprobe dscp_rewrite
	rewrite "$lab_dscp" "$vip"
	rule -t filter -A INPUT -p udp --dport 7777 ! -d "$vip"
	on_background "$server" build/tests/vm/dsrctl/stream echo "$vip" 7777
	wait_until lab_listens "$server" u 7777
	on_background "$client" build/tests/vm/dsrctl/stream send "$vip" 7777 1000 >"$lab_files/count"
	sender=$!
	# in a value of its own, among others, and with others in between
	on "$server" bash -c "
		cd $(rewrite_file '')
		for ((n = 0; n < $rewrites / 4; n++)); do
			echo '$vip' >$lab_dscp
			echo '$near_vip@$near_rip $vip $vip@$unused_ip' >$lab_dscp
			echo '$near_vip' >$((lab_dscp + 1))
			echo '' >$((lab_dscp + 1))
		done"
	kill -INT "$sender"
	wait "$sender"
	read -r sent received <"$lab_files/count"
	[ "$sent" -gt 10 ] || fail "only $sent datagrams were sent"
	assert_equal "datagrams that came back" "$received" "$sent"
	counted=$(counters | grep " $lab_dscp [*] $vip ")
	assert_contains "the counters" "$counted" "^$family $lab_dscp [*] $vip $sent "
	assert_contains "packets to other addresses" \
		"$(rule -t filter -S INPUT -v)" '--dport 7777 -c 0 0$'
	echo "| $rewrites writes, $sent datagrams, $received answered"
}
scenario test_rewrite_writing_loses_nothing "ipv4 ipv6" "nft" "-"

# Root of a user namespace, which any user can become, has a table of its own.
test_rewrite_in_a_container()
{
	rewrite_up
	export family near_rip near_vip vip client_ip
	on "$server" setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "
		! echo '$vip' >$(rewrite_file 7)" 2>/dev/null || fail "any user may write"
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user --net --mount --pid --fork --mount-proc \
		bash -eE -c '
			trap "echo \"FAILED in the container: \$BASH_COMMAND\"" ERR
			source tools/lab/assert.sh
			files=/proc/sys/net/$family/dscp_rewrite
			ip link set lo up
			echo 1 >/proc/sys/net/ipv4/conf/lo/accept_local
			ip address add "$near_rip" dev lo
			ip address add "$near_vip" dev lo
			ip address add "$client_ip" dev lo
			assert_equal "value at first" "$(cat $files/7)" ""
			echo "$near_vip@$near_rip" >$files/7
			ping -n -c 3 -i 0.01 -W 5 -Q 28 -I "$client_ip" "$near_rip" | grep -c "from $near_vip" | grep -qx 3
			assert_contains "counters" "$(cat /proc/net/dscp_rewrite)" "^$family 7 $near_rip $near_vip 3 "
			assert_equal "lines" "$(wc -l </proc/net/dscp_rewrite)" 2
			assert_refused "Permission denied" sh -c "echo 0 >/proc/net/dscp_rewrite"
			for i in {1..200}; do
				! echo 224.0.0.1 >$files/8
			done 2>/dev/null
		' </dev/null
	kernel_log_collect
	[ "$(tail -n "+$scenario_log" "$kernel_log" | grep -c 'dscp_rewrite: net')" -le 20 ] ||
		fail "a container fills the kernel log"
	assert_equal "the host's value" "$(rewrite_of 7)" "$near_vip"
	assert_equal "the host's counters" "$(counters | grep -c ' 0 0$')" 2
	wait_until only_the_host_has_entries
}
scenario test_rewrite_in_a_container "ipv4 ipv6" "-" "-"

only_the_host_has_entries()
{
	[ "$(module_users)" = 1 ]
}

# processor 0|1: the second one is switched off or on
rewrite_processor()
{
	echo "$1" >/sys/devices/system/cpu/cpu1/online
}

test_rewrite_counters_while_processors_come_and_go()
{
	[ -e /sys/devices/system/cpu/cpu1/online ] || skip "there is one processor"
	modprobe dscp_rewrite
	rewrite 7 "$near_vip"
	on "$neighbour" taskset -c 1 ping -n -f -q -c 50 -Q 28 "$near_rip" >/dev/null
	rewrite_processor 0
	assert_contains "counters of both" "$(counters)" "^$family 7 [*] $near_vip 50 "
	rewrite 8 "$near_vip"
	rewrite_processor 1
	on_background "$neighbour" ping -n -i 0.002 -q -c 500 -W 5 -Q 28 "$near_rip" >"$lab_files/said"
	while kill -0 $! 2>/dev/null; do
		rewrite_processor 0
		rewrite_processor 1
	done
	assert_contains "ping" "$(cat "$lab_files/said")" ' 500 received'
	assert_contains "counters" "$(counters)" "^$family 7 [*] $near_vip 550 "
}
scenario test_rewrite_counters_while_processors_come_and_go "ipv4 ipv6" "-" "-"
