# SPDX-License-Identifier: BSD-3-Clause
# Sourced by booted: the Ansible role brings a server where it is to be, changes
# nothing when it is there, and writes no configuration that is wrong.

# play VIP...: lines of dsr.conf
play()
{
	local vips

	vips=$(printf '"%s",' "$@")
	cat >/run/play.yml <<-TEXT
	- hosts: localhost
	  gather_facts: true
	  roles:
	  - role: daddr
	    vars:
	      daddr_packages: [$(printf '"%s",' "$packages"/{daddr-dkms,iptables-daddr,dsrctl}_*.deb) "iptables"]
	      daddr_vips: [$vips]
	      daddr_sysctls:
	        net.ipv4.dscp_rewrite.9: 10.128.8.48
	        net.ipv6.dscp_rewrite.9: "2001:db8::48"
	        net.ipv4.dscp_rewrite.11: 10.128.8.50
	TEXT
	ANSIBLE_ROLES_PATH=$tree/tools/ansible/roles LC_ALL=C.UTF-8 ansible-playbook \
		--connection local --inventory localhost, /run/play.yml >/run/play.log 2>&1
}

# recap: of the last play, "changed=2 failed=0"
recap()
{
	sed -n 's/.*\(changed=[0-9]*\) .*\(failed=[0-9]*\).*/\1 \2/p' /run/play.log
}

ansible_role()
{
	local reloads

	step "the Ansible role configures the server, and the second time changes nothing"
	systemctl restart systemd-sysctl.service
	reloads=$(reload_count)
	play "10.128.8.49 = 12" || fail "$(tail -n 50 /run/play.log)"
	assert_equal "reloads of dsrctl.service" "$(reload_count)" $((reloads + 1))
	assert_contains "status" "$(dsrctl status)" '^l3dsr started 10\.128\.8\.49 '
	assert_equal "net.ipv4.dscp_rewrite.11" "$(sysctl -n net.ipv4.dscp_rewrite.11)" 10.128.8.50
	assert_equal "net.ipv4.dscp_rewrite.10, which is gone" "$(sysctl -n net.ipv4.dscp_rewrite.10)" ""
	play "10.128.8.49 = 12" || fail "$(tail -n 50 /run/play.log)"
	assert_equal "the second time" "$(recap)" "changed=0 failed=0"
	assert_equal "reloads of dsrctl.service" "$(reload_count)" $((reloads + 1))

	step "the Ansible role writes nothing that dsrctl refuses"
	! play "10.128.8.49 = 64" || fail "a DSCP of 64 was accepted"
	assert_contains "what it says" "$(cat /run/play.log)" 'found .*64'
	assert_contains "the configuration" "$(cat /etc/dsr.d/ansible.conf)" '^10\.128\.8\.49 = 12$'
	dsrctl check
	rm /etc/dsr.d/ansible.conf
	systemctl reload dsrctl.service
	clear_values 9 11
}
