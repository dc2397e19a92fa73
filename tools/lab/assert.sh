# SPDX-License-Identifier: BSD-3-Clause
# Sourced in the lab, after topology.sh: the rules of a scenario, and what must
# be true of its packets. A scenario runs in a shell of its own, with -e.

# use_variant legacy|nft: which iptables the rules are given to
use_variant()
{
	variant=$1
}

# rule ARGUMENT...: iptables or ip6tables, of the family and variant, on the
# server; rules_save and rules_restore likewise
rule()
{
	on "$server" "$ipt-$variant" "$@"
}

rules_save()
{
	on "$server" "$ipt-$variant-save" "$@"
}

rules_restore()
{
	on "$server" "$ipt-$variant-restore" "$@"
}

fail()
{
	printf 'FAILED: %s\n' "$*"
	exit 1
}

# Ends a scenario that cannot run here, with the reason. No program that a
# scenario runs ends with this status.
skipped=77
skip()
{
	printf 'SKIPPED: %s\n' "$*"
	exit "$skipped"
}

# assert_equal WHAT FOUND EXPECTED
assert_equal()
{
	[ "$2" = "$3" ] || fail "$(printf '%s:\nfound:    %s\nexpected: %s' "$@")"
}

# assert_contains WHAT TEXT PATTERN: a line of TEXT matches (extended regexp)
assert_contains()
{
	grep -qE -e "$3" <<<"$2" ||
		fail "$(printf '%s:\nfound:    %s\nexpected: %s' "$@")"
}

# assert_lacks WHAT TEXT PATTERN
assert_lacks()
{
	! grep -qE -e "$3" <<<"$2" ||
		fail "$(printf '%s:\nfound:    %s\nexpected: nothing like %s' "$@")"
}

# assert_refused PATTERN COMMAND...: the command fails, and says so
assert_refused()
{
	local pattern=$1 said status=0

	shift
	said=$("$@" 2>&1) || status=$?
	[ $status -ne 0 ] || fail "accepted, expected a refusal: $*"
	[ $status -lt 126 ] || fail "status $status, expected a refusal: $*: $said"
	assert_contains "the refusal of: $*" "$said" "$pattern"
}

# assert_kernel_said PATTERN: in the kernel log, since this scenario began
assert_kernel_said()
{
	kernel_log_collect
	assert_contains "kernel log" "$(tail -n "+$scenario_log" "$kernel_log")" "$1"
}

# assert_ping NAMESPACE ADDRESS ANSWERING ARGUMENT...: pings ADDRESS with these
# arguments, and all answers come from ANSWERING
assert_ping()
{
	local namespace=$1 address=$2 answering=$3 said

	shift 3
	said=$(on "$namespace" ping -n -c 3 -i 0.01 -W 5 "$@" "$address") || true
	assert_equal "answers to ping $* $address" \
		"$(sed -n 's/.*bytes from \([^ ]*\): icmp_seq.*/\1/p' <<<"$said" |
			sort | uniq -c | xargs)" \
		"3 $answering"
}

# assert_no_answer NAMESPACE ADDRESS ARGUMENT...: nothing answers these pings
assert_no_answer()
{
	local namespace=$1 address=$2 said

	shift 2
	said=$(on "$namespace" ping -n -c 2 -i 0.01 -W 0.5 "$@" "$address") || true
	assert_contains "ping $* $address" "$said" ' 0 received'
}

url_host()
{
	case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac
}

# assert_http NAMESPACE ADDRESS FILE: GET of FILE's name returns its bytes
assert_http()
{
	local got=$lab_files/got

	on "$1" curl -sS --max-time 20 -o "$got" \
		"http://$(url_host "$2")/$(basename "$3")" ||
		fail "GET of $(basename "$3") from $2"
	cmp "$got" "$3" || fail "the bytes received from $2 differ"
}

# assert_udp_echo NAMESPACE ADDRESS PORT FILE: FILE, as one datagram, comes back
assert_udp_echo()
{
	local udp=UDP4 got=$lab_files/got size

	size=$(stat -c %s "$4")
	[[ $2 != *:* ]] || udp=UDP6
	on "$1" socat -b 65536 -t 10 -T 10 - \
		"$udp:$(url_host "$2"):$3,readbytes=$size" \
		<"$4" >"$got" || true
	cmp "$got" "$4" || fail "the datagram that came back from $2 differs"
}

# assert_no_checksum_errors NAMESPACE...: none of the kernel's counters says so
assert_no_checksum_errors()
{
	local name counters

	for name; do
		counters=$(on "$name" nstat -as)
		assert_contains "counters of $name" "$counters" '^Ip6?InReceives '
		assert_equal "checksum errors in $name" \
			"$(awk '/InCsumErrors|InHdrErrors/ && $2 > 0' <<<"$counters")" ""
	done
}

# assert_captured NAME COUNT PATTERN: so many packets of a capture match, as
# capture_text prints them
assert_captured()
{
	assert_equal "packets in capture $1 like: $3" \
		"$(capture_count "$1" "$3")" "$2"
}
