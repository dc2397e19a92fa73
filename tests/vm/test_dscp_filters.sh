# SPDX-License-Identifier: BSD-3-Clause
# What dsrctl dscp prints for other programs, in these programs: each finds the
# packets of that DSCP, whatever their ECN, and no others.

# filter PROGRAM: its expression for DSCP 7
filter()
{
	/lab/tree/build/tools/dsrctl/dsrctl dscp 7 | sed -n "s/^$1  *//p" | grep .
}

# filters_count PROGRAM...: how many packets of the capture it shows
filters_count()
{
	assert_equal "$1" "$("$@" 2>/dev/null | wc -l)" "$expected"
}

test_dscp_filters()
{
	local version tos nft file=$lab_files/pings.pcap expected

	capture_start "$server" pings -i eth1 -Q in icmp or icmp6
	for version in 4 6; do
		use_family "ipv$version"
		nft=ip${version#4}
		# shellcheck disable=SC2046 # words of the rule
		rule -t mangle -A PREROUTING $(filter iptables)
		on "$server" nft -f - <<-TEXT
			table $nft filters { chain prerouting {
				type filter hook prerouting priority 0
				$(filter "nft IPv$version") counter
			}; }
		TEXT
		for tos in 28 30 0 24 32 156; do
			assert_ping "$neighbour" "$near_rip" "$near_rip" -Q "$tos"
		done
		assert_contains "iptables" "$(rules_save -c | grep -e --dscp)" '^\[6:'
		assert_contains "nft" "$(on "$server" nft list table "$nft" filters)" \
			'counter packets 6 '
	done
	capture_stop pings 36 'echo request'

	expected=6
	filters_count tcpdump -nr "$file" "$(filter "tcpdump IPv4")"
	filters_count tcpdump -nr "$file" "$(filter "tcpdump IPv6")"
	expected=12 # both
	filters_count tshark -nr "$file" -Y "$(filter Wireshark)"
}
scenario test_dscp_filters "-" "nft" "-"
