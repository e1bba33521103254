"""advertise.py INTERFACE PREFIX: a router advertisement (RFC 4861 section 4.2) to all nodes on the link,
with high preference (RFC 4191) and a prefix to make addresses of."""
import socket
import struct
import sys

interface, prefix = sys.argv[1:]
index = socket.if_nametoindex(interface)
HIGH_PREFERENCE = 0x08
ON_LINK_AND_AUTONOMOUS = 0xc0

packet = struct.pack("!BBHBBHII", 134, 0, 0, 64, HIGH_PREFERENCE, 1800, 0, 0)
packet += struct.pack("!BBBBIII16s", 3, 4, 64, ON_LINK_AND_AUTONOMOUS, 3600, 3600, 0,
                      socket.inet_pton(socket.AF_INET6, prefix))
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
s.sendto(packet, ("ff02::1", 0, 0, index))
