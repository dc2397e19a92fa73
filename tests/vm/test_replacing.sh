# SPDX-License-Identifier: BSD-3-Clause
# Rules that are replaced as fast as the kernel can, under traffic.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# By default as many as take a few seconds; a long run, of each family and variant:
#
#	tools/lab/run --timeout 0 env REPLACEMENTS=10000 SCENARIO_TIMEOUT=0 \
#		tests/vm/run replacing
replacements=${REPLACEMENTS:-1000}

# 1,000 packets a second to a VIP that each of the maps has. Each is answered
# from there, none gets to another address, and all are counted.
test_replacing_rules_loses_nothing()
{
	local sender sent received counted rounds=0

	# the table, and the module
	rule -t raw -S >/dev/null
	modprobe xt_DADDR
	rule -t filter -A INPUT -p udp --dport 7777 ! -d "$vip"
	on_background "$server" "$stream" echo "$vip" 7777
	wait_until lab_listens "$server" u 7777
	on "$server" build/tests/vm/replace_rules "ip${family#ipv}" "$variant" 2 "$lab_dscp" "$vip"
	on_background "$client" "$stream" send "$vip" 7777 1000 >"$lab_files/count"
	sender=$!
	# again, up to ten times, where the sender hardly got a processor meanwhile
	while ((++rounds <= 10)); do
		on "$server" build/tests/vm/replace_rules "ip${family#ipv}" "$variant" \
			"$replacements" "$lab_dscp" "$vip"
		[ "$(on "$server" awk "/ $lab_dscp $vip / { print \$5 }" /proc/net/xt_DADDR)" -le 100 ] || break
	done
	kill -INT "$sender"
	wait "$sender"
	read -r sent received <"$lab_files/count"
	[ "$sent" -gt 100 ] || fail "only $sent datagrams were sent"
	assert_equal "datagrams that came back" "$received" "$sent"
	counted=$(on "$server" grep " $lab_dscp $vip " /proc/net/xt_DADDR)
	assert_contains "the counters" "$counted" "^$family raw $lab_dscp $vip $sent "
	assert_contains "packets to other addresses" \
		"$(rule -t filter -S INPUT -v)" '--dport 7777 -c 0 0$'
	# other VIPs are gone with the rules that had them
	wait_until only_the_vip_is_left
	on "$server" nft flush ruleset
	echo "| $((rounds * replacements)) replacements, $sent datagrams, $received answered"
}
scenario test_replacing_rules_loses_nothing "ipv4 ipv6" "legacy nft" "-"

only_the_vip_is_left()
{
	[ "$(on "$server" tail -n +2 /proc/net/xt_DADDR | wc -l)" -eq 1 ]
}
