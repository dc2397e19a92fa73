# SPDX-License-Identifier: BSD-3-Clause
"""Packets for the rules of revision 1: a map of DSCP values, and rules that
set the destination port. What comes out is built for the new address and port
in the first place, as everywhere."""
import functools

from .headers import HEADERS, fragment_header, ip4, ip6, pieces, routing_header
from .suite import Suite, ask_scapy
from .transports import TRANSPORTS, tuned, udp, with_field
from .values import (
	CHECK, CLIENT, DSCP, FRAGMENT, MAP, NUMBER, PORT, ROUTING, SERVER, TOS,
	VIP, text)

MATCH = f"-m dscp --dscp 0x{DSCP:02x}"
DPORT, DPORT_DSCP = 8443, 8		# of the rule with -m tcp --dport
LAST = "2001:db8:f::2"			# where a routing header leads
# After AH, -p of ip6tables-legacy finds the transport, that of -nft does not.
BEFORE_PORT = {name: header for name, header in HEADERS.items() if name != "ah"}


def map_rule(addresses):
	"""As iptables-save prints a map: so many entries in an option."""
	entries = [f"{d}={a}" for d, a in sorted(addresses.items())]
	options = [" --dscp-map " + ",".join(entries[i:i + 16])
		   for i in range(0, len(entries), 16)]
	return "-j DADDR" + "".join(options)


MAP_RULES = {family: [map_rule(MAP[family])] for family in (4, 6)}
PORT_RULES = {family: [
	f"-p {kind} {MATCH} -j DADDR --set-daddr {VIP[family]} "
	f"--set-dport {port}" for kind, port in PORT.items()
] + [
	f"-p tcp -m dscp --dscp 0x{DPORT_DSCP:02x} -m tcp --dport {DPORT} "
	f"-j DADDR --set-daddr {VIP[family]} --set-dport {PORT['tcp']}"
] for family in (4, 6)}


def packet(family, dst, number, data, chain=(), tos=TOS, **fields):
	"""chain: extension headers of IPv6, or bytes of options of IPv4."""
	if family == 4:
		return ip4(dst, number, data, b"".join(chain), tos=tos,
			   **fields)
	return ip6(dst, list(chain), number, data, tc=tos, **fields)


def fragment(family, dst, number, data, offset, more, tos=TOS):
	if family == 4:
		return ip4(dst, number, data, tos=tos, flags=more,
			   frag=offset // 8)
	return ip6(dst, [(FRAGMENT, fragment_header(offset, more))], number,
		   data, tc=tos)


def mapped(suite, name, dscp, make):
	"""Packets that a map's rule gets: make(dst, tos)."""
	family = suite.family
	to = MAP[family].get(dscp, SERVER[family])
	for ecn in range(4):
		before = make(SERVER[family], dscp << 2 | ecn)
		after = make(to, dscp << 2 | ecn)
		if to == SERVER[family]:
			suite.add(f"{name}-ecn-{ecn}", "same", before, before)
			continue
		ask_scapy(family, name, before, after, to)
		suite.add(f"{name}-ecn-{ecn}", "rewritten", before, after)


@functools.cache
def map_suite(family):
	suite = Suite(family)
	src = CLIENT[family] % 1

	for dscp in range(64):
		for kind in ("tcp", "udp"):
			mapped(suite, f"dscp-{dscp}-{kind}", dscp,
			       lambda dst, tos: packet(
				family, dst, NUMBER[kind], TRANSPORTS[kind](
					family, src, dst, text(dscp)),
				tos=tos))
	# 1: has an entry, 5: has none, 9: is to where it goes already
	for dscp in (1, 5, 9, 63):
		def add(name, make):
			"""make(dst), of which the first ECN will do"""
			to = MAP[family].get(dscp, SERVER[family])
			before, after = make(SERVER[family]), make(to)
			if to == SERVER[family]:
				suite.add(f"{name}-{dscp}", "same", before,
					  before)
				return
			ask_scapy(family, name, before, after, to)
			suite.add(f"{name}-{dscp}", "rewritten", before, after)
		tos = dscp << 2
		for kind, make in TRANSPORTS.items():
			if kind == "ah" and family == 6:
				continue
			add(f"{kind}", lambda dst: packet(
				family, dst, NUMBER[kind],
				make(family, src, dst, text(31)), tos=tos))
			for index, name in enumerate(("first", "middle",
						      "last")):
				def piece(dst):
					data = make(family, src, dst,
						    text(300))
					offset, part, more = list(pieces(
						data, (104, 104)))[index]
					return fragment(family, dst,
						NUMBER[kind], part, offset,
						more, tos)
				add(f"{kind}-fragment-{name}", piece)
		add("udp-no-checksum", lambda dst: packet(
			family, dst, 17, udp(family, src, dst, text(7),
					     chksum=0), tos=tos))
		chain = (b"\1" * 40,) if family == 4 else HEADERS.values()
		add("udp-after-headers", lambda dst: packet(
			family, dst, 17, udp(family, src, dst, text(7)),
			chain, tos))
		if family == 6:
			left = [(ROUTING, routing_header(1))]
			add("routing-left-udp", lambda dst: packet(
				6, dst, 17, udp(6, src, LAST, text(8)), left,
				tos))
		for kind, offset in CHECK.items():
			if kind == "icmp6" and family == 4:
				continue
			def cut(dst, size):
				return packet(family, dst, NUMBER[kind],
					      TRANSPORTS[kind](
						family, src, dst,
						text(9))[:size], tos=tos)
			add(f"{kind}-cut-{offset + 2}", lambda dst: cut(
				dst, offset + 2))
			short = cut(SERVER[family], offset + 1)
			drops = MAP[family].get(dscp, SERVER[family]) != \
				SERVER[family]
			suite.add(f"{kind}-cut-{offset + 1}-{dscp}",
				  "dropped" if drops else "same", short,
				  None if drops else short)
	there = packet(family, VIP[family], 6, TRANSPORTS["tcp"](
		family, src, VIP[family], text(3)))
	suite.add("tcp-already-there", "same", there, there)
	return suite


def set_port(suite, name, kind, make, has_port=True):
	"""Packets that a rule with a port gets: make(dst, dport), for every way
	in which they may be right already."""
	family = suite.family
	port = PORT[kind]
	after = make(VIP[family], port)
	for dst, where in ((SERVER, ""), (VIP, "-at-vip")):
		for dport, which in ((8080, ""), (port, "-at-port")):
			before = make(dst[family], dport)
			if before == after:
				suite.add(name + where + which, "same", after,
					  after)
				continue
			ask_scapy(family, name, before, after, VIP[family],
				  port if has_port else None)
			suite.add(name + where + which, "rewritten", before,
				  after, port=has_port)


def port_transports(suite, kind):
	family = suite.family
	src, number = CLIENT[family] % 1, NUMBER[kind]
	make = TRANSPORTS[kind]

	for length in (0, 1, 33, 1400):
		set_port(suite, f"{kind}-{length}", kind, lambda dst, dport:
			 packet(family, dst, number, make(
				family, src, dst, text(length), dport=dport)))
	for ecn in range(4):
		set_port(suite, f"{kind}-ecn-{ecn}", kind, lambda dst, dport:
			 packet(family, dst, number, make(
				family, src, dst, text(5), dport=dport),
				tos=TOS | ecn))
	# the checksum becomes 0, or 0xffff where that stands for it
	where = (20 if family == 4 else 40) + CHECK[kind]
	def with_tuning(dst, tuning, dport=PORT[kind]):
		return packet(family, dst, number, make(
			family, src, dst, tuning, dport=dport))
	tuning = tuned(with_tuning, VIP[family], where)
	set_port(suite, f"{kind}-to-checksum-0", kind, lambda dst, dport:
		 with_tuning(dst, tuning, dport))
	# wrong by as much as before
	def wrong(dst, dport):
		whole = with_tuning(dst, b"ab", dport)
		check = int.from_bytes(whole[where:where + 2], "big")
		check = (check + 0x1234) % 0xffff
		return with_field(whole, where, check or (
			0xffff if kind in ("udp", "udplite") else 0))
	set_port(suite, f"{kind}-wrong", kind, wrong)
	if kind == "udp":
		for length in (0, 9):
			set_port(suite, f"udp-{length}-no-checksum", kind,
				 lambda dst, dport: packet(
					family, dst, 17, udp(
						family, src, dst, text(length),
						dport=dport, chksum=0)))
	if kind in ("udplite", "dccp"):
		for coverage in (8, 12) if kind == "udplite" else (1, 3):
			set_port(suite, f"{kind}-coverage-{coverage}", kind,
				 lambda dst, dport: packet(
					family, dst, number, make(
						family, src, dst, text(20),
						coverage, dport=dport)))
	chains = {f"options-{n}": [b"\1" * n] for n in (4, 40)} \
		if family == 4 else \
		{name: [header] for name, header in BEFORE_PORT.items()} | \
		{"all": list(BEFORE_PORT.values())}
	for name, chain in chains.items():
		set_port(suite, f"{name}-{kind}", kind, lambda dst, dport:
			 packet(family, dst, number, make(
				family, src, dst, text(6), dport=dport),
				chain))


def port_fragments(suite, kind):
	"""The first one has the port. The later ones have none: address only,
	though their protocol is that of the rule."""
	family = suite.family
	src, number = CLIENT[family] % 1, NUMBER[kind]

	def first(dst, dport):
		data = TRANSPORTS[kind](family, src, dst, text(300),
					dport=dport)
		return fragment(family, dst, number, data[:104], 0, 1)
	set_port(suite, f"{kind}-fragment-first", kind, first)
	for name, offset, more in (("middle", 104, 1), ("last", 208, 0)):
		suite.rewritten(f"{kind}-fragment-{name}", lambda dst:
				fragment(family, dst, number, text(56), offset,
					 more))
		suite.same(f"{kind}-fragment-{name}-at-vip", lambda dst:
			   fragment(family, dst, number, text(56), offset,
				    more), dst=VIP[family])
	# like a header, with another port
	like = TRANSPORTS[kind](family, src, SERVER[family], text(4))[:24]
	suite.rewritten(f"{kind}-fragment-like-a-header", lambda dst: fragment(
		family, dst, number, like, 0x100 * 8, 1))
	if family == 6:
		# the checksum, and so the port, is of another destination
		left = [(ROUTING, routing_header(1))]
		data = TRANSPORTS[kind](6, src, LAST, text(8))
		suite.rewritten(f"routing-left-{kind}", lambda dst: packet(
			6, dst, number, data, left))
		suite.same(f"routing-left-{kind}-at-vip", lambda dst: packet(
			6, dst, number, data, left), dst=VIP[6])


def port_truncated(suite, kind):
	"""Too short for the checksum: dropped, unless nothing would change."""
	family = suite.family
	src, number = CLIENT[family] % 1, NUMBER[kind]
	need = CHECK[kind] + 2

	def cut(dst, dport, size):
		return packet(family, dst, number, TRANSPORTS[kind](
			family, src, dst, text(9), dport=dport)[:size])
	for size in range(need + 2):
		name = f"{kind}-cut-{size}"
		if size >= need:
			set_port(suite, name, kind, lambda dst, dport: cut(
				dst, dport, size))
			continue
		suite.add(name, "dropped", cut(SERVER[family], 8080, size),
			  None)
		suite.add(f"{name}-at-vip", "dropped",
			  cut(VIP[family], 8080, size), None)
		there = cut(VIP[family], PORT[kind], size)
		suite.add(f"{name}-at-both", "same" if size >= 4 else "dropped",
			  there, there if size >= 4 else None)


def port_others(suite):
	"""What no rule is for, and the rule that also matches on the port."""
	family = suite.family
	src = CLIENT[family] % 1

	for kind, make in TRANSPORTS.items():
		if kind in PORT or kind == "ah" and family == 6:
			continue
		suite.same(f"{kind}-not-for-a-rule", lambda dst: packet(
			family, dst, NUMBER[kind],
			make(family, src, dst, text(20))))
	for dscp in (0, 6, 63):
		suite.same(f"tcp-dscp-{dscp}", lambda dst: packet(
			family, dst, 6, TRANSPORTS["tcp"](
				family, src, dst, text(20)), tos=dscp << 2))

	def tcp(dst, dport):
		return packet(family, dst, 6, TRANSPORTS["tcp"](
			family, src, dst, text(9), dport=dport),
			tos=DPORT_DSCP << 2)
	before, after = tcp(SERVER[family], DPORT), tcp(VIP[family], 443)
	ask_scapy(family, "tcp-dport", before, after, VIP[family], 443)
	suite.add("tcp-dport", "rewritten", before, after, port=True)
	suite.add("tcp-dport-at-vip", "rewritten", tcp(VIP[family], DPORT),
		  after, port=True)
	suite.same("tcp-other-dport", lambda dst: tcp(dst, DPORT + 1))
	# the match does not match what has no port: a later fragment stays
	suite.same("tcp-dport-fragment-last", lambda dst: fragment(
		family, dst, 6, text(56), 208, 0, DPORT_DSCP << 2))


@functools.cache
def port_suite(family):
	suite = Suite(family)
	for kind in PORT:
		port_transports(suite, kind)
		port_fragments(suite, kind)
		port_truncated(suite, kind)
	port_others(suite)
	return suite
