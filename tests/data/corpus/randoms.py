# SPDX-License-Identifier: BSD-3-Clause
"""Random packets of the same kinds, valid for Linux, from a seed."""
import collections
import random

from .headers import (
	ah_header, fragment_header, hop_options, ip4, ip6, routing_header)
from .suite import Suite, ask_scapy
from .transports import TCP_OPTIONS, TRANSPORTS, spoiled
from .values import (
	AH, CHECK, CLIENT, DESTINATION, DSCP, FRAGMENT, HOP, MAP, NUMBER, PORT,
	ROUTING, SERVER, VIP)

ELSEWHERE = "2001:db8:f::2"	# where a routing header leads in the end


def random_payload(rng, limit):
	length = rng.choice((0, 1, 2, rng.randrange(64), rng.randrange(1500),
			     limit))
	return rng.randbytes(max(0, min(length, limit)))


def random_hop(rng):
	return rng.choice(sorted(hop_options().items()))[1]


def random_chain(rng, room):
	"""Extension headers in any order, and whether a checksum is to be
	looked for past them; a fragment header is put in by the caller."""
	chain = []
	for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 5, 8))):
		kind = rng.choice((HOP, DESTINATION, ROUTING, AH, FRAGMENT))
		if kind == HOP:
			header = random_hop(rng)
		elif kind == DESTINATION:
			words = rng.choice((1, 2, 3, 10))
			size = words * 8 - 4
			header = bytes([0, words - 1, 0x1e, size]) + \
				rng.randbytes(size)
		elif kind == ROUTING:
			header = routing_header(0, rng.choice((0, 2, 4, 253)))
		elif kind == AH:
			header = ah_header(icv=rng.choice((4, 12, 20, 36)))
		else:
			header = fragment_header(ident=rng.getrandbits(32),
						 reserved=rng.getrandbits(10))
		if sum(len(h) for _, h in chain) + len(header) > room:
			break
		chain.append((kind, header))
	return chain


# A packet and what was drawn for it. drop: too short for its checksum. vague: it
# is not for all tables the same what -p finds. has_port: all of it is there.
Drawn = collections.namedtuple("Drawn", "packet kind dscp drop vague has_port")


def random_transport(rng, family, kind, src, final, limit, dport=None):
	"""A transport whose checksum is right, wrong or absent; never longer
	than limit. Draws the same from rng for every final address and
	dport; None is the one drawn."""
	payload = random_payload(rng, limit - 80)
	fields = {}
	if kind == "tcp":
		options = rng.choice(sorted(TCP_OPTIONS.items()) + [("", [])])[1]
		fields = {"sport": rng.getrandbits(16), "flags":
			  rng.getrandbits(8), "dport": rng.getrandbits(16),
			  "seq": rng.getrandbits(32), "window":
			  rng.getrandbits(16), "options": options}
	elif kind == "udp":
		fields = {"sport": rng.getrandbits(16),
			  "dport": rng.getrandbits(16)}
		if rng.random() < 0.15:
			fields["chksum"] = 0
	elif kind == "udplite":
		fields = {"coverage": rng.choice(
			(0, 8, 8 + len(payload), 8 + rng.randrange(
				len(payload) + 1)))}
	elif kind == "dccp":
		fields = {"coverage": rng.randrange(
			min(16, 2 + len(payload) // 4))}
	if kind in PORT and dport:
		fields["dport"] = dport
	error = rng.choice((0, 0, 0, rng.randrange(1, 0xffff)))
	data = TRANSPORTS[kind](family, src, final, payload, **fields)
	if kind in CHECK and error and fields.get("chksum") != 0:
		data = spoiled(data, CHECK[kind], error, 0xffff
			       if kind in ("udp", "udplite") else 0)
	return data


def random_kind(rng, family):
	kinds = [k for k in TRANSPORTS if not (k == "ah" and family == 6)]
	if rng.random() < 0.3:
		return rng.choice(kinds)
	return rng.choice([k for k in CHECK if family == 6 or k != "icmp6"])


def random_shape(rng):
	return rng.choices(("whole", "first", "later", "cut"),
			   (70, 10, 10, 10))[0]


def random_piece(rng, shape, data, least=0):
	"""What a packet of that shape carries of the data: the offset, the
	bytes, whether more follow. least: so much is never cut off."""
	if shape == "first":
		size = rng.randrange(8, max(9, len(data) + 1)) & ~7
		return 0, data[:size], 1
	if shape == "later":
		offset = rng.choice((8, rng.randrange(8, 60000) & ~7))
		more = rng.getrandbits(1)
		return offset, data[:len(data) & ~7] if more else data, more
	if shape == "cut":
		size = rng.randrange(min(len(data), 48) + 1)
		return 0, data[:max(size, least)], 0
	return 0, data, 0


def random_fields(rng, family, all_dscps):
	"""The client, the kind of transport, DSCP and ECN."""
	dscp = DSCP if rng.random() < 0.9 and not all_dscps else \
		rng.randrange(64)
	return (CLIENT[family] % rng.randrange(1, 200),
		random_kind(rng, family), dscp, dscp << 2 | rng.randrange(4))


def random_packet4(rng, dst, dport=None, all_dscps=False):
	"""One packet. What is drawn from rng does not depend on dst, nor on
	dport: None is a drawn one."""
	src, kind, dscp, tos = random_fields(rng, 4, all_dscps)
	shape = random_shape(rng)
	options = rng.randbytes(rng.choice((0, 0, rng.randrange(11))) * 4)
	data = random_transport(
		rng, 4, kind, src, SERVER[4] if shape == "later" else dst,
		1480 - len(options), None if shape == "later" else dport)
	offset, piece, more = random_piece(rng, shape, data)
	packet = ip4(dst, NUMBER[kind], piece, options, src=src, tos=tos,
		     ttl=rng.randrange(256), id=rng.getrandbits(16),
		     flags=rng.choice((0, 2, 4, 6)) | more, frag=offset // 8)
	need = CHECK[kind] + 2 if kind in CHECK and kind != "icmp6" else 0
	return Drawn(packet, kind, dscp, not offset and len(piece) < need,
		     False, not offset and len(piece) >= need)


def random_packet6(rng, dst, dport=None, all_dscps=False):
	"""As random_packet4()."""
	src, kind, dscp, tos = random_fields(rng, 6, all_dscps)
	shape = random_shape(rng)
	routed = rng.random() < 0.15
	before = random_chain(rng, 500)
	after = random_chain(rng, 300)
	if routed:
		before.append((ROUTING, routing_header(
			rng.randrange(1, 256), rng.choice((0, 2, 4)))))
	size = sum(len(h) for _, h in before + after) + 8
	final = SERVER[6] if shape == "later" else ELSEWHERE if routed else dst
	data = random_transport(
		rng, 6, kind, src, final, 1460 - size,
		None if shape == "later" or routed else dport)
	number = NUMBER[kind]
	for number_of, header in reversed(after):
		data = bytes([number]) + header[1:] + data
		number = number_of
	# Linux itself looks into hop-by-hop options after the IPv6 header.
	least = len(after[0][1]) if not before and number == HOP else 0
	offset, piece, more = random_piece(rng, shape, data, least)
	if shape in ("first", "later"):
		before.append((FRAGMENT, fragment_header(
			offset, more, rng.getrandbits(32))))
	packet = ip6(dst, before, number, piece, src=src, tc=tos,
		     hlim=rng.randrange(256), fl=rng.getrandbits(20))
	# Legacy ip6tables drops what it cannot look through; nft does not, and
	# it does not look past AH, nor old kernels at where the packet ends.
	vague = bool(after) if offset else \
		len(piece) < sum(len(h) for _, h in after)
	vague |= AH in [n for n, _ in before + after]
	if routed or offset:
		return Drawn(packet, kind, dscp, False, vague, False)
	# How much must be there is known from how it was built: the checksum,
	# or where there is none the first 4 bytes of each header.
	need = sum(len(h) for _, h in after)
	if kind in CHECK:
		need += CHECK[kind] + 2
	elif after:
		need += 4 - len(after[-1][1])
	return Drawn(packet, kind, dscp, len(piece) < need, vague,
		     len(piece) >= need)


RANDOM_PACKET = {4: random_packet4, 6: random_packet6}


def random_suite(family, count, seed):
	suite = Suite(family)
	for index in range(count):
		name = f"random-{family}-{seed}-{index}"

		def build(dst):
			return RANDOM_PACKET[family](random.Random(name), dst)
		drawn = build(SERVER[family])
		there = build(VIP[family]).packet
		if drawn.dscp != DSCP:
			suite.add(name, "same", drawn.packet, drawn.packet)
		elif index % 20 == 19:
			suite.add(name, "same", there, there)
		else:
			add_rewritten(suite, name, drawn, there, VIP[family])
	return suite


def add_rewritten(suite, name, drawn, after, to, dport=None):
	if drawn.drop:
		suite.add(name, "dropped", drawn.packet, None)
		return
	ask_scapy(suite.family, name, drawn.packet, after, to,
		  dport if drawn.has_port else None)
	suite.add(name, "rewritten", drawn.packet, after, port=bool(dport))


def random_map(family, count, seed):
	"""For one rule with a map: to each DSCP its address."""
	suite = Suite(family)
	for index in range(count):
		name = f"random-map-{family}-{seed}-{index}"

		def build(dst):
			return RANDOM_PACKET[family](random.Random(name), dst,
						     all_dscps=True)
		drawn = build(SERVER[family])
		to = MAP[family].get(drawn.dscp, SERVER[family])
		there = build(to).packet
		if to == SERVER[family] or index % 20 == 19:
			suite.add(name, "same", there, there)
		else:
			add_rewritten(suite, name, drawn, there, to)
	return suite


def random_port(family, count, seed):
	"""For a rule for each protocol, which sets address and port."""
	suite = Suite(family)
	for index in range(count):
		name = f"random-port-{family}-{seed}-{index}"

		def build(dst, dport):
			return RANDOM_PACKET[family](random.Random(name), dst,
						     dport)
		# now and then one of the two is what it will be, or both are
		drawn = build(SERVER[family], None)
		port = PORT.get(drawn.kind)
		here = VIP[family] if index % 7 == 6 else SERVER[family]
		drawn = build(here, port if index % 5 == 4 else None)
		there = build(VIP[family], port).packet
		if drawn.vague:
			continue
		if drawn.dscp != DSCP or not port:
			suite.add(name, "same", drawn.packet, drawn.packet)
		elif not drawn.drop and drawn.packet == there:
			suite.add(name, "same", there, there)
		elif drawn.drop and here == VIP[family]:
			# what is too short may yet have the port
			drawn = build(SERVER[family], None)
			add_rewritten(suite, name, drawn, there, VIP[family],
				      port)
		else:
			add_rewritten(suite, name, drawn, there, VIP[family],
				      port)
	return suite
