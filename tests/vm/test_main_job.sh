# SPDX-License-Identifier: BSD-3-Clause
# The main job: what the load balancer marked reaches the service on its VIP,
# and the answer goes straight to the client.

# The two rules of a server: for the load balancer's mark, and the neighbour's.
add_rules()
{
	rule -t "$table" -A PREROUTING -m dscp --dscp "$lab_dscp" -j DADDR --set-daddr="$vip"
	rule -t "$table" -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr="$near_vip"
}

test_ping_is_answered_from_the_vip()
{
	add_rules
	capture_start "$server" server -i eth1 icmp or icmp6
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 31 # any ECN
	capture_stop server 6 " $near_vip > "
	assert_no_checksum_errors "$server" "$neighbour"
}
scenario test_ping_is_answered_from_the_vip "ipv4 ipv6" "legacy nft" "raw mangle"

test_other_packets_are_left_alone()
{
	add_rules
	assert_ping "$neighbour" "$near_rip" "$near_rip"
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 32
	assert_ping "$neighbour" "$near_vip" "$near_vip" -Q 28
}
scenario test_other_packets_are_left_alone "ipv4 ipv6" "legacy nft" "raw mangle"

test_client_is_served_past_the_load_balancer()
{
	mkdir "$lab_files/www"
	seq 60000 >"$lab_files/www/file"
	serve_http "$server" "$lab_files/www"
	add_rules
	capture_start "$lb" lb -i eth0 host "$vip" or host "$rip"
	capture_start "$server" server -i eth0 host "$vip" or host "$rip"

	assert_ping "$client" "$vip" "$vip"
	assert_http "$client" "$vip" "$lab_files/www/file"

	capture_stop lb 3 "$client_ip.*> $vip.*echo request"
	capture_stop server 3 "$client_ip.*> $rip.*echo request"
	assert_captured lb 0 " ($vip|$rip)[^ ]* > "
	assert_captured server 0 " ${rip}[^ ]* > $client_ip"
	assert_captured server 0 "^[^>]*(tos 0x0|^IP6 [(]flow)[^>]*${client_ip}[^ ]* > $rip"
	assert_no_checksum_errors "$server" "$client" "$lb"
}
scenario test_client_is_served_past_the_load_balancer "ipv4 ipv6" "legacy nft" "raw mangle"

test_datagrams_are_served()
{
	serve_udp_echo "$server" "$vip" 7777
	add_rules
	for size in 1 2 1472 ; do
		head -c $size /dev/urandom >"$lab_files/datagram"
		assert_udp_echo "$client" "$vip" 7777 "$lab_files/datagram"
	done
	assert_no_checksum_errors "$server" "$client" "$lb"
}
scenario test_datagrams_are_served "ipv4 ipv6" "legacy nft" "raw mangle"

# Later fragments carry payload where others have a checksum.
test_fragments_arrive_unharmed()
{
	serve_udp_echo "$server" "$vip" 7777
	add_rules
	assert_ping "$client" "$vip" "$vip" -s 4000
	head -c 9000 /dev/urandom >"$lab_files/datagram"
	assert_udp_echo "$client" "$vip" 7777 "$lab_files/datagram"
	assert_no_checksum_errors "$server" "$client" "$lb"
}
scenario test_fragments_arrive_unharmed "ipv4 ipv6" "legacy nft" "raw mangle"

# Rules that follow see the new address, the DSCP and the payload.
test_rules_continue_behind_the_target()
{
	add_rules
	rule -t "$table" -A PREROUTING -d "$near_vip" -m dscp --dscp 7 -j NFLOG \
		--nflog-group 5 --nflog-threshold 1
	capture_start "$server" after -i nflog:5
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	capture_stop after 3 "(tos|class) 0x1c.*> $near_vip:"
}
scenario test_rules_continue_behind_the_target "ipv4 ipv6" "legacy nft" "raw mangle"

# A packet of lo brings the route that it was sent with. Without it, the kernel
# takes the sender for a liar who uses this host's address: accept_local.
test_loopback_packets_are_routed_again()
{
	add_rules
	on "$server" sysctl -qw net.ipv4.conf.lo.accept_local=1
	assert_ping "$server" "$near_rip" "$near_vip" -Q 28
	on "$server" ip route add unreachable "$unused_ip"
	rule -t "$table" -I PREROUTING -m dscp --dscp 9 -j DADDR --set-daddr="$unused_ip"
	assert_no_answer "$server" "$near_rip" -Q 36
}
scenario test_loopback_packets_are_routed_again "ipv4 ipv6" "legacy nft" "raw mangle"
