# SPDX-License-Identifier: BSD-3-Clause
# dsrctl doctor: each failure made for real, and named.
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

# Runs the commands that doctor names as fixes.
apply_fixes()
{
	sed -n 's/^    fix:  //p' <<<"$said" >"$lab_files/fixes"
	[ -s "$lab_files/fixes" ] || fail "no fix: $said"
	on "$server" bash -e "$lab_files/fixes"
}

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

test_doctor_looks_at_rules_of_nftables()
{
	healthy <<<"10.128.8.46=7
2001:db8::46=7"
	assert_exit 0 dsrctl stop
	module_unload || fail "xt_DADDR is still in use"
	assert_exit 0 dsrctl --backend nft start
	assert_silent
	assert_exit 0 dsrctl stop
	assert_exit 0 dsrctl --backend nft --table mangle start
	on "$server" nft -f - <<-TEXT
		table inet guard {
			chain input {
				type filter hook input priority filter
				ct state established,related accept
				ct state invalid counter drop
			}
		}
	TEXT
	assert_finds error invalid-drop 'the nftables chain inet dsrctl mangle rewrites after connection tracking, and what is invalid is dropped'
	assert_exit 0 dsrctl stop
}
scenario test_doctor_looks_at_rules_of_nftables "-" "nft" "-"

# The rules of a table that somebody made dormant are there, and do nothing.
test_doctor_knows_a_dormant_table()
{
	healthy <<<"10.128.8.46=7"
	on "$server" nft 'add table ip raw { flags dormant; }'
	assert_ping "$neighbour" "$near_rip" "$near_rip" -Q 28
	assert_exit 1 dsrctl check
	assert_exit 0 dsrctl start
	assert_contains "start" "$said" 'the table ip raw of nftables is dormant: .* until nft add table ip raw$'
	assert_equal "rules after start" "$(rules_save | grep -c DADDR)" 1
	assert_finds error table-dormant 'the table ip raw of nftables is dormant, and 1 rule in it'
	assert_contains "doctor" "$said" 'keep: .*nft delete table ip raw'
	apply_fixes
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28

	on "$server" nft 'add table ip raw { flags dormant; }'
	assert_exit 0 dsrctl stop
	assert_lacks "rules after stop" "$(rules_save)" DADDR
}
scenario test_doctor_knows_a_dormant_table "ipv4" "nft" "-"

# Before 1.1, nft prints a half of a table that a program keeps to itself.
test_doctor_says_what_it_could_not_read()
{
	local pid input=$lab_files/nft

	healthy <<<"10.128.8.46=7"
	mkfifo "$input"
	# not by on_background, whose programs read nothing
	on "$server" nft -i <>"$input" >/dev/null &
	pid=$!
	lab_pids+=("$pid")
	echo 'add table inet held { flags owner; }' >"$input"
	wait_until on "$server" nft list table inet held
	if on "$server" nft -j list table inet held | grep -q ']}$'; then
		assert_silent
	else
		assert_finds warning rules-unread \
			'doctor cannot read all rules of nftables: nft -j list table inet held prints no complete JSON$'
	fi
	echo quit >"$input"
	wait "$pid"
	assert_silent
}
scenario test_doctor_says_what_it_could_not_read "ipv4" "nft" "-"

# Ways to send DSCP 7 to 10.128.8.46, as people write them: a name, and what nft
# or, after "iptables", iptables is given.
forms()
{
	local inet='add table inet l3dsr; add chain inet l3dsr p { type filter hook prerouting priority raw; }'

	cat <<-TEXT
		own-table $inet; add rule inet l3dsr p ip dscp 7 ip daddr set 10.128.8.46
		anonymous-map $inet; add rule inet l3dsr p ip daddr set ip dscp map { 7 : 10.128.8.46, 9 : 10.128.8.46 }
		named-map $inet; add map inet l3dsr m { type dscp : ipv4_addr; elements = { 7 : 10.128.8.46 }; }; add rule inet l3dsr p ip daddr set ip dscp map @m
		goto $inet; add chain inet l3dsr v7; add rule inet l3dsr v7 ip daddr set 10.128.8.46; add rule inet l3dsr p ip dscp vmap { 7 : goto v7 }
		jump $inet; add chain inet l3dsr v7; add rule inet l3dsr v7 ip daddr set 10.128.8.46; add rule inet l3dsr p ip dscp vmap { 7 : jump v7 }
		set $inet; add rule inet l3dsr p ip dscp { 7 } ip daddr set 10.128.8.46
		ip-table add table ip l3dsr; add chain ip l3dsr p { type filter hook prerouting priority -299; }; add rule ip l3dsr p ip dscp 0x07 counter ip daddr set 10.128.8.46
		ingress add table netdev l3dsr; add chain netdev l3dsr p { type filter hook ingress device eth1 priority 0; }; add rule netdev l3dsr p ip dscp 7 ip daddr set 10.128.8.46
		native add table ip raw; add chain ip raw PREROUTING { type filter hook prerouting priority raw; }; add rule ip raw PREROUTING ip dscp 7 ip daddr set 10.128.8.46
		tos iptables -t raw -A PREROUTING -m tos --tos 0x1c/0xfc -j DADDR --set-daddr 10.128.8.46
		comment iptables -t raw -A PREROUTING -m dscp --dscp 7 -m comment --comment l3dsr -j DADDR --set-daddr 10.128.8.46
		input iptables -t mangle -A INPUT -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
		destination iptables -t raw -A PREROUTING -d 10.128.9.31,74.80.1.1 -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
		interface iptables -t raw -A PREROUTING -i eth1 -m dscp --dscp 7 -j DADDR --set-daddr 10.128.8.46
	TEXT
}

no_rules()
{
	on "$server" nft flush ruleset
	rules_restore <<-TEXT
		*raw
		-F
		COMMIT
		*mangle
		-F
		COMMIT
	TEXT
}

# Without what counts, and when.
rules_of_all()
{
	{ on "$server" nft list ruleset; rules_save; } |
		grep -E -e '^-' -e 'daddr set|vmap' | sed 's/packets [0-9]* bytes [0-9]*//'
}

# What serves is not missing, whoever made it, and dsrctl adds nothing to it.
test_doctor_knows_rules_of_others()
{
	local form what before

	healthy <<<"10.128.8.46=7"
	assert_exit 0 dsrctl stop
	on "$server" ip address add 10.128.8.46/32 dev lo
	while read -r form what; do
		no_rules
		case $what in
		iptables*) eval "rule ${what#iptables}" ;;
		*) on "$server" nft "$what" ;;
		esac
		echo "form $form"
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
		assert_exit 0 doctor -v
		case $form in
		interface|ingress) assert_contains "doctor: $form" "$said" '^note: rule-narrow: the rule .*leads some packets of DSCP 7' ;;
		*) assert_lacks "doctor: $form" "$said" 'rule-' ;;
		esac
		assert_started
		before=$(rules_of_all)
		assert_exit 0 dsrctl start
		case $form in
		interface|ingress) assert_contains "start: $form" "$said" 'found the rule .* adds no rule for the others' ;;
		*) assert_equal "start: $form" "$said" "" ;;
		esac
		assert_equal "rules after start: $form" "$(rules_of_all)" "$before"
	done < <(forms | if [ "$variant" = legacy ]; then grep ' iptables '; else cat; fi)
}
scenario test_doctor_knows_rules_of_others "ipv4" "legacy nft" "-"

# A rule that takes the packets elsewhere; and a VIP that is the host's by a
# route.
test_doctor_asks_where_packets_end_up()
{
	healthy <<<$'10.128.8.46=7\n2001:db8::46=7'
	on "$server" nft -f - <<-TEXT
		table ip other {
			chain p {
				type filter hook prerouting priority -290; policy accept;
				ip dscp 7 ip daddr set 198.18.0.250
			}
		}
	TEXT
	on "$server" ip address add 198.18.0.250/32 dev lo
	assert_ping "$neighbour" "$near_rip" 198.18.0.250 -Q 28
	assert_finds error dscp-two-owners 'DSCP 7 .* leads to 198.18.0.250 .*chain ip other p|DSCP 7 .* and to 198.18.0.250 \(the rule with handle [0-9]+ of the nftables chain ip other p\)'
	on "$server" nft delete table ip other
	on "$server" ip address delete 198.18.0.250/32 dev lo
	on "$server" nft 'add table ip early; add chain ip early p { type filter hook prerouting priority -400; }; add rule ip early p ip dscp 7 drop'
	assert_finds error dscp-dropped 'every packet of DSCP 7'
	on "$server" nft delete table ip early

	on "$server" ip address delete 10.128.8.46/32 dev lo
	on "$server" ip address delete 2001:db8::46/128 dev lo
	assert_finds error vip-missing '.* is on no interface'
	on "$server" ip route add local 10.128.8.0/24 dev lo
	on "$server" ip -6 route add local 2001:db8::/120 dev lo
	assert_silent
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
	assert_started
	assert_exit 0 dsrctl -v start
	assert_equal "start" "$said" ""
	assert_exit 0 dsrctl stop
}
scenario test_doctor_asks_where_packets_end_up "ipv4" "nft" "-"

# The model of the rules that doctor and start ask, against the kernel: what
# becomes of packets in sets of rules that are made at random.
test_doctor_foretells_the_kernel()
{
	local seed=$RANDOM$RANDOM

	modprobe -a xt_DADDR dscp_rewrite tun
	echo "seed $seed"
	unshare -n build/tests/vm/random_rules/random_rules "$variant" 25 40 "$seed" ||
		fail "see the rules above; random_rules $variant 25 40 $seed makes them again"
}
scenario test_doctor_foretells_the_kernel "-" "legacy nft" "-"
