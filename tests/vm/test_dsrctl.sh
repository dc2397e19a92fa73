# SPDX-License-Identifier: BSD-3-Clause
# dsrctl as operators and their scripts use it: start, stop, status, check.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

CONFIG='
# one of each kind
10.128.8.46 = 7		# l3dsr
2001:DB8::46=0x7
198.18.0.250=4
10.9.9.9
2001:db8:f::250 = 04
10.9.9.10=AF11
10.128.8.46=9
'

test_dsrctl_start_status_stop()
{
	local before options=(--table "$table") rules='-j DADDR --dscp-map '

	# what is chosen where nothing is said
	if [ "$table" = dscp_rewrite ]; then
		backend=
		options=()
		rules="^dscp_rewrite ipv[46] 7 "
	fi
	dsrctl_up <<<"$CONFIG"
	before=$(server_state)
	assert_exit 1 dsrctl check
	assert_equal "check" "$said" "No DSRs started."

	assert_exit 0 dsrctl "${options[@]}" start
	assert_equal "what start says" "$said" ""
	assert_exit 0 dsrctl status
	assert_equal "status" "$said" "\
type  state   name             ipaddr           dscp loopback iptables
===== ======= ===============  ===============  ==== ======== ========
l3dsr started 10.128.8.46      10.128.8.46      7    lo:1     up
l3dsr started 2001:DB8::46     2001:DB8::46     0x7  lo       up
l3dsr started 198.18.0.250     198.18.0.250     4    lo:2     up
l2dsr started 10.9.9.9         10.9.9.9         --   lo:3     --
l3dsr started 2001:db8:f::250  2001:db8:f::250  04   lo       up
l3dsr started 10.9.9.10        10.9.9.10        AF11 lo:4     up
l3dsr started 10.128.8.46      10.128.8.46      9    lo:1     up"
	assert_equal "lines of status -a -x in $table" \
		"$(dsrctl -a -x status | grep -c " $table  *conf$")" 6
	assert_started
	assert_equal "rules of both families" \
		"$(server_state | grep -c -e "$rules")" 2
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 28
	assert_ping "$client" 198.18.0.250 198.18.0.250

	assert_exit 0 dsrctl -v start
	assert_equal "what a second start changes" "$said" ""

	assert_exit 0 dsrctl -n stop
	assert_contains "what -n shows" "$said" '--noflush --wait=30|sysctl -w net.ipv6.dscp_rewrite.4='
	assert_started
	assert_exit 0 dsrctl -k stop
	assert_equal "what stop says" "$said" ""
	assert_equal "the server after stop" "$(server_state)" "$before"
	assert_contains "modules after stop -k" "$(lsmod)" '^(xt_DADDR|dscp_rewrite) '
	assert_exit 0 dsrctl stop
	assert_lacks "modules after stop" "$(lsmod)" '^(xt_DADDR|dscp_rewrite) '
	assert_exit 1 dsrctl check
}
scenario test_dsrctl_start_status_stop "-" "legacy" "raw"
scenario test_dsrctl_start_status_stop "-" "nft" "mangle"
scenario test_dsrctl_start_status_stop "-" "nft" "dscp_rewrite"

# What somebody wrote to the sysctls is theirs, shown, and never overwritten.
test_dsrctl_leaves_the_sysctls_of_others_alone()
{
	local before

	backend=
	dsrctl_up <<<$'10.128.8.46 = 7\n10.9.9.9 = 8'
	modprobe dscp_rewrite
	on "$server" sysctl -qw net.ipv4.dscp_rewrite.8=10.7.7.7 \
		net.ipv4.dscp_rewrite.9=10.7.7.9 \
		net.ipv4.dscp_rewrite.7=10.7.7.7@10.128.9.77
	before=$(server_state)
	assert_exit 1 dsrctl start
	assert_contains "start" "$said" 'net.ipv4.dscp_rewrite.8 has 10.7.7.7, which dsrctl did not start'
	assert_equal "the server after it" "$(server_state)" "$before"

	on "$server" sysctl -qw net.ipv4.dscp_rewrite.8=
	before=$(server_state)
	assert_exit 0 dsrctl start
	assert_started
	assert_equal "two VIPs of DSCP 7" \
		"$(on "$server" sysctl -n net.ipv4.dscp_rewrite.7)" \
		"10.128.8.46 10.7.7.7@10.128.9.77"
	assert_exit 0 dsrctl -a -x status
	assert_contains "status" "$said" '^iptbl started 10.7.7.9 .* 0x09 -- +up +dscp_rewrite disc'
	assert_exit 0 dsrctl -v start
	assert_equal "what a second start changes" "$said" ""

	on "$server" sysctl -qw net.ipv4.dscp_rewrite.enabled=0
	assert_exit 1 dsrctl check
	assert_exit 0 dsrctl -x status
	assert_contains "status" "$said" 'net.ipv4.dscp_rewrite.enabled is 0'
	assert_contains "status" "$said" '^l3dsr partial 10.128.8.46 .* lo:1 +--'
	on "$server" sysctl -qw net.ipv4.dscp_rewrite.enabled=1
	assert_exit 0 dsrctl stop
	assert_equal "the server after stop" "$(server_state)" "$before"
	assert_exit 0 dsrctl --yes -a stop
	assert_lacks "the server after -a stop" "$(server_state)" 'dscp_rewrite'
	assert_lacks "modules after it" "$(lsmod)" '^dscp_rewrite '
}
scenario test_dsrctl_leaves_the_sysctls_of_others_alone "-" "nft" "-"

# The rules of the tool that this one replaces, and the addresses.
test_dsrctl_knows_rules_of_others()
{
	dsrctl_up <<<"$CONFIG"
	use_family ipv4
	for copy in 1 2; do
		rule -t "$table" -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr=10.128.8.46
	done
	rule -t "$table" -A PREROUTING -m dscp --dscp 9 -j DADDR --set-daddr=10.128.8.46
	use_family ipv6
	rule -t "$table" -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr=2001:db8::46
	on "$server" ip address add 10.128.8.46/32 dev lo label lo:3
	on "$server" ip address add 2001:db8:f::250/128 dev lo

	assert_exit 0 dsrctl -x status
	assert_contains "duplicates" "$said" '2 rules lead DSCP 7 .* to 10.128.8.46'
	assert_contains "status" "$said" '^l3dsr started 10.128.8.46 .* 7 +lo:3 +up'
	assert_contains "status" "$said" '^l3dsr partial 2001:DB8::46 .* 0x7 +-- +up'
	assert_contains "status" "$said" '^l3dsr partial 2001:db8:f::250 .* 04 +lo +--'
	assert_exit 3 dsrctl check
	assert_equal "check" "$said" "Some DSRs not started."

	assert_exit 0 dsrctl --rules each start
	assert_started
	assert_equal "rules for DSCP 7 and 9" \
		"$(server_state | grep -c -e '--dscp 0x0[79] ')" 4
	assert_equal "labels" "$(server_state | grep -o 'lo:[0-9]*' | sort | xargs)" \
		"lo:3 lo:4 lo:5 lo:6"

	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:|db8::46/128'
}
scenario test_dsrctl_knows_rules_of_others "-" "legacy" "mangle"
scenario test_dsrctl_knows_rules_of_others "-" "nft" "raw"

# Rules that do something else, in every way.
foreign_rules()
{
	local vip=$1

	rule -t mangle -N dsr
	rule -t mangle -A dsr -m dscp --dscp 7 -j DADDR --set-daddr "$vip"
	rule -t mangle -A PREROUTING -i eth1 -m dscp --dscp 7 -j DADDR --set-daddr "$vip"
	rule -t mangle -A PREROUTING -m dscp ! --dscp 7 -j DADDR --set-daddr "$vip"
	rule -t mangle -A PREROUTING -m dscp --dscp 7 -m comment --comment "mine, \"really\"" -j DADDR --set-daddr "$vip"
	rule -t mangle -A PREROUTING -p tcp -m dscp --dscp 7 -j DADDR --set-daddr "$vip"
	rule -t mangle -A INPUT -m dscp --dscp 7 -j DADDR --set-daddr "$vip"
	rule -t mangle -A OUTPUT -m dscp --dscp 7 -j DADDR --set-daddr "$vip"
	rule -t raw -A PREROUTING -p udp -j DADDR --dscp-map 7="$vip"
	rule -t raw -A PREROUTING -p tcp -j CT --notrack
	rule -A INPUT -p tcp --dport 22 -j ACCEPT
}

test_dsrctl_leaves_others_alone()
{
	local before

	dsrctl_up <<<"$CONFIG"
	use_family ipv4
	foreign_rules 10.128.8.46
	use_family ipv6
	foreign_rules 2001:db8::46
	on "$server" ip address add 10.255.0.1/32 dev lo
	on "$server" ip address add 2001:db8:ffff::1/128 dev lo
	on "$server" ip address add 10.5.5.5/24 dev lo label lo:7
	before=$(server_state)

	assert_exit 0 dsrctl -x status
	# rules serve DSCP 7 of both families, and that for all but 7 serves 9
	assert_equal "VIPs that are stopped" "$(grep -c ' stopped ' <<<"$said")" 4
	for action in start reload restart stop "-a stop"; do
		# shellcheck disable=SC2086 # the words of the action
		assert_exit 0 dsrctl $action
		[ "$action" != start ] || assert_started
	done
	assert_equal "the server after all" "$(server_state)" "$before"
}
scenario test_dsrctl_leaves_others_alone "-" "legacy nft" "-"

# The neighbour as a load balancer that changes the port, too.
balance_port()
{
	on "$neighbour" ip route replace 10.128.8.48/32 via 10.128.9.31
	on "$neighbour" nft -f - <<-TEXT
		table ip balancer {
			chain output {
				type route hook output priority mangle
				ip daddr 10.128.8.48 tcp dport 80 ip dscp set 17 ip daddr set 10.128.9.31 tcp dport set 8080
			}
		}
	TEXT
}

# A server with two addresses has two VIPs of one DSCP, by each backend.
test_dsrctl_serves_each_of_its_addresses()
{
	local before

	dsrctl_up <<-TEXT
		10.128.8.46 = 16 to 10.128.9.31
		10.128.8.47 = 16 to 10.128.9.77
		2001:db8::46 = 16 to 2001:db8:9::31
	TEXT
	on "$server" ip address add 10.128.9.77/24 dev eth1
	before=$(server_state)
	for backend in dscp_rewrite daddr nft; do
		assert_exit 0 dsrctl start
		assert_started
		assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 64
		assert_ping "$neighbour" 10.128.9.77 10.128.8.47 -Q 64
		assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 64
		assert_exit 0 dsrctl -x status
		assert_contains "status" "$said" '^l3dsr started 10.128.8.47 .* up +10.128.9.77$'
		assert_exit 0 dsrctl metrics
		assert_contains "metrics" "$said" '^dsrctl_vip_packets_total.name="10.128.8.47".*,to="10.128.9.77". 3$'
		assert_exit 0 dsrctl -v reload
		assert_equal "what a reload changes" "$said" ""
		# its own rule for some packets is not somebody else's for them
		sed -i 's/ to 2001:db8:9::31$//' "$conf/10-vip.conf"
		assert_exit 0 dsrctl reload
		assert_equal "reload" "$said" ""
		assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 64
		sed -i 's/^2001:db8::46 = 16$/& to 2001:db8:9::31/' "$conf/10-vip.conf"
		assert_exit 0 dsrctl reload
		assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 64
		assert_exit 0 dsrctl stop
		assert_equal "the server after stop" "$(server_state)" "$before"
	done

	# dscp_rewrite cannot change a port: then all go by rules
	backend=
	assert_exit 0 dsrctl start
	assert_contains "the server" "$(server_state)" '^dscp_rewrite ipv4 16 10.128.9.77 10.128.8.47$'
	echo '10.128.8.48:80 = 17 tcp 8080' >"$conf/20.conf"
	assert_exit 1 dsrctl --backend dscp_rewrite start
	assert_contains "start" "$said" '20.conf:1: 10.128.8.48:80 changes a port, which --backend dscp_rewrite cannot'
	mkdir "$lab_files/www"
	echo hello >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	balance_port
	assert_exit 0 dsrctl start
	assert_contains "start" "$said" '20.conf:1: found 10.128.8.48:80, whose port dscp_rewrite cannot change: using rules'
	for to in daddr nft; do
		assert_exit 0 dsrctl --backend $to reload
		assert_lacks "the server" "$(server_state)" '^dscp_rewrite'
		assert_started
		assert_http "$neighbour" 10.128.8.48 "$lab_files/www/file"
		assert_ping "$neighbour" 10.128.9.77 10.128.8.47 -Q 64
		assert_exit 0 dsrctl -x status
		assert_contains "status" "$said" '^l3dsr started 10.128.8.48:80 +10.128.8.48 .* up +tcp:8080$'
	done
	assert_exit 0 dsrctl stop
	assert_equal "the server after stop" "$(server_state)" "$before"
}
scenario test_dsrctl_serves_each_of_its_addresses "-" "nft" "-"

test_dsrctl_all_that_is_active()
{
	dsrctl_up <<<"10.128.8.46=7"
	use_family ipv4
	rule -t mangle -A PREROUTING -m dscp --dscp 20 -j DADDR --set-daddr=188.125.66.2
	rule -t raw -A PREROUTING -m dscp --dscp 21 -j DADDR --set-daddr=188.125.66.3
	rule -t raw -A OUTPUT -p udp -j CT --notrack
	on "$server" ip address add 188.125.66.2/32 dev lo label lo:1
	on "$server" ip address add 188.125.66.4/32 dev lo label lo:2
	on "$server" ip address add 10.255.0.1/32 dev lo
	assert_exit 0 dsrctl start

	assert_exit 0 dsrctl -a status
	assert_equal "status -a" "$said" "\
type  state   name          ipaddr        dscp loopback iptables iptbl  src
===== ======= ============  ============  ==== ======== ======== ====== ====
l3dsr started 10.128.8.46   10.128.8.46   7    lo:3     up       raw    conf
l3dsr started 188.125.66.2  188.125.66.2  20   lo:1     up       mangle disc
loopb started 188.125.66.4  188.125.66.4  --   lo:2     --       --     disc
loopb started 10.255.0.1    10.255.0.1    --   lo       --       --     disc
iptbl started 188.125.66.3  188.125.66.3  0x15 --       up       raw    disc"

	conf=/dev/null
	assert_exit 0 on "$server" /lab/tree/build/tools/dsrctl/dsrctl -f /dev/null -a stop
	assert_lacks "the server after -a stop" "$(server_state)" 'DADDR|lo:'
	assert_contains "the server after -a stop" "$(server_state)" '10.255.0.1/32'
	assert_contains "the server after -a stop" "$(server_state)" 'notrack'
	assert_exit 0 on "$server" /lab/tree/build/tools/dsrctl/dsrctl -f /dev/null status
	assert_equal "status of nothing" "$said" "No configured DSRs found."
}
scenario test_dsrctl_all_that_is_active "-" "legacy nft" "-"

test_dsrctl_refuses_a_bad_configuration()
{
	local before

	dsrctl_up <<<"$CONFIG"
	before=$(server_state)
	cat >"$conf/20.conf" <<-TEXT
		10.1.1.1 = 7
		10.1.1.2 = 77
	TEXT
	for action in start restart reload; do
		assert_exit 1 dsrctl $action
		assert_contains "$action" "$said" "20.conf:1: found DSCP 7 for 10.1.1.1, expected another one: in $conf/10-vip.conf:2 it stands for 10.128.8.46"
		assert_contains "$action" "$said" '20.conf:2: found "77", expected a DSCP'
		assert_equal "the server after $action" "$(server_state)" "$before"
	done
	assert_equal "errors on standard output" "$(dsrctl -x status 2>/dev/null | awk "/found/" | wc -l)" 0
	assert_exit 1 dsrctl status
	assert_exit 1 dsrctl check
	assert_exit 1 dsrctl stop

	echo '10.1.1.1 = 8 dev eth7' >"$conf/20.conf"
	assert_exit 1 dsrctl start
	assert_contains "start" "$said" '20.conf:1: this host has no interface "eth7"'
	assert_equal "the server after it" "$(server_state)" "$before"

	# what the rules of one family refuse undoes the other's
	echo '10.1.1.1 = 8' >"$conf/20.conf"
	mv /usr/sbin/ip6tables-"$variant"-restore /usr/sbin/hidden
	assert_exit 1 dsrctl start
	mv /usr/sbin/hidden /usr/sbin/ip6tables-"$variant"-restore
	assert_equal "the server after it" "$(server_state)" "$before"
	assert_exit 0 dsrctl start
	assert_started

	# what cannot be started again is not stopped
	before=$(server_state)
	echo '10.1.1.2 = 20 dev eth7' >"$conf/30.conf"
	assert_exit 1 dsrctl -i restart
	assert_contains "-i restart" "$said" 'no interface "eth7"'
	assert_equal "the server after -i restart" "$(server_state)" "$before"
	rm "$conf/30.conf"
	# nor does it stay stopped when nobody reads what it does
	dsrctl -v -i restart | head -n 1
	assert_started
	assert_exit 0 dsrctl stop
}
scenario test_dsrctl_refuses_a_bad_configuration "-" "legacy nft" "-"

# What was resolved when it was started is what is stopped.
test_dsrctl_remembers_host_names()
{
	cp /etc/hosts "$lab_files/hosts"
	dsrctl_up <<<"vip.dsr.example = 7"
	echo '10.128.8.46 vip.dsr.example' >>/etc/hosts
	assert_exit 0 dsrctl start
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28

	sed -i 's/.*vip.dsr.example/10.128.8.47 vip.dsr.example/' /etc/hosts
	assert_started
	assert_exit 0 dsrctl reload # a change that is asked for
	assert_exit 0 dsrctl -x status
	assert_contains "status" "$said" '^l3dsr started vip.dsr.example  10.128.8.47 '
	assert_lacks "the server" "$(server_state)" '10.128.8.46'

	cp "$lab_files/hosts" /etc/hosts
	assert_started
	assert_exit 0 dsrctl reload
	assert_contains "reload" "$said" 'does not resolve .* stays at 10.128.8.47'
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
	assert_exit 1 dsrctl start
	assert_contains "start" "$said" 'vip.dsr.example", which does not resolve'
}
scenario test_dsrctl_remembers_host_names "-" "nft" "-"

test_dsrctl_without_ipv6()
{
	dsrctl_up <<<"$CONFIG"
	on "$server" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	assert_exit 0 dsrctl start
	assert_equal "what start says" "$said" ""
	assert_started
	assert_exit 0 dsrctl -x status
	assert_contains "status" "$said" '^l3dsr stopped 2001:DB8::46 .* -- +--$'
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'

	# turned off since the start
	on "$server" sysctl -qw net.ipv6.conf.all.disable_ipv6=0
	assert_exit 0 dsrctl start
	assert_contains "the server" "$(server_state)" 'DADDR.*2001:db8::46'
	on "$server" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'

	# on one interface alone
	on "$server" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth1.disable_ipv6=1
	printf '%s dev eth1\n' '10.1.1.1 = 20' '2001:db8:1::1 = 20' >"$conf/20.conf"
	assert_exit 0 dsrctl start
	assert_contains "start" "$said" '20.conf:2: IPv6 is switched off on eth1'
	assert_exit 3 dsrctl check
	assert_equal "VIPs that are started" "$(dsrctl -x status | grep -c ' started ')" 8
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_without_ipv6 "-" "nft" "-"

# The VIP has a rule in each table, and the second cannot be changed.
test_dsrctl_undoes_a_table()
{
	local program=/usr/sbin/iptables-$variant-restore before status=0

	dsrctl_up <<<"10.128.8.46 = 7"
	assert_exit 0 dsrctl start
	on "$server" "iptables-$variant" -t mangle -A PREROUTING \
		-m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
	before=$(server_state)
	mv "$program" /usr/sbin/hidden
	cat >"$program" <<-TEXT
		#!/bin/bash
		# one table after the other, as it does it
		input=\$(cat)
		sed '/^\*raw/,\$d' <<<"\$input" |
			(exec -a "iptables-$variant-restore" /usr/sbin/hidden "\$@") || exit
		! grep '^\*raw' <<<"\$input" || { echo no raw here >&2; exit 1; }
	TEXT
	chmod +x "$program"
	said=$(dsrctl stop 2>&1) || status=$?
	mv /usr/sbin/hidden "$program"
	assert_equal "exit status of stop" "$status" 1
	assert_contains "stop" "$said" 'no raw here'
	assert_equal "the server after it" "$(server_state)" "$before"
	assert_exit 0 dsrctl stop
	assert_lacks "the server after stop" "$(server_state)" 'DADDR|lo:'
}
scenario test_dsrctl_undoes_a_table "-" "legacy nft" "-"
