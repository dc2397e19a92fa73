# SPDX-License-Identifier: BSD-3-Clause
"""The addresses and numbers of the corpus, and RFC 1071."""
import socket
import struct

DSCP = 7
TOS = DSCP << 2
SERVER = {4: "10.128.9.31", 6: "2001:db8:9::31"}
VIP = {4: "10.128.8.46", 6: "2001:db8::46"}
CLIENT = {4: "144.100.10.%d", 6: "2001:db8:c::%x"}
# For the rule with a map: DSCP 7 as everywhere, DSCP 9 to where the packets go
# anyway, others to an address each, and some to none. 48 (CS6) is what Linux
# itself sends multicast reports with.
MAP = {
	4: {d: f"10.128.8.{100 + d}" for d in range(1, 64) if d % 5 and d != 48},
	6: {d: f"2001:db8::{0x100 + d:x}" for d in range(1, 64)
	    if d % 5 and d != 48},
}
for _family in (4, 6):
	MAP[_family] |= {DSCP: VIP[_family], 9: SERVER[_family],
			 46: MAP[_family][1]}
# For the rules that set the port, by protocol.
PORT = {"tcp": 443, "udp": 5353, "udplite": 65535, "dccp": 1}
DST_MAC = bytes.fromhex("020000000002")
SRC_MAC = bytes.fromhex("020000000001")
ETHERTYPE = {4: 0x0800, 6: 0x86dd}
START = 1700000000		# of every capture; a packet each 1.000001 s

HOP, ROUTING, FRAGMENT, ESP, AH, NONE, DESTINATION = 0, 43, 44, 50, 51, 59, 60
NUMBER = {"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": ESP,
	  "ah": AH, "icmp6": 58, "sctp": 132, "udplite": 136, "unknown": 253}
# Where each transport's checksum is, and so how much of it must be there.
CHECK = {"tcp": 16, "udp": 6, "udplite": 6, "dccp": 6, "icmp6": 2}


def text(length, first=0x41):
	"""Payload: letters, so that a dump shows where it is."""
	return bytes(first + i % 26 for i in range(length))


def rfc1071(data):
	"""The checksum of RFC 1071, of the words as they are on the wire."""
	if len(data) % 2:
		data += b"\0"
	total = sum(word for (word,) in struct.iter_unpack("!H", data))
	while total >> 16:
		total = (total & 0xffff) + (total >> 16)
	return ~total & 0xffff


def pseudo_header(family, src, dst, protocol, length):
	kind = socket.AF_INET if family == 4 else socket.AF_INET6
	addresses = socket.inet_pton(kind, src) + socket.inet_pton(kind, dst)
	if family == 4:
		return addresses + struct.pack("!BBH", 0, protocol, length)
	return addresses + struct.pack("!IHBB", length, 0, 0, protocol)
