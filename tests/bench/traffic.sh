# SPDX-License-Identifier: BSD-3-Clause
# Sourced in the lab, after network.sh: pktgen.

# pktgen_setup LINK SIZE [STATE]: packets of SIZE bytes, Ethernet header
# included, are ready to be sent from generator LINK, by the processor of that
# number
pktgen_setup()
{
	local link=$1 size=$2 state=${3:-none} tx=off file words

	# What comes with UDPCSUM is complete, as there is no hardware to leave
	# it to; or it is left to it, and stays so on all veths. Large packets
	# have their payload in pages, as GRO's have.
	[ "$state" != partial ] || tx=on
	on "${generators[link]}" ethtool -K eth0 tx $tx >/dev/null || return
	words=("rem_device_all" "add_device eth0")
	pktgen_write "$link" kpktgend_"$link" "${words[@]}" || return
	words=("count 0" "delay 0" "clone_skb 0" "pkt_size $size" "frags 0"
		"flag UDPCSUM" "udp_src_min 1024" "udp_src_max 1024"
		"dst_mac 02:00:00:00:0$link:02")
	[ "$size" -le 4096 ] || words+=("frags 16")
	case $family in
	ipv4) words+=("dst $sent_to" "src_min 10.1.$link.1"
		"src_max 10.1.$link.1" "tos $(printf %x $((dscp << 2)))") ;;
	ipv6) words+=("dst6 $sent_to" "src6 2001:db8:1:$link::1"
		"traffic_class $(printf %x $((dscp << 2)))") ;;
	esac
	pktgen_write "$link" eth0 "${words[@]}"
}

# pktgen_write LINK FILE LINE...
pktgen_write()
{
	local link=$1 file=/proc/net/pktgen/$2

	shift 2
	printf '%s\n' "$@" | on "${generators[link]}" bash -c "
		while read -r line; do
			echo \"\$line\" >$file ||
				{ echo \"pktgen: \$line\" >&2; exit 1; }
		done"
}

# pktgen_send LINK COUNT [PORT]: prints how many nanoseconds it took
pktgen_send()
{
	local link=$1 port=${3:-9} result

	pktgen_write "$link" eth0 "count $2" \
		"udp_dst_min $port" "udp_dst_max $port" || return
	pktgen_write "$link" pgctrl start || return
	result=$(on "${generators[link]}" cat /proc/net/pktgen/eth0)
	# Result: OK: 25813(c25812+d0) usec, 2000 (64byte,0frags)
	[[ $result =~ OK:\ ([0-9]+)\(.*usec,\ $2\  ]] ||
		{ echo "pktgen: $result" >&2; return 1; }
	echo $((BASH_REMATCH[1] * 1000))
}
