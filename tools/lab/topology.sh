# SPDX-License-Identifier: BSD-3-Clause
# Sourced in the lab: the network of an L3DSR site, in network namespaces.
#
#      client ---------- router ---------- lb
#   144.100.10.1            |           198.18.0.1
#   2001:db8:c::1           |           2001:db8:b::1
#                           |           sets DSCP 4 and the server's address
#                           |           on what is sent to the VIP
#                           |
#                         server ---------- neighbour
#                eth0 74.80.1.1             10.128.9.1
#                     2001:db8:5::1         2001:db8:9::1
#                eth1 10.128.9.31
#                     2001:db8:9::31
#                lo   VIP for DSCP 4: 198.18.0.250, 2001:db8:f::250
#                     VIP for DSCP 7: 10.128.8.46,  2001:db8::46
#
# Each lab has names of its own, in $client, $router, $lb, $server and
# $neighbour: any number can exist side by side.
source "$(dirname "${BASH_SOURCE[0]}")/wait.sh"

# lab_picture: the drawing above
lab_picture()
{
	sed -n '/^# *client ---/,/ DSCP 7:/s/^# //p' /lab/tree/tools/lab/topology.sh
}

# Sets $program to the path of a command: busybox would run its own of that name.
declare -A programs
find_program()
{
	program=${programs[$1]:-}
	if [ -z "$program" ]; then
		program=$(type -P "$1") || program=$1
		programs[$1]=$program
	fi
}

# on NAMESPACE COMMAND... (busybox is linked statically: it starts five times
# as fast as other programs do in this machine)
on()
{
	local program

	find_program "$2"
	busybox nsenter --net="/run/netns/$1" -- "$program" "${@:3}"
}

# on_background NAMESPACE COMMAND...: runs until lab_down, or $! is killed
on_background()
{
	local program

	find_program "$2"
	# not by on(), whose shell would be $!, and ignore an interrupt
	busybox nsenter --net="/run/netns/$1" -- "$program" "${@:3}" &
	lab_pids+=($!)
}

# The addresses of one family, for commands that are the same for both.
#
# $client_ip $lb_ip $rip $vip		the path through the load balancer
# $near_ip $near_rip $near_vip		the path from the neighbour
# $unused_ip				an address that nobody has
# $ipt					iptables or ip6tables
use_family()
{
	family=$1
	case $1 in
	ipv4)
		client_ip=144.100.10.1 lb_ip=198.18.0.1
		rip=74.80.1.1 vip=198.18.0.250
		near_ip=10.128.9.1 near_rip=10.128.9.31 near_vip=10.128.8.46
		unused_ip=10.128.8.99
		ipt=iptables ;;
	ipv6)
		client_ip=2001:db8:c::1 lb_ip=2001:db8:b::1
		rip=2001:db8:5::1 vip=2001:db8:f::250
		near_ip=2001:db8:9::1 near_rip=2001:db8:9::31
		near_vip=2001:db8::46
		unused_ip=2001:db8::99
		ipt=ip6tables ;;
	*)
		echo "use_family: found \"$1\", expected ipv4 or ipv6" >&2
		return 1 ;;
	esac
}

# The DSCP that the load balancer marks $vip with; the neighbour uses 7.
lab_dscp=4

lab_up()
{
	local id=$RANDOM$RANDOM name

	client=client-$id router=router-$id lb=lb-$id
	server=server-$id neighbour=neighbour-$id
	lab_namespaces=("$client" "$router" "$lb" "$server" "$neighbour")
	servers=()
	lab_pids=()
	lab_files=$(mktemp -d)

	ip -batch - <<TEXT || return
netns add $client
netns add $router
netns add $lb
netns add $server
netns add $neighbour
link add eth0 netns $client type veth peer name client netns $router
link add eth0 netns $lb type veth peer name lb netns $router
link add eth0 netns $server type veth peer name server netns $router
link add eth0 netns $neighbour type veth peer name eth1 netns $server
TEXT
	for name in "$router" "$lb"; do
		on "$name" bash -c '
			echo 1 >/proc/sys/net/ipv4/ip_forward
			echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	done
	ip -n "$client" -batch - <<TEXT || return
link set lo up
link set eth0 up
addr add 144.100.10.1/24 dev eth0
addr add 2001:db8:c::1/64 dev eth0 nodad
route add default via 144.100.10.254
route add default via 2001:db8:c::fe
TEXT
	ip -n "$router" -batch - <<TEXT || return
link set lo up
link set client up
link set lb up
link set server up
addr add 144.100.10.254/24 dev client
addr add 2001:db8:c::fe/64 dev client nodad
addr add 198.18.0.254/24 dev lb
addr add 2001:db8:b::fe/64 dev lb nodad
addr add 74.80.1.254/24 dev server
addr add 2001:db8:5::fe/64 dev server nodad
route add 198.18.0.250/32 via 198.18.0.1
route add 2001:db8:f::250/128 via 2001:db8:b::1
TEXT
	ip -n "$lb" -batch - <<TEXT || return
link set lo up
link set eth0 up
addr add 198.18.0.1/24 dev eth0
addr add 2001:db8:b::1/64 dev eth0 nodad
route add default via 198.18.0.254
route add default via 2001:db8:b::fe
TEXT
	ip -n "$server" -batch - <<TEXT || return
link set lo up
link set eth0 up
link set eth1 up
addr add 74.80.1.1/24 dev eth0
addr add 2001:db8:5::1/64 dev eth0 nodad
addr add 10.128.9.31/24 dev eth1
addr add 2001:db8:9::31/64 dev eth1 nodad
route add default via 74.80.1.254
route add default via 2001:db8:5::fe
addr add 198.18.0.250/32 dev lo
addr add 10.128.8.46/32 dev lo
addr add 2001:db8:f::250/128 dev lo nodad
addr add 2001:db8::46/128 dev lo nodad
TEXT
	ip -n "$neighbour" -batch - <<TEXT || return
link set lo up
link set eth0 up
addr add 10.128.9.1/24 dev eth0
addr add 2001:db8:9::1/64 dev eth0 nodad
route add default via 10.128.9.31
route add default via 2001:db8:9::31
TEXT
	on "$lb" nft -f - <<TEXT
table ip l3dsr {
	chain prerouting {
		type filter hook prerouting priority raw
		ip daddr 198.18.0.250 ip dscp set $lab_dscp ip daddr set 74.80.1.1
	}
}
table ip6 l3dsr {
	chain prerouting {
		type filter hook prerouting priority raw
		ip6 daddr 2001:db8:f::250 ip6 dscp set $lab_dscp ip6 daddr set 2001:db8:5::1
	}
}
TEXT
}

# The VIPs of the drawing as dsrctl reads them, on this machine's disk in memory.
lab_configuration()
{
	mkdir -p /etc/dsr.d
	cat >/etc/dsr.d/lab.conf <<TEXT
198.18.0.250 = $lab_dscp
10.128.8.46 = 7
2001:db8:f::250 = $lab_dscp
2001:db8::46 = 7
TEXT
}

# Checksums are in the packets, not left to hardware: a capture shows them right.
lab_without_offload()
{
	local name device

	for name in "${lab_namespaces[@]}"; do
		for device in $(ip -n "$name" -brief link show type veth | cut -d @ -f 1); do
			on "$name" ethtool -K "$device" tx off >/dev/null
		done
	done
}

# server_ip N: the address of server N that the load balancer sends to
server_ip()
{
	case $family-$1 in
	*-1) echo "$rip" ;;
	ipv4-*) echo "74.80.$1.1" ;;
	ipv6-*) echo "2001:db8:5:$1::1" ;;
	esac
}

# lab_add_server N: another server with the same VIPs, behind the router in a
# network of its own; its namespace is in ${servers[N]}, and server 1 is $server
lab_add_server()
{
	local id=$1 name=server$1-${server#server-}

	servers[1]=$server
	servers[id]=$name
	lab_namespaces+=("$name")
	ip -batch - <<TEXT || return
netns add $name
link add eth0 netns $name type veth peer name server$id netns $router
TEXT
	ip -n "$router" -batch - <<TEXT || return
link set server$id up
addr add 74.80.$id.254/24 dev server$id
addr add 2001:db8:5:$id::fe/64 dev server$id nodad
TEXT
	ip -n "$name" -batch - <<TEXT
link set lo up
link set eth0 up
addr add 74.80.$id.1/24 dev eth0
addr add 2001:db8:5:$id::1/64 dev eth0 nodad
route add default via 74.80.$id.254
route add default via 2001:db8:5:$id::fe
addr add 198.18.0.250/32 dev lo
addr add 10.128.8.46/32 dev lo
addr add 2001:db8:f::250/128 dev lo nodad
addr add 2001:db8::46/128 dev lo nodad
TEXT
}

# Ends what was started in the namespaces, and removes them.
lab_down()
{
	if [ ${#lab_pids[@]} -gt 0 ]; then
		kill -9 "${lab_pids[@]}"
		wait "${lab_pids[@]}"
	fi 2>/dev/null
	[ ${#lab_namespaces[@]} -eq 0 ] ||
		printf 'netns delete %s\n' "${lab_namespaces[@]}" | ip -batch -
	rm -rf "$lab_files"
	lab_namespaces=() lab_pids=()
}

lab_listens()
{
	on "$1" ss -Hln"$2" "sport = :$3" | grep -q .
}

# serve_http NAMESPACE DIRECTORY: on port 80 of all addresses of both families
serve_http()
{
	on_background "$1" busybox httpd -f -p '[::]:80' -h "$2"
	wait_until lab_listens "$1" t 80
}

# serve_udp_echo NAMESPACE ADDRESS PORT: answers from the address it is bound
# to, as a UDP service behind a VIP must be
serve_udp_echo()
{
	local udp=UDP4 address=$2

	[[ $2 != *:* ]] || { udp=UDP6; address=[$2]; }
	on_background "$1" \
		socat -b 65536 "$udp-RECVFROM:$3,bind=$address,fork" PIPE
	wait_until lab_listens "$1" u "$3"
}

# capture_start NAMESPACE NAME ARGUMENT...: tcpdump into $lab_files/NAME.pcap
capture_start()
{
	local namespace=$1 file=$lab_files/$2

	shift 2
	on_background "$namespace" \
		tcpdump --immediate-mode -U -n -s 0 -w "$file.pcap" "$@" 2>"$file.log"
	echo $! >"$file.pid"
	wait_until grep -q 'listening on' "$file.log"
}

# capture_stop NAME [COUNT PATTERN]: ends it; before, waits until so many
# packets that match have been captured
capture_stop()
{
	local file=$lab_files/$1 pid

	[ $# -eq 1 ] || wait_until capture_has "$@"
	pid=$(cat "$file.pid")
	kill -INT "$pid"
	wait "$pid"
	rm "$file.pid"
}

# capture_text NAME: the packets as an operator reads them, one a line
capture_text()
{
	tcpdump -n -v -t -r "$lab_files/$1.pcap" 2>/dev/null | awk '
		/^IP/ {if (line) print line; line = $0; next}
		/^    / && line !~ / > / {sub(/^ +/, " "); line = line $0}
		END {if (line) print line}'
}

capture_count()
{
	capture_text "$1" | awk -v "pattern=$2" '$0 ~ pattern {n++} END {print n + 0}'
}

capture_has()
{
	[ "$(capture_count "$1" "$3")" -ge "$2" ]
}
