# SPDX-License-Identifier: BSD-3-Clause
"""IPv6: extension headers in every order, routes, fragments."""
import functools
import itertools

from scapy.layers.inet import UDP
from scapy.layers.inet6 import (
	HAO, ICMPv6ND_NS, ICMPv6PacketTooBig, IPv6, PadN)
from scapy.packet import Raw

from . import both
from .both import plain
from .headers import (
	HEADERS, ah_header, destination_header, fragment_header, hop_options,
	ip6, mobility, pieces, routing_header)
from .suite import Suite
from .transports import TRANSPORTS, icmp6, tcp, tuned, udp
from .values import (
	AH, CHECK, CLIENT, DESTINATION, ESP, FRAGMENT, HOP, NONE, NUMBER,
	ROUTING, SERVER, TOS, VIP, text)


def ip6_fields(suite):
	for ecn in range(4):
		for kind in ("tcp", "udp"):
			suite.rewritten(f"{kind}-ecn-{ecn}", lambda dst: plain(
				6, kind, dst, text(13), tc=TOS | ecn))
	for hlim in (0, 1, 2, 64, 255):
		suite.rewritten(f"hop-limit-{hlim}", lambda dst: plain(
			6, "udp", dst, text(13), hlim=hlim))
	for label in (0, 1, 0xfffff):
		suite.rewritten(f"flow-label-{label:x}", lambda dst: plain(
			6, "udp", dst, text(13), fl=label))


def ip6_transports(suite):
	src = CLIENT[6] % 1
	layers = {
		"too-big": ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(IPv6(
			src=VIP[6], dst=src) / UDP(sport=1, dport=2) /
			Raw(text(100)))),
		"solicitation": ICMPv6ND_NS(tgt=SERVER[6]),
	}
	for name, layer in layers.items():
		suite.rewritten(f"icmp6-{name}", lambda dst: ip6(
			dst, [], 58, icmp6(6, src, dst, layer=layer)))
	for name, to in (("to", VIP), ("from", SERVER)):
		def with_tuning(dst, tuning):
			return ip6(dst, [], 58, icmp6(6, src, dst, tuning))
		tuning = tuned(with_tuning, to[6], 42)
		suite.rewritten(f"icmp6-{name}-checksum-0", lambda dst:
				with_tuning(dst, tuning))
	for number in (NONE, 4, 41, 47, 89, 103, 115, 135, 139, 140, 254, 255):
		suite.rewritten(f"header-only-{number}", lambda dst: ip6(
			dst, [], number, mobility() + text(24)))
	suite.rewritten("no-next-header-empty", lambda dst: ip6(
		dst, [], NONE, b""))


def ip6_chains(suite):
	src = CLIENT[6] % 1
	kinds = itertools.cycle(("tcp", "udp", "icmp6", "udplite", "dccp"))

	def with_chain(dst, kind, chain, length=12):
		return ip6(dst, chain, NUMBER[kind], TRANSPORTS[kind](
			6, src, dst, text(length)))

	# each one alone before each transport
	for name, header in HEADERS.items():
		for kind in TRANSPORTS:
			if kind == "ah":
				continue
			suite.rewritten(f"{name}-{kind}", lambda dst:
					with_chain(dst, kind, [header]))
	# all five of them, in every order
	for order in itertools.permutations(HEADERS):
		kind = next(kinds)
		suite.rewritten("-".join(order + (kind,)), lambda dst:
			with_chain(dst, kind, [HEADERS[n] for n in order], 3))
	for name, header in hop_options().items():
		suite.rewritten(f"hop-{name}-udp", lambda dst: with_chain(
			dst, "udp", [(HOP, header)]))
	for words in (1, 2, 3, 16, 64, 128):
		# experimental option; RFC 4727 says to skip it
		data = words * 8 - 2
		options = b""
		while data > 257:
			options += bytes([0x1e, 253]) + text(253)
			data -= 255
		options += bytes([0x1e, data - 2]) + text(data - 2)
		header = bytes([0, words - 1]) + options
		suite.rewritten(f"dest-of-{words * 8}-tcp", lambda dst:
			with_chain(dst, "tcp", [(DESTINATION, header)]))
	for icv in (4, 12, 20, 36, 68, 1012):
		suite.rewritten(f"ah-icv-{icv}-udp", lambda dst: with_chain(
			dst, "udp", [(AH, ah_header(icv=icv))]))
	suite.rewritten("home-address-tcp", lambda dst: ip6(
		dst, [(DESTINATION, destination_header(
			[PadN(optdata=b"\0\0"), HAO(hoa="2001:db8:e::1")]))], 6,
		tcp(6, "2001:db8:e::1", dst, text(9))))
	for count in (2, 5, 20, 60):
		suite.rewritten(f"dest-{count}-times-tcp", lambda dst:
			with_chain(dst, "tcp", [HEADERS["dest"]] * count))
	suite.rewritten("all-twice-udp", lambda dst: with_chain(
		dst, "udp", list(HEADERS.values()) * 2))
	for number in (NONE, ESP, 47, 132, 135, 139, 140, 253):
		suite.rewritten(f"hop-dest-header-only-{number}", lambda dst:
			ip6(dst, [HEADERS["hop"], HEADERS["dest"]], number,
			    mobility(6) + text(32)))
	suite.rewritten("dest-no-next-header-empty", lambda dst: ip6(
		dst, [HEADERS["dest"]], NONE, b""))


def ip6_routing(suite):
	"""Segments left: the destination is only the next stop, the checksum
	is over the last one and so stays."""
	src = CLIENT[6] % 1
	last = "2001:db8:f::2"

	for kind in (0, 2, 3, 4, 5, 253):
		for left in (0, 1, 2, 255):
			addresses = [last] if kind == 2 else None
			if kind == 4:
				addresses = [last, "2001:db8:f::1"]
			header = (ROUTING, routing_header(left, kind, addresses))
			for name in ("tcp", "udp", "icmp6"):
				def packet(dst):
					final = last if left else dst
					return ip6(dst, [header], NUMBER[name],
						TRANSPORTS[name](
							6, src, final, text(8)))
				suite.rewritten(
					f"routing-{kind}-left-{left}-{name}",
					packet)
	left = (ROUTING, routing_header(1))
	for name in ("hop", "dest", "fragment", "ah"):
		suite.rewritten(f"{name}-routing-left-udp", lambda dst: ip6(
			dst, [HEADERS[name], left], 17,
			udp(6, src, last, text(8))))
		if name != "hop":
			suite.rewritten(f"routing-left-{name}-udp", lambda dst:
				ip6(dst, [left, HEADERS[name]], 17,
				    udp(6, src, last, text(8))))
	suite.rewritten("routing-routing-left-tcp", lambda dst: ip6(
		dst, [HEADERS["routing"], left], 6,
		tcp(6, src, last, text(8))))
	suite.rewritten("routing-left-no-checksum-udp", lambda dst: ip6(
		dst, [left], 17, udp(6, src, last, text(8), chksum=0)))
	# No checksum is needed, so a short transport does not matter.
	suite.rewritten("routing-left-tcp-cut-4", lambda dst: ip6(
		dst, [left], 6, tcp(6, src, last)[:4]))


def ip6_fragments(suite):
	src = CLIENT[6] % 1
	cut = {"first": 0, "middle": 1, "last": 2}

	def fragment(dst, kind, index, before=(), after=(), sizes=(1000, 1000)):
		data = TRANSPORTS[kind](6, src, dst, text(3000))
		number = NUMBER[kind]
		for number_of, header in reversed(after):
			data = bytes([number]) + header[1:] + data
			number = number_of
		offset, piece, more = list(pieces(data, sizes))[index]
		return ip6(dst, list(before) + [(FRAGMENT, fragment_header(
			offset, more))], number, piece)

	for kind in TRANSPORTS:
		if kind == "ah":
			continue
		for name, index in cut.items():
			suite.rewritten(f"{kind}-fragment-{name}", lambda dst:
					fragment(dst, kind, index))
	for kind in ("tcp", "udp", "icmp6"):
		for name, index in cut.items():
			suite.rewritten(f"hop-routing-{kind}-fragment-{name}",
				lambda dst: fragment(
					dst, kind, index,
					(HEADERS["hop"], HEADERS["routing"])))
			suite.rewritten(f"dest-after-{kind}-fragment-{name}",
				lambda dst: fragment(
					dst, kind, index, (),
					(HEADERS["dest"], HEADERS["ah"])))
		# The chain ends in the first one, the transport does not begin.
		suite.dropped(f"dest-after-{kind}-fragment-of-8", lambda dst:
			fragment(dst, kind, 0, (), (HEADERS["dest"],), (8,)))
	for kind, size in (("tcp", 8), ("tcp", 16), ("tcp", 24), ("udp", 8),
			   ("udplite", 8), ("dccp", 8), ("icmp6", 8)):
		suite.decided("rewritten" if size >= CHECK[kind] + 2
			      else "dropped",
			      f"{kind}-fragment-first-of-{size}", lambda dst:
			      fragment(dst, kind, 0, sizes=(size,)))
	for kind in ("tcp", "udp", "icmp6", "udplite", "dccp"):
		for offset in (8, 16, 0x1f * 8, 0x20 * 8, 0x1ffd * 8):
			suite.rewritten(
				f"{kind}-fragment-{offset}-like-a-header",
				lambda dst: ip6(dst, [(FRAGMENT, fragment_header(
					offset, int(offset < 0x8000)))],
					NUMBER[kind], TRANSPORTS[kind](
						6, src, SERVER[6], text(4))[:24]))
	for name in ("dest", "routing", "ah", "hop", "fragment"):
		number, header = HEADERS[name]
		suite.rewritten(f"fragment-last-like-{name}-header", lambda dst:
			ip6(dst, [(FRAGMENT, fragment_header(800))], number,
			    b"\6" + header[1:] + tcp(6, src, SERVER[6])))
	# All reserved bits set: no offset.
	suite.rewritten("fragment-reserved-udp", lambda dst: ip6(
		dst, [(FRAGMENT, fragment_header(reserved=0x3ff))], 17,
		udp(6, src, dst, text(8))))
	suite.rewritten("fragment-first-reserved-udp", lambda dst: ip6(
		dst, [(FRAGMENT, fragment_header(more=1, reserved=0x3ff))], 17,
		udp(6, src, dst, text(80))[:64]))
	suite.rewritten("fragment-fragment-last-udp", lambda dst: ip6(
		dst, [HEADERS["fragment"], (FRAGMENT, fragment_header(80))], 17,
		udp(6, src, SERVER[6], text(8))))
	for length in (0, 1, 4):
		suite.rewritten(f"tcp-fragment-last-of-{length}", lambda dst:
			ip6(dst, [(FRAGMENT, fragment_header(800))], 6,
			    text(length)))
	suite.same("udp-fragment-last-other-dscp", lambda dst: ip6(
		dst, [(FRAGMENT, fragment_header(800))], 17, text(20), tc=0))


def ip6_past_the_end(suite):
	"""Extension headers that are longer than the packet."""
	src = CLIENT[6] % 1
	long = {
		"dest": (DESTINATION, b"\0\xff\1\4\0\0\0\0"),
		"routing": (ROUTING, b"\0\xff\0\0\0\0\0\0"),
		"ah": (AH, b"\0\xff" + ah_header()[2:]),
	}
	for name, header in long.items():
		for kind in ("tcp", "udp", "icmp6", "udplite", "dccp"):
			suite.dropped(f"{name}-past-the-end-{kind}", lambda dst:
				ip6(dst, [header], NUMBER[kind],
				    TRANSPORTS[kind](6, src, dst, text(8))))
		suite.dropped(f"{name}-past-the-end-dest", lambda dst: ip6(
			dst, [header, HEADERS["dest"]], 6,
			tcp(6, src, dst)))
	# The packet ends inside of a header, or right after it.
	for name, header in HEADERS.items():
		if name == "hop":
			continue
		for length in range(4):
			suite.dropped(f"{name}-cut-{length}", lambda dst: ip6(
				dst, [], header[0],
				b"\6" + header[1][1:length] if length else b""))
		suite.dropped(f"{name}-tcp-cut-0", lambda dst: ip6(
			dst, [header], 6, b""))
		suite.dropped(f"{name}-dest-cut-0", lambda dst: ip6(
			dst, [header], DESTINATION, b""))
		for kind, offset in CHECK.items():
			for length in (offset + 1, offset + 2):
				suite.decided(
					"rewritten" if length == offset + 2
					else "dropped",
					f"{name}-{kind}-cut-{length}",
					lambda dst: ip6(dst, [header],
						NUMBER[kind], TRANSPORTS[kind](
							6, src, dst, text(20)
						)[:length]))


@functools.cache
def corpus6():
	suite = Suite(6)
	for part in both.PARTS + (ip6_fields, ip6_transports, ip6_chains,
				  ip6_routing, ip6_fragments,
				  ip6_past_the_end):
		part(suite)
	return suite
