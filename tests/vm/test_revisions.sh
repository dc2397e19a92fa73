# SPDX-License-Identifier: BSD-3-Clause
# Plugin and module of different age: revision0/ and tests/plugin have a module
# and a plugin that know no more than revision 0.

current_plugin=$XTABLES_LIBDIR

# use_plugin current|revision0
use_plugin()
{
	export XTABLES_LIBDIR=$current_plugin
	[ "$1" = current ] ||
		export XTABLES_LIBDIR=/lab/tree/build/tests/plugin/$1:$current_plugin
}

# use_module current|revision0: instead of the other; there are no rules left
use_module()
{
	rule -t raw -F
	module_unload || fail "xt_DADDR is still in use"
	modprobe x_tables
	if [ "$1" = current ]; then
		modprobe xt_DADDR
	else
		insmod "build/lab/module-$(uname -r)/tests/$1/xt_DADDR.ko"
	fi
}

# The rules of the chain, and only these.
rules()
{
	rule -t raw -S PREROUTING | grep -v '^-P' || true
}

# -A, -S, save, restore, -C and -D of a rule with --set-daddr, and its packets
assert_single_works()
{
	local words="PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr $near_vip"
	local saved

	# shellcheck disable=SC2086 # the words of the rule
	{
		rule -t raw -A $words
		assert_equal "-S" "$(rules)" "-A $words"
		saved=$(rules_save -t raw)
		rule -t raw -F
		rules_restore <<<"$saved"
		assert_equal "-S after restored" "$(rules)" "-A $words"
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
		rule -t raw -C $words
		rule -t raw -D $words
	}
	assert_equal "-S after -D" "$(rules)" ""
}

assert_newer_options_refused()
{
	assert_refused 'DADDR: --dscp-map: needs revision 1 of xt_DADDR' \
		rule -t raw -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	assert_refused 'DADDR: --set-dport: needs revision 1 of xt_DADDR' \
		rule -t raw -A PREROUTING -p tcp \
		-j DADDR --set-daddr "$near_vip" --set-dport 443
	assert_equal "rules" "$(rules)" ""
}

test_plugin_and_module_of_any_age()
{
	local module plugin

	for module in revision0 current; do
		use_module $module
		for plugin in revision0 current; do
			echo "plugin $plugin, module $module"
			use_plugin $plugin
			assert_single_works
			[ "$module$plugin" = currentcurrent ] ||
				assert_newer_options_refused
		done
	done
	rule -t raw -A PREROUTING -j DADDR --dscp-map "7=$near_vip"
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
}
scenario test_plugin_and_module_of_any_age "ipv4 ipv6" "legacy nft" "-"

# Rules of both revisions in one table, as after an update of the plugin.
test_rules_of_an_older_plugin()
{
	local old="PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr $near_vip"
	local new="PREROUTING -j DADDR --dscp-map 4=$vip,46=$near_vip"
	local listed=$old saved

	# shellcheck disable=SC2086 # the words of the rules
	{
		use_plugin revision0
		rule -t raw -A $old
		use_plugin current
		rule -t raw -A $new
		# iptables-legacy forgot all revisions but the newest, after
		# 1.8.7; see the manual.
		if [ "$variant" = legacy ] && rules | grep -q unsupported; then
			listed=${listed/--set*/[unsupported revision]}
		fi
		assert_equal "-S" "$(rules)" \
			"$(printf -- '-A %s\n' "$listed" "$new")"
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
		assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 184

		# Not found by its text, but by its number.
		assert_refused . rule -t raw -C $old
		assert_refused . rule -t raw -D $old
		saved=$(rules_save -t raw)
		rule -t raw -D PREROUTING 1
		assert_equal "-S" "$(rules)" "-A $new"
		rule -t raw -C $new
		[ "$listed" = "$old" ] || return 0

		rule -t raw -F
		rules_restore <<<"$saved"
		rule -t raw -C $old
		rule -t raw -D $old
	}
	assert_equal "-S" "$(rules)" "-A $new"
}
scenario test_rules_of_an_older_plugin "ipv4 ipv6" "legacy nft" "-"
