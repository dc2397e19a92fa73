# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scenarios of pages: what those tell people to type, taken from
# there as it stands.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# block PAGE REGEXP: what PAGE has indented by four blanks, or between .nf and .fi,
# around the line that matches
block()
{
	sed 's/\\-/-/g; s/\\e$/\\/' "/lab/tree/$1" | awk -v wanted="$2" '
		function flush() {
			if (found)
				printf "%s", text
			text = ""
			found = 0
		}
		/^\.nf$/ {inside = 1; next}
		/^\.fi$/ {inside = 0; flush(); next}
		inside || /^    / || /^$/ {
			if (!inside)
				sub(/^    /, "")
			found = found || $0 ~ wanted
			text = text $0 "\n"
			next
		}
		{flush()}
		END {flush()}'
}

# commands: of a block, what is typed; what follows "# /PATH", up to an empty line
# or the next of these, is written to PATH
commands()
{
	awk '
		/^# \// {
			if (file)
				print "END"
			file = $2
			print "cat >" file " <<\"END\""
			next
		}
		file && /^$/ {
			print "END"
			file = ""
		}
		{print}
		END {
			if (file)
				print "END"
		}'
}

# typing SCRIPT: it, as what root types: $conf is in place of /etc/dsr.d, and what is
# written below other directories of /etc stays there for as long as it runs
typing()
{
	cat <<-TEXT
		set -euo pipefail
		cd '$lab_files'
		PATH=/lab/tree/build/tools/dsrctl:/lab/tree/build/tools/replay:\$PATH
		mkdir -p /etc/dsr.d /etc/modules-load.d /etc/sysctl.d /etc/keepalived
		mount --bind '$conf' /etc/dsr.d
		for directory in modules-load.d sysctl.d keepalived; do
			mount -t tmpfs -o mode=755 none /etc/\$directory
		done
		set -x
		$1
	TEXT
}

# type_script NAMESPACE SCRIPT: what it says is in $said
type_script()
{
	said=$(on "$1" unshare --mount bash -c "$(typing "$2")" 2>&1)
}

# type_on NAMESPACE PAGE REGEXP [COMMAND]: the block that matches; before it what
# $before has, COMMAND after it
before=
type_on()
{
	local script

	script=$(block "$2" "$3" | commands)
	[[ $script == *[a-z]* ]] || fail "$2 has nothing that matches $3"
	type_script "$1" "$before
		$script
		${4:-}" || fail "$2: $said"
}

# Typed before what fails on purpose: the rest is typed all the same.
go_on='set +eo pipefail'

# printed_by COMMAND: of $said, what the first command that has these words printed
printed_by()
{
	awk -v words="$1" '
		/^\++ / {printing = !done && index($0, words); done = done || printing; next}
		printing' <<<"$said"
}

# unfolded: the text on standard input as one line, without what differs each time
unfolded()
{
	xargs -d '\n' | tr -s ' ' | sed 's/[0-9.]* ms/N ms/g'
}

# assert_shows NAMESPACE PAGE REGEXP STATUS: a command after "# ", and what it prints
assert_shows()
{
	local text

	text=$(block "$2" "$3")
	assert_exit "$4" on "$1" env PATH="/lab/tree/build/tools/dsrctl:$PATH" \
		bash -c "$(sed -n 's/^# //p' <<<"$text")"
	assert_equal "$2: $3" "$(unfolded <<<"$said")" \
		"$(sed '/^# /d' <<<"$text" | unfolded)"
}

# server_with VIP...: these on lo, no rules, and no configuration
server_with()
{
	local address

	dsrctl_up </dev/null
	for address; do
		ip -n "$server" address add "$address/32" dev lo
	done
}
