"""advertise.py INTERFACE PREFIX [SECONDS]: a router advertisement (RFC 4861 section 4.2) to all nodes on the
link, with high preference (RFC 4191) and a prefix to make addresses of; with SECONDS not at once, but to
whoever solicits one within that time."""
import socket
import struct
import sys
import time

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
HIGH_PREFERENCE = 0x08
ON_LINK_AND_AUTONOMOUS = 0xc0

interface, prefix = sys.argv[1:3]
index = socket.if_nametoindex(interface)
packet = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 64, HIGH_PREFERENCE, 1800, 0, 0)
packet += struct.pack("!BBBBIII16s", 3, 4, 64, ON_LINK_AND_AUTONOMOUS, 3600, 3600, 0,
                      socket.inet_pton(socket.AF_INET6, prefix))
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)


def advertise():
    s.sendto(packet, ("ff02::1", 0, 0, index))


def answer(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            asked, sender = s.recvfrom(1500)
        except TimeoutError:
            return
        if asked[0] == ROUTER_SOLICITATION and sender[3] == index:
            advertise()


if len(sys.argv) > 3:
    answer(float(sys.argv[3]))
else:
    advertise()
