# SPDX-License-Identifier: BSD-3-Clause
# dsrctl guard: what others remove is put back, with each backend.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

vips_of_guard()
{
	printf '%s = 4\n%s = 7\n10.77.0.9\n' "$vip" "$near_vip"
}

guard_says()
{
	grep -qE -e "$1" "$lab_files/guard.log"
}

# guard_up [OPTION]...: in the background; its process is in $guard. It listens to
# all that there is when it says that it is ready.
guard_up()
{
	local dsrctl

	if [ ! -e "$lab_files/notify" ]; then
		on_background "$server" socat -u "UNIX-RECV:$lab_files/notify" \
			"OPEN:$lab_files/notified,creat,append"
		wait_until test -S "$lab_files/notify"
	fi
	: >"$lab_files/notified"
	dsrctl_command "$@" guard
	on_background "$server" env -i "NOTIFY_SOCKET=$lab_files/notify" "${dsrctl[@]:2}" \
		2>>"$lab_files/guard.log"
	guard=$!
	wait_until grep -q READY=1 "$lab_files/notified" ||
		fail "not ready: $(cat "$lab_files/guard.log")"
}

guard_down()
{
	local status=0

	kill "$guard"
	wait "$guard" || status=$?
	assert_equal "exit status of guard" "$status" 0
}

started()
{
	[ "$(dsrctl check 2>&1)" = "All DSRs started." ]
}

# assert_guard_says WHAT SAYS COMMAND...: the command is run, on the server
assert_guard_says()
{
	local what=$1 says=$2

	shift 2
	: >"$lab_files/guard.log"
	on "$server" "$@"
	wait_until guard_says "$says" ||
		fail "$what: the guard says: $(cat "$lab_files/guard.log")"
}

# assert_put_back WHAT SAYS COMMAND...: what the command removes is there again, too
assert_put_back()
{
	assert_guard_says "$@"
	wait_until started || fail "$1: $(dsrctl -a status 2>&1)"
}

# A gap is as long as the machine makes it: the figures are for people.
assert_traffic()
{
	stream_stop
	[ "$received" -gt 0 ] || fail "none of $sent datagrams came back"
	echo "| guard, $1, $variant: $((sent - received)) of $sent datagrams lost"
	assert_ping "$client" "$vip" "$vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
}

repairs()
{
	dsrctl metrics 2>/dev/null |
		sed -n "s/^dsrctl_guard_repairs_total{reason=\"$1\"} //p"
}

guard_rules()
{
	local ip=iptables by=', by process [0-9]+ \([a-z0-9-]+\): put back after'

	[ "$family" = ipv4 ] || ip=ip6tables
	dsrctl_up < <(vips_of_guard)
	guard_up "$@"
	started || fail "$(dsrctl status 2>&1)"
	stream_start
	case $* in
	*nft*)
		assert_put_back "nft delete table" "2 rules gone .*$by" \
			nft delete table inet dsrctl
		assert_put_back "nft flush chain" "2 rules gone .*$by" \
			nft flush chain inet dsrctl "$table" ;;
	*)
		# of the legacy variant, the kernel says nothing
		[ "$variant" = nft ] || by='or up to 1 s before: put back after'
		assert_put_back "-F" "2 rules gone .*$by" \
			"$ip-$variant" -t "$table" -F ;;
	esac
	if [ "$variant" = nft ]; then
		assert_put_back "nft flush ruleset" "2 rules gone .*$by" nft flush ruleset
		assert_contains "the rules after it" "$(server_state; on "$server" nft list ruleset)" \
			"chain $table|[*]$table .*DADDR"
	fi
	assert_traffic "$* in $table"
	assert_lacks "what it says" "$(cat "$lab_files/guard.log")" error
	assert_equal "repairs" "$(repairs address) $(($(repairs rule) > 0))" "0 1"
	guard_down
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:|dsrctl'
}

test_guard_puts_rules_back()
{
	guard_rules --backend daddr --table "$table"
}
scenario test_guard_puts_rules_back "ipv4" "legacy" "raw"

# One rule for each VIP comes back as such.
test_guard_puts_single_rules_back()
{
	guard_rules --backend daddr --table "$table" --rules each
}
scenario test_guard_puts_single_rules_back "ipv6" "nft" "mangle"

test_guard_puts_rules_of_nftables_back()
{
	guard_rules --backend nft --table "$table"
}
scenario test_guard_puts_rules_of_nftables_back "ipv4" "nft" "raw"

# What is in a dormant table is there, and does nothing.
test_guard_says_that_a_table_is_dormant()
{
	local own="inet dsrctl"

	case $table in raw) own="ip raw" ;; esac
	dsrctl_up < <(vips_of_guard)
	if [ "$table" = raw ]; then
		guard_up --backend daddr --table raw
	else
		guard_up --backend nft
	fi
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_guard_says "dormant" \
		"the table $own of nftables is dormant, by process [0-9]+ [(]nft[)]: its rules rewrite nothing until nft add table $own" \
		nft "add table $own { flags dormant; }"
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 28
	assert_guard_says "awake" "the table $own of nftables is not dormant any more" \
		nft "add table $own"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	guard_down
}
scenario test_guard_says_that_a_table_is_dormant "ipv4" "nft" "raw -"

# No firewall can remove them; who writes sysctls can.
test_guard_puts_sysctls_back()
{
	local dscp value

	modprobe dscp_rewrite
	dsrctl_up < <(vips_of_guard)
	backend=
	guard_up
	stream_start
	on "$server" nft flush ruleset
	on "$server" iptables -t raw -F
	on "$server" iptables -t mangle -F
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	stream_stop
	assert_equal "datagrams that came back while firewalls flushed" "$received" "$sent"

	dscp=/proc/sys/net/$family/dscp_rewrite
	# shellcheck disable=SC2016 # expanded there
	assert_put_back "emptied" "2 sysctl values gone .*: put back" \
		bash -c 'for dscp in 4 7; do echo >"$1/$dscp"; done' - "$dscp"
	assert_ping "$client" "$vip" "$vip"
	# what others added there stays
	value="$near_vip@$near_rip"
	# shellcheck disable=SC2016
	assert_put_back "replaced" "1 sysctl value gone .*: put back" \
		bash -c 'echo "$1" >"$2/7"' - "$value" "$dscp"
	assert_equal "the value" "$(on "$server" cat "$dscp/7")" "$near_vip $value"
	on "$server" bash -c "echo >$dscp/7; echo 0 >$dscp/enabled"
	wait_until grep -q 'dscp_rewrite.enabled is 0' "$lab_files/guard.log"
	assert_equal "enabled" "$(on "$server" cat "$dscp/enabled")" 0
	on "$server" bash -c "echo 1 >$dscp/enabled"
	guard_down
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" '^dscp_rewrite|lo:'
}
scenario test_guard_puts_sysctls_back "ipv6" "nft" "-"

test_guard_puts_addresses_back()
{
	local by=', by process [0-9]+.*: put back after [0-9]+ ms'

	# whose addresses of IPv6 were, the kernel does not say
	[ "$family" = ipv4 ] || by=': put back after [0-9]+ ms'
	backend=
	ip -n "$server" link add pair0 type veth peer name pair1
	ip -n "$server" link set pair0 up
	dsrctl_up < <(vips_of_guard; echo '10.77.0.10 dev pair0')
	guard_up
	assert_equal "kB that it needs, above 10 MB" \
		"$(awk '/^VmRSS/ && $2 > 10240' "/proc/$guard/status")" ""
	stream_start
	assert_put_back "ip address flush" "3 addresses gone .*, by process [0-9]+.*: put back after [0-9]+ ms" \
		ip address flush dev lo
	assert_put_back "ip address del" "1 address gone \($vip on lo\) .*$by" \
		ip address del "$vip/$([ "$family" = ipv4 ] && echo 32 || echo 128)" dev lo
	assert_traffic addresses
	if [ "$family" = ipv4 ]; then
		assert_put_back "ip route flush" "local routes? gone .*$by" \
			ip route del local "$vip" dev lo table local
	else
		assert_put_back "lo down and up" "$near_vip on lo" \
			ip link set lo down
		ip -n "$server" link set lo up
	fi
	assert_ping "$client" "$vip" "$vip"

	# an interface goes, with its VIP, and comes again
	: >"$lab_files/guard.log"
	ip -n "$server" link del pair0
	ip -n "$server" link add pair0 type veth peer name pair1
	ip -n "$server" link set pair0 up
	wait_until started || fail "$(dsrctl status 2>&1)"
	assert_lacks "what it says" "$(cat "$lab_files/guard.log")" error
	assert_equal "repairs of rules" "$(repairs rule) $(repairs sysctl)" "0 0"
	guard_down
	assert_exit 0 dsrctl stop
}
scenario test_guard_puts_addresses_back "ipv4 ipv6" "nft" "-"

# waits_again: somebody removes the VIP until the guard waits
waits_again()
{
	on "$server" ip address del "$vip/32" dev lo 2>/dev/null || true
	guard_says 'error: guard: that was the .*th time in a row, by process [0-9]+'
}

test_guard_gives_way_to_who_removes_again_and_again()
{
	use_family ipv4
	backend=
	dsrctl_up < <(vips_of_guard)
	guard_up
	# a slow machine has more time
	wait_seconds=60 wait_until waits_again ||
		fail "$(cat "$lab_files/guard.log")"
	assert_exit 0 dsrctl metrics
	assert_contains "metrics" "$said" '^dsrctl_guard_waiting 1$'
	assert_contains "metrics" "$said" '^dsrctl_guard_running 1$'
	# later, but for certain
	wait_until started || fail "$(cat "$lab_files/guard.log")"
	# what somebody is waited for with may be stopped
	on "$server" ip address del "$vip/32" dev lo
	assert_exit 0 dsrctl stop
	guard_down
	assert_lacks "the server after stop" "$(server_state)" '^dscp_rewrite|lo:'
}
scenario test_guard_gives_way_to_who_removes_again_and_again "-" "nft" "-"

has_address()
{
	on "$server" ip -o address show dev lo to "$1" | grep -q .
}

# What is stopped stays away, what is started by others is guarded, and a file that
# is edited counts after a reload.
test_guard_guards_what_was_started()
{
	use_family ipv4
	backend=nft
	dsrctl_up < <(vips_of_guard)
	guard_up --backend nft
	assert_exit 1 dsrctl --wait 0 guard
	assert_contains "a second guard" "$said" "found it locked by process $guard \(dsrctl\)"
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'lo:|dsrctl'
	assert_exit 0 dsrctl start
	assert_put_back "after a start by somebody else" "2 rules gone" \
		nft flush ruleset

	echo '10.77.0.11' >"$conf/20.conf"
	assert_guard_says "after an edit" "2 rules gone" nft flush ruleset
	! has_address 10.77.0.11 || fail "an edit counts without a reload"
	echo 'x/y' >"$conf/20.conf"
	assert_guard_says "after a bad edit" "2 rules gone" nft flush ruleset
	kill -HUP "$guard"
	wait_until guard_says 'error: .*20.conf:1: '
	echo '10.77.0.11' >"$conf/20.conf"
	kill -HUP "$guard"
	wait_until has_address 10.77.0.11
	assert_put_back "after a reload" "1 address gone \(10.77.0.11 on lo\)" \
		ip address del 10.77.0.11/32 dev lo
	assert_contains "what systemd is told" "$(cat "$lab_files/notified")" 'RELOADING=1'
	rm "$conf/20.conf"
	assert_exit 0 dsrctl reload
	! has_address 10.77.0.11 || fail "what a reload removed is there"

	# dies, leaves all as it is, and comes again
	kill -9 "$guard"
	wait "$guard" || true
	assert_started
	assert_exit 0 dsrctl metrics
	assert_contains "metrics" "$said" '^dsrctl_guard_running 0$'
	on "$server" nft flush ruleset
	assert_exit 3 dsrctl check
	guard_up
	assert_started
	assert_put_back "after a crash" "2 rules gone" nft flush ruleset
	[ "$(repairs rule)" -ge 4 ] || fail "$(repairs rule) repairs were counted"
	guard_down
	assert_contains "what systemd is told" "$(cat "$lab_files/notified")" 'STOPPING=1'
	assert_started

	guard_up --no-guard
	on "$server" nft flush ruleset
	assert_exit 3 dsrctl check
	kill -HUP "$guard"
	wait_until started
	guard_down
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'lo:|dsrctl'
}
scenario test_guard_guards_what_was_started "-" "nft" "-"
