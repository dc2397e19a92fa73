# SPDX-License-Identifier: BSD-3-Clause
# dsrctl watch on the server, while what it is to find is made for real.

# watch_start: it sees packets when this returns
watch_start()
{
	on_background "$server" /lab/tree/build/tools/dsrctl/dsrctl watch \
		-f "$lab_files/vip.conf" --interval 0 >"$lab_files/watch" 2>&1
	watch_pid=$!
	wait_until grep -q '^watching' "$lab_files/watch"
}

# watch_end STATUS: what it says at its end is in $said
watch_end()
{
	local status=0

	kill -INT "$watch_pid"
	wait "$watch_pid" || status=$?
	said=$(cat "$lab_files/watch")
	assert_equal "exit status of watch ($said)" "$status" "$1"
}

watch_says()
{
	wait_until grep -qE "$1" "$lab_files/watch" ||
		fail "watch: found: $(cat "$lab_files/watch"), expected: $1"
}

watch_up()
{
	cat >"$lab_files/vip.conf" <<-TEXT
		198.18.0.250 = $lab_dscp
		2001:db8:f::250 = $lab_dscp
		10.128.8.46 = 7
		2001:db8::46 = 7
	TEXT
	mkdir "$lab_files/www"
	head -c 50000 /dev/urandom >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	rule -t raw -A PREROUTING -j DADDR --dscp-map "$lab_dscp=$vip,7=$near_vip"
}

get()
{
	on "$client" curl -sS -o /dev/null --max-time 1 "http://$(url_host "$1")/file"
}

# on_path STATEMENT: what the router does to packets for the server
on_path()
{
	local ip=ip

	[ "$family" = ipv4 ] || ip=ip6
	on "$router" nft -f - <<-TEXT
		table $ip path {
			chain prerouting {
				type filter hook prerouting priority -300
				$ip daddr $rip $1
			}
		}
	TEXT
}

test_watch_in_order()
{
	watch_up
	watch_start
	assert_http "$client" "$vip" "$lab_files/www/file"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	watch_end 0
	assert_lacks "what watch found" "$said" '^(!|packet)'
	assert_contains "the near VIP" "$said" \
		"^$near_vip +7 +28 +0x1c +000111b +3 +[0-9]+ +3 +[0-9]+ +3 "
	# the answers leave with their checksums left to hardware
	assert_contains "the VIP" "$said" \
		"^$vip +4 +16 +0x10 +000100b +[1-9][0-9]* +[0-9]+ +[1-9][0-9]* +5[0-9]{4} +0 +[1-9][0-9]*\$"
}
scenario test_watch_in_order "ipv4 ipv6" "nft" "-"

test_watch_finds()
{
	local ip=ip

	[ "$family" = ipv4 ] || ip=ip6
	watch_up
	on_path "$ip dscp set 0"
	watch_start
	assert_refused "" get "$vip"
	watch_says "^packet [0-9]+: DSCP 0: 1 connection to $rip tcp/80, which is never marked: "
	on "$router" nft flush ruleset
	get "$vip"
	on_path "$ip dscp set 0"
	assert_refused "" get "$vip"
	on "$router" nft flush ruleset

	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 36
	watch_says "^packet [0-9]+: DSCP 9 \(TOS 36, 0x24, 001001b\): 1 packet to $near_rip"

	rules_save -t raw >"$lab_files/rules"
	rule -t raw -F PREROUTING
	assert_refused "" get "$vip"
	watch_says "^packet [0-9]+: 1 packet from $rip tcp/80 that answer requests for $vip: they are not rewritten"
	rules_restore <"$lab_files/rules"

	# a checksum that is there, and damaged on the way
	on "$client" ethtool -K eth0 tx off >/dev/null
	on_path "tcp dport 80 @th,64,32 set 1"
	assert_refused "" get "$vip"
	watch_says "^packet [0-9]+: 1 packet for $vip with a wrong checksum, which is not offload"

	watch_end 2
	assert_contains "the summary" "$said" "^! DSCP 0: [0-9]+ packets to $rip tcp/80, of which others are marked for $vip: the DSCP is cleared on the path"
	assert_contains "the summary" "$said" "^! DSCP 9 .* 3 packets to $near_rip, "
	assert_contains "the summary" "$said" "^! [0-9]+ packets? from $rip tcp/80 that answer"
	assert_contains "the summary" "$said" "^! [0-9]+ packets? for $vip with a wrong checksum"
	assert_equal "findings" "$(grep -c '^!' <<<"$said")" 4
}
scenario test_watch_finds "ipv4 ipv6" "nft" "-"
