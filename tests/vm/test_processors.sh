# SPDX-License-Identifier: BSD-3-Clause
# Processors come and go. For a machine that has two.

# processor 0|1: the second one is switched off or on
processor()
{
	echo "$1" >/sys/devices/system/cpu/cpu1/online
}

# ping_from_processor NUMBER COUNT: to the VIP, received by that processor
ping_from_processor()
{
	on "$neighbour" taskset -c "$1" ping -n -f -q -c "$2" -Q 28 "$near_rip" >/dev/null
}

assert_packets()
{
	assert_equal "packets counted $1" \
		"$(on "$server" awk 'NR == 2 {print $5}' /proc/net/xt_DADDR)" "$2"
}

test_counters_of_an_offline_processor()
{
	[ -e /sys/devices/system/cpu/cpu1/online ] || skip "there is one processor"
	processor 1
	rule -t raw -A PREROUTING -i eth1 -j DADDR --dscp-map "7=$near_vip"
	ping_from_processor 1 50
	assert_packets "on the second processor" 50
	processor 0
	assert_packets "after it went offline" 50
	ping_from_processor 0 20
	assert_packets "on the first processor" 70
	# a map that is made meanwhile has room for both
	rule -t raw -I PREROUTING -i eth1 -s "$unused_ip" -j DADDR --dscp-map "7=$near_vip,8=$vip"
	processor 1
	assert_packets "after it came back" 70
	ping_from_processor 1 30
	assert_packets "on the second processor again" 100

	on_background "$neighbour" ping -n -i 0.002 -q -c 500 -W 5 -Q 28 "$near_rip" \
		>"$lab_files/said"
	while kill -0 $! 2>/dev/null; do
		processor 0
		processor 1
	done
	assert_contains "ping" "$(cat "$lab_files/said")" ' 500 received'
	assert_packets "while it came and went" 600
	rule -t raw -F
}
scenario test_counters_of_an_offline_processor "ipv4 ipv6" "legacy" "-"
