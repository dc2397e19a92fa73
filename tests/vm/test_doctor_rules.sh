# SPDX-License-Identifier: BSD-3-Clause
# dsrctl doctor and the rules of others, whoever made them and with what.
source "$(dirname "${BASH_SOURCE[0]}")/doctor.sh"

test_doctor_looks_at_rules_of_nftables()
{
	healthy <<<"10.128.8.46=7
2001:db8::46=7"
	assert_exit 0 dsrctl stop
	module_unload || fail "xt_DADDR is still in use"
	assert_exit 0 dsrctl --backend nft start
	assert_silent
	assert_exit 0 dsrctl stop
	assert_exit 0 dsrctl --backend nft --table mangle start
	on "$server" nft -f - <<-TEXT
		table inet guard {
			chain input {
				type filter hook input priority filter
				ct state established,related accept
				ct state invalid counter drop
			}
		}
	TEXT
	assert_finds error invalid-drop 'the nftables chain inet dsrctl mangle rewrites after connection tracking, and what is invalid is dropped'
	assert_exit 0 dsrctl stop
}
scenario test_doctor_looks_at_rules_of_nftables "-" "nft" "-"

# The rules of a table that somebody made dormant are there, and do nothing.
test_doctor_knows_a_dormant_table()
{
	healthy <<<"10.128.8.46=7"
	on "$server" nft 'add table ip raw { flags dormant; }'
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 28
	assert_exit 1 dsrctl check
	assert_exit 0 dsrctl start
	assert_contains "start" "$said" 'the table ip raw of nftables is dormant: .* until nft add table ip raw$'
	assert_equal "rules after start" "$(rules_save | grep -c DADDR)" 1
	assert_finds error table-dormant 'the table ip raw of nftables is dormant, and 1 rule in it'
	assert_contains "doctor" "$said" 'keep: .*nft delete table ip raw'
	apply_fixes
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28

	on "$server" nft 'add table ip raw { flags dormant; }'
	assert_exit 0 dsrctl stop
	assert_lacks "rules after stop" "$(rules_save)" DADDR
}
scenario test_doctor_knows_a_dormant_table "ipv4" "nft" "-"

# Before 1.1, nft prints a half of a table that a program keeps to itself.
test_doctor_says_what_it_could_not_read()
{
	local pid input=$lab_files/nft

	healthy <<<"10.128.8.46=7"
	mkfifo "$input"
	# not by on_background, whose programs read nothing
	on "$server" nft -i <>"$input" >/dev/null &
	pid=$!
	lab_pids+=("$pid")
	echo 'add table inet held { flags owner; }' >"$input"
	wait_until on "$server" nft list table inet held
	if on "$server" nft -j list table inet held | grep -q ']}$'; then
		assert_silent
	else
		assert_finds warning rules-unread \
			'doctor cannot read all rules of nftables: nft -j list table inet held prints no complete JSON$'
	fi
	echo quit >"$input"
	wait "$pid"
	assert_silent
}
scenario test_doctor_says_what_it_could_not_read "ipv4" "nft" "-"

# Ways to send DSCP 7 to 10.128.8.46, as people write them: a name, and what nft
# or, after "iptables", iptables is given.
forms()
{
	local inet='add table inet l3dsr; add chain inet l3dsr p { type filter hook prerouting priority raw; }'

	cat <<-TEXT
		own-table $inet; add rule inet l3dsr p ip dscp 7 ip daddr set 10.128.8.46
		anonymous-map $inet; add rule inet l3dsr p ip daddr set ip dscp map { 7 : 10.128.8.46, 9 : 10.128.8.46 }
		named-map $inet; add map inet l3dsr m { type dscp : ipv4_addr; elements = { 7 : 10.128.8.46 }; }; add rule inet l3dsr p ip daddr set ip dscp map @m
		goto $inet; add chain inet l3dsr v7; add rule inet l3dsr v7 ip daddr set 10.128.8.46; add rule inet l3dsr p ip dscp vmap { 7 : goto v7 }
		jump $inet; add chain inet l3dsr v7; add rule inet l3dsr v7 ip daddr set 10.128.8.46; add rule inet l3dsr p ip dscp vmap { 7 : jump v7 }
		set $inet; add rule inet l3dsr p ip dscp { 7 } ip daddr set 10.128.8.46
		ip-table add table ip l3dsr; add chain ip l3dsr p { type filter hook prerouting priority -299; }; add rule ip l3dsr p ip dscp 0x07 counter ip daddr set 10.128.8.46
		ingress add table netdev l3dsr; add chain netdev l3dsr p { type filter hook ingress device eth1 priority 0; }; add rule netdev l3dsr p ip dscp 7 ip daddr set 10.128.8.46
		native add table ip raw; add chain ip raw PREROUTING { type filter hook prerouting priority raw; }; add rule ip raw PREROUTING ip dscp 7 ip daddr set 10.128.8.46
		tos iptables -t raw -A PREROUTING -m tos --tos 0x1c/0xfc -j DADDR --set-daddr 10.128.8.46
		comment iptables -t raw -A PREROUTING -m dscp --dscp 7 -m comment --comment l3dsr -j DADDR --set-daddr 10.128.8.46
		input iptables -t mangle -A INPUT -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
		destination iptables -t raw -A PREROUTING -d 10.128.9.31,74.80.1.1 -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
		interface iptables -t raw -A PREROUTING -i eth1 -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
	TEXT
}

no_rules()
{
	on "$server" nft flush ruleset
	rules_restore <<-TEXT
		*raw
		-F
		COMMIT
		*mangle
		-F
		COMMIT
	TEXT
}

# Without what counts, and when.
rules_of_all()
{
	{ on "$server" nft list ruleset; rules_save; } |
		grep -E -e '^-' -e 'daddr set|vmap' | sed 's/packets [0-9]* bytes [0-9]*//'
}

# What serves is not missing, whoever made it, and dsrctl adds nothing to it.
test_doctor_knows_rules_of_others()
{
	local form what before

	healthy <<<"10.128.8.46=7"
	assert_exit 0 dsrctl stop
	on "$server" ip address add 10.128.8.46/32 dev lo
	while read -r form what; do
		no_rules
		case $what in
		iptables*) eval "rule ${what#iptables}" ;;
		*) on "$server" nft "$what" ;;
		esac
		echo "form $form"
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
		assert_exit 0 doctor -v
		case $form in
		interface|ingress) assert_contains "doctor: $form" "$said" '^note: rule-narrow: the rule .*leads some packets of DSCP 7' ;;
		*) assert_lacks "doctor: $form" "$said" 'rule-' ;;
		esac
		assert_started
		before=$(rules_of_all)
		assert_exit 0 dsrctl start
		case $form in
		interface|ingress) assert_contains "start: $form" "$said" 'found the rule .* adds no rule for the others' ;;
		*) assert_equal "start: $form" "$said" "" ;;
		esac
		assert_equal "rules after start: $form" "$(rules_of_all)" "$before"
	done < <(forms | if [ "$variant" = legacy ]; then grep ' iptables '; else cat; fi)
}
scenario test_doctor_knows_rules_of_others "ipv4" "legacy nft" "-"

# A rule that takes the packets elsewhere; and a VIP that is the host's by a
# route.
test_doctor_asks_where_packets_end_up()
{
	healthy <<<$'10.128.8.46=7\n2001:db8::46=7'
	on "$server" nft -f - <<-TEXT
		table ip other {
			chain p {
				type filter hook prerouting priority -290; policy accept;
				ip dscp 7 ip daddr set 198.18.0.250
			}
		}
	TEXT
	on "$server" ip address add 198.18.0.250/32 dev lo
	assert_ping "$neighbour" "$near_rip" 198.18.0.250 -Q 28
	assert_finds error dscp-two-owners 'DSCP 7 .* leads to 198.18.0.250 .*chain ip other p|DSCP 7 .* and to 198.18.0.250 \(the rule with handle [0-9]+ of the nftables chain ip other p\)'
	on "$server" nft delete table ip other
	on "$server" ip address delete 198.18.0.250/32 dev lo
	on "$server" nft 'add table ip early; add chain ip early p { type filter hook prerouting priority -400; }; add rule ip early p ip dscp 7 drop'
	assert_finds error dscp-dropped 'every packet of DSCP 7'
	on "$server" nft delete table ip early

	on "$server" ip address delete 10.128.8.46/32 dev lo
	on "$server" ip address delete 2001:db8::46/128 dev lo
	assert_finds error vip-missing '.* is on no interface'
	on "$server" ip route add local 10.128.8.0/24 dev lo
	on "$server" ip -6 route add local 2001:db8::/120 dev lo
	assert_silent
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_started
	assert_exit 0 dsrctl -v start
	assert_equal "start" "$said" ""
	assert_exit 0 dsrctl stop
}
scenario test_doctor_asks_where_packets_end_up "ipv4" "nft" "-"

# The model of the rules that doctor and start ask, against the kernel: what
# becomes of packets in sets of rules that are made at random.
test_doctor_foretells_the_kernel()
{
	local seed=$RANDOM$RANDOM

	modprobe -a xt_DADDR dscp_rewrite tun
	echo "seed $seed"
	unshare -n build/tests/vm/random_rules/random_rules "$variant" 25 40 "$seed" ||
		fail "see the rules above; random_rules $variant 25 40 $seed makes them again"
}
scenario test_doctor_foretells_the_kernel "-" "legacy nft" "-"
