# SPDX-License-Identifier: BSD-3-Clause
# What dsrctl lb-config writes for nft and IPVS, in the real programs: clients
# reach the server through it, and what the kernel says that it has agrees.

lb_config()
{
	/lab/tree/build/tools/dsrctl/dsrctl lb-config -d "$lab_files/dsr.d" \
		--servers "$lab_files/servers" "$@"
}

# The lab's load balancer without its own rules, and a configuration for both
# families: one server, and one that is being repaired.
lb_up()
{
	on "$lb" nft flush ruleset
	rule -t raw -A PREROUTING -m dscp --dscp "$lab_dscp" -j DADDR --set-daddr "$vip"
	mkdir "$lab_files/dsr.d" "$lab_files/www"
	head -c 100000 /dev/urandom >"$lab_files/www/file"
	cat >"$lab_files/dsr.d/vip.conf" <<-TEXT
		198.18.0.250 = $lab_dscp
		2001:db8:f::250 = $lab_dscp
	TEXT
	cat >"$lab_files/servers" <<-TEXT
		74.80.1.1
		74.80.1.2 weight 0
		2001:db8:5::1
		2001:db8:5::2 weight 0
	TEXT
	serve_http "$server" "$lab_files/www"
	serve_udp_echo "$server" "$vip" 7
	capture_start "$server" in -i eth0 dst host "$rip"
}

# assert_served: over TCP and UDP, marked, and the answers are the VIP's
assert_served()
{
	local tos

	head -c 1000 /dev/urandom >"$lab_files/datagram"
	assert_http "$client" "$vip" "$lab_files/www/file"
	assert_udp_echo "$client" "$vip" 7 "$lab_files/datagram"
	capture_stop in 5 "$client_ip"
	tos=$(printf 'tos 0x%x,|class 0x%x,' $((lab_dscp << 2)) $((lab_dscp << 2)))
	assert_equal "packets to the server that are not marked" \
		"$(capture_text in | grep -cvE "$tos" || true)" 0
	assert_no_checksum_errors "$client" "$server"
}

# assert_agrees VENDOR FILE: what the kernel has; and not when it is changed
assert_agrees()
{
	local said

	said=$(lb_config --vendor "$1" --verify "$2") || fail "$said"
	assert_equal "the comparison" "$said" "All 2 VIPs agree."
	echo "$unused_ip = 9" >>"$lab_files/dsr.d/vip.conf"
	assert_refused "vip.conf:3: found $unused_ip = 9, expected it in" \
		lb_config --vendor "$1" --verify "$2"
	sed -i "s/ = $lab_dscp/ = 5/; /= 9/d" "$lab_files/dsr.d/vip.conf"
	assert_refused "found DSCP $lab_dscp .* for $vip, expected DSCP 5 .* as in" \
		lb_config --vendor "$1" --verify "$2"
}

test_lb_config_nft()
{
	lb_up
	lb_config --vendor nft >"$lab_files/nft"
	on "$lb" nft -f "$lab_files/nft"
	on "$lb" nft -f "$lab_files/nft" # takes the place of the first
	assert_ping "$client" "$vip" "$vip"
	assert_served
	on "$lb" nft list ruleset >"$lab_files/ruleset"
	assert_agrees nft "$lab_files/ruleset"
}
scenario test_lb_config_nft "ipv4 ipv6" "nft" "-"

test_lb_config_nft_services()
{
	lb_up
	lb_config --vendor nft --service tcp/80 --service udp/7 >"$lab_files/nft"
	on "$lb" nft -f "$lab_files/nft"
	assert_served
	on "$lb" nft list ruleset >"$lab_files/ruleset"
	assert_agrees nft "$lab_files/ruleset"
}
scenario test_lb_config_nft_services "ipv4" "nft" "-"

# ipvs_saved: all that the load balancer has
ipvs_saved()
{
	on "$lb" ipvsadm -Sn
	on "$lb" iptables-save
	on "$lb" ip6tables-save
}

ipvs_test()
{
	lb_up
	ip -n "$lb" address add 198.18.0.250/32 dev lo
	ip -n "$lb" address add 2001:db8:f::250/128 dev lo nodad
	lb_config --vendor ipvs "$@" >"$lab_files/ipvs"
	on "$lb" sh "$lab_files/ipvs"
	assert_served
	ipvs_saved >"$lab_files/saved"
	assert_agrees ipvs "$lab_files/saved"
}

test_lb_config_ipvs()
{
	ipvs_test
}
scenario test_lb_config_ipvs "ipv4 ipv6" "nft" "-"

test_lb_config_ipvs_services()
{
	ipvs_test --service tcp/80 --service udp/7
}
scenario test_lb_config_ipvs_services "ipv4" "nft" "-"
