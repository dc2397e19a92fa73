# SPDX-License-Identifier: BSD-3-Clause
# What the manuals of dsrctl tell people to type on a server.
source "$(dirname "${BASH_SOURCE[0]}")/pages.sh"

test_page_dsrctl()
{
	local page=tools/dsrctl/dsrctl.8

	server_with
	mkdir -p /var/lib/prometheus/node-exporter
	echo '10.128.8.46 = 7' >"$conf/vip.conf"
	type_on "$server" $page '^dsrctl start'
	assert_lacks "VIPs that are not started" "$said" '^l3dsr'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	echo '10.128.8.47 = 8' >"$conf/vip.conf"
	type_on "$server" $page '^dsrctl start'
	assert_contains "-v reload" "$(printed_by '-v reload')" \
		'^\+sysctl -w net\.ipv4\.dscp_rewrite\.7=$'

	type_on "$server" $page '^dsrctl -n -a stop' 'cat /var/lib/prometheus/*/*.prom'
	assert_contains "-n -a stop" "$(printed_by '-n -a stop')" \
		'^\+ip address del 10\.128\.8\.47/32 dev lo'
	assert_ping "$neighbour" 10.128.9.31 10.128.8.47 -Q 32
	assert_contains "metrics" "$(printed_by cat)" '^dsrctl_vip_packets_total.*10\.128\.8\.47'
	assert_contains "a DSCP" "$(printed_by 'dscp 0xb8')" '^class +EF$'
	before=$go_on type_on "$server" tools/monitoring/README.md 'doctor --metrics' \
		'cat /var/lib/prometheus/node-exporter/dsrctl-doctor.prom'
	assert_contains "doctor's metrics" "$(printed_by cat)" '^dsrctl_doctor_findings'
}
scenario test_page_dsrctl "ipv4" "nft" "-"

# Each rule that counts, with the file that it counts for.
test_page_dsrctl_rules()
{
	local rules number files=('10.128.8.46 = 7' $'10.128.8.46 = 7\n10.128.8.47 = 8'
		'10.128.8.46:80 = 7 tcp 8080')

	server_with 10.128.8.46 10.128.8.47
	# a line that begins with blanks continues the one before
	mapfile -t rules < <(block tools/dsrctl/dsrctl.8 '^-j DADDR --dscp-map' |
		sed -z 's/\n  */ /g')
	assert_equal "rules that count" "${#rules[@]}" "${#files[@]}"
	for number in "${!files[@]}"; do
		echo "${files[number]}" >"$conf/vip.conf"
		assert_exit 1 dsrctl check
		type_script "$server" "iptables -t raw -A PREROUTING ${rules[number]}" ||
			fail "$said"
		assert_started
		on "$server" iptables -t raw -F
	done
}
scenario test_page_dsrctl_rules "ipv4" "legacy" "-"

# unit_command UNIT PAGE: what the unit runs, with what the page says to put into its
# environment
unit_command()
{
	local settings

	settings=$(block "$2" '^Environment=' | sed -n 's/^Environment=/export /p')
	[ "$settings" ] || fail "$2 has no Environment="
	echo "$settings"
	sed -n 's|^ExecStart=.*sbin/|exec |p' "/lab/tree/build/tools/dsrctl/$1"
}

test_page_services()
{
	server_with
	echo '10.128.8.46 = 7' >"$conf/vip.conf"
	on_background "$server" socat -u "UNIX-RECV:$lab_files/notify" "CREATE:$lab_files/notified"
	wait_until test -S "$lab_files/notify"
	on_background "$server" env "NOTIFY_SOCKET=$lab_files/notify" unshare --mount \
		bash -c "$(typing "$(unit_command dsrctl.service tools/dsrctl/guard/dsrctl-guard.8)")"
	wait_until grep -q 'puts nothing back' "$lab_files/notified"
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28

	mkdir -p /srv/metrics
	type_script "$server" "$(unit_command dsrctl-metrics.service tools/dsrctl/dsrctl.8)" ||
		fail "$said"
	assert_contains "metrics" "$(cat /srv/metrics/dsrctl.prom)" \
		'^dsrctl_vip_packets_total.*10\.128\.8\.46.* 3$'
}
scenario test_page_services "ipv4" "nft" "-"

test_page_dsr_conf()
{
	local page=tools/dsrctl/dsr.conf.5

	server_with
	ip -n "$server" address add 10.128.9.32/24 dev eth1
	block $page '^# a server with two' >"$conf/vip.conf"
	echo '10.128.8.60 www.example.com' >"$lab_files/hosts"
	type_script "$server" 'mount --bind hosts /etc/hosts
		dsrctl start
		dsrctl check' || fail "$said"
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	assert_ping "$neighbour" 2001:db8:9::31 2001:db8::46 -Q 28
	assert_ping "$neighbour" 10.128.9.31 10.128.8.60 -Q 40
	assert_ping "$neighbour" 10.128.9.31 10.128.8.47 -Q 80
	assert_ping "$neighbour" 10.128.9.31 10.128.8.50 -Q 84
	assert_ping "$neighbour" 10.128.9.32 10.128.8.51 -Q 84

	for dscp in {1..63}; do echo "10.77.0.$dscp = $dscp"; done >"$conf/vip.conf"
	type_script "$server" 'dsrctl lb-config --vendor vpp --real 10.128.9.31' || fail "$said"
	assert_equal "DSCPs that are warned of" \
		"$(sed -n 's/.*warning: .* DSCP \([0-9]*\) (TOS.*/\1/p' <<<"$said" | xargs)" \
		"$(block $page '^46 .EF' | awk '{print $1}' | xargs)"
}
scenario test_page_dsr_conf "ipv4" "legacy" "-"

test_page_doctor()
{
	local page=tools/dsrctl/doctor/dsrctl-doctor.8

	server_with
	echo '10.128.8.46 = 7' >"$conf/vip.conf"
	serve_http "$server" "$lab_files"
	before=$go_on type_on "$server" $page '^dsrctl doctor --port' true
	assert_contains "what is wrong" "$(printed_by 'dsrctl doctor')" '^error: vip-missing: '
	assert_contains "services" "$(printed_by --port)" \
		'^error: service-missing: nothing listens on 10\.128\.8\.46 TCP port 443$'

	# somebody at a terminal, who says yes
	before='dsrctl() {
		case $* in
		*--fix*) script -qec "dsrctl $*" /dev/null <<<y ;;
		*) command dsrctl "$@" ;;
		esac
	}' type_on "$server" $page '^dsrctl doctor --fix'
	assert_started
	assert_equal "errors that are left" "$(printed_by 'command dsrctl doctor --json')" ''

	mkdir "$lab_files/other"
	echo '10.128.8.46 = 8' >"$lab_files/other/vip.conf"
	before="$go_on
		scp() { cp -r other \"\$3\"; }" type_on "$server" $page --compare true
	assert_contains "another server" "$said" \
		'^error: files-disagree: /etc/dsr\.d/vip\.conf:1 .* /tmp/other/vip\.conf:1 '
}
scenario test_page_doctor "ipv4" "nft" "-"

test_page_watch()
{
	local page=tools/dsrctl/watch/dsrctl-watch.8

	server_with
	echo '10.128.8.46 = 7' >"$conf/vip.conf"
	dsrctl start
	capture_start "$server" server -i eth1 icmp
	assert_ping "$neighbour" 10.128.9.31 10.128.8.46 -Q 28
	capture_stop server 6 'ICMP echo'
	on_background "$neighbour" ping -q -i 0.05 -Q 28 10.128.9.31 >/dev/null
	on_background "$client" ping -q -i 0.05 -Q 28 74.80.1.1 >/dev/null
	# what would not end, ends after so many packets
	before='dsrctl() { command dsrctl "$@" --count 40; }'
	type_on "$server" $page '^dsrctl watch -i'
	assert_equal "reports ($said)" \
		"$(grep -cE '^10\.128\.8\.46 +7 +28 +0x1c +000111b +[1-9]' <<<"$said")" 2
	assert_contains "a report as JSON" "$said" \
		'^\{"end":true,.*"packets":[1-9].*"requests":\{"bytes":[1-9].*"vip":"10\.128\.8\.46"'
	type_on "$server" $page tcpdump
	assert_equal "reports ($said)" \
		"$(grep -cE '^10\.128\.8\.46 +7 +28 +0x1c +000111b +[1-9]' <<<"$said")" 2
	assert_contains "of a capture" "$(printed_by "command dsrctl watch --read server")" \
		'^10\.128\.8\.46 .* 000111b +3 +252 +3 +252 +3 +0$'
}
scenario test_page_watch "ipv4" "nft" "-"
