# SPDX-License-Identifier: BSD-3-Clause
# The captures of tests/data, sent to the real target: after it is what their
# generator expects, and what daddr-replay makes of them by the rules that
# iptables-save prints, byte for byte.

# The rules of a file of iptables-save, whatever table they were in.
add_rules()
{
	local words

	while read -ra words; do
		rule -t "$table" "${words[@]}"
	done < <(grep '^-A' "$1")
}

# What the map in a file of iptables-save says, written to dscp_rewrite.
write_map()
{
	local entry

	modprobe dscp_rewrite
	while read -r entry; do
		on "$server" bash -c "echo '${entry#*=}' >/proc/sys/net/$family/dscp_rewrite/${entry%=*}"
	done < <(grep -oE '[0-9]+=[0-9a-f.:]+' "$1")
}

# kernel_bytes CAPTURE EXPECTED: what becomes of its packets is after.pcap, once there
# are as many as in EXPECTED.
kernel_bytes()
{
	local packets

	# Room for all of it, however late tcpdump gets its turn.
	echo 67108864 >/proc/sys/net/core/rmem_default
	echo 67108864 >/proc/sys/net/core/rmem_max
	# Of the family's own conversations (neighbours, multicast) nothing.
	if [ "$family" = ipv6 ]; then
		rule -t "$table" -A PREROUTING -d ff00::/8 -j ACCEPT
	fi
	rule -t "$table" -A PREROUTING -i eth1 -j NFLOG --nflog-group 5 --nflog-threshold 1
	on "$server" ip link set eth1 address 02:00:00:00:00:02
	# No answers: only what is after the target counts here.
	on "$server" ip route replace blackhole default
	on "$server" ip -6 route replace blackhole default
	capture_start "$server" after -B 65536 -i nflog:5
	packets=$(tcpdump -n -r "$2" 2>/dev/null | grep -c '^[0-9]')

	on "$neighbour" taskset 1 build/tests/vm/inject "$1" eth0

	capture_stop after "$packets" '^IP' ||
		echo "expected $packets packets"
}

# same_as_replayed CAPTURE [STATUS]: by the rules in $lab_files/rules; daddr-replay ends
# with STATUS, or 0
same_as_replayed()
{
	local status=0

	build/tools/replay/daddr-replay --rules "$lab_files/rules" \
		"$1" "$lab_files/replayed.pcap" >/dev/null || status=$?
	assert_equal "status of daddr-replay" "$status" "${2:-0}"
	[ -e "$lab_files/after.pcap" ] || kernel_bytes "$1" "$lab_files/replayed.pcap"
	build/tests/vm/same_packets "$lab_files/replayed.pcap" "$lab_files/after.pcap" ||
		fail "what came out is not what daddr-replay made"
}

# same_bytes DIRECTORY [rewrite]: with its captures of this family, and its rules
# if it has any; or by dscp_rewrite what these rules say
same_bytes()
{
	local name=$1/$family rules=$lab_files/rules.save

	echo "-A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr $near_vip" >"$rules"
	[ ! -e "$name.save" ] || rules=$name.save
	if [ "${2:-}" != rewrite ]; then
		add_rules "$rules"
	elif [ -e "$name.save" ]; then
		write_map "$rules"
	else
		write_map <(echo "7=$near_vip")
		printf '%s\n' '*raw' "$(cat "$rules")" COMMIT >"$lab_files/one.save"
		rules=$lab_files/one.save
	fi
	kernel_bytes "$name.in.pcap" "$name.out.pcap"
	build/tests/vm/same_packets "$name.out.pcap" "$lab_files/after.pcap" ||
		fail "what came out is not what was expected"
	if [ "${2:-}" = rewrite ]; then
		cp "$rules" "$lab_files/rules"
	else
		rules_save >"$lab_files/rules"
	fi
	same_as_replayed "$name.in.pcap"
}

test_corpus_becomes_the_same_bytes()
{
	same_bytes tests/data
}
scenario test_corpus_becomes_the_same_bytes "ipv4 ipv6" "legacy nft" "raw mangle"

test_map_corpus_becomes_the_same_bytes()
{
	same_bytes tests/data/map
}
scenario test_map_corpus_becomes_the_same_bytes "ipv4 ipv6" "legacy nft" "raw mangle"

# Rules of raw see what dscp_rewrite made.
test_dscp_rewrite_makes_the_same_bytes()
{
	same_bytes tests/data rewrite
}
scenario test_dscp_rewrite_makes_the_same_bytes "ipv4 ipv6" "legacy" "raw"

test_dscp_rewrite_makes_the_same_bytes_of_a_map()
{
	same_bytes tests/data/map rewrite
}
scenario test_dscp_rewrite_makes_the_same_bytes_of_a_map "ipv4 ipv6" "legacy" "raw"

test_port_corpus_becomes_the_same_bytes()
{
	same_bytes tests/data/port
}
scenario test_port_corpus_becomes_the_same_bytes "ipv4 ipv6" "legacy nft" "raw mangle"

# Whatever iptables is: it captures only. nftables does not know all checksums that
# DADDR does, and daddr-replay is to know which.
test_nftables_make_the_same_bytes_as_their_replay()
{
	local ip=${family/ipv4/ip} protocol

	ip=${ip/ipv/ip}
	{
		echo "table $ip vips { chain vips {"
		echo "type filter hook prerouting priority -310"
		echo "$ip dscp 7 $ip daddr set $near_vip"
		for protocol in tcp udp udplite dccp; do
			echo "$ip daddr $near_vip $protocol dport set 8080"
		done
		echo "$ip daddr $near_vip $ip dscp set 9"
		echo "}; }"
	} >"$lab_files/vips.nft"
	on "$server" nft -f "$lab_files/vips.nft"
	on "$server" nft -j list ruleset >"$lab_files/rules"
	# of DCCP, a good checksum became bad
	same_as_replayed "tests/data/$family.in.pcap" 1
}
scenario test_nftables_make_the_same_bytes_as_their_replay "ipv4 ipv6" "legacy" "raw"

test_nftables_map_makes_the_same_bytes_as_its_replay()
{
	local ip=${family/ipv4/ip} entries

	ip=${ip/ipv/ip}
	entries=$(grep -oE '[0-9]+=[0-9a-f.:]+' "tests/data/map/$family.save" |
		sed 's/=/ : /' | paste -sd,)
	on "$server" nft -f - <<-END
		table $ip vips { chain vips {
			type filter hook prerouting priority -310
			$ip daddr set $ip dscp map { $entries }
		}; }
	END
	on "$server" nft -j list ruleset >"$lab_files/rules"
	# of DCCP, a good checksum became bad
	same_as_replayed "tests/data/map/$family.in.pcap" 1
}
scenario test_nftables_map_makes_the_same_bytes_as_its_replay "ipv4 ipv6" "legacy" "raw"

# These targets are in mangle only.
test_rules_that_set_a_dscp_make_the_same_bytes_as_their_replay()
{
	rule -t mangle -A PREROUTING -m dscp --dscp 7 -j DSCP --set-dscp 41
	rule -t mangle -A PREROUTING -m dscp --dscp 7 -j DROP
	rule -t mangle -A PREROUTING -m dscp --dscp 41 -j DADDR --set-daddr "$near_vip"
	rule -t mangle -A PREROUTING -d "$near_vip" -p tcp -j TOS --set-tos 0x15/0x1f
	rules_save >"$lab_files/rules"
	same_as_replayed "tests/data/$family.in.pcap"
}
scenario test_rules_that_set_a_dscp_make_the_same_bytes_as_their_replay "ipv4 ipv6" \
	"legacy" "mangle"

# Made anew by each tests/run, which prints the seed.
random_same_bytes()
{
	[ -e "$1" ] || skip "no random packets in $1"
	same_bytes "$1"
}

test_random_packets_become_the_same_bytes()
{
	random_same_bytes build/tests/random
}
scenario test_random_packets_become_the_same_bytes "ipv4 ipv6" "legacy nft" "raw"

test_random_map_becomes_the_same_bytes()
{
	random_same_bytes build/tests/random/map
}
scenario test_random_map_becomes_the_same_bytes "ipv4 ipv6" "legacy" "raw"

test_random_port_becomes_the_same_bytes()
{
	random_same_bytes build/tests/random/port
}
scenario test_random_port_becomes_the_same_bytes "ipv4 ipv6" "legacy nft" "raw"
