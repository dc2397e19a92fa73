# SPDX-License-Identifier: BSD-3-Clause
# A healthy server, and what dsrctl doctor says of it. For test_doctor*.sh.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# Without a sample, unless $seconds says so: it takes its time.
doctor()
{
	on "$server" env -i XTABLES_LIBDIR="$XTABLES_LIBDIR" \
		/lab/tree/build/tools/dsrctl/dsrctl doctor -d "$conf" \
		--sample "${seconds:-0}" "$@"
}

# doctor_asks ANSWER: --fix on a terminal
doctor_asks()
{
	on "$server" env -i XTABLES_LIBDIR="$XTABLES_LIBDIR" script -qec \
		"/lab/tree/build/tools/dsrctl/dsrctl doctor -d $conf --sample 0 --fix" \
		/dev/null <<<"$1"
}

# A server on which all is well: started, with a service that listens on all
# addresses.
healthy()
{
	dsrctl_up
	mkdir -p "$lab_files/www"
	serve_http "$server" "$lab_files/www"
	assert_exit 0 dsrctl --table raw start
	assert_silent
}

assert_silent()
{
	assert_exit 0 doctor "$@"
	assert_contains "doctor" "$said" '^[0-9]+ VIPs?: 0 errors, 0 warnings'
	assert_equal "lines that doctor prints" "$(wc -l <<<"$said")" 1
}

# assert_finds SEVERITY ID PATTERN [OPTION]...: and nothing else that bad
assert_finds()
{
	local severity=$1 id=$2 pattern=$3 status=3

	shift 3
	[ "$severity" = warning ] || status=2
	assert_exit "$status" doctor "$@"
	assert_contains "doctor" "$said" "^$severity: $id: $pattern"
	assert_equal "findings" \
		"$(grep -E '^(error|warning|note): ' <<<"$said" | cut -d : -f 2 | sort -u | xargs)" \
		"$id"
}

switch()
{
	on "$server" sysctl -qw "$@"
}

# What --fix --yes does leaves nothing to say.
assert_fixed()
{
	assert_exit 0 doctor --fix --yes "$@"
	assert_contains "doctor --fix" "$said" 'to keep it: .'
	assert_silent
}

# Runs the commands that doctor names as fixes.
apply_fixes()
{
	sed -n 's/^    fix:  //p' <<<"$said" >"$lab_files/fixes"
	[ -s "$lab_files/fixes" ] || fail "no fix: $said"
	on "$server" bash -e "$lab_files/fixes"
}
