# SPDX-License-Identifier: BSD-3-Clause
# Sourced: waiting for what others do in their own time.

# wait_until COMMAND...: until it succeeds, for at most $wait_seconds (15)
wait_until()
{
	local end=$((SECONDS + ${wait_seconds:-15}))

	while [ $SECONDS -lt $end ]; do
		"$@" >/dev/null 2>&1 && return 0
		read -rt 0.02 <> <(:) || true
	done
	echo "waited in vain for: $*" >&2
	return 1
}
