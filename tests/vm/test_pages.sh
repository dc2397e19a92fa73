# SPDX-License-Identifier: BSD-3-Clause
# The commands that the pages tell people to type, taken from there as they stand.
source "$(dirname "${BASH_SOURCE[0]}")/dsrctl.sh"

# block PAGE REGEXP: what PAGE has indented by four blanks, or between .nf and .fi,
# around the line that matches
block()
{
	awk -v wanted="$2" '
		function flush() {
			if (found)
				printf "%s", text
			text = ""
			found = 0
		}
		/^\.nf$/ {inside = 1; next}
		/^\.fi$/ {inside = 0; flush(); next}
		/^    / {
			line = substr($0, 5)
			found = found || line ~ wanted
			text = text line "\n"
			next
		}
		inside || /^$/ {
			found = found || (inside && $0 ~ wanted)
			text = text $0 "\n"
			next
		}
		{flush()}
		END {flush()}
	' "/lab/tree/$1" | sed 's/\\-/-/g; s/\\e$/\\/'
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

# type_on NAMESPACE PAGE REGEXP [COMMAND]: as root there, with directories of their
# own below /etc for the files that the page has written; COMMAND follows
type_on()
{
	local script

	script=$(block "$2" "$3" | commands; echo "${4:-}")
	[[ $script == *[a-z]* ]] || fail "$2 has nothing that matches $3"
	said=$(cd "$lab_files" && on "$1" unshare --mount bash -euxo pipefail -c "
		PATH=/lab/tree/build/tools/dsrctl:/lab/tree/build/tools/replay:\$PATH
		for directory in dsr.d modules-load.d sysctl.d; do
			mkdir -p /etc/\$directory
			mount -t tmpfs -o mode=755 none /etc/\$directory
		done
		$script" 2>&1) || fail "$2: $said"
}

# server_with VIP...: these on lo, and no rules
server_with()
{
	local address

	dsrctl_up </dev/null
	for address; do
		ip -n "$server" address add "$address/32" dev lo
	done
}

test_page_readme_dscp_rewrite()
{
	server_with
	type_on "$server" README.md 'modules-load' '
		modprobe $(cat /etc/modules-load.d/*.conf)
		sysctl --load /etc/sysctl.d/*.conf'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
}
scenario test_page_readme_dscp_rewrite "ipv4" "legacy" "-"

test_page_readme_iptables()
{
	server_with 10.128.8.46 10.128.8.48
	type_on "$server" README.md 'dscp-map 7='
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 10.128.9.31 10.128.8.48 -Q 184
}
scenario test_page_readme_iptables "ipv4" "legacy nft" "-"

test_page_readme_dsrctl()
{
	server_with
	serve_http "$server" "$lab_files"
	type_on "$server" README.md 'shop.conf' 'dsrctl check; dsrctl doctor --sample 0'
	assert_contains "status" "$said" 'started 10\.128\.8\.46 .* up$'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 28
	assert_ping "$neighbour" 10.128.9.31 10.128.8.47 -Q 40
}
scenario test_page_readme_dsrctl "ipv4" "legacy nft" "-"

test_page_of_the_modules()
{
	server_with 10.128.8.46 10.128.8.49
	type_on "$server" kmod/README.md '^iptables -t raw -A PREROUTING -j DADDR'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	type_on "$server" kmod/README.md 'noflush'
	assert_equal "rules" "$(rule -t raw -S PREROUTING | grep -c DADDR)" 1
	assert_ping "$neighbour" 10.128.9.31 10.128.8.49 -Q 36
	type_on "$server" kmod/README.md 'set-dport'
	assert_equal "rules" "$(rule -t raw -S PREROUTING | grep -c DADDR)" 2
}
scenario test_page_of_the_modules "ipv4" "legacy nft" "-"

test_page_of_dsrctl()
{
	server_with
	type_on "$server" tools/dsrctl/README.md 'shop.conf'
	assert_contains "metrics" "$said" '^dsrctl_vip_packets_total.*10\.128\.8\.47'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.48 -Q 76
}
scenario test_page_of_dsrctl "ipv4" "legacy" "-"

test_page_dscp_rewrite()
{
	server_with
	type_on "$server" kmod/dscp_rewrite.4 '^modprobe'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
}
scenario test_page_dscp_rewrite "ipv4" "legacy" "-"

test_page_of_the_replayer()
{
	server_with 10.128.8.46
	modprobe dscp_rewrite
	on "$server" sysctl -q net.ipv4.dscp_rewrite.7=10.128.8.46
	capture_start "$server" in -i eth1 icmp
	on "$neighbour" ping -q -c 10 -i 0.01 -Q 28 10.128.9.31
	capture_stop in 10 'echo reply'
	on_background "$client" ping -q -i 0.002 74.80.1.1 >/dev/null
	type_on "$server" tools/replay/daddr-replay.1 'set-daddr'
}
scenario test_page_of_the_replayer "ipv4" "legacy nft" "-"
