# SPDX-License-Identifier: BSD-3-Clause
# Sourced by suites: results in the Test Anything Protocol. A suite prints
# tap_begin first, a result for each test, and tap_plan last, which fails when one
# of them has.

tap_begin()
{
	tap_tests=0 tap_failed=0
	echo "TAP version 13"
}

# tap_ok NAME [FILE]: passed; FILE has what else to show
# tap_not_ok NAME [FILE]: failed; FILE has what was said
# tap_skip NAME REASON
tap_ok()
{
	tap_tests=$((tap_tests + 1))
	echo "ok - $1"
	[ $# -eq 1 ] || tap_comment <"$2"
}

tap_not_ok()
{
	tap_tests=$((tap_tests + 1)) tap_failed=$((tap_failed + 1))
	echo "not ok - $1"
	[ $# -eq 1 ] || tap_comment <"$2"
}

tap_skip()
{
	tap_tests=$((tap_tests + 1))
	echo "ok - $1 # SKIP ${2:-no reason}"
}

# Of standard input.
tap_comment()
{
	sed 's/^/# /'
}

tap_plan()
{
	echo "1..$tap_tests"
	[ "$tap_failed" -eq 0 ]
}
