# SPDX-License-Identifier: BSD-3-Clause
# Load balancers as others have them: IPVS, and nft with consistent hashing, as
# dsrctl lb-config sets them up, before servers in different networks.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# dsrctl_of NAMESPACE ARGUMENT...
dsrctl_of()
{
	on "$1" env -i XTABLES_LIBDIR="$XTABLES_LIBDIR" \
		/lab/tree/build/tools/dsrctl/dsrctl "${@:2}"
}

# lb_config VENDOR [ARGUMENT]...
lb_config()
{
	dsrctl_of "$lb" lb-config -d "$conf" --servers "$lab_files/servers" \
		--vendor "$@"
}

# site_up COUNT: so many servers with both VIPs of the family, and a load
# balancer that has no rules yet
site_up()
{
	local number

	dsrctl_up <<-TEXT
		$vip = $lab_dscp
		$near_vip = 7
	TEXT
	on "$lb" nft flush ruleset
	on "$router" ip route add "$near_vip" via "$lb_ip"
	servers=([1]="$server")
	for ((number = 2; number <= $1; number++)); do
		lab_add_server "$number"
	done
	for number in "${!servers[@]}"; do
		dsrctl_of "${servers[number]}" -d "$conf" start
		on_background "${servers[number]}" \
			/lab/tree/build/tests/vm/connections serve 7
		wait_until lab_listens "${servers[number]}" t 7
	done
}

# The site's health check: servers that do not answer get nothing new.
check_servers()
{
	local number ip weight

	for number in "${!servers[@]}"; do
		ip=$(server_ip "$number") weight=1
		dsrctl_of "$lb" probe --real "$ip" --vip "$vip" \
			--dscp "$lab_dscp" --tcp 7 >&2 || weight=0
		echo "$ip weight $weight"
	done >"$lab_files/servers"
}

# $balancer is nft or ipvs.
balance_nft()
{
	lb_config nft | on "$lb" nft -f -
}

# The VIPs are the load balancer's own.
balance_ipvs()
{
	if ! on "$lb" ipvsadm -Ln | grep -q TCP; then
		on "$lb" ip address add "$vip" dev lo
		on "$lb" ip address add "$near_vip" dev lo
		lb_config ipvs --service tcp/7 | on "$lb" sh -e
	else
		lb_config ipvs --service tcp/7 | sed -n 's/^-a /-e /p' |
			on "$lb" ipvsadm -R
	fi
}

# Connections of the client that stay, to port 7 of the VIP.
hold_connections()
{
	mkfifo "$lab_files/commands"
	exec {commands}<>"$lab_files/commands"
	# the shell gives the standard input of what it runs in the background away
	on_background "$client" bash -c "exec /lab/tree/build/tests/vm/connections \
		$vip 7 <'$lab_files/commands'" >"$lab_files/answers"
	answers=0
}

has_answers()
{
	[ "$(wc -l <"$lab_files/answers")" -eq "$answers" ]
}

# connections COMMAND...: the answer is in $said
connections()
{
	echo "$*" >&"$commands"
	answers=$((answers + 1))
	wait_until has_answers
	said=$(tail -n 1 "$lab_files/answers")
}

# ports_at NUMBER: the client's, of its connections with a server
ports_at()
{
	on "${servers[$1]}" ss -Htn state established "sport = :7" |
		awk '{sub(/.*:/, "", $4); print $4}' | sort -n | xargs
}

# assert_alive PORT...: these connections answer
assert_alive()
{
	local port

	connections ask
	for port; do
		[[ " $said" == *" $port "* ]] ||
			fail "the connection from port $port is broken; found $said"
	done
}

# assert_spread COUNT [NUMBER]...: so many connections, each server some of them
assert_spread()
{
	local number sum=0 count

	for number in "${@:2}"; do
		count=$(ports_at "$number" | wc -w)
		[ "$count" -ge 5 ] ||
			fail "server $number has $count connections of $1"
		sum=$((sum + count))
	done
	assert_equal "connections with servers ${*:2}" "$sum" "$1"
}

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
