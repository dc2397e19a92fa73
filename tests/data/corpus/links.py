# SPDX-License-Identifier: BSD-3-Clause
"""What may be around a packet: link headers, tags, padding, a short snap."""
import struct

from .both import plain, plain_cut
from .ipv4 import corpus4
from .ipv6 import corpus6
from .suite import Packet, Suite
from .values import DST_MAC, ETHERTYPE, SRC_MAC, text


def framed(cases, frame):
	"""Packets out of cases: frame(family or None, bytes) puts a link
	header around the bytes."""
	return [Packet(c.name, c.verdict, frame(f, c.before),
		       None if c.after is None else frame(f, c.after))
		for f, c in cases]


def ethernet(family, data):
	return DST_MAC + SRC_MAC + struct.pack("!H", ETHERTYPE[family]) + data


def in_ethernet(family, cases):
	return framed(((family, c) for c in cases), ethernet)


def few():
	"""Some of everything, for captures that are about their frames."""
	chosen = {
		4: ("tcp-64", "udp-1", "udp-1-no-checksum", "udp-ihl-15",
		    "icmp-64", "dscp-0", "udp-already-there", "tcp-cut-8",
		    "udp-fragment-first", "udp-fragment-last"),
		6: ("tcp-64", "udp-1", "icmp6-64", "dscp-0",
		    "udp-already-there", "tcp-cut-8", "hop-dest-routing-"
		    "fragment-ah-tcp", "routing-0-left-1-udp",
		    "udp-fragment-first", "udp-fragment-last"),
	}
	cases = []
	for family, suite in ((4, corpus4()), (6, corpus6())):
		by_name = {c.name: c for c in suite.cases}
		for name in chosen[family]:
			c = by_name[name]
			cases.append((family, Packet(f"ip{family}-{name}",
				c.verdict, c.before, c.after)))
	return cases


ARP = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + SRC_MAC + \
	bytes([144, 100, 10, 1]) + b"\0" * 6 + bytes([10, 128, 9, 31])


def ethernet_set():
	"""What may be between the Ethernet addresses and the packet, and
	after it."""
	cases = few()
	packets = []

	def tags(*pairs):
		return b"".join(struct.pack("!HH", *p) for p in pairs)
	stacks = {
		"vlan": tags((0x8100, 100)),
		"priority": tags((0x8100, 7 << 13)),
		"vlan-all-bits": tags((0x8100, 0xfffe)),
		"qinq": tags((0x88a8, 200), (0x8100, 100)),
		"qinq-old": tags((0x9100, 200), (0x8100, 100)),
		"vlan-vlan": tags((0x8100, 200), (0x8100, 100)),
		"three": tags((0x88a8, 300), (0x88a8, 200), (0x8100, 100)),
	}
	for name, stack in stacks.items():
		for packet in framed(cases, lambda f, data: DST_MAC + SRC_MAC +
				     stack + struct.pack("!H", ETHERTYPE[f]) +
				     data):
			packet.name = f"{name}-{packet.name}"
			packets.append(packet)
	# What a network card pads to 60 bytes, and a trailer of a switch.
	for family in (4, 6):
		suite = Suite(family)
		for kind, length in (("udp", 1), ("udp", 2), ("tcp", 0),
				     ("unknown", 3)):
			suite.rewritten(f"{kind}-{length}", lambda dst: plain(
				family, kind, dst, text(length)))
		suite.dropped("tcp-cut-8", lambda dst: plain_cut(
			family, dst, 8))
		suite.dropped("tcp-cut-17", lambda dst: plain_cut(
			family, dst, 17))
		for name, tail in (("zeros", b"\0" * 46), ("trailer",
				   b"\xfe\xed\xfa\xce\x01")):
			for packet in framed(((family, c) for c in suite.cases),
					     lambda f, data: ethernet(f, data) +
					     tail):
				packet.name = f"{name}-ip{family}-{packet.name}"
				packets.append(packet)
	arp = DST_MAC + SRC_MAC + b"\x08\x06" + ARP + b"\0" * 18
	llc = DST_MAC + SRC_MAC + b"\0\x26\x42\x42\x03" + text(35)
	lldp = bytes.fromhex("0180c200000e") + SRC_MAC + b"\x88\xcc" + text(46)
	short = DST_MAC + SRC_MAC + b"\x81\x00\x00"
	for name, frame in (("arp", arp), ("llc", llc), ("lldp", lldp),
			    ("ends-in-a-tag", short), ("only-addresses",
			    DST_MAC + SRC_MAC), ("nothing", b"")):
		packets.append(Packet(name, "same", frame, frame))
	return packets


def link_sets():
	"""name: (link type, packets)"""
	cases = few()
	sll_type = {"host": 0, "outgoing": 4}
	arp = Packet("arp", "same", ARP, ARP)
	ethertypes = ETHERTYPE | {None: 0x0806}

	def sll(f, data):
		return struct.pack("!HHH", sll_type["host"], 1, 6) + SRC_MAC + \
			b"\0\0" + struct.pack("!H", ethertypes[f]) + data

	def sll_vlan(f, data):
		return struct.pack("!HHH", sll_type["outgoing"], 1, 6) + \
			SRC_MAC + b"\0\0" + struct.pack(
				"!HHH", 0x8100, 100, ethertypes[f]) + data

	def sll2(f, data):
		return struct.pack("!HHIHBB", ethertypes[f], 0, 3, 1, 0, 6) + \
			SRC_MAC + b"\0\0" + data

	def sll2_vlan(f, data):
		return struct.pack("!HHIHBB", 0x8100, 0, 3, 1, 4, 6) + \
			SRC_MAC + b"\0\0" + struct.pack(
				"!HH", 100, ethertypes[f]) + data

	def null(number):
		return lambda f, data: struct.pack(
			"<I", 2 if f == 4 else number) + data

	def loop(number):
		return lambda f, data: struct.pack(
			"!I", 2 if f == 4 else number) + data

	def ppp(f, data):
		return struct.pack("!H", {4: 0x21, 6: 0x57}[f]) + data

	def hdlc(f, data):
		return b"\xff\x03" + ppp(f, data)

	def named(prefix, packets):
		for packet in packets:
			packet.name = f"{prefix}-{packet.name}"
		return packets

	only6 = [c for c in cases if c[0] == 6]
	lcp = Packet("lcp", "same", b"\xff\x03\xc0\x21\x09\x01\0\x08abcd",
		     b"\xff\x03\xc0\x21\x09\x01\0\x08abcd")
	other = Packet("appletalk", "same", b"\x10\0\0\0" + text(30),
		       b"\x10\0\0\0" + text(30))
	other_loop = Packet("appletalk", "same", b"\0\0\0\x10" + text(30),
			    b"\0\0\0\x10" + text(30))
	return {
		"raw": (101, framed(cases, lambda f, data: data)),
		"sll": (113, framed(cases + [(None, arp)], sll) +
			named("vlan", framed(cases, sll_vlan))),
		"sll2": (276, framed(cases + [(None, arp)], sll2) +
			 named("vlan", framed(cases, sll2_vlan))),
		# AF_INET6 is another number on each system
		"null": (0, framed(cases, null(30)) + [other] +
			 named("freebsd", framed(only6, null(28))) +
			 named("netbsd", framed(only6, null(24)))),
		"loop": (108, framed(cases, loop(24)) + [other_loop] +
			 named("freebsd", framed(only6, loop(28))) +
			 named("darwin", framed(only6, loop(30)))),
		"ppp": (9, framed(cases, ppp) +
			named("hdlc", framed(cases, hdlc)) + [lcp]),
	}


def snapped_set():
	"""Captured with a snap length: the packet is longer than the file."""
	packets = []

	def cut(case, family, length):
		"""length: so many bytes of the IP packet are there"""
		size = 14 + length
		before = ethernet(family, case.before)
		after = None if case.after is None else \
			ethernet(family, case.after)[:size]
		packets.append(Packet(
			f"ip{family}-{case.name}-cut-{length}", case.verdict,
			before[:size], after, len(before)))

	for family, suite in ((4, corpus4()), (6, corpus6())):
		by_name = {c.name: c for c in suite.cases}
		head = 20 if family == 4 else 40
		for name in ("tcp-1400", "udp-64", "udp-64-no-checksum",
			     "unknown-64", "dscp-0", "udp-already-there",
			     "udp-fragment-last"):
			case = by_name[name]
			cut(case, family, head)		# no transport at all
			cut(case, family, head + 6)	# before any checksum
			cut(case, family, head + 8)	# after the one of UDP
		cut(by_name["tcp-1400"], family, head + 16)
		cut(by_name["tcp-1400"], family, head + 18)
		cut(by_name["tcp-1400"], family, 1000)
		# too short on the wire as well
		cut(by_name["tcp-cut-8"], family, head + 4)
		# the Ethernet header and nothing else
		case = by_name["dscp-0"]
		cut(case, family, 0)
	options = {c.name: c for c in corpus4().cases}
	cut(options["tcp-ihl-15"], 4, 20)
	cut(options["tcp-ihl-15"], 4, 59)
	cut(options["tcp-ihl-15"], 4, 76)
	cut(options["tcp-ihl-15"], 4, 78)
	chain = {c.name: c for c in corpus6().cases}
	for length in (40, 41, 48, 56, 96, 104, 128, 132):
		cut(chain["hop-dest-routing-fragment-ah-tcp"], 6, length)
	return packets
