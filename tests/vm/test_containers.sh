# SPDX-License-Identifier: BSD-3-Clause
# Administrators that the host does not trust: root of a user namespace, which
# any user of the host can become, in a network namespace of its own. They can
# use the target, and harm nobody else with it.

# container: the script that it is given runs there, with the functions of
# assert.sh. It has the addresses of the server's eth1, of the VIP and of the
# client on its loopback.
container()
{
	# tables that only the host may load
	rule -t raw -S >/dev/null
	rule -t mangle -S >/dev/null
	modprobe xt_DADDR
	export family ipt variant near_rip near_vip vip client_ip unused_ip
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user --net --mount --pid --fork --mount-proc \
		bash -eE -c '
			trap "echo \"FAILED in the container: \$BASH_COMMAND\"" ERR
			source tools/lab/assert.sh
			rule() { "$ipt-$variant" "$@"; }
			mount -t tmpfs tmpfs /run # the lock of iptables
			ip link set lo up
			# a packet of its own that is routed anew has a source of its own
			echo 1 >/proc/sys/net/ipv4/conf/lo/accept_local
			ip address add "$near_rip" dev lo
			ip address add "$near_vip" dev lo
			ip address add "$client_ip" dev lo
			'"$(cat)" </dev/null
}

test_container_can_use_the_target()
{
	container <<'TEXT'
[ "$(id -u)" = 0 ]
answers_from()
{
	ping -n -c 3 -i 0.01 -W 5 -Q 28 -I "$client_ip" "$near_rip" | sed -n "s/.*bytes from \([^ ]*\): icmp_seq.*/\1/p" |
		sort | uniq -c | xargs
}
for table in raw mangle; do
	rule -t $table -A PREROUTING -d "$near_rip" -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
	assert_equal "answers by a single rule in $table" "$(answers_from)" "3 $near_vip"
	rule -t $table -F
	assert_equal "answers without a rule" "$(answers_from)" "3 $near_rip"
	rule -t $table -A PREROUTING -d "$near_rip" -j DADDR --dscp-map "7=$near_vip"
	assert_equal "answers by a map in $table" "$(answers_from)" "3 $near_vip"
	assert_contains "its counters" "$(cat /proc/net/xt_DADDR)" "^$family $table 7 $near_vip 3 "
	"$ipt-$variant-save" -t $table >/run/saved
	"$ipt-$variant-restore" </run/saved
	rule -t $table -F
done
TEXT
}
scenario test_container_can_use_the_target "ipv4 ipv6" "legacy nft" "-"

# The same VIP in the host's namespace, in the container, and in one within it.
test_container_has_its_own_counters()
{
	local counters

	rule -t raw -A PREROUTING -j DADDR --dscp-map "7=$near_vip,8=$vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	counters=$(on "$server" cat /proc/net/xt_DADDR)
	container <<'TEXT'
none="family table dscp daddr packets bytes"
assert_equal "counters before there is a rule" "$(cat /proc/net/xt_DADDR)" "$none"
rule -t raw -A PREROUTING -d "$near_rip" -j DADDR --dscp-map "7=$near_vip"
ping -n -q -c 5 -i 0.01 -W 5 -Q 28 -I "$client_ip" "$near_rip" >/dev/null
own=$(cat /proc/net/xt_DADDR)
assert_contains "own counters" "$own" "^$family raw 7 $near_vip 5 "
assert_equal "lines of own counters" "$(wc -l <<<"$own")" 2
for file in /proc/[0-9]*/net/xt_DADDR; do
	assert_equal "counters in $file" "$(cat "$file")" "$own"
done
assert_refused 'Permission denied' sh -c "echo 0 >/proc/net/xt_DADDR"
assert_equal "own counters after it" "$(cat /proc/net/xt_DADDR)" "$own"
assert_equal "counters of a namespace within" "$(unshare --net cat /proc/self/net/xt_DADDR)" "$none"
rule -t raw -F
TEXT
	assert_equal "counters of the host afterwards" \
		"$(on "$server" cat /proc/net/xt_DADDR)" "$counters"
}
scenario test_container_has_its_own_counters "ipv4 ipv6" "legacy nft" "-"

# A chain of its own is no way round the hooks that the target may stand in.
test_container_is_refused_wrong_hooks()
{
	container <<'TEXT'
target="-j DADDR --set-daddr $near_vip"
rule -t mangle -N dsr
rule -t mangle -N way
rule -t mangle -A way -j dsr
rule -t mangle -A dsr $target
rule -t mangle -A PREROUTING -j way
for chain in FORWARD POSTROUTING; do
	for how in -j -g; do
		assert_refused 'Invalid argument' rule -t mangle -A $chain $how dsr
		assert_refused 'Invalid argument' rule -t mangle -A $chain $how way
	done
done
if [ "$variant" = nft ]; then
	ip=ip
	[ "$family" = ipv4 ] || ip=ip6
	rule -t mangle -A FORWARD -s "$unused_ip"
	assert_refused 'Invalid argument' nft "add rule $ip mangle FORWARD $ip dscp vmap { 7 : jump dsr }"
	nft "add map $ip mangle ways { type dscp : verdict; }"
	nft "add rule $ip mangle FORWARD $ip dscp vmap @ways"
	assert_refused 'Invalid argument' nft "add element $ip mangle ways { 7 : goto way }"
	nft "flush chain $ip mangle FORWARD"
fi
# the chain is called from both, before the target is in it
rule -t mangle -F dsr
rule -t mangle -A FORWARD -j way
assert_refused 'Invalid argument' rule -t mangle -A dsr $target
assert_refused 'Invalid argument' rule -t mangle -A way -j DADDR --dscp-map "7=$near_vip"
assert_lacks "rules" "$("$ipt-$variant-save")" DADDR
rule -t mangle -F FORWARD
rule -t mangle -A INPUT -j way
rule -t mangle -A OUTPUT -j way
rule -t mangle -A dsr $target
TEXT
}
scenario test_container_is_refused_wrong_hooks "ipv4 ipv6" "legacy nft" "-"

# Past the plugin.
test_container_is_refused_bad_rules()
{
	container <<'TEXT'
build/tests/vm/refused_rules "ip${family#ipv}" "$variant"
TEXT
}
scenario test_container_is_refused_bad_rules "ipv4 ipv6" "legacy nft" "-"

# The lines that the module wrote since this scenario began
module_said()
{
	kernel_log_collect
	tail -n "+$scenario_log" "$kernel_log" | grep -c ' xt_DADDR: ' || true
}

# Nor can they fill the kernel log, or use up what the host is told.
test_container_cannot_flood_the_kernel_log()
{
	local lines

	# what scenarios before made it say counts for so long
	read -rt 5.1 <> <(:) || true
	SECONDS=0
	container <<'TEXT'
build/tests/vm/refused_rules "ip${family#ipv}" "$variant" 500
TEXT
	lines=$(module_said)
	[ "$lines" -ge 1 ] || fail "the module did not say why"
	# 10 in 5 s, at whatever speed this machine is
	[ "$lines" -le $((10 * (2 + SECONDS / 5))) ] ||
		fail "$lines lines in $SECONDS s"
	on "$server" build/tests/vm/refused_rules "ip${family#ipv}" "$variant" 1
	[ "$(module_said)" -gt "$lines" ] || fail "the host is not told why"
}
scenario test_container_cannot_flood_the_kernel_log "ipv4" "legacy nft" "-"
