# SPDX-License-Identifier: BSD-3-Clause
# dsrctl probe: each failure that it names is made here, and must be named.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# probe_from NAMESPACE ARGUMENT...
probe_from()
{
	on "$1" /lab/tree/build/tools/dsrctl/dsrctl probe "${@:2}"
}

# The neighbour probes the VIP of DSCP 7; the client, that of the load balancer.
probe()
{
	probe_from "$neighbour" --real "$near_rip" --vip "$near_vip" --dscp 7 \
		--timeout 0.5 "$@"
}

probe_from_client()
{
	probe_from "$client" --real "$rip" --vip "$vip" --dscp "$lab_dscp" \
		--timeout 0.5 "$@"
}

# probe_says NAME PATTERN COMMAND...: the command fails with this result
probe_says()
{
	local expected=2 word=FAILED

	[ "$1" != dscp-visible ] || expected=3 word=WARNING
	assert_exit $expected "${@:3}"
	assert_contains "${*:3}" "$said" "^1: $word, $1: .*$2"
}

probe_succeeds()
{
	assert_exit 0 "$@"
	assert_contains "$*" "$said" "^1: ok: .* from $near_vip, "
}

# A rule of nftables in a hook of a namespace; it goes with table probe.
nft_rule()
{
	on "$1" nft -f - <<-TEXT
		table inet probe {
			chain $2 {
				type filter hook $2 priority filter
				$3
			}
		}
	TEXT
}

no_nft_rule()
{
	on "$1" nft delete table inet probe
}

map_dscp()
{
	rule -t "$table" -A PREROUTING -m dscp --dscp "$1" -j DADDR --set-daddr="$2"
}

serve_status()
{
	mkdir "$lab_files/www"
	echo "Status: fine" >"$lab_files/www/status.html"
	serve_http "$server" "$lab_files/www"
}

test_probe_succeeds()
{
	serve_status
	map_dscp 7 "$near_vip"
	probe_succeeds probe
	probe_succeeds probe --tcp 80
	probe_succeeds probe --http /status.html --expect-status 200-299 \
		--expect-body '^Status: (fine|good)$' --count 2 --interval 0
	assert_contains "the sum" "$said" '^2 sent, 2 succeeded, '
	# as other notations say it
	probe_succeeds probe_from "$neighbour" --real "$near_rip" \
		--vip "$near_vip" --dscp tos:0x1c
	assert_contains "the head" "$said" 'DSCP 7 \(TOS 28, 0x1c, 000111b\)'

	# a load balancer has the VIP itself
	on "$neighbour" ip address add "$near_vip" dev lo
	probe_succeeds probe
	probe_succeeds probe --tcp 80
	# the server probes itself, where the kernel lets it
	if [ "$family" = ipv4 ]; then
		assert_exit 2 probe_from "$server" --real "$near_rip" \
			--vip "$near_vip" --dscp 7 --tcp 80 --timeout 0.3
		assert_contains "the server probes itself" "$said" \
			'FAILED, no-answer: .* probes itself, .* set net.ipv4.conf.lo.accept_local to 1'
	fi
	on "$server" sysctl -qw net.ipv4.conf.lo.accept_local=1
	probe_succeeds probe_from "$server" --real "$near_rip" \
		--vip "$near_vip" --dscp 7 --tcp 80
	assert_equal "rules of the prober" \
		"$(on "$neighbour" nft list ruleset)" ""
}
scenario test_probe_succeeds "ipv4 ipv6" "nft" "raw"

test_probe_names_where_answers_come_from()
{
	serve_status
	probe_says answer-from-rip "echo reply from $near_rip itself" probe
	probe_says answer-from-rip "SYN/ACK from $near_rip itself" probe --tcp 80
	probe_says answer-from-rip "SYN/ACK from $near_rip itself" \
		probe --http /status.html
	probe_says answer-from-rip "RST from $near_rip itself" probe --tcp 81

	map_dscp 7 "$vip"
	probe_says answer-from-other "echo reply from $vip instead of $near_vip" probe
	probe_says answer-from-other "SYN/ACK from $vip instead of " probe --tcp 80

	# a VIP that the server does not have
	map_dscp "$lab_dscp" "$unused_ip"
	probe_says no-answer "nothing came back within 0.5 s" probe_from_client
	probe_says no-answer "nothing came back within 0.5 s" \
		probe_from_client --tcp 80
	assert_equal "rules of the prober" \
		"$(on "$client" nft list ruleset)" ""
}
scenario test_probe_names_where_answers_come_from "ipv4 ipv6" "nft" "raw"

test_probe_names_what_the_path_does()
{
	local router_ip=144.100.10.254

	[ "$family" = ipv4 ] || router_ip=2001:db8:c::fe
	map_dscp "$lab_dscp" "$vip"
	serve_status
	assert_exit 0 probe_from_client --tcp 80

	nft_rule "$router" forward "ip dscp set 0; ip6 dscp set 0"
	probe_says answer-from-rip "SYN/ACK from $rip itself" \
		probe_from_client --tcp 80
	no_nft_rule "$router"
	nft_rule "$router" forward "reject with icmpx admin-prohibited"
	for check in "--icmp" "--tcp 80"; do
		# shellcheck disable=SC2086 # the words of the check
		probe_says icmp-error "ICMP administratively prohibited, from $router_ip" \
			probe_from_client $check
	done
	no_nft_rule "$router"
	on "$client" ip route add unreachable "$rip"
	probe_says not-sent "nothing could be sent to $rip: No route to host" \
		probe_from_client
	probe_says not-sent "nothing could be sent to $rip: No route to host" \
		probe_from_client --tcp 80
}
scenario test_probe_names_what_the_path_does "ipv4 ipv6" "nft" "raw"

test_probe_names_what_the_server_answers()
{
	serve_status
	map_dscp 7 "$near_vip"
	on_background "$server" socat TCP6-LISTEN:81,fork,reuseaddr PIPE
	on_background "$server" socat -u TCP6-LISTEN:82,fork,reuseaddr OPEN:/dev/null
	wait_until lab_listens "$server" t 81
	wait_until lab_listens "$server" t 82

	probe_says reset "RST from $near_vip: .* nothing listens on port 83" \
		probe --tcp 83
	probe_says wrong-status "HTTP status 404, expected 200" probe --http /none
	probe_says wrong-status "HTTP status 200, expected 300 to 399" \
		probe --http /status.html --expect-status 300-399
	probe_says body-mismatch 'the body "Status: fine.*does not match "\^good"' \
		probe --http /status.html --expect-body '^good'
	probe_says bad-response '"GET / HTTP/1.0' probe --http / --port 81
	probe_says no-response "a connection with $near_vip, but no complete response" \
		probe --http / --port 82

	nft_rule "$server" input "meta l4proto { tcp, icmp, icmpv6 } reject"
	probe_says icmp-error "ICMP port unreachable, from $near_vip" probe --tcp 80
	no_nft_rule "$server"

	# of the request, in the answers of TCP
	on "$server" sysctl -qw net.ipv4.tcp_reflect_tos=1
	probe_says dscp-visible "DSCP 7 .*clients see the mark" probe --tcp 80
	probe_says dscp-visible "HTTP status 200 from $near_vip" \
		probe --http /status.html
	probe_succeeds probe
}
scenario test_probe_names_what_the_server_answers "ipv4 ipv6" "nft" "raw"

# What the prober's own kernel keeps from its TCP.
test_probe_names_what_this_host_drops()
{
	serve_status
	map_dscp "$lab_dscp" "$vip"
	nft_rule "$client" input "tcp sport 80 drop"
	probe_says dropped-here "SYN/ACK from $vip came in on eth0, .* firewall" \
		probe_from_client --tcp 80
	no_nft_rule "$client"
	[ "$family" = ipv4 ] || return 0

	# answers come in on another interface than requests leave by
	ip link add eth1 netns "$client" type veth peer name client1 netns "$router"
	on "$client" ip link set eth1 up
	on "$router" ip link set client1 up
	on "$router" ip neigh add "$client_ip" dev client1 \
		lladdr "$(on "$client" ip -br link show eth1 | awk '{print $3}')"
	on "$router" ip route add "$client_ip" dev client1
	on "$client" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=1
	probe_says dropped-here "SYN/ACK from $vip came in on eth1, .*rp_filter is 1" \
		probe_from_client --tcp 80
	on "$client" sysctl -qw net.ipv4.conf.eth1.rp_filter=0
	assert_exit 0 probe_from_client --tcp 80
}
scenario test_probe_names_what_this_host_drops "ipv4 ipv6" "nft" "raw"

lists()
{
	on "$neighbour" nft list ruleset | grep -q "$1"
}

server_has_connection()
{
	on "$server" ss -Htn state established "sport = :82" | grep -q .
}

server_has_no_connection()
{
	[ -z "$(on "$server" ss -Htn "sport = :82")" ]
}

# Since Linux 5.12, a table can belong to a program; before, the next probe
# removes what one left that was killed.
kernel_removes_tables()
{
	[ "$(printf '%s\n' 5.12 "$(uname -r)" | sort -V | head -n 1)" = 5.12 ]
}

# Whatever ends it, there are neither rules nor half a connection afterwards.
test_probe_leaves_nothing_behind()
{
	local before signal pid pids name

	map_dscp 7 "$near_vip"
	on_background "$server" socat -u TCP6-LISTEN:82,fork,reuseaddr OPEN:/dev/null
	wait_until lab_listens "$server" t 82
	nft_rule "$neighbour" input "tcp dport 7 drop"
	before=$(on "$neighbour" nft list ruleset)
	for signal in KILL TERM HUP; do
		on_background "$neighbour" /lab/tree/build/tools/dsrctl/dsrctl \
			probe --real "$near_rip" --vip "$near_vip" --dscp 7 \
			--http / --port 82 --timeout 60
		pid=$!
		wait_until lists "$near_vip . $near_ip . 82 "
		wait_until server_has_connection
		kill -$signal $pid
		wait $pid || true
		kernel_removes_tables || assert_exit 0 probe
		assert_equal "rules after SIG$signal" \
			"$(on "$neighbour" nft list ruleset)" "$before"
		wait_until server_has_no_connection
	done

	# of a probe on a kernel that does not see to it itself; those of
	# processes that run, here or in another container, stay
	pids=$(stat -Lc %i /proc/self/ns/pid)
	for name in "$pids-99999999" "$pids-$$" 1-99999999; do
		on "$neighbour" nft add table ip "dsrctl-probe-$name"
	done
	probe --tcp 80 || true
	assert_equal "tables of probes" \
		"$(on "$neighbour" nft list tables | grep dsrctl | sort)" \
		"$(printf 'table ip dsrctl-probe-%s\n' 1-99999999 "$pids-$$" | sort)"
}
scenario test_probe_leaves_nothing_behind "ipv4 ipv6" "nft" "raw"

was_marked()
{
	on "$server" nft list table inet probe | grep -q 'packets [1-9]'
}

# Each monitoring system starts many at once; these two even have one process
# number, in containers of their own.
test_probe_hears_only_its_own_answers()
{
	local kind pid said

	serve_status
	map_dscp 7 "$near_vip"
	for kind in --icmp "--tcp 80"; do
		nft_rule "$server" prerouting \
			'ip dscp 20 counter drop; ip6 dscp 20 counter drop'
		# shellcheck disable=SC2086 # the words of the check
		on_background "$neighbour" unshare --pid --fork --kill-child \
			/lab/tree/build/tools/dsrctl/dsrctl probe --real "$near_rip" \
			--vip "$near_vip" --dscp 20 --timeout 60 $kind >"$lab_files/dead" 2>&1
		pid=$!
		wait_until was_marked
		# shellcheck disable=SC2086
		assert_exit 0 on "$neighbour" unshare --pid --fork \
			/lab/tree/build/tools/dsrctl/dsrctl probe --real "$near_rip" \
			--vip "$near_vip" --dscp 7 $kind
		kill -TERM "$(pgrep -P "$pid")"
		wait "$pid" || true
		assert_equal "the probe of a dead server" "$(grep -v DSCP "$lab_files/dead")" \
			"dsrctl: error: ended by a signal"
		no_nft_rule "$server"
	done
}
scenario test_probe_hears_only_its_own_answers "ipv4 ipv6" "nft" "raw"

test_probe_of_a_configuration()
{
	dsrctl_up <<-TEXT
		10.128.8.46 = 7
		2001:db8::46 = 7
		198.18.0.250 = 4
		10.9.9.9
	TEXT
	serve_status
	assert_exit 0 dsrctl start
	# the second server is the load balancer, which knows nothing of it
	printf '%s\n' '# servers' 74.80.1.1 2001:db8:5::1 198.18.0.1 >"$lab_files/servers"
	config=(--from-config -d "$conf" --servers "$lab_files/servers"
		--timeout 0.5)
	assert_exit 2 probe_from "$client" "${config[@]}" --tcp 80
	assert_contains "the table" "$said" '^74.80.1.1 .* 10.128.8.46 +7 +0x1c +1/1 +.* ok$'
	assert_contains "the table" "$said" '^2001:db8:5::1 +2001:db8::46 +7 +0x1c +1/1 +.* ok$'
	assert_contains "the table" "$said" '^198.18.0.1 +10.128.8.46 +7 +0x1c +0/1 +-- +answer-from-rip  RST from 198.18.0.1'
	assert_contains "the table" "$said" '^3 ok, 0 with a warning, 2 failed$'
	assert_contains "what is left out" "$said" '10-vip.conf:4: 10.9.9.9 is l2dsr'
	assert_exit 2 probe_from "$client" "${config[@]}" --tcp 80 --nagios
	assert_contains "nagios" "$said" '^DSR CRITICAL - 3 of 5 ok; 10.128.8.46 at 198.18.0.1: answer-from-rip; .* \| time=.* failed=2;;;0;5$'
	assert_exit 0 probe_from "$client" --from-config -d "$conf" \
		--servers 74.80.1.1,2001:db8:5::1 --http /status.html --json
	assert_contains "JSON" "$said" '"ok": 3,'
}
scenario test_probe_of_a_configuration "-" "nft" "-"
