# SPDX-License-Identifier: BSD-3-Clause
"""What Linux lets reach PREROUTING, and which bytes the target may write.

Every packet of the corpus has to pass both: a packet that never reaches the
rules tests nothing in a kernel, and an expected output that differs anywhere
else is a fault of the generator.
"""
import struct

from .values import (
	AH, CHECK, DESTINATION, FRAGMENT, HOP, NUMBER, ROUTING, rfc1071)

LONGEST = 1500
CHECKSUM_AT = {NUMBER[kind]: at for kind, at in CHECK.items()}


def refused(family, data):
	"""Why ip_rcv_core() or ip6_rcv_core() drop it, or None."""
	if len(data) > LONGEST:
		return f"{len(data)} bytes, expected at most {LONGEST}"
	return (refused4 if family == 4 else refused6)(data)


def refused4(data):
	if len(data) < 20 or data[0] >> 4 != 4:
		return "no IPv4 header"
	header = (data[0] & 15) * 4
	(total,) = struct.unpack_from("!H", data, 2)
	if not 20 <= header <= total <= len(data):
		return f"lengths {header} and {total} of {len(data)} bytes"
	if rfc1071(data[:header]):
		return "a wrong header checksum"
	return None


def refused6(data):
	if len(data) < 40 or data[0] >> 4 != 6:
		return "no IPv6 header"
	(payload,) = struct.unpack_from("!H", data, 4)
	if payload + 40 > len(data):
		return f"a payload of {payload} in {len(data)} bytes"
	return refused_hop(data[40:]) if data[6] == HOP else None


def refused_hop(data):
	"""As ip6_parse_tlv() does with the default limits."""
	if len(data) < 8 or len(data) < (data[1] + 1) * 8:
		return "hop-by-hop options past the end"
	data = data[2:(data[1] + 1) * 8]
	count = padding = 0
	while data:
		if data[0] == 0:
			size = 1
		elif len(data) < 2 or data[1] + 2 > len(data):
			return "a hop-by-hop option longer than the header"
		else:
			size = data[1] + 2
		if data[0] in (0, 1):
			padding += size
			if padding > 7 or any(data[2:size]):
				return "hop-by-hop padding that is none"
		else:
			padding = 0
			count += 1
			if count > 8 or data[0] & 0xc0 or \
			   data[0] == 5 and size != 4:
				return "hop-by-hop options not accepted"
		data = data[size:]
	return None


def overwritten(family, before, after, port=False):
	"""What differs though nothing may write it, or None. port: the
	destination port may be written, where there is one."""
	if after is None:
		return None
	if len(before) != len(after):
		return "the length differs"
	allowed = set(range(16, 20)) | {10, 11} if family == 4 else \
		set(range(24, 40))
	found = (transport4 if family == 4 else transport6)(before)
	if found:
		number, at = found
		check = at + CHECKSUM_AT[number]
		allowed |= {check, check + 1}
		if port and number != NUMBER["icmp6"]:
			allowed |= {at + 2, at + 3}
	wrong = [i for i in range(len(before))
		 if before[i] != after[i] and i not in allowed]
	return f"differs at {wrong}" if wrong else None


def transport4(data):
	"""Protocol and offset of a transport with a checksum, or None."""
	if data[6] & 0x1f or data[7] or data[9] == NUMBER["icmp6"] or \
	   data[9] not in CHECKSUM_AT:
		return None
	return data[9], (data[0] & 15) * 4


def transport6(data):
	number, at = data[6], 40
	while number in (HOP, ROUTING, FRAGMENT, AH, DESTINATION):
		if at + 4 > len(data):
			return None
		if number == FRAGMENT and (data[at + 2] or data[at + 3] & 0xf8):
			return None
		if number == ROUTING and data[at + 3]:
			return None
		size = {AH: (data[at + 1] + 2) * 4, FRAGMENT: 8}.get(
			number, (data[at + 1] + 1) * 8)
		number, at = data[at], at + size
	return (number, at) if number in CHECKSUM_AT else None
