# SPDX-License-Identifier: BSD-3-Clause
# What README.md, and the pages of the modules and the replayer, tell people to type.
source "$(dirname "${BASH_SOURCE[0]}")/pages.sh"

test_page_readme_dscp_rewrite()
{
	server_with
	type_on "$server" README.md 'modules-load' '
		modprobe $(cat /etc/modules-load.d/*.conf)
		sysctl --load /etc/sysctl.d/*.conf'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
}
scenario test_page_readme_dscp_rewrite "ipv4" "legacy" "-"

test_page_readme_iptables()
{
	server_with 10.128.8.46 10.128.8.48
	type_on "$server" README.md 'dscp-map 7='
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 10.128.9.31 10.128.8.48 -Q 184
}
scenario test_page_readme_iptables "ipv4" "legacy nft" "-"

test_page_readme_dsrctl()
{
	server_with
	serve_http "$server" "$lab_files"
	type_on "$server" README.md 'shop.conf' 'dsrctl check; dsrctl doctor --sample 0'
	assert_contains "status" "$said" 'started 10\.128\.8\.46 .* up$'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 28
	assert_ping "$neighbour" 10.128.9.31 10.128.8.47 -Q 40
}
scenario test_page_readme_dsrctl "ipv4" "legacy nft" "-"

# What is sent to port 8443 with DSCP 7 is answered by port 443 of the VIP.
assert_port_changed()
{
	capture_start "$neighbour" answers -i eth0 tcp and src 10.128.8.46
	on_background "$neighbour" socat - TCP:10.128.9.31:8443,tos=28 </dev/null 2>/dev/null
	capture_stop answers 1 '10\.128\.8\.46\.443 >'
}

test_page_of_the_modules()
{
	server_with 10.128.8.46 10.128.8.49
	type_on "$server" kmod/README.md '^iptables -t raw -A PREROUTING -j DADDR'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	type_on "$server" kmod/README.md 'noflush'
	assert_equal "rules" "$(rule -t raw -S PREROUTING | grep -c DADDR)" 1
	assert_ping "$neighbour" 10.128.9.31 10.128.8.49 -Q 36
	type_on "$server" kmod/README.md 'set-dport'
	assert_port_changed
}
scenario test_page_of_the_modules "ipv4" "legacy nft" "-"

# as on the page: what is still in use a moment later
rmmod_waits='source /lab/tree/tools/lab/wait.sh
	rmmod() { wait_until command rmmod "$@"; }'

test_page_of_the_modules_exchange()
{
	server_with
	echo '10.128.8.46 = 7' >"$conf/vip.conf"
	dsrctl start
	before=$rmmod_waits type_on "$server" kmod/README.md '^dsrctl --backend nft reload'
	assert_contains "rules" "$(rule -t raw -S PREROUTING)" DADDR
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	before=$rmmod_waits type_on "$server" kmod/README.md '^rmmod xt_DADDR && modprobe'
	assert_contains "rules" "$(rule -t raw -S PREROUTING)" DADDR
	assert_lacks "tables" "$(on "$server" nft list tables)" stopgap
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
}
scenario test_page_of_the_modules_exchange "ipv4" "legacy" "-"

test_page_of_the_target()
{
	server_with 10.128.8.46 10.128.8.47 10.128.8.48
	type_on "$server" xtables/libxt_DADDR.man set-dport
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 10.128.9.31 10.128.8.47 -Q 32
	assert_ping "$neighbour" 10.128.9.31 10.128.8.48 -Q 184
	assert_port_changed
	rule -t raw -F
	type_on "$server" xtables/libxt_DADDR.man 'nft add table'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
}
scenario test_page_of_the_target "ipv4" "nft" "-"

test_page_of_dsrctl()
{
	server_with
	type_on "$server" tools/dsrctl/README.md 'shop.conf'
	assert_contains "metrics" "$said" '^dsrctl_vip_packets_total.*10\.128\.8\.47'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.48 -Q 76
}
scenario test_page_of_dsrctl "ipv4" "legacy" "-"

test_page_dscp_rewrite()
{
	server_with
	type_on "$server" kmod/dscp_rewrite.4 '^modprobe'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	on "$server" sysctl -q net.ipv4.dscp_rewrite.7=
	block kmod/dscp_rewrite.4 '^net.ipv6.dscp_rewrite.7 =' >"$lab_files/values"
	on "$server" sysctl --load "$lab_files/values"
	ip -n "$server" address add 2001:db8::46/128 dev lo nodad
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 28
}
scenario test_page_dscp_rewrite "ipv4" "legacy" "-"

test_page_of_the_replayer()
{
	server_with 10.128.8.46
	modprobe dscp_rewrite
	on "$server" sysctl -q net.ipv4.dscp_rewrite.7=10.128.8.46
	capture_start "$server" in -i eth1 icmp
	on "$neighbour" ping -q -c 10 -i 0.01 -Q 28 10.128.9.31
	capture_stop in 10 'echo reply'
	on_background "$client" ping -q -i 0.01 74.80.1.1 >/dev/null
	type_on "$server" tools/replay/daddr-replay.1 'set-daddr'
	assert_contains "by an option" "$(printed_by 'replay --dscp 7')" '^rewritten +20 '
	assert_contains "a map" "$(printed_by 'replay --dscp-map')" '^rewritten +20 '
	assert_contains "by the host's values" "$(printed_by '--rules values')" '^rewritten +20 '
	assert_contains "an explanation" "$(printed_by --explain)" '^packet 12: 98 bytes'
	assert_contains "what is captured" "$said" '100 packets captured'
}
scenario test_page_of_the_replayer "ipv4" "legacy nft" "-"
