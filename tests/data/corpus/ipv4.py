# SPDX-License-Identifier: BSD-3-Clause
"""IPv4: header fields, options, fragments."""
import functools
import struct

from . import both
from .both import plain
from .headers import ip4, pieces
from .suite import Suite
from .transports import TRANSPORTS, tcp, udp, with_field
from .values import CHECK, CLIENT, NUMBER, SERVER, TOS, VIP, text


def ip4_fields(suite):
	def udp4(dst, **fields):
		return plain(4, "udp", dst, text(13), **fields)

	for ecn in range(4):
		for kind in ("tcp", "udp"):
			suite.rewritten(f"{kind}-ecn-{ecn}", lambda dst: plain(
				4, kind, dst, text(13), tos=TOS | ecn))
	for ttl in (0, 1, 2, 64, 255):
		suite.rewritten(f"ttl-{ttl}", lambda dst: udp4(dst, ttl=ttl))
	for ident in (0, 1, 0xff, 0x100, 0xffff):
		suite.rewritten(f"id-{ident:x}", lambda dst: udp4(dst, id=ident))
	for flags in (0, 2, 4, 6):
		suite.rewritten(f"flags-{flags}", lambda dst:
				udp4(dst, flags=flags))
	# The header checksum at its edges, made by the ID.
	for name, to in (("to", VIP), ("from", SERVER)):
		(ident,) = struct.unpack_from("!H", udp4(to[4], id=0), 10)
		suite.rewritten(f"header-checksum-{name}-0", lambda dst:
				udp4(dst, id=ident))
	suite.add("header-checksum-from-ffff", "rewritten",
		  with_field(udp4(SERVER[4], id=ident), 10, 0xffff),
		  udp4(VIP[4], id=ident))
	suite.rewritten("carry-everywhere", lambda dst: udp4(
		dst, id=0xffff, ttl=255, src="255.255.255.254"))


def ip4_options(suite):
	"""Every header length, with options that are there and that are not."""
	src = CLIENT[4] % 1
	record = struct.pack("!BBB", 7, 39, 4) + b"\0" * 36 + b"\0"
	stamp = struct.pack("!BBBB", 68, 36, 5, 0) + b"\0" * 32
	alert = struct.pack("!BBH", 148, 4, 0)
	named = {"nop": b"\1\1\1\1", "router-alert": alert,
		 "end-then-rubbish": b"\0\xff\xff\xff",
		 "record-route": record, "time-stamp": stamp,
		 "alert-stamp": alert + stamp, "unknown-option": b"\x5e\4\1\2",
		 "bad-length": b"\x44\xff\0\0"}

	for kind in ("tcp", "udp", "udplite", "dccp", "icmp"):
		for words in range(11):
			def packet(dst):
				options = (b"\1" * 40)[:words * 4]
				return ip4(dst, NUMBER[kind], TRANSPORTS[kind](
					4, src, dst, text(words)), options)
			suite.rewritten(f"{kind}-ihl-{5 + words}", packet)
	for name, options in named.items():
		suite.rewritten(f"tcp-option-{name}", lambda dst: ip4(
			dst, 6, tcp(4, src, dst, text(6)), options))
		suite.rewritten(f"udp-option-{name}", lambda dst: ip4(
			dst, 17, udp(4, src, dst, text(6)), options))
	# Options whose bytes would be a checksum without them.
	suite.rewritten("unknown-ihl-15", lambda dst: ip4(
		dst, 253, text(30), b"\1" * 40))
	for length in (17, 18):
		suite.decided("dropped" if length < 18 else "rewritten",
			f"tcp-ihl-15-cut-{length}", lambda dst: ip4(
			dst, 6, tcp(4, src, dst)[:length], b"\1" * 40))


def ip4_fragments(suite):
	src = CLIENT[4] % 1
	cut = {"first": 0, "middle": 1, "last": 2}

	for kind in TRANSPORTS:
		for name, index in cut.items():
			def fragment(dst, options=b""):
				data = TRANSPORTS[kind](4, src, dst, text(3000))
				offset, piece, more = list(pieces(
					data, (1000, 1000)))[index]
				return ip4(dst, NUMBER[kind], piece, options,
					   flags=more, frag=offset // 8)
			suite.rewritten(f"{kind}-fragment-{name}", fragment)
			if kind in ("tcp", "udp"):
				suite.rewritten(
					f"{kind}-fragment-{name}-options",
					lambda dst: fragment(dst, b"\1" * 24))
	# The first one is too small for its checksum (RFC 1858).
	for kind, size in (("tcp", 8), ("tcp", 16), ("tcp", 24), ("udp", 8),
			   ("udplite", 8), ("dccp", 8)):
		suite.decided("rewritten" if size >= CHECK[kind] + 2
			      else "dropped",
			      f"{kind}-fragment-first-of-{size}", lambda dst:
			      ip4(dst, NUMBER[kind], TRANSPORTS[kind](
				4, src, dst, text(100))[:size], flags="MF"))
	# Later ones that begin with what could be taken for a header.
	for kind in ("tcp", "udp", "udplite", "dccp"):
		for offset in (8, 16, 0xff * 8, 0x100 * 8, 0x1ffd * 8):
			more = offset < 0x1000 * 8
			suite.rewritten(
				f"{kind}-fragment-{offset}-like-a-header",
				lambda dst: ip4(dst, NUMBER[kind],
					TRANSPORTS[kind](4, src, SERVER[4],
							 text(4))[:24],
					flags=int(more), frag=offset // 8))
	for length in (0, 1, 4):
		suite.rewritten(f"tcp-fragment-last-of-{length}", lambda dst:
			ip4(dst, 6, text(length), flags=0, frag=100))
	suite.rewritten("udp-fragment-first-no-checksum", lambda dst: ip4(
		dst, 17, udp(4, src, dst, text(64), chksum=0)[:40], flags="MF"))
	suite.same("udp-fragment-last-other-dscp", lambda dst: ip4(
		dst, 17, text(20), flags=0, frag=5, tos=0))
	suite.rewritten("udp-reserved-bit-df-mf", lambda dst: ip4(
		dst, 17, udp(4, src, dst, text(40))[:32], flags=7))


@functools.cache
def corpus4():
	suite = Suite(4)
	for part in both.PARTS + (ip4_fields, ip4_options, ip4_fragments):
		part(suite)
	return suite
