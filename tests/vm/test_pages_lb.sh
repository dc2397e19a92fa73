# SPDX-License-Identifier: BSD-3-Clause
# What the manuals of dsrctl tell people to type on a load balancer, or on the host
# that looks after many.
source "$(dirname "${BASH_SOURCE[0]}")/pages.sh"

# site_up: two servers, which are two addresses of one, and a load balancer that has no
# rules yet
site_up()
{
	server_with
	echo '10.128.8.46 = 7' >"$conf/vip.conf"
	printf '10.128.9.%s\n' 31 32 >"$lab_files/servers"
	ip -n "$server" address add 10.128.9.32/24 dev eth1
	ip -n "$router" -batch - <<-TEXT
		route add 10.128.9.0/24 via 74.80.1.1
		route add 10.128.8.46 via 198.18.0.1
	TEXT
	on "$lb" nft flush ruleset
	echo OK >"$lab_files/status.html"
	serve_http "$server" "$lab_files"
}

test_page_lb_config()
{
	local page=tools/dsrctl/lb/dsrctl-lb-config.8

	site_up
	dsrctl start
	type_on "$lb" $page 'vendor a10'
	assert_contains "a10" "$said" '^  dscp 7$'
	type_on "$lb" $page 'vendor nft'
	assert_contains "--verify" "$said" '^The VIP agrees\.$'
	assert_ping "$client" 10.128.8.46 10.128.8.46

	on "$lb" nft flush ruleset
	ip -n "$lb" address add 10.128.8.46/32 dev lo
	on_background "$server" busybox httpd -f -p '[::]:443' -h "$lab_files"
	wait_until lab_listens "$server" t 443
	type_on "$lb" $page 'vendor ipvs'
	assert_equal "what is served" \
		"$(on "$client" curl -sS --max-time 20 http://10.128.8.46:443/status.html)" OK

	type_on "$lb" $page 'vendor keepalived' \
		'cat /etc/keepalived/dsrctl-lb.conf <(iptables-save -t mangle) |
			dsrctl lb-config --vendor keepalived --servers servers --verify -
		dsrctl lb-config --vendor netscaler --servers servers >ns.conf'
	type_on "$lb" $page 'verify ns.conf'
	assert_contains "--verify" "$said" '^The VIP agrees\.$'
	type_on "$lb" tools/dsrctl/README.md 'verify ns.conf'
	assert_contains "--verify" "$said" '^The VIP agrees\.$'
}
scenario test_page_lb_config "ipv4" "nft" "-"

test_page_lb_config_pools()
{
	local page=tools/dsrctl/lb/dsrctl-lb-config.8

	site_up
	dsrctl start
	block $page '^config mail\.d' >"$lab_files/servers"
	mkdir "$lab_files/mail.d"
	echo '10.128.8.47 = 16' >"$lab_files/mail.d/mail.conf"
	type_on "$lb" $page 'vendor nft'
	assert_contains "--verify" "$said" '^All 2 VIPs agree\.$'
	assert_ping "$client" 10.128.8.46 10.128.8.46
}
scenario test_page_lb_config_pools "ipv4" "nft" "-"

test_page_probe()
{
	local page=tools/dsrctl/probe/dsrctl-probe.8

	site_up
	assert_shows "$lb" $page '^# dsrctl.*tcp 80$' 2
	dsrctl start
	assert_shows "$lb" $page '^# dsrctl.*dscp 7$' 0
	type_on "$lb" $page expect-body
	assert_contains "status.html" "$said" '^1: ok: HTTP status 200 from 10\.128\.8\.46, '
	assert_contains "two servers" "$said" '^DSR OK - 2 of 2 ok '
	type_on "$lb" tools/dsrctl/README.md expect-body
	assert_contains "two servers" "$said" '^2 ok, 0 with a warning, 0 failed$'
}
scenario test_page_probe "ipv4" "nft" "-"

test_page_probe_as_health_check()
{
	local page=tools/dsrctl/probe/dsrctl-probe.8

	site_up
	# one of the servers does not have the VIP
	echo '10.128.8.46 = 7 to 10.128.9.31' >"$lab_files/31.conf"
	dsrctl -f "$lab_files/31.conf" start
	type_on "$lb" $page '^while'
	assert_equal "servers" "$(xargs <"$lab_files/healthy")" "10.128.9.31 10.128.9.32 weight 0"
	assert_ping "$client" 10.128.8.46 10.128.8.46

	on "$lb" nft flush ruleset
	ip -n "$lb" address add 10.128.8.46/32 dev lo
	type_script "$lb" \
		'dsrctl lb-config --vendor ipvs --servers servers --service tcp/80 | sh -e'
	type_on "$lb" $page 'ipvsadm -R'
	assert_equal "weights" "$(on "$lb" ipvsadm -Sn | sed -n 's/.*-r \([^ ]*\):80 .* -w/\1/p' |
		xargs)" "10.128.9.31 1 10.128.9.32 0"
}
scenario test_page_probe_as_health_check "ipv4" "nft" "-"

test_page_fleet()
{
	local page=tools/dsrctl/fleet/dsrctl-fleet.8

	server_with
	mkdir -p "$lab_files"/fleet/10.128.9.3{1,2}
	tee "$lab_files"/fleet/10.128.9.3{1,2}/shop.conf >"$conf/shop.conf" <<<'10.128.8.46 = 7'
	printf 'fleet/10.128.9.%s 10.128.9.%s\n' 31 31 32 32 >"$lab_files/hosts.txt"
	printf '10.128.9.%s\n' 31 32 >"$lab_files/servers"
	type_script "$lb" '
		dsrctl lb-config --vendor netscaler --servers servers | tee ns1.conf >ns2.conf
		nft flush ruleset
		dsrctl lb-config --vendor nft --servers servers | nft -f -
		nft list ruleset >ruleset' || fail "$said"
	type_on "$lb" $page netscaler
	assert_contains "fleet" "$said" '^2 servers, 2 load balancers$'
	type_on "$lb" $page hosts.txt
	assert_contains "fleet" "$said" '"findings": \[\],'

	echo '10.128.8.46 = 17' >"$lab_files/fleet/10.128.9.31/shop.conf"
	before=$go_on type_on "$lb" $page netscaler true
	assert_contains "fleet" "$said" '^error: dscp-differs: ns1\.conf:.* 10\.128\.9\.31$'
	before=$go_on type_on "$lb" $page hosts.txt true
	assert_contains "fleet" "$said" '"id": "dscp-differs",'
}
scenario test_page_fleet "ipv4" "nft" "-"
