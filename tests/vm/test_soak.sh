# SPDX-License-Identifier: BSD-3-Clause
# Everything at once, for as long as SOAK_SECONDS says: traffic at the rate that
# the machine has, and meanwhile reloads, probes, readers of counters, a link
# that goes up and down, and namespaces with rules that come and go. In rounds:
# after each, counters are compared to the packet and memory is looked at.
#
#   client --- router --- lb --- router --- server	nothing may be lost
#   neighbour --- eth1 of the server			this link flaps
#
# IPv4 has rules of iptables-legacy, IPv6 of iptables-nft. Checksums of the
# client and of the server's answers to it are complete, and so every receiver
# checks them; those of the neighbour are left to hardware, as are its GSO
# packets. The neighbour does the load balancer's work itself, with rules that
# mark: a reset has the DSCP of what it refuses, not that of a socket.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"
source "$(dirname "${BASH_SOURCE[0]}")/soak/memory.sh"

soak_seconds=${SOAK_SECONDS:-}
# A tenth of the time, but no more than a minute
soak_round_seconds=$((soak_seconds / 10 < 60 ? soak_seconds / 10 : 60))
soak_results=/lab/run
soak_programs=/lab/tree/build/tests/vm/soak

# The kernel's own list of what it dropped, and where: counters do not have all
soak_trace=/sys/kernel/tracing

declare -A soak_total

# add NAME NUMBER
add()
{
	soak_total[$1]=$((${soak_total[$1]:-0} + $2))
}

# soak_path NAME-FAMILY: the family's addresses, and $from, $to and $marked
soak_path()
{
	use_family "${1#*-}"
	case $1 in
	client-*) from=$client to=$vip marked=$lab_dscp patience=30000 ;;
	near-*) from=$neighbour to=$near_vip marked=7 patience=1000 ;;
	esac
}

soak_paths=(client-ipv4 client-ipv6 near-ipv4 near-ipv6)

# iptables of the family, in the variant that it has here
soak_rule()
{
	case $2 in
	ipv4) on "$1" iptables-legacy "${@:3}" ;;
	ipv6) on "$1" ip6tables-nft "${@:3}" ;;
	esac
}

# Counts on the server before any rule: what the module is compared with.
soak_count()
{
	local path ip

	on "$server" nft -f - < <(
		echo "table inet soak {"
		for path in "${soak_paths[@]}"; do
			echo "counter $path {}"
			echo "counter $path-udp {}"
		done
		echo "chain prerouting {"
		echo "type filter hook prerouting priority -310"
		for path in "${soak_paths[@]}"; do
			soak_path "$path"
			ip=ip
			[ "$family" = ipv4 ] || ip=ip6
			echo "$ip dscp $marked counter name $path"
			echo "$ip dscp $marked udp dport 7777 counter name $path-udp"
		done
		echo "}"
		echo "}"
	)
}

# As the load balancer of the lab: every packet, whoever made it
soak_mark()
{
	on "$neighbour" nft -f - <<-TEXT
		table inet soak {
			chain output {
				type route hook output priority raw
				ip daddr 10.128.8.46 ip dscp set 7
				ip6 daddr 2001:db8::46 ip6 dscp set 7
			}
		}
	TEXT
}

soak_up()
{
	local path name

	dsrctl_up <<-TEXT
		198.18.0.250 = $lab_dscp
		2001:db8:f::250 = $lab_dscp
		10.128.8.46 = 7
		2001:db8::46 = 7
	TEXT
	for name in '' -save -restore; do
		ln -sf "/usr/sbin/iptables-legacy$name" "/etc/alternatives/iptables$name"
	done
	mountpoint -q "$soak_trace" || mount -t tracefs tracefs "$soak_trace"
	echo 20000 >"$soak_trace/buffer_size_kb"
	echo 1 >"$soak_trace/events/skb/kfree_skb/enable"
	echo 10000 >/proc/sys/net/core/netdev_max_backlog
	echo 4 >/proc/sys/vm/drop_caches # no message whenever it is written to
	for name in "$client" "$neighbour" "$server"; do
		# connections that are over are not kept for a minute
		on "$name" sysctl -qw net.ipv4.tcp_max_tw_buckets=0
	done
	on "$client" ethtool -K eth0 tx off >/dev/null
	on "$server" ethtool -K eth0 tx off >/dev/null
	on "$server" sysctl -qw net.ipv6.conf.eth1.keep_addr_on_down=1
	assert_exit 0 dsrctl start
	soak_count
	soak_mark

	mkdir "$lab_files/www"
	echo fine >"$lab_files/www/status.html"
	serve_http "$server" "$lab_files/www"
	for path in "${soak_paths[@]}"; do
		soak_path "$path"
		on_background "$server" nice -n 10 "$soak_programs/traffic" serve "$to" 7777
		[ "$from" != "$neighbour" ] || soak_rule "$from" "$family" \
			-t mangle -A OUTPUT -d "$to" -j DADDR --set-daddr "$near_rip"
	done
	soak_keys=()
	for path in "${soak_paths[@]}"; do
		soak_path "$path"
		wait_until on "$from" ping -n -c 1 -W 1 "$to"
		soak_keys+=("$family raw $marked $to")
	done
}

soak_goes_on()
{
	[ -e "$lab_files/round" ]
}

# done_so_often NAME NUMBER: what a worker of this round did
done_so_often()
{
	echo "$1 $2" >>"$lab_files/done"
}

# VIPs besides, which come and go, and two that change their address
soak_others()
{
	local number last=$((10 + $1))

	for ((number = 10; number < last; number++)); do
		echo "10.77.$1.$number = $number"
		echo "2001:db8:77:$1::$number = $number"
	done >"$conf/others"
	mv "$conf/others" "$conf/20-others.conf"
}

soak_has_vips()
{
	[ "$(on "$server" grep -c '^ipv[46] ' /proc/net/xt_DADDR)" -eq "$1" ]
}

work_reloads()
{
	local count=0 others

	while soak_goes_on; do
		others=24
		! grep -qs '10.77.24' "$conf/20-others.conf" || others=2
		soak_others $others
		assert_exit 0 dsrctl reload
		# nf_tables forgets a rule a moment after it is gone
		wait_until soak_has_vips $((2 * (2 + others)))
		count=$((count + 1))
	done
	done_so_often reloads $count
}

soak_probe()
{
	assert_exit 0 on "$client" /lab/tree/build/tools/dsrctl/dsrctl probe \
		--real "$rip" --vip "$vip" --dscp "$lab_dscp" --timeout 30 "$@"
}

work_probes()
{
	local count=0 check

	while soak_goes_on; do
		for check in "--icmp" "--tcp 7777" "--http /status.html --expect-body fine"; do
			for family in ipv4 ipv6; do
				use_family $family
				# shellcheck disable=SC2086 # the words of the check
				soak_probe $check
				count=$((count + 1))
				soak_goes_on || break 2
			done
		done
	done
	done_so_often probes $count
}

work_looks()
{
	local count=0

	use_family ipv4
	while soak_goes_on; do
		assert_exit 0 dsrctl metrics
		assert_contains "metrics" "$said" \
			"^dsrctl_vip_packets_total.name=\"$vip\".* [1-9][0-9]*\$"
		assert_exit 0 on "$server" /lab/tree/build/tools/dsrctl/dsrctl \
			watch -d "$conf" --interval 0 --count 300
		count=$((count + 1))
	done
	done_so_often metrics $count
	done_so_often watches $count
}

has_no_carrier()
{
	ip -n "$neighbour" link show eth0 | grep -q NO-CARRIER
}

flap()
{
	local path

	ip -n "$server" link set eth1 down
	wait_until has_no_carrier
	read -rt 0.1 <> <(:) || true
	ip -n "$server" link set eth1 up
	for path in near-ipv4 near-ipv6; do
		soak_path "$path"
		wait_until on "$from" ping -n -c 1 -W 1 "$to"
	done
}

# A namespace with rules and VIPs of its own; it goes while it has them.
namespace()
{
	local name=soak-${server#server-}

	ip netns add "$name"
	ip -n "$name" -batch - <<-TEXT
		link set lo up
		address add 10.128.9.31/32 dev lo
		address add 10.128.8.46/32 dev lo
	TEXT
	use_family ipv4
	soak_rule "$name" ipv4 -t raw -A PREROUTING -d "$near_rip" -j DADDR --dscp-map "7=$near_vip"
	use_family ipv6
	soak_rule "$name" ipv6 -t raw -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	use_family ipv4
	on "$name" ping -n -c 1 -W 1 -I 10.128.8.46 -Q 28 "$near_rip" >/dev/null || true
	assert_equal "counters of a namespace" \
		"$(on "$name" cat /proc/net/xt_DADDR | tail -n +2)" \
		"ipv4 raw 7 10.128.8.46 1 84
ipv6 raw 7 2001:db8::46 0 0"
	ip netns delete "$name"
}

work_links()
{
	local count=0

	while soak_goes_on; do
		flap
		namespace
		count=$((count + 1))
	done
	done_so_often flaps $count
	done_so_often namespaces $count
}

# Echo requests, as fast as answers come
work_pings()
{
	local sent=0 said

	while soak_goes_on; do
		for family in ipv4 ipv6; do
			soak_path client-$family
			said=$(on "$client" ping -n -f -q -W 30 -c 100 "$vip")
			assert_contains "answers of $vip" "$said" ' 100 received'
			sent=$((sent + 100))
		done
	done
	done_so_often pings $sent
}

# The counters that nft has: "NAME PACKETS BYTES"
independent_counters()
{
	on "$server" nft list counters table inet soak |
		awk '$1 == "counter" {name = $2} $1 == "packets" {print name, $2, $4}'
}

# Of the four paths, as nft has it and as the module has it.
counted_by_nft()
{
	local path counters

	counters=$(independent_counters)
	for path in "${soak_paths[@]}"; do
		soak_path "$path"
		sed -n "s/^$path \(.*\)/$family raw $marked $to \1/p" <<<"$counters"
	done
}

counted_by_module()
{
	local path

	for path in "${soak_paths[@]}"; do
		soak_path "$path"
		on "$server" grep "^$family raw $marked $to " /proc/net/xt_DADDR
	done
}

counters_agree()
{
	[ "$(counted_by_nft)" = "$(counted_by_module)" ]
}

# sent_on PATH: what its senders say is added up, and is as it must be
sent_on()
{
	local sent bytes answered lost late source data connections broken unreachable

	read -r sent bytes answered lost late source data <"$lab_files/$1.udp" ||
		fail "$1: no figures of UDP"
	add "$1 sent" "$sent"
	add "$1 bytes" "$bytes"
	add "$1 answered" "$answered"
	add "$1 lost" "$lost"
	assert_equal "$1: answers from a wrong address, with wrong data" \
		"$source, $data" "0, 0"
	read -r connections bytes broken unreachable <"$lab_files/$1.tcp" ||
		fail "$1: no figures of TCP"
	add connections "$connections"
	add tcp_bytes "$bytes"
	assert_equal "$1: connections that broke" "$broken" 0
	# only the link to the neighbour is ever down
	[[ $1 = near-* ]] ||
		assert_equal "$1: connections that found nobody" "$unreachable" 0
	case $1 in
	client-*)
		[ "$sent" -gt 0 ] || fail "$1: nothing was sent"
		[ "$lost" -eq 0 ] || cp "$soak_trace/trace" "$soak_results/drops"
		assert_equal "$1: lost, late" "$lost, $late" "0, 0" ;;
	esac
}

assert_counted_exactly()
{
	local path packets bytes

	wait_until counters_agree || true
	assert_equal "counters of the module, as nft counted" \
		"$(counted_by_module)" "$(counted_by_nft)"
	for path in "${soak_paths[@]}"; do
		read -r packets bytes < <(independent_counters |
			sed -n "s/^$path-udp //p")
		case $path in
		client-*)
			assert_equal "$path: datagrams that arrived, as sent" \
				"$packets packets, $bytes bytes" \
				"${soak_total[$path sent]} packets, ${soak_total[$path bytes]} bytes" ;;
		near-*)
			if [ "$packets" -lt "${soak_total[$path answered]}" ] ||
				[ "$packets" -gt "${soak_total[$path sent]}" ]; then
				fail "$path: $packets datagrams arrived, of ${soak_total[$path sent]}, and ${soak_total[$path answered]} were answered"
			fi ;;
		esac
	done
}

# Will it end as it should when it is told to (SIGTERM is bit 14)?
catches_term()
{
	local caught

	caught=$(awk '$1 == "SigCgt:" {print $2}' "/proc/$1/status")
	[ $((0x$caught & 0x4000)) -ne 0 ]
}

# soak_round SECONDS
soak_round()
{
	local path worker name number kind workers=() senders=() begin=$SECONDS

	: >"$lab_files/round"
	: >"$lab_files/done"
	: >"$soak_trace/trace"
	# The traffic takes what the workers leave of the processor.
	for path in "${soak_paths[@]}"; do
		soak_path "$path"
		for kind in udp tcp; do
			# TCP waits so long itself, when a link was down
			# whenever it tried again
			[ $kind = udp ] || patience=120000
			on_background "$from" nice -n 10 "$soak_programs/traffic" "$kind" "$to" \
				7777 "$patience" >"$lab_files/$path.$kind"
			senders+=($!)
		done
	done
	on_background "$server" "$soak_programs/counters" "${soak_keys[@]}" \
		>"$lab_files/readings"
	senders+=($!)
	for worker in reloads probes looks links pings; do
		"work_$worker" &
		workers+=($!)
	done
	lab_pids+=("${workers[@]}")

	for worker in "${senders[@]}"; do
		wait_until catches_term "$worker"
	done
	read -rt "$1" <> <(:) || true
	rm "$lab_files/round"
	for worker in "${workers[@]}"; do
		wait "$worker"
	done
	kill -TERM "${senders[@]}"
	for worker in "${senders[@]}"; do
		wait "$worker"
	done

	soak_busy=$((soak_busy + SECONDS - begin))

	while read -r name number; do
		add "$name" "$number"
	done <"$lab_files/done"
	add readings "$(cat "$lab_files/readings")"
	for path in "${soak_paths[@]}"; do
		sent_on "$path"
	done
	assert_counted_exactly
	assert_no_checksum_errors "${lab_namespaces[@]}"
}

# All that was counted
soak_packets()
{
	independent_counters | awk '$1 !~ /-udp$/ {n += $2} END {print n}'
}

soak_bytes()
{
	independent_counters | awk '$1 !~ /-udp$/ {n += $3} END {printf "%.0f\n", n}'
}

# soak_sum client|near NAME: of both families
soak_sum()
{
	echo $((${soak_total[$1-ipv4 $2]} + ${soak_total[$1-ipv6 $2]}))
}

# figure NAME VALUE...: a line of the report, printed whether all is well or not
figure()
{
	printf '| %-30s %s\n' "$1" "${*:2}"
}

soak_report()
{
	local begin=$1 rounds=$2 packets name

	packets=$(soak_packets)
	figure "seconds" "$((SECONDS - begin)) in $rounds rounds, $soak_busy of them with traffic"
	figure "packets rewritten" "$packets, $((packets / soak_busy)) a second, $(soak_bytes) bytes"
	figure "of them, datagrams answered" "$(($(soak_sum client answered) + $(soak_sum near answered)))"
	figure "TCP connections" "${soak_total[connections]}, ${soak_total[tcp_bytes]} bytes, 0 broken"
	for name in pings probes reloads readings metrics watches flaps namespaces; do
		figure "$name" "${soak_total[$name]}"
	done
	figure "lost at the flapping link" "$(soak_sum near lost)"
	figure "lost elsewhere" "$(soak_sum client lost)"
	figure "checksum errors" 0
	memory_report
}

# Rounds for as long as SOAK_SECONDS says, at least nine; then the report of all
# since the beginning, and $grown: what uses more memory after them than before.
soak_rounds()
{
	local before=$soak_done begin=$SECONDS

	memory_forget
	while ((SECONDS < begin + soak_seconds || soak_done < before + 9)); do
		soak_round $soak_round_seconds
		memory_sample $((soak_done - before))
		soak_done=$((soak_done + 1))
		echo "round $soak_done: $((SECONDS - soak_begin)) s, $(soak_packets) packets," \
			"$(xargs <"$lab_files/done")" >>"$soak_results/rounds"
	done
	soak_report "$soak_begin" "$soak_done"
	grown=$(memory_grown)
}

test_soak()
{
	local grown once

	soak_up
	rm -f "$soak_results"/{rounds,drops}
	soak_busy=0 soak_done=0 soak_begin=$SECONDS
	soak_rounds
	if [ "$grown" ]; then
		once=$grown
		printf 'Once more, for what leaks grows again:\n%s\n' "$once"
		soak_rounds
		grown=$(awk 'NR == FNR {once[$1]; next} $1 in once' \
			<(echo "$once") <(echo "$grown"))
	fi
	assert_equal "memory that grows, twice" "$grown" ""
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
# Only when somebody says how long, as tests/soak does: the rounds of a short run
# are too short on a busy host.
[ -z "${SOAK_SECONDS:-}" ] || scenario test_soak "-" "nft" "-"
