# SPDX-License-Identifier: BSD-3-Clause
"""The headers in front of a transport."""
import struct

from scapy.layers.inet import IP
from scapy.layers.inet6 import (
	IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
	IPv6ExtHdrRouting, IPv6ExtHdrSegmentRouting, PadN, RouterAlert)
from scapy.packet import Raw

from .values import (
	AH, CLIENT, DESTINATION, FRAGMENT, HOP, NONE, ROUTING, TOS)


def ip4(dst, protocol, data, options=b"", **fields):
	"""An IPv4 packet; lengths and the header checksum by Scapy."""
	fields = {"src": CLIENT[4] % 1, "tos": TOS, "ttl": 61, "id": 0x1234,
		  "flags": "DF"} | fields
	if options:
		fields["options"] = [Raw(options)]
	return bytes(IP(dst=dst, proto=protocol, **fields) / Raw(data))


def ip6(dst, chain, protocol, data, **fields):
	"""An IPv6 packet; chain: the extension headers, (number, bytes) each,
	the first byte of which is filled in here."""
	fields = {"src": CLIENT[6] % 1, "tc": TOS, "fl": 0x12345,
		  "hlim": 61} | fields
	number = protocol
	for number_of, header in reversed(chain):
		data = bytes([number]) + header[1:] + data
		number = number_of
	return bytes(IPv6(dst=dst, nh=number, plen=len(data), **fields) /
		     Raw(data))


def hop_header(options=None):
	options = options or [RouterAlert()]
	return bytes(IPv6ExtHdrHopByHop(nh=0, options=options))


def destination_header(options=None):
	options = options or [PadN(optdata=b"\0\0\0\0")]
	return bytes(IPv6ExtHdrDestOpt(nh=0, options=options))


def routing_header(left=0, kind=0, addresses=None):
	addresses = addresses or ["2001:db8:f::1", "2001:db8:f::2"]
	if kind == 4:
		return bytes(IPv6ExtHdrSegmentRouting(
			nh=0, addresses=addresses, segleft=left,
			lastentry=len(addresses) - 1))
	return bytes(IPv6ExtHdrRouting(nh=0, type=kind, segleft=left,
				       addresses=addresses))


def fragment_header(offset=0, more=0, ident=0x2468, reserved=0):
	"""reserved: the byte before the offset, and the two bits after it"""
	return bytes(IPv6ExtHdrFragment(nh=0, res1=reserved & 0xff,
					offset=offset // 8,
					res2=reserved >> 8 & 3, m=more,
					id=ident))


def ah_header(following=0, icv=12):
	"""RFC 4302 2.2: the length is in words of 4 bytes, minus 2."""
	return struct.pack("!BBHII", following, (12 + icv) // 4 - 2, 0,
			   0x2002, 1) + b"\xa5" * icv


def mobility(next_header=NONE):
	return struct.pack("!BBBBHH", next_header, 0, 0, 0, 0xbeef, 0)


# One of each extension header that the rewrite looks past.
HEADERS = {
	"hop": (HOP, hop_header()),
	"dest": (DESTINATION, destination_header()),
	"routing": (ROUTING, routing_header(left=0)),
	"fragment": (FRAGMENT, fragment_header()),
	"ah": (AH, ah_header()),
}


def hop_options():
	"""Hop-by-hop options that Linux lets pass (ip6_parse_tlv())."""
	def skipped(kind, length):
		return bytes([kind, length]) + bytes(range(length))
	def padded(options):
		return options + {0: b"", 1: b"\0"}.get(
			-(len(options) + 2) % 8,
			bytes([1, max(0, -(len(options) + 4) % 8)]) +
			b"\0" * (-(len(options) + 4) % 8))
	def header(options):
		options = padded(options)
		return bytes([0, (len(options) + 2) // 8 - 1]) + options
	return {
		"padding": header(b"\1\4\0\0\0\0"),
		"pad1": header(b"\0\0\0\0\0\0"),
		"router-alert": header(b"\5\2\0\0"),
		"unknown": header(skipped(0x1e, 10)),
		"changeable": header(skipped(0x3e, 7)),
		"long": header(skipped(0x1e, 250) + skipped(0x1e, 249)),
		"many": header(b"".join(skipped(0x1e, n) for n in range(8))),
	}


def pieces(data, sizes):
	"""Cut data: (offset, bytes, more), as fragments carry it."""
	offset = 0
	for size in sizes:
		yield offset, data[offset:offset + size], 1
		offset += size
	yield offset, data[offset:], 0
