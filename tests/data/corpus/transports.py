# SPDX-License-Identifier: BSD-3-Clause
"""Transports: the bytes after the last IP header, for one destination."""
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Raw

from .headers import ah_header
from .values import CLIENT, SERVER, pseudo_header, rfc1071


def by_scapy(family, src, dst, layer):
	"""A transport after the plainest header: the pseudo-header is all it
	takes from it."""
	if family == 4:
		return bytes(IP(src=src, dst=dst) / layer)[20:]
	return bytes(IPv6(src=src, dst=dst) / layer)[40:]


def tcp(family, src, dst, payload=b"", **fields):
	fields = {"sport": 40000, "dport": 80, "seq": 1000, "ack": 2000,
		  "flags": "PA", "window": 501} | fields
	return by_scapy(family, src, dst, TCP(**fields) / Raw(payload))


def udp(family, src, dst, payload=b"", **fields):
	fields = {"sport": 40000, "dport": 53} | fields
	return by_scapy(family, src, dst, UDP(**fields) / Raw(payload))


def icmp6(family, src, dst, payload=b"", layer=None):
	"""Protocol 58 of IPv4 is not ICMPv6: its bytes depend on no address."""
	if family == 4:
		src, dst = CLIENT[6] % 1, SERVER[6]
	layer = layer or ICMPv6EchoRequest(id=7, seq=1, data=payload)
	return by_scapy(6, src, dst, layer)


def udplite(family, src, dst, payload=b"", coverage=0, dport=5000):
	"""RFC 3828; a coverage of 0 is the whole datagram, 8 the header."""
	head = struct.pack("!HHHH", 40000, dport, coverage, 0)
	data = head + payload
	covered = data[:coverage] if coverage else data
	check = rfc1071(pseudo_header(family, src, dst, 136, len(data)) +
			covered) or 0xffff
	return data[:6] + struct.pack("!H", check) + data[8:]


def dccp(family, src, dst, payload=b"", coverage=0, dport=5001):
	"""RFC 4340 5.1: DCCP-Data, long sequence numbers; coverage is CsCov."""
	data = struct.pack("!HHBBHBBHI", 40000, dport, 4, coverage, 0,
			   2 << 1 | 1, 0, 0, 77) + payload
	covered = data[:16 + (coverage - 1) * 4] if coverage else data
	check = rfc1071(pseudo_header(family, src, dst, 33, len(data)) +
			covered)
	return data[:6] + struct.pack("!H", check) + data[8:]


def sctp(family, src, dst, payload=b""):
	layer = SCTP(sport=40000, dport=36412, tag=0x12345678) / \
		SCTPChunkData(tsn=1, stream_id=2, stream_seq=3,
			      data=payload or b"data")
	return by_scapy(family, src, dst, layer)


def icmp(family, src, dst, payload=b""):
	return bytes(ICMP(id=7, seq=1) / Raw(payload))


def esp(family, src, dst, payload=b""):
	return struct.pack("!II", 0x1001, 1) + payload


def gre(family, src, dst, payload=b""):
	inner = bytes(IP(src="192.0.2.1", dst=SERVER[4]) / UDP(sport=1, dport=2)
		      / Raw(payload))
	return struct.pack("!HH", 0, 0x0800) + inner


def ah(family, src, dst, payload=b""):
	"""As the last header of IPv4: what is after it is not looked at."""
	return ah_header(6) + tcp(4, src, SERVER[4], payload)


def unknown(family, src, dst, payload=b""):
	"""Looks like a UDP datagram, and is none."""
	return udp(family, src, SERVER[family], payload)


TRANSPORTS = {"tcp": tcp, "udp": udp, "udplite": udplite, "dccp": dccp,
	      "icmp": icmp, "icmp6": icmp6, "sctp": sctp, "esp": esp,
	      "gre": gre, "ah": ah, "unknown": unknown}

TCP_OPTIONS = {
	"mss": [("MSS", 1460)],
	"timestamps": [("NOP", None), ("NOP", None),
		       ("Timestamp", (123456789, 987654321))],
	"sack": [("NOP", None), ("NOP", None), ("SAck", (5000, 6000))],
	"sack-3": [("NOP", None), ("NOP", None), ("Timestamp", (1, 2)),
		   ("NOP", None), ("NOP", None),
		   ("SAck", (5000, 6000, 7000, 8000, 9000, 9999))],
	"all-of-syn": [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)),
		       ("NOP", None), ("WScale", 7)],
}


def spoiled(transport, offset, error, zero=0):
	"""The same transport with a checksum that is wrong by error, in ones'
	complement arithmetic; zero is how this protocol writes a zero."""
	(check,) = struct.unpack_from("!H", transport, offset)
	check = (check + error) % 0xffff or zero
	return transport[:offset] + struct.pack("!H", check) + \
		transport[offset + 2:]


def with_field(data, offset, value):
	return data[:offset] + struct.pack("!H", value) + data[offset + 2:]


def tuned(make, dst, offset):
	"""Two bytes of payload that make the checksum of make(dst, them) 0."""
	(check,) = struct.unpack_from("!H", make(dst, b"\0\0"), offset)
	return struct.pack("!H", check if check != 0xffff else 0)
