#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The options in variables are words, and names have no blanks.
# shellcheck disable=SC2086
usage()
{
	cat <<'TEXT'
Usage: tests/freebsd/scenario.sh [MODULE]

Tries dscp_rewrite on this FreeBSD host, as root, and prints TAP. MODULE is what
kldload gets, by default dscp_rewrite. It must not be loaded. All traffic is
between three VNET jails that this makes and removes:

    client --10.99.1.0/24-- lb --10.99.2.0/24-- server, with the VIPs on its lo0
           --2001:db8:1::/64--  --2001:db8:2::/64--

lb is a router; with pf, where that can be loaded, it is the load balancer too.
TCP is skipped without pf.
TEXT
}

case ${1:-} in
--help) usage; exit ;;
esac
module=${1:-dscp_rewrite}
run=l3dsr$$ work=$(mktemp -d -t l3dsr) number=0 failed=0 epairs='' own_pf=''
client=${run}c lb=${run}l server=${run}s

on()
{
	jail=$1
	shift
	jexec "$jail" "$@"
}

# shellcheck disable=SC2317 # by the trap
cleanup()
{
	for pid in $(jobs -p); do
		kill "$pid" 2>/dev/null
	done
	for jail in "$client" "$lb" "$server" "${run}x"; do
		jail -r "$jail" 2>/dev/null
	done
	for epair in $epairs; do
		ifconfig "$epair" destroy 2>/dev/null
	done
	kldunload -f dscp_rewrite 2>/dev/null
	[ ! "$own_pf" ] || kldunload pf 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# check NAME COMMAND...: what it says is shown when it fails
check()
{
	name=$1
	shift
	number=$((number + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		sed 's/^/# /' "$work/said" | head -n 20
		failed=$((failed + 1))
	fi
}

skip()
{
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

not()
{
	! "$@"
}

# use inet|inet6: what the tests are about
use()
{
	family=$1
	case $family in
	inet)
		node=net.inet.ip.dscp_rewrite none=0.0.0.0 of=ipv4
		vip=10.128.8.46 vip2=10.128.8.47 rip=10.99.2.2 rip2=10.99.2.3
		near=10.99.2.1 multicast=224.0.0.1 multicast_from=10.99.2.1
		ping=ping nc=nc ;;
	inet6)
		node=net.inet6.ip6.dscp_rewrite none=:: of=ipv6
		vip=2001:db8:8::46 vip2=2001:db8:8::47 rip=2001:db8:2::2 rip2=2001:db8:2::3
		near=2001:db8:2::1 multicast=ff02::1%$lb_in multicast_from=$lb_in
		ping="ping -6" nc="nc -6" ;;
	esac
}

# rewrite DSCP VALUE [JAIL]: on the server
rewrite()
{
	on "${3:-$server}" sysctl "$node.$1=$2" >/dev/null
}

value()
{
	on "${2:-$server}" sysctl -n "$node.$1"
}

equal()
{
	[ "$1" = "$2" ] && return
	echo "found \"$1\", expected \"$2\""
	return 1
}

# answered_by ADDRESS TO TOS [OPTION of ping]...: each of three, from the client
answered_by()
{
	address=$1 to=$2 tos=$3
	shift 3
	on "$client" $ping -n -c 3 -i 0.1 -W 5000 -z "$tos" "$@" "$to" >"$work/ping" 2>&1
	sed -n 's/.* bytes from \([0-9a-f.:]*[0-9a-f]\).*/\1/p' "$work/ping" >"$work/from"
	equal "$(sort -u "$work/from") $(wc -l <"$work/from" | tr -d ' ')" "$address 3" && return
	cat "$work/ping"
	return 1
}

# left_alone WORDS: pings of the router with DSCP 7
left_alone()
{
	on "$lb" $ping -n -c 3 -i 0.1 -z 28 "$@" >"$work/ping" 2>&1
	grep -q "bytes from" "$work/ping" && ! grep -q "from $vip" "$work/ping" && return
	cat "$work/ping"
	return 1
}

# refused VALUE REASON: it is, whenever it is written, and the log says why: of a
# jail it says that twice a second, and so it is written again until it is there
refused()
{
	before=$(value 9)
	lines=$(dmesg | wc -l) tries=0
	while [ $((tries += 1)) -lt 1000 ]; do
		not rewrite 9 "$1" || return 1
		equal "$(value 9)" "$before" || return 1
		dmesg | tail -n +$((lines + 1)) | grep -q "$2" && return
	done
	dmesg | tail -n 5
	return 1
}

# The jail that pings itself, when packets of it have been rewritten.
flooded_jail_goes()
{
	until on "${run}x" sysctl -n "$node.stats" | grep -q '^ipv4 7 .* [1-9][0-9]* [0-9]*$'; do
		kill -0 $jail_flood || return 1
	done
	jail -r "${run}x"
}

counters()
{
	equal "$(on "$server" sysctl -n "$node.stats" | grep "^$of $1 ")" "$of $1 $2"
}

# The server's socket on the VIP gets what the client sends to its own address.
udp_arrives()
{
	head -c "$1" /dev/urandom >"$work/datagram"
	jexec "$server" $nc -u -l "$vip" 7777 >"$work/received" &
	pid=$!
	tries=0
	# sent again until it is there: nobody says when nc listens
	while ! cmp -s "$work/datagram" "$work/received" && [ $tries -lt 10 ]; do
		: >"$work/received"
		on "$client" $nc -u -w 1 -T 0x1c "$rip" 7777 <"$work/datagram" >/dev/null
		tries=$((tries + 1))
	done
	kill $pid
	wait $pid 2>/dev/null
	cmp "$work/datagram" "$work/received"
}

has_pf()
{
	kldstat -q -m pf && return
	kldload pf 2>/dev/null && own_pf=yes
}

# A client asks the VIP, and pf of lb is the load balancer.
tcp_through_pf()
{
	cat >"$work/pf.conf" <<TEXT
scrub in on $lb_out $family from any to $vip set-tos 0x1c
rdr pass on $lb_out $family from any to $vip -> $rip
pass no state
TEXT
	on "$lb" pfctl -q -F all
	on "$lb" pfctl -q -f "$work/pf.conf" -e
	dd if=/dev/urandom of="$work/file" bs=1024 count=500 2>/dev/null
	jexec "$server" $nc -N -l "$vip" 8080 <"$work/file" >/dev/null &
	pid=$!
	tries=0
	while ! cmp -s "$work/file" "$work/got" && [ $tries -lt 5 ]; do
		on "$client" $nc -d -w 10 "$vip" 8080 >"$work/got"
		tries=$((tries + 1))
	done
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	on "$lb" pfctl -q -d
	cmp "$work/file" "$work/got"
}

# The kernel complains of nothing since the line it had then.
kernel_is_silent()
{
	dmesg | sed "1,${dmesg_before}d" |
		grep -E 'lock order reversal|panic|Fatal trap|leaked|duplicate hook|WARNING|sleeping|not exclus|KASSERT' >"$work/complaints"
	[ ! -s "$work/complaints" ] && return
	cat "$work/complaints"
	return 1
}

unloads()
{
	kldunload dscp_rewrite && not kldstat -q -m dscp_rewrite
}

[ "$(id -u)" -eq 0 ] || { echo "Bail out! run as root"; exit 1; }
if kldstat -q -m dscp_rewrite; then
	echo "Bail out! dscp_rewrite is loaded already: kldunload it"
	exit 1
fi
if [ "$(sysctl -n kern.features.vimage 2>/dev/null)" != 1 ]; then
	echo "Bail out! this kernel has no VNET jails (options VIMAGE)"
	exit 1
fi
dmesg_before=$(dmesg | wc -l | tr -d ' ')
echo "TAP version 13"
echo "# $(uname -rm), $module"

# The jails share this host's files.
for jail in "$client" "$lb" "$server"; do
	jail -c name="$jail" path=/ vnet persist >/dev/null || exit 1
	on "$jail" ifconfig lo0 up
	on "$jail" sysctl net.inet6.ip6.dad_count=0 >/dev/null
done
first=$(ifconfig epair create) second=$(ifconfig epair create)
epairs="$first $second"
lb_out=${first%a}b lb_in=$second
ifconfig "$first" vnet "$client"
ifconfig "$lb_out" vnet "$lb"
ifconfig "$lb_in" vnet "$lb"
ifconfig "${second%a}b" vnet "$server"
address()
{
	on "$1" ifconfig "$2" inet "$3/24" up
	on "$1" ifconfig "$2" inet6 "$4/64" no_dad up
}
on "$lb" ifconfig "$lb_in" inet6 fe80::1/64 no_dad
on "$server" ifconfig "${second%a}b" inet6 fe80::2/64 no_dad
address "$client" "$first" 10.99.1.2 2001:db8:1::2
address "$lb" "$lb_out" 10.99.1.1 2001:db8:1::1
address "$lb" "$lb_in" 10.99.2.1 2001:db8:2::1
address "$server" "${second%a}b" 10.99.2.2 2001:db8:2::2
on "$server" ifconfig "${second%a}b" inet 10.99.2.3/32 alias
on "$server" ifconfig "${second%a}b" inet6 2001:db8:2::3/128 no_dad alias
for vip in 10.128.8.46 10.128.8.47; do
	on "$server" ifconfig lo0 inet $vip/32 alias
done
for vip in 2001:db8:8::46 2001:db8:8::47; do
	on "$server" ifconfig lo0 inet6 $vip/128 no_dad alias
done
for family in inet inet6; do
	use $family
	on "$client" route -q add -$family default "$([ $family = inet ] && echo 10.99.1.1 || echo 2001:db8:1::1)"
	on "$server" route -q add -$family default "$near"
	on "$lb" route -q add -$family "$vip" "$rip"
done
on "$lb" sysctl net.inet.ip.forwarding=1 net.inet6.ip6.forwarding=1 >/dev/null
on "$server" sysctl net.inet.icmp.bmcastecho=1 >/dev/null
# A flood of pings, unless this FreeBSD holds back what a jail answers.
flooding=-f
on "$server" sysctl net.inet.icmp.icmplim=0 >/dev/null 2>&1 || flooding="-i 0.01"

check "the module loads" kldload "$module"
for family in inet inet6; do
	use $family
	check "$of: nothing is set at first, and all is on" \
		equal "$(on "$server" sysctl -n $node.enabled $node.7 $node.63 $node.stats | xargs)" "1 $none $none"
	rewrite 9 "$vip $vip2@$rip"
	check "$of: a value reads as it was written" equal "$(value 9)" "$vip $vip2@$rip"
	check "$of: reading twice changes nothing" equal "$(value 9)" "$vip $vip2@$rip"
	check "$of: no multicast address, and the log says why" \
		refused "$([ $family = inet ] && echo 224.0.0.1 || echo ff02::1)" "may not be a multicast address"
	check "$of: no two VIPs without a RIP" refused "$vip $vip2" "two VIPs without @RIP"
	check "$of: nothing but an address" refused "localhost" 'found "localhost"'
	check "$of: no address of the other family" \
		refused "$([ $family = inet ] && echo ::1 || echo 10.1.1.1)" "expected an"
	rewrite 9 $none
	rewrite 7 "$vip"
	check "$of: ping with DSCP 7 is answered by the VIP" answered_by "$vip" "$rip" 28
	check "$of: with ECN, too" answered_by "$vip" "$rip" 31
	check "$of: without a DSCP by the address asked" answered_by "$rip" "$rip" 0
	check "$of: of another DSCP by the address asked" answered_by "$rip" "$rip" 32
	check "$of: in fragments, too" answered_by "$vip" "$rip" 28 -s 4000
	check "$of: the VIP itself answers as ever" answered_by "$vip" "$vip" 28
	for size in 1 1400 9000; do
		check "$of: UDP of $size bytes arrives at the VIP" udp_arrives $size
	done
	if has_pf; then
		check "$of: TCP through a load balancer arrives at the VIP" tcp_through_pf
	else
		skip "$of: TCP through a load balancer arrives at the VIP" "there is no pf"
	fi
	rewrite 8 "$vip2"
	answered_by "$vip2" "$rip" 32 >/dev/null
	check "$of: what is changed is counted, for each VIP" \
		counters 8 "* $vip2 3 $([ $family = inet ] && echo 252 || echo 168)"
	rewrite 8 "$vip@$rip $vip2"
	check "$of: counters stay with the VIP" \
		equal "$(on "$server" sysctl -n $node.stats | grep "^$of 8 " | cut -d ' ' -f 3-5 | xargs)" \
		"* $vip2 3 $rip $vip 0"
	check "$of: the RIP goes to its VIP" answered_by "$vip" "$rip" 32
	check "$of: any other to the VIP without one" answered_by "$vip2" "$rip2" 32
	rewrite 8 "$vip@$rip"
	check "$of: without that one, any other passes" answered_by "$rip2" "$rip2" 32
	rewrite 7 "$vip2@$near" "$lb"
	check "$of: with its own address as RIP, a router forwards" answered_by "$vip" "$rip" 28
	rewrite 7 $none "$lb"
	on "$server" sysctl $node.enabled=0 >/dev/null
	check "$of: off, everything passes" answered_by "$rip" "$rip" 28
	check "$of: off, values stay" equal "$(value 7)" "$vip"
	on "$server" sysctl $node.enabled=1 >/dev/null
	check "$of: on again" answered_by "$vip" "$rip" 28
	check "$of: a group is answered, and not by the VIP" \
		left_alone -I $multicast_from $multicast
done

use inet
check "ipv4: so is a subnet's broadcast" left_alone 10.99.2.255
check "each jail has its own values" equal "$(value 7 "$client")" 0.0.0.0
check "and so has the host" equal "$(sysctl -n $node.7)" 0.0.0.0
check "a jail's log says whose it is" \
	sh -c "jexec $server sysctl $node.9=224.0.0.1 2>/dev/null; dmesg | tail -n 3 | grep -q 'jail [0-9]*: $node.9: the VIP may not be a multicast'"

# The first hook of the server's IPv4 input.
first_hook()
{
	on "$server" pfilctl heads |
		awk '$1 == "inet" {here = 1} here && $1 == "In" {print $2; exit}'
}

comes_first()
{
	first_hook | grep "^$1:" && return
	on "$server" pfilctl heads
	return 1
}

if on "$server" pfilctl heads >/dev/null 2>&1 && has_pf; then
	echo pass >"$work/pf.conf"
	on "$server" pfctl -q -e -f "$work/pf.conf"
	check "a firewall that is started later comes first" comes_first pf
	on "$server" sysctl $node.enabled=1 >/dev/null
	check "until enabled is written again" comes_first dscp_rewrite
	check "and packets go to the VIP" answered_by "$vip" "$rip" 28
	on "$server" pfctl -q -d
else
	for name in "a firewall that is started later comes first" \
		"until enabled is written again" "and packets go to the VIP"; do
		skip "$name" "there is no pfilctl, or no pf"
	done
fi

# While a value is written again and again, every packet meets one.
rewrite_again()
{
	while [ ! -e "$work/enough" ]; do
		rewrite 7 "$vip $vip2@10.99.2.77"
		on "$server" sysctl $node.enabled=1 >/dev/null
		rewrite 7 "$vip"
	done
}
rewrite_again &
pid=$!
on "$client" ping -n -i 0.01 -c 300 -z 28 "$rip" >"$work/ping" 2>&1
: >"$work/enough"
wait $pid
check "300 packets while it is written: each is answered by the VIP" \
	equal "$(grep -c "bytes from $vip" "$work/ping")" 300

check "while there are entries it is not unloaded" \
	sh -c "! kldunload dscp_rewrite 2>&1 && kldstat -q -m dscp_rewrite"
check "and works on" answered_by "$vip" "$rip" 28
jexec "$client" ping -n -q $flooding -z 28 "$rip" >/dev/null 2>&1 &
flood=$!
for family in inet inet6; do
	use $family
	rewrite 7 $none
	rewrite 8 $none
done
check "without entries it is unloaded, under traffic" unloads
use inet
check "then packets pass" answered_by "$rip" "$rip" 28
check "it loads again" kldload "$module"
check "with nothing set" equal "$(value 7)" 0.0.0.0
rewrite 7 "$vip"
use inet6
rewrite 7 "$vip"
use inet
jail -c name="${run}x" path=/ vnet persist >/dev/null
on "${run}x" ifconfig lo0 inet 127.0.0.1/8 up
for dscp in 1 7 63; do
	rewrite $dscp 127.0.0.2 "${run}x"
done
jexec "${run}x" ping -n -q -f -z 28 127.0.0.1 >/dev/null 2>&1 &
jail_flood=$!
check "a jail with entries goes, under traffic" flooded_jail_goes
wait $jail_flood 2>/dev/null
check "by force it goes with entries, under traffic" \
	sh -c "kldunload -f dscp_rewrite && ! kldstat -q -m dscp_rewrite"
kill $flood
wait $flood 2>/dev/null
check "the kernel has nothing to complain of" kernel_is_silent
echo "1..$number"
[ $failed -eq 0 ]
