# SPDX-License-Identifier: BSD-3-Clause
# Sourced in the lab, after tools/lab/topology.sh: the network of the benchmark.
#
#   generator ------------- forwarder ------------- server
#   10.1.0.1                10.1.0.254              10.2.0.1
#   2001:db8:1::1           2001:db8:1::fe          2001:db8:2::1
#                           10.2.0.254              lo: 10.128.8.46, .47
#                           2001:db8:2::fe              2001:db8:8::46, ::47
#
# The forwarder is there because pktgen's packets are shared: they would cost
# every rewriter a copy of the headers, which a network card's do not.
#
# Every packet is sent to .47 with DSCP 7, and to be rewritten to .46. Both are
# local, and neighbours in the routing table, so that delivery costs the same.

dscp=7
mtu=${mtu:-65535}

use_family()
{
	family=$1
	case $1 in
	ipv4) sent_to=10.128.8.47	vip=10.128.8.46		vips=10.128.9.
	      source=10.1.0.1		ipt=iptables		nf=ip ;;
	ipv6) sent_to=2001:db8:8::47	vip=2001:db8:8::46	vips=2001:db8:9::
	      source=2001:db8:1::1	ipt=ip6tables		nf=ip6 ;;
	esac
}

# vip_of DSCP: what the rules make of it; only that of DSCP 7 is local
vip_of()
{
	if [ "$1" -eq $dscp ]; then echo "$vip"; else echo "$vips$1"; fi
}

# network_up [LINKS]: so many generators, each with a forwarder of its own
network_up()
{
	local links=${1:-1} n

	server=server-$RANDOM$RANDOM
	lab_namespaces=("$server") lab_pids=() generators=() forwarders=()
	lab_files=$(mktemp -d)
	ip netns add "$server" || return
	ip -n "$server" -batch - <<TEXT || return
link set lo up
addr add 10.128.8.46/32 dev lo
addr add 10.128.8.47/32 dev lo
addr add 2001:db8:8::46/128 dev lo nodad
addr add 2001:db8:8::47/128 dev lo nodad
TEXT
	for ((n = 0; n < links; n++)); do
		network_link $n || return
	done
}

# Neighbours are given, not asked for: nothing but the measured packets is on
# the way.
network_link()
{
	local n=$1 mac=02:00:00:00:0$1
	local generator=generator$n-${server#*-} forwarder=forwarder$n-${server#*-}

	generators+=("$generator") forwarders+=("$forwarder")
	lab_namespaces+=("$generator" "$forwarder")
	ip -batch - <<TEXT || return
netns add $generator
netns add $forwarder
link add eth0 netns $generator mtu $mtu address $mac:01 type veth peer name eth0 netns $forwarder mtu $mtu address $mac:02
link add eth1 netns $forwarder mtu $mtu address $mac:03 type veth peer name eth$n netns $server mtu $mtu address $mac:04
TEXT
	on "$forwarder" bash -c '
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$generator" -batch - <<TEXT || return
link set eth0 up
addr add 10.1.$n.1/24 dev eth0
addr add 2001:db8:1:$n::1/64 dev eth0 nodad
neigh add 10.1.$n.254 lladdr $mac:02 dev eth0 nud permanent
neigh add 2001:db8:1:$n::fe lladdr $mac:02 dev eth0 nud permanent
route add default via 10.1.$n.254
route add default via 2001:db8:1:$n::fe
TEXT
	ip -n "$forwarder" -batch - <<TEXT || return
link set eth0 up
link set eth1 up
addr add 10.1.$n.254/24 dev eth0
addr add 2001:db8:1:$n::fe/64 dev eth0 nodad
addr add 10.2.$n.254/24 dev eth1
addr add 2001:db8:2:$n::fe/64 dev eth1 nodad
neigh add 10.1.$n.1 lladdr $mac:01 dev eth0 nud permanent
neigh add 2001:db8:1:$n::1 lladdr $mac:01 dev eth0 nud permanent
neigh add 10.2.$n.1 lladdr $mac:04 dev eth1 nud permanent
neigh add 2001:db8:2:$n::1 lladdr $mac:04 dev eth1 nud permanent
route add default via 10.2.$n.1
route add default via 2001:db8:2:$n::1
TEXT
	ip -n "$server" -batch - <<TEXT
link set eth$n up
addr add 10.2.$n.1/24 dev eth$n
addr add 2001:db8:2:$n::1/64 dev eth$n nodad
neigh add 10.2.$n.254 lladdr $mac:03 dev eth$n nud permanent
neigh add 2001:db8:2:$n::fe lladdr $mac:03 dev eth$n nud permanent
route add 10.1.$n.0/24 via 10.2.$n.254
route add 2001:db8:1:$n::/64 via 2001:db8:2:$n::fe
TEXT
}

# deliver STATE: the state of checksum offload that packets reach the server in
#
#   none         veth without transmit offload; a card that knows no checksums
#   partial      veth with it, virtio, containers: pktgen_setup leaves it on
#   unnecessary  most cards; by tests/kmod/csum_state.c
#   complete     mlx5 and many cards for 25 Gbit/s and more; the same
deliver()
{
	[ "$1" != partial ] || return 0
	on "$server" bash -c \
		"echo eth0 $1 >/sys/module/csum_state/parameters/device"
}

# wait_for COMMAND...: like wait_until, but counts tries: while a processor that
# counts instructions has nothing to do but to wait for a file of the host, its
# clock runs away.
wait_for()
{
	local try

	for ((try = 0; try < 2000; try++)); do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
	done
	echo "waited in vain for: $*" >&2
	return 1
}

# sinks: UDP receivers on both addresses, of both families, whose buffers are
# full: a packet comes all the way to its socket, is counted there, and dropped.
# And the shelf, where what is sent to port 10 stays.
sinks()
{
	local address udp

	for address in 10.128.8.4{6,7} 2001:db8:8::4{6,7}; do
		udp=UDP4
		[[ $address != *:* ]] || { udp=UDP6; address=[$address]; }
		on_background "$server" socat -u \
			"$udp-RECV:9,bind=$address,rcvbuf=1" /dev/null
	done
	on_background "$server" socat -u \
		"UDP6-RECV:10,ipv6only=0,rcvbuf=10000000" /dev/null
	wait_for sinks_are_bound
	kill -STOP "${lab_pids[@]}"
}

sinks_are_bound()
{
	[ "$(on "$server" ss -Hlnu | wc -l)" -eq 5 ]
}

# arrived ADDRESS: how many packets its socket has dropped
arrived()
{
	on "$server" ss -Hlnum "src = [$1]:9" | sed -n 's/.*,d\([0-9]*\)).*/\1/p'
}

namespaces_in_memory()
{
	echo 1 >/sys/kernel/slab/net_namespace/shrink # so that it counts exactly
	awk '$1 == "net_namespace" {n = $2} END {print n + 0}' /proc/slabinfo
}

namespaces_are_dismantled()
{
	[ "$(namespaces_in_memory)" -le $(($(ip netns list | wc -l) + 1)) ]
}

# Namespaces are dismantled after their names are gone. The memory of those that
# went together is kept until others go: here, one that is made for that. It may
# have gone with them, and another is needed; but not at every look, or where
# dismantling is slower than a look, there is always one more.
wait_for_namespaces()
{
	local look

	for ((look = 0; look < 2000; look++)); do
		if [ $((look % 100)) -eq 0 ]; then
			ip netns add last
			ip netns delete last
		fi
		! namespaces_are_dismantled || return 0
	done
	echo "$(namespaces_in_memory) network namespaces are still in memory:" \
		"what is measured next may be too high" >&2
	lsns --type net >&2
}

# After this, nothing of it is at work while something else is measured.
network_down()
{
	set +e	# lab_down waits for what it has killed
	lab_down
	set -e
	wait_for_namespaces
}
