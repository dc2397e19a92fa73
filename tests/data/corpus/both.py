# SPDX-License-Identifier: BSD-3-Clause
"""The packets that IPv4 and IPv6 have in common."""
import struct

from .headers import ip4, ip6
from .transports import (
	TCP_OPTIONS, TRANSPORTS, dccp, spoiled, tcp, tuned, udp, udplite,
	with_field)
from .values import CHECK, CLIENT, DSCP, NUMBER, SERVER, VIP, text


def plain(family, kind, dst, payload, **fields):
	"""A packet with no more than it needs."""
	src = CLIENT[family] % 1
	data = TRANSPORTS[kind](family, src, dst, payload)
	if family == 4:
		return ip4(dst, NUMBER[kind], data, **fields)
	return ip6(dst, [], NUMBER[kind], data, **fields)


def transports(suite):
	"""Every transport, payloads of odd, even and no length."""
	family = suite.family

	for kind in TRANSPORTS:
		if kind == "ah" and family == 6:
			continue	# an extension header there
		for length in (0, 1, 2, 63, 64, 1400):
			suite.rewritten(f"{kind}-{length}", lambda dst: plain(
				family, kind, dst, text(length)))


def tcp_cases(suite):
	family = suite.family
	src = CLIENT[family] % 1

	def packet(dst, data):
		if family == 4:
			return ip4(dst, 6, data)
		return ip6(dst, [], 6, data)

	for name, options in TCP_OPTIONS.items():
		suite.rewritten(f"tcp-{name}", lambda dst: packet(dst, tcp(
			family, src, dst, text(11), options=options)))
	for flags in ("S", "SA", "A", "FA", "R", "SEC", "PAU", "FSRPAUEC"):
		suite.rewritten(f"tcp-flags-{flags}", lambda dst: packet(
			dst, tcp(family, src, dst, flags=flags, urgptr=3)))

	def with_tuning(dst, tuning):
		return packet(dst, tcp(family, src, dst, tuning))
	where = (20 if family == 4 else 40) + 16
	for name, to in (("to", VIP), ("from", SERVER)):
		tuning = tuned(with_tuning, to[family], where)
		suite.rewritten(f"tcp-{name}-checksum-0",
				lambda dst: with_tuning(dst, tuning))
	# 0xffff stands for 0 as well; what comes out is written as usual.
	before = with_field(with_tuning(SERVER[family], tuning), where, 0xffff)
	suite.add("tcp-from-checksum-ffff", "rewritten", before,
		  with_tuning(VIP[family], tuning))


def udp_cases(suite):
	family = suite.family
	src = CLIENT[family] % 1

	def packet(dst, number, data):
		if family == 4:
			return ip4(dst, number, data)
		return ip6(dst, [], number, data)

	for length in (0, 1, 64):
		suite.rewritten(f"udp-{length}-no-checksum", lambda dst: packet(
			dst, 17, udp(family, src, dst, text(length), chksum=0)))
	where = (20 if family == 4 else 40) + 6
	for kind in ("udp", "udplite", "dccp"):
		def with_tuning(dst, tuning):
			return packet(dst, NUMBER[kind], TRANSPORTS[kind](
				family, src, dst, tuning))
		zero = {"dccp": 0}.get(kind, 0xffff)
		for name, to in (("to", VIP), ("from", SERVER)):
			tuning = tuned(with_tuning, to[family], where)
			made = with_tuning(to[family], tuning)
			if struct.unpack_from("!H", made, where) != (zero,):
				raise AssertionError(f"{kind} is not tuned")
			suite.rewritten(f"{kind}-{name}-checksum-{zero:x}",
					lambda dst: with_tuning(dst, tuning))
	for coverage in (8, 9, 12, 27, 28):
		suite.rewritten(f"udplite-coverage-{coverage}", lambda dst:
			packet(dst, 136, udplite(family, src, dst, text(20),
						 coverage)))
	for coverage in range(1, 16):
		suite.rewritten(f"dccp-coverage-{coverage}", lambda dst: packet(
			dst, 33, dccp(family, src, dst, text(60), coverage)))
	# A length field that says something else is the receiver's business.
	for length in (0, 8, 9, 65535):
		suite.rewritten(f"udp-length-{length}", lambda dst: packet(
			dst, 17, udp(family, src, dst, text(10), len=length)))


def wrong_checksums(suite):
	"""What is wrong stays wrong by as much: nothing is repaired."""
	family = suite.family
	src = CLIENT[family] % 1

	for kind, offset in CHECK.items():
		zero = 0xffff if kind in ("udp", "udplite") else 0
		number = NUMBER[kind]
		if kind == "icmp6" and family == 4:
			continue
		for error in (1, 0x100, 0x7fff, 0xfffe):
			def wrong(dst):
				data = spoiled(TRANSPORTS[kind](
					family, src, dst, text(9)),
					offset, error, zero)
				if family == 4:
					return ip4(dst, number, data)
				return ip6(dst, [], number, data)
			suite.rewritten(f"{kind}-wrong-by-{error:x}", wrong)


def truncated(suite):
	"""Transports cut off: what no longer holds its checksum is dropped; of
	the others the checksum follows, though nobody can verify it here."""
	family = suite.family
	src = CLIENT[family] % 1

	for kind, offset in CHECK.items():
		if kind == "icmp6" and family == 4:
			continue
		number = NUMBER[kind]
		for length in range(offset + 5):
			def cut(dst):
				data = TRANSPORTS[kind](
					family, src, dst, text(40))[:length]
				if family == 4:
					return ip4(dst, number, data)
				return ip6(dst, [], number, data)
			suite.decided("rewritten" if length >= offset + 2
				      else "dropped", f"{kind}-cut-{length}", cut)
	for kind in ("icmp", "sctp", "esp", "ah", "gre", "unknown"):
		if kind == "ah" and family == 6:
			continue
		for length in (0, 1, 4):
			def cut(dst):
				data = TRANSPORTS[kind](
					family, src, dst, text(40))[:length]
				if family == 4:
					return ip4(dst, NUMBER[kind], data)
				return ip6(dst, [], NUMBER[kind], data)
			suite.rewritten(f"{kind}-cut-{length}", cut)


def not_for_us(suite):
	"""Other DSCP values, and packets that are there already."""
	family = suite.family
	tos = "tos" if family == 4 else "tc"

	for dscp in range(64):
		if dscp != DSCP:
			suite.same(f"dscp-{dscp}", lambda dst: plain(
				family, "udp", dst, text(5), **{tos: dscp << 2}))
	for kind in ("tcp", "udp", "icmp6", "unknown"):
		suite.same(f"{kind}-already-there", lambda dst: plain(
			family, kind, dst, text(20)), dst=VIP[family])
	# Nothing is looked at in them: not even what would be dropped.
	suite.same("tcp-cut-already-there", lambda dst:
		   plain_cut(family, dst, 8), dst=VIP[family])
	suite.same("tcp-cut-other-dscp", lambda dst:
		   plain_cut(family, dst, 8, **{tos: 8 << 2}))
	for client in range(1, 9):
		suite.rewritten(f"client-{client}", lambda dst: from_client(
			family, client, dst))


def plain_cut(family, dst, length, **fields):
	data = tcp(family, CLIENT[family] % 1, dst)[:length]
	if family == 4:
		return ip4(dst, 6, data, **fields)
	return ip6(dst, [], 6, data, **fields)


def from_client(family, client, dst):
	src = CLIENT[family] % client
	data = tcp(family, src, dst, text(client), sport=50000 + client)
	if family == 4:
		return ip4(dst, 6, data, src=src)
	return ip6(dst, [], 6, data, src=src)


PARTS = (transports, tcp_cases, udp_cases, wrong_checksums, truncated,
	 not_for_us)
