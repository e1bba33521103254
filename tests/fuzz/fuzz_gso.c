/*
 * Splitting and joining. An even first octet: the rest is a packet from the kernel with what it says
 * about it. An odd one: a list of segments of a few flows, made from the rest, each with octets changed;
 * joined and split again they must be the same.
 */
#include <string.h>

#include "../../src/edge/tcpip.h"
#include "base/bytes.h"
#include "lib/packet.h"
#include "lib/regroup.h"

static void check(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void split(const uint8_t *data, size_t size)
{
	static uint8_t out[128 + 65536];
	struct virtio_net_hdr h;
	struct gso run;
	size_t all = 0;

	if (size < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	if (!gso_read(&run, &h, data + sizeof(h), size - sizeof(h)))
		return;
	check(run.count > 0);
	for (size_t i = 0; i < run.count; i++) {
		size_t len = gso_len(&run, i);
		check(len >= run.header && len <= gso_len(&run, 0));
		gso_write(&run, i, out);
		all += len - run.header;
	}
	check(all == run.flow.total - run.header);
}

/* A TCP segment or a datagram with right sums; mend makes them right after a change. */
static size_t make(uint8_t out[PACKET_MAX], uint8_t what, uint8_t size, uint32_t seq, uint16_t id)
{
	bool v6 = what & 1;
	const char *from = v6 ? "fd00::1" : "10.0.0.1", *to = v6 ? "fd00::2" : "10.0.0.2";
	size_t len = what & 2 ? packet_udp(out, from, to, 5, 6, size) :
				packet_tcp(out, from, to, TCP_ACK, NULL, 0, size);

	if (!v6)
		put_u16(out + 4, id);
	if (!(what & 2))
		put_u32(out + (v6 ? 44 : 24), seq);
	return len;
}

static void mend(uint8_t *packet, size_t len)
{
	bool v6 = packet[0] >> 4 == 6, udp = packet[v6 ? 6 : 9] == IP_UDP;
	struct virtio_net_hdr h = { .gso_type = udp ? GSO_UDP_L4 :
			v6                          ? VIRTIO_NET_HDR_GSO_TCPV6 :
						      VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = UINT16_MAX };
	uint8_t out[PACKET_MAX];
	struct gso run;

	if (!gso_read(&run, &h, packet, len))
		return;
	gso_write(&run, 0, out);
	memcpy(packet, out, gso_len(&run, 0));
}

static void join(const uint8_t *data, size_t size)
{
	static struct regroup world;
	struct rd r = rd_init(data, size);
	uint32_t seq[4] = { 0 };
	uint16_t ids[4] = { 0 };
	uint8_t packet[PACKET_MAX], kinds = rd_u8(&r);
	size_t groups;

	world.n = 0;
	while (r.left >= 4 && world.n < REGROUP_PACKETS) {
		uint8_t what = rd_u8(&r), octets = rd_u8(&r), at = rd_u8(&r), bits = rd_u8(&r);
		size_t len = make(packet, what, octets, seq[what & 3], ids[what & 3]++);
		seq[what & 3] += octets;
		mend(packet, len);
		packet[at % len] ^= what & 4 ? bits : 0;
		if (what & 8)
			mend(packet, len);
		regroup_add(&world, packet, len);
	}
	check(regroup_check(&world, kinds, &groups) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] & 1)
		join(data + 1, size - 1);
	else if (size > 0)
		split(data + 1, size - 1);
	return 0;
}
