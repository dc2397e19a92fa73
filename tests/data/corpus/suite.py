# SPDX-License-Identifier: BSD-3-Clause
"""A packet and what becomes of it."""
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

from . import linux
from .values import AH, CHECK, FRAGMENT, NUMBER, SERVER, VIP


class Packet:
	"""What is captured before the target and after it, from the first
	byte of the IP header or of a frame; and the length on the wire."""

	def __init__(self, name, verdict, before, after, length=None):
		self.name = name
		self.verdict = verdict
		self.before = before
		self.after = after
		self.length = len(before) if length is None else length


class Suite:
	"""The packets of one family, of which no two have one name."""

	def __init__(self, family):
		self.family = family
		self.cases = []
		self.names = set()

	def add(self, name, verdict, before, after, port=False):
		if name in self.names:
			raise ValueError(f"two packets are called {name}")
		self.names.add(name)
		for reason in (linux.refused(self.family, before),
			       linux.overwritten(self.family, before, after,
						 port)):
			if reason:
				raise ValueError(f"{name}: {reason}: "
						 f"{before.hex()}")
		self.cases.append(Packet(name, verdict, before, after))

	def rewritten(self, name, make):
		before = make(SERVER[self.family])
		after = make(VIP[self.family])
		if len(before) != len(after) or before == after:
			raise ValueError(f"{name}: nothing to rewrite")
		ask_scapy(self.family, name, before, after)
		self.add(name, "rewritten", before, after)

	def same(self, name, make, dst=None):
		before = make(dst or SERVER[self.family])
		self.add(name, "same", before, before)

	def dropped(self, name, make):
		self.add(name, "dropped", make(SERVER[self.family]), None)

	def decided(self, verdict, name, make):
		{"rewritten": self.rewritten, "same": self.same,
		 "dropped": self.dropped}[verdict](name, make)


# The transports with checksums that Scapy dissects.
KNOWN = {6: (TCP, "chksum"), 17: (UDP, "chksum"),
	 58: (ICMPv6EchoRequest, "cksum")}


def ask_scapy(family, name, before, after, to=None, dport=None):
	"""Set dst (to), delete the checksums, build: is it what we expect?
	dport: set that too.

	Only asked where that is the right answer: a whole packet whose
	checksum was right, and all of whose headers Scapy knows.
	"""
	packet = (IP if family == 4 else IPv6)(before)
	path = numbers(packet)
	if packet.frag if family == 4 else {FRAGMENT, AH} & set(path):
		return
	checksum = None
	if path[-1] in map(NUMBER.get, CHECK) and not no_checksum(packet):
		checksum = KNOWN.get(path[-1])
		if not checksum or checksum[0] not in packet:
			return
	try:
		if rebuilt(packet, packet.dst, checksum) != before:
			return
	except Exception:	# it cannot build each packet that it dissects
		return
	built = rebuilt(packet, to or VIP[family], checksum, dport)
	if built != after:
		raise AssertionError(f"{name}: Scapy says {built.hex()}, "
				     f"we say {after.hex()}")
	ask_scapy.asked += 1


ask_scapy.asked = 0


def no_checksum(packet):
	return UDP in packet and packet[UDP].chksum == 0


def numbers(packet):
	"""The protocol numbers on the way to the transport."""
	if isinstance(packet, IP):
		return [packet.proto]
	found = []
	while hasattr(packet, "nh"):
		found.append(packet.nh)
		packet = packet.payload
	return found


def rebuilt(packet, dst, checksum, dport=None):
	packet = packet.copy()
	packet.dst = dst
	for layer in (TCP, UDP):
		if dport and layer in packet:
			packet[layer].dport = dport
	if isinstance(packet, IP):
		del packet.chksum
	if checksum:
		layer, field = checksum
		delattr(packet[layer], field)
	return bytes(packet)
