# SPDX-License-Identifier: BSD-3-Clause
# Network namespaces, and the module, come and go while there are rules, and
# while somebody reads their counters.

# full_map NUMBER: the options of a map of 63 VIPs, which are too long to be one
full_map()
{
	local dscp prefix=10.77.$1.

	[ "$family" = ipv4 ] || prefix=2001:db8:77:$1::
	for dscp in {1..63}; do
		echo "--dscp-map $dscp=$prefix$dscp"
	done | xargs
}

# namespaces_add COUNT: each with a full map of 63 VIPs, and a single rule
namespaces_add()
{
	local name number

	for ((number = 0; number < $1; number++)); do
		name=short-$number-$server
		ip netns add "$name"
		lab_namespaces+=("$name")
		on "$name" "$ipt-$variant-restore" <<TEXT
*raw
-A PREROUTING -j DADDR $(full_map 1)
-A PREROUTING -m dscp --dscp 9 -j DADDR --set-daddr $vip
COMMIT
TEXT
	done
}

namespaces_delete()
{
	local name kept=()

	for name in "${lab_namespaces[@]}"; do
		case $name in
		short-*) ip netns delete "$name" ;;
		*) kept+=("$name") ;;
		esac
	done
	lab_namespaces=("${kept[@]}")
}

# Their rules are gone when nothing holds the module any more.
module_is_unused()
{
	[ "$(awk '$1 == "xt_DADDR" {print $3}' /proc/modules)" = 0 ]
}

# What VIPs, their counters and maps are made of: objects of the slab caches of
# that size, and kB.
memory_figures()
{
	# KASAN keeps for a while what is freed; its kernel has kmemleak for that
	[ -e /sys/kernel/debug/kmemleak ] ||
		awk '$1 ~ /^kmalloc-(cg-)?(96|128|2k)$/ {print $1, $2}' /proc/slabinfo
	awk '/^Percpu:/ {print $1, $2}' /proc/meminfo
}

# memory_grew BEFORE: what is more than it was, by as much as 60 maps of 63 VIPs
memory_grew()
{
	awk '{limit = 1000}
		NR == FNR {before[$1] = $2; next}
		/2k/ {limit = 50}
		/Percpu/ {limit = 40}
		$2 - before[$1] >= limit {print $1, before[$1], $2}' \
		<(echo "$1") <(memory_figures)
}

memory_is_as_before()
{
	[ -z "$(memory_grew "$1")" ]
}

test_namespaces_come_and_go()
{
	local round before

	# The first ones fill caches.
	namespaces_add 20
	namespaces_delete
	wait_until module_is_unused
	before=$(memory_figures)
	for round in 1 2 3; do
		namespaces_add 20
		namespaces_delete
	done
	wait_until module_is_unused
	wait_until memory_is_as_before "$before" ||
		fail "memory grew: $(memory_grew "$before")"
}
scenario test_namespaces_come_and_go "ipv4" "legacy" "-"
scenario test_namespaces_come_and_go "ipv6" "nft" "-"

# The module goes when the last of them is gone, and not before.
test_namespaces_die_while_the_module_goes()
{
	local round

	for round in 1 2 3; do
		namespaces_add 2
		assert_refused 'in use' rmmod xt_DADDR
		namespaces_delete
		until rmmod xt_DADDR 2>"$lab_files/said"; do
			grep -q 'in use' "$lab_files/said" || fail "$(cat "$lab_files/said")"
		done
		assert_lacks "modules" "$(cat /proc/modules)" '^xt_DADDR '
	done
	# rules that are made while others are destroyed, by a new module
	namespaces_add 2
	namespaces_delete
	namespaces_add 2
	assert_equal "VIPs of the last" \
		"$(on "${lab_namespaces[-1]}" grep -c . /proc/net/xt_DADDR)" 64
}
scenario test_namespaces_die_while_the_module_goes "ipv4" "legacy nft" "-"

# Whoever has the file open holds neither the module nor the namespace; what he
# reads ends.
test_namespaces_die_while_counters_are_read()
{
	local name holder reader round line

	# shellcheck disable=SC2046 # the words of the options
	rule -t raw -A PREROUTING -j DADDR $(full_map 1)
	on_background "$server" sleep infinity
	holder=$!
	wait_until test "/proc/$holder/ns/net" -ef "/run/netns/$server"
	exec 7<"/proc/$holder/net/xt_DADDR"
	read -r line <&7
	assert_equal "the first line" "$line" "family table dscp daddr packets bytes"
	rule -t raw -F
	wait_until module_is_unused
	rmmod xt_DADDR
	assert_refused 'error' cat <&7
	modprobe xt_DADDR
	assert_refused 'error' cat <&7

	for round in 1 2 3; do
		namespaces_add 2
		name=${lab_namespaces[-1]}
		# each reads until its namespace, or what it reads, is gone
		on_background "$name" busybox sh -c 'cat /proc/net/xt_DADDR
			while cat /proc/net/xt_DADDR >/dev/null; do :; done' \
			>"$lab_files/read" 2>/dev/null
		reader=$!
		wait_until test "/proc/$reader/ns/net" -ef "/run/netns/$name"
		exec 8<"/proc/$reader/net/xt_DADDR"
		read -r line <&8
		wait_until test -s "$lab_files/read"
		on "$name" "$ipt-$variant" -t raw -F
		namespaces_delete
		wait_until module_is_unused
		rmmod xt_DADDR
		wait "$reader" || true
		assert_refused 'error' cat <&8
		modprobe xt_DADDR
	done
	exec 7<&- 8<&-
}
scenario test_namespaces_die_while_counters_are_read "ipv6" "legacy" "-"
