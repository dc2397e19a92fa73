# SPDX-License-Identifier: BSD-3-Clause
# dsrctl doctor: each failure made for real, and named.
source "$(dirname "${BASH_SOURCE[0]}")/doctor.sh"

test_doctor_names_what_is_missing()
{
	healthy <<<"10.128.8.46=7
2001:db8::46=7"

	# addresses
	on "$server" ip address delete 10.128.8.46/32 dev lo
	assert_finds error vip-missing '10.128.8.46 is on no interface, but belongs on lo \(.*10-vip.conf:1\)'
	assert_contains "doctor" "$said" "fix:  dsrctl -d $conf start"
	assert_exit 2 doctor_asks n
	assert_exit 2 doctor
	assert_exit 0 doctor_asks y
	assert_contains "doctor --fix" "$said" "Do this, against vip-missing"
	assert_contains "doctor --fix" "$said" 'to keep it: systemctl enable dsrctl'
	assert_silent --fix

	on "$server" ip address delete 10.128.8.46/32 dev lo
	on "$server" ip link add dummy0 type dummy
	on "$server" ip address add 10.128.8.46/32 dev dummy0
	assert_finds warning vip-misplaced '10.128.8.46 is on dummy0, but belongs on lo'
	on "$server" ip address add 10.128.8.46/32 dev lo
	assert_finds warning vip-elsewhere '10.128.8.46 is on dummy0 too, but belongs on lo only'
	assert_contains "doctor" "$said" 'fix:  ip address del 10.128.8.46/32 dev dummy0'
	on "$server" ip address delete 10.128.8.46/32 dev dummy0
	on "$server" ip address add 10.128.8.46/24 dev lo
	assert_finds warning vip-network '10.128.8.46/24 is on lo'
	on "$server" ip address delete 10.128.8.46/24 dev lo
	assert_silent

	# rules
	rules_restore <<-TEXT
		*raw
		-F
		COMMIT
	TEXT
	assert_finds error rule-missing 'there is no rule for DSCP 7 \(TOS 28, 0x1c, 000111b\) to 10.128.8.46'
	assert_exit 2 doctor --fix
	assert_contains "doctor --fix without a terminal" "$said" '--fix has no terminal to ask on'
	assert_exit 2 doctor
	assert_fixed
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28

	echo '10.1.1.1 = 7' >"$conf/20.conf"
	assert_finds error configuration '.*20.conf:1: found DSCP 7 for 10.1.1.1, expected another one'
	rm "$conf/20.conf"
	assert_exit 0 dsrctl stop
	rm "$conf"/*
	assert_finds warning nothing-configured 'there is no VIP'
}
scenario test_doctor_names_what_is_missing "ipv4" "nft" "-"

# The modules, in a layer that can be written to.
writable_modules()
{
	local modules

	modules=/lib/modules/$(uname -r)
	mkdir -p /run/modules/upper /run/modules/work
	mount -t overlay -o "lowerdir=$modules,upperdir=/run/modules/upper,workdir=/run/modules/work" \
		modules "$modules"
}

# spoil_module FILE: as if it had been built for another kernel; compressed, as
# Debian's are from 13 on, or not
spoil_module()
{
	local plain=$lab_files/spoilt.ko

	case $1 in
	*.xz) xz -dc "$1" >"$plain" ;;
	*) cp "$1" "$plain" ;;
	esac
	sed -i 's/vermagic=\([^ ]*\) SMP /vermagic=\1 XMP /' "$plain"
	case $1 in
	*.xz) xz --check=crc32 -c "$plain" >"$1" ;;
	*) cp "$plain" "$1" ;;
	esac
}

test_doctor_knows_why_the_module_is_not_there()
{
	local module rewrite compat list release

	release=$(uname -r)
	release=${release//+/[+]} # in a regexp
	list=/lib/modules/$(uname -r)/modules.dep
	module=$(modinfo -n xt_DADDR)
	rewrite=$(modinfo -n dscp_rewrite)
	compat=$(find "/lib/modules/$(uname -r)/kernel" -name 'nft_compat.ko*')
	healthy <<<"10.128.8.46=7"
	assert_exit 0 dsrctl stop
	module_unload || fail "xt_DADDR is still in use"
	assert_exit 2 doctor
	assert_contains "doctor" "$said" '^warning: module-not-loaded: the module dscp_rewrite is not loaded'
	assert_contains "doctor" "$said" '^error: rule-missing: '
	assert_fixed
	assert_lacks "modules" "$(lsmod)" '^xt_DADDR '
	assert_exit 0 dsrctl stop
	assert_lacks "modules" "$(lsmod)" '^dscp_rewrite '

	# a host that has none of dscp_rewrite
	writable_modules
	mv "$rewrite" "$lab_files/rewrite.ko"
	assert_exit 2 doctor
	assert_contains "doctor" "$said" '^warning: module-not-loaded: the module xt_DADDR is not loaded'
	assert_fixed
	assert_contains "modules" "$(lsmod)" '^xt_DADDR '
	assert_exit 0 dsrctl stop
	module_unload || fail "xt_DADDR is still in use"

	cp "$module" "$lab_files/good.ko"
	spoil_module "$module"
	! modprobe xt_DADDR 2>/dev/null || fail "the doctored module was loaded"
	assert_exit 2 doctor
	assert_contains "doctor" "$said" "^error: module-vermagic: ${module//+/[+]} is built for the kernel \"$release XMP .*\", and this one is \"$release SMP"

	rm "$module"
	! modprobe xt_DADDR 2>/dev/null || fail "the missing module was loaded"
	assert_exit 2 doctor
	assert_contains "doctor" "$said" "^error: module-missing: modprobe finds neither dscp_rewrite nor xt_DADDR for the kernel $release"
	cp "$lab_files/good.ko" "$module"
	assert_fixed
	assert_exit 0 dsrctl stop

	# what RHEL 10 has in a package of its own, and the plugin
	until modprobe -qr nft_compat; do sleep 0.1; done
	mv "$compat" "$lab_files"
	cp "$list" "$lab_files"
	sed -i '/nft_compat/d' "$list"	# what depmod does, sooner
	assert_exit 2 doctor
	assert_contains "doctor" "$said" "^error: kernel-modules-missing: the kernel $release has no nft_compat"
	assert_exit 1 dsrctl --backend daddr start
	mv "$lab_files/${compat##*/}" "$compat"
	cp "$lab_files/modules.dep" "$list"
	assert_fixed
	XTABLES_LIBDIR=/usr/lib/none assert_exit 2 doctor
	assert_contains "doctor" "$said" '^error: plugin-missing: '
	mv "$lab_files/rewrite.ko" "$rewrite"
}
scenario test_doctor_knows_why_the_module_is_not_there "ipv4" "nft" "-"

test_doctor_looks_through_rules()
{
	local other=legacy line

	healthy <<<"10.128.8.46=7
198.18.0.250=4"
	line="PREROUTING -m dscp --dscp 0x04 -j DADDR --set-daddr 198.18.0.250"
	[ "$variant" = nft ] || other=nft

	# the other variant; the fixes that it names work
	# shellcheck disable=SC2086 # the words of the rule
	on "$server" "iptables-$other" -t raw -A $line
	assert_finds warning variant-mix "\"iptables-$other -t raw -A $line\" is a rule of the other variant: this system's iptables is iptables-$variant"
	apply_fixes
	assert_silent
	rule -t raw -F

	# mangle, without and with conntrack, and with rules that drop
	# shellcheck disable=SC2086 # the words of the rule
	rule -t mangle -A $line
	rule -t mangle -A PREROUTING -j DADDR --dscp-map 7=10.128.8.46
	assert_silent
	rule -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	assert_finds warning mangle-conntrack "\"iptables -t mangle -A $line\" rewrites after connection tracking"
	rule -A OUTPUT -m conntrack --ctstate INVALID -j DROP
	assert_finds error invalid-drop '.* what is invalid is dropped \(rule "-t filter -A OUTPUT -m conntrack --ctstate INVALID -j DROP"\)'
	assert_no_http
	rule -F
	on "$server" nft -f - <<-TEXT
		table inet guard {
			chain output {
				type filter hook output priority filter
				ct state vmap { established : accept, invalid : drop }
			}
		}
	TEXT
	assert_finds error invalid-drop '.* what is invalid is dropped \(rule with handle [0-9]+ of the nftables chain inet guard output\)'
	assert_no_http
	apply_fixes
	assert_silent
	: >"$lab_files/www/file"
	assert_http "$client" "$vip" "$lab_files/www/file"
	on "$server" nft delete table inet guard

	# owners
	rule -t raw -A PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 198.18.0.250
	assert_finds error dscp-two-owners 'DSCP 7 .* leads to 10.128.8.46 .* and to 198.18.0.250'
	rule -t raw -D PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr 198.18.0.250

	# a router
	switch net.ipv4.ip_forward=1
	assert_finds warning rule-on-router 'this host forwards IPv4, and marked packets to any destination are rewritten by .*'
	switch net.ipv4.ip_forward=0
	assert_silent
	assert_exit 0 dsrctl -a stop
}
scenario test_doctor_looks_through_rules "ipv4" "legacy nft" "-"

assert_no_http()
{
	! on "$client" curl -sS --max-time 1 "http://$vip/" 2>/dev/null ||
		fail "the VIP answers, though what is INVALID is dropped"
}

test_doctor_looks_at_interfaces()
{
	healthy <<<"10.128.8.46=7"
	on "$server" ip route add 144.100.10.0/24 via 74.80.1.254

	# what comes in by eth1 from the client is dropped, and counted; even ARP
	# is, so the neighbour has to know the server already
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	switch net.ipv4.conf.eth1.rp_filter=1
	assert_finds warning rp-filter 'rp_filter is strict \(1\) on eth1'
	on "$neighbour" ip address add 144.100.10.1/32 dev lo
	assert_no_answer "$neighbour" "$near_rip" -I 144.100.10.1 -Q 28
	assert_finds error rp-filter 'rp_filter is strict \(1\) on eth1, .* packets dropped by rp_filter'
	assert_fixed
	switch net.ipv4.conf.eth0.rp_filter=1 # clients are there
	assert_silent

	# l2dsr: who asks for the VIP, and gets an answer
	echo 10.128.9.100 >"$conf/20.conf"
	assert_exit 0 dsrctl start
	assert_exit 2 doctor
	assert_contains "doctor" "$said" '^error: arp-ignore: arp_ignore is below 1 on eth[01]'
	assert_contains "doctor" "$said" '^error: arp-announce: arp_announce is below 2'
	assert_arp 10.128.9.100 answers
	assert_fixed
	assert_arp 10.128.9.100 ""
	switch net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0
	echo 10.128.9.100=9 >"$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_exit 3 doctor # in the segment of eth1
	assert_contains "doctor" "$said" '^warning: arp-ignore: arp_ignore is below 1 on eth1, which'
	assert_fixed

	# an address of eth1 answers, whatever arp_ignore says
	echo '10.128.9.100=9 dev eth1' >"$conf/20.conf"
	assert_exit 0 dsrctl reload
	assert_finds warning vip-answers-arp 'the VIP 10.128.9.100 is on eth1, whose neighbours ask'
	assert_arp 10.128.9.100 answers
	rm "$conf/20.conf"
	assert_exit 0 dsrctl reload

	switch net.ipv4.tcp_reflect_tos=1
	assert_finds warning tcp-reflect-tos 'net.ipv4.tcp_reflect_tos is 1'
	capture_start "$client" tos tcp
	http_vip=$vip
	echo "$http_vip=4" >"$conf/20.conf"
	assert_exit 0 dsrctl reload
	: >"$lab_files/www/file"
	assert_http "$client" "$vip" "$lab_files/www/file"
	capture_stop tos 1 "tos 0x10.*$vip.80 > .*Flags .S\.."
	assert_fixed

	# notes: no reason for an exit status, and not printed unasked
	assert_silent
	assert_exit 0 doctor -v
	assert_contains "doctor -v" "$said" '^note: offload: offloads .* are on: .*eth0'
	assert_contains "doctor -v" "$said" '^note: echo-dscp: '
	assert_exit 0 doctor --json
	assert_contains "doctor --json" "$said" '"severity": "note"'
	assert_contains "doctor --json" "$said" '"errors": 0'
	assert_exit 0 dsrctl stop
}
scenario test_doctor_looks_at_interfaces "ipv4" "nft" "-"

# assert_arp ADDRESS answers|"": to the neighbour
assert_arp()
{
	local known

	on "$neighbour" ip neighbour flush all
	on "$neighbour" ip route replace "$1/32" dev eth0
	on "$neighbour" ping -n -c 1 -W 0.3 "$1" >/dev/null 2>&1 || true
	known=$(on "$neighbour" ip neighbour show "$1" | grep -o lladdr || true)
	on "$neighbour" ip route delete "$1/32" dev eth0
	assert_equal "what answers ARP for $1" "${known:+answers}" "$2"
}

test_doctor_knows_who_listens()
{
	local pid

	dsrctl_up <<<"$near_vip = 7"
	assert_exit 0 dsrctl start
	assert_finds error service-missing "nothing listens on $near_vip"
	on_background "$server" busybox httpd -f -p "$(url_host "$near_rip"):80" -h "$lab_files"
	pid=$!
	wait_until lab_listens "$server" t 80
	assert_finds error service-on-rip "nothing listens on $near_vip, only on $near_rip \\(TCP port 80\\)"
	! on "$neighbour" curl -sS --max-time 5 "http://$(url_host "$near_vip")/" 2>/dev/null ||
		fail "the VIP answers"
	kill "$pid"
	on_background "$server" busybox httpd -f -p "$(url_host "$near_vip"):80" -h "$lab_files"
	wait_until lab_listens "$server" t 80
	assert_silent
	assert_silent --port 80
	assert_finds error service-missing "nothing listens on $near_vip TCP port 443" --port 443
	assert_finds error service-missing "nothing listens on $near_vip UDP port 53" --port 80 --port udp/53
	serve_udp_echo "$server" "$near_vip" 53
	assert_silent --port 80 --port udp/53
	assert_exit 0 dsrctl stop
}
scenario test_doctor_knows_who_listens "ipv4 ipv6" "nft" "-"

# sampled STATUS ID PATTERN COMMAND...: doctor, while the neighbour runs the
# command
sampled()
{
	local status=$1 id=$2 pattern=$3 pid

	shift 3
	on_background "$neighbour" "$@" >/dev/null 2>&1
	pid=$!
	seconds=1 assert_exit "$status" doctor
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	assert_contains "doctor" "$said" "$pattern"
	assert_equal "findings" \
		"$(grep -E '^(error|warning): ' <<<"$said" | cut -d : -f 2 | sort -u | xargs)" \
		"$id"
}

test_doctor_samples_what_arrives()
{
	local tcp=TCP4

	[ "$family" = ipv4 ] || tcp=TCP6
	healthy <<<"$near_vip = 7"
	sampled 0 "" '1 VIP: 0 errors' ping -n -i 0.01 -Q 28 "$near_rip"
	sampled 3 dscp-unmapped "^warning: dscp-unmapped: [0-9]+ packets with DSCP 9 \(TOS 36, 0x24, 001001b\) to $near_rip ping in .* stands for no VIP; in IPv[46] these do: 7" \
		ping -n -i 0.01 -Q 36 "$near_rip"
	sampled 3 dscp-cleared "^warning: dscp-cleared: [0-9]+ connections opened with DSCP 0, to $near_rip tcp/80, .* and no marked packet" \
		curl -s "http://$(url_host "$near_rip")/[1-100000]"
	on "$neighbour" nft -f - <<-TEXT
		table inet marker {
			chain output {
				type route hook output priority mangle
				tcp dport 81 ip dscp set 7
				tcp dport 81 ip6 dscp set 7
			}
		}
	TEXT
	sampled 2 service-missing "^error: service-missing: nothing listens on $near_vip TCP port 81: [0-9]+ connections to it were asked for" \
		socat -u /dev/null \
		"$tcp:$(url_host "$near_rip"):81,connect-timeout=0.1,interval=0.01,forever"
	assert_exit 0 dsrctl stop
}
scenario test_doctor_samples_what_arrives "ipv4 ipv6" "nft" "-"
