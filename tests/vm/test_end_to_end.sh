# SPDX-License-Identifier: BSD-3-Clause
# Real senders and receivers, in the circumstances that real networks have:
# what is received is compared with what was sent.

add_rule()
{
	rule -t "$table" -A PREROUTING -m dscp --dscp "$lab_dscp" -j DADDR --set-daddr="$vip"
}

# offload on|off: of all links of the lab, both ends
offload()
{
	local name device

	for name in "${lab_namespaces[@]}"; do
		for device in $(on "$name" ls /proc/sys/net/ipv4/conf); do
			case $device in
			all|default|lo) ;;
			*) on "$name" ethtool -K "$device" rx "$1" tx "$1" \
				tso "$1" gso "$1" gro "$1" >/dev/null 2>&1 ;;
			esac
		done
	done
}

tcp_address()
{
	[ "$family" = ipv4 ] && echo "TCP4:$1:$2" || echo "TCP6:[$1]:$2"
}

tcp_listen()
{
	[ "$family" = ipv4 ] && echo "TCP4-LISTEN:$1" || echo "TCP6-LISTEN:$1"
}

# bulk_upload SIZE and bulk_download SIZE: by TCP, client and VIP
bulk_upload()
{
	head -c "$1" /dev/urandom >"$lab_files/sent"
	on_background "$server" socat -T 60 -u "$(tcp_listen 9000)" "CREATE:$lab_files/received"
	local receiver=$!
	wait_until lab_listens "$server" t 9000
	on "$client" socat -T 60 -u "FILE:$lab_files/sent" "$(tcp_address "$vip" 9000)"
	wait "$receiver"
	cmp "$lab_files/sent" "$lab_files/received" || fail "upload differs"
}

bulk_download()
{
	head -c "$1" /dev/urandom >"$lab_files/sent"
	on_background "$server" socat -T 60 -u "FILE:$lab_files/sent" "$(tcp_listen 9001)"
	wait_until lab_listens "$server" t 9001
	on "$client" socat -T 60 -u "$(tcp_address "$vip" 9001)" "CREATE:$lab_files/received"
	cmp "$lab_files/sent" "$lab_files/received" || fail "download differs"
}

test_tcp_bulk()
{
	add_rule
	bulk_upload 20000000
	bulk_download 20000000
	assert_no_checksum_errors "$server" "$client" "$router" "$lb"
}
scenario test_tcp_bulk "ipv4 ipv6" "legacy nft" "raw mangle"

test_tcp_bulk_without_offload()
{
	offload off
	add_rule
	bulk_upload 3000000
	bulk_download 3000000
	assert_no_checksum_errors "$server" "$client" "$router" "$lb"
}
scenario test_tcp_bulk_without_offload "ipv4 ipv6" "legacy nft" "raw"

# Selective acknowledgments and retransmissions, with time stamps. Without
# offload: of a few super-packets, none may be lost.
test_tcp_with_losses()
{
	offload off
	add_rule
	on "$router" tc qdisc add dev server root netem loss 3%
	on "$router" tc qdisc add dev client root netem loss 3%
	bulk_upload 1000000
	bulk_download 1000000
	assert_contains "retransmissions" "$(on "$client" nstat -as)" TcpRetransSegs
	assert_no_checksum_errors "$server" "$client"
}
scenario test_tcp_with_losses "ipv4 ipv6" "legacy" "raw"

# From one byte to the largest. Without offload: nobody verifies a checksum
# that was never computed.
test_udp_of_all_sizes()
{
	local size

	offload off
	serve_udp_echo "$server" "$vip" 7777
	add_rule
	for size in 1 2 3 511 1400 1473 3000 20001 60000; do
		head -c $size /dev/urandom >"$lab_files/datagram"
		assert_udp_echo "$client" "$vip" 7777 "$lab_files/datagram"
	done
	assert_no_checksum_errors "$server" "$client" "$lb"
}
scenario test_udp_of_all_sizes "ipv4 ipv6" "legacy nft" "raw mangle"

test_large_pings()
{
	add_rule
	assert_ping "$client" "$vip" "$vip" -s 1472
	assert_ping "$client" "$vip" "$vip" -s 20001
	assert_ping "$client" "$vip" "$vip" -s 60000
	assert_no_checksum_errors "$server" "$client"
}
scenario test_large_pings "ipv4 ipv6" "legacy nft" "raw mangle"

# A narrow link before the client. What the router says of it goes to the VIP,
# so to the load balancer and, marked, to the server: whose socket must hear it.
test_path_mtu_is_learned()
{
	add_rule
	on "$router" ip link set client mtu 1300
	# Here, the same router says it and sees it come back from the load
	# balancer: with its own address as the source.
	on "$router" sysctl -qw net.ipv4.conf.lb.accept_local=1
	bulk_download 300000
	assert_contains "path MTU at the server" \
		"$(on "$server" ip route get "$client_ip" from "$vip")" 'mtu 1300'
}
scenario test_path_mtu_is_learned "ipv4 ipv6" "legacy nft" "raw mangle"

# What the router says to a connection that nobody waits for any more.
test_port_unreachable_reaches_the_client()
{
	add_rule
	assert_contains "answer of a closed port" \
		"$(on "$client" curl -sS --max-time 5 "http://$(url_host "$vip"):81/" 2>&1)" \
		'Connection refused|Couldn.t connect|Could not connect'
}
scenario test_port_unreachable_reaches_the_client "ipv4 ipv6" "legacy" "raw"

test_hop_by_hop_header()
{
	serve_udp_echo "$server" "$near_vip" 7777
	rule -t "$table" -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr="$near_vip"
	capture_start "$server" server -i eth1 udp or ip6 proto 0
	# A router alert of no known meaning; marked, to the server's address.
	on "$neighbour" /usr/bin/python3 - "$near_rip" "$near_vip" <<'PYTHON'
import socket
import sys
rip, vip = sys.argv[1:]
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(10)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 28)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS,
	     bytes([0, 0, 5, 2, 0xff, 0xf0, 1, 0]))
s.sendto(b"alert", (rip, 7777))
data, sender = s.recvfrom(100)
assert (data, sender[0]) == (b"alert", vip), (data, sender)
PYTHON
	capture_stop server
	assert_captured server 1 "class 0x1c.*HBH"
	assert_no_checksum_errors "$server"
}
scenario test_hop_by_hop_header "ipv6" "legacy nft" "raw mangle"

test_vlan()
{
	local device

	for device in "$server eth1" "$neighbour eth0"; do
		read -r name device <<<"$device"
		on "$name" ip link add link "$device" name tagged type vlan id 7
		on "$name" ip link set tagged up
	done
	if [ "$family" = ipv4 ]; then
		on "$server" ip addr add 10.128.7.31/24 dev tagged
		on "$neighbour" ip addr add 10.128.7.1/24 dev tagged
		tagged_rip=10.128.7.31
	else
		on "$server" ip addr add 2001:db8:7::31/64 dev tagged nodad
		on "$neighbour" ip addr add 2001:db8:7::1/64 dev tagged nodad
		tagged_rip=2001:db8:7::31
	fi
	rule -t "$table" -A PREROUTING -i tagged -m dscp --dscp 7 -j DADDR --set-daddr="$near_vip"
	assert_ping "$neighbour" "$tagged_rip" "$near_vip" -Q 28 -s 3000
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 28
	assert_no_checksum_errors "$server" "$neighbour"
}
scenario test_vlan "ipv4 ipv6" "legacy nft" "raw mangle"

# INPUT: the routing decision was for the server's own address, the delivery
# is to the VIP.
test_rule_in_input()
{
	mkdir "$lab_files/www"
	seq 1000 >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	rule -t mangle -A INPUT -m dscp --dscp 7 -j DADDR --set-daddr="$near_vip"
	rule -t mangle -A INPUT -m dscp --dscp "$lab_dscp" -j DADDR --set-daddr="$vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_http "$client" "$vip" "$lab_files/www/file"
	bulk_upload 1000000
	assert_no_checksum_errors "$server" "$client"
}
scenario test_rule_in_input "ipv4 ipv6" "legacy nft" "-"

# OUTPUT: a host is its own load balancer, with two rules.
test_rule_in_output()
{
	mkdir "$lab_files/www"
	seq 30000 >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	rule -t raw -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr="$near_vip"
	on "$neighbour" "$ipt-$variant" -t mangle -A OUTPUT -d "$near_vip" -j DSCP --set-dscp 7
	on "$neighbour" "$ipt-$variant" -t mangle -A OUTPUT -d "$near_vip" -j DADDR --set-daddr "$near_rip"
	assert_http "$neighbour" "$near_vip" "$lab_files/www/file"
	assert_ping "$neighbour" "$near_vip" "$near_vip" -s 3000
	serve_udp_echo "$server" "$near_vip" 7777
	head -c 5000 /dev/urandom >"$lab_files/datagram"
	assert_udp_echo "$neighbour" "$near_vip" 7777 "$lab_files/datagram"
	assert_no_checksum_errors "$server" "$neighbour"
}
scenario test_rule_in_output "ipv4 ipv6" "legacy nft" "-"

# In raw, connection tracking sees the VIP both ways: nothing is INVALID.
test_connection_tracking_sees_the_vip()
{
	rule -t filter -A OUTPUT -m conntrack --ctstate INVALID -j DROP
	rule -t filter -A INPUT -m conntrack --ctstate INVALID -j DROP
	rule -t raw -A PREROUTING -m dscp --dscp "$lab_dscp" -j DADDR --set-daddr="$vip"
	bulk_upload 1000000
	bulk_download 1000000
	assert_ping "$client" "$vip" "$vip" -s 4000
	assert_no_checksum_errors "$server" "$client"
}
scenario test_connection_tracking_sees_the_vip "ipv4 ipv6" "legacy nft" "-"
