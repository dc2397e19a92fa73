# SPDX-License-Identifier: BSD-3-Clause
# A load balancer of free parts, complete: two directors with keepalived as
# dsrctl lb-config sets it up, two servers, two VIPs.
source "$(dirname "${BASH_SOURCE[0]}")/load_balancers.sh"

# The second director, on one segment with the first and the router, which
# sends the VIPs to an address that the directors pass to each other.
second_director_up()
{
	local shared4=198.18.0.10 shared6=2001:db8:b::10

	lb2=lb2-${lb#lb-}
	lab_namespaces+=("$lb2")
	ip -batch - <<-TEXT
		netns add $lb2
		link add eth0 netns $lb2 type veth peer name lb2 netns $router
	TEXT
	ip -n "$router" -batch - <<-TEXT
		link add segment type bridge
		addr flush dev lb
		link set lb master segment
		link set lb2 master segment
		link set lb up
		link set lb2 up
		link set segment up
		addr add 198.18.0.254/24 dev segment
		addr add 2001:db8:b::fe/64 dev segment nodad
	TEXT
	ip -n "$lb2" -batch - <<-TEXT
		link set lo up
		link set eth0 up
		addr add 198.18.0.2/24 dev eth0
		addr add 2001:db8:b::2/64 dev eth0 nodad
		route add default via 198.18.0.254
		route add default via 2001:db8:b::fe
	TEXT
	on "$lb2" bash -c '
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	case $family in
	ipv4) shared=$shared4/24 ;;
	ipv6) shared=$shared6/64 ;;
	esac
	ip -n "$router" route replace "$vip" via "${shared%/*}"
	ip -n "$router" route replace "$near_vip" via "${shared%/*}"
}

# director_up NAMESPACE PRIORITY: what an operator does, with the example of
# VRRP made the site's
director_up()
{
	local directory=/run/$1

	lb_config keepalived "${service[@]}" >"$lab_files/keepalived"
	on "$1" sh -e "$lab_files/keepalived" "$directory"
	sed -i -e 's/^#\(vrrp_instance\|\t\|}\)/\1/' \
		-e "s/priority 100/priority $2/" \
		-e "s|192.0.2.10/24|$shared|" "$directory/keepalived.conf"
	# IPv6 wants a link-local address before it
	[ "$family" = ipv4 ] ||
		sed -i "s|^\(\t*\)$shared|\1fe80::10/64\n&|" "$directory/keepalived.conf"
	# whatever ends it ends its processes, too
	on_background "$1" unshare --pid --fork --kill-child --mount-proc \
		keepalived -n -l -D -f "$directory/keepalived.conf" \
		-p "$directory/pid" -r "$directory/vrrp" -c "$directory/checkers" \
		>"$lab_files/$1.log" 2>&1
}

# has_server NAMESPACE ADDRESS COUNT: IPVS sends so many VIPs to it
has_server()
{
	[ "$(on "$1" ipvsadm -Sn | grep -c -- "-r \[\?$2\]\?:[07] ")" -eq "$3" ]
}

# What went wrong is in the directors' own words.
directors_say()
{
	tail -n 25 "$lab_files/$lb.log" "$lab_files/$lb2.log" >&2
	return 1
}

directors_up()
{
	local director number

	ln -sf /lab/tree/build/tools/dsrctl/dsrctl /usr/local/sbin/dsrctl
	site_up 2
	second_director_up
	server_ip 1 >"$lab_files/servers"
	server_ip 2 >>"$lab_files/servers"
	director_up "$lb" 150
	director_up "$lb2" 100
	for director in "$lb" "$lb2"; do
		for number in 1 2; do
			wait_until has_server "$director" "$(server_ip "$number")" 2 ||
				directors_say
		done
	done
	wait_until on "$client" ping -c 1 -W 1 "$vip" || true
	hold_connections
}

out_and_back_again()
{
	local director others

	directors_up
	connections open 40
	assert_equal "connections" "$said" 40
	assert_spread 40 1 2
	others=$(ports_at 1)

	# the server stays, its rules go
	dsrctl_of "${servers[2]}" -d "$conf" stop
	for director in "$lb" "$lb2"; do
		wait_until has_server "$director" "$(server_ip 2)" 0 || directors_say
	done
	# shellcheck disable=SC2086 # the words are ports
	assert_alive $others
	connections open 10
	assert_equal "new connections while one server is out" "$said" 10

	dsrctl_of "${servers[2]}" -d "$conf" start
	for director in "$lb" "$lb2"; do
		wait_until has_server "$director" "$(server_ip 2)" 2 || directors_say
	done
	# shellcheck disable=SC2086
	assert_alive $others
	lb_config keepalived --verify "$lab_files/keepalived" >&2
	{ on "$lb" ipvsadm -Sn; on "$lb" iptables-save; on "$lb" ip6tables-save; } |
		lb_config ipvs --verify - >&2
	assert_no_checksum_errors "$client" "$lb" "${servers[@]}"
}

test_keepalived_takes_a_server_out_and_back()
{
	service=(--service tcp/7)
	out_and_back_again
}
scenario test_keepalived_takes_a_server_out_and_back "ipv4 ipv6" "nft" "raw"

# All ports of a VIP, by a mark, and asked by ping.
test_keepalived_of_all_ports()
{
	service=()
	out_and_back_again
}
scenario test_keepalived_of_all_ports "ipv4 ipv6" "nft" "raw"

has_shared()
{
	ip -n "$1" address show dev eth0 | grep -qF " $shared "
}

test_keepalived_takes_over()
{
	service=(--service tcp/7)
	directors_up
	connections open 40
	assert_equal "connections" "$said" 40
	assert_spread 40 1 2
	capture_start "$lb2" two -i eth0 tcp port 7

	# no word of farewell
	ip -n "$lb" link set eth0 down
	wait_until has_shared "$lb2" || directors_say
	connections ask
	assert_equal "connections that answer" "$(wc -w <<<"$said")" 40
	capture_stop two 40 " > .*[.]7:"
	connections open 10
	assert_equal "new connections" "$said" 10
}
scenario test_keepalived_takes_over "ipv4 ipv6" "nft" "raw"
