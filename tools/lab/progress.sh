# SPDX-License-Identifier: BSD-3-Clause
# Sourced: says what is being done. On a terminal in a line that changes, elsewhere
# in a line a step; with PROGRESS=off in the environment, nothing.

# progress_run LABEL LOG COMMAND...: runs it, with all that it prints in LOG, and
# returns its status
progress_run()
{
	local label=$1 log=$2 status=0 line begin=$SECONDS

	shift 2
	if [ "${PROGRESS:-}" = off ]; then
		"$@" >"$log" 2>&1
		return
	fi
	if [ -t 2 ]; then
		"$@" 2>&1 | while IFS= read -r line; do
			printf '%s\n' "$line" >&3
			line="$label: $line"
			printf '\r\033[K%s' "${line:0:${COLUMNS:-80}-1}" >&2
		done 3>"$log" || status=$?
		printf '\r\033[K' >&2
	else
		echo "$label" >&2
		"$@" >"$log" 2>&1 || status=$?
	fi
	[ "$status" -eq 0 ] || echo "$label: failed after $((SECONDS - begin)) s" >&2
	return "$status"
}
