# SPDX-License-Identifier: BSD-3-Clause
# What iptables-translate makes of rules, loaded into nftables: it does to the
# packets of tests/data what the target does, byte for byte. It does the same
# when nftables has listed and read it again.

# comparable PATTERN: the numbers of the packets of this name in which nftables
# does what the target does; libxt_DADDR.man names the others
comparable()
{
	awk '!/^#/ {n++}
		!/^#/ && $1 ~ pattern && $2 != "dropped" &&
		$1 !~ /dccp|(^|-)ah-|all-twice|-after|-left|checksum-to-0|to-checksum-0|-cut-(already|other)/ &&
		!(family == "ipv4" && $1 ~ /^icmp6-/) {print n}' \
		"family=$family" "pattern=$1" "tests/data/$family.list"
}

# packets_behind NAME: sends them, and captures what is logged
packets_behind()
{
	capture_start "$server" "$1" -B 65536 -i nflog:5
	on "$neighbour" taskset 1 build/tests/vm/inject \
		"tests/data/$family.in.pcap" eth0 "$lab_files/numbers"
	capture_stop "$1" "$(wc -l <"$lab_files/numbers")" '^IP' ||
		fail "packets are missing"
}

# same_translated NAME PATTERN ARGUMENT...: the rule of these arguments, by the
# target and translated, on packets of such names
same_translated()
{
	local name=$1 ip=ip chain said

	comparable "$2" >"$lab_files/numbers"
	shift 2
	[ "$family" = ipv4 ] || ip=ip6
	chain="$ip raw PREROUTING"
	said=$("$ipt-translate" -t raw -A PREROUTING "$@")
	assert_contains "translation" "$said" "^nft 'add rule $chain .*'\$"
	said=${said#nft \'}

	rule -t raw -A PREROUTING "$@"
	rule -t raw -A PREROUTING -i eth1 -j NFLOG --nflog-group 5 --nflog-threshold 1
	packets_behind "$name-target"
	rule -t raw -F

	on "$server" nft -f - <<-TEXT
		add table $ip raw
		add chain $chain { type filter hook prerouting priority raw; }
		${said%\'}
		add rule $chain iifname eth1 log group 5 snaplen 65535 queue-threshold 1
	TEXT
	on "$server" nft list ruleset >"$lab_files/listed"
	{ echo "flush ruleset"; cat "$lab_files/listed"; } |
		on "$server" nft -f -
	packets_behind "$name-nft"
	on "$server" nft flush ruleset

	build/tests/vm/same_packets "$lab_files/$name-target.pcap" \
		"$lab_files/$name-nft.pcap" ||
		fail "$said: not what the target makes"
}

test_translations_make_the_same_bytes()
{
	local dscp map

	use_variant legacy
	on "$server" ip link set eth1 address 02:00:00:00:00:02
	# No answers, and no neighbour discovery: only what is injected counts.
	on "$server" ip route replace blackhole default
	on "$server" ip -6 route replace blackhole default
	on "$neighbour" sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1

	same_translated single . -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
	same_translated tcp tcp -p tcp -m dscp --dscp 7 \
		-j DADDR --set-daddr "$near_vip" --set-dport 443
	same_translated udp udp -p udp -m dscp --dscp 7 \
		-j DADDR --set-daddr "$near_vip" --set-dport 443
	# A full map, but for DSCP 9: its packets stay as they are.
	map=()
	for dscp in {1..8} {10..63}; do
		map+=(--dscp-map "$dscp=${near_vip%46}$dscp")
	done
	same_translated map 'dscp|ecn|fragment|flow-label|no-checksum' -j DADDR "${map[@]}"
}
scenario test_translations_make_the_same_bytes "ipv4 ipv6" "-" "-"
