# SPDX-License-Identifier: BSD-3-Clause
# Sourced in the lab: is the kernel still in order after what happened in it?

# All messages since the lab was up, once kernel_log_collect says that they are
# there: one program reads them all the time, so that none is lost or read twice.
kernel_log=/run/kernel.log

# Messages of level warning that an out-of-tree module always causes, what
# x_tables says of rules that no iptables would send, what is said of a module
# for another kernel, what the module says when it refuses to load, what a tap
# device says of a header that lies (before any rule sees the packet), what the
# kernel says when the host is too busy to run it, what cfg80211 misses, which
# NetworkManager loads, and what kvm.ko of a real-time kernel says of an emulated
# processor.
kernel_harmless='loading out-of-tree module taints kernel|module verification failed|DADDR\.[0-9]+ target: invalid size|xt_DADDR: version magic|xt_DADDR: parameter table: |skbuff: bad partial csum: |clocksource: |TSC found unstable|: [0-9]+ callbacks suppressed$|hrtimer: interrupt took|(failed to load|load for) regulatory\.db|firmware_class: See https|RT requires X86_FEATURE_CONSTANT_TSC$'

# What a message that no run may cause looks like.
kernel_bad='^[a-z]+ *:(emerg|alert|crit|err|warn) *:|Call Trace|unregister_netdevice: waiting'

kernel_log_begin()
{
	dmesg --clear
	: >"$kernel_log"
	stdbuf -oL dmesg --follow --decode >>"$kernel_log" &
}

kernel_log_collect()
{
	local mark="lab: read up to $BASHPID, $EPOCHREALTIME" try

	echo "<6>$mark" >/dev/kmsg
	for ((try = 0; try < 2000; try++)); do
		! grep -qF "$mark" "$kernel_log" || return 0
		read -rt 0.01 <> <(:) || true
	done
	echo "lab  :err   : the kernel's messages are not read any more" >>"$kernel_log"
}

# kernel_warnings [LINE]: prints the bad messages from that line of the log on
kernel_warnings()
{
	kernel_log_collect
	tail -n "+${1:-1}" "$kernel_log" | grep -E "$kernel_bad" |
		grep -Ev "$kernel_harmless"
}

# module_unload [MODULE]: by default xt_DADDR. A namespace is dismantled after
# its last user is gone: its rules hold the module for a moment longer.
module_unload()
{
	local module=${1:-xt_DADDR} try

	for ((try = 0; try < 100; try++)); do
		grep -q "^$module " /proc/modules || return 0
		rmmod "$module" 2>/dev/null
		read -rt 0.1 <> <(:) || true
	done
	return 1
}

kmemleak=/sys/kernel/debug/kmemleak
kmemleak_off=/run/kmemleak.off

# For good: it cannot be turned on again.
kmemleak_turn_off()
{
	echo off >"$kmemleak"
	: >"$kmemleak_off"
}

# Memory that nothing points to any more, since verdict_begin. What is younger
# than five seconds is not looked at: the first wait is for that. An address on
# the stack of a moment ago hides a leak from one scan, not from two.
kernel_leaks()
{
	[ -e "$kmemleak" ] && [ ! -e "$kmemleak_off" ] || return 0
	read -rt 6 <> <(:) || true
	# for want of memory it turns itself off
	if ! echo scan 2>/dev/null >"$kmemleak"; then
		echo "kmemleak is off, and sees nothing any more"
		return
	fi
	echo scan >"$kmemleak"
	cat "$kmemleak"
}

# Lockdep watches until its first finding, or until its tables are full.
lockdep_is_off()
{
	[ -e /proc/lockdep_stats ] && ! grep -q 'debug_locks: *1' /proc/lockdep_stats
}

verdict_begin()
{
	if [ -e "$kmemleak" ]; then
		echo scan=off >"$kmemleak" # not every ten minutes
		echo clear >"$kmemleak"
	fi
	kernel_log_begin
	verdict_taint=$(cat /proc/sys/kernel/tainted)
}

# Prints "ok", or what is wrong.
verdict_end()
{
	local allowed=$((1 << 12 | 1 << 13)) # out of tree, unsigned
	local taint wrong='' warnings leaks module

	leaks=$(kernel_leaks) # while the modules' functions have names
	for module in xt_DADDR dscp_rewrite; do
		module_unload $module && continue
		wrong=yes
		echo "lab: $module does not unload; it and the namespaces left:"
		grep "^$module " /proc/modules
		ip netns list
	done
	leaks+=$(kernel_leaks)
	if [ "$leaks" ]; then
		wrong=yes
		echo "lab: memory is lost:"
		echo "$leaks"
	fi
	if lockdep_is_off; then
		wrong=yes
		echo "lab: lockdep is off, and sees nothing any more"
	fi
	taint=$(cat /proc/sys/kernel/tainted)
	if [ $((taint & ~(verdict_taint | allowed))) -ne 0 ]; then
		wrong=yes
		echo "lab: the kernel is tainted: $taint"
	fi
	if warnings=$(kernel_warnings); then
		wrong=yes
		echo "lab: the kernel log has warnings:"
		echo "$warnings"
		echo "lab: its last lines:"
		tail -n 40 "$kernel_log"
	fi
	[ "$wrong" ] || echo ok
}
