# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the scenarios of dsrctl: the program on the server, its
# configuration, and what the server has of VIPs and rules.

stream=/lab/tree/build/tests/vm/dsrctl/stream

# The host's iptables is of the scenario's variant; the server has no VIP yet.
dsrctl_up()
{
	local family suffix

	for family in iptables ip6tables; do
		for suffix in '' -save -restore; do
			ln -sf "/usr/sbin/$family-$variant$suffix" \
				"/etc/alternatives/$family$suffix"
		done
	done
	rm -f /etc/modprobe.d/no-daddr.conf # of a scenario that failed
	on "$server" ip address flush dev lo scope global
	conf=$lab_files/dsr.d
	mkdir "$conf"
	cat >"$conf/10-vip.conf"
	sed -i '/^$/d' "$conf/10-vip.conf"
}

# What start uses when the scenario does not say. Most scenarios are about
# rules. Empty: what dsrctl itself chooses.
backend=daddr

# Puts a command into $dsrctl that has nothing of the caller's but where the
# plugin of this tree is.
dsrctl_command()
{
	dsrctl=(env -i XTABLES_LIBDIR="$XTABLES_LIBDIR"
		/lab/tree/build/tools/dsrctl/dsrctl -d "$conf")
	case " $* " in
	*" --backend "*) ;;
	*" start "*) [ -z "$backend" ] || dsrctl+=(--backend "$backend") ;;
	esac
	dsrctl+=("$@")
}

dsrctl()
{
	local dsrctl

	dsrctl_command "$@"
	on "$server" "${dsrctl[@]}"
}

# The same, meanwhile; its process is $!
dsrctl_in_background()
{
	local dsrctl

	dsrctl_command "$@"
	# a shell has what is in the background ignore it
	on_background "$server" env --default-signal=INT "${dsrctl[@]}"
}

# assert_exit STATUS COMMAND...; what it says is in $said
assert_exit()
{
	local expected=$1 status=0

	shift
	said=$("$@" 2>&1) || status=$?
	assert_equal "exit status of $* ($said)" "$status" "$expected"
}

# What an administrator would compare: rules of both families and variants
# without counters, and addresses.
server_state()
{
	local program

	for program in iptables-legacy ip6tables-legacy iptables-nft ip6tables-nft; do
		# a table that somebody looked at is there, and empty
		on "$server" $program-save 2>/dev/null | grep -e '^\*' -e '^-' |
			awk '/^\*/ {table = $0; next} {print table, $0}'
	done
	on "$server" nft list tables | grep -v -e ' raw$' -e ' mangle$' || true
	on "$server" cat /proc/net/dscp_rewrite 2>/dev/null |
		awk 'NR > 1 {print "dscp_rewrite", $1, $2, $3, $4}' || true
	# what the kernel gave a device is tentative for a second
	on "$server" ip -o address show | sed 's/ valid_lft.*//; s/ tentative//'
}

assert_started()
{
	assert_exit 0 dsrctl "$@" check
	assert_equal "check" "$said" "All DSRs started."
}

# stream_start: 1,000 datagrams a second from the client to the VIP, which sends
# them back
stream_start()
{
	on_background "$server" "$stream" echo "$vip" 7777
	wait_until lab_listens "$server" u 7777
	on_background "$client" "$stream" send "$vip" 7777 1000 >"$lab_files/count"
	sender=$!
}

# stream_stop: $sent and $received are how many went, and how many came back
stream_stop()
{
	kill -INT "$sender"
	wait "$sender"
	read -r sent received <"$lab_files/count"
}
