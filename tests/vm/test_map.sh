# SPDX-License-Identifier: BSD-3-Clause
# Revision 1 at work: one rule for every VIP, its counters, and ports.

# The counters of the server, without the header line.
counters()
{
	on "$server" cat /proc/net/xt_DADDR | tail -n +2
}

# assert_counted DSCP ADDRESS PACKETS BYTES
assert_counted()
{
	assert_equal "counters of $2" "$(counters | grep " $1 $2 ")" \
		"$family $table $1 $2 $3 $4"
}

# The bytes of the IP packet that ping sends.
ping_bytes()
{
	[ "$family" = ipv4 ] && echo 84 || echo 104
}

test_map_serves_each_vip()
{
	local bytes

	bytes=$(ping_bytes)
	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "EF=$vip,0x7=$near_vip,63=$vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$near_rip" "$vip" -Q $((46 << 2))
	assert_ping "$neighbour" "$near_rip" "$vip" -Q $((63 << 2))
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q $((8 << 2))
	assert_ping "$neighbour" "$near_rip" "$near_rip"
	# Has the address already: nothing was done for it.
	assert_ping "$neighbour" "$near_vip" "$near_vip" -Q 28
	assert_equal "the counters" "$(counters)" "$(cat <<TEXT
$family $table 7 $near_vip 3 $((3 * bytes))
$family $table 46 $vip 3 $((3 * bytes))
$family $table 63 $vip 3 $((3 * bytes))
TEXT
)"
}
scenario test_map_serves_each_vip "ipv4 ipv6" "legacy nft" "raw mangle"

# As many VIPs as there can be, each once.
test_map_of_63_vips()
{
	local dscp map='' expected='' prefix=10.77.0. bits=32

	[ "$family" = ipv4 ] || { prefix=2001:db8:77:: bits=128; }
	for ((dscp = 1; dscp < 64; dscp++)); do
		echo "addr add $prefix$dscp/$bits dev lo"
	done | ip -n "$server" -batch -
	for ((dscp = 1; dscp < 64; dscp++)); do
		map+=,$dscp=$prefix$dscp
		expected+="$family $table $dscp $prefix$dscp 1 $(ping_bytes)"$'\n'
	done
	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "${map#,}"
	for ((dscp = 1; dscp < 64; dscp++)); do
		assert_contains "answer of DSCP $dscp" \
			"$(on "$neighbour" ping -n -c 1 -W 5 -Q $((dscp << 2)) "$near_rip")" \
			"from $prefix$dscp: "
	done
	assert_equal "the counters" "$(counters)" "${expected%$'\n'}"
}
scenario test_map_of_63_vips "ipv4 ipv6" "legacy" "raw"

test_counters_survive_other_rules()
{
	local bytes

	bytes=$(ping_bytes)
	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "7=$near_vip,8=$vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	rules_restore --noflush <<TEXT
*$table
-I PREROUTING -s $unused_ip -j DROP
-A PREROUTING -d $unused_ip -j DROP
COMMIT
TEXT
	assert_counted 7 "$near_vip" 3 $((3 * bytes))

	# The map itself changes, in one transaction: what stays keeps counting.
	rules_restore --noflush <<TEXT
*$table
-A PREROUTING -j DADDR --dscp-map 7=$near_vip,9=$vip
-D PREROUTING -j DADDR --dscp-map 7=$near_vip,8=$vip
COMMIT
TEXT
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_counted 7 "$near_vip" 6 $((6 * bytes))
	assert_counted 9 "$vip" 0 0
	# nf_tables forgets a rule a moment after it is gone.
	wait_until counters_lack " 8 $vip "

	rule -t "$table" -D PREROUTING -j DADDR --dscp-map "7=$near_vip,9=$vip"
	wait_until counters_lack .
	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	assert_counted 7 "$near_vip" 0 0
}
scenario test_counters_survive_other_rules "ipv4 ipv6" "legacy nft" "raw mangle"

counters_lack()
{
	! counters | grep -q -e "$1"
}

# A VIP of two rules is counted once a packet, and shown once.
test_counters_of_two_maps()
{
	rule -t "$table" -A PREROUTING -i eth0 -j DADDR --dscp-map "7=$near_vip"
	rule -t "$table" -A PREROUTING -i eth1 -j DADDR --dscp-map "7=$near_vip,8=$vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_equal "the counters" "$(counters)" "$(cat <<TEXT
$family $table 7 $near_vip 3 $((3 * $(ping_bytes)))
$family $table 8 $vip 0 0
TEXT
)"
}
scenario test_counters_of_two_maps "ipv4 ipv6" "legacy nft" "raw"

counters_have()
{
	counters | grep -q "$1"
}

# Whoever changes the packet counts it: not again in another table, when another
# module has done it, or in the second PREROUTING of a VRF.
test_counters_count_a_packet_once()
{
	local bytes udp=30 option=UDP4-SENDTO tos=tos

	bytes=$(ping_bytes)
	[ "$family" = ipv4 ] || udp=50 option=UDP6-SENDTO tos=ipv6-tclass
	rule -t raw -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	rule -t mangle -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	# a protocol without a checksum over the addresses, and one with it
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	on "$neighbour" socat -u - "$option:$(url_host "$near_rip"):9,$tos=28" <<<x
	wait_until counters_have "^$family raw 7 $near_vip 4 "
	assert_equal "the counters" "$(counters)" "$(cat <<TEXT
$family mangle 7 $near_vip 0 0
$family raw 7 $near_vip 4 $((3 * bytes + udp))
TEXT
)"
	rule -t mangle -F
	wait_until counters_lack mangle
	[ "$family" = ipv4 ] || return 0

	# its addresses of IPv6 would be gone
	ip -n "$server" link add vrf0 type vrf table 10 || skip "this kernel has no VRF"
	ip -n "$server" -batch - <<-TEXT
		link set vrf0 up
		link set eth1 master vrf0
		address add $near_vip/32 dev vrf0
	TEXT
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	table=raw assert_counted 7 "$near_vip" 7 $((6 * bytes + udp))
	modprobe dscp_rewrite
	on "$server" sysctl -qw "net.ipv4.dscp_rewrite.7=$near_vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_equal "packets of both modules" "$(on "$server" awk \
		'/ 7 | 7=/ {sum += $(NF - 1)} END {print sum}' \
		/proc/net/xt_DADDR /proc/net/dscp_rewrite)" 10
	# a VRF that goes with its namespace cannot take its links down and up,
	# and the kernel says so
	ip -n "$server" -batch - <<-TEXT
		link set eth1 down
		link set eth1 nomaster
	TEXT
}
scenario test_counters_count_a_packet_once "ipv4 ipv6" "nft" "-"

# The same bytes: an IPv4 address, and the beginning of an IPv6 one.
test_counters_tell_families_apart()
{
	on "$server" "iptables-$variant" -t raw -A PREROUTING -j DADDR --dscp-map 7=32.1.13.184
	on "$server" "ip6tables-$variant" -t raw -A PREROUTING -j DADDR --dscp-map 7=2001:db8::
	assert_ping "$neighbour" "$near_rip" "$near_rip"
	assert_equal "the counters" "$(counters)" "\
ipv4 raw 7 32.1.13.184 0 0
ipv6 raw 7 2001:db8:: 0 0"
}
scenario test_counters_tell_families_apart "ipv4" "nft" "-"

counted_bytes()
{
	[ "$(counters | awk -v "vip=$vip" '$4 == vip {print $6}')" -ge "$1" ]
}

# A connection's data is not in the head of a packet, and counts all the same;
# what is dropped does not.
test_counters_have_all_bytes_of_what_is_sent_on()
{
	local protocol=IP4-SENDTO tos=tos

	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "$lab_dscp=$vip,7=$near_vip"
	on_background "$server" socat -u TCP6-LISTEN:82 OPEN:/dev/null
	wait_until lab_listens "$server" t 82
	head -c 200000 /dev/zero >"$lab_files/sent"
	on "$client" socat -u "OPEN:$lab_files/sent" "TCP:$(url_host "$vip"):82"
	wait_until counted_bytes 200000

	# shorter than where its checksum is
	[ "$family" = ipv4 ] || protocol=IP6-SENDTO tos=ipv6-tclass
	on "$neighbour" socat -u - "$protocol:$(url_host "$near_rip"):6,$tos=28" <<<1234567
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_counted 7 "$near_vip" 3 $((3 * $(ping_bytes)))
}
scenario test_counters_have_all_bytes_of_what_is_sent_on "ipv4 ipv6" "nft" "raw"

test_counters_are_of_the_namespace()
{
	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	on "$client" "$ipt-$variant" -t "$table" -A PREROUTING -j DADDR --dscp-map "9=$vip"
	assert_equal "counters of the server" "$(counters)" \
		"$family $table 7 $near_vip 0 0"
	assert_equal "counters of the client, read by nobody" \
		"$(on "$client" setpriv --reuid 65534 --clear-groups cat /proc/net/xt_DADDR)" \
		"family table dscp daddr packets bytes
$family $table 9 $vip 0 0"
	assert_equal "counters of the neighbour" \
		"$(on "$neighbour" cat /proc/net/xt_DADDR)" \
		"family table dscp daddr packets bytes"
}
scenario test_counters_are_of_the_namespace "ipv4 ipv6" "legacy nft" "raw"

# map_from DSCP: one of every second DSCP from that on
map_from()
{
	seq "$1" 2 63 | sed "s/\$/=$near_vip/" | paste -sd ,
}

# A reader comes back for more, and meanwhile half of the VIPs go, that with the
# place where it stopped or that with the next: it sees those that stay once.
test_counters_are_read_in_pieces()
{
	local holder gone stays seen

	on_background "$server" sleep infinity
	holder=$!
	wait_until test "/proc/$holder/ns/net" -ef "/run/netns/$server"
	for gone in 1 2; do
		stays=$((3 - gone))
		rule -t "$table" -F
		rule -t "$table" -A PREROUTING -j DADDR --dscp-map "$(map_from $gone)"
		rule -t "$table" -A PREROUTING -j DADDR --dscp-map "$(map_from $stays)"
		exec 7<"/proc/$holder/net/xt_DADDR"
		dd bs=800 count=1 <&7 >"$lab_files/seen" 2>/dev/null
		rule -t "$table" -D PREROUTING 1
		wait_until counters_lack " $gone $near_vip "
		cat <&7 >>"$lab_files/seen"
		exec 7<&-
		seen=$(awk 'NR > 1 {print $3}' "$lab_files/seen")
		assert_equal "the VIPs that stay" \
			"$(awk -v "stays=$stays" '$1 % 2 == stays % 2' <<<"$seen")" "$(seq $stays 2 63)"
		assert_equal "all, in order" "$(sort -nu <<<"$seen")" "$seen"
		[ "$(wc -l <<<"$seen")" -lt 63 ] ||
			fail "those that went were all seen: it was read in one piece"
	done
}
scenario test_counters_are_read_in_pieces "ipv4 ipv6" "legacy nft" "raw"

# lb_port PROTOCOL PORT NEW: the load balancer also changes the port, as those
# do whose servers run a VIP's service on a port of its own
lb_port()
{
	local ip=ip

	[ "$family" = ipv4 ] || ip=ip6
	on "$lb" nft -f - <<TEXT
flush ruleset
table $ip l3dsr {
	chain prerouting {
		type filter hook prerouting priority raw
		$ip daddr $vip $1 dport $2 $1 dport set $3 $ip dscp set $lab_dscp $ip daddr set $rip
	}
}
TEXT
}

test_dport_tcp()
{
	lb_port tcp 80 8443
	mkdir "$lab_files/www"
	head -c 3000000 /dev/urandom >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	rule -t "$table" -A PREROUTING -p tcp --dport 8443 -m dscp --dscp "$lab_dscp" \
		-j DADDR --set-daddr "$vip" --set-dport 80
	assert_http "$client" "$vip" "$lab_files/www/file"
	assert_no_checksum_errors "$server" "$client"
}
scenario test_dport_tcp "ipv4 ipv6" "legacy nft" "raw mangle"

test_dport_udp()
{
	local size

	# nft adds the port to no checksum that is still to be computed.
	on "$client" ethtool -K eth0 tx off >/dev/null
	lb_port udp 7777 9999
	serve_udp_echo "$server" "$vip" 7777
	rule -t "$table" -A PREROUTING -p udp --dport 9999 -m dscp --dscp "$lab_dscp" \
		-j DADDR --set-daddr "$vip" --set-dport 7777
	for size in 1 2 511 1400; do
		head -c "$size" /dev/urandom >"$lab_files/sent"
		assert_udp_echo "$client" "$vip" 7777 "$lab_files/sent"
	done
	assert_no_checksum_errors "$server" "$client"
}
scenario test_dport_udp "ipv4 ipv6" "legacy nft" "raw"

test_map_is_refused()
{
	assert_refused 'DSCP 0' rule -t "$table" -A PREROUTING -j DADDR --dscp-map "0=$vip"
	assert_refused '7' rule -t "$table" -A PREROUTING -j DADDR --dscp-map "7=$vip,7=$near_vip"
	assert_refused '--set-dport' rule -t "$table" -A PREROUTING -j DADDR --set-daddr "$vip" --set-dport 80
	assert_lacks "rules" "$(rules_save -t "$table")" DADDR
}
scenario test_map_is_refused "ipv4 ipv6" "legacy nft" "raw"
