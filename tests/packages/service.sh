# SPDX-License-Identifier: BSD-3-Clause
# Sourced by booted: dsrctl.service and dsrctl-metrics.service do all of their
# work with what their units leave them, by iptables of both variants and by
# nft, with nothing in the kernel that is not loaded by it; and can do no more.

drop_in=/run/systemd/system/dsrctl.service.d/test.conf

# host_variant nft|legacy: the host's iptables
host_variant()
{
	update-alternatives --set iptables "/usr/sbin/iptables-$1" >/dev/null
	update-alternatives --set ip6tables "/usr/sbin/ip6tables-$1" >/dev/null
}

# use_backend dscp_rewrite|daddr|nft: of the service; and what it may do is written down, by a
# program that is as confined as it
use_backend()
{
	mkdir -p "$(dirname "$drop_in")"
	cat >"$drop_in" <<-TEXT
	[Service]
	ExecStart=
	ExecStart=/usr/sbin/dsrctl --backend $1 guard
	ExecReload=
	ExecReload=/usr/sbin/dsrctl --backend $1 reload
	ExecStartPost=/bin/bash -c 'cat /proc/self/status >/run/dsrctl/test'
	ExecStartPost=/bin/bash -c '! touch /etc/test && ! touch /run/test && ! echo 1 >/proc/sys/net/ipv4/ip_forward && ! mount -t tmpfs x /mnt && ! modprobe dummy'
	TEXT
	systemctl daemon-reload
}

# As after boot: nothing of netfilter that can be unloaded.
unload_all()
{
	nft flush ruleset
	modprobe -ra iptable_raw iptable_mangle ip6table_raw ip6table_mangle \
		ip_tables ip6_tables nft_compat 2>/dev/null || true
}

# CAP_NET_ADMIN, CAP_NET_RAW and CAP_DAC_READ_SEARCH
assert_confined()
{
	local status

	status=$(cat /run/dsrctl/test)
	rm /run/dsrctl/test
	assert_contains "what it may do" "$status" '^CapBnd:	0000000000003004$'
	assert_contains "what it may do" "$status" '^CapEff:	0000000000003004$'
	assert_contains "what it may do" "$status" '^NoNewPrivs:	1$'
	assert_contains "what it may do" "$status" '^Seccomp:	2$'
}

assert_gone()
{
	assert_lacks "lo" "$(ip address show dev lo)" '10\.128\.8\.4|2001:db8::46'
	assert_lacks "rules" "$(iptables-save; ip6tables-save; nft list ruleset)" 'DADDR|dsrctl'
	assert_lacks "modules" "$(cat /proc/modules)" '^(xt_DADDR|dscp_rewrite) '
}

# The metrics go to a directory of another user.
metrics()
{
	local directory=/var/lib/prometheus/node-exporter

	mkdir -p "$directory"
	chown 1000 "$directory"
	systemctl start dsrctl-metrics.service
	assert_contains "metrics" "$(cat "$directory/dsrctl.prom")" \
		'type="l3dsr",state="started"} 1$'
	assert_equal "mode of the metrics" "$(stat -c %a "$directory"/*)" 644
	rm "$directory/dsrctl.prom"
}

# service VARIANT BACKEND: from start to stop
service()
{
	local since

	step "dsrctl.service, confined: iptables of $1, backend $2"
	systemctl stop dsrctl.service
	host_variant "$1"
	use_backend "$2"
	unload_all
	assert_gone
	since=$(date +%s)
	systemctl start dsrctl.service ||
		fail "$(journalctl --no-pager --since "@$since" | tail -n 30)"
	assert_confined
	dsrctl check
	case $2 in
	dscp_rewrite)
		assert_contains "counters" "$(cat /proc/net/dscp_rewrite)" \
			'^ipv4 [0-9]+ . 10.128.8.46 ' ;;
	daddr)
		assert_contains "modules" "$(cat /proc/modules)" '^xt_DADDR '
		assert_contains "rules" "$(iptables-"$1"-save)" DADDR ;;
	nft)
		assert_contains "rules" "$(nft list ruleset)" 'ip daddr set 10.128.8.46' ;;
	esac
	traffic
	echo '10.128.8.47 = 8' >/etc/dsr.d/more.conf
	systemctl reload dsrctl.service
	assert_contains "lo" "$(ip address show dev lo)" '10\.128\.8\.47'
	metrics
	# a restart is a reload: VIPs that stay have no gap
	ip -o monitor address dev lo >/run/changes &
	rm /etc/dsr.d/more.conf
	systemctl restart dsrctl.service
	kill $!
	wait $! || true
	assert_contains "changes of lo" "$(cat /run/changes)" '10\.128\.8\.47'
	assert_lacks "changes of lo" "$(cat /run/changes)" '10\.128\.8\.46|2001:db8::46'
	assert_lacks "lo" "$(ip address show dev lo)" '10\.128\.8\.47'
	dsrctl check
	systemctl stop dsrctl.service
	assert_gone
	assert_lacks "what the services said" \
		"$(journalctl -u dsrctl.service -u dsrctl-metrics.service --since "@$since" | grep dsrctl\\[)" \
		'not permitted|Permission|Read-only'
}

services()
{
	service nft dscp_rewrite
	service nft daddr
	service legacy daddr
	service nft nft
	host_variant nft
	rm "$drop_in"
	systemctl daemon-reload
	systemctl start dsrctl.service
}
