# SPDX-License-Identifier: BSD-3-Clause
# dsrctl under traffic, many VIPs at once, and whatever ends it in the middle.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# The VIP that the load balancer sends to with DSCP 4, and another.
vips()
{
	printf '%s = 4\n%s = 7\n' "$vip" "$near_vip"
}

# A configuration besides, which comes and goes.
others()
{
	local number

	for ((number = 10; number < 10 + $1; number++)); do
		echo "10.77.0.$number = $number"
		echo "2001:db8:77::$number = $number"
	done >"$conf/20-others.conf"
}

# 1,000 packets a second and a download through the VIP, while others come,
# change and go. Every packet that is sent comes back.
reload_under_traffic()
{
	local sender sent received download round

	dsrctl_up < <(vips)
	assert_exit 0 dsrctl "$@" start
	head -c 2000000 /dev/urandom >"$lab_files/file"
	mkdir "$lab_files/www"
	mv "$lab_files/file" "$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	on_background "$server" "$stream" echo "$vip" 7777
	wait_until lab_listens "$server" u 7777

	on_background "$client" "$stream" send "$vip" 7777 1000 >"$lab_files/count"
	sender=$!
	on_background "$client" curl -sS --limit-rate 150k -o "$lab_files/got" \
		"http://$(url_host "$vip")/file"
	download=$!
	for round in 3 5 1 0; do
		others "$round"
		assert_exit 0 dsrctl "$@" reload
	done
	assert_exit 0 dsrctl "$@" restart
	assert_started
	kill -INT "$sender"
	wait "$sender"
	read -r sent received <"$lab_files/count"
	[ "$sent" -gt 100 ] || fail "only $sent datagrams were sent"
	assert_equal "datagrams that came back" "$received" "$sent"
	wait "$download" || fail "the download failed"
	cmp "$lab_files/got" "$lab_files/www/file" || fail "the download differs"

	# counters of what stayed go on
	assert_exit 0 dsrctl "$@" metrics
	received=$(sed -n "s/^dsrctl_vip_packets_total{name=\"$vip\".* //p" <<<"$said")
	[ "$received" -ge "$sent" ] || fail "counted $received of $sent packets"
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:|dsrctl|dscp_rewrite'
}

test_dsrctl_reload_loses_nothing()
{
	reload_under_traffic
}
scenario test_dsrctl_reload_loses_nothing "ipv4" "legacy" "-"
scenario test_dsrctl_reload_loses_nothing "ipv6" "nft" "-"

test_dsrctl_reload_of_single_rules_loses_nothing()
{
	reload_under_traffic --rules each
}
scenario test_dsrctl_reload_of_single_rules_loses_nothing "ipv4" "nft" "-"

test_dsrctl_reload_of_nftables_loses_nothing()
{
	reload_under_traffic --backend nft
}
scenario test_dsrctl_reload_of_nftables_loses_nothing "ipv6" "nft" "-"

test_dsrctl_reload_of_sysctls_loses_nothing()
{
	backend=
	reload_under_traffic
	assert_lacks "modules after stop" "$(lsmod)" '^dscp_rewrite '
}
scenario test_dsrctl_reload_of_sysctls_loses_nothing "ipv4" "nft" "-"

# From each backend to each other, and between tables and kinds of rules, under
# the same traffic.
test_dsrctl_moves_between_backends_and_loses_nothing()
{
	local sender sent received to before left

	dsrctl_up < <(vips)
	before=$(server_state)
	backend=
	assert_exit 0 dsrctl start
	assert_contains "the server" "$(server_state)" "^dscp_rewrite $family 4 . $vip$"
	on_background "$server" "$stream" echo "$vip" 7777
	wait_until lab_listens "$server" u 7777
	on_background "$client" "$stream" send "$vip" 7777 1000 >"$lab_files/count"
	sender=$!
	# where to, and what is left of where it was
	while read -r to left; do
		# shellcheck disable=SC2086 # an option and its value
		assert_exit 0 dsrctl ${to/=/ } reload
		assert_equal "what the move to $to says" "$said" ""
		assert_started
		assert_lacks "the server after $to" "$(server_state)" "$left"
		# it stays there
		assert_exit 0 dsrctl -v start
		assert_equal "what a start changes with $to" "$said" ""
	done <<-TEXT
		--backend=daddr dscp_rewrite
		--table=mangle dscp_rewrite|raw.*DADDR
		--rules=each --dscp-map
		--backend=dscp_rewrite DADDR|dsrctl
		--backend=nft DADDR|dscp_rewrite
		--table=mangle DADDR|dscp_rewrite
		--backend=dscp_rewrite DADDR|dsrctl
	TEXT
	kill -INT "$sender"
	wait "$sender"
	read -r sent received <"$lab_files/count"
	[ "$sent" -gt 100 ] || fail "only $sent datagrams were sent"
	assert_equal "datagrams that came back" "$received" "$sent"
	assert_exit 0 dsrctl stop
	assert_equal "the server after stop" "$(server_state)" "$before"
}
scenario test_dsrctl_moves_between_backends_and_loses_nothing "ipv6" "nft" "-"

# The rules of nftables, and a host that has nothing else.
test_dsrctl_without_the_module()
{
	local before

	use_family ipv4
	dsrctl_up < <(vips; echo "2001:db8::46 = EF")
	before=$(server_state)
	module_unload || fail "xt_DADDR is still in use"
	# one that loads nothing
	echo 'install xt_DADDR /bin/false' >/etc/modprobe.d/no-daddr.conf
	assert_exit 1 dsrctl --backend daddr start
	assert_contains "start" "$said" 'this kernel has no target DADDR, and the module xt_DADDR does not load'
	assert_equal "the server after it" "$(server_state)" "$before"

	backend=
	modprobe -r dscp_rewrite
	echo 'install dscp_rewrite /bin/false' >>/etc/modprobe.d/no-daddr.conf
	for action in "-n start" start; do
		# shellcheck disable=SC2086 # the words of the action
		assert_exit 0 dsrctl $action
		assert_contains "$action" "$said" 'this kernel has no target DADDR: using rules of nftables instead'
	done
	assert_lacks "modules" "$(lsmod)" '^xt_DADDR '
	rm /etc/modprobe.d/no-daddr.conf
	assert_started
	assert_exit 0 dsrctl -x status
	assert_contains "status" "$said" "^l3dsr started $near_vip .* 7 +lo:2 +up"
	assert_contains "status" "$said" '^l3dsr started 2001:db8::46 .* EF +lo +up'
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 184
	assert_ping "$client" "$vip" "$vip"
	assert_exit 0 dsrctl metrics
	assert_contains "metrics" "$said" "^dsrctl_vip_packets_total.name=\"$near_vip\".* 3$"

	# rules that are there and do nothing
	on "$server" nft 'add table inet dsrctl { flags dormant; }'
	assert_exit 1 dsrctl check
	assert_exit 0 dsrctl reload
	assert_contains "reload" "$said" 'inet dsrctl of nftables is dormant: .* until nft add table inet dsrctl'
	on "$server" nft add table inet dsrctl
	assert_started

	# what was started so goes on so
	echo '10.77.0.9 = 9' >"$conf/20.conf"
	assert_exit 0 dsrctl -v reload
	assert_contains "reload" "$said" '^add rule inet dsrctl raw ip dscp 0x09 counter'
	assert_lacks "reload" "$said" 'dscp 0x07'
	assert_exit 0 dsrctl stop
	assert_equal "the server after stop" "$(server_state)" "$before"
}
scenario test_dsrctl_without_the_module "-" "nft" "-"

test_dsrctl_metrics()
{
	use_family ipv4
	dsrctl_up < <(vips)
	assert_exit 0 dsrctl start
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_exit 0 dsrctl --output "$lab_files/dsrctl.prom" metrics
	assert_equal "what it says" "$said" ""
	said=$(cat "$lab_files/dsrctl.prom")
	assert_contains "metrics" "$said" "^dsrctl_vip_packets_total.name=\"$near_vip\".* 3$"
	assert_contains "metrics" "$said" "^dsrctl_vip_state.name=\"$near_vip\".*started\".* 1$"
	assert_contains "metrics" "$said" '^dsrctl_configuration_errors 0$'
	others 3
	assert_exit 0 dsrctl reload
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_exit 0 dsrctl metrics
	assert_contains "metrics after reload" "$said" "^dsrctl_vip_packets_total.name=\"$near_vip\".* 6$"
	echo x/y >"$conf/30.conf"
	assert_exit 0 dsrctl metrics
	assert_contains "metrics" "$said" '^dsrctl_configuration_errors 1$'
	rm "$conf/30.conf"
	assert_exit 0 dsrctl stop
}
scenario test_dsrctl_metrics "-" "nft" "-"

many_vips()
{
	local number

	for ((number = 1; number < 64; number++)); do
		echo "10.99.0.$number = $number"
		echo "2001:db8:99::$number = $number"
	done
}

test_dsrctl_has_126_vips()
{
	local before options most processes all=("--backend dscp_rewrite" "--rules map")

	[ "$variant" = legacy ] || all=("--rules each" "--backend nft")
	use_family ipv4
	dsrctl_up < <(many_vips)
	before=$(server_state)
	for options in "${all[@]}"; do
		# shellcheck disable=SC2086 # the words of the options
		assert_exit 0 dsrctl $options --json start
		processes=$(sed -n 's/.*"processes": *\([0-9]*\).*/\1/p' <<<"$said")
		most=6
		# loads the module, and sees that there are no rules, where
		# the kernel has tables for some
		[ "$options" != "--backend dscp_rewrite" ] || most=3
		[ "$processes" -le $most ] || fail "start took $processes processes"
		assert_exit 0 dsrctl -x status
		assert_equal "VIPs that are started with $options" \
			"$(grep -c '^l3dsr started .* up$' <<<"$said")" 126
		assert_ping "$neighbour" 10.128.9.31 10.99.0.63 -Q 252
		assert_ping "$neighbour" 2001:db8:9::31 2001:db8:99::63 -Q 252
		assert_exit 0 dsrctl stop
		assert_equal "the server after stop" "$(server_state)" "$before"
	done
}
scenario test_dsrctl_has_126_vips "-" "legacy nft" "-"

# kill_at_random SIGNAL ACTION: ends dsrctl after a moment, wherever it is then;
# its exit status is in $status
kill_at_random()
{
	local pid moment

	moment=$(printf '0.%03d' $((RANDOM % 900)))
	dsrctl_in_background "$2" 2>/dev/null
	pid=$!
	read -rt "$moment" <> <(:) || true
	kill "-$1" $pid 2>/dev/null || true
	status=0
	wait $pid 2>/dev/null || status=$?
}

# What it had started may have gone on for a moment.
restored()
{
	! pgrep -f 'tables.*-restore|nft -f' >/dev/null
}

test_dsrctl_is_killed_anywhere()
{
	local before round action status

	[ "${variant:-}" ] || { backend=dscp_rewrite; use_variant nft; }
	use_family ipv4
	dsrctl_up < <(vips)
	before=$(server_state)
	for round in 1 2 3 4 5 6; do
		for action in start reload stop; do
			others $((RANDOM % 4))
			kill_at_random KILL $action
		done
		wait_until restored
		if [ $((round % 2)) -eq 0 ]; then
			assert_exit 0 dsrctl reload
			assert_started
			assert_lacks "status" "$(dsrctl -a status)" ' disc$'
		fi
		others $((RANDOM % 4))
		kill_at_random KILL reload
		wait_until restored
		assert_exit 0 dsrctl stop
		assert_equal "the server after stop" "$(server_state)" "$before"
	done
}
scenario test_dsrctl_is_killed_anywhere "-" "legacy nft -" "-"

# What ends a program on a terminal, or a service, ends no change in the middle:
# it is made, or it is not begun.
test_dsrctl_is_ended_anywhere()
{
	local stopped started now round action signal status number

	[ "${variant:-}" ] || { backend=dscp_rewrite; use_variant nft; }
	use_family ipv4
	dsrctl_up < <(vips)
	stopped=$(server_state)
	assert_exit 0 dsrctl start
	started=$(server_state)
	for round in 1 2 3; do
		for action in stop start; do
			signal=TERM number=143
			[ $((RANDOM % 2)) -eq 0 ] || signal=INT number=130
			kill_at_random $signal $action
			[[ $status = 0 || $status = "$number" ]] ||
				fail "$action, and SIG$signal: exit status $status"
			now=$(server_state)
			[[ $now = "$started" || $now = "$stopped" ]] ||
				fail "$action, round $round, and SIG$signal: half of it is done: $now"
			[ "$status" -ne 0 ] || [ $action = start ] ||
				assert_equal "the server after stop" "$now" "$stopped"
			assert_exit 0 dsrctl $action
		done
		assert_equal "the server after start" "$(server_state)" "$started"
	done
}
scenario test_dsrctl_is_ended_anywhere "-" "legacy -" "-"

# Some of the faults that tests/unit/dsrctl/faults can make, other ones each time;
# and of a program that is killed before it has done its work, or after.
test_dsrctl_survives_faults()
{
	local program=/usr/sbin/iptables-nft-restore before when

	tests/unit/dsrctl/faults --every 200 --offset $((RANDOM % 200)) \
		build/tools/dsrctl/dsrctl || fail "see above"

	use_family ipv4
	dsrctl_up < <(vips)
	before=$(server_state)
	mv "$program" /usr/sbin/hidden
	for when in before after; do
		cat >"$program" <<-TEXT
			#!/bin/bash
			[ $when = before ] || (exec -a iptables-nft-restore /usr/sbin/hidden "\$@")
			kill -9 \$\$
		TEXT
		chmod +x "$program"
		said=$(dsrctl --backend daddr start 2>&1) && fail "start succeeded"
		assert_contains "start" "$said" 'iptables-restore: exit status 137'
		cp "$lab_files/dsr.d/10-vip.conf" "$lab_files/10-vip.conf"
		echo 10.9.9.9 >"$conf/10-vip.conf"
		assert_exit 0 dsrctl --json reload
		cp "$lab_files/10-vip.conf" "$conf/10-vip.conf"
		assert_lacks "the server" "$(server_state)" "DADDR|$near_vip"
	done
	mv /usr/sbin/hidden "$program"
	echo 10.9.9.9 >"$conf/10-vip.conf"
	assert_exit 0 dsrctl stop
	assert_equal "the server after stop" "$(server_state)" "$before"
}
scenario test_dsrctl_survives_faults "-" "nft" "-"

says()
{
	grep -q "$2" "$lab_files/$1"
}

# Somebody has the lock of iptables, and keeps it.
test_dsrctl_waits_for_no_lock_in_silence()
{
	local holder pid before status=0

	use_family ipv4
	dsrctl_up < <(vips)
	assert_exit 0 dsrctl --backend daddr start
	others 2
	before=$(server_state)
	on_background "$server" bash -c 'exec 9>/run/xtables.lock; flock 9; exec sleep 1000'
	holder=$!
	wait_until bash -c '! flock -n /run/xtables.lock true'
	on_background "$server" env -i XTABLES_LIBDIR="$XTABLES_LIBDIR" \
		/lab/tree/build/tools/dsrctl/dsrctl -d "$conf" --wait 600 reload 2>"$lab_files/waiting"
	pid=$!
	wait_until says waiting "waiting for process $holder (sleep), which has locked /run/xtables.lock, up to 600 s" ||
		fail "$(cat "$lab_files/waiting")"

	# who only looks is not kept, by neither of them
	for action in status check metrics; do
		dsrctl "$action" >/dev/null 2>&1 || true
	done
	assert_exit 1 dsrctl --wait 0 stop
	assert_contains "stop" "$said" "lock: found it locked by process $pid \(dsrctl\) for 0 s, and nothing was changed"
	kill -TERM $pid
	wait $pid || status=$?
	assert_equal "exit status of reload" "$status" 143
	assert_exit 1 dsrctl --wait 0 reload
	assert_contains "reload" "$said" "/run/xtables.lock: found it locked by process $holder \(sleep\)"
	assert_equal "the server after it" "$(server_state)" "$before"
	kill $holder
	wait $holder || true
	assert_exit 0 dsrctl reload
	assert_started
	assert_exit 0 dsrctl stop
}
scenario test_dsrctl_waits_for_no_lock_in_silence "-" "legacy" "-"

# Two at once do not get into each other's way; a signal does not end one in
# the middle.
test_dsrctl_two_at_once()
{
	local pids=() pid round

	use_family ipv4
	dsrctl_up < <(vips)
	others 3
	for round in 1 2 3; do
		pids=()
		for action in start reload stop start; do
			dsrctl_in_background $action
			pids+=($!)
		done
		wait "${pids[@]}"
	done
	assert_exit 0 dsrctl start
	assert_lacks "status" "$(dsrctl -a status 2>&1)" 'found| disc$'
	assert_equal "labels" "$(server_state | grep -c ' lo:[0-9]')" 5

	for signal in TERM INT HUP; do
		dsrctl_in_background -i restart
		pid=$! # <(:) has one, too
		read -rt 0.$((RANDOM % 9 + 1)) <> <(:) || true
		kill -$signal $pid 2>/dev/null || true
		wait $pid || true
		assert_exit 0 dsrctl start
		assert_started
		assert_lacks "status" "$(dsrctl -a status 2>&1)" 'found| disc$'
	done
	assert_exit 0 dsrctl stop
}
scenario test_dsrctl_two_at_once "-" "nft" "-"
