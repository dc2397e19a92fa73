# SPDX-License-Identifier: BSD-3-Clause
"""What Linux drops before any rule sees it."""
import struct

from .both import plain
from .suite import Packet
from .transports import with_field
from .values import DST_MAC, ETHERTYPE, SERVER, SRC_MAC, rfc1071, text


def malformed():
	"""What ip_rcv() and ip6_rcv() find, one fault at a time."""
	good4 = plain(4, "udp", SERVER[4], text(30))
	good6 = plain(6, "udp", SERVER[6], text(30))

	def header4(first=0x45, length=None, cut=None, check=None):
		length = len(good4) if length is None else length
		data = bytes([first]) + good4[1:2] + \
			struct.pack("!H", length) + good4[4:]
		size = max((first & 15) * 4, 20)
		data = with_field(data, 10, 0)
		data = with_field(data, 10, rfc1071(data[:size])
				  if check is None else check)
		return ETHERTYPE[4], data[:cut]

	def header6(first=None, length=None, cut=None):
		data = good6 if first is None else bytes([first]) + good6[1:]
		if length is not None:
			data = with_field(data, 4, length)
		return ETHERTYPE[6], data[:cut]

	(check,) = struct.unpack_from("!H", good4, 10)
	frames = {f"ip4-version-{v}": header4(v << 4 | 5)
		  for v in (0, 1, 5, 6, 15)}
	frames |= {f"ip4-ihl-{n}": header4(0x40 | n) for n in range(5)}
	frames |= {
		"ip4-total-length-0": header4(length=0),
		"ip4-total-length-19": header4(length=19),
		"ip4-total-length-23-ihl-6": header4(0x46, length=23),
		"ip4-total-length-1-too-long": header4(length=len(good4) + 1),
		"ip4-total-length-65535": header4(length=65535),
		"ip4-header-checksum-1-off": header4(check=check ^ 1),
		"ip4-header-checksum-inverted": header4(check=check ^ 0xffff),
		"ip4-empty": header4(cut=0),
		"ip4-1-byte": header4(cut=1),
		"ip4-19-bytes": header4(cut=19),
		"ip4-options-cut": header4(0x4f, length=50, cut=50),
	}
	frames |= {f"ip6-version-{v}": header6(v << 4) for v in (0, 4, 5, 7, 15)}
	frames |= {
		"ip6-payload-length-1-too-long": header6(length=39),
		"ip6-payload-length-65535": header6(length=65535),
		"ip6-empty": header6(cut=0),
		"ip6-1-byte": header6(cut=1),
		"ip6-39-bytes": header6(cut=39),
	}
	return [Packet(name, "dropped", DST_MAC + SRC_MAC +
		       struct.pack("!H", kind) + data, None)
		for name, (kind, data) in frames.items()]
