# SPDX-License-Identifier: BSD-3-Clause
# Packets that no honest host would send, through the target in every hook, and
# judged one by one: see hostile_packets/main.cpp. The same packets in every run;
# a long run, of 40000 others for each of 64 rules (4 in each hook, family and
# variant of iptables):
#
#	tools/lab/run --cpus 1 --timeout 0 env HOSTILE_PACKETS=40000 \
#		HOSTILE_SEED=$RANDOM SCENARIO_TIMEOUT=0 tests/vm/run hostile_packets
#
# A failure prints the packet, its number and the seed.

# The doors of the program, and where what comes in by them goes.
open_doors()
{
	modprobe -a tun 8021q
	ip -n "$server" -batch - <<TEXT
tuntap add hostile0 mode tap vnet_hdr
tuntap add hostile1 mode tun
link set hostile0 address 02:00:00:00:00:02
link set hostile0 mtu 65521
link set hostile1 mtu 65521
link set hostile0 up
link set hostile1 up
link add link hostile0 name hostile0.5 type vlan id 5
link add link hostile0 name hostile0.a type vlan id 5 protocol 802.1ad
link add link hostile0.5 name hostile0.5.7 type vlan id 7
link set hostile0.5 up
link set hostile0.a up
link set hostile0.5.7 up
route replace 0.0.0.0/0 dev hostile1
route replace ::/0 dev hostile1
TEXT
	on "$server" bash -c '
		echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# drop_lies CHAIN: after the target, the kernel believes what a device says, and
# warns when it finds that it was lied to
drop_lies()
{
	rule -t "$table" -A "$1" -m mac --mac-source 02:00:00:00:01:04 -j DROP
	rule -t "$table" -A "$1" -m mac --mac-source 02:00:00:00:01:05 -j DROP
}

# through_rules HOOK FAR RULE...: packets through these rules of a chain, between
# two that log what was there before and after
through_rules()
{
	local hook=$1 far=$2 words

	shift 2
	rule -t "$table" -F hostile
	rule -t "$table" -A hostile -j NFLOG --nflog-group 5 --nflog-prefix before
	for words; do
		# shellcheck disable=SC2086 # the words of the rule
		rule -t "$table" -A hostile $words
	done
	rule -t "$table" -A hostile -j NFLOG --nflog-group 5 --nflog-prefix after
	[ "$hook" = output ] || drop_lies hostile
	echo "$*"
	on "$server" build/tests/vm/hostile_packets/hostile_packets "$hook" "$variant" \
		"$near_rip" "$near_vip" "$far" "${HOSTILE_PACKETS:-600}" \
		"${HOSTILE_SEED:-1}" "$@" || fail "see the packet above"
}

# hostile_packets HOOK CHAIN MATCH...: through every kind of rule; those that
# match come to them
hostile_packets()
{
	local hook=$1 chain=$2 far=$unused_ip map='' dscp current=$XTABLES_LIBDIR

	shift 2
	[ "$hook" != input ] || far=$rip # no other comes there
	open_doors
	# every warning about a packet is seen, not ten in five seconds
	echo 0 >/proc/sys/net/core/message_cost
	rule -t "$table" -N hostile
	rule -t "$table" -A "$chain" "$@" -j hostile
	# what is for others does not come to the chain
	[ "$hook" != input ] || drop_lies FORWARD
	for ((dscp = 1; dscp < 64; dscp += 3)); do
		map+=${map:+,}$dscp=$near_vip,$((dscp + 1))=$far
	done
	# refused there in such a chain: it could not know of a wrong hook
	if [ "$variant $table" != "nft raw" ]; then
		XTABLES_LIBDIR=/lab/tree/build/tests/plugin/revision0:$current
		through_rules "$hook" "$far" "-j DADDR --set-daddr $near_vip"
		XTABLES_LIBDIR=$current
	fi
	through_rules "$hook" "$far" "-j DADDR --set-daddr $far"
	through_rules "$hook" "$far" "-j DADDR --dscp-map $map"
	through_rules "$hook" "$far" \
		"-p tcp -j DADDR --set-daddr $near_vip --set-dport 8080" \
		"-p udp -j DADDR --set-daddr $near_vip --set-dport 8080" \
		"-p udplite -j DADDR --set-daddr $near_vip --set-dport 8080" \
		"-p dccp -j DADDR --set-daddr $near_vip --set-dport 8080"
	echo 5 >/proc/sys/net/core/message_cost
}

# The judge knows what dscp_rewrite does as the map of a rule.
test_hostile_packets_through_dscp_rewrite()
{
	local map='' dscp

	open_doors
	echo 0 >/proc/sys/net/core/message_cost
	modprobe dscp_rewrite
	for ((dscp = 1; dscp < 64; dscp += 3)); do
		map+=${map:+,}$dscp=$near_vip,$((dscp + 1))=$unused_ip
		on "$server" bash -c "
			cd /proc/sys/net/$family/dscp_rewrite
			echo '$near_vip' >$dscp
			echo '$unused_ip' >$((dscp + 1))"
	done
	on "$server" nft -f - <<TEXT
table inet hostile {
	chain before {
		type filter hook prerouting priority -310
		iifname "hostile0*" log prefix "before" group 5
	}
	chain after {
		type filter hook prerouting priority -290
		iifname "hostile0*" log prefix "after" group 5
		ether saddr { 02:00:00:00:01:04, 02:00:00:00:01:05 } drop
	}
}
TEXT
	on "$server" build/tests/vm/hostile_packets/hostile_packets prerouting legacy \
		"$near_rip" "$near_vip" "$unused_ip" "${HOSTILE_PACKETS:-600}" \
		"${HOSTILE_SEED:-1}" "-j DADDR --dscp-map $map" || fail "see the packet above"
	echo 5 >/proc/sys/net/core/message_cost
}
scenario test_hostile_packets_through_dscp_rewrite "ipv4 ipv6" "-" "-"

test_hostile_packets_in_prerouting()
{
	hostile_packets prerouting PREROUTING -i hostile0+
}
scenario test_hostile_packets_in_prerouting "ipv4 ipv6" "legacy nft" "raw mangle"

test_hostile_packets_in_input()
{
	hostile_packets input INPUT -i hostile0+
}
scenario test_hostile_packets_in_input "ipv4 ipv6" "legacy nft" "mangle"

test_hostile_packets_in_output()
{
	hostile_packets output OUTPUT -m mark --mark 0xdadd
}
scenario test_hostile_packets_in_output "ipv4 ipv6" "legacy nft" "mangle"
