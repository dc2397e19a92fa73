# SPDX-License-Identifier: BSD-3-Clause
# What an administrator does with rules: add, list, save, restore, remove; and
# what is refused.

add_rule()
{
	rule -t "$table" -A PREROUTING -m dscp --dscp 7 -j DADDR "$@"
}

test_module_loads_by_itself()
{
	module_unload || fail "xt_DADDR is still in use"
	assert_lacks "modules" "$(lsmod)" '^xt_DADDR '
	add_rule --set-daddr="$near_vip"
	assert_contains "modules" "$(lsmod)" '^xt_DADDR '
}
scenario test_module_loads_by_itself "ipv4 ipv6" "legacy nft" "raw mangle"

test_module_in_use_stays()
{
	add_rule --set-daddr="$near_vip"
	assert_refused 'in use' rmmod xt_DADDR
	rule -t "$table" -F
	module_unload || fail "xt_DADDR is still in use without a rule"
}
scenario test_module_in_use_stays "ipv4 ipv6" "legacy nft" "raw"

test_listing_shows_the_address()
{
	local said

	add_rule --set-daddr "$near_vip"
	assert_contains "-L" "$(rule -t "$table" -L PREROUTING)" \
		"^DADDR .* DSCP match 0x07 DADDR set $near_vip$"
	assert_contains "-L -n -v" "$(rule -t "$table" -L PREROUTING -n -v)" \
		"DADDR set $near_vip$"
	assert_equal "-S" "$(rule -t "$table" -S PREROUTING | tail -n 1)" \
		"-A PREROUTING -m dscp --dscp 0x07 -j DADDR --set-daddr $near_vip"

	rule -t "$table" -A PREROUTING -p tcp \
		-j DADDR --set-daddr "$near_vip" --set-dport https
	rule -t "$table" -A PREROUTING -j DADDR --dscp-map "EF=$vip,7=$near_vip"
	said=$(rule -t "$table" -L PREROUTING)
	assert_contains "-L" "$said" "^DADDR .* DADDR set $near_vip dport 443$"
	assert_contains "-L" "$said" "^DADDR .* DADDR map 7=$near_vip,46=$vip$"
}
scenario test_listing_shows_the_address "ipv4 ipv6" "legacy nft" "raw mangle"

# Without comments and the counters of the chains.
plain()
{
	grep -v '^#' | sed 's/ \[[0-9:]*\]$//'
}

test_what_is_saved_can_be_restored()
{
	local saved again

	add_rule --set-daddr "$near_vip"
	rule -t "$table" -A PREROUTING -j DADDR --set-daddr "$vip"
	saved=$(rules_save -t "$table" | plain)
	rule -t "$table" -F
	rules_restore <<<"$saved"
	again=$(rules_save -t "$table" | plain)
	assert_equal "saved after restored" "$again" "$saved"
	rule -t "$table" -C PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
	rule -t "$table" -D PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
	assert_lacks "rules after -D" "$(rules_save -t "$table")" "$near_vip"
	assert_refused 'does a matching rule exist|Bad rule|No chain/target/match' \
		rule -t "$table" -C PREROUTING -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
}
scenario test_what_is_saved_can_be_restored "ipv4 ipv6" "legacy nft" "raw mangle"

# With addresses that no shorter form exists of: what is saved may be no longer
# than iptables-restore can read.
test_full_map_can_be_restored()
{
	local dscp prefix=2001:db8:1234:5678:9abc:def0:fedc:ba saved map=() backwards=()

	[ "$family" = ipv6 ] || prefix=198.118.118.1
	for dscp in {1..63}; do
		map+=(--dscp-map "$dscp=$prefix$((10 + dscp))")
		backwards=(--dscp-map "$(printf 0x%x "$dscp")=$prefix$((10 + dscp))"
			"${backwards[@]}")
	done
	rule -t "$table" -A PREROUTING -j DADDR "${map[@]}"
	saved=$(rules_save -t "$table" | plain)
	assert_equal "entries saved" "$(grep -o "=$prefix" <<<"$saved" | wc -l)" 63
	rule -t "$table" -F
	rules_restore <<<"$saved"
	assert_equal "saved after restored" "$(rules_save -t "$table" | plain)" "$saved"
	rule -t "$table" -C PREROUTING -j DADDR "${backwards[@]}"
	rule -t "$table" -D PREROUTING -j DADDR "${backwards[@]}"
	assert_lacks "rules after -D" "$(rules_save -t "$table")" "$prefix"
}
scenario test_full_map_can_be_restored "ipv4 ipv6" "legacy nft" "raw"

test_addresses_print_in_canonical_form()
{
	rule -t "$table" -A PREROUTING -j DADDR --set-daddr 2001:0DB8:0:0:0:0:0:46
	assert_contains "-S" "$(rule -t "$table" -S)" '--set-daddr 2001:db8::46$'
}
scenario test_addresses_print_in_canonical_form "ipv6" "legacy nft" "raw"

test_user_chain_is_accepted()
{
	rule -t "$table" -N dsr
	rule -t "$table" -A dsr -m dscp --dscp 7 -j DADDR --set-daddr "$near_vip"
	rule -t "$table" -A PREROUTING -j dsr
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
}
scenario test_user_chain_is_accepted "ipv4 ipv6" "legacy nft" "raw mangle"

# Where the target may stand, and nowhere else.
right='raw PREROUTING|mangle (PREROUTING|INPUT|OUTPUT)'

# put_into FORM TABLE HOOK RULE...: into the hook itself, or into a chain that it
# jumps to, before that is so or after; fails when it is refused
put_into()
{
	local form=$1 to=(-t "$2") hook=$3

	shift 3
	case $form in
	base) rule "${to[@]}" -A "$hook" "$@" ;;
	before)
		rule "${to[@]}" -N dsr && rule "${to[@]}" -A dsr "$@" &&
			rule "${to[@]}" -A "$hook" -j dsr ;;
	after)
		rule "${to[@]}" -N dsr && rule "${to[@]}" -A "$hook" -j dsr &&
			rule "${to[@]}" -A dsr "$@" ;;
	esac
}

# To nft_compat, all hooks of a chain that is no base chain look the same.
is_right()
{
	[[ "$2 $3" =~ ^($right)$ ]] ||
		[ "$variant $1 $2 $3" = "nft ${1#base} raw OUTPUT" ]
}

test_places_of_the_target()
{
	local place form found

	while read -r place; do
		for form in base before after; do
			found=refused
			# shellcheck disable=SC2086 # table and hook
			if put_into $form $place -j DADDR --set-daddr "$near_vip" 2>/dev/null; then
				found=accepted
			fi
			# shellcheck disable=SC2086
			assert_equal "$place, $form" "$found" \
				"$(is_right $form $place && echo accepted || echo refused)"
			rule -t "${place% *}" -F
			rule -t "${place% *}" -X
		done
	done <<-TEXT
		raw PREROUTING
		raw OUTPUT
		mangle PREROUTING
		mangle INPUT
		mangle FORWARD
		mangle OUTPUT
		mangle POSTROUTING
		filter INPUT
		filter FORWARD
		filter OUTPUT
		nat PREROUTING
		nat OUTPUT
		nat POSTROUTING
	TEXT
	assert_kernel_said 'DADDR.* (used from hooks|valid only in)'
}
scenario test_places_of_the_target "ipv4 ipv6" "legacy nft" "-"

# Nothing would route the packet again: it does nothing, and says so.
test_output_of_raw_changes_nothing()
{
	local form to

	module_unload || fail "xt_DADDR is still in use"
	for form in before after; do
		for to in "--set-daddr $unused_ip" "--dscp-map 7=$unused_ip"; do
			# shellcheck disable=SC2086 # option and value
			put_into $form raw OUTPUT -j DADDR $to
			assert_ping "$server" "$near_ip" "$near_ip" -Q 28
			rule -t raw -F
			rule -t raw -X
		done
	done
	assert_kernel_said 'xt_DADDR: table raw: a rule in a chain that OUTPUT jumps to does nothing'
	assert_equal "times that it was said" "$(tail -n "+$scenario_log" "$kernel_log" |
		grep -c 'that OUTPUT jumps to')" 1
	# what nothing of a rule could remember
	XTABLES_LIBDIR=/lab/tree/build/tests/plugin/revision0:$XTABLES_LIBDIR
	assert_refused . put_into before raw PREROUTING -j DADDR --set-daddr "$near_vip"
	assert_kernel_said 'xt_DADDR: table raw: in a user-defined chain of nftables, valid only in revision 1'
	rule -t raw -F
	rule -t raw -X
	rule -t raw -A PREROUTING -j DADDR --set-daddr "$near_vip"
}
scenario test_output_of_raw_changes_nothing "ipv4 ipv6" "nft" "-"

# Past the plugin: with one that accepts every address.
test_kernel_refuses_addresses_itself()
{
	local system=${XTABLES_LIBDIR#*:} address said

	export XTABLES_LIBDIR=/lab/tree/build/tests/plugin/unchecked:$system
	case $family in
	ipv4) refused="0.0.0.0 224.0.0.1 239.255.255.255 255.255.255.255" ;;
	ipv6) refused=":: ff00:: ff02::1" ;;
	esac
	for address in $refused; do
		assert_refused . add_rule --set-daddr "$address"
		assert_kernel_said 'xt_DADDR: the new destination may not be'
	done
	assert_lacks "rules" "$(rules_save -t "$table")" DADDR
	add_rule --set-daddr "$near_vip" # this way, others are accepted
	assert_ping "$neighbour" "$near_rip" "$near_vip" -Q 28
}
scenario test_kernel_refuses_addresses_itself "ipv4 ipv6" "legacy nft" "raw"

# The rules of iptables' own test format: RULE;SAVED or =;OK or FAIL. Those that
# are accepted are given to iptables-restore all together.
test_plugin_test_file()
{
	local file=xtables/libxt_DADDR.t table=filter chains='' chain
	local given saved expected found place
	declare -A accepted=() listed=()

	[ "$family" = ipv4 ] || file=xtables/libip6t_DADDR.t
	while IFS=';' read -r given saved expected; do
		case $given in
		:*) chains=${given#:}; continue ;;
		\**) table=${given#\*}; continue ;;
		esac
		[ "$saved" != = ] || saved=$given
		for chain in ${chains//,/ }; do
			if [ "$expected" = OK ]; then
				accepted[$table]+="-A $chain $given"$'\n'
				listed["$table $chain"]+=$'\n'"-A $chain $saved"
				continue
			fi
			found=FAIL
			# shellcheck disable=SC2086 # the words of the rule
			if rule -t "$table" -A "$chain" $given 2>"$lab_files/said"; then
				found=OK
			fi
			assert_equal "-t $table -A $chain $given" "$found" "$expected"
		done
	done <"$file"
	for table in "${!accepted[@]}"; do
		rules_restore --noflush <<<"*$table"$'\n'"${accepted[$table]}COMMIT"
	done
	for place in "${!listed[@]}"; do
		read -r table chain <<<"$place"
		assert_equal "-t $place" "$(rule -t "$table" -S "$chain")" \
			"-P $chain ACCEPT${listed[$place]}"
	done
}
scenario test_plugin_test_file "ipv4 ipv6" "legacy nft" "-"
