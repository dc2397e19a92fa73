# SPDX-License-Identifier: BSD-3-Clause
# Sourced by the soak: what memory the kernel holds, and whether it grows.

# The objects of the kernel that are in use: "NAME OBJECTS BYTES IN-ONE-SLAB".
# Without areas of vmalloc, which are kept until there are thousands that nobody
# uses; VmallocUsed counts those that somebody does.
slabs()
{
	awk 'NR > 2 && $1 != "vmap_area" {print $1, $2, $4, $5}' /proc/slabinfo
}

slab_kib()
{
	slabs | awk '{bytes += $2 * $3} END {printf "%d\n", bytes / 1024}'
}

# Waits until the kernel has freed what it is going to: caches are dropped, and
# objects are counted as free that a processor keeps for the next. What goes
# after a grace period, or with a namespace, is gone when the sum no longer falls.
memory_settle()
{
	local file least now calm=0 try

	least=$(slab_kib)
	for ((try = 0; try < 200 && calm < 3; try++)); do
		echo 2 >/proc/sys/vm/drop_caches # not the programs: 9p is slow
		for file in /sys/kernel/slab/*/shrink; do
			[ -L "${file%/shrink}" ] || echo 1 >"$file"
		done
		now=$(slab_kib)
		if [ "$now" -lt "$least" ]; then
			least=$now calm=0
		else
			calm=$((calm + 1))
		fi
		read -rt 0.1 <> <(:) || true
	done
}

# memory_sample ROUND: appended to files of the host, not to memory of this
# machine: "ROUND NAME OBJECTS" of each cache of slabs, with how many are in one
# slab, and "ROUND NAME KIB"
memory_sample()
{
	memory_settle
	slabs | awk -v round="$1" '{print round, $1, $2, $4}' >>"$soak_results/slabs"
	{
		echo "Slabs $(slab_kib)"
		awk '/^(Percpu|VmallocUsed|KernelStack|PageTables):/ {
			sub(":", "", $1); print $1, $2}' /proc/meminfo
	} | sed "s/^/$1 /" >>"$soak_results/memory"
}

# memory_growth FILE: how much each name of a sample file has grown from the
# first quarter to the last, as "NAME GROWTH FIRST LAST REST-OF-LINE". The first tenth is not
# counted: what is kept for the next time is made then. Growth is what the least
# of the last quarter is above the most of the first one: what goes up and down
# does not grow.
memory_growth()
{
	awk '
		{
			round = $1
			value[$2, round] = $3
			rest[$2] = $4
		}
		END {
			rounds = round + 1
			begin = int((rounds + 9) / 10)
			quarter = int((rounds - begin) / 4)
			if (quarter < 2)
				exit 1
			for (name in rest) {
				most = value[name, begin]
				for (i = begin; i < begin + quarter; i++)
					if (value[name, i] > most)
						most = value[name, i]
				least = value[name, round]
				for (i = rounds - quarter; i < rounds; i++)
					if (value[name, i] < least)
						least = value[name, i]
				print name, least - most, most, least, rest[name]
			}
		}' "$1"
}

# What may be more at the end: some pages that a processor or an allocator keeps,
# and of one kind of object, some slabs (a slab counts as all in use while a
# processor allocates from it), or one in a hundred objects: of thousands of
# directory entries, some dozens more or fewer are in use whenever one looks.
# What leaks in each round is more, after some. What a busy host keeps once is
# not: it grows in one run of rounds, and not in the next.
memory_kib_allowed=128
slabs_allowed=2

memory_report()
{
	local name first last growth

	while read -r name growth first last _; do
		figure "$name, KiB" "$first before, $last after, $growth more"
	done < <(memory_growth "$soak_results/memory")
}

# Freed memory is kept for a while, as if it was in use, by a kernel that looks
# for what uses it then.
memory_is_quarantined()
{
	grep -qw kasan_quarantine_put /proc/kallsyms
}

# too_much ALLOWED: of lines of memory_growth, those that grew by more, in what
# is the fifth word, or 1, and by more than a hundredth
too_much()
{
	awk -v allowed="$1" '$2 > allowed * ($5 ? $5 : 1) && $2 * 100 > $3 {
		print $1 " grew by " $2 ", from " $3 " to " $4}'
}

# Starts the samples anew
memory_forget()
{
	rm -f "$soak_results"/{memory,slabs}
}

# What grew, a line each, as "NAME grew by ...": nothing if memory is flat
memory_grown()
{
	local kib objects

	kib=$(memory_growth "$soak_results/memory")
	objects=$(memory_growth "$soak_results/slabs")
	if memory_is_quarantined; then
		kib=$(grep -v '^Slabs ' <<<"$kib") objects=''
	fi
	too_much $memory_kib_allowed <<<"$kib"
	too_much $slabs_allowed <<<"$objects"
}
