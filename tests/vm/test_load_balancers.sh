# SPDX-License-Identifier: BSD-3-Clause
# Load balancers as others have them: IPVS, and nft with consistent hashing, as
# dsrctl lb-config sets them up, before servers in different networks.
source "$(dirname "${BASH_SOURCE[0]}")/load_balancers.sh"

out_and_back()
{
	local others gone before

	site_up 3
	check_servers
	balance_"$balancer"
	hold_connections
	connections open 60
	assert_equal "connections" "$said" 60
	assert_spread 60 1 2 3
	others="$(ports_at 1) $(ports_at 3)"
	gone=$(ports_at 2)
	# shellcheck disable=SC2086 # the words are ports
	assert_alive $others $gone

	# taken out: those of others stay, and new ones get to others
	dsrctl_of "${servers[2]}" -d "$conf" stop
	check_servers
	assert_equal "servers that are out" \
		"$(grep 'weight 0' "$lab_files/servers")" \
		"$(server_ip 2) weight 0"
	balance_"$balancer"
	# shellcheck disable=SC2086
	assert_alive $others
	connections open 20
	assert_equal "new connections while one server is out" "$said" 20
	before=$(ports_at 2)

	# put back: it gets new ones again
	dsrctl_of "${servers[2]}" -d "$conf" start
	check_servers
	assert_lacks "servers that are out" "$(cat "$lab_files/servers")" 'weight 0'
	balance_"$balancer"
	# shellcheck disable=SC2086
	assert_alive $others
	# IPVS knows whose a connection is; nft sees the client's port only
	[ "$balancer" = nft ] ||
		assert_equal "connections that answer" "$(wc -w <<<"$said")" \
			$(($(wc -w <<<"$others") + 20))
	connections open 60
	assert_equal "new connections" "$said" 60
	[ "$(ports_at 2 | wc -w)" -gt "$(wc -w <<<"$before")" ] ||
		fail "server 2 gets nothing new"
	assert_no_checksum_errors "$client" "$lb" "${servers[@]}"
}

test_nft_takes_a_server_out_and_back()
{
	balancer=nft
	out_and_back
}
scenario test_nft_takes_a_server_out_and_back "ipv4 ipv6" "nft" "raw"

test_ipvs_takes_a_server_out_and_back()
{
	balancer=ipvs
	out_and_back
}
scenario test_ipvs_takes_a_server_out_and_back "ipv4 ipv6" "nft" "raw"

# A reason for L3DSR: servers of a VIP need not share a segment, and answers do
# not pass the load balancer.
test_one_vip_in_two_networks()
{
	site_up 2
	check_servers
	balance_nft
	capture_start "$lb" lb -i eth0 tcp port 7
	hold_connections
	connections open 40
	assert_equal "connections" "$said" 40
	assert_spread 40 1 2
	# shellcheck disable=SC2046 # the words are ports
	assert_alive $(ports_at 1) $(ports_at 2)
	capture_stop lb 40 " > $vip"
	assert_captured lb 0 " ${vip}[^ ]* > "
}
scenario test_one_vip_in_two_networks "ipv4 ipv6" "nft" "raw"

# Another: more than one service on a server, each with its VIP.
test_two_vips_on_one_server()
{
	local address

	site_up 1
	check_servers
	balance_nft
	for address in "$vip" "$near_vip"; do
		mkdir "$lab_files/$address"
		echo "The service of $address." >"$lab_files/$address/service"
		on_background "$server" busybox httpd -f \
			-p "$(url_host "$address"):80" -h "$lab_files/$address"
	done
	for address in "$vip" "$near_vip"; do
		wait_until on "$client" curl -s "http://$(url_host "$address")/service"
		assert_http "$client" "$address" "$lab_files/$address/service"
	done
}
scenario test_two_vips_on_one_server "ipv4 ipv6" "nft" "raw"

# small_path: what the router has for the client is too long for the path, and
# the router says so to the VIP
small_path()
{
	local number

	ip -n "$router" link set client mtu 1280
	# it is also the next router to the servers, and would take what it says
	# itself, and gets back from the load balancer, for forged
	on "$router" sysctl -qw net.ipv4.conf.all.accept_local=1
	mkdir "$lab_files/www"
	head -c 60000 /dev/urandom >"$lab_files/www/file"
	for number in "${!servers[@]}"; do
		serve_http "${servers[number]}" "$lab_files/www"
	done
}

# fetch SECONDS: over a connection of its own, by a server that knows nothing of
# the path
fetch()
{
	local number

	for number in "${!servers[@]}"; do
		ip -n "${servers[number]}" route flush cache
		ip -n "${servers[number]}" -6 route flush cache
	done
	assert_equal "the file, over a path of 1280 bytes" \
		"$(on "$client" curl -s --max-time "$1" \
			"http://$(url_host "$vip")/file" | cksum)" \
		"$(cksum <"$lab_files/www/file")"
}

# The error reaches the server that has the connection, whichever it is.
nft_path_mtu()
{
	local i

	site_up 2
	check_servers
	lb_config nft "${service[@]}" | on "$lb" nft -f -
	small_path
	capture_start "$server" one -i eth0 'icmp or icmp6'
	capture_start "${servers[2]}" two -i eth0 'icmp or icmp6'
	for ((i = 0; i < 12; i++)); do
		fetch 10
	done
	capture_stop one 1 'need to frag|too big'
	capture_stop two 1 'need to frag|too big'
}

test_nft_path_mtu_all()
{
	service=()
	nft_path_mtu
}
scenario test_nft_path_mtu_all "ipv4 ipv6" "nft" "raw"

test_nft_path_mtu_services()
{
	service=(--service tcp/7 --service tcp/80)
	nft_path_mtu
}
scenario test_nft_path_mtu_services "ipv4 ipv6" "nft" "raw"

# IPVS sends the error to the right server, and puts the server's own address in
# the quoted packet, of which the server has no connection. It has to find out.
test_ipvs_path_mtu()
{
	local number

	site_up 2
	check_servers
	for number in "${!servers[@]}"; do
		on "${servers[number]}" sysctl -qw net.ipv4.tcp_mtu_probing=1
	done
	on "$lb" ip address add "$vip" dev lo
	on "$lb" ip address add "$near_vip" dev lo
	lb_config ipvs --service tcp/80 | on "$lb" sh -e
	small_path
	for ((number = 0; number < 3; number++)); do
		fetch 60
	done
}
scenario test_ipvs_path_mtu "ipv4 ipv6" "nft" "raw"
