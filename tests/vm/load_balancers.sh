# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scenarios of load balancers: a site with one, before servers in
# different networks, and connections of the client that stay.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# dsrctl_of NAMESPACE ARGUMENT...: starts by rules, as most scenarios do
dsrctl_of()
{
	local words=()

	[ "${*: -1}" != start ] || words=(--backend daddr)
	on "$1" env -i XTABLES_LIBDIR="$XTABLES_LIBDIR" \
		/lab/tree/build/tools/dsrctl/dsrctl "${words[@]}" "${@:2}"
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

# ports_at NUMBER: the client's, of its connections with a server; a director may be
# asking for the server's health meanwhile
ports_at()
{
	on "${servers[$1]}" ss -Htn state established \
		"sport = :7 and dst $(url_host "$client_ip")" |
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

