# SPDX-License-Identifier: BSD-3-Clause
# Sourced in the lab, after network.sh: ways to get packets to their VIP. Each
# sets the server up for packets of $family, with COUNT VIPs where it has a
# COUNT; DSCP 7 is among them where the name does not say "miss".

# dscps COUNT: 7, and COUNT - 1 others from 1 on
dscps()
{
	seq 1 63 | grep -vx "$dscp" | head -n $(($1 - 1))
	echo "$dscp"
}

# dscps_but COUNT: the same number, without 7
dscps_but()
{
	seq 1 63 | grep -vx "$dscp" | head -n "$1"
}

# restore legacy|nft TABLE: the rules on standard input, in PREROUTING
restore()
{
	{ echo "*$2"; cat; echo COMMIT; } |
		on "$server" "$ipt-$1-restore" --noflush
}

set_up_nothing()
{
	:
}

set_up_empty()	# legacy|nft TABLE
{
	on "$server" "$ipt-$1" -t "$2" -S >/dev/null
}

set_up_mark()	# legacy|nft TABLE
{
	restore "$1" "$2" <<<"-A PREROUTING -m dscp --dscp $dscp -j MARK --set-mark 1"
}

set_up_mark_all()	# legacy|nft TABLE
{
	restore "$1" "$2" <<<"-A PREROUTING -j MARK --set-mark 1"
}

set_up_rules()	# legacy|nft TABLE COUNT
{
	local d

	for d in $(dscps "$3"); do
		echo "-A PREROUTING -m dscp --dscp $d -j DADDR --set-daddr=$(vip_of "$d")"
	done | restore "$1" "$2"
}

# An option holds what fits into a line of iptables-restore.
map_rule()	# DSCP...
{
	local n=0 d

	printf -- '-A PREROUTING -j DADDR'
	for d; do
		if [ $((n++ % 16)) -eq 0 ]; then
			printf ' --dscp-map '
		else
			printf ','
		fi
		printf '%s=%s' "$d" "$(vip_of "$d")"
	done
	echo
}

set_up_map()	# legacy|nft TABLE COUNT
{
	# shellcheck disable=SC2046
	map_rule $(dscps "$3") | restore "$1" "$2"
}

set_up_map_miss()	# legacy|nft TABLE COUNT
{
	# shellcheck disable=SC2046
	map_rule $(dscps_but "$3") | restore "$1" "$2"
}

nft_chain()	# the chain's statements on standard input
{
	{
		echo "table $nf bench {"; echo "chain prerouting {"
		echo "type filter hook prerouting priority raw"
		cat
		echo "}"; echo "}"
	} | on "$server" nft -f -
}

set_up_nft_rules()	# COUNT
{
	local d

	for d in $(dscps "$1"); do
		echo "$nf dscp $d $nf daddr set $(vip_of "$d")"
	done | nft_chain
}

set_up_nft_map()	# COUNT
{
	local d

	{
		echo "$nf daddr set $nf dscp map {"
		for d in $(dscps "$1"); do
			echo "$d : $(vip_of "$d"),"
		done
		echo "}"
	} | nft_chain
}

set_up_pedit()
{
	local csum="udp tcp"

	[ "$family" = ipv6 ] || csum="ip4h $csum"
	on "$server" tc qdisc add dev eth0 clsact
	# shellcheck disable=SC2086
	on "$server" tc filter add dev eth0 ingress protocol "$family" flower \
		ip_tos "$((dscp << 2))/0xfc" \
		action pedit ex munge "$nf" dst set "$vip" pipe csum $csum
}

set_up_dnat()
{
	restore legacy nat <<<"-A PREROUTING -m dscp --dscp $dscp -j DNAT --to-destination $vip"
}

# runs VARIANT: can it be run here? Says why not.
runs()
{
	case $1 in
	map*)	iptables-legacy -j DADDR --help | grep -q -- --dscp-map && return
		echo "skipped: $*: the plugin has no --dscp-map"
		return 1 ;;
	esac
}

# eBPF's bytes of a map's key or value
bytes()
{
	local address=$1 word words

	case $address in
	*:*)	# of those here, each has one "::", and four words before it
		IFS=: read -ra words <<<"${address%::*}"
		for word in "${words[@]}" 0 0 0 0 0 0 0; do
			printf '%d %d ' $((0x$word >> 8)) $((0x$word & 255))
		done | cut -d ' ' -f 1-14 | tr '\n' ' '
		word=0x${address##*::}
		echo $((word >> 8)) $((word & 255)) ;;
	*)	echo "${address//./ }" ;;
	esac
}

attach_tc()	# DEVICE
{
	on "$server" tc qdisc add dev "$1" clsact
	on "$server" tc filter add dev "$1" ingress bpf direct-action \
		object-file "$bench_build/vip.bpf.o" section tc
}

# Where the driver knows nothing of it: after the driver, on an skb. A network card's
# driver runs it on the bare frame, which no veth does.
attach_xdp()	# DEVICE
{
	on "$server" ip link set dev "$1" xdpgeneric \
		object-file "$bench_build/vip.bpf.o" section xdp
}

# The maps outlive the program: each set-up has its own.
ebpf()	# tc|xdp DSCP...
{
	local d n hook=$1 maps=/sys/fs/bpf/$1/globals

	shift
	rm -rf "$maps"
	for n in "${!generators[@]}"; do
		"attach_$hook" "eth$n"
	done
	for d; do
		# shellcheck disable=SC2046
		echo map update pinned "$maps/vips${family#ipv}" \
			key "$d" 0 0 0 value $(bytes "$(vip_of "$d")")
	done | bpftool batch file -
}

set_up_ebpf()	# COUNT
{
	# shellcheck disable=SC2046
	ebpf tc $(dscps "$1") >/dev/null
}

set_up_ebpf_miss()	# COUNT
{
	# shellcheck disable=SC2046
	ebpf tc $(dscps_but "$1") >/dev/null
}

set_up_xdp()	# COUNT
{
	# shellcheck disable=SC2046
	ebpf xdp $(dscps "$1") >/dev/null
}

set_up_xdp_miss()	# COUNT
{
	# shellcheck disable=SC2046
	ebpf xdp $(dscps_but "$1") >/dev/null
}

# dscp_rewrite: one write a DSCP, as sysctl(8) would
write_rewrite()	# DSCP VALUE [NAMESPACE]
{
	on "${3:-$server}" bash -c "echo '$2' >/proc/sys/net/$family/dscp_rewrite/$1"
}

set_up_rewrite()	# COUNT
{
	local d

	for d in $(dscps "$1"); do
		write_rewrite "$d" "$(vip_of "$d")"
	done
}

set_up_rewrite_miss()	# COUNT
{
	local d

	for d in $(dscps_but "$1"); do
		write_rewrite "$d" "$(vip_of "$d")"
	done
}

# The packet's own RIP is the last that is looked at.
set_up_rewrite_rips()	# COUNT
{
	local n value=''

	for ((n = 1; n < $1; n++)); do
		value+="$vips$((n + 20))@$vips$n "
	done
	write_rewrite "$dscp" "$value$vip@$sent_to"
}

# Only another namespace has entries.
set_up_rewrite_elsewhere()
{
	write_rewrite "$dscp" "$vip" "${generators[0]}"
}
